/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_native.h: state rules of nft's own tables, replaced live.
 *
 *   the rule's bytes --nft_native_parts--> own matches, state, actions, verdict
 *   zones --nft_native_match--> expressions ---+
 *                                              +--> rules of a chain that
 *   both families --nft_native_rule, merged ---+    stands in (nft_native), as
 *                                                   words "raw EXPRS USER ..."
 *
 * Shape:  own matches, actions and verdict stay as the kernel gave them. In a
 *         table of both families, what only one is to meet asks for it first.
 * Errors: -ENOMEM; -EOPNOTSUPP: it has something that is not known.
 */
#ifndef CTPOLICY_BACKENDS_NFT_NFT_NATIVE_H
#define CTPOLICY_BACKENDS_NFT_NFT_NATIVE_H

#include "backends/nft/nft_anonymous.h"
#include "rules/stateless.h"

struct image_chain;
struct image_rule;

/* nft_native_parts.c */
enum nft_native_kind {
	NATIVE_MATCH,
	NATIVE_STATE,
	NATIVE_ACTION,		/* counts or logs: always goes on */
	NATIVE_VERDICT,
};

struct nft_native_parts {
	struct nft_native_part {
		enum nft_native_kind kind;
		bool of_state;		/* a verdict map by state */
		bool loads;		/* for the verdict map behind */
		const struct nlattr *expr;
		const struct nft_raw_set *set;
	} *v;
	size_t n, cap;
};

/* Parts point into the rule. */
int nft_native_parts(const struct nft_raw *rule, struct nft_native_parts *ret);
void nft_native_parts_release(struct nft_native_parts *p);

/* nft_native_match.c: what a rule asks beyond what is known of its packets. */
struct nft_native_asked {
	const struct stateless_rule *r;
	const struct zone *known;
};
/* So many rules say it, one for each name of an interface. */
int nft_native_ways(const struct nft_native_asked *x, size_t *ret);
/* Behind what is there; *ret_alone: only one family has that. */
int nft_native_match(const struct nft_native_asked *x, size_t way,
		     struct nft_raw *to, bool *ret_alone);

/*
 * That the first register holds one of the values, of so many bytes and of that
 * type of nft's.
 */
int nft_native_among(const struct spans *s, size_t bytes, uint32_t type,
		     struct nft_raw *to);

/* nft_native_put.c: what was written, behind what is there. */
struct nft_writer;
int nft_native_flush(struct nft_writer *w, struct nft_raw *to);
/* ip saddr . udp sport . udp dport, and of flows ip daddr ahead of the last */
void nft_native_key(struct nft_writer *w, uint8_t af, bool flows, bool answers);
/* Of a set: for people, how its keys are to be read. */
int nft_native_big_endian(struct nft_bytes *set);
/*
 * nft_native_tidy.c: what nft lists of the rule loads again, and gives the same
 * bytes. Empty: the rule asks for what no packet is.
 */
int nft_native_tidy(struct nft_raw *r);
/* nft_native_merge.c: of that, both ports, or both parts of ICMP's type. */
int nft_native_merge(struct nft_raw *r);
/* meta nfproto, ahead of what is there */
int nft_native_family(struct nft_raw *to, uint8_t family);
/* accept, drop, return, continue; jump or goto `target` */
int nft_native_verdict(struct nft_raw *to, enum foreign_verdict v,
		       const char *target);
/*
 * Of a timed set of the table: its name, and what tells it of a datagram, or
 * of one that answers (which it has been told of), behind what is there.
 */
const char *nft_native_set(uint8_t family, bool flows);
void nft_native_note(struct nft_writer *w, uint8_t family, bool flows,
		     bool answers);
void nft_rule_freep(struct nftnl_rule **r);

/*
 * What a rule does that leaves its chain can't be done from a chain that is
 * called: chains of their own do it, one for each verdict, and the rules that
 * stand in the rule's place go there. `name` is that of the first.
 */
struct nft_native_ends {
	const char *name;
	struct nft_native_end {
		const char *name;
		struct foreign_outcome does;
	} *v;
	size_t n, cap;
};
void nft_native_ends_release(struct nft_native_ends *e);

