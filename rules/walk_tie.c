/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules/walk_tie.c: the stops of a hook, where the order is not known. */
#include "rules/walk_parts.h"

#define TIE_MAX 4	/* chains of one priority whose orders are all tried */

/* What becomes of the packet at a stop; `alive`: it may go on, as `s`. */
struct going {
	struct walk_state s;
	bool alive;
};

static struct going walk_in_order(struct walking *x, const struct stop *v,
				  const size_t *order, size_t n,
				  const struct walk_state *s)
{
	struct going g = { *s, true };

	for (size_t i = 0; g.alive && i < n && !walk_is_over(x); i++)
		g.alive = walk_stop(x, &v[order[i]], &g.s);
	return g;
}

static void join_going(struct walking *x, struct going *to,
		       const struct going *g)
{
	if (to->alive != g->alive ||
	    (g->alive && !walk_state_same(&to->s, &g->s)))
		x->out->order_matters = true;
	if (!g->alive)
		return;
	if (to->alive)
		walk_join(&to->s, &g->s);
	else
		*to = *g;
}

/* The next order, alphabetically; false: that was the last one. */
static bool next_order(size_t *v, size_t n)
{
	size_t i = n - 1, j = n - 1, k;

	while (i && v[i - 1] >= v[i])
		i--;
	if (!i)
		return false;
	while (v[j] <= v[i - 1])
		j--;
	k = v[i - 1];
	v[i - 1] = v[j];
	v[j] = k;
	for (j = n - 1; i < j; i++, j--) {
		k = v[i];
		v[i] = v[j];
		v[j] = k;
	}
	return true;
}

/*
 * Too many to try all their orders: each is met with all that the others may
 * have made of the packet, until that is no more.
 */
static struct going walk_crowd(struct walking *x, const struct stop *v,
			       size_t n, const struct walk_state *s)
{
	struct walk_state any = *s, last;
	struct going g = { *s, true };

	do {
		last = any;
		g.alive = true;
		for (size_t i = 0; i < n && !walk_is_over(x); i++) {
			struct walk_state one = last;

			if (walk_stop(x, &v[i], &one))
				walk_join(&any, &one);
			else
				g.alive = false;
		}
	} while (!walk_state_same(&any, &last) && !walk_is_over(x));
	g.s = any;
	return g;
}

/* Stops of one priority: any of them may come first. */
static bool walk_tie(struct walking *x, const struct stop *v, size_t n,
		     struct walk_state *s)
{
	size_t order[TIE_MAX] = { 0, 1, 2, 3 };
	bool mute = x->mute;
	struct going g;

	if (n > TIE_MAX) {
		g = walk_crowd(x, v, n, s);
		*s = g.s;
		return g.alive;
	}
	g = walk_in_order(x, v, order, n, s);
	x->mute = true;
	while (!walk_is_over(x) && next_order(order, n)) {
		struct going other = walk_in_order(x, v, order, n, s);

		join_going(x, &g, &other);
	}
	x->mute = mute;
	*s = g.s;
	return g.alive;
}

bool walk_stops(struct walking *x, const struct stops *v,
		struct walk_state *s)
{
	bool alive = true;

	for (size_t i = 0, n; alive && i < v->n; i += n) {
		n = 1;
		while (i + n < v->n &&
		       v->v[i + n].priority == v->v[i].priority)
			n++;
		alive = walk_tie(x, &v->v[i], n, s);
	}
	return alive;
}
