/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rules/walk_index.c: a model made ready: the order of rules and base chains,
 * where jumps lead, large sets sorted.
 */
#include <errno.h>
#include <linux/netfilter_ipv4.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "rules/walk_parts.h"

#define SORTED_MIN 32		/* ranges; fewer are read through */

static const struct {
	const char *name;
	int32_t priority;
} priorities[] = {
	{ "raw", NF_IP_PRI_RAW }, { "mangle", NF_IP_PRI_MANGLE },
	{ "dstnat", NF_IP_PRI_NAT_DST }, { "filter", NF_IP_PRI_FILTER },
	{ "security", NF_IP_PRI_SECURITY }, { "srcnat", NF_IP_PRI_NAT_SRC },
};

static const char *const hooks[NF_INET_NUMHOOKS] = {
	[NF_INET_PRE_ROUTING] = "prerouting",
	[NF_INET_LOCAL_IN] = "input",
	[NF_INET_FORWARD] = "forward",
	[NF_INET_LOCAL_OUT] = "output",
	[NF_INET_POST_ROUTING] = "postrouting",
};

const char *walk_hook_name(uint8_t hook)
{
	return hooks[hook];
}

int32_t walk_priority(const char *s)
{
	long base = 0, more;
	char sign = '+';

	if (!s)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(priorities); i++) {
		size_t n = strlen(priorities[i].name);

		if (!strncmp(s, priorities[i].name, n)) {
			base = priorities[i].priority;
			s += n;
			break;
		}
	}
	s += strspn(s, " \t");
	if (*s == '+' || *s == '-')
		sign = *s++;
	s += strspn(s, " \t");
	more = strtol(s, NULL, 10);
	base += sign == '-' ? -more : more;
	return base > INT32_MAX ? INT32_MAX :
	       base < INT32_MIN ? INT32_MIN : (int32_t)base;
}

static int add_stop(struct stops *to, struct stop s)
{
	if (mem_grow(&to->v, &to->cap, to->n + 1))
		return -ENOMEM;
	to->v[to->n++] = s;
	return 0;
}

static int add_base_chain(struct walker *w, uint32_t at, bool v6)
{
	const struct host_chain *c = &w->f->chains[at];
	struct stop s = { STOP_CHAIN, walk_priority(c->priority), at };
	bool nat = c->type && !strcmp(c->type, "nat");

	if (!c->hook ||
	    !foreign_takes_part(&w->f->tables[c->table],
				v6 ? NFPROTO_IPV6 : NFPROTO_IPV4))
		return 0;
	for (size_t h = 0; h < NF_INET_NUMHOOKS; h++)
		if (!strcmp(c->hook, hooks[h]))
			return add_stop(nat ? &w->nat[v6][h] :
					      &w->stops[v6][h], s);
	return 0;		/* ingress, egress */
}

static int add_stops_of_kernel(struct walker *w, bool v6, uint8_t hook)
{
	bool begins = hook == NF_INET_PRE_ROUTING || hook == NF_INET_LOCAL_OUT;
	struct stop ct = { STOP_CONNTRACK, NF_IP_PRI_CONNTRACK,
			   FOREIGN_NOWHERE };
	struct stop nat = { STOP_NAT, begins ? NF_IP_PRI_NAT_DST :
					       NF_IP_PRI_NAT_SRC,
			    FOREIGN_NOWHERE };
	int err = begins ? add_stop(&w->stops[v6][hook], ct) : 0;

	return err || !w->nat[v6][hook].n ? err :
					    add_stop(&w->stops[v6][hook], nat);
}

/*
 * Of equal priority: conntrack, nat, then the newest chain first, as far as the
 * order of the model tells (net/netfilter/core.c, nf_hook_entries_grow()).
 */
static int by_priority(const void *pa, const void *pb)
{
	const struct stop *a = pa, *b = pb;

	if (a->priority != b->priority)
		return a->priority < b->priority ? -1 : 1;
	if (a->kind != b->kind)
		return a->kind > b->kind ? -1 : 1;
	return a->chain > b->chain ? -1 : a->chain < b->chain;
}

static int index_hooks(struct walker *w, bool v6)
{
	int err = 0;

	for (size_t i = 0; !err && i < w->f->n_chains; i++)
		err = add_base_chain(w, (uint32_t)i, v6);
	for (uint8_t h = 0; !err && h < NF_INET_NUMHOOKS; h++) {
		struct stops *nat = &w->nat[v6][h], *all = &w->stops[v6][h];

		err = add_stops_of_kernel(w, v6, h);
		if (nat->n)
			qsort(nat->v, nat->n, sizeof(*nat->v), by_priority);
		if (all->n)
			qsort(all->v, all->n, sizeof(*all->v), by_priority);
	}
	return err;
}

static uint32_t find_target(const struct foreign *f,
			    const struct foreign_rule *r)
{
	return foreign_find_chain(f, f->chains[r->chain].table, r->target);
}

