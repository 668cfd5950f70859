/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit/places_put.c: the stands of accept rules, as few and early as may be.
 *
 * A tracked packet is looked up once and then taken by the host's first rule
 * for ESTABLISHED; an untracked request that is no TCP looks like the first of
 * its flow each time, and would go past all rules ahead of the one that lets
 * it begin. Where none of these could mean it, its accept rule stands ahead of
 * them; where a hundred services are accepted in a hundred places, all that
 * may stand in one place do, for any packet pays for each jump.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "audit/places_parts.h"
#include "core/intern.h"
#include "core/mem.h"

/*
 * Rules of the host's in a row that cost a packet no more than tracking does,
 * and stands in a chain that are few. Accept rules stay beside the host's own
 * where neither is exceeded.
 */
#define NEAR 16

/* The later packets of a request that is accepted here whatever its flags. */
static bool is_said(const struct stand *s, const struct rule *r)
{
	struct rule *last = s->accepts.n ? &s->accepts.v[s->accepts.n - 1] :
					   NULL;
	struct match m;

	if (!last || last->origin != r->origin || !r->match.not_syn ||
	    last->then || r->then)
		return false;
	m = r->match;
	m.not_syn = false;
	return match_equal(&last->match, &m);
}

/* In the order in which they are put there; not before turn `from`. */
static unsigned int turn_of(const struct stand *s, const char *then,
			    unsigned int from)
{
	unsigned int last = 0;

	if (!then && !from)
		return 0;
	for (size_t i = 0; i < s->accepts.n; i++) {
		const struct rule *r = &s->accepts.v[i];

		if (r->then == then && r->turn && r->turn >= from)
			return r->turn;
		last = r->turn > last ? r->turn : last;
	}
	return last + 1;
}

#define NEXT_SHOWN 72	/* bytes of a rule that a screen has room for */

/* Which chain a rule is in, iptables-save says once more in each. */
static struct foreign_text words_of(const struct foreign_rule *r)
{
	struct foreign_text t = r->raw;

	if (t.n < 3 || memcmp(t.s, "-A ", 3) != 0)
		return t;
	for (int i = 0; i < 2; i++) {
		const char *gap = memchr(t.s, ' ', t.n);

		if (!gap)
			break;
		t.n -= (size_t)(gap + 1 - t.s);
		t.s = gap + 1;
	}
	return t;
}

/* What the packets that it takes go past. */
static int name_next(const struct search *x, const struct here *h,
		     struct stand *s)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	const char *policy = x->f->chains[h->chain].policy;
	struct foreign_text words;

	s->of = h->n;
	if (s->next || (s->behind >= h->n && !policy))
		return 0;
	if (s->behind < h->n) {
		words = words_of(&x->f->rules[h->rules[s->behind]]);
		foreign_text_line(&words, NEXT_SHOWN, &b);
	} else {
		strbuf_puts(&b, policy);
	}
	s->next = strbuf_status(&b) ? NULL : intern(strbuf_str(&b));
	return s->next ? 0 : -ENOMEM;
}

/* `then`: what becomes of them; NULL: accepted. */
static int put(struct search *x, const struct here *h, uint32_t behind,
	       const struct rule *rule, const char *then)
{
	const struct host_chain *c = &x->f->chains[h->chain];
	const struct foreign_table *t = &x->f->tables[c->table];
	struct stand place = {
		.world = t->world, .family = t->family, .table = t->name,
		.chain = c->name, .hook = rule->hook, .behind = behind,
	};
	struct stand *s = stands_at(x->out, &place);
	struct rule r = *rule;

	if (!s || name_next(x, h, s))
		return -ENOMEM;
	r.then = then;
	r.turn = x->turn = turn_of(s, then, rule->turn);
	return is_said(s, &r) ? 0 : stand_add(s, &r);
}

/* ---- accept rules that may stand in several places ---- */

/*
 * Ahead of these no rule of the host's could do anything to such packets but
 * accept them. What may end a chain of ctpolicy's keeps its place.
 */
