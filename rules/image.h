/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rules/image.h: what is, or is to be, in a kernel: tables, chains, sets.
 *
 * A backend lowers a ruleset to an image, decodes the kernel into another, and
 * commits the difference. Only what is ours is in an image: our own tables,
 * our chains and sets in tables of others, and our jumps in their chains.
 *
 * Shape:  tables, chains and sets in canonical order (image_normalize());
 *         rules in evaluation order. A `foreign` chain is somebody else's and
 *         lists our jumps alone. A rule that could not be decoded is kept as
 *         VERDICT_UNKNOWN with its text, equal to itself alone. The chain of a
 *         VERDICT_WORDS rule holds nothing else and tells it by its name
 *         (own_names_echo()): it repeats what a rule of the host's does, or
 *         is where NOTRACK rules of iptables lead (own_names_end()). In a
 *         foreign chain such a rule leads to a chain that tells it by its name
 *         (own_names_led_to()).
 *         In an image rule the match is what the rule says inline; lookups
 *         say the rest. What an inline match may hold is the backend's choice
 *         (nft: at most one value a field; iptables, and nft in the tables of
 *         iptables-nft: multiport lists).
 *         The indexes are image.c's own; who moves or takes out a table, chain
 *         or set beside it releases the index concerned.
 *         A set may hold timers for new entries of its `family` instead of
 *         elements: an object of the kernel's, which is there before the rules
 *         that name it and goes after them as any set does.
 * Units:  as in core/inet.h and rules/elems.h.
 * Owner:  names are interned (core/intern.h). An image owns everything in it,
 *         its origins too when they were made by image_origin(); origins taken
 *         from a ruleset are borrowed.
 */
#ifndef CTPOLICY_RULES_IMAGE_H
#define CTPOLICY_RULES_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "rules/elems.h"
#include "rules/name_index.h"
#include "rules/ruleset.h"

/* What a lookup compares with field i of its set. */
enum key_part {
	KEY_SPORT,
	KEY_DPORT,
	KEY_SADDR,
	KEY_DADDR,
	KEY_IIFNAME,
	KEY_OIFNAME,
	KEY_DADDRTYPE,
	KEY_PART_MAX_
};

struct lookup {
	const char *set;		/* its name */
	enum key_part part[ELEMS_MAX_FIELDS];
	uint8_t n_parts;
};

#define IMAGE_LOOKUPS_MAX 5

enum verdict {
	VERDICT_NOTRACK,
	VERDICT_ACCEPT,
	VERDICT_RETURN,
	VERDICT_JUMP,
	VERDICT_WORDS,		/* all of it is `unknown`, the host's words */
	VERDICT_UNKNOWN,
	/* Digests hold these numbers: what is new comes last. */
	VERDICT_TIMERS,		/* a new entry gets those of set `target` */
	VERDICT_MAX_
};

/*
 * When a change of this thing may be made, seen from the flow: accepts come
 * before NOTRACK and leave after it; of NOTRACK the request direction leaves
 * first, so that replies are never the first that is seen of a flow. With a
 * protocol that begins with a handshake both directions leave with it: seen by
 * half, no new connection would come about. Chains, sets and rules each carry
 * one.
 */
enum stage {
	STAGE_ACCEPT,
	STAGE_NOTRACK_REQUEST,
	STAGE_NOTRACK_REPLY,
	STAGE_NOTRACK_BOTH,
	STAGE_MAX_
};

struct image_rule {
	struct match match;
	struct lookup lookup[IMAGE_LOOKUPS_MAX];
	uint8_t n_lookups;
	enum verdict verdict;
	enum stage stage;
	/*
	 * The chain that it leads to; of words, if it is ours; of NOTRACK, if
	 * it ends and the backend is iptables. Of timers, the set that has
	 * them. NULL: none
	 */
	const char *target;
	/*
	 * Of a jump in a foreign chain: the rule of the host's in whose place
	 * it stands, in the backend's form; NULL: none, or not known.
	 */
	const char *original;
	const char *lacks;	/* live: why the kernel would not take it */
	/*
	 * It is to count its packets (nft: has an expression for that). Live:
	 * what it counted, if it did; in iptables every rule does.
	 */
	bool counts, counted;
	/*
	 * Of NOTRACK: what it takes out meets no later rule of the chain, none
	 * of which could do more. In iptables it leads to where that is done.
	 * Of a jump in nft: what it leads away does not come back (goto).
	 */
	bool ends;
	/* Only packets of its protocol come to its chain: it does not ask. */
	bool led;
	uint64_t packets, bytes;
	uint32_t place;			/* in a foreign chain: from 0 */
	char *comment;			/* as in the kernel; NULL: none */
	char *unknown;			/* text of VERDICT_UNKNOWN, _WORDS */
	const struct origin *origin;	/* never NULL in a wanted image */
	uint64_t handle;		/* live: nft handle, or ipt position */
};

struct image_set {
	const char *name;
	struct elems elems;
	bool interval;			/* elements may be ranges */
	bool hashed;			/* nft: no bitmap, though of ports */
	uint32_t size;			/* room for so many; 0: grows */
	uint32_t count;			/* live, if counted: so many elements */
	bool counted;			/* live: by the kernel */
	uint8_t proto;			/* protocol of its ports; 0: none */
	uint8_t family;			/* AF_*, AF_UNSPEC: no addresses */
	enum stage stage;
	char kind[24];			/* backend's word: "hash:net,port"; "" */
	const char *timers;		/* words of core/timers.h; NULL: none */
};

