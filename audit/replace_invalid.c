/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit/replace_invalid.c: what stands for INVALID and UNTRACKED.
 *
 * INVALID is what no connection may have, and of ICMP what answers nothing that
 * may begin, or is about nothing.
 */
#include <errno.h>
#include <string.h>

#include "audit/replace_parts.h"
#include "core/mem.h"

/* Flags that no stack sends: mask and value. */
static const uint8_t impossible[][2] = {
	{ 0x3f, 0x00 }, { 0x03, 0x03 }, { 0x06, 0x06 }, { 0x05, 0x05 },
	{ 0x11, 0x01 },
};

static int put_impossible(struct job *j, struct rule_list *l)
{
	struct stateless_rule r = { .own = true, .asks = ASK_FLAGS };
	int err = job_proto(j, PROTO_TCP, &r.zone);

	for (size_t i = 0; !err && i < ARRAY_SIZE(impossible); i++) {
		r.mask = impossible[i][0];
		r.flags = impossible[i][1];
		err = list_put(j, l, r);
	}
	return err;
}

#define REST_MAX 16

static int add_rest(struct arena *a, const struct zone *x,
		    const struct zone *y, struct zones *to)
{
	struct zones left = { 0 };
	struct zone *v;
	int err = zone_subtract(a, x, y, &left);

	if (err || to->n + left.n > REST_MAX)
		return err ? err : -E2BIG;
	v = arena_alloc(a, to->n + left.n + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	if (to->n)
		memcpy(v, to->v, to->n * sizeof(*v));
	if (left.n)
		memcpy(v + to->n, left.v, left.n * sizeof(*v));
	*to = (struct zones){ v, to->n + left.n };
	return 0;
}

/* What is in none of the zones, one by one: the rule is for no called chain. */
static int put_rest(struct job *j, struct rule_list *l,
		    const struct stateless_rule *like, const struct zones *but)
{
	struct stateless_rule r = *like;
	struct zones rest = { &r.zone, 1 };
	int err = 0;

	for (size_t i = 0; !err && i < but->n; i++) {
		struct zones next = { 0 };

		for (size_t k = 0; !err && k < rest.n; k++)
			err = add_rest(j->x->a, &rest.v[k], &but->v[i], &next);
		rest = next;
	}
	/* all but several interfaces, which no rule of iptables names */
	if (!err && !begin_is_short(j, &rest, SIZE_MAX))
		err = -E2BIG;
	for (size_t i = 0; !err && i < rest.n; i++) {
		r.zone = rest.v[i];
		err = list_put(j, l, r);
	}
	return err;
}

/*
 * Replies that nobody here asked for, and errors for those who may not begin
 * anything: all of the group but what `put` would let through.
 */
static int put_unasked(struct job *j, struct rule_list *l,
		       enum icmp_group group, put_fn *put)
{
	_cleanup_(list_release) struct rule_list asked = { 0 };
	struct stateless_rule r = { .own = true };
	struct zones all = { 0 };
	size_t before = l->added;
	int err = job_icmp_group(j, group, &r.zone);

	if (!err)
		err = put(j, &asked, DO_RETURN);
	/* too long a list: where they have passed, none is left to leave out */
	if (err == -E2BIG && group == ICMP_REPLIES && j->common)
		return list_put(j, l, r);
	if (err)
		return err;
	all.v = arena_alloc(j->x->a, asked.n, sizeof(*all.v));
	if (!all.v)
		return -ENOMEM;
	for (; all.n < asked.n; all.n++)
		all.v[all.n] = asked.v[all.n].zone;
	err = zones_join(j->x->a, &all);
	for (size_t i = 0; !err && i < all.n; i++)
		if (zone_within(&r.zone, &all.v[i]))
			return 0;
	if (!err && asked.n && job_leaves(j))
		return put_rest(j, l, &r, &all);
	if (!err && asked.n) {
		struct stateless_rule last = { .zone = j->e.own };

		r.does = DO_CALL;
		err = list_put(j, &asked, last);
		if (!err)
			err = list_chain(j, &asked, &r.chain);
	}
	if (!err)
		err = list_put(j, l, r);
	j->e.depends |= l->added > before;
	return err;
}

int invalid_put(struct job *j, struct rule_list *l)
{
	struct stateless_rule r = { .own = true };
	uint32_t admits = j->e.admits;
	int err = put_impossible(j, l);

	if (!err)
		err = job_icmp_group(j, ICMP_NEVER, &r.zone);
	if (!err)
		err = list_put(j, l, r);
	if (!err && job_has_flows(j))
		err = put_unasked(j, l, ICMP_REPLIES, replies_put);
	if (!err && job_has_flows(j))
		err = put_unasked(j, l, ICMP_ERRORS, errors_put);
	j->e.admits = admits | ADMITS(TCP) | ADMITS(ERROR);
	return err;
}

/* What conntrack itself leaves alone, and what the host's NOTRACK rules do. */
static int put_notracked(struct job *j, struct rule_list *l,
			 const struct foreign_rule *by)
{
	const struct host_chain *c = &j->x->f->chains[by->chain];
	struct stateless_rule r = { .own = true };
	struct zone_asked asked;
	uint8_t hooks = j->x->reach[by->chain];
	bool here = j->hook == NF_INET_LOCAL_OUT ?
			    hooks >> NF_INET_LOCAL_OUT & 1 :
			    hooks >> NF_INET_PRE_ROUTING & 1;
	int err;

	if (!here || !foreign_takes_part(&j->x->f->tables[c->table],
					 j->x->family))
		return 0;
	err = zone_of_rule(j->x->a, j->x->f, by, j->x->family, &r.zone,
			   &asked);
	return err || !asked.takes ? err : list_put(j, l, r);
}

int untracked_put(struct job *j, struct rule_list *l)
{
	const struct foreign *f = j->x->f;
	struct stateless_rule r = { .own = true };
	int err = 0;

	if (j->x->family == NFPROTO_IPV6) {
		err = job_icmp_group(j, ICMP_UNTRACKED, &r.zone);
		if (!err)
			err = list_put(j, l, r);
	}
	for (size_t i = 0; !err && i < j->x->n_notrack; i++)
		err = put_notracked(j, l, &f->rules[j->x->notrack[i]]);
	return err;
}
