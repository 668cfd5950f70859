/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit/samples_beyond.c: what rules translate, such as others let it through.
 *
 * A rule that masquerades asks where packets leave, and seldom where they came
 * in by; the filter asks for that. A connection that has only what the first
 * one asks for, and is dropped, says nothing of those that are translated.
 */
#include "audit/samples_parts.h"

#define EACH_MAX 16		/* more connections, for one translation */

bool samples_has_protocol(const struct search *x,
			  const struct foreign_rule *r)
{
	for (uint32_t i = 0; i < r->n_terms; i++) {
		const struct term *t = &x->f->terms[r->terms + i];

		if (t->kind == TERM_MATCH && !t->masked && t->n_fields == 1 &&
		    t->field[0] == FIELD_L4PROTO &&
		    samples_lie_in(x, t, &x->space->proto) == t->negated)
			return false;
	}
	return true;
}

void samples_keep(struct search *x, const struct trial *t)
{
	if (!x->beyond && !x->reply && x->n_kept < KEPT_MAX)
		x->kept[x->n_kept++] = *t;
}

/* Requests, or answers, until who asked has seen enough. */
static int try_filters(struct search *x, const struct trial *t, bool reply)
{
	int err = 0;

	x->reply = reply;
	for (uint32_t i = 0; !err && !x->enough && i < x->f->n_chains; i++)
		if (samples_pass(x, &x->f->chains[i]) &&
		    !samples_is_nat(&x->f->chains[i]))
			err = samples_in_chain(x, i, t);
	return err;
}

int samples_beyond(struct search *x)
{
	size_t left = x->left;
	int err = 0;

	x->beyond = true;
	for (size_t i = 0; !err && i < x->n_kept; i++) {
		size_t some = left < EACH_MAX ? left : EACH_MAX;

		x->left = some;
		x->enough = false;
		err = try_filters(x, &x->kept[i], false);
		if (!err)
			err = try_filters(x, &x->kept[i], true);
		left -= some - x->left;
		x->cut = x->cut && (!left || !x->rules_left);
	}
	x->left = left;
	x->beyond = false;
	return err;
}
