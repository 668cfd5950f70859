/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit/replace_parts.h: what the files that replace state rules share.
 *
 * Shape:  a job is one rule in one hook. What replaces it is gathered in lists;
 *         a list may become a chain that another calls.
 * Owner:  lists: list_release().
 * Errors: -ENOMEM; -E2BIG: no short list of rules says it.
 */
#ifndef CTPOLICY_AUDIT_REPLACE_PARTS_H
#define CTPOLICY_AUDIT_REPLACE_PARTS_H

#include <linux/netfilter.h>

#include "audit/first.h"
#include "audit/replace.h"

struct view {
	bool known;
	struct first fresh, established;
	struct zones begun;		/* of fresh, once asked for; or NULL */
};

struct replacing {
	struct arena *a;		/* of the job at hand, or `kept` */
	struct arena *kept;		/* until the end of all */
	const struct foreign *f;
	const struct replace_how *how;
	struct rule_order rules;
	struct stateless *out;
	uint8_t family;			/* at hand */
	struct replaced *part;		/* of the family */
	uint8_t *reach;			/* of chains: audit/chain_hooks.h */
	struct view *views;		/* of a base chain */
	bool *counted;			/* of a chain: rules count others */
	bool *early;			/* of a chain: ahead of conntrack */
	/* Of a chain; see audit/replace_split.h. */
	bool *split;			/* it becomes several */
	const char **stuck;		/* why it can't; NULL: it can */
	bool *loose;			/* each copy counts apart */
	bool counted_once, lost;
	bool full;			/* as many rules as there may be */
	uint32_t *held[2];		/* of a rule: the chain that counts */
	uint32_t *notrack;		/* rules that take out */
	size_t n_notrack, cap_notrack;
	struct stateless_set *notes;	/* that may be wanted */
	size_t n_notes, cap_notes;
	bool rejects;
	/* Hooks where one does, as in reach: with tcp-reset, with ICMP. */
	uint8_t resets, refuses;
	uint8_t syns;			/* where one refuses SYNs alone */
	bool knows_resets;		/* of the family: replace_resets() */
	uint32_t n_names;
};

/* The edits of one family, from `first` on. */
struct replaced {
	uint8_t family;
	size_t first, end;
	bool left;
	bool peers;			/* remembered ones are asked for */
};

struct rule_list {
	struct stateless_rule *v;
	size_t n, cap;
	size_t added;		/* some of which became part of others */
};

struct job {
	struct replacing *x;
	const struct foreign_rule *r;
	uint32_t rule;
	uint8_t hook, states;
	enum foreign_verdict verdict;	/* of the states at hand */
	const char *target;
	bool mapped;			/* by a map, not by the rule */
	struct zone_asked asked;
	bool passed;			/* the established were, before */
	bool common;			/* so were TCP, UDP and ICMP */
	bool ends;			/* where it goes, all is decided */
	struct stateless_edit e;
};

#define ADMITS(name) (UINT32_C(1) << ADMITS_##name)
#define LOSES(name) (UINT32_C(1) << LOSES_##name)

enum { PROTO_ICMP = 1, PROTO_TCP = 6, PROTO_UDP = 17, PROTO_ICMPV6 = 58 };

static inline uint8_t job_icmp(const struct job *j)
{
	return j->x->family == NFPROTO_IPV4 ? PROTO_ICMP : PROTO_ICMPV6;
}

/* Are the rules of the chain's table in words that have sets? */
static inline bool replace_has_sets(const struct replacing *x, uint32_t chain)
{
	const struct foreign_table *t =
		&x->f->tables[x->f->chains[chain].table];

	return x->how->words == WORDS_NFT ||
	       (x->how->words == WORDS_OF_TABLE && !t->ranked &&
		t->world == WORLD_NFT);
}

static inline bool job_has_sets(const struct job *j)
{
	return replace_has_sets(j->x, j->r->chain);
}

/* What it does can't be done from within a chain that it calls. */
static inline bool job_leaves(const struct job *j)
{
	return !j->ends && (j->mapped ? foreign_leaves(j->verdict) :
					foreign_leaves_chain(j->x->f, j->r));
}

/* What begins, and what answers it, is known of these hooks. */
static inline bool job_has_flows(const struct job *j)
{
	return j->hook == NF_INET_LOCAL_IN || j->hook == NF_INET_LOCAL_OUT ||
	       j->hook == NF_INET_FORWARD;
}

