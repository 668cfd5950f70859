/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rules/walk_parts.h: what the pieces of the walk share; theirs alone.
 *
 * Shape:  stops are those of one hook and family in the kernel's order. All
 *         nat chains of a hook are one stop, as they are one hook to the
 *         kernel, at a priority of its own; their own ones order them within.
 * Errors: walk_oom() and a spent budget end the walk; whoever loops looks at
 *         walk_is_over().
 */
#ifndef CTPOLICY_RULES_WALK_PARTS_H
#define CTPOLICY_RULES_WALK_PARTS_H

#include <linux/netfilter.h>

#include "rules/walk.h"

#define WALK_DEPTH_MAX 16	/* NFT_JUMP_STACK_SIZE */
#define WALK_KEYS_MAX 7		/* fields that a chain is indexed by */
#define KEYS_FROM 3		/* walks that make an index worth it */
#define WALK_BUDGET 2000000	/* rules of one walk, visits counted each */

enum stop_kind { STOP_CHAIN, STOP_CONNTRACK, STOP_NAT };

struct stop {
	enum stop_kind kind;
	int32_t priority;
	uint32_t chain;
};

struct stops {
	struct stop *v;
	size_t n, cap;
};

/* The rules of a chain, by number in it, that hold from `key` on. */
struct key_piece {
	uint8_t key[TERM_KEY_MAX];
	uint32_t first, n;		/* in the index's list */
};

/* The rules of a chain by the few ranges of a field that they ask for. */
struct key_index {
	uint8_t field, family;		/* NFPROTO_*, of addresses; else 0 */
	struct key_piece *pieces;
	uint32_t n_pieces;
	uint32_t *list;
	uint32_t *open;			/* rules that hold anywhere */
	uint32_t n_open;
};

/* The rules of a chain: order[first .. first + n) */
struct chain_rules {
	uint32_t first, n;
	uint8_t entered;		/* times, up to KEYS_FROM */
	struct key_index *keys;		/* made then */
	size_t n_keys, cap_keys;
};

/* The ranges of a set with one field, sorted, so that none overlap. */
struct sorted_set {
	uint32_t *at;		/* NULL: read through */
};

struct walker {
	const struct foreign *f;
	uint32_t *order;		/* rules, chain by chain */
	uint32_t *position;		/* of a rule */
	uint32_t *target;		/* of a rule: a chain, or NOWHERE */
	struct chain_rules *chains;
	struct sorted_set *sets;
	size_t visits;
	struct stops stops[2][NF_INET_NUMHOOKS];	/* [is IPv6][hook] */
	struct stops nat[2][NF_INET_NUMHOOKS];
};

/* One walk at work. */
struct walking {
	struct walker *w;
	const struct packet *p;
	struct walk *out;
	uint8_t hook;
	bool seen;		/* by conntrack: loopback, second half */
	bool mute;		/* record nothing: another order is tried */
	bool dropped;		/* may have been, before here, as `gone` */
	struct walk_state gone;
	bool doubt;		/* may not have come here, for another reason */
	uint32_t skip;		/* a rule that is taken not to match */
	bool skipped;		/* it was met; record from now on */
	size_t budget;
	int err;
	uint32_t depth;
	uint32_t stack[WALK_DEPTH_MAX + 1];
};

/* How a rule or a chain may end, and the packet's state in each case. */
enum {
	END_ON = 1 << 0,	/* with the next rule; of a chain: its end */
	END_ACCEPT = 1 << 1,
	END_DROP = 1 << 2,
	END_RETURN = 1 << 3,	/* rules alone */
};

struct ending {
	uint8_t how;
	struct walk_state on, accept, drop, ret;
};

/* walk_term.c: does a match hold? And the state if it does, or doesn't. */
enum truth walk_match(const struct walking *x, const struct term *t,
		      const struct walk_state *s, struct walk_state *ret_yes,
		      struct walk_state *ret_no);

