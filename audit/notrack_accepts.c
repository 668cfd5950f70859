/* SPDX-License-Identifier: GPL-2.0-or-later */
/* audit/notrack_accepts.c: what filters make of packets out of tracking. */
#include <netinet/in.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "audit/notrack_parts.h"
#include "audit/own.h"
#include "core/inet.h"
#include "core/mem.h"

#define PRIVATE_PORT 9		/* nothing that any rule is likely to name */
#define OTHER_PORT 47809
#define SYN 0x02

static const uint8_t families[] = { NFPROTO_IPV4, NFPROTO_IPV6 };

/* From an address that no rule names, for this host, to no open socket. */
static void init_stranger(struct packet *p, uint8_t family, uint8_t proto)
{
	static const uint8_t v4[TERM_KEY_MAX] = { 203, 0, 113, 77 };
	static const uint8_t v6[TERM_KEY_MAX] = { 0x20, 1, 0xd, 0xb8,
						  [15] = 0x77 };

	packet_init(p, family, proto, PATH_TO_HOST);
	p->tracking = TRUTH_YES;
	packet_set(p, FIELD_SADDR, family == NFPROTO_IPV4 ? v4 : v6);
	packet_set_iface(p, FIELD_IIF, "stranger0");
	packet_set_number(p, FIELD_SADDR_TYPE, RTN_UNICAST);
	packet_set_number(p, FIELD_DADDR_TYPE, RTN_LOCAL);
	packet_set_number(p, FIELD_FRAGMENT, 0);
	packet_lose(p, FIELD_TRANSPARENT);
	packet_lose(p, FIELD_WILDCARD);
}

/* The rule at hook input that decided; NOWHERE: a policy, or several. */
static uint32_t decider(const struct walk *w, uint8_t outcome)
{
	for (size_t i = w->n_phases; i--;) {
		const struct walk_phase *p = &w->phases[i];
		const struct walk_step *s;

		if (p->chain == FOREIGN_NOWHERE ||
		    p->hook != NF_INET_LOCAL_IN || p->outcome != outcome)
			continue;
		s = walk_decider(w, p);
		if (s && s->rule != FOREIGN_NOWHERE)
			return s->rule;
	}
	return FOREIGN_NOWHERE;
}

static int outcome_of(struct inspection *j, const struct packet *p,
		      uint8_t *ret_outcome, uint32_t *ret_rule)
{
	_cleanup_(walk_release) struct walk w = { 0 };
	int err = walk_run(j->walker, p, &w);

	if (err)
		return err;
	*ret_outcome = w.outcome;
	if (ret_rule)
		*ret_rule = decider(&w, w.outcome);
	return 0;
}

/* Does a source port open what is closed to all others? */
static int check_hole_in(struct inspection *j, const struct use *x,
			 uint8_t family, const struct sample *s)
{
	uint16_t port = (uint16_t)(s->v[FIELD_SPORT][0] << 8 |
				   s->v[FIELD_SPORT][1]);
	uint8_t proto = s->v[FIELD_L4PROTO][0], forged, other;
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	struct packet p;
	uint32_t rule;
	int err;

	init_stranger(&p, family, proto);
	p.ct_states = NF_CT_STATE_BIT(IP_CT_NEW);
	packet_set_number(&p, FIELD_SPORT, port);
	packet_set_number(&p, FIELD_DPORT, PRIVATE_PORT);
	if (proto == IPPROTO_TCP)
		packet_set_number(&p, FIELD_TCP_FLAGS, SYN);
	err = outcome_of(j, &p, &forged, &rule);
	if (err || forged != WALK_ACCEPTED)
		return err;
	packet_set_number(&p, FIELD_SPORT, OTHER_PORT);
	err = outcome_of(j, &p, &other, NULL);
	if (err || other != WALK_DROPPED)
		return err;
	protocol_print(proto, &b);
	return inspect_add(j, DIAG_ERROR, ID_SOURCE_PORT_HOLE, x->rule, rule,
			 inspect_help(j, "name the servers (-s, ip saddr), or demand a socket: -m socket --nowildcard (nft: socket transparent 0), in the accept rule too"),
			 "whoever sends from %s port %u reaches every %s port of this host",
			 strbuf_text(&b, &j->lost), port,
			 strbuf_text(&b, &j->lost));
}

static int check_hole(struct inspection *j, const struct use *x)
{
	static const enum packet_field narrows[] = {
		FIELD_DPORT, FIELD_SADDR, FIELD_TRANSPARENT, FIELD_WILDCARD,
	};
	const struct uses *u = &j->notrack;
	const uint32_t needed = UINT32_C(1) << FIELD_SPORT |
				UINT32_C(1) << FIELD_L4PROTO;
	struct sample s;
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(narrows); i++)
		if (use_asks(u, x, narrows[i]))
			return 0;
	for (size_t k = 0; !err && k < ARRAY_SIZE(families); k++)
		if (inspect_sample(u, x, families[k], 0, &s) &&
		    (s.known & needed) == needed && use_may_take(u, x, &s))
			err = check_hole_in(j, x, families[k], &s);
	return err;
}

static bool lists_untracked(const struct foreign *f, const struct term *t,
			    uint32_t range)
{
	const struct key_range *r = &f->ranges[f->sets[t->set].first + range];
	uint32_t state = (uint32_t)r->first[0] << 24 |
			 (uint32_t)r->first[1] << 16 |
			 (uint32_t)r->first[2] << 8 | r->first[3];

	return state == NF_CT_STATE_UNTRACKED_BIT;
}

