/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rules/foreign.h: the host's own rules, whatever dialect they are written in.
 *
 * An image (rules/image.h) is exact or unknown, which is right for ctpolicy's
 * rules. Those of the host need the opposite: their text is kept whole, and
 * beside it stands what was understood of it.
 *
 * Shape:  tables, chains and rules in the order of the text; chains and rules
 *         name their table and chain by number. A rule of an anonymous chain
 *         (`jump { ... }`) belongs to the chain around it, or, with terms, to
 *         a chain of its own, as in the kernel.
 * Units:  lines and positions count from 1; position 0: the dialect has none.
 *         Terms are there where `wants_terms` was set before reading.
 * Owner:  owns the text that rules and elements point into; names are interned.
 * Errors: foreign_add_*() return NULL without memory.
 */
#ifndef CTPOLICY_RULES_FOREIGN_H
#define CTPOLICY_RULES_FOREIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/strbuf.h"
#include "rules/name_index.h"
#include "rules/term.h"

/* Of conntrack, what a rule uses: X(NAME, "its name for scripts") */
#define FOREIGN_FEATURES(X)						\
	X(STATE, "state_rules")						\
	X(NAT, "nat_rules")						\
	X(CONNMARK, "connmark")						\
	X(CONNLIMIT, "connlimit")					\
	X(CONNBYTES, "connbytes")					\
	X(HELPER, "helper")						\
	X(NOTRACK, "ct_notrack")					\
	X(CT_OTHER, "ct_other")						\
	X(CTSTATUS, "ctstatus")						\
	X(CTPROTO, "ctproto")						\
	X(CTDIR, "ctdir")						\
	X(CTEXPIRE, "ctexpire")						\
	X(CTADDR, "ctaddr")						\
	X(CTPORT, "ctport")						\
	X(CONNLABEL, "connlabel")					\
	X(CONNSECMARK, "connsecmark")					\
	X(CLUSTER, "cluster")						\
	X(SYNPROXY, "synproxy")						\
	X(LAYER7, "layer7")						\
	X(IPVS, "ipvs")							\
	X(CLUSTERIP, "clusterip")					\
	X(HMARK_CT, "hmark_ct")						\
	X(FLOWOFFLOAD, "flowoffload")					\
	X(CTZONE, "ctzone")						\
	X(CTID, "ctid")							\
	X(XT_OPAQUE, "xt_opaque")					\
	X(NAT_VERDICT, "nat_verdicts")

#define FOREIGN_FEATURE_(name, text) FEATURE_##name,
enum foreign_feature { FOREIGN_FEATURES(FOREIGN_FEATURE_) FEATURE_MAX_ };
#undef FOREIGN_FEATURE_

#define FEATURE_BIT(name) (UINT64_C(1) << FEATURE_##name)

/* What is not a rule, and yet shows that conntrack is used. */
#define FOREIGN_FACTS(X)						\
	X(NAT_CHAINS, "nat_chains")					\
	X(NAT_CHAIN_RULES, "nat_chain_rules")	/* in their own braces */ \
	X(FLOWTABLES, "flowtables")					\
	X(CT_OBJECTS, "ct_objects")					\
	X(SYNPROXY_OBJECTS, "synproxy_objects")				\
	X(SETS_WITH_CT, "sets_with_ct")					\
	X(INCLUDES, "includes")		/* not followed */

#define FOREIGN_FACT_(name, text) FACT_##name,
enum foreign_fact { FOREIGN_FACTS(FOREIGN_FACT_) FACT_MAX_ };
#undef FOREIGN_FACT_

/* In alphabetical order, as they are listed. */
enum foreign_state {
	STATE_DNAT = 1 << 0,
	STATE_ESTABLISHED = 1 << 1,
	STATE_INVALID = 1 << 2,
	STATE_NEW = 1 << 3,
	STATE_RELATED = 1 << 4,
	STATE_SNAT = 1 << 5,
	STATE_UNTRACKED = 1 << 6,
};

/* How a match looks at the state. */
enum foreign_state_kind {
	STATES_LISTED,		/* one of a list */
	STATES_MAPPED,		/* a verdict for each of the list */
	STATES_IN_SET,		/* the list is the set `name` */
	STATES_IN_MAP,		/* the list and verdicts are the map `name` */
	STATES_WITH_MORE,	/* a field among others of a concatenation */
};

struct foreign_states {
	enum foreign_state_kind kind;
	uint8_t mask;		/* enum foreign_state */
	bool negated;
	const char *name;
};

/* What ends or branches the walk through a chain; the rest passes on. */
enum foreign_verdict {
	FOREIGN_NONE,
	FOREIGN_ACCEPT,
	FOREIGN_DROP,
	FOREIGN_REJECT,
	FOREIGN_RETURN,
	FOREIGN_JUMP,		/* to `target` */
	FOREIGN_GOTO,
	FOREIGN_TARGET,		/* anything else: the extension `target` */
};