/* A rule, as its chain has it in that hook. */
struct nft_native_job {
	const struct foreign *f;
	const struct stateless *s;
	uint32_t rule;
	uint8_t hook;
	struct nft_native_ends *ends;	/* NULL: rules do it themselves */
};

/* nft_native_rule.c: rules in order. */
struct nft_native_rules {
	struct nft_native_rule {
		struct nft_raw raw;
		bool leaves;		/* for an end that leaves the chain */
	} *v;
	size_t n, cap;
};
/* What stands for the rule, as `own` is; *ret_gone: it goes. */
int nft_native_rule(const struct nft_native_job *j,
		    struct nft_native_rules *ret, bool *ret_gone);
/* The same of a chain that was made for it. */
int nft_native_chain(const struct nft_native_job *j, size_t number,
		     const char **ret_name, struct nft_native_rules *ret);
/* The rule of one of the ends. */
int nft_native_end(const struct nft_native_job *j,
		   const struct nft_native_end *end, struct nft_raw *ret);
void nft_native_rules_release(struct nft_native_rules *l);

/*
 * nft_native_keys.c: a map of which some verdicts leave the chain. Is it, if
 * the rule has one, of a kind whose keys can be asked for?
 */
bool nft_native_may_split(const struct foreign *f,
			  const struct foreign_rule *r);
/* Those with a verdict that leaves, or the others; *ret_any: there are some. */
int nft_native_keys(const struct nft_native_job *j,
		    const struct nft_native_part *map, bool leaving,
		    struct nft_raw *to, bool *ret_any);

/* nft_native_plain.c: rules that only lead elsewhere. */
/* Chains by the names of the copies that the job's hook has; *ret: any. */
int nft_native_lead(const struct nft_native_job *j, struct nft_raw *r,
		    bool *ret);
/* The rule itself, led so. */
int nft_native_plain(const struct nft_native_job *j, struct nft_raw *ret,
		     bool *ret_led);
/* By its comment it is ctpolicy's; it loses its own. */
int nft_native_mark(struct nft_raw *r);

/* nft_native_read.c: such rules in words, and as terms. */
/* A rule of a chain of ctpolicy's, as an image has it. */
int nft_raw_decode(const struct nlmsghdr *nlh, const struct image_table *t,
		   const struct nft_anonymous *sets, struct image_rule *ret);
/* The same in a chain of the host's: it leads to one of ctpolicy's. */
int nft_raw_in_place(struct image_rule *r);
/* At the end of a chain of ctpolicy's. */
int nft_raw_add_rule(struct image_chain *c, const struct nft_raw *raw);
/* The terms of the rule that was added to the model last. */
int nft_raw_terms(const struct image_table *t, const char *words,
		  struct foreign *f);
/* In nft's own syntax, for people. */
int nft_raw_say(uint8_t family, const char *table, const char *raw,
		struct strbuf *out);

/* nft_native_memory.c: timed sets, and the chains that tell them. */
int nft_native_memory(const struct foreign *f, const struct stateless *s,
		      struct image *img);

/* nft_native_refuse.c: -FAULT_CONFLICT, and it is said why, and the cure. */
/* It has an expression that is not known, or not carried over. */
int nft_native_refuse_odd(const struct foreign *f,
			  const struct foreign_rule *r, struct diags *d);
/* Its map can't be taken apart into what leaves the chain and what does not. */
int nft_native_refuse_map(const struct foreign *f,
			  const struct foreign_rule *r, struct diags *d);

/* nft_native.c: put_edits(), print_put() and stands_for() of such tables. */
bool nft_table_is_native(const struct foreign_table *t);
int nft_native_put(struct foreign *f, struct stateless *s, struct image *img,
		   struct diags *d);
bool nft_native_stands_for(const char *stand_in, const struct foreign *f,
			   const struct foreign_rule *r);
int nft_native_print(const struct foreign *f, const struct stateless *s,
		     const struct stateless_edit *e, struct strbuf *out);

#endif