/* replace_list.c */
int list_put(struct job *j, struct rule_list *l, struct stateless_rule r);
/* As it is, of whatever packets. */
int list_add(struct job *j, struct rule_list *l, struct stateless_rule r);
int list_chain(struct job *j, struct rule_list *l, uint32_t *ret);
/* Of -E2BIG: why. */
const char *list_too_long(const struct job *j);
void list_release(struct rule_list *l);
/* ICMP messages, by what they are to conntrack. */
enum icmp_group {
	ICMP_ERRORS,
	ICMP_REQUESTS,
	ICMP_REPLIES,
	ICMP_NEVER,			/* it calls them invalid: redirects */
	ICMP_UNTRACKED,			/* it looks at none: MLD, neighbours */
};

/* Of the job's own packets those of a protocol; of ICMP, of a group. */
int job_proto(const struct job *j, uint32_t proto, struct zone *ret);
int job_not_proto(const struct job *j, uint32_t proto, struct zone *ret);
int job_icmp_group(const struct job *j, enum icmp_group group,
		   struct zone *ret);
int icmp_group_within(struct arena *a, const struct zone *z,
		      enum icmp_group group, struct zone *ret);
/* The base chain that decides what begins in the hook. */
uint32_t replace_main_chain(const struct replacing *x, uint32_t table,
			    uint8_t hook);
int replace_view(struct replacing *x, uint32_t chain, struct view **ret);

/* replace_begin.c: what may begin, or what answers it. */
enum begin_lo {
	LO_TOO,
	LO_NOT,				/* no entries of loopback alone */
	LO_CUT,				/* nothing of loopback */
	LO_ONLY,			/* of loopback, by the job's hook */
};

struct begin_want {
	uint8_t hook;
	uint32_t proto;
	bool mirrored;
	uint8_t request;		/* of ICMP, its type; 0: not ICMP */
	uint8_t asks;
	enum begin_lo lo;
};
/* Of the zone, what comes or goes by loopback. */
int begin_lo_only(struct job *j, struct zone *z);
/* Does INPUT, or OUTPUT, let all of the protocol begin on loopback? */
int begin_lo_is_open(struct job *j, uint8_t hook, uint32_t proto, bool *ret);
/*
 * Whom conversations are with, by the address and the interface of packets to
 * them: errors about anything go to nobody else. Empty: nothing may begin.
 */
int begin_receivers(struct job *j, struct zones *ret);
/* They are reached by loopback alone; or there is nobody. */
bool begin_is_of_lo(const struct zones *receivers);
/* So many rules of the dialect say it. */
bool begin_is_short(const struct job *j, const struct zones *l, size_t max);
int begin_put(struct job *j, struct rule_list *l, enum stateless_does does,
	      const struct begin_want *w, size_t n);

/* replace_states.c: what stands for one state. */
typedef int put_fn(struct job *j, struct rule_list *l,
		   enum stateless_does does);
int established_put(struct job *j, struct rule_list *l,
		    enum stateless_does does);
int replies_put(struct job *j, struct rule_list *l, enum stateless_does does);
int errors_put(struct job *j, struct rule_list *l, enum stateless_does does);
int related_put(struct job *j, struct rule_list *l, enum stateless_does does);
int requests_put(struct job *j, struct rule_list *l,
		 struct stateless_rule like);

/* Of TCP. */
int tcp_put(struct job *j, struct rule_list *l, enum stateless_does does);

/* replace_strays.c: hooks where rules refuse initial SYNs; -ENOMEM. */
int strays_find(struct replacing *x);
/* Is the initial SYN left out? Then the rule takes strays alone. */
bool strays_are(const struct job *j);
int strays_put(struct job *j, struct rule_list *l);

/* replace_invalid.c */
int invalid_put(struct job *j, struct rule_list *l);
int untracked_put(struct job *j, struct rule_list *l);

/* replace_limit.c: what the rule counts, for all that stands for it at once. */
int limit_share(struct job *j, struct rule_list *l);
/* The edit is of kind NONE. */
void limit_forget(struct job *j);
/* The same of a rule that stays, in chains that become several; or nothing. */
int limit_stays(struct job *j, struct rule_list *l);
/* A quota: what was used of it only the rule itself knows. */
bool limit_begins_anew(const struct job *j);

/* replace_split.c: does the rule lead to a chain that becomes several? */
bool split_leads(struct replacing *x, const struct foreign_rule *r);

/*
 * replace_keep.c: x->a is memory of the job alone; what it adds to x->out is
 * copied from there.
 */
typedef int job_fn(struct replacing *x, uint32_t rule, uint8_t hook);
int keep_job(struct replacing *x, uint32_t rule, uint8_t hook, job_fn *fn);

/* replace_end.c: `ends` of the verdict at hand. */
int job_find_end(struct job *j);

/* replace_rule.c: the whole of a rule. */
int replace_rule(struct job *j, struct rule_list *l);

#endif
