/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/xtables/xt_reader.h: what the files that read terms share.
 *
 * Shape:  some options mean something only together with others of their
 *         match; `seen` keeps them until the match, or the rule, ends.
 * Errors: -EINVAL: a word is not understood: the caller makes it opaque.
 *         -ENOMEM.
 */
#ifndef CTPOLICY_BACKENDS_XTABLES_XT_READER_H
#define CTPOLICY_BACKENDS_XTABLES_XT_READER_H

#include "backends/xtables/ipt_option.h"
#include "backends/xtables/xt_terms.h"

/* In this order: the C library has its own definitions. */
#include <net/if.h>
#include <netinet/in.h>

#include <linux/netfilter.h>

enum xt_seen {
	SEEN_HEADER = 1 << 0,	/* a match that needs its protocol's header */
	SEEN_PORTS = 1 << 1,	/* and a term that asks for it */
	SEEN_STATE = 1 << 2,
	SEEN_STATUS = 1 << 3,
	SEEN_ENTRY = 1 << 4,	/* something else of the entry */
	SEEN_SOCKET = 1 << 5,
	SEEN_TRANSPARENT = 1 << 6,
	SEEN_NOWILDCARD = 1 << 7,
	SEEN_SKMARK = 1 << 8,
	SEEN_LIMIT_IFACE = 1 << 9,
	SEEN_SET_MARK = 1 << 10,
	SEEN_LOSE_MARK = 1 << 11,
	SEEN_NOTRACK = 1 << 12,
	SEEN_SAVE = 1 << 13,	/* the mark to the entry's, and back */
	SEEN_RESTORE = 1 << 14,
	SEEN_HELPER = 1 << 15,
	SEEN_MOVE = 1 << 16,
	SEEN_ZONE = 1 << 17,
};

struct xt_list {
	const char *words;	/* NULL: not there */
	bool negated;
};

struct xt_reader {
	struct foreign *f;
	uint8_t family;
	const struct ipt_args *a;
	const struct xt_set_source *sets;
	struct ipt_option o;		/* at hand */
	size_t i;			/* in a: the words behind it */
	size_t first, n_head;		/* terms of the built-in part */
	bool in_head;			/* the option is of it */
	const char *match;		/* the last -m; NULL: none yet */
	bool is_opaque;			/* its options are not known */
	enum packet_field mark;		/* what --mark is about */
	const char *target;		/* NULL: none yet */
	unsigned int seen;
	struct xt_list status, types[2];	/* types: source, destination */
	uint32_t keep, flip;
	uint32_t nf_mask, ct_mask;	/* of the target; all bits */
	const char *to;		/* where it translates to */
	uint16_t zone;
	uint8_t zone_directions; /* CT_ZONE_*; 0: both */
	bool zone_lost;		/* its number is not said */
};

/* One word as a range of a field. */
typedef int xt_parse(const struct xt_reader *r, const char *word,
		     struct key_range *ret);

struct xt_option_row {
	const char *name;
	int (*take)(struct xt_reader *r, const struct xt_option_row *row);
	xt_parse *parse;
	enum packet_field field;
	bool in_head;		/* of the rule's built-in part */
	unsigned int seen;
};

xt_parse xt_parse_addr, xt_parse_span, xt_parse_port, xt_parse_iface,
	xt_parse_proto, xt_parse_state, xt_parse_type;
/* "0x1/0xff"; no mask: all bits. */
int xt_parse_mark(const char *word, uint32_t *ret, uint32_t *ret_mask);
/* "SYN,ACK" */
int xt_parse_tcp_flags(const char *words, uint8_t *ret);
int xt_parse_status(const char *words, uint32_t *ret);
/* "8", "3/4", "echo-request": of v[0] the type, of v[1] the code. */
int xt_parse_icmp(uint8_t family, const char *word, struct key_range v[2]);
/* xt_icmp_names.c: "3/4" of a name; NULL: it is not one. */
const char *xt_icmp_number(uint8_t family, const char *name);
int xt_parse_masked_addr(uint8_t family, const char *word,
			 struct key_range *ret, uint8_t ret_mask[16]);
void xt_key_number(uint32_t first, uint32_t last, size_t bytes,
		   struct key_range *ret);

/* xt_terms.c: a term of the match at hand. */
int xt_put(struct xt_reader *r, struct term t, const struct key_range *v);
int xt_put_opaque(struct xt_reader *r);
/* One of the words, or (negated) none of them. */
int xt_put_list(struct xt_reader *r, struct term t, const char *words,
		xt_parse *parse);
/* The option's argument number k, from 0; NULL: it has no such one. */
const char *xt_word(const struct xt_reader *r, size_t k);

/* xt_terms_option.c, xt_terms_match.c, xt_terms_target.c */
/* The one that is called so, or the only one that begins so. */
const struct xt_option_row *xt_find_option(const char *name,
					   bool may_be_short);
int xt_begin_match(struct xt_reader *r);
int xt_put_number(struct xt_reader *r, enum packet_field field, uint32_t first,
		  uint32_t last);
int xt_end_match(struct xt_reader *r);
int xt_take_target_mark(struct xt_reader *r, const struct xt_option_row *row);
int xt_take_mark_mask(struct xt_reader *r, const struct xt_option_row *row);
int xt_take_zone(struct xt_reader *r, const struct xt_option_row *row);
/* "192.0.2.1:80", "[2001:db8::1]:80-81", "192.0.2.1-192.0.2.9", "80-81" */
int xt_take_move(struct xt_reader *r, const struct xt_option_row *row);
int xt_put_move(struct xt_reader *r);
int xt_end_target(struct xt_reader *r);

#endif
