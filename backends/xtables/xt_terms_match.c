/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/xtables/xt_terms_match.c: a match as a whole: what its options mean
 * together, and what it asks without any.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "backends/xtables/xt_reader.h"
#include "core/mem.h"

/* The matches whose options are all known, or opaque one by one. */
static const struct {
	const char *match;
	unsigned int seen;
} understood[] = {
	{ "tcp", SEEN_HEADER }, { "udp", SEEN_HEADER },
	{ "udplite", SEEN_HEADER }, { "sctp", SEEN_HEADER },
	{ "dccp", SEEN_HEADER }, { "icmp", SEEN_HEADER },
	{ "icmp6", SEEN_HEADER }, { "icmpv6", SEEN_HEADER },
	{ "multiport", 0 }, { "conntrack", 0 }, { "state", 0 },
	{ "mark", 0 }, { "connmark", 0 }, { "addrtype", 0 },
	{ "iprange", 0 }, { "set", 0 }, { "comment", 0 },
	{ "socket", SEEN_SOCKET },
};

int xt_begin_match(struct xt_reader *r)
{
	int err = xt_end_match(r);

	if (err)
		return err;
	r->match = r->o.arg;
	r->is_opaque = true;
	for (size_t i = 0; i < ARRAY_SIZE(understood); i++)
		if (!strcmp(r->match, understood[i].match)) {
			r->is_opaque = false;
			r->seen |= understood[i].seen;
		}
	if (!strcmp(r->match, "mark"))
		r->mark = FIELD_MARK;
	else if (!strcmp(r->match, "connmark"))
		r->mark = FIELD_CTMARK;
	return r->is_opaque ? xt_put_opaque(r) : 0;
}

int xt_put_number(struct xt_reader *r, enum packet_field field, uint32_t first,
		  uint32_t last)
{
	struct key_range v;

	xt_key_number(first, last, packet_field_bytes(field), &v);
	return xt_put(r, (struct term){ .n_fields = 1, .field = { field } },
		      &v);
}

/* Is there an entry? What has none fails whatever is asked of it. */
static int put_entry(struct xt_reader *r)
{
	return xt_put_list(r, (struct term){ .field = { FIELD_STATE } },
			   "NEW,ESTABLISHED,RELATED", xt_parse_state);
}

/* None of the bits: the masked status is 0. */
static int put_status(struct xt_reader *r)
{
	struct term t = {
		.masked = true, .n_fields = 1, .field = { FIELD_STATUS },
		.negated = !r->status.negated,
	};
	struct key_range v, bits;
	uint32_t mask;

	if (xt_parse_status(r->status.words, &mask))
		return xt_put_opaque(r);
	xt_key_number(mask, mask, 4, &bits);
	memcpy(t.mask, bits.first, sizeof(t.mask));
	xt_key_number(0, 0, 4, &v);
	return xt_put(r, t, &v);
}

/*
 * A packet without an entry passes by its state alone, so that beside a state
 * nothing more can be said of the rest.
 */
static int end_conntrack(struct xt_reader *r)
{
	bool has_state = r->seen & SEEN_STATE;
	bool has_rest = r->seen & SEEN_ENTRY ||
			(has_state && r->seen & SEEN_STATUS);
	int err = 0;

	if (has_rest && !has_state)
		err = put_entry(r);
	if (!err && has_rest)
		err = xt_put_opaque(r);
	if (!err && r->seen & SEEN_STATUS && !has_state)
		err = put_status(r);
	return err;
}

static int end_socket(struct xt_reader *r)
{
	bool transparent = r->seen & SEEN_TRANSPARENT;
	bool any = r->seen & SEEN_NOWILDCARD;
	struct term lose = { .kind = TERM_LOSE_MARK };
	int err = 0;

	if (!(r->seen & SEEN_SOCKET))
		return 0;
	if (!any)
		err = xt_put_number(r, FIELD_WILDCARD, 0, 0);
	if (!err && (any || transparent))
		err = xt_put_number(r, FIELD_TRANSPARENT, transparent, 1);
	if (!err && r->seen & SEEN_SKMARK)
		err = foreign_add_term(r->f, &lose);
	return err;
}

