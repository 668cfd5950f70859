/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit/box.h: a set of packets, field by field.
 *
 * Shape:  a packet is in the box if each of its fields is. Sets are normalized;
 *         an empty one is "any". What no set can hold (a mark, a limit) is
 *         `unsaid`: then the box says too much, and that is why.
 *         `spares_lo` is said beside the sets, since what it leaves out is no
 *         list of networks or interfaces.
 * Units:  as in core/inet.h; types are 1 << RTN_*.
 * Owner:  a box owns its sets; words are interned or static.
 * Errors: -ENOMEM.
 */
#ifndef CTPOLICY_AUDIT_BOX_H
#define CTPOLICY_AUDIT_BOX_H

#include "core/inet.h"
#include "rules/foreign.h"

enum { BOX_IPV4 = 1 << 0, BOX_IPV6 = 1 << 1 };
enum { BOX_ECHO_REQUEST = 1 << 0, BOX_ECHO_REPLY = 1 << 1 };
#define BOX_PROTOCOLS 256

enum box_dim {
	DIM_FAMILY, DIM_PROTOCOL, DIM_DPORT, DIM_SPORT, DIM_SRC, DIM_DST,
	DIM_IIF, DIM_OIF, DIM_DST_TYPE, DIM_MAX_
};

/* Why a box says more than the rule. */
enum box_unsaid {
	SAID,
	UNSAID_FIELD,		/* it asks for `word` */
	UNSAID_MATCH,		/* it uses the match `word` */
	UNSAID_SET,		/* the members of `word` are not known */
	UNSAID_NEGATION,	/* all but some `word` */
	UNSAID_MASK,		/* a mask of `word` */
	UNSAID_NAME,		/* an interface name that no policy can hold */
	UNSAID_MANY,		/* too many combinations */
	UNSAID_MAX_
};

struct box {
	uint8_t families;		/* BOX_* */
	uint64_t protos[4];		/* a bit each */
	struct port_set dport, sport;
	struct prefix_set src, dst;
	struct iface_set iif, oif;
	uint16_t dst_types;
	uint8_t echo;			/* of ICMP, BOX_ECHO_*; 0: all of it */
	bool socket;			/* of a socket of this host alone */
	bool src_local;			/* from an address of this host */
	bool spares_lo;			/* all but loopback */
	bool is_empty;
	enum box_unsaid unsaid;
	const char *word;
};

struct boxes {
	struct box *v;
	size_t n, cap;
};

void box_init(struct box *b);		/* all packets */
void box_release(struct box *b);
int box_copy(const struct box *b, struct box *ret);
bool box_has_proto(const struct box *b, unsigned int proto);
size_t box_count_protos(const struct box *b);
/* Are there packets that both may hold? */
int box_meets(const struct box *a, const struct box *b, bool *ret);
/* Does b hold, in this field, all that a does? */
bool box_dim_within(const struct box *a, const struct box *b,
		    enum box_dim dim);
/* Order by all fields but one; DIM_MAX_: by all. */
int box_cmp(const struct box *a, const struct box *b, enum box_dim but);
/* To a, which differs in no other field, what b has in this one. */
int box_widen(struct box *a, const struct box *b, enum box_dim dim);
/* From a, what b has in this field; unsaid where that cannot be said. */
int box_cut(struct box *a, const struct box *b, enum box_dim dim);

/* To a, of what it has in this field, what b has too. */
int box_keep(struct box *a, const struct box *b, enum box_dim dim);

/* To the packets that the term matches; `outcome`: of a verdict map's. */
int boxes_narrow(struct boxes *l, const struct foreign *f,
		 const struct term *t, uint32_t outcome);
int boxes_begin(struct boxes *l);	/* one, of all packets */
int boxes_add(struct boxes *l, const struct boxes *from);
int boxes_add_one(struct boxes *l, const struct box *b);
/* As few as hold the same packets; empty ones are gone. */
int boxes_join(struct boxes *l);
void boxes_release(struct boxes *l);

#endif
