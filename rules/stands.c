/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rules/stands.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"

/* One hook is not one place: chains that several hooks call are shared. */
static int cmp_place(const struct stand *a, const struct stand *b)
{
	int c = (int)a->world - (int)b->world;

	if (!c)
		c = (int)a->family - (int)b->family;
	if (!c)
		c = strcmp(a->table, b->table);
	if (!c)
		c = (int)a->hook - (int)b->hook;
	if (!c)
		c = strcmp(a->chain, b->chain);
	return c ? c : (a->behind > b->behind) - (a->behind < b->behind);
}

static int cmp_stand(const void *a, const void *b)
{
	return cmp_place(a, b);
}

struct stand *stands_at(struct stands *s, const struct stand *place)
{
	for (size_t i = 0; i < s->n; i++)
		if (!cmp_place(&s->v[i], place))
			return &s->v[i];
	if (mem_grow(&s->v, &s->cap, s->n + 1))
		return NULL;
	s->v[s->n] = *place;
	s->v[s->n].accepts = (struct ruleset){ 0 };
	return &s->v[s->n++];
}

int stand_add(struct stand *s, const struct rule *r)
{
	struct rule *to = ruleset_add(&s->accepts);
	int err;

	if (!to)
		return -ENOMEM;
	*to = *r;
	to->match = (struct match){ 0 };
	err = match_copy(&r->match, &to->match);
	if (err)
		s->accepts.n--;
	return err;
}

int stands_note_unmet(struct stands *s, const struct unmet *x)
{
	for (size_t i = 0; i < s->n_unmet; i++)
		if (s->unmet[i].rule == x->rule &&
		    s->unmet[i].origin == x->origin)
			return 0;
	if (mem_grow(&s->unmet, &s->cap_unmet, s->n_unmet + 1))
		return -ENOMEM;
	s->unmet[s->n_unmet++] = *x;
	return 0;
}

enum ct_kind stand_ct(const struct stand *s)
{
	enum ct_kind all = s->accepts.n ? CT_UNTRACKED : CT_ANY;

	for (size_t i = 0; i < s->accepts.n; i++)
		all = ct_kind_of_both(all, s->accepts.v[i].match.ct);
	return all;
}

static void stand_release(struct stand *s)
{
	ruleset_release(&s->accepts);
}

void stands_normalize(struct stands *s)
{
	size_t n = 0;

	if (s->n > 1)
		qsort(s->v, s->n, sizeof(*s->v), cmp_stand);
	for (size_t i = 0; i < s->n; i++) {
		struct stand *x = &s->v[i];
		const struct stand *last = n ? &s->v[n - 1] : NULL;

		if (x->family == NFPROTO_INET)
			ruleset_join_families(&x->accepts);
		else
			ruleset_normalize(&x->accepts);
		if (!x->accepts.n) {
			stand_release(x);
			continue;
		}
		x->accepts.ipv4 = x->accepts.ipv6 = true;
		x->number = last && last->world == x->world &&
			    last->family == x->family &&
			    last->hook == x->hook &&
			    !strcmp(last->table, x->table) ?
				    last->number + 1 : 1;
		s->v[n++] = *x;
	}
	s->n = n;
}

void stands_release(struct stands *s)
{
	for (size_t i = 0; i < s->n; i++)
		stand_release(&s->v[i]);
	free(s->v);
	free(s->unmet);
	*s = (struct stands){ 0 };
}