struct image_chain {
	const char *name;
	enum hook hook;			/* HOOK_MAX_: a chain only jumped to */
	bool base;			/* hooked by itself (nft, our table) */
	bool foreign;
	bool odd;			/* hooked as no policy does it */
	enum stage stage;
	struct image_rule *rules;
	size_t n_rules, cap_rules;
	struct name_index rule_at;	/* by digest, while it is lowered */
};

struct image_table {
	const char *name;
	uint8_t family;			/* NFPROTO_*; NFPROTO_UNSPEC: ipset */
	bool owned;			/* nobody else's; goes when empty */
	bool asleep;			/* hooks nothing: adding it wakes it */
	bool iptables;			/* nft: one of iptables-nft's */
	struct image_chain *chains;
	size_t n_chains, cap_chains;
	struct image_set *sets;
	size_t n_sets, cap_sets;
	struct name_index chain_at, set_at;
};

struct image {
	struct image_table *tables;
	size_t n_tables, cap_tables;
	struct name_index table_at;
	struct origin_pool *origins;	/* made by image_origin() */
};

/* All return NULL when out of memory; valid until the next add beside it. */
struct image_table *image_add_table(struct image *img, uint8_t family,
				    const char *name);
struct image_chain *image_add_chain(struct image_table *t, const char *name,
				    enum hook hook);
struct image_set *image_add_set(struct image_table *t, const char *name);
struct image_rule *image_add_rule(struct image_chain *c);

struct image_table *image_find_table(const struct image *img, uint8_t family,
				     const char *name);
struct image_chain *image_find_chain(const struct image_table *t,
				     const char *name);
struct image_set *image_find_set(const struct image_table *t, const char *name);
/* Does a rule of the table jump, or go, to that chain? */
bool image_leads_to(const struct image_table *t, const char *chain);

/*
 * The origin that a kernel comment stands for ("web: static content"), made
 * once for each comment and owned by the image. NULL: out of memory.
 */
const struct origin *image_origin(struct image *img, const char *comment);
/*
 * The comment that an origin gets: "ctpolicy" where it has no service, else
 * its service, and ": why" where there is one. Cut at `max` bytes on a UTF-8
 * boundary; '"', '\' and control characters become '\''. Never fails: writes
 * into buf of at least max + 1 bytes.
 */
void origin_comment(const struct origin *o, char *buf, size_t max);
/* Do both get the same? Either may be NULL: it gets "ctpolicy". */
bool origin_same_comment(const struct origin *a, const struct origin *b);
/* Longest comment both kernels take: NFTNL_UDATA_COMMENT_MAXLEN less NUL. */
#define COMMENT_MAX 127

/* The set of address types that a backend may look up for DST_TRANSIT. */
#define IMAGE_TRANSIT_TYPES "transit_types"

/* Of a chain's rules from the first on, those that accept jump instead. */
void image_lead_to(struct image_chain *c, size_t first, const char *chain);
/* How many of the host's rules stand before a rule of a foreign chain. */
uint32_t image_rule_behind(const struct image_chain *c,
			   const struct image_rule *r);
/*
 * Is the kept live rule `before` (NULL: none) the next one behind a new rule of
 * a foreign chain, with none of the host's between them?
 */
bool image_rule_is_next(const struct image_chain *c, const struct image_rule *r,
			const struct image_rule *before);
/*
 * The jumps of each foreign chain came with the number of the host's rules
 * ahead of each as its place: put them in order and count the jumps in.
 */
void image_settle_jumps(struct image *img);
void image_settle_chain(struct image_chain *c);
bool image_rule_equal(const struct image_rule *a, const struct image_rule *b);
/* Do they match the same packets, as long as a set is what its name says? */
bool image_rule_meets_same(const struct image_rule *a,
			   const struct image_rule *b);
/* Equal for two that do; two that do not are seldom equal. */
uint64_t image_rule_meets_digest(const struct image_rule *r);
/* Is the rule for packets that only pass through this host? */
bool image_rule_is_transit(const struct image_rule *r);
/* Can the live set hold what is wanted, as it stands? */
bool image_set_fits(const struct image_set *want, const struct image_set *live);
/* What a lookup in it means is not known; no set that is wanted is like it. */
void image_set_mark_unknown(struct image_set *s);
bool image_set_is_known(const struct image_set *s);
void image_rule_release(struct image_rule *r);
void image_chain_release(struct image_chain *c);
void image_set_release(struct image_set *s);
/*
 * Tables, chains and sets by family and name, elements canonical, and every
 * `stage` worked out from the rules.
 */
int image_normalize(struct image *img);
bool image_is_empty(const struct image *img);
/*
 * Two normalized images have the same one if changeset_diff() finds nothing.
 * How many of the host's rules stand ahead of a jump does not count: they come
 * and go, a ban for instance, and the jump is where it was.
 */
uint64_t image_digest(const struct image *img);
void image_dump(const struct image *img, FILE *out);
void image_free(struct image **img);
struct image *image_new(void);
/* "ip", "ip6", "inet", "" for NFPROTO_UNSPEC. */
const char *nfproto_name(uint8_t family);

#endif
