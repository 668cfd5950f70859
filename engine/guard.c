/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/guard.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "core/diag_ids.h"
#include "core/mem.h"
#include "core/strbuf.h"
#include "engine/preflight_say.h"
#include "host/conntrack/routes.h"
#include "rules/flow.h"

/* One login, and by which interfaces it may come in. */
struct tried {
	struct plan *p;
	const struct guard_host *host;
	struct walker *w;
	const struct login *login;
	bool own;
	struct guard *guard;
};

/* A rule that takes a packet of it out of tracking, either way. */
static const struct rule *find_notrack(const struct ruleset *rs,
				       const struct flow *f)
{
	static const enum hook hooks[] = { HOOK_PREROUTING, HOOK_OUTPUT };
	const struct flow ways[] = { *f, flow_reversed(f) };

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
		for (size_t k = 0; k < ARRAY_SIZE(hooks); k++) {
			const struct rule *r = flow_find(&ways[i], rs, hooks[k],
							 ACTION_NOTRACK, NULL);

			if (r && (i == k || f->loopback))
				return r;
		}
	return NULL;
}

static void put(struct guarded *g, const struct flow *f)
{
	uint16_t from = htons(f->sport), to = htons(f->dport);
	uint8_t (*key)[TERM_KEY_MAX] = g->sample.key;

	g->space = (struct flow_space){
		.way = f->loopback ? WAY_WITHIN : WAY_IN,
		.family = f->family, .proto = f->proto,
	};
	memcpy(key[FLOW_CLIENT], f->saddr, sizeof(f->saddr));
	memcpy(key[FLOW_SERVER], f->daddr, sizeof(f->daddr));
	memcpy(key[FLOW_CPORT], &from, sizeof(from));
	memcpy(key[FLOW_SPORT], &to, sizeof(to));
	memcpy(key[FLOW_IN], f->iif, sizeof(f->iif));
	if (f->loopback)
		memcpy(key[FLOW_OUT], f->iif, sizeof(f->iif));
}

/* *ret_passes: somebody may well be logged in that way today. */
static int try_by(const struct tried *x, const char *name, bool *ret_passes)
{
	const struct foreign *f = x->p->host.f;
	struct flow flow = x->login->flow;
	struct guarded g = { .login = x->login, .own = x->own };
	int err;

	memset(flow.iif, 0, sizeof(flow.iif));
	memcpy(flow.iif, name, strnlen(name, sizeof(flow.iif) - 1));
	flow.loopback = !strcmp(name, "lo");
	put(&g, &flow);
	err = judge(x->w, f, &g.space, &g.sample, x->host->tracking, true,
		    &g.now);
	if (err)
		return err;
	*ret_passes = g.now.talk[TALK_ANSWER].passes != TRUTH_NO &&
		      (!g.now.talk[TALK_LATER].there ||
		       g.now.talk[TALK_LATER].passes != TRUTH_NO);
	g.takes = find_notrack(x->p->rules, &flow);
	if (!*ret_passes || !g.takes)
		return 0;
	if (mem_grow(&x->guard->v, &x->guard->cap, x->guard->n + 1))
		return -ENOMEM;
	x->guard->v[x->guard->n++] = g;
	return 0;
}

/* As far as the kernel has one way back to the client. */
static bool find_route(const struct flow *f, char ret[static 16])
{
	struct routes r;
	bool found;

	if (routes_open(&r))
		return false;
	found = !routes_interface(&r, f->family, f->saddr, f->daddr, ret);
	routes_close(&r);
	return found;
}

static int try_devices(const struct tried *x, const char *but)
{
	const struct iface_set *s = x->host->devices;
	bool passes;
	int err = 0;

	for (size_t i = 0; !err && i < s->n; i++)
		if (strcmp(s->v[i].name, but))
			err = try_by(x, s->v[i].name, &passes);
	return err;
}

static int try_login(const struct tried *x)
{
	const struct flow *f = &x->login->flow;
	char route[16] = "";
	bool passes = false;
	int err = 0;

	if (f->loopback ||
	    prefix_set_contains(x->host->local, f->family, f->saddr))
		return try_by(x, "lo", &passes);
	if (!find_notrack(x->p->rules, f))
		return 0;
	if (find_route(f, route))
		err = try_by(x, route, &passes);
	return err || passes ? err : try_devices(x, route);
}

int guard_today(struct plan *p, const struct guard_host *host,
		struct walker *w, struct guard *ret)
{
	struct guard g = { 0 };
	int err = 0;

