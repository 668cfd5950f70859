/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_native_tidy.c: a rule as nft would have written it.
 *
 * What nft lists must load again, and be the same then. nft takes a set of
 * protocols for one of them, and refuses another behind it; it leaves out what
 * the next header tells by itself, and asks for that right ahead of it when it
 * loads the text.
 *
 * Source: payload_gen_dependency() and payload_dependency_kill() in nft's
 *         src/payload.c, and what `nft --debug=netlink` of 1.0.6 shows.
 */
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libnftnl/expr.h>

#include "backends/nft/nft_expr.h"
#include "backends/nft/nft_native.h"
#include "backends/nft/nft_native_units.h"
#include "core/mem.h"

/* A test that others lean on, and where it stands. */
struct leaned {
	size_t at;			/* of the units; n: there is none */
	bool done;
};

struct tidying {
	const struct nft_raw *rule;
	struct nft_units units;
	uint8_t proto;			/* the only one; 0: several */
	bool strict;			/* and no header ahead of it */
	uint8_t family;			/* 0: the rule does not ask */
	struct leaned on_proto, on_family;
	struct nft_raw out;
};

static bool asks_proto(const struct nft_unit *u)
{
	return u->asks == UNIT_PROTO || u->asks == UNIT_NEXTHDR;
}

static void narrow(struct nft_protos *p, const struct nft_protos *by)
{
	for (size_t i = 0; i < ARRAY_SIZE(p->bits); i++)
		p->bits[i] &= by->bits[i];
}

/* -ENOENT: no packet is in all that the rule asks. */
static int find_proto(struct tidying *x)
{
	static const struct nft_protos tcp = { { 1 << IPPROTO_TCP } };
	struct nft_protos all;

	memset(&all, 0xff, sizeof(all));
	x->on_proto.at = x->units.n;
	for (size_t i = 0; i < x->units.n; i++) {
		const struct nft_unit *u = &x->units.v[i];

		if (u->option)
			narrow(&all, &tcp);
		if (asks_proto(u) || u->asks == UNIT_AMONG)
			narrow(&all, &u->protos);
		if (!asks_proto(u))
			continue;
		x->strict |= u->asks == UNIT_NEXTHDR;
		if (x->on_proto.at == x->units.n)
			x->on_proto.at = i;
	}
	return nft_protos_only(&all, &x->proto);
}

static int find_family(struct tidying *x)
{
	x->on_family.at = x->units.n;
	for (size_t i = 0; i < x->units.n; i++) {
		const struct nft_unit *u = &x->units.v[i];

		if (u->asks != UNIT_FAMILY)
			continue;
		if (x->family && x->family != u->family)
			return -ENOENT;
		if (!x->family)
			x->on_family.at = i;
		x->family = u->family;
	}
	return 0;
}

static int copy_unit(struct tidying *x, const struct nft_unit *u)
{
	const struct nlattr *a = u->first;
	int err = 0;

	for (size_t i = 0; !err && i < u->n; i++) {
		err = nft_bytes_add(&x->out.exprs, a, MNL_ALIGN(a->nla_len));
		a = mnl_attr_next(a);
	}
	for (size_t i = 0; !err && i < u->n_sets; i++)
		err = nft_raw_add_set(&x->out, &x->rule->sets[u->set + i]);
	return err;
}

static bool is_icmp(const struct tidying *x)
{
	return x->proto == IPPROTO_ICMP || x->proto == IPPROTO_ICMPV6;
}

static bool leans_on_proto(const struct tidying *x, const struct nft_unit *u)
{
	return u->transport && x->proto;
}

static bool leans_on_option(const struct tidying *x, const struct nft_unit *u)
{
	(void)x;
	return u->option;
}

static bool leans_on_family(const struct tidying *x, const struct nft_unit *u)
{
	return u->network || (u->transport && is_icmp(x));
}

static int put_family(struct tidying *x)
{
	if (x->on_family.done || x->on_family.at == x->units.n)
		return 0;
	x->on_family.done = true;
	return copy_unit(x, &x->units.v[x->on_family.at]);
}