/* The ranges of a term's set that the packet's key may lie in. */
struct lookup {
	const struct walking *x;
	const struct term *t;
	const struct key_set *set;
	struct packet_value v[TERM_FIELDS_MAX];
	uint32_t at;
	uint32_t lost;			/* of the state */
	bool exact;			/* one field, all of it known */
};

void lookup_begin(struct lookup *l, const struct walking *x,
		  const struct term *t, const struct walk_state *s);
/* Are its fields there, and of its family? */
enum truth lookup_has_fields(const struct lookup *l);
/* The next range, and whether the key is in it; TRUTH_NO: no more. */
enum truth lookup_next(struct lookup *l, uint32_t *ret_range);

/* walk_index.c: which of the set's ranges holds an exact key, if sorted. */
bool walk_index_find(const struct walker *w, uint32_t set,
		     const uint8_t key[TERM_KEY_MAX], uint32_t *ret_range);

/* walk_keys.c */
int walk_keys_index(const struct walker *w, struct chain_rules *c);
void walk_keys_release(struct chain_rules *c);

/* The rules of a chain that may hold for a packet, as each field says. */
struct sifted_list {
	const uint32_t *at, *end;	/* rules, by number in the chain */
};

struct sieve {
	const struct walking *x;
	const struct chain_rules *c;
	uint32_t lost;			/* of the state that it is made for */
	uint32_t n;
	struct sifted {
		struct sifted_list keyed, open;
	} by[WALK_KEYS_MAX];
};

/* walk_sift.c */
uint32_t walk_keys_piece(const struct key_index *x,
			 const uint8_t key[TERM_KEY_MAX]);
void walk_sift_begin(struct sieve *v, const struct walking *x,
		     const struct chain_rules *c, const struct walk_state *s);
/* The next that may hold, from `at` on, which only grows; or c->n. */
uint32_t walk_sift_next(struct sieve *v, const struct walk_state *s,
			uint32_t at);

/* walk_state.c */
void walk_join(struct walk_state *to, const struct walk_state *from);
bool walk_state_same(const struct walk_state *a, const struct walk_state *b);
void ending_add(struct ending *e, uint8_t how, const struct walk_state *s);

/* walk_zone.c */
void walk_zone_join(struct ct_zone *to, const struct ct_zone *from);
bool walk_zone_same(const struct ct_zone *a, const struct ct_zone *b);
/* What is in one of the states `open` gets a template of that zone. */
void walk_put_template(uint8_t open, const struct ct_zone *zone,
		       struct walk_state *s);
/* What conntrack makes of the packet, in the zone where it looks. */
uint8_t walk_zone_states(const struct packet *p, const struct walk_state *s);

/* walk_term.c */
enum truth walk_has_entry(uint8_t ct);
/* What is known of a field by now; how wide it is in this packet. */
struct packet_value walk_value(const struct walking *x,
			       const struct walk_state *s,
			       enum packet_field field);
size_t walk_width(const struct walking *x, enum packet_field field);
/* walk_mark.c: the terms that set and lose marks. */
void walk_set_mark(const struct term *t, struct walk_state *s);

/* walk.c: false: the packet ends here. */
bool walk_stop(struct walking *x, const struct stop *stop,
	       struct walk_state *s);
/* walk_tie.c: the same of all stops of a hook. */
bool walk_stops(struct walking *x, const struct stops *v,
		struct walk_state *s);

/* walk_chain.c: all of a base chain, with its policy; one phase. */
void walk_base_chain(struct walking *x, const struct stop *stop,
		     const struct walk_state *s, struct ending *ret);
/* walk_target.c: what an extension does. */
void walk_extension(const struct foreign *f, const struct foreign_rule *r,
		    const char *name, uint8_t hook, const struct walk_state *s,
		    struct ending *ret);

static inline bool walk_is_over(const struct walking *x)
{
	return x->err || x->out->too_long;
}

#endif
