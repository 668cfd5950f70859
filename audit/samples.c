/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/samples.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "audit/samples_parts.h"
#include "core/digest.h"
#include "core/mem.h"

#define DEPTH_MAX 16		/* the kernel's limit for nested jumps */

static bool is_loopback(const struct search *x, const struct trial *t,
			enum flow_part p)
{
	static const uint8_t one[16] = { [15] = 1 };
	const uint8_t *v = t->s.key[p];

	return x->space->family == AF_INET ? v[0] == IN_LOOPBACKNET :
					     !memcmp(v, one, sizeof(one));
}

/* Who calls such an address has one, too; who calls another has not. */
static bool settle_loopback(const struct search *x, struct trial *t)
{
	bool client = is_loopback(x, t, FLOW_CLIENT);
	bool server = is_loopback(x, t, FLOW_SERVER);
	enum flow_part from = client ? FLOW_CLIENT : FLOW_SERVER;
	enum flow_part to = client ? FLOW_SERVER : FLOW_CLIENT;
	struct key_range r;

	if (x->space->way != WAY_WITHIN || client == server)
		return true;
	if (t->fixed[to]) {
		enum flow_part fixed = to;

		if (t->fixed[from])
			return false;
		to = from;
		from = fixed;
	}
	memcpy(r.first, t->s.key[from], sizeof(r.first));
	memcpy(r.last, r.first, sizeof(r.last));
	return flow_space_meet(x->space, to, &r, t->s.key[to]);
}

static void note_port(struct search *x, const uint8_t *port)
{
	for (size_t i = 0; i < x->n_ports; i++)
		if (!memcmp(x->ports[i], port, sizeof(x->ports[i])))
			return;
	if (x->n_ports < PORTS_MAX)
		memcpy(x->ports[x->n_ports++], port, sizeof(x->ports[0]));
}

/* Many rules ask for no other connection than the one before. */
static bool is_last(const struct search *x, const struct flow_sample *s)
{
	return x->n_seen && !memcmp(&x->last, s, sizeof(*s));
}

static bool was_given(const struct search *x, uint64_t digest)
{
	for (size_t i = 0; i < x->n_seen; i++)
		if (x->seen[i] == digest)
			return true;
	return false;
}

int samples_give(struct search *x, const struct trial *given)
{
	struct trial settled = *given, *t = &settled;
	uint64_t h;
	int err;

	x->enough = false;
	if (!settle_loopback(x, t) || is_last(x, &t->s))
		return 0;
	x->last = t->s;
	h = digest_add(DIGEST_START, &t->s, sizeof(t->s));
	if (was_given(x, h))
		return 0;
	if (!x->left) {
		x->cut = true;
		return 0;
	}
	if (mem_grow(&x->seen, &x->cap_seen, x->n_seen + 1))
		return -ENOMEM;
	x->seen[x->n_seen++] = h;
	x->left--;
	if (!x->beyond)
		note_port(x, t->s.key[FLOW_SPORT]);
	err = x->take(&t->s, x->arg);
	x->enough = err == SAMPLES_ENOUGH;
	return x->enough ? 0 : err;
}

/* What a rule does to such a connection, if it is not what others do. */
static int give_outcome(struct search *x, const struct trial *t,
			enum foreign_verdict verdict)
{
	int err;

	if (x->beyond && verdict != FOREIGN_ACCEPT)
		return 0;
	err = samples_give(x, t);
	if (!err && x->in_nat && !x->enough &&
	    (verdict == FOREIGN_TARGET || verdict == FOREIGN_NONE))
		samples_keep(x, t);
	return err;
}

static int try_chain(struct search *x, uint32_t chain, struct trial t,
		     unsigned int depth);

static const struct host_chain *chain_called(const struct search *x,
					     uint32_t table, const char *name,
					     uint32_t *ret)
{
	uint32_t at = foreign_find_chain(x->f, table, name);

	if (at == FOREIGN_NOWHERE)
		return NULL;
	*ret = at;
	return &x->f->chains[at];
}

static int follow(struct search *x, uint32_t table, const char *target,
		  const struct trial *t, unsigned int depth)
{
	uint32_t to;

	if (!chain_called(x, table, target, &to) || depth == DEPTH_MAX)
		return 0;
	return try_chain(x, to, *t, depth + 1);
}

