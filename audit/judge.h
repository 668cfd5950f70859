/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit/judge.h: does a connection work, and what would no longer be so?
 *
 * Shape:  `works`: of all its packets but ICMP errors. A rule that decides is
 *         the one that drops, or may drop, the packet; it does so by default
 *         when it drops all that nothing before it took: a chain's policy, or
 *         a rule that asks for no more than protocol, tcp flags and state.
 * Units:  rules and chains by number in the model; FOREIGN_NOWHERE as a rule is
 *         the chain's policy, as a chain: none decided.
 * Errors: -ENOMEM.
 */
#ifndef CTPOLICY_AUDIT_JUDGE_H
#define CTPOLICY_AUDIT_JUDGE_H

#include "audit/conversation.h"
#include "rules/walk.h"

struct judged_talk {
	bool there;		/* there are such packets */
	enum truth passes;
	uint32_t rule, chain;	/* that decides */
	uint32_t base;		/* the base chain of that; or NOWHERE */
	bool by_default;
	bool by_ctmark;		/* asks for the mark of the connection */
	struct walk_mark mark[WALK_HOOKS];
};

#define JUDGED_MOVERS 16		/* that are kept, of those that may */

/* A rule that gives a packet another source. */
struct judged_source {
	uint32_t rule;
	bool answers;		/* a packet of who was asked */
};

/* A rule that lets the first packet out of a base chain, or may. */
struct judged_pass {
	uint32_t base, rule;
	bool limited;		/* up to a limit */
	bool maybe;		/* of another reason it cannot be told */
};
#define JUDGED_PASSES 8		/* that are kept */

struct judged {
	struct judged_talk talk[TALK_MAX_];
	struct judged_pass pass[JUDGED_PASSES];
	size_t n_passes;
	enum truth tracked;
	enum truth source_moves, destination_moves;	/* translated */
	uint32_t helper, count;	/* rules that need the entry; or NOWHERE */
	uint32_t mark;		/* the rule that sets the mark; or NOWHERE */
	bool copies;		/* ... from that of the entry */
	uint32_t nat;		/* the rule that translates; or NOWHERE */
	uint32_t nat_from;		/* ... the source */
	uint32_t nat_to[JUDGED_MOVERS];	/* ... the destination, one of these */
	size_t n_nat_to;
	bool moves_here;	/* ... to this host, as REDIRECT does */
	struct judged_source source[JUDGED_MOVERS];
	size_t n_source;
	/* What engine/sources.h makes of these; rules or NOWHERE. */
	enum truth source_lost;	/* to one that it has not anyway */
	uint32_t lost_by, lost_maybe_by, ports_by;
	uint32_t zone;		/* that leaves a template; or NOWHERE */
	bool hidden;		/* ... and keeps answers from the entry */
};

enum harm {
	HARM_NONE,
	HARM_CUT_OFF,		/* worked, and would not */
	HARM_LET_IN,		/* is forbidden, and would not be */
	HARM_TRACKED,		/* no harm, but no use either: stays tracked */
	HARM_NAT,
	HARM_PORTS,		/* none: other source ports, no other address */
	HARM_HELPER,
	HARM_COUNT,		/* limits, marks of connections */
	HARM_LIMIT,		/* counts connections, and would packets */
	HARM_KEPT,		/* none: translated, and left tracked */
	HARM_MARK,		/* packets would have another mark */
	HARM_ERRORS,		/* ICMP errors get lost */
	HARM_ANSWERS,		/* a flow begun from the service's own port */
	HARM_UNTIMED,		/* none: timeouts that do nothing */
	HARM_WIDER,		/* dropped by default; the host lets in some */
	/* Others' connections, whose answers a service takes: */
	HARM_MOVED,		/* led to the service's port or address */
	HARM_BEHIND_PORTS,	/* of hosts behind this one: from its ports */
	HARM_BEHIND_PROTO,	/* ... of a protocol that has no sockets */
	HARM_BEHIND_OPEN,	/* ... of which no socket is asked for */
	HARM_MAX_
};

struct harm_found {
	enum harm harm;
	bool maybe;		/* it cannot be told for sure */
	bool mild;		/* the policy names whom it meets */
	enum talk talk;
	uint32_t rule, chain;	/* that decides, today or then */
	/* cut off: the rule by which it passes today; base NOWHERE: none */
	struct judged_pass by;
	/* and why, if `hidden`: the rule that keeps answers from the entry */
	uint32_t zone;
	bool hidden;
};

/* Who wants to see the walk of each packet that passes, but ICMP errors. */
struct judge_watch {
	int (*passed)(const struct walk *walk, const struct packet *p,
		      enum talk talk, void *arg);
	void *arg;
};

/* `has_entry`: conntrack knows the connection, if it is at work at all. */
int judge(struct walker *w, const struct foreign *f,
	  const struct flow_space *sp, const struct flow_sample *s,
	  enum truth tracking, bool has_entry, struct judged *ret);
int judge_watched(struct walker *w, const struct foreign *f,
		  const struct flow_space *sp, const struct flow_sample *s,
		  enum truth tracking, bool has_entry,
		  const struct judge_watch *watch, struct judged *ret);
/* Do all its packets, but ICMP errors, pass? */
enum truth judge_works(const struct judged *j);
/* The first packet, of no ICMP error, that would fare worse. */
struct harm_found judge_loss(const struct judged *now,
			     const struct judged *then);
struct judge_view {
	bool open;		/* what is dropped by default may be let in */
	bool marks;		/* something reads packets' marks, routes say */
};

/* What becomes worse from `now` to `then`; the gravest alone. */
struct harm_found judge_compare(const struct judged *now,
				const struct judged *then, enum flow_way way,
				const struct judge_view *view);

/* What is dropped by default today, and would be let in: HARM_WIDER. */
struct harm_found judge_widens(const struct judged *now,
			       const struct judged *then);

/* A template keeps NOTRACK from its work: nft's zones, and iptables' CT. */
bool judge_leaves_template(const struct foreign *f, uint32_t rule);

/* Of what is meant to stay tracked, because it is translated. */
struct harm_found judge_kept(const struct judged *now,
			     const struct judged *then);

#endif