struct foreign_text {
	const char *s;
	size_t n;
};

/* Are these words in it? */
bool foreign_text_has(const struct foreign_text *t, const char *words);
/* On one line, cut at `max` bytes, not in the middle of a character. */
void foreign_text_line(const struct foreign_text *t, size_t max,
		       struct strbuf *out);

/* What a verdict map says of one range. */
struct foreign_outcome {
	enum foreign_verdict verdict;
	const char *target;
};

/* Where a map says that the range is translated to. */
struct foreign_answer {
	uint8_t family;			/* NFPROTO_*; 0: it names no address */
	uint16_t port, last_port;	/* host byte order; 0: it names none */
	struct key_range address;
};

/*
 * What terms compare with. Range i of a key of k fields is ranges[first + i*k]
 * and the k-1 behind it; its verdict, of a map, is outcomes[outcome + i], and
 * where it is translated to is answers[answer + i].
 */
struct key_set {
	const char *name;		/* NULL: stands in the rule itself */
	uint32_t table;			/* FOREIGN_NOWHERE: an ipset */
	uint32_t first, n;		/* ranges */
	uint32_t outcome;		/* FOREIGN_NOWHERE: no verdict map */
	uint32_t answer;		/* FOREIGN_NOWHERE: none, or unknown */
	uint8_t n_fields;
	bool known;			/* false: its members are not */
};

struct foreign_rule {
	struct foreign_text raw;	/* as the owner wrote it */
	uint64_t features;		/* FEATURE_BIT() */
	const char *target;		/* NULL: the verdict needs none */
	uint32_t chain, line;
	uint32_t states, n_states;	/* in foreign.states */
	uint32_t terms, n_terms;	/* in foreign.terms */
	int32_t at;			/* foreign_position() */
	uint32_t next;			/* in the chain; UINT32_MAX: none */
	enum foreign_verdict verdict;
	bool alters;			/* packets, or a set: live rules only */
	const char *stand_in;		/* chain of ctpolicy's; NULL: none */
	const char *original;		/* in the backend's form; NULL */
};

struct host_chain {
	const char *name;
	const char *type, *hook;	/* NULL: a regular chain */
	const char *priority, *policy;	/* as written; NULL: not said */
	uint32_t table, line;
	uint32_t n_rules, first;	/* a rule; UINT32_MAX: none */
	int32_t shift;			/* see foreign_position() */
};

/* Two tables of one name may stand in the two worlds of one kernel. */
enum foreign_world { WORLD_NFT, WORLD_LEGACY };

struct foreign_table {
	const char *name, *flags;	/* flags: NULL: none */
	uint8_t family;			/* NFPROTO_* */
	enum foreign_world world;
	uint32_t line;
	bool ranked;			/* its rules have positions */
};

/* A set, a map or a define. */
struct foreign_elems {
	const char *name;
	uint32_t table, line;		/* table: UINT32_MAX: a define */
	bool is_map;
	struct foreign_text raw;	/* its type, flags and elements */
};

struct foreign {
	char *text;
	size_t len;
	uint8_t family;			/* AF_*, if the text says none; or 0 */
	bool wants_terms;		/* set before reading: fill terms */
	bool wants_originals;		/* and `original`, of a live kernel */
	bool without_own;		/* ctpolicy's sets may stay empty */
	struct foreign_table *tables;
	size_t n_tables, cap_tables;
	struct host_chain *chains;
	size_t n_chains, cap_chains;
	struct name_index table_at;	/* kind: the family */
	struct name_index chain_at;	/* kind: the table */
	struct foreign_rule *rules;
	size_t n_rules, cap_rules;
	struct foreign_states *states;
	size_t n_states, cap_states;
	struct foreign_elems *elems;
	size_t n_elems, cap_elems;
	struct term *terms;
	size_t n_terms, cap_terms;
	struct key_set *sets;
	size_t n_sets, cap_sets;
	struct key_range *ranges;
	size_t n_ranges, cap_ranges;
	struct foreign_outcome *outcomes;
	size_t n_outcomes, cap_outcomes;
	struct foreign_answer *answers;
	size_t n_answers, cap_answers;
	char **kept;			/* texts by foreign_keep() */
	size_t n_kept, cap_kept;
	size_t facts[FACT_MAX_];
};

#define FOREIGN_NOWHERE UINT32_MAX

/* Its number, found or made; -ENOMEM. */
int foreign_table(struct foreign *f, uint8_t family, const char *name,
		  uint32_t line, uint32_t *ret);
int foreign_table_of(struct foreign *f, enum foreign_world world,
		     uint8_t family, const char *name, uint32_t line,
		     uint32_t *ret);
int foreign_chain(struct foreign *f, uint32_t table, const char *name,
		  uint32_t line, uint32_t *ret);