/* The words of a list, as bits by their RTN_* values. */
static int types_of(const struct xt_reader *r, const char *words,
		    uint32_t *ret)
{
	uint32_t bits = 0;

	while (*words) {
		size_t n = strcspn(words, ",");
		char word[16] = "";
		struct key_range v;

		if (n >= sizeof(word))
			return -EINVAL;
		memcpy(word, words, n);
		if (xt_parse_type(r, word, &v))
			return -EINVAL;
		bits |= UINT32_C(1) << v.first[3];
		words += n + (words[n] == ',');
	}
	*ret = bits;
	return 0;
}

static int put_types(struct xt_reader *r, struct term t, uint32_t bits)
{
	int err = foreign_begin_set(r->f, NULL, 1, false, &t.set);

	t.n_fields = 1;
	for (uint32_t type = 0; !err && type < 32; type++) {
		struct key_range v = { 0 };

		if (!(bits & UINT32_C(1) << type))
			continue;
		xt_key_number(type, type, 4, &v);
		err = foreign_add_key(r->f, &v, NULL);
	}
	return err ? err : foreign_add_term(r->f, &t);
}

/*
 * Of an IPv6 address all the types must be true, and these go by the address
 * alone: unicast is what is neither a group nor "::", the host's own included
 * (match_type6() in the kernel's net/netfilter/xt_addrtype.c).
 */
static const struct {
	uint32_t bit;
	struct key_range is;
} types6[] = {
	{ 1 << RTN_UNSPEC, { { 0 }, { 0 } } },
	{ 1 << RTN_UNICAST, { { [15] = 1 },
			      { 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
				0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
				0xff } } },
	{ 1 << RTN_MULTICAST, { { 0xff },
				{ 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
				  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
				  0xff, 0xff } } },
};

static int put_types6(struct xt_reader *r, struct term t, uint32_t bits)
{
	uint32_t rest = bits;
	unsigned int n = 0;
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(types6); i++) {
		n += !!(bits & types6[i].bit);
		rest &= ~types6[i].bit;
	}
	/* not all of them: a choice, which no terms can say */
	if (t.negated && n + !!rest > 1)
		return xt_put_opaque(r);
	for (size_t i = 0; !err && i < ARRAY_SIZE(types6); i++) {
		struct term a = {
			.negated = t.negated, .n_fields = 1,
			.family = NFPROTO_IPV6,
			.field = { t.field[0] == FIELD_SADDR_TYPE ?
					   FIELD_SADDR : FIELD_DADDR },
		};

		if (bits & types6[i].bit)
			err = xt_put(r, a, &types6[i].is);
	}
	return !err && rest ? put_types(r, t, rest) : err;
}

static int end_addrtype(struct xt_reader *r)
{
	static const enum packet_field fields[] = {
		FIELD_SADDR_TYPE, FIELD_DADDR_TYPE,
	};
	int err = 0;

	if (r->seen & SEEN_LIMIT_IFACE)
		return xt_put_opaque(r);
	for (size_t i = 0; !err && i < ARRAY_SIZE(fields); i++) {
		struct term t = {
			.field = { (uint8_t)fields[i] },
			.negated = r->types[i].negated,
		};
		uint32_t bits;

		if (!r->types[i].words)
			continue;
		if (types_of(r, r->types[i].words, &bits))
			err = xt_put_opaque(r);
		else if (r->family == NFPROTO_IPV6)
			err = put_types6(r, t, bits);
		else
			err = put_types(r, t, bits);
	}
	return err;
}

/* A later fragment has no header, and these matches want one. */
static int end_header(struct xt_reader *r)
{
	if ((r->seen & (SEEN_HEADER | SEEN_PORTS)) == SEEN_HEADER)
		return xt_put_number(r, FIELD_FRAGMENT, 0, 0);
	return 0;
}

int xt_end_match(struct xt_reader *r)
{
	static int (*const end[])(struct xt_reader *r) = {
		end_header, end_conntrack, end_socket, end_addrtype,
	};
	int err = 0;

	r->in_head = false;
	for (size_t i = 0; !err && i < ARRAY_SIZE(end); i++)
		err = end[i](r);
	/* What belongs to the target stays. */
	r->seen &= SEEN_SET_MARK | SEEN_LOSE_MARK | SEEN_NOTRACK | SEEN_SAVE |
		   SEEN_RESTORE | SEEN_HELPER | SEEN_MOVE | SEEN_ZONE;
	memset(r->types, 0, sizeof(r->types));
	return err;
}
