/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rules/stateless.h: stateless rules in place of those that match states.
 *
 * No dialect's words: a writer prints them around the bytes of the rule that
 * they stand for, its other matches and its target.
 *
 * Shape:  an edit is one rule in one hook; its replacement is rules[first..],
 *         none: the rule goes. With `stays` they stand ahead of it, and it
 *         remains. An edit of no rule adds to the end of `chain`. Edits are in
 *         the order of the rules, a hook after the other. A copy is a chain
 *         that several hooks reach, for one of them; what leads to it from
 *         there leads to the copy.
 * Owner:  zones and texts live in the arena; names are interned.
 * Errors: -ENOMEM.
 */
#ifndef CTPOLICY_RULES_STATELESS_H
#define CTPOLICY_RULES_STATELESS_H

#include "rules/foreign.h"
#include "rules/zone.h"

/* What is newly let through: X(NAME, "its name for scripts") */
#define STATELESS_ADMITS(X)						\
	X(TCP, "tcp-noninitial")					\
	X(FLAGS, "bad-flags")						\
	X(UDP, "udp-reply")						\
	X(WILDCARD, "udp-wildcard")					\
	X(ERROR, "icmp-error")						\
	X(ECHO, "echo-reply")						\
	X(FRAGMENT, "fragment")						\
	X(PROTO, "proto-reply")

#define STATELESS_ADMIT_(name, text) ADMITS_##name,
enum stateless_admits { STATELESS_ADMITS(STATELESS_ADMIT_) ADMITS_MAX_ };
#undef STATELESS_ADMIT_

/* What is lost: X(NAME, "a short sentence") */
#define STATELESS_LOSES(X)						\
	X(PROTO, "answers of protocols other than tcp, udp and icmp")	\
	X(LIMIT, "a limit on new flows counts every packet of those that are not of tcp")	\
	X(RATE, "a limit, a quota or a count holds for each of several rules, so that as many times as much may pass") \
	X(QUOTA, "a quota begins anew when rules are applied or removed") \
	X(PEERS, "answers of udp from more than 100 addresses at a time, unless xt_recent has a larger ip_list_tot") \
	X(NOTES, "answers to further udp flows while 262144 began within three minutes") \
	X(CLOSING, "what a peer says again to a connection that this host closed first") \
	X(LOG, "the log of packets that belong to no connection")	\
	X(REJECT, "what a reject answers to datagrams in fragments")

#define STATELESS_LOSS_(name, text) LOSES_##name,
enum stateless_loses { STATELESS_LOSES(STATELESS_LOSS_) LOSES_MAX_ };
#undef STATELESS_LOSS_

/* What a rule asks beside its zone. */
enum {
	ASK_SYN = 1 << 0,	/* the initial SYN: of FIN,SYN,RST,ACK SYN */
	ASK_NOT_SYN = 1 << 1,	/* of TCP any other packet */
	ASK_SOCKET = 1 << 2,	/* this host has a socket connected to it */
	ASK_LOCAL = 1 << 3,	/* this host has any socket for it */
	ASK_PEER = 1 << 4,	/* from one that was remembered */
	ASK_FLAGS = 1 << 5,	/* of `mask` the `flags` */
	ASK_LISTENER = 1 << 6,	/* this host has a socket for anybody */
	ASK_FLOW = 1 << 7,	/* it answers a datagram that went through */
	ASK_FRAGMENT = 1 << 8,	/* a fragment that is not the first */
};

enum stateless_does {
	DO_TARGET,		/* what the original does */
	DO_RETURN,
	DO_CALL,		/* chains[chain] */
	DO_REMEMBER,		/* the peer of a datagram that leaves */
};

struct stateless_rule {
	struct zone zone;
	bool own;		/* and the original's other matches */
	uint16_t asks;
	uint8_t mask, flags;
	enum stateless_does does;
	uint32_t chain;
	/* DO_TARGET, of a rule with a verdict map: that of its states */
	enum foreign_verdict verdict;
	const char *target;
};

/*
 * A new chain, for one edit; its rules have no matches of the original. One
 * that counts is called by what stands for its rule in other hooks, too.
 * `like`: itself, where there is no other.
 */
struct stateless_chain {
	const char *name;
	uint32_t rule;			/* whose target is meant */
	uint32_t number;		/* among those of its edit */
	uint32_t like;			/* of the other family, named alike */
	uint8_t hook;
	struct zone own;		/* that its packets are in */
	uint32_t first, n;		/* in `inner` */
};

enum stateless_class { STATELESS_EXACT, STATELESS_APPROXIMATE, STATELESS_NONE };

struct stateless_edit {
	uint32_t rule;			/* FOREIGN_NOWHERE: at the end */
	uint32_t chain;
	uint8_t hook;			/* NF_INET_* */
	uint8_t family;
	bool stays, depends;		/* depends: on the hook */
	bool takes;			/* packets of the family at all */
	bool left;			/* as the whole family is */
	struct zone own;		/* what the original's matches take */
	uint32_t first, n;		/* in `rules` */
	uint32_t first_chain, n_chains;	/* made for it */
	enum stateless_class kind;
	uint32_t admits, loses;		/* 1 << ... */
	const char *why;		/* of kind NONE */
};

