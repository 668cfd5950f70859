/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/plan.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "core/mem.h"
#include "host/host.h"
#include "host/privilege.h"

static const char *policy_backend_name(const struct plan *p)
{
	static const char *const names[] = {
		[BACKEND_AUTO] = "auto",
		[BACKEND_NFTABLES] = "nftables",
		[BACKEND_IPTABLES] = "iptables",
	};

	if (p->rq->backend)
		return p->rq->backend;
	return p->policy ? names[p->policy->backend] : "auto";
}

static void narrow_families(struct plan *p)
{
	if (!p->rq->family)
		return;
	p->policy->ipv4 &= p->rq->family == AF_INET;
	p->policy->ipv6 &= p->rq->family == AF_INET6;
}

static int generate_rules(struct plan *p)
{
	struct host_facts facts = host_facts_default;

	/* Where the host does not say, the kernel's defaults stand. */
	(void)host_ephemeral_ports(&facts.ephemeral);
	(void)host_memory(&facts.memory);
	return generate(p->policy, &facts, &p->rules, &p->diags);
}

int plan_load(struct plan *p, const struct request *rq, const char *file)
{
	int r;

	*p = (struct plan){ .rq = rq, .file = file };
	r = policy_read(file, &p->text, &p->len, &p->diags);
	if (r)
		return r;
	/* `check --kernel` makes namespaces; all others parse without powers. */
	if (!rq->private_kernel && privilege_drop())
		return diag_add(&p->diags, DIAG_ERROR, -EPERM, ID_CAPS_KEPT,
				NOPOS,
				"capabilities that are not needed cannot be given up");
	r = policy_parse(file, p->text, p->len, &p->policy, &p->diags);
	if (r)
		return r;
	narrow_families(p);
	return generate_rules(p);
}

static int unknown_backend(struct plan *p, const char *name)
{
	diag_add(&p->diags, DIAG_ERROR, 0, ID_NO_SUCH_BACKEND, NOPOS,
		 "no backend '%s' in this build", name);
	diag_help(&p->diags, "built in: auto%s%s%s%s",
		  backends[0] ? ", " : "", backends[0] ? backends[0]->name : "",
		  backends[0] && backends[1] ? ", " : "",
		  backends[0] && backends[1] ? backends[1]->name : "");
	return -ENOEXEC;
}

static int find_named(struct plan *p, const char *name)
{
	p->backend = backend_find(name);
	return p->backend ? 0 : unknown_backend(p, name);
}

int plan_choose_offline(struct plan *p)
{
	const char *name = policy_backend_name(p);

	if (strcmp(name, "auto"))
		return find_named(p, name);
	p->backend = backends[0];
	return p->backend ? 0 : unknown_backend(p, name);
}

/* What one backend found on the host, for choosing among them. */
struct candidate {
	const struct backend *backend;
	struct backend_ctx *ctx;
	struct snapshot snap;
	struct diags diags;
	int err;
};

static void look(struct candidate *c, const struct backend *b)
{
	c->backend = b;
	c->err = b->open(&c->ctx, &c->diags);
	if (!c->err)
		c->err = b->snapshot(c->ctx, &c->snap, &c->diags);
}

static void candidate_release(struct candidate *c)
{
	if (c->ctx)
		c->backend->close(&c->ctx);
	snapshot_release(&c->snap);
	diags_release(&c->diags);
}

static int ask(struct plan *p)
{
	diag_add(&p->diags, DIAG_ERROR, 0, ID_BOTH_WORLDS, NOPOS,
		 "this host has rules in legacy iptables and in nftables");
	diag_help(&p->diags,
		  "say which one filters: --backend iptables or --backend nftables");
	return -EADDRINUSE;
}

/*
 * What holds our rules already, else what the host already uses, else the
 * first in the table that works.
 */
static int pick(struct plan *p, struct candidate *c, size_t n,
		struct candidate **ret)
{
	struct candidate *first = NULL, *used = NULL;
	size_t in_use = 0;

	for (size_t i = 0; i < n; i++) {
		if (c[i].err)
			continue;
		if (!first)
			first = &c[i];
		if (c[i].snap.survey.ours) {
			p->why = "it holds our rules";
			*ret = &c[i];
			return 0;
		}
		if (c[i].snap.survey.in_use) {
			in_use++;
			used = &c[i];
		}
	}
	if (in_use > 1)
		return ask(p);
	p->why = used ? "the host's own rules are there" :
			"the host has no rules yet";
	*ret = used ? used : first;
	return 0;
}

