/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/iptables/ipt_set_steps.h"

#include <errno.h>
#include <string.h>

#include "backends/iptables/ipt.h"
#include "backends/iptables/ipt_sets.h"
#include "backends/iptables/ipt_timers.h"
#include "core/mem.h"

/* Additions to a set in use from which on it is swapped. */
#define SWAP_FROM 256

/* Of a swap; one that is there is left over from an interrupted run. */
static const char spare[] = IPT_SET_PREFIX "swap";

static const struct image_set *named_set(const struct image *img,
					 const char *name)
{
	const struct image_table *t =
		image_find_table(img, NFPROTO_UNSPEC, IPT_SET_TABLE);

	return t ? image_find_set(t, name) : NULL;
}

/* Elements of one set in a row, all added or all removed. */
static size_t run_length(const struct step *v, size_t n)
{
	size_t i = 1;

	while (i < n && v[i].kind == STEP_ELEMENT && v[i].add == v[0].add &&
	       v[i].set == v[0].set)
		i++;
	return i;
}

static size_t count_elements(const struct step *v, size_t n)
{
	return changeset_count(&(struct changeset){
		.steps = (struct step *)(uintptr_t)v, .n = n });
}

static int elements(struct ipset_link *l, const struct step *v, size_t n,
		    struct diags *d)
{
	int err = 0;

	for (size_t i = 0; !err && i < n; i++)
		for (uint32_t k = 0; !err && k < v[i].n; k++)
			err = ipset_element(l, v[i].set, v[i].elem + k,
					    v[i].set->name, v[i].add, d);
	return err ? err : ipset_flush(l, d);
}

static int fill(struct ipset_link *l, const struct image_set *s,
		const char *name, struct diags *d)
{
	int err = 0;

	for (size_t i = 0; !err && i < s->elems.n; i++)
		err = ipset_element(l, s, i, name, true, d);
	return err;
}

/*
 * What is to leave does so in a later phase, so the new set has both; what is
 * wanted comes last, for its comments to stay.
 */
static int swap_in(struct ipset_link *l, const struct image_set *want,
		   const struct image_set *live, struct diags *d)
{
	uint32_t max = ipt_set_maxelem(want);
	int err;

	while (max < want->elems.n + live->elems.n)
		max *= 2;
	ipset_destroy(l, spare, NULL);
	err = ipset_create(l, want, spare, max, d);
	if (err)
		return err;
	err = fill(l, live, spare, d);
	if (!err)
		err = fill(l, want, spare, d);
	if (!err)
		err = ipset_flush(l, d);
	if (!err)
		err = ipset_swap(l, spare, want->name, d);
	if (ipset_destroy(l, spare, d) && !err)
		err = -EIO;
	return err;
}

static bool needs_swap(const struct ipset_link *l, const struct step *s,
		       size_t n, const struct image_set *live)
{
	uint32_t limit = ipset_limit(l, s->set->name);

	if (!s->add || !live || !image_set_fits(s->set, live))
		return false;
	return n >= SWAP_FROM || (limit && live->elems.n + n > limit);
}

/*
 * The set is there, not as we make it, and rules that leave in this phase may
 * look into it still: an empty one takes its name.
 */
static int replace(struct ipset_link *l, const struct image_set *want,
		   struct diags *d)
{
	int err;

	ipset_destroy(l, spare, NULL);
	err = ipset_create(l, want, spare, ipt_set_maxelem(want), d);
	if (err)
		return err;
	err = ipset_swap(l, spare, want->name, d);
	if (ipset_destroy(l, spare, err ? NULL : d) && !err)
		err = -EIO;
	return err;
}

/* Rules name them, so what has other values gets the wanted ones. */
static int timers_step(const struct step *s, const struct image_set *other,
		       struct diags *d)
{
	if (s->add)
		return ipt_timers_add(s->set, other != NULL, d);
	return other ? 0 : ipt_timers_delete(s->set, d);
}

static int set_step(struct ipset_link *l, const struct changeset *cs,
		    const struct step *s, struct diags *d)
{
	const char *name = s->set->name;
	const struct image_set *other = named_set(s->add ? cs->live : cs->want,
						  name);

	if (s->set->timers)
		return timers_step(s, other, d);
	if (!s->add && (other || !strcmp(name, spare))) {
		ipset_destroy(l, name, NULL);
		return 0;
	}
	if (!s->add)
		return ipset_destroy(l, name, d);
	if (other && !ipset_create(l, s->set, name, ipt_set_maxelem(s->set),
				   NULL))
		return 0;
	return other ? replace(l, s->set, d) :
		       ipset_create(l, s->set, name,
				     ipt_set_maxelem(s->set), d);
}

int ipt_set_steps(struct ipset_link *l, const struct changeset *cs,
		  const struct step *v, size_t n, struct diags *d)
{
	size_t len;
	int err = 0;

	for (size_t i = 0; !err && i < n; i += len) {
		const struct image_set *live;

		len = 1;
		if (v[i].table->family != NFPROTO_UNSPEC)
			continue;
		if (v[i].kind == STEP_SET)
			err = set_step(l, cs, &v[i], d);
		if (v[i].kind != STEP_ELEMENT)
			continue;
		len = run_length(v + i, n - i);
		live = named_set(cs->live, v[i].set->name);
		err = needs_swap(l, &v[i], count_elements(v + i, len), live) ?
			      swap_in(l, v[i].set, live, d) :
			      elements(l, v + i, len, d);
	}
	return err;
}
