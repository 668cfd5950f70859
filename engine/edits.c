/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/edits.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "audit/keepers.h"
#include "audit/own.h"
#include "audit/replace.h"
#include "core/intern.h"
#include "core/mem.h"
#include "engine/forbidden.h"
#include "engine/kept.h"
#include "engine/originals.h"
#include "engine/plan.h"

#include <linux/netfilter.h>

static void shown_release(struct edits *e)
{
	for (size_t i = 0; i < e->n; i++) {
		free(e->v[i].rule);
		free(e->v[i].rules);
	}
	free(e->v);
	e->v = NULL;
	e->n = e->cap = 0;
}

void edits_release(struct edits *e)
{
	shown_release(e);
	stateless_release(&e->s);
	arena_release(&e->arena);
}

bool edits_are_wanted(const struct plan *p)
{
	return p->policy && p->policy->forbid_state &&
	       p->policy->replace_existing;
}

bool edits_are_undone(const struct plan *p)
{
	for (size_t i = 0; i < p->change.n && !edits_are_wanted(p); i++)
		if (originals_stand(p->change.v[i].live.image))
			return true;
	return false;
}

static bool is_wanted(const struct plan *p, uint8_t family)
{
	return family == NFPROTO_IPV4 ? p->policy->ipv4 : p->policy->ipv6;
}

static bool is_kept(const struct kept *k, uint8_t family)
{
	return family == NFPROTO_IPV4 ? k->ipv4 : k->ipv6;
}

/*
 * A family that the policy does not name is left as it is, and so is one in
 * which rules are kept, by force too: it stays tracked. A rule of a table of
 * both families goes for both of them, so it must be free to in both.
 */
static bool is_free(const struct plan *p, const struct kept *k,
		    const struct foreign_table *t)
{
	const bool ipv4 = p->policy->ipv4 && !k->ipv4;
	const bool ipv6 = p->policy->ipv6 && !k->ipv6;

	return (ipv4 || !foreign_is_of(t, NFPROTO_IPV4)) &&
	       (ipv6 || !foreign_is_of(t, NFPROTO_IPV6));
}

static void leave_families(struct plan *p, const struct kept *k)
{
	const struct foreign *f = p->host.f;
	struct stateless *s = &p->edits.s;
	size_t n = 0;

	for (size_t i = 0; i < s->n_edits; i++)
		s->edits[i].left |= !is_free(
			p, k, &f->tables[f->chains[s->edits[i].chain].table]);
	for (size_t i = 0; i < s->n_copies; i++) {
		const struct foreign_table *t =
			&f->tables[f->chains[s->copies[i].chain].table];

		if (is_free(p, k, t) && !foreign_is_dormant(t))
			s->copies[n++] = s->copies[i];
	}
	s->n_copies = n;
}

/* Why a rule that keeps tracking on cannot be replaced; NULL: it is. */
static const char *reason(const struct plan *p, const struct part *m,
			  uint32_t rule)
{
	const struct foreign *f = p->host.f;
	const struct foreign_rule *r = &f->rules[rule];
	const struct foreign_table *t = &f->tables[f->chains[r->chain].table];
	const char *why = foreign_is_dormant(t) ?
			  "needs connection tracking, though its table is dormant" :
			  replace_keeps(f, r);
	const struct stateless_edit *e;
	size_t n;

	e = stateless_edits(&p->edits.s, rule, &n);
	for (size_t i = 0; !why && i < n; i++)
		if (is_wanted(p, e[i].family))
			why = e[i].why;
	if (!why && t->world != m->backend->world)
		why = "is in the rules of the other kind (nftables or legacy iptables)";
	return why ? why : n ? NULL : "has no stateless equivalent";
}

static bool is_edited(const struct plan *p, uint32_t rule)
{
	size_t n;
	const struct stateless_edit *e =
		stateless_edits(&p->edits.s, rule, &n);

	for (size_t i = 0; i < n; i++)
		if (!e[i].left && e[i].kind != STATELESS_NONE)
			return true;
	return false;
}

/*
 * The kernel knows an ipset by a number, which another one may have after a
 * reboot: the rule as it was could not be put back, not even by force.
 */
static int refuse_ipsets(struct plan *p)
{
	struct forbidden_said said = { p, p->host.f, DIAG_ERROR, 0 };
	int err = 0;

	for (uint32_t i = 0; !err && i < p->host.f->n_rules; i++)
		if (is_edited(p, i) &&
		    foreign_asks_ipset(p->host.f, &p->host.f->rules[i]))
			err = forbidden_say(&said, &p->host.f->rules[i],
					    "asks for an ipset");
	if (err || !said.n)
		return err;
	forbidden_say_end(&said);
	diag_help(&p->diags,
		  "after a reboot another set may have its number, so such a rule could not be put back: replace it by hand");
	return -FAULT_CONFLICT;
}