	for (size_t i = 0; p->logins && !err && i < p->logins->n; i++) {
		const struct tried x = {
			.p = p, .host = host, .w = w,
			.login = &p->logins->v[i],
			.own = p->logins->own && !i, .guard = &g,
		};

		err = try_login(&x);
	}
	if (err)
		guard_release(&g);
	else
		*ret = g;
	return err;
}

/* What would no longer be tracked, in the words of the message. */
static void describe(const struct guarded *g, struct strbuf *out)
{
	strbuf_puts(out, g->own || !g->login->inode ? "your SSH connection (" :
						      "an SSH connection (");
	login_print(g->login, out);
	if (!g->login->inode)
		strbuf_puts(out, ", from SSH_CONNECTION");
	strbuf_puts(out, ")");
}

static int say(struct plan *p, const struct guarded *g,
	       const struct harm_found *h)
{
	_cleanup_(strbuf_release) struct strbuf what = { 0 };
	_cleanup_(strbuf_release) struct strbuf place = { 0 };
	const struct rule *r = g->takes;
	const char *may = g->own && !h->maybe ? "would" : "may";
	bool force = p->rq->force;

	describe(g, &what);
	preflight_print_place(&p->host, h, &place);
	diag_add(&p->diags, force ? DIAG_WARNING : DIAG_ERROR, 0, ID_LOCKED_OUT,
		 r->origin->at,
		 "this %s lock you out: service %s stops tracking %s, and its %s %s be dropped by %s",
		 may, r->origin->service ? r->origin->service : "ctpolicy",
		 strbuf_text(&what, &p->diags.lost), talk_name(h->talk),
		 h->maybe ? "may" : "would",
		 strbuf_text(&place, &p->diags.lost));
	if (preflight_is_elsewhere(p, h))
		diag_help(&p->diags,
			  "this backend cannot accept packets in that chain: use the other one (--backend), or --force");
	else
		diag_help(&p->diags,
			  "give the service `accept: open`, or take it out of the policy; --force applies it anyway");
	return force ? 0 : -FAULT_CONFLICT;
}

/* Once for each login: by one interface is enough. */
int guard_then(struct plan *p, const struct guard_host *host,
	       struct walker *w, const struct guard *g)
{
	const struct login *said = NULL;
	int err = 0;

	for (size_t i = 0; !err && i < g->n; i++) {
		const struct guarded *x = &g->v[i];
		struct harm_found h;
		struct judged then;

		if (x->login == said)
			continue;
		err = judge(w, p->host.f, &x->space, &x->sample,
			    host->tracking, false, &then);
		if (err)
			return err;
		h = judge_loss(&x->now, &then);
		if (h.harm) {
			said = x->login;
			err = say(p, x, &h);
		}
	}
	return err;
}

void guard_release(struct guard *g)
{
	free(g->v);
	*g = (struct guard){ 0 };
}

/* SSH_CONNECTION counts only where nothing better is known. */
void guard_note_unknown(struct plan *p)
{
	const struct logins *l = p->logins;

	if (!l || l->own || l->n)
		return;
	if (l->garbled) {
		diag_add(&p->diags, DIAG_WARNING, 0, ID_SSH_CONNECTION, NOPOS,
			 "cannot parse SSH_CONNECTION; this login was not checked");
	} else if (l->hidden) {
		diag_add(&p->diags, DIAG_WARNING, 0, ID_LOGIN_UNKNOWN, NOPOS,
			 "this login came over SSH, but its connection cannot be found; it was not checked");
		diag_help(&p->diags,
			  "run it with CAP_SYS_PTRACE, which shows the SSH server's connections, or keep SSH_CONNECTION in the environment");
	}
}

int guard_confirm(const struct logins *l, const struct pending *trial,
		  bool force, struct diags *d)
{
	if (logins_are_new(l, trial->login))
		return 0;
	diag_add(d, force ? DIAG_WARNING : DIAG_ERROR, 0, ID_SAME_LOGIN, NOPOS,
		 "change %u was applied over this same SSH connection, which does not show that a new login still works%s",
		 trial->id, force ? "" : "; it stays on trial");
	if (force)
		return 0;
	diag_help(d,
		  "open a new login and run 'ctpolicy confirm' there (over ssh -o ControlPath=none where connections are shared); --force confirms it anyway");
	return -FAULT_CONFLICT;
}