static int refuse_second_home(struct plan *p, const struct candidate *c)
{
	diag_add(&p->diags, DIAG_ERROR, 0, ID_OTHER_BACKEND, NOPOS,
		 "rules of ours are already in %s, and this would add them to %s",
		 c->backend->name, p->backend->name);
	diag_help(&p->diags, "first: ctpolicy remove --backend %s",
		  c->backend->name);
	return -EADDRINUSE;
}

static int note_filters(struct plan *p, const struct survey *s)
{
	struct survey *to = &p->elsewhere;

	for (size_t i = 0; i < s->n_filters; i++) {
		if (mem_grow(&to->filters, &to->cap_filters, to->n_filters + 1))
			return -ENOMEM;
		to->filters[to->n_filters++] = s->filters[i];
	}
	return 0;
}

static int choose(struct plan *p, struct candidate *c, size_t n)
{
	const char *name = policy_backend_name(p);
	struct candidate *chosen = NULL;
	int r = 0;

	if (!strcmp(name, "auto")) {
		r = pick(p, c, n, &chosen);
		if (!r && !chosen) {
			diags_append(&p->diags, &c[0].diags);
			return c[0].err;
		}
	} else {
		for (size_t i = 0; i < n; i++)
			if (!strcmp(c[i].backend->name, name))
				chosen = &c[i];
		if (!chosen)
			return unknown_backend(p, name);
		diags_append(&p->diags, &chosen->diags);
		r = chosen->err;
	}
	if (r)
		return r;
	p->backend = chosen->backend;
	for (size_t i = 0; i < n; i++)
		if (&c[i] != chosen && !c[i].err && c[i].snap.survey.ours)
			return refuse_second_home(p, &c[i]);
	for (size_t i = 0; !r && i < n; i++)
		if (&c[i] != chosen && !c[i].err)
			r = note_filters(p, &c[i].snap.survey);
	if (r)
		return r;
	p->ctx = TAKE_PTR(chosen->ctx);
	p->live = chosen->snap;
	chosen->snap = (struct snapshot){ 0 };
	return 0;
}

int plan_choose_live(struct plan *p)
{
	struct candidate c[4] = { { 0 } };
	size_t n = 0;
	int r;

	for (; backends[n] && n < ARRAY_SIZE(c); n++)
		look(&c[n], backends[n]);
	r = n ? choose(p, c, n) : unknown_backend(p, policy_backend_name(p));
	for (size_t i = 0; i < n; i++)
		candidate_release(&c[i]);
	return r;
}

static const struct ruleset no_rules;

/* What was said the first time is not said again, unless it now fails. */
int plan_lower(struct plan *p, const struct survey *host)
{
	_cleanup_(diags_release) struct diags said = { 0 };
	bool again = p->lowered;
	int r;

	image_free(&p->want);
	if (p->target.s)
		return p->backend->parse(p->rq->command, p->target.s, p->target.len,
					 &p->want, &p->diags);
	p->lowered = true;
	r = p->backend->lower(p->rules ? p->rules : &no_rules, host, &p->want,
			      again ? &said : &p->diags);
	if (r && again)
		diags_append(&p->diags, &said);
	return r;
}

int plan_compare(struct plan *p)
{
	bool fresh = p->live.image && !p->changes;
	int r = 0;

	changeset_free(&p->changes);
	if (!fresh) {
		snapshot_release(&p->live);
		r = p->backend->snapshot(p->ctx, &p->live, &p->diags);
	}
	if (!r)
		r = plan_lower(p, &p->live.survey);
	return r ? r : changeset_diff(p->want, p->live.image, &p->changes);
}

void plan_release(struct plan *p)
{
	changeset_free(&p->changes);
	image_free(&p->want);
	snapshot_release(&p->live);
	free(p->elsewhere.filters);
	if (p->ctx)
		p->backend->close(&p->ctx);
	ruleset_free(&p->rules);
	policy_free(&p->policy);
	free(p->text);
	diags_release(&p->diags);
}