static uint32_t first_place(const struct here *h, uint32_t behind,
			    const struct lot *lot)
{
	if (lot->rule.rank >= RANK_GUARDED)
		return behind;
	if (behind >= h->clear)
		return h->clear;
	return h->clear_of_logs < behind ? h->clear_of_logs : behind;
}

static int hold(struct search *x, const struct here *h, uint32_t behind,
		const struct lot *lot, const struct match *m)
{
	struct held *to;
	int err = mem_grow(&x->held, &x->cap_held, x->n_held + 1);

	if (err)
		return err;
	to = &x->held[x->n_held];
	*to = (struct held){
		.chain = h->chain, .from = first_place(h, behind, lot),
		.to = behind, .place = behind, .rule = lot->rule,
		.begins = lot->tracked == IS_NEW &&
			  lot->rule.match.proto != IPPROTO_TCP,
	};
	to->rule.match = (struct match){ 0 };
	err = match_copy(m, &to->rule.match);
	x->n_held += !err;
	return err;
}

int places_put(struct search *x, const struct here *h, uint32_t behind,
	       const struct lot *lot, const struct match *m, const char *then)
{
	struct rule r = lot->rule;

	r.match = *m;
	if (then || r.turn)
		return put(x, h, behind, &r, then);
	x->turn = 0;
	return hold(x, h, behind, lot, m);
}

static int cmp_chain(const struct held *a, const struct held *b)
{
	int c = (a->chain > b->chain) - (a->chain < b->chain);

	return c ? c : (int)a->rule.hook - (int)b->rule.hook;
}

static int cmp_to(const void *a, const void *b)
{
	const struct held *p = *(struct held *const *)a;
	const struct held *q = *(struct held *const *)b;
	int c = cmp_chain(p, q);

	return c ? c : (p->to > q->to) - (p->to < q->to);
}

static int cmp_from(const void *a, const void *b)
{
	const struct held *p = *(struct held *const *)a;
	const struct held *q = *(struct held *const *)b;

	return (p->from > q->from) - (p->from < q->from);
}

/* Those of one chain, in the order of `to`: in so many places. */
static bool is_crowded(struct held *const *v, size_t n)
{
	size_t places = n > 0;

	for (size_t i = 1; i < n; i++)
		places += v[i]->to != v[i - 1]->to;
	return places > NEAR;
}

/* Those of one chain that move, in the order of `from`, to common places. */
static void gather(struct held **v, size_t n)
{
	for (size_t i = 0, last; i < n; i = last) {
		uint32_t most = v[i]->from + NEAR, at = v[i]->from;

		for (last = i; last < n && v[last]->from <= most; last++) {
			if (v[last]->to < most)
				most = v[last]->to;
			at = v[last]->from;
		}
		for (size_t k = i; k < last; k++)
			v[k]->place = at;
	}
}

static void settle_chain(struct held **v, size_t n)
{
	bool crowded = is_crowded(v, n);
	size_t moving = 0;

	for (size_t i = 0; i < n; i++)
		if (crowded ? v[i]->from < v[i]->to :
			      v[i]->begins && v[i]->to - v[i]->from > NEAR)
			v[moving++] = v[i];
	qsort(v, moving, sizeof(*v), cmp_from);
	gather(v, moving);
}

static int settle(struct search *x)
{
	_cleanup_free_ struct held **v = calloc(x->n_held + 1, sizeof(*v));

	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < x->n_held; i++)
		v[i] = &x->held[i];
	qsort(v, x->n_held, sizeof(*v), cmp_to);
	for (size_t i = 0, last; i < x->n_held; i = last) {
		for (last = i + 1; last < x->n_held; last++)
			if (cmp_chain(v[last], v[i]))
				break;
		settle_chain(v + i, last - i);
	}
	return 0;
}

int places_settle(struct search *x)
{
	int err = settle(x);

	for (size_t i = 0; !err && i < x->n_held; i++) {
		const struct held *m = &x->held[i];
		struct here h = places_chain(x, m->chain, false);

		err = put(x, &h, m->place, &m->rule, NULL);
	}
	return err;
}

void places_forget(struct search *x)
{
	for (size_t i = 0; i < x->n_held; i++)
		match_release(&x->held[i].rule.match);
	free(x->held);
}
