/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/guard.h"

#include <linux/netfilter.h>
#include <string.h>

#include "core/diag_ids.h"
#include "core/mem.h"
#include "core/strbuf.h"
#include "rules/flow.h"

/* A flow that must not be cut off, and what to call it. */
struct kept {
	struct flow flow;
	const struct service *service;	/* NULL: a login */
	const struct login *login;
	bool own;			/* the one behind this command */
};

struct filter {
	const struct foreign_chain *chain;
	bool ours_reach;	/* our accept rules can stand before it */
};

static bool in_family(const struct foreign_chain *f, uint8_t family)
{
	return f->family == NFPROTO_INET ||
	       f->family == (family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6);
}

static const struct foreign_chain *find_chain(const struct survey *s,
					      enum hook hook, uint8_t family)
{
	for (size_t i = 0; i < s->n_filters; i++)
		if (s->filters[i].hook == hook &&
		    in_family(&s->filters[i], family))
			return &s->filters[i];
	return NULL;
}

/* The chain that filters at this hook; one in the other world counts first. */
static struct filter find_filter(const struct plan *p, enum hook hook,
				 uint8_t family)
{
	const struct part *m = p->change.v;
	struct filter f = {
		.chain = find_chain(&m->elsewhere, hook, family),
	};

	if (f.chain)
		return f;
	f.chain = find_chain(&m->live.survey, hook, family);
	f.ours_reach = true;
	return f;
}

/* Some rule accepts it, first packets too; `anywhere`: on any interface. */
static bool has_accept(const struct plan *p, const struct flow *f,
		       enum hook hook, bool anywhere)
{
	const struct rule *r = NULL;

	while ((r = flow_find(f, p->rules, hook, ACTION_ACCEPT, r))) {
		bool some = r->match.iif.n || r->match.oif.n;

		if (!(anywhere && some) &&
		    !(hook == HOOK_INPUT && r->match.not_syn))
			return true;
	}
	return false;
}

/*
 * All that the NOTRACK rule takes of the flow must be accepted. Where it isn't
 * known which interface the flow uses, it may be any of the rule's.
 */
static bool is_accepted(const struct plan *p, const struct flow *f,
			enum hook hook, const struct match *notrack)
{
	bool out = hook == HOOK_OUTPUT;
	const struct iface_set *s = out ? &notrack->oif : &notrack->iif;
	struct flow via = *f;
	char *name = out ? via.oif : via.iif;

	if (*name || !s->n)
		return has_accept(p, f, hook, !*name);
	for (size_t i = 0; i < s->n; i++) {
		if (!strcmp(s->v[i].name, "lo") != f->loopback)
			continue;
		memcpy(name, s->v[i].name, sizeof(via.iif));
		if (!has_accept(p, &via, hook, false))
			return false;
	}
	return true;
}

/* What would no longer be tracked, in the words of the message. */
static void describe(const struct kept *k, struct strbuf *out)
{
	if (k->service) {
		strbuf_printf(out, "connections to management service %s",
			      k->service->name);
		return;
	}
	strbuf_puts(out, k->own || !k->login->inode ? "your SSH connection (" :
						      "an SSH connection (");
	login_print(k->login, out);
	if (!k->login->inode)
		strbuf_puts(out, ", from SSH_CONNECTION");
	strbuf_puts(out, ")");
}

static int say(struct plan *p, const struct kept *k, const struct rule *r,
	       enum hook hook, const struct filter *f)
{
	_cleanup_(strbuf_release) struct strbuf what = { 0 };
	const char *service = r->origin->service;
	bool force = p->rq->force;

	describe(k, &what);
	diag_add(&p->diags, force ? DIAG_WARNING : DIAG_ERROR, 0, ID_LOCKED_OUT,
		 r->origin->at,
		 "this %s lock you out: service %s stops tracking %s%s, and chain %s (table %s) drops untracked packets",
		 k->own ? "would" : "may", service ? service : "ctpolicy",
		 hook == HOOK_INPUT ? "" : "replies of ", strbuf_str(&what),
		 f->chain->chain, f->chain->table);
	if (!f->ours_reach)
		diag_help(&p->diags,
			  "this backend cannot accept packets in that chain: use the other one (--backend), or --force");
	else
		diag_help(&p->diags,
			  "give the service `accept: open`, or take it out of the policy; --force applies it anyway");
	return force ? 0 : -FAULT_CONFLICT;
}

