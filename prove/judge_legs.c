/* SPDX-License-Identifier: GPL-2.0-or-later */
/* prove/judge_legs.c: what became of the packets, leg by leg. */
#include <errno.h>
#include <stdlib.h>

#include "core/mem.h"
#include "generators/legs.h"
#include "prove/prove.h"

static bool was_dropped(const struct prove_case *c, int i)
{
	const struct seen_leg *l = &c->bare.leg[i];

	/* a reply that never came along was lost before */
	return c->bare.tried &&
	       ((i && !l->begun) || seen_loss(&c->call, l));
}

static enum leg_fate fate_of(const struct prove_run *r,
			     const struct prove_case *c, int i, bool whole)
{
	const struct seen_leg *l = &c->now.leg[i];

	if (!c->now.tried)
		return LEG_UNTRIED;
	if (l->tracked && r->tells_tracking)
		return LEG_TRACKED;
	if (!l->begun)
		return LEG_UNSEEN;
	/* a packet of which conntrack's word was not heard */
	if (r->tells_tracking && !seen_loss(&c->call, l) &&
	    l->untracked < l->begun)
		return LEG_UNTRIED;
	if (seen_loss(&c->call, l))
		return whole && was_dropped(c, i) ? LEG_DROPPED_ANYWAY :
						    LEG_LOST;
	if (whole && !i && c->service->accept == ACCEPT_INHERIT &&
	    was_dropped(c, i))
		return LEG_LET_IN;
	/* all was passed on, and yet somebody waits */
	return c->now.answered ? LEG_PROVEN : LEG_UNSEEN;
}

/* A fault outweighs what works, and that outweighs what never came along. */
static bool outweighs(enum leg_fate a, enum leg_fate b)
{
	static const int weight[LEG_FATE_MAX_] = {
		[LEG_TRACKED] = 6, [LEG_LOST] = 5, [LEG_LET_IN] = 4,
		[LEG_UNTRIED] = 3, [LEG_PROVEN] = 2,
		[LEG_DROPPED_ANYWAY] = 1, [LEG_UNSEEN] = 0,
	};

	return weight[a] > weight[b];
}

static int add_leg(struct prove_run *r, size_t first, size_t n, int i,
		   bool whole)
{
	const struct prove_case *c = &r->cases.v[first];
	struct prove_leg *l;

	if (mem_grow(&r->legs, &r->cap_legs, r->n_legs + 1))
		return -ENOMEM;
	l = &r->legs[r->n_legs++];
	*l = (struct prove_leg){
		.service = c->service, .way = c->flow.way,
		.family = c->flow.family, .proto = c->flow.proto,
		.reply = i, .connections = n, .fate = LEG_UNSEEN,
		.call = c->call, .by = c->now.by[i],
	};
	for (size_t k = first; k < first + n; k++) {
		const struct prove_case *one = &r->cases.v[k];
		enum leg_fate fate = fate_of(r, one, i, whole);

		l->ns += one->ns / 2;	/* the other leg has the rest */
		if (!outweighs(fate, l->fate))
			continue;
		l->fate = fate;
		l->call = one->call;
		l->by = one->now.by[i];
	}
	r->proven += l->fate == LEG_PROVEN;
	return 0;
}

static bool stays_tracked(const struct prove_case *c)
{
	return c->flow.way == WAY_WITHIN &&
	       service_keeps_own(c->service, c->flow.family);
}

/* Where the modules are unloaded, nothing will be tracked. */
static struct prove_end end_of(const struct prove_run *r,
			       const struct prove_case *c, int i)
{
	const struct seen_leg *l = &c->now.leg[i];

	return (struct prove_end){
		.seen = c->now.tried && l->begun,
		.tracked = r->tells_tracking &&
			   (l->tracked || !l->untracked),
		.untracked = l->untracked, .arrived = l->passed,
		.accepted = !seen_loss(&c->call, l),
		.by = c->now.by[i],
	};
}

struct prove_end prove_end_of(const struct prove_run *r, bool reply)
{
	return end_of(r, &r->cases.v[0], reply);
}

static void judge_test(const struct prove_run *r, struct prove_test *t,
		       const struct prove_case *c)
{
	struct prove_end e = end_of(r, c, 0);

	*t = (struct prove_test){
		.test = c->test, .tried = e.seen, .tracked = e.tracked,
		.accepted = e.accepted, .by = e.by, .ns = c->ns,
	};
	t->passed = t->tried &&
		    (c->test->tracked < 0 || c->test->tracked == t->tracked) &&
		    (c->test->accept < 0 || c->test->accept == t->accepted);
}

int prove_judge(struct prove_run *r, bool whole)
{
	struct cases *c = &r->cases;
	size_t n = 1;
	int err = 0;

	r->tests = calloc(c->n + 1, sizeof(*r->tests));
	if (!r->tests)
		return -ENOMEM;
	for (size_t i = 0; !err && i < c->n; i += n) {
		n = 1;
		if (c->v[i].test) {
			judge_test(r, &r->tests[r->n_tests], &c->v[i]);
			r->tests_passed += r->tests[r->n_tests++].passed;
			continue;
		}
		while (i + n < c->n && cases_are_alike(&c->v[i], &c->v[i + n]))
			n++;
		for (int k = 0; !err && k < 2 && !stays_tracked(&c->v[i]); k++)
			err = add_leg(r, i, n, k, whole);
	}
	return err;
}