static void index_chain(struct walker *w, uint32_t chain, uint32_t first)
{
	const struct host_chain *c = &w->f->chains[chain];

	w->chains[chain] = (struct chain_rules){ .first = first,
						 .n = c->n_rules };
	for (uint32_t i = c->first; i != FOREIGN_NOWHERE;
	     i = w->f->rules[i].next) {
		const struct foreign_rule *r = &w->f->rules[i];

		w->position[i] = (uint32_t)(r->at + c->shift);
		w->order[first + w->position[i] - 1] = i;
		w->target[i] = find_target(w->f, r);
	}
}

static int by_first(const void *pa, const void *pb, void *arg)
{
	const struct key_range *ranges = arg;
	const uint32_t *a = pa, *b = pb;

	return memcmp(ranges[*a].first, ranges[*b].first, TERM_KEY_MAX);
}

/* Where ranges overlap, no search finds the first: the set is read through. */
static int sort_set(struct walker *w, size_t at)
{
	const struct key_set *s = &w->f->sets[at];
	_cleanup_free_ uint32_t *v = NULL;
	struct key_range *ranges;

	if (!s->known || s->n_fields != 1 || s->n < SORTED_MIN)
		return 0;
	ranges = w->f->ranges + s->first;
	v = calloc(s->n, sizeof(*v));
	if (!v)
		return -ENOMEM;
	for (uint32_t i = 0; i < s->n; i++)
		v[i] = i;
	qsort_r(v, s->n, sizeof(*v), by_first, ranges);
	for (uint32_t i = 1; i < s->n; i++)
		if (memcmp(ranges[v[i - 1]].last, ranges[v[i]].first,
			   TERM_KEY_MAX) >= 0)
			return 0;
	w->sets[at].at = TAKE_PTR(v);
	return 0;
}

bool walk_index_find(const struct walker *w, uint32_t set,
		     const uint8_t key[TERM_KEY_MAX], uint32_t *ret_range)
{
	const struct key_set *s = &w->f->sets[set];
	const struct key_range *ranges = w->f->ranges + s->first;
	const uint32_t *v = w->sets[set].at;
	uint32_t low = 0, high = s->n;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (memcmp(ranges[v[mid]].last, key, TERM_KEY_MAX) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == s->n || memcmp(ranges[v[low]].first, key, TERM_KEY_MAX) > 0)
		return false;
	*ret_range = v[low];
	return true;
}

/* Without rules or sets there still is an array to free. */
static void *array(size_t n, size_t size)
{
	return calloc(n + 1, size);
}

int walker_new(const struct foreign *f, struct walker **ret)
{
	_cleanup_(walker_free) struct walker *w = calloc(1, sizeof(*w));
	uint32_t first = 0;
	int err;

	if (!w)
		return -ENOMEM;
	w->f = f;
	w->order = array(f->n_rules, sizeof(*w->order));
	w->position = array(f->n_rules, sizeof(*w->position));
	w->target = array(f->n_rules, sizeof(*w->target));
	w->chains = array(f->n_chains, sizeof(*w->chains));
	w->sets = array(f->n_sets, sizeof(*w->sets));
	if (!w->order || !w->position || !w->target || !w->chains || !w->sets)
		return -ENOMEM;
	for (size_t i = 0; i < f->n_chains; i++) {
		index_chain(w, (uint32_t)i, first);
		first += f->chains[i].n_rules;
	}
	err = index_hooks(w, false);
	if (!err)
		err = index_hooks(w, true);
	for (size_t i = 0; !err && i < f->n_sets; i++)
		err = sort_set(w, i);
	if (!err)
		*ret = TAKE_PTR(w);
	return err;
}

void walker_free(struct walker **p)
{
	struct walker *w = *p;

	if (!w)
		return;
	for (size_t v6 = 0; v6 < 2; v6++)
		for (size_t h = 0; h < NF_INET_NUMHOOKS; h++) {
			free(w->stops[v6][h].v);
			free(w->nat[v6][h].v);
		}
	for (size_t i = 0; w->sets && i < w->f->n_sets; i++)
		free(w->sets[i].at);
	for (size_t i = 0; w->chains && i < w->f->n_chains; i++)
		walk_keys_release(&w->chains[i]);
	free(w->sets);
	free(w->order);
	free(w->position);
	free(w->target);
	free(w->chains);
	free(w);
	*p = NULL;
}

size_t walker_visits(const struct walker *w)
{
	return w->visits;
}

const uint32_t *walker_rules(const struct walker *w, uint32_t chain,
			     uint32_t *ret_n)
{
	*ret_n = w->chains[chain].n;
	return w->order + w->chains[chain].first;
}

uint32_t walker_position(const struct walker *w, uint32_t rule)
{
	return w->position[rule];
}