struct stateless_copy {
	uint32_t chain;
	uint8_t hook;
	const char *name;
};

/*
 * A timed set of the table, of addresses and ports: of peers that this host
 * wrote to, or of flows that go through it. A chain at the end of OUTPUT or
 * FORWARD notes them, by these rules: DO_RETURN leaves it, DO_REMEMBER notes.
 * Where there are no such sets, rules remember.
 */
struct stateless_set {
	uint32_t table;
	uint8_t family;
	bool flows;
	uint32_t first, n;		/* in `inner` */
};

struct stateless {
	struct stateless_rule *rules, *inner;
	size_t n_rules, cap_rules, n_inner, cap_inner;
	struct stateless_chain *chains;
	size_t n_chains, cap_chains;
	struct stateless_edit *edits;
	size_t n_edits, cap_edits;
	struct stateless_copy *copies;
	size_t n_copies, cap_copies;
	struct stateless_set *sets;
	size_t n_sets, cap_sets;
	uint8_t *hooks;			/* of a chain in its place: NF_INET_* */
};

/* How the text of a rule stands among the others. */
enum stateless_text {
	TEXT_APPENDS,
	TEXT_INSERTS,			/* ahead of what was there */
	TEXT_COUNTS,			/* behind so many others */
	TEXT_OTHER,			/* not a rule of its own */
	TEXT_NAMELESS,			/* a chain within a rule */
	TEXT_HEADERS,			/* words beside it may not load */
	TEXT_NEXT_HEADERS,		/* no list of what it asks for */
	TEXT_DEFINED,			/* its states have a name elsewhere */
	TEXT_INCLUDES,			/* other files hold more rules */
	TEXT_LOST,			/* not known: no memory */
};

/* What may be said, and what happens by itself. */
enum stateless_words {
	WORDS_XTABLES,		/* a socket match keeps reassembly on */
	WORDS_NFT,		/* sets, timed ones too; nothing reassembles */
	WORDS_OF_TABLE,		/* one or the other, as the table's owner has */
};

typedef enum stateless_text stateless_text_of(const struct foreign *f,
					      const struct foreign_rule *r);

const char *stateless_admits_name(enum stateless_admits x);
const char *stateless_loses_text(enum stateless_loses x);
/* "tcp-noninitial, bad-flags"; bits are 1 << enum stateless_admits, _loses. */
void stateless_print_admits(uint32_t admits, struct strbuf *out);
/* Texts have commas of their own: with semicolons, or what is said. */
void stateless_print_loses(uint32_t loses, struct strbuf *out);
void stateless_join_loses(uint32_t loses, const char *between,
			  struct strbuf *out);
const char *stateless_class_name(enum stateless_class x);
/* Edits in the order of rules, hooks and families. */
void stateless_sort(struct stateless *s);
/* Of edits lo..hi, in order, the first of this rule or of one behind it. */
size_t stateless_first(const struct stateless *s, size_t lo, size_t hi,
		       uint32_t rule);
/* The edits of a rule, one after the other; *ret_n: how many. */
const struct stateless_edit *stateless_edits(const struct stateless *s,
					     uint32_t rule, size_t *ret_n);
/* What is done to the rule for the hook; NULL: nothing. */
const struct stateless_edit *stateless_find(const struct stateless *s,
					    uint32_t rule, uint8_t hook);
/* What is done to one rule for a hook, for IPv4 and IPv6; NULL: nothing. */
struct stateless_pair {
	const struct stateless_edit *e[2];
};

/* Rules in a row. */
struct stateless_span {
	const struct stateless_rule *v;
	size_t n;
};

struct stateless_pair stateless_pair(const struct stateless *s, uint32_t rule,
				     uint8_t hook);
/* What stands for the rule, of each family. */
void stateless_pair_rules(const struct stateless *s,
			  const struct stateless_pair *p,
			  struct stateless_span ret[2]);
/*
 * Chains that were made for the rule: those of both families are one, by the
 * name of the first. How many, and the rules of one of them.
 */
size_t stateless_chains(const struct stateless *s, uint32_t rule,
			uint8_t hook);
void stateless_pair_inner(const struct stateless *s,
			  const struct stateless_pair *p, size_t number,
			  struct stateless_span ret[2], const char **ret_name);
/* The name of the edit's chain, as a rule of either family calls it. */
const char *stateless_pair_chain(const struct stateless *s,
				 const struct stateless_pair *p,
				 const struct stateless_edit *e,
				 uint32_t chain);
/* The name of the chain as the hook knows it, or NULL: it has no copy. */
const char *stateless_copy_name(const struct stateless *s, uint32_t chain,
				uint8_t hook);
/* Does the rule lead to such a chain, by its verdict or by one of a map's? */
bool stateless_leads(const struct stateless *s, const struct foreign *f,
		     const struct foreign_rule *r, uint8_t hook);
void stateless_release(struct stateless *s);

#endif
