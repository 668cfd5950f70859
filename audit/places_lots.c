/* SPDX-License-Identifier: GPL-2.0-or-later */
/* audit/places_lots.c: accept rules as lots, and the chains that these pass. */
#include "audit/places.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <stdlib.h>
#include <string.h>

#include "audit/chain_hooks.h"
#include "audit/places_parts.h"
#include "core/mem.h"

/* Ahead of conntrack nobody has a state, and nothing could be inherited. */
static bool is_ahead(const struct host_chain *c, enum hook hook)
{
	return (hook == HOOK_PREROUTING || hook == HOOK_OUTPUT) &&
	       c->priority && walk_priority(c->priority) <= NF_IP_PRI_CONNTRACK;
}

static bool is_passed(const struct foreign *f, uint32_t chain,
		      const struct lot *lot)
{
	const struct host_chain *c = &f->chains[chain];
	const struct foreign_table *t = &f->tables[c->table];
	uint8_t family = lot->rule.match.family == AF_INET ? NFPROTO_IPV4 :
							     NFPROTO_IPV6;

	return c->hook && !strcmp(c->hook, hook_name(lot->rule.hook)) &&
	       !(c->type && !strcmp(c->type, "nat")) &&
	       !is_ahead(c, lot->rule.hook) &&
	       foreign_takes_part(t, family);
}

static int place_at_hook(struct search *x, const struct lot *lot)
{
	int err = 0;

	for (uint32_t i = 0; !err && i < x->f->n_chains; i++)
		if (is_passed(x->f, i, lot))
			err = places_scan_base(x, i, lot);
	return err;
}

/* ---- an accept rule, as lots ---- */

static bool is_errors(const struct rule *r)
{
	return r->match.ct == CT_INVALID_OR_UNTRACKED;
}

static int place_arriving(struct search *x, const struct lot *lot)
{
	struct lot arriving = *lot;

	arriving.rule.hook = HOOK_PREROUTING;
	if (lot->rule.hook == HOOK_FORWARD && !is_errors(&lot->rule))
		arriving.rule.match.dst = DST_TRANSIT;
	return place_at_hook(x, &arriving);
}

static int place_leaving(struct search *x, const struct lot *lot)
{
	struct lot leaving = *lot;

	leaving.rule.hook = HOOK_POSTROUTING;
	if (lot->rule.hook == HOOK_OUTPUT)
		leaving.rule.match.src_local = true;
	return place_at_hook(x, &leaving);
}

/* All that arrives comes through PREROUTING, all that leaves POSTROUTING. */
static int place_lot(struct search *x, const struct lot *lot)
{
	int err = place_at_hook(x, lot);

	if (!err && lot->rule.hook != HOOK_OUTPUT)
		err = place_arriving(x, lot);
	if (!err && lot->rule.hook != HOOK_INPUT)
		err = place_leaving(x, lot);
	return err;
}

/*
 * Without ports or types both legs of what this host sends to itself look
 * alike: no answer is let in that may not begin, too.
 */
static bool looks_alike(const struct rule *r)
{
	const struct iface_set *s = r->hook == HOOK_OUTPUT ? &r->match.oif :
							     &r->match.iif;

	return iface_set_is_lo(s) && !protocol_has_ports(r->match.proto) &&
	       !r->match.n_icmp;
}

/* Its packets, by what conntrack makes of them while it follows the flow. */
static int place_family(struct search *x, const struct rule *r, uint8_t family)
{
	bool tcp = r->match.proto == IPPROTO_TCP;
	struct lot lot = {
		.rule = *r, .untracked = NF_CT_STATE_UNTRACKED_BIT,
	};
	int err = 0;

	lot.rule.match.family = family;
	if (is_errors(r))
		lot.untracked = NF_CT_STATE_INVALID_BIT;
	lot.tracked = is_errors(r) ? IS_RELATED :
		      r->match.ct == CT_ANY ? lot.untracked :
		      r->leg != LEG_REPLY || looks_alike(r) ? IS_NEW :
							      IS_ESTABLISHED;
	lot.syn = tcp && lot.tracked == IS_NEW;
	err = place_lot(x, &lot);
	if (err || lot.tracked != IS_NEW ||
	    (!tcp && (r->leg != LEG_BOTH || looks_alike(r))))
		return err;
	lot.tracked = IS_ESTABLISHED;
	lot.syn = false;
	lot.rule.match.not_syn = tcp;
	return place_lot(x, &lot);
}

static int place_rule(struct search *x, const struct ruleset *rs,
		      const struct rule *r)
{
	int err = 0;

	if (rs->ipv4 && r->match.family != AF_INET6)
		err = place_family(x, r, AF_INET);
	if (!err && rs->ipv6 && r->match.family != AF_INET)
		err = place_family(x, r, AF_INET6);
	return err;
}

int places_find(const struct foreign *f, const struct ruleset *rs,
		struct stands *ret)
{
	_cleanup_free_ uint8_t *hooks = calloc(f->n_chains + 1, 1);
	struct search x = { .f = f, .out = ret, .hooks = hooks };
	int err = hooks ? walker_new(f, &x.w) : -ENOMEM;

	if (!err)
		chain_hooks_find(f, hooks);
	for (size_t i = 0; !err && i < rs->n; i++)
		if (rs->v[i].action == ACTION_ACCEPT)
			err = place_rule(&x, rs, &rs->v[i]);
	if (!err)
		err = places_settle(&x);
	places_forget(&x);
	walker_free(&x.w);
	if (!err)
		stands_normalize(ret);
	return err;
}
