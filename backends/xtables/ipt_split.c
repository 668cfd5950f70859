/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/xtables/ipt_split.c: the ruleset in words that ip6tables has. In
 * IPv6 the kernel takes `--dst-type LOCAL,MULTICAST` for "both at once", which
 * nothing is: a rule for either becomes one for local destinations and one for
 * the groups among its addresses.
 *
 * Source: match_type6() in net/netfilter/xt_addrtype.c.
 */
#include <errno.h>
#include <sys/socket.h>

#include "backends/xtables/ipt_split.h"
#include "core/mem.h"

static const struct prefix all_groups = {
	.family = AF_INET6, .len = 8, .addr = { 0xff },
};

static int pick(const struct prefix_set *from, bool groups,
		struct prefix_set *ret)
{
	int err = 0;

	for (size_t i = 0; !err && i < from->n; i++) {
		struct prefix p = prefix_set_at(from, i);
		bool inside = prefix_contains(&all_groups, &p);

		if (inside == groups)
			err = prefix_set_add(ret, &p);
		else if (groups && prefix_contains(&p, &all_groups))
			err = prefix_set_add(ret, &all_groups);
	}
	prefix_set_normalize(ret);
	return err;
}

static int add_copy(struct ruleset *to, const struct rule *r, uint8_t family,
		    enum dst_kind dst, const struct prefix_set *daddr)
{
	struct rule *copy = ruleset_add(to);

	if (!copy)
		return -ENOMEM;
	*copy = *r;
	copy->match = (struct match){ 0 };
	if (match_copy(&r->match, &copy->match))
		return -ENOMEM;
	copy->match.family = family;
	copy->match.dst = dst;
	if (!daddr)
		return 0;
	prefix_set_release(&copy->match.daddr);
	return prefix_set_copy(daddr, AF_UNSPEC, &copy->match.daddr);
}

static int add_ipv6(struct ruleset *to, const struct rule *r)
{
	_cleanup_(prefix_set_release) struct prefix_set groups = { 0 };
	_cleanup_(prefix_set_release) struct prefix_set others = { 0 };
	const struct prefix_set *daddr = &r->match.daddr;
	int err = pick(daddr, true, &groups);

	if (!err)
		err = pick(daddr, false, &others);
	if (!err && !daddr->n)
		err = prefix_set_add(&groups, &all_groups);
	if (!err && groups.n)
		err = add_copy(to, r, AF_INET6, DST_ANY, &groups);
	if (!err && (others.n || !daddr->n))
		err = add_copy(to, r, AF_INET6, DST_LOCAL, &others);
	return err;
}

int ipt_split_rule(const struct rule *r, struct ruleset *to)
{
	uint8_t family = r->match.family;
	int err = 0;

	if (r->match.dst != DST_LOCAL_OR_GROUP || family == AF_INET)
		return add_copy(to, r, family, r->match.dst, NULL);
	if (family == AF_UNSPEC)
		err = add_copy(to, r, AF_INET, r->match.dst, NULL);
	return err ? err : add_ipv6(to, r);
}

int ipt_split(const struct ruleset *rs, struct ruleset *ret)
{
	_cleanup_(ruleset_release) struct ruleset to = {
		.ipv4 = rs->ipv4, .ipv6 = rs->ipv6,
		.wants_accepts = rs->wants_accepts,
	};
	int err = 0;

	for (size_t i = 0; !err && i < rs->n; i++)
		err = ipt_split_rule(&rs->v[i], &to);
	if (err)
		return err;
	ruleset_normalize(&to);
	*ret = to;
	to = (struct ruleset){ 0 };
	return 0;
}
