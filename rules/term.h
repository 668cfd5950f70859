/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rules/term.h: what one of the host's own rules asks of a packet, and does.
 *
 * Every dialect comes to this: a rule is a list of terms, looked at in order,
 * and a verdict at its end. The first term that does not hold ends the rule.
 *
 * Shape:  a match compares one field, or several that are one key, with a
 *         key_set: it holds when the key, each field of it masked, lies in one
 *         of the set's ranges; `negated` turns that round. A field that the
 *         packet does not have fails the match, negated or not, unless the
 *         term is `lax`, as ipset is: negated, it holds then. What could not
 *         be understood is an opaque term: it may hold or not. Where a
 *         translation goes is said by its target's own term: an address of the
 *         set's first range, if there is a field, and one of the ports, if
 *         there are any; without them it stays what it is, or is the kernel's
 *         choice. Ports 1 to 65535: it may be any. `by_map`: the answers of
 *         the set say it, those of the ranges that the packet's key lies in
 *         where a match of the rule looks up that set, else any of them; its
 *         own ports, if there are any, stand for theirs.
 * Units:  numbers big-endian and as wide as the field, from byte 0; what is
 *         behind is zero. Interface names are 16 bytes, padded with NUL.
 * Owner:  key sets and ranges are the model's (rules/foreign.h); names are
 *         interned.
 * Source: NF_CT_STATE_BIT in linux/netfilter/nf_conntrack_common.h, RTN_* in
 *         linux/rtnetlink.h, NFPROTO_* in linux/netfilter.h; nf_ct_zone_id()
 *         in net/netfilter/nf_conntrack_zones.h.
 */
#ifndef CTPOLICY_RULES_TERM_H
#define CTPOLICY_RULES_TERM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* X(NAME, bytes, "its name in messages") */
#define PACKET_FIELDS(X)						\
	X(NFPROTO, 1, "family")		/* NFPROTO_IPV4, NFPROTO_IPV6 */ \
	X(L4PROTO, 1, "protocol")	/* IPPROTO_* */			\
	X(SADDR, 16, "source address")	/* IPv4: 4 bytes wide */	\
	X(DADDR, 16, "destination address")				\
	X(SPORT, 2, "source port")	/* protocols with ports alone */ \
	X(DPORT, 2, "destination port")					\
	X(IIF, 16, "input interface")	/* none: all NUL */		\
	X(OIF, 16, "output interface")					\
	X(TCP_FLAGS, 1, "tcp flags")					\
	X(ICMP_TYPE, 1, "icmp type")	/* of the packet's family */	\
	X(ICMP_CODE, 1, "icmp code")					\
	X(STATE, 4, "connection state")	/* one NF_CT_STATE_BIT */	\
	X(STATUS, 4, "connection status") /* IPS_* */			\
	X(MARK, 4, "mark")						\
	X(CTMARK, 4, "connection mark")					\
	X(FRAGMENT, 1, "fragment")	/* 1: not the first one */	\
	X(SADDR_TYPE, 4, "type of source address")	/* RTN_* */	\
	X(DADDR_TYPE, 4, "type of destination address")			\
	X(TRANSPARENT, 1, "transparent socket")	/* absent: no socket */	\
	X(WILDCARD, 1, "wildcard socket")

#define PACKET_FIELD_(name, bytes, text) FIELD_##name,
enum packet_field { PACKET_FIELDS(PACKET_FIELD_) FIELD_MAX_ };
#undef PACKET_FIELD_

/*
 * Among the states of a set, as iptables lists them: of any packet whose
 * connection has its source or destination rewritten, whatever its state.
 */
#define STATE_LISTS_SNAT 0x10000
#define STATE_LISTS_DNAT 0x20000

/*
 * Where conntrack looks for the entry of a packet, in each direction: a zone
 * may be meant for one alone, and in the other it is then the zone 0.
 */
struct ct_zone {
	uint16_t id[2];		/* [is of the answers], host byte order */
	uint8_t known;		/* bits 1 << is of the answers */
};
#define CT_ZONE_KNOWN 3
/* Of `ct original zone` and `--zone-orig`; of `reply`. */
#define CT_ZONE_ORIGINAL 1
#define CT_ZONE_REPLY 2

/* The zone `id` in these directions; `known`: the rule says its number. */
static inline struct ct_zone ct_zone_of(uint16_t id, uint8_t directions,
					bool known)
{
	struct ct_zone z = {
		.known = (uint8_t)(known ? CT_ZONE_KNOWN : ~directions & 3),
	};

	for (unsigned int i = 0; known && i < 2; i++)
		z.id[i] = directions >> i & 1 ? id : 0;
	return z;
}

#define TERM_KEY_MAX 16		/* bytes of one field */
#define TERM_FIELDS_MAX 6	/* fields of one key */

enum term_kind {
	TERM_MATCH,
	TERM_VMAP,	/* a verdict for each range; none fits: as no match */
	TERM_OPAQUE,	/* `name`: the match that is not understood */
	TERM_NOTRACK,	/* does, asks nothing: takes the packet out */
	TERM_SET_MARK,	/* does: (MARK & keep) ^ (CTMARK & take) ^ flip */
	TERM_LOSE_MARK,	/* does: what the mark is now is not known */
	TERM_SET_CTMARK,	/* the same of an entry's: keep is CTMARK's */
	TERM_LOSE_CTMARK,
	TERM_ZONE,	/* does: a conntrack zone, which undoes NOTRACK */
	TERM_CT_ZONE,	/* the zone of what iptables' CT does */
	TERM_HELPER,	/* does: a conntrack helper for the connection */
	TERM_MOVE,	/* does: what the address or port is translated to */
};

struct term {
	enum term_kind kind;
	bool negated;
	bool either;		/* fields are alternatives, not one key */
	bool masked;
	bool lax;		/* a field that is not there is in no range */
	bool by_map;		/* a translation: where to is in the set */
	bool reshaped;		/* the set's own keys are other than these */
	uint8_t n_fields;
	uint8_t field[TERM_FIELDS_MAX];	/* enum packet_field */
	uint8_t family;		/* of addresses: NFPROTO_*, else 0 */
	uint32_t set;		/* in foreign.sets: of match, vmap, move */
	union {
		uint8_t mask[TERM_KEY_MAX];	/* if masked: of one field */
		struct { uint32_t keep, take, flip; };	/* host byte order */
		struct { uint16_t port, last_port; };	/* the same */
		struct ct_zone zone;
	};
	const char *name;	/* opaque: its word, "limit"; else NULL */
};

/* All that lies from `first` to `last`, both of the field's width. */
struct key_range {
	uint8_t first[TERM_KEY_MAX], last[TERM_KEY_MAX];
};

static inline bool key_range_is_single(const struct key_range *r)
{
	return !memcmp(r->first, r->last, sizeof(r->first));
}

/* Does it ask, or map, the state and nothing else? */
bool term_is_state(const struct term *t);
/*
 * Does it ask one thing, and one that singles nobody out? Of a rule that drops
 * and asks no more than that, the drop is what happens by default.
 */
bool term_is_plain(const struct term *t);
const char *packet_field_name(enum packet_field x);
size_t packet_field_bytes(enum packet_field x);

#endif