/* Which states a term lists, if that is all it does. */
static bool accepts_untracked(const struct foreign *f, const struct term *t,
			      bool in_rule)
{
	const struct key_set *set = &f->sets[t->set];
	bool untracked = false;

	if (t->negated || t->n_fields != 1 || t->field[0] != FIELD_STATE ||
	    !set->known)
		return false;
	for (uint32_t i = 0; i < set->n; i++) {
		bool takes = in_rule ||
			     f->outcomes[set->outcome + i].verdict ==
				     FOREIGN_ACCEPT;

		untracked |= takes && lists_untracked(f, t, i);
	}
	return untracked;
}

static bool is_blanket(const struct foreign *f, const struct foreign_rule *r)
{
	bool untracked = false;

	for (uint32_t i = 0; i < r->n_terms; i++) {
		const struct term *t = &f->terms[r->terms + i];
		bool maps = t->kind == TERM_VMAP &&
			    f->sets[t->set].outcome != FOREIGN_NOWHERE;

		if (maps && !untracked && accepts_untracked(f, t, false))
			return true;
		if (t->kind == TERM_OPAQUE || t->kind == TERM_VMAP)
			return false;
		if (t->kind != TERM_MATCH)
			continue;
		if (accepts_untracked(f, t, true))
			untracked = true;
		else if (t->n_fields != 1 || t->field[0] != FIELD_NFPROTO)
			return false;
	}
	return untracked && r->verdict == FOREIGN_ACCEPT;
}

static bool is_said(const struct inspection *j, uint32_t rule)
{
	for (size_t i = 0; i < j->out->n; i++)
		if (j->out->v[i].id == ID_SOURCE_PORT_HOLE &&
		    j->out->v[i].other == rule)
			return true;
	return false;
}

static int check_blankets(struct inspection *j)
{
	const struct foreign *f = j->f;
	int err = 0;

	for (uint32_t i = 0; !err && i < f->n_rules; i++) {
		const struct foreign_rule *r = &f->rules[i];
		const char *hook;

		if (!own_is_host(f, r) || is_said(j, i) || !is_blanket(f, r))
			continue;
		hook = f->chains[r->chain].hook;
		if (hook && strcmp(hook, "input") && strcmp(hook, "forward"))
			continue;
		err = inspect_add(j, DIAG_WARNING, ID_BLANKET_UNTRACKED, i,
				FOREIGN_NOWHERE,
				inspect_help(j, "accept untracked packets of each service by itself, by protocol and port"),
				"accepts every untracked packet, whatever NOTRACK rules take out now or later");
	}
	return err;
}

/*
 * An error about a flow that is out of tracking is INVALID, about any other
 * RELATED. Where this one gets through, that one should.
 */
static int check_errors(struct inspection *j, const struct use *x,
			uint8_t family)
{
	bool v4 = family == NFPROTO_IPV4;
	uint8_t untracked, tracked;
	struct packet p;
	uint32_t rule;
	int err;

	init_stranger(&p, family, v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	packet_set_number(&p, FIELD_ICMP_TYPE, v4 ? 3 : 2);
	packet_set_number(&p, FIELD_ICMP_CODE, v4 ? 4 : 0);
	p.ct_states = NF_CT_STATE_BIT(IP_CT_RELATED);
	err = outcome_of(j, &p, &tracked, NULL);
	if (err || tracked != WALK_ACCEPTED)
		return err;
	p.ct_states = NF_CT_STATE_INVALID_BIT;
	err = outcome_of(j, &p, &untracked, &rule);
	if (err || untracked != WALK_DROPPED)
		return err;
	return inspect_add(j, DIAG_WARNING, ID_ICMP_ERRORS_LOST,
			 rule == FOREIGN_NOWHERE ? x->rule : rule,
			 rule == FOREIGN_NOWHERE ? rule : x->rule,
			 inspect_help(j, v4 ? "ahead of it accept icmp types 3, 11 and 12" :
				     "ahead of it accept icmpv6 types 1, 2, 3 and 4"),
			 "%s errors about untracked connections are INVALID and are dropped%s: path MTU discovery fails",
			 v4 ? "ICMP" : "ICMPv6",
			 rule == FOREIGN_NOWHERE ? " by a policy" : " here");
}

static int check_path_mtu(struct inspection *j)
{
	const struct uses *u = &j->notrack;
	int err = 0;

	for (size_t k = 0; !err && k < ARRAY_SIZE(families); k++)
		for (size_t i = 0; i < u->n; i++) {
			struct sample s;

			if (u->v[i].own || j->one_way[i] ||
			    !inspect_is_at(j, &u->v[i], "prerouting") ||
			    !inspect_sample(u, &u->v[i], families[k], 0, &s) ||
			    !use_may_take(u, &u->v[i], &s))
				continue;
			err = check_errors(j, &u->v[i], families[k]);
			break;
		}
	return err;
}

int inspect_accepts(struct inspection *j)
{
	const struct uses *u = &j->notrack;
	int err = 0;

	for (size_t i = 0; !err && i < u->n; i++)
		if (!u->v[i].own && inspect_is_at(j, &u->v[i], "prerouting"))
			err = check_hole(j, &u->v[i]);
	if (!err)
		err = check_blankets(j);
	return err ? err : check_path_mtu(j);
}