static int try_outcome(struct search *x, uint32_t table,
		       const struct trial *t, enum foreign_verdict verdict,
		       const char *target, unsigned int depth)
{
	int err = verdict == FOREIGN_NONE ? 0 : give_outcome(x, t, verdict);

	if (err || (verdict != FOREIGN_JUMP && verdict != FOREIGN_GOTO))
		return err;
	return follow(x, table, target, t, depth);
}

static bool is_done(const struct search *x)
{
	return x->cut || (x->beyond && x->enough);
}

/* Into the range of the map; false: no such connection is in it. */
static bool enter_range(const struct search *x, const struct term *term,
			uint32_t i, struct trial *t)
{
	struct key_set one = x->f->sets[term->set];
	bool some = true;

	one.first += i * one.n_fields;
	one.n = 1;
	for (size_t k = 0; some && k < term->n_fields; k++) {
		enum flow_part p = flow_part_of(term->field[k], x->reply);

		some = p == FLOW_PART_MAX_ || trial_enter(x, t, p, &one, k);
	}
	return some;
}

/* Each range of a verdict map is a rule of its own. */
static int try_map(struct search *x, uint32_t table, const struct trial *t,
		   const struct term *term, unsigned int depth)
{
	const struct key_set *set = &x->f->sets[term->set];
	int err = 0;

	for (uint32_t i = 0; !err && i < set->n && !is_done(x); i++) {
		struct trial mine = *t;

		if (enter_range(x, term, i, &mine) &&
		    set->outcome != FOREIGN_NOWHERE) {
			const struct foreign_outcome *o =
				&x->f->outcomes[set->outcome + i];

			err = try_outcome(x, table, &mine, o->verdict,
					  o->target, depth);
		}
	}
	return err;
}

static bool is_wanted(const struct search *x, const struct foreign_answer *a)
{
	return !x->wants || x->wants(a, x->arg);
}

/* Each range of a map leads elsewhere. */
static int try_answers(struct search *x, const struct trial *t,
		       const struct term *term)
{
	const struct key_set *set = &x->f->sets[term->set];
	int err = 0;

	for (uint32_t i = 0; !err && i < set->n && !is_done(x); i++) {
		struct trial mine = *t;

		if (is_wanted(x, &x->f->answers[set->answer + i]) &&
		    enter_range(x, term, i, &mine))
			err = give_outcome(x, &mine, FOREIGN_TARGET);
	}
	return err;
}

static bool has_answers(const struct search *x, const struct term *term)
{
	return term->kind == TERM_MATCH && !term->masked && !term->negated &&
	       x->f->sets[term->set].answer != FOREIGN_NOWHERE;
}

/* One that gets as far as this term and no further. */
static int try_outside(struct search *x, const struct trial *t,
		       const struct term *term)
{
	struct term other = *term;
	struct trial mine = *t;

	if (x->beyond || term->kind != TERM_MATCH || term->n_fields != 1)
		return 0;
	other.negated = !term->negated;
	return trial_satisfy(x, &mine, &other) ? samples_give(x, &mine) : 0;
}

/* Does it do what matters to conntrack, though it decides nothing? */
static bool has_effect(const struct search *x, const struct foreign_rule *r)
{
	return foreign_has_term(x->f, r, TERM_ZONE) ||
	       foreign_has_term(x->f, r, TERM_HELPER);
}

static int try_rule(struct search *x, const struct foreign_rule *r,
		    struct trial t, unsigned int depth)
{
	uint32_t table = x->f->chains[r->chain].table;
	const struct term *map = NULL, *answers = NULL;
	struct trial before = t;
	bool some = (!x->beyond && !x->in_nat) || samples_has_protocol(x, r);
	int err = 0;

	for (uint32_t i = 0; !err && some && i < r->n_terms; i++) {
		const struct term *term = &x->f->terms[r->terms + i];

		if (term->kind == TERM_VMAP)
			map = term;
		if (has_answers(x, term)) {
			answers = term;
			before = t;
		}
		err = try_outside(x, &t, term);
		some = trial_satisfy(x, &t, term);
	}
	if (!err && some && !x->beyond && has_effect(x, r))
		err = samples_give(x, &t);
	if (err || !some)
		return err;
	if (answers)
		return try_answers(x, &before, answers);
	return map ? try_map(x, table, &t, map, depth) :
		     try_outcome(x, table, &t, r->verdict, r->target, depth);
}