/* ip6 nexthdr, or meta l4proto, == */
static int put_proto(struct tidying *x)
{
	_cleanup_(nft_rule_freep) struct nftnl_rule *rule = nftnl_rule_alloc();
	struct nft_writer w = { .rule = rule };
	int err = x->strict ? put_family(x) : 0;

	if (x->on_proto.done || x->on_proto.at == x->units.n || err)
		return err;
	if (!rule)
		return -ENOMEM;
	x->on_proto.done = true;
	if (x->strict)
		nft_put_payload(&w, NFT_PAYLOAD_NETWORK_HEADER, 6, 1,
				NFT_REG_1);
	else
		nft_put_meta(&w, NFT_META_L4PROTO, NFT_REG_1);
	nft_put_cmp(&w, NFT_CMP_EQ, &x->proto, sizeof(x->proto));
	return nft_native_flush(&w, &x->out);
}

/* For such a header nft asks for the family ahead of all else. */
static int put_family_first(struct tidying *x)
{
	for (size_t i = 0; i < x->units.n; i++)
		if (leans_on_family(x, &x->units.v[i]))
			return x->units.v[i].extension ? put_family(x) : 0;
	return 0;
}

typedef bool leans_fn(const struct tidying *x, const struct nft_unit *u);

/* The test of the protocol as it will be written. */
static bool leans_anew(const struct tidying *x, size_t at, leans_fn *leans)
{
	return x->strict && at == x->on_proto.at && leans == leans_on_family;
}

/* Will one behind it lean on it, with nothing but tests between? */
static bool can_wait(const struct tidying *x, size_t at, leans_fn *leans)
{
	for (size_t i = at + 1; i < x->units.n; i++) {
		const struct nft_unit *u = &x->units.v[i];

		if (asks_proto(u) && x->proto ? leans_anew(x, i, leans) :
						leans(x, u))
			return true;
		if (!u->tests)
			return false;
	}
	return false;
}

/* With no word behind it, it is what the family calls so. */
static int put_reject(struct tidying *x)
{
	_cleanup_(nft_rule_freep) struct nftnl_rule *rule = nftnl_rule_alloc();
	struct nft_writer w = { .rule = rule };
	struct nftnl_expr *e = rule ? nft_add_expr(&w, "reject") : NULL;

	if (!e)
		return -ENOMEM;
	nftnl_expr_set_u32(e, NFTNL_EXPR_REJECT_TYPE, NFT_REJECT_ICMP_UNREACH);
	nftnl_expr_set_u8(e, NFTNL_EXPR_REJECT_CODE,
			  x->family == NFPROTO_IPV4 ? ICMP_PORT_UNREACH :
						      ICMP6_DST_UNREACH_NOPORT);
	return nft_native_flush(&w, &x->out);
}

/* Is it asked for by what comes behind, or said right ahead of that? */
static bool proto_waits(const struct tidying *x, size_t at)
{
	return can_wait(x, at, leans_on_proto) ||
	       (!x->strict && can_wait(x, at, leans_on_option));
}

static int put_unit(struct tidying *x, size_t i)
{
	const struct nft_unit *u = &x->units.v[i];
	int err = 0;

	if (u->asks == UNIT_FAMILY)
		return i != x->on_family.at || can_wait(x, i, leans_on_family) ?
			       0 : put_family(x);
	if (asks_proto(u) && x->proto)
		return i != x->on_proto.at || proto_waits(x, i) ?
			       0 : put_proto(x);
	if (leans_on_family(x, u))
		err = put_family(x);
	if (!err && leans_on_proto(x, u))
		err = put_proto(x);
	if (!err && u->refuses && x->family)
		return put_reject(x);
	return err ? err : copy_unit(x, u);
}

int nft_native_tidy(struct nft_raw *r)
{
	struct tidying x = { .rule = r };
	int err = nft_native_merge(r);

	if (!err)
		err = nft_units_of(r, &x.units);
	if (!err)
		err = find_proto(&x);
	if (!err)
		err = find_family(&x);
	if (!err)
		err = put_family_first(&x);
	for (size_t i = 0; !err && i < x.units.n; i++)
		err = put_unit(&x, i);
	nft_units_release(&x.units);
	if (!err)
		err = nft_bytes_add(&x.out.user, r->user.v, r->user.n);
	if (err && err != -ENOENT) {
		nft_raw_release(&x.out);
		return err;
	}
	nft_raw_release(r);
	*r = x.out;
	return 0;
}