/* The table's chain of that name (NULL: no name), or FOREIGN_NOWHERE. */
uint32_t foreign_find_chain(const struct foreign *f, uint32_t table,
			    const char *name);
/* The chain that a verdict of the rule jumps or goes to, or FOREIGN_NOWHERE. */
uint32_t foreign_leads_to(const struct foreign *f, const struct foreign_rule *r,
			  const struct foreign_outcome *v);
/* Is it about packets of the family, NFPROTO_IPV4 or _IPV6? */
bool foreign_is_of(const struct foreign_table *t, uint8_t family);
/* No hook leads to its chains; their rules keep tracking on all the same. */
bool foreign_is_dormant(const struct foreign_table *t);
/* Does a rule give packets another mark, or lose it? */
bool foreign_sets_marks(const struct foreign *f);
/* Are its base chains met by packets of the family? */
bool foreign_takes_part(const struct foreign_table *t, uint8_t family);
/* Is what comes to the end of the base chain dropped? */
bool foreign_drops_rest(const struct host_chain *c);
/*
 * A rule at `position` of its chain, 0: at its end. Valid until the next one
 * is added. A position behind the end is taken for the end.
 */
struct foreign_rule *foreign_add_rule(struct foreign *f, uint32_t chain,
				      uint32_t position);
/* A further match of the state, of the rule added last. */
int foreign_add_states(struct foreign *f, struct foreign_states s);
int foreign_add_elems(struct foreign *f, struct foreign_elems e);
/* A further term, of the rule added last. */
int foreign_add_term(struct foreign *f, const struct term *t);
/*
 * A set to fill right away: its ranges, n_fields at a time and (a map) with an
 * outcome each, until another set is begun. *ret: its number, for terms.
 */
int foreign_begin_set(struct foreign *f, const char *name, uint8_t n_fields,
		      bool is_map, uint32_t *ret);
int foreign_add_key(struct foreign *f, const struct key_range *v,
		    const struct foreign_outcome *of_map);
/* Where the key added last is translated to; of each of the set's, or none. */
int foreign_add_answer(struct foreign *f, const struct foreign_answer *a);
/* A copy of a text that is not in f->text, for `raw`; NULL: no memory. */
const char *foreign_keep(struct foreign *f, const char *s, size_t n);
/* The first of the rule's terms that is of the kind; NULL: none is. */
const struct term *foreign_find_term(const struct foreign *f,
				     const struct foreign_rule *r,
				     enum term_kind kind);
bool foreign_has_term(const struct foreign *f, const struct foreign_rule *r,
		      enum term_kind kind);
/* Dropped, whether or not the sender is told. */
bool foreign_drops(enum foreign_verdict v);
/* The packet is accepted or dropped: it meets no rule behind. */
bool foreign_decides(enum foreign_verdict v);
/* For the chain that called it, or for good: nothing comes back behind it. */
bool foreign_leaves(enum foreign_verdict v);
/* The same of a rule: by its verdict, or by one of a map's. */
bool foreign_leaves_chain(const struct foreign *f,
			  const struct foreign_rule *r);
/* Does it ask for a set of ipset's, or change one? */
bool foreign_asks_ipset(const struct foreign *f, const struct foreign_rule *r);
/*
 * Forget all that was added since the mark: chains that were there before
 * must have got no rules meanwhile.
 */
struct foreign_mark {
	size_t tables, chains, rules, states, elems, terms, sets, ranges,
		outcomes, answers, kept, facts[FACT_MAX_];
};
struct foreign_mark foreign_mark(const struct foreign *f);
int foreign_rewind(struct foreign *f, const struct foreign_mark *m);
/* All of its tables are of that world, which a text does not say. */
int foreign_set_world(struct foreign *f, enum foreign_world world);
/* Take all rules out of a chain, as a flush does. */
void foreign_flush_chain(struct foreign *f, uint32_t chain);
/* Take out the rules that is() says so of; those behind them move up. */
typedef bool foreign_is_fn(const struct foreign *f,
			   const struct foreign_rule *r);
void foreign_take_out(struct foreign *f, foreign_is_fn *is);
/* From 1, in the chain as it is when all was read; 0: the dialect has none. */
uint32_t foreign_position(const struct foreign *f,
			  const struct foreign_rule *r);
/* A flush took it out again. */
bool foreign_is_gone(const struct foreign_rule *r);

const char *foreign_feature_name(enum foreign_feature x);
const char *foreign_fact_name(enum foreign_fact x);
const char *foreign_family_name(uint8_t family);
/* The name of the state with this bit of enum foreign_state; NULL: none has. */
const char *foreign_state_name(unsigned int bit);
/* Any case; 0: no state of that name. */
uint8_t foreign_state_of(const char *word, size_t n);
/* What foreign_free() does for the terms and what belongs to them. */
void foreign_terms_release(struct foreign *f);
void foreign_free(struct foreign **f);

#endif