/*
 * With --force the rest is replaced, and these stay. *ret_keeps: what `keep`
 * would list for all of them; 0: it cannot.
 */
static int find_unreplaceable(struct forbidden_said *said,
			      const struct part *m, const struct kept *kept,
			      unsigned int *ret_keeps)
{
	const struct foreign *f = said->f;
	unsigned int keeps = said->p->policy->keeps;
	bool all = !said->p->policy->unload_modules;
	int err = 0;

	for (uint32_t i = 0; !err && i < f->n_rules; i++) {
		const char *why;

		if (!forbidden_concerns(said->p, f, &f->rules[i]) ||
		    kept_may_stay(said->p, kept, f, &f->rules[i]))
			continue;
		why = reason(said->p, m, i);
		if (!why)
			continue;
		all &= kept_words(f, &f->rules[i]) != 0;
		keeps |= kept_words(f, &f->rules[i]);
		err = forbidden_say(said, &f->rules[i], why);
	}
	*ret_keeps = all ? keeps : 0;
	return err;
}

/* For a family of the policy, though nothing of that family is in the way. */
static bool is_held(const struct plan *p, const struct kept *k,
		    const struct stateless_edit *e)
{
	const struct foreign *f = p->host.f;

	return e->rule != FOREIGN_NOWHERE && e->left &&
	       e->kind != STATELESS_NONE &&
	       f->tables[f->chains[e->chain].table].family == NFPROTO_INET &&
	       is_wanted(p, e->family) && !is_kept(k, e->family);
}

/* It would go for the family that is not named as well. */
static int find_joined(struct forbidden_said *said, const struct kept *kept)
{
	const struct stateless *s = &said->p->edits.s;
	const struct foreign *f = said->f;
	uint32_t last = FOREIGN_NOWHERE;
	int err = 0;

	for (size_t i = 0; !err && i < s->n_edits; i++) {
		if (!is_held(said->p, kept, &s->edits[i]) ||
		    s->edits[i].rule == last)
			continue;
		last = s->edits[i].rule;
		err = forbidden_say(said, &f->rules[last],
				    "stays for the family that the policy leaves alone");
	}
	return err;
}

/* Of rules, and of objects that may be there without any. */
static const char *help_unreplaceable(unsigned int keeps, bool rules)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };

	strbuf_puts(&b, rules ?
		"these rules have no stateless equivalent here: nothing was replaced; " :
		"what is declared has no stateless equivalent: nothing was replaced; take it out; ");
	if (keeps) {
		strbuf_puts(&b, "write `keep: [");
		policy_keep_print(keeps, &b);
		strbuf_printf(&b, "]` to leave %s, and tracking, as they are; ",
			      rules ? "them" : "it");
	}
	strbuf_puts(&b, rules ? "--force replaces the others" :
				"--force replaces the rules");
	return strbuf_status(&b) ? NULL : intern(strbuf_str(&b));
}

static int check_stays(struct plan *p, const struct part *m,
		       const struct kept *kept)
{
	struct forbidden_said said = { .p = p, .f = p->host.f,
				       .level = p->rq->force ? DIAG_WARNING :
							       DIAG_ERROR };
	const char *help;
	unsigned int keeps;
	bool joined = false;
	int err = find_unreplaceable(&said, m, kept, &keeps);
	const size_t rules = said.n;

	if (!err)
		forbidden_say_objects(&said);
	/* Where no words are all that the rules take, no more of them help. */
	if (said.n > rules &&
	    (keeps || (!rules && !p->policy->unload_modules)))
		keeps |= kept_objects_words(p, p->host.f);
	if (!err && (p->rq->force || !said.n)) {
		const size_t others = said.n;

		err = find_joined(&said, kept);
		joined = said.n > others;
	}
	if (err || !said.n)
		return err ? err : kept_tell(p, kept);
	forbidden_say_end(&said);
	if (p->rq->force)
		return 0;
	help = joined ?
		       "a table of both families can only be replaced for both: name both in `families`, or give the family that is named a table of its own" :
		       help_unreplaceable(keeps, rules);
	if (!help)
		return -ENOMEM;
	diag_help(&p->diags, "%s", help);
	return -FAULT_CONFLICT;
}

bool edits_are_needed(const struct plan *p)
{
	const struct stateless *s = &p->edits.s;

	for (size_t i = 0; i < s->n_edits; i++)
		if (!s->edits[i].left && s->edits[i].kind != STATELESS_NONE)
			return true;
	return false;
}

/* What rules let in by state, those that stand for them let in without. */
static int check_services(struct plan *p)
{
	for (size_t i = 0; i < p->policy->n_services; i++) {
		const struct service *v = &p->policy->services[i];

		if (v->accept != ACCEPT_OPEN)
			continue;
		diag_add(&p->diags, DIAG_ERROR, 0, ID_NOT_EDITED, v->at,
			 "this version cannot add accept rules where it replaces rules of the host's");
		diag_help(&p->diags,
			  "write `accept: inherit`, and let a rule of the host's own accept the service");
		return -FAULT_CONFLICT;
	}
	return 0;
}

