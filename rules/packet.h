/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rules/packet.h: a packet, as far as it is known.
 *
 * Shape:  a field is there, is not, or may be (`there`); of its value the bits
 *         of `known` are. A new packet has every field its protocol has, and
 *         nothing of them is known but the family and the protocol; its mark
 *         is 0. What the walk itself knows is not set: the state, and which
 *         interface is looked at where.
 *         A packet that is not `in_zone` finds its entry wherever it is
 *         looked for.
 * Units:  values as in rules/term.h; ports of packet_set_port() in host byte
 *         order. ct_states: NF_CT_STATE_BITs.
 * Source: linux/netfilter/nf_conntrack_common.h; RTN_* in linux/rtnetlink.h.
 */
#ifndef CTPOLICY_RULES_PACKET_H
#define CTPOLICY_RULES_PACKET_H

#include "rules/term.h"

enum truth { TRUTH_NO, TRUTH_YES, TRUTH_MAYBE };

static inline enum truth truth_not(enum truth t)
{
	return t == TRUTH_MAYBE ? t : t == TRUTH_NO ? TRUTH_YES : TRUTH_NO;
}

static inline enum truth truth_and(enum truth a, enum truth b)
{
	if (a == TRUTH_NO || b == TRUTH_NO)
		return TRUTH_NO;
	return a == TRUTH_YES && b == TRUTH_YES ? TRUTH_YES : TRUTH_MAYBE;
}

static inline enum truth truth_or(enum truth a, enum truth b)
{
	return truth_not(truth_and(truth_not(a), truth_not(b)));
}

struct packet_value {
	enum truth there;
	uint8_t v[TERM_KEY_MAX], known[TERM_KEY_MAX];
};

enum packet_path {
	PATH_TO_HOST,		/* prerouting, input */
	PATH_FROM_HOST,		/* output, postrouting */
	PATH_FORWARDED,		/* prerouting, forward, postrouting */
	PATH_LOOPBACK,		/* output, postrouting, prerouting, input */
	PATH_MAX_
};

struct packet {
	uint8_t family;			/* NFPROTO_IPV4, NFPROTO_IPV6 */
	enum packet_path path;
	struct packet_value field[FIELD_MAX_];
	uint8_t ct_states;		/* what conntrack may make of it */
	uint8_t ct_alone;		/* ... where its entry is not found */
	struct ct_zone zone;		/* of its entry, if `in_zone` */
	bool in_zone;
	bool answers;			/* it goes the way of the answers */
	uint32_t ctmark_new;		/* bits of CTMARK no rule has set: 0 */
	enum truth tracking;		/* is conntrack at work? */
};

/* For loopback, both interfaces are "lo". */
void packet_init(struct packet *p, uint8_t family, uint8_t proto,
		 enum packet_path path);
/* `value` is as wide as the field. */
void packet_set(struct packet *p, enum packet_field x, const void *value);
void packet_set_number(struct packet *p, enum packet_field x, uint32_t n);
void packet_set_iface(struct packet *p, enum packet_field x, const char *name);
void packet_forget(struct packet *p, enum packet_field x);
void packet_lose(struct packet *p, enum packet_field x);	/* not there */
/* A fragment that is not the first: nobody knows what rules take for ports. */
void packet_cut(struct packet *p);
const char *packet_path_name(enum packet_path path);

#endif