static int try_chain(struct search *x, uint32_t chain, struct trial t,
		     unsigned int depth)
{
	int err = 0;

	for (uint32_t i = x->f->chains[chain].first;
	     !err && !is_done(x) && i != FOREIGN_NOWHERE;
	     i = x->f->rules[i].next) {
		x->cut = !x->rules_left;
		if (!x->cut) {
			x->rules_left--;
			err = try_rule(x, &x->f->rules[i], t, depth);
		}
	}
	return err;
}

/* The hooks that packets of the request pass; an answer's are in answers[]. */
static bool passes(const struct search *x, const char *hook)
{
	static const char *const in = "prerouting input";
	static const char *const out = "output postrouting";
	static const char *const through = "prerouting forward postrouting";
	static const char *const within =
		"output postrouting prerouting input";
	const char *path = NULL;

	switch (x->space->way) {
	case WAY_IN:
		path = x->reply ? out : in;
		break;
	case WAY_OUT:
		path = x->reply ? in : out;
		break;
	case WAY_THROUGH:
		path = through;
		break;
	case WAY_WITHIN:
	case WAY_MAX_:
		path = within;
		break;
	}
	return hook && strstr(path, hook);
}

bool samples_is_nat(const struct host_chain *c)
{
	return c->type && !strcmp(c->type, "nat");
}

bool samples_pass(const struct search *x, const struct host_chain *c)
{
	return passes(x, c->hook);
}

int samples_in_chain(struct search *x, uint32_t chain, const struct trial *t)
{
	return try_chain(x, chain, *t, 0);
}

static int try_path(struct search *x, const struct trial *plain, bool reply)
{
	int err = 0;

	x->reply = reply;
	for (uint32_t i = 0; !err && !x->cut && i < x->f->n_chains; i++) {
		const struct host_chain *c = &x->f->chains[i];

		x->in_nat = samples_is_nat(c);
		if (passes(x, c->hook) && (x->in_nat || !x->nat_alone))
			err = try_chain(x, i, *plain, 0);
	}
	x->in_nat = false;
	return err;
}

/* Requests, and answers, of which nat chains see none. */
static int try_paths(struct search *x, const struct trial *t)
{
	int err = try_path(x, t, false);

	return err || x->nat_alone ? err : try_path(x, t, true);
}

/*
 * The first of a service's ports may meet a rule that the others pass, and
 * never what stands behind it: as much again may be spent on these.
 */
static int try_other_ports(struct search *x, const struct trial *plain,
			   size_t spent)
{
	const size_t n = x->n_ports;
	int err = 0;

	if (x->cut || !x->space->ports->n)
		return 0;
	x->rules_left = spent < x->rules_left ? spent : x->rules_left;
	for (size_t i = 1; !err && !x->cut && i < n; i++) {
		struct trial t = *plain;

		memcpy(t.s.key[FLOW_SPORT], x->ports[i], sizeof(x->ports[i]));
		t.fixed[FLOW_SPORT] = true;
		err = try_paths(x, &t);
	}
	x->cut = false;
	return err;
}

static int try_all(struct search *x)
{
	size_t rules = x->rules_left;
	struct trial t = { 0 };
	int err = samples_plain(x, &t);

	if (!err)
		err = try_paths(x, &t);
	if (err || x->cut)
		return err;
	rules -= x->rules_left;
	err = samples_beyond(x);
	return err ? err : try_other_ports(x, &t, rules);
}

int samples_of(const struct foreign *f, const struct flow_space *space,
	       const struct samples_limit *limit,
	       int (*take)(const struct flow_sample *s, void *arg),
	       void *arg, bool *ret_all)
{
	struct search x = { .f = f, .space = space, .left = limit->samples,
			    .rules_left = limit->rules, .take = take,
			    .arg = arg, .nat_alone = limit->nat_alone,
			    .wants = limit->wants };
	int err = try_all(&x);

	free(x.seen);
	if (!err)
		*ret_all = !x.cut;
	return err;
}