int edits_find(struct plan *p, const struct part *m)
{
	const struct replace_how how = {
		.words = WORDS_OF_TABLE, .force = p->rq->force,
	};
	struct kept kept;
	int err;

	stateless_release(&p->edits.s);
	arena_release(&p->edits.arena);
	err = replace_find(&p->edits.arena, p->host.f, &how, &p->edits.s);
	if (err)
		return err;
	kept_find(p, p->host.f, &kept);
	leave_families(p, &kept);
	err = refuse_ipsets(p);
	if (!err)
		err = check_stays(p, m, &kept);
	if (err || !edits_are_needed(p))
		return err;
	if (m->backend->put_edits)
		return check_services(p);
	diag_add(&p->diags, DIAG_ERROR, 0, ID_NOT_EDITED,
		 p->policy->existing_at,
		 "this version cannot replace rules in the tables of the %s backend",
		 m->backend->name);
	diag_help(&p->diags,
		  "'ctpolicy audit FILE --rewrite' replaces them in a saved ruleset");
	return -FAULT_CONFLICT;
}

static bool has_jump(const struct image_table *t, const char *chain,
		     const char *to)
{
	const struct image_chain *c = image_find_chain(t, chain);

	for (size_t i = 0; c && i < c->n_rules; i++)
		if (c->rules[i].verdict == VERDICT_JUMP &&
		    !strcmp(c->rules[i].target, to))
			return true;
	return false;
}

/* It was replaced before: only what is new is worth reading. */
static bool stands_already(const struct part *m, const struct foreign *f,
			   const struct foreign_rule *r)
{
	const struct foreign_table *t = &f->tables[f->chains[r->chain].table];
	const struct image_table *it =
		image_find_table(m->live.image, t->family, t->name);

	return it && has_jump(it, f->chains[r->chain].name, r->stand_in);
}

static int add_lines(const struct part *m, const struct foreign *f,
		     const struct stateless *s, uint32_t rule,
		     struct edit_shown *x, struct strbuf *lines)
{
	size_t n;
	const struct stateless_edit *e = stateless_edits(s, rule, &n);
	int err = 0;

	for (size_t i = 0; !err && i < n; i++) {
		if (e[i].stays || e[i].left)
			continue;
		if (e[i].kind > x->kind)
			x->kind = e[i].kind;
		x->admits |= e[i].admits;
		x->loses |= e[i].loses;
		err = m->backend->print_put(f, s, &e[i], lines);
	}
	return err ? err : strbuf_status(lines);
}

static int show(const struct plan *p, const struct part *m, uint32_t rule,
		struct edits *to)
{
	const struct foreign *f = p->host.f;
	const struct foreign_rule *r = &f->rules[rule];
	const struct host_chain *c = &f->chains[r->chain];
	_cleanup_(strbuf_release) struct strbuf lines = { 0 };
	struct edit_shown x = {
		.family = f->tables[c->table].family,
		.table = f->tables[c->table].name, .chain = c->name,
		.stand_in = intern(r->stand_in),
		.position = p->host.position[rule],
		.known = originals_know(p, m->backend,
					f->tables[c->table].family,
					f->tables[c->table].name, r->stand_in),
	};
	int err = x.stand_in ? add_lines(m, f, &p->edits.s, rule, &x, &lines) :
			       -ENOMEM;

	if (err || mem_grow(&to->v, &to->cap, to->n + 1))
		return err ? err : -ENOMEM;
	x.rule = strndup(r->raw.s, r->raw.n);
	x.rules = strdup(strbuf_str(&lines));
	to->v[to->n++] = x;
	return x.rule && x.rules ? 0 : -ENOMEM;
}

/* Once a change is made nothing is left to show: what was, stays. */
static int show_all(struct plan *p, const struct part *m)
{
	const struct foreign *f = p->host.f;
	struct edits shown = { 0 };
	int err = 0;

	for (uint32_t i = 0; !err && i < f->n_rules; i++)
		if (f->rules[i].stand_in && !stands_already(m, f, &f->rules[i]))
			err = show(p, m, i, &shown);
	if (err || !shown.n) {
		shown_release(&shown);
		return err;
	}
	shown_release(&p->edits);
	p->edits.v = shown.v;
	p->edits.n = shown.n;
	p->edits.cap = shown.cap;
	return 0;
}

int edits_put(struct plan *p, struct part *m)
{
	int err;

	if (!edits_are_needed(p))
		return 0;
	err = m->backend->put_edits(p->host.f, &p->edits.s, m->want,
				    &p->diags);
	return err ? err : show_all(p, m);
}