static int check_leg(struct plan *p, const struct kept *k,
		     const struct flow *f, enum hook first, enum hook filters)
{
	struct filter where = find_filter(p, filters, f->family);

	const struct rule *r = NULL;

	if (!where.chain)
		return 0;
	while ((r = flow_find(f, p->rules, first, ACTION_NOTRACK, r)))
		if (!where.ours_reach ||
		    !is_accepted(p, f, filters, &r->match))
			return say(p, k, r, filters, &where);
	return 0;
}

static int check_flow(struct plan *p, const struct kept *k)
{
	struct flow reply = flow_reversed(&k->flow);
	int err = check_leg(p, k, &k->flow, HOOK_PREROUTING, HOOK_INPUT);

	return err ? err : check_leg(p, k, &reply, HOOK_OUTPUT, HOOK_OUTPUT);
}

/* SSH_CONNECTION counts only where nothing better is known. */
static void say_unknown(struct plan *p, const struct logins *l)
{
	if (l->own || l->n)
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

static int check_logins(struct plan *p)
{
	const struct logins *l = p->logins;
	int err = 0;

	if (!l)
		return 0;
	say_unknown(p, l);
	for (size_t i = 0; !err && i < l->n; i++) {
		const struct kept k = {
			.flow = l->v[i].flow, .login = &l->v[i],
			.own = l->own && !i,
		};

		err = check_flow(p, &k);
	}
	return err;
}

/* An address of the set, or any (documentation's, RFC 5737 and RFC 3849). */
static bool pick(const struct prefix_set *s, uint8_t family, uint8_t last,
		 uint8_t *ret)
{
	static const uint8_t v4[4] = { 192, 0, 2 };
	static const uint8_t v6[16] = { 0x20, 0x01, 0x0d, 0xb8 };

	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].family == family) {
			memcpy(ret, s->v[i].addr, 16);
			return true;
		}
	if (s->n)
		return false;
	memcpy(ret, family == AF_INET ? v4 : v6, family == AF_INET ? 4 : 16);
	ret[family == AF_INET ? 3 : 15] = last;
	return true;
}

static int check_ports(struct plan *p, const struct service *s, struct kept *k)
{
	int err = 0;

	if (!s->ports.n)
		return check_flow(p, k);
	for (size_t i = 0; !err && i < s->ports.n; i++) {
		k->flow.dport = s->ports.v[i].first;
		err = check_flow(p, k);
		if (!err && s->ports.v[i].last != k->flow.dport) {
			k->flow.dport = s->ports.v[i].last;
			err = check_flow(p, k);
		}
	}
	return err;
}

static int check_service(struct plan *p, const struct service *s,
			 uint8_t family, uint8_t proto)
{
	struct kept k = {
		.flow = { .family = family, .proto = proto, .sport = 50000,
			  .to_local = true },
		.service = s,
	};
	int err = 0;

	if (!pick(&s->clients, family, 1, k.flow.saddr) ||
	    !pick(&s->servers, family, 2, k.flow.daddr))
		return 0;
	if (!s->ifaces.n)
		return check_ports(p, s, &k);
	for (size_t i = 0; !err && i < s->ifaces.n; i++) {
		memcpy(k.flow.iif, s->ifaces.v[i].name,
		       sizeof(k.flow.iif));
		err = check_ports(p, s, &k);
	}
	return err;
}

static int check_management(struct plan *p)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	int err = 0;

	for (size_t i = 0; i < p->policy->n_services; i++) {
		const struct service *s = &p->policy->services[i];

		if (!s->management || !(s->roles & ROLE_SERVER))
			continue;
		for (size_t f = 0; !err && f < ARRAY_SIZE(families); f++)
			for (size_t k = 0; !err && k < s->n_protocols; k++)
				err = check_service(p, s, families[f],
						    s->protocols[k]);
	}
	return err;
}

int guard_check(struct plan *p)
{
	int err = check_logins(p);

	return err ? err : check_management(p);
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
