/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rules/ruleset.h: what the host must have, in no backend's terms.
 *
 * Shape:  a rule is one leg of one service, at one hook, for one protocol. Two
 *         policies that list the same things in another order give rulesets
 *         that are equal member for member (ruleset_normalize()).
 *         In struct match an empty set means "any"; sets of addresses need a
 *         family; sets of ports need a protocol that has ports.
 * Units:  see inet.h. IPPROTO_*, AF_*. ICMP types are those of the rule's
 *         protocol (IPPROTO_ICMP or IPPROTO_ICMPV6).
 * Owner:  a ruleset owns its rules, their sets and its settings; origins
 *         borrow from the policy, which must outlive the ruleset. `then` is
 *         interned.
 * Source: UNTRACKED and INVALID as in linux/netfilter/nf_conntrack_common.h;
 *         address types as in linux/rtnetlink.h (RTN_LOCAL...).
 */
#ifndef CTPOLICY_RULES_RULESET_H
#define CTPOLICY_RULES_RULESET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/diag.h"
#include "core/inet.h"
#include "rules/origin.h"

enum hook {
	HOOK_PREROUTING,
	HOOK_INPUT,
	HOOK_FORWARD,
	HOOK_OUTPUT,
	HOOK_POSTROUTING,
	HOOK_MAX_
};

enum action {
	ACTION_NOTRACK,
	ACTION_ACCEPT,
	ACTION_TIMERS,		/* give the entry of a new flow timers */
	ACTION_MAX_
};

/* The direction of the flow that a rule serves; decides the commit order. */
enum leg { LEG_BOTH, LEG_REQUEST, LEG_REPLY, LEG_MAX_ };

/*
 * Where a rule stands in its chain: management before services, so that what
 * keeps the administrator in is looked at first; errors, which are rare, after
 * those; replies whose guard may end the chain after every other accept, and
 * fragment tails, which may, too, last.
 */
enum rank {
	RANK_MANAGEMENT,
	RANK_SERVICE,
	RANK_ICMP,
	RANK_GUARDED,
	RANK_FRAGMENT,
	RANK_MAX_
};

enum dst_kind {
	DST_ANY,
	DST_LOCAL,		/* a unicast address of this host */
	DST_LOCAL_OR_GROUP,	/* that, or broadcast, or multicast */
	DST_TRANSIT,		/* a unicast address that is not local */
	DST_AWAY,		/* that, or broadcast, or multicast */
	DST_MAX_
};

enum ct_kind {
	CT_ANY,
	CT_UNTRACKED,
	CT_INVALID_OR_UNTRACKED,
	CT_MAX_
};

/* The narrowest kind that has the packets of both. */
static inline enum ct_kind ct_kind_of_both(enum ct_kind a, enum ct_kind b)
{
	if (a == CT_ANY || b == CT_ANY)
		return CT_ANY;
	return a == b ? a : CT_INVALID_OR_UNTRACKED;
}

enum socket_kind {
	SOCKET_ANY,
	SOCKET_OPEN,		/* belongs to a local socket, wildcard or not */
	SOCKET_BOUND,		/* ... to one that is not a wildcard listener */
	SOCKET_WILDCARD,	/* ... to one that is; in images alone */
	SOCKET_MAX_
};

struct icmp_range {
	uint8_t first, last;
};

#define MATCH_ICMP_MAX 4

struct match {
	uint8_t family;			/* AF_UNSPEC: IPv4 and IPv6 alike */
	uint8_t proto;			/* 0: any */
	bool not_tcp;			/* any but tcp; proto is 0 */
	struct prefix_set saddr, daddr;
	struct port_set sport, dport;
	struct iface_set iif, oif;
	enum dst_kind dst;
	bool src_local;		/* saddr is a unicast address of this host */
	enum ct_kind ct;
	enum socket_kind socket;
	bool not_syn;		/* tcp: flags&(FIN|SYN|RST|ACK) is not SYN */
	bool fragment_tail;	/* a fragment, not the first; needs a family */
	struct icmp_range icmp[MATCH_ICMP_MAX];	/* sorted */
	uint8_t n_icmp;				/* 0: any */
};

struct rule {
	enum hook hook;
	enum action action;
	enum leg leg;
	enum rank rank;
	struct match match;
	bool open;		/* lets in what the host drops by default */
	bool counts;		/* packets, of its service alone */
	unsigned int roles;	/* ROLE_*, whose leg it is; 0: of none */
	unsigned int turn;	/* of a stand: which comes first */
	/*
	 * Of a stand, what it does with its packets, in words of the host's
	 * rules; NULL: accept. Of timers, these (core/timers.h).
	 */
	const char *then;
	const struct origin *origin;	/* never NULL */
};

/* A sysctl or module step that the policy asks for, as plain text. */
struct setting {
	const char *key;	/* "net.netfilter.nf_conntrack_max" */
	char *value;		/* decimal; for modules the module's name */
	const struct origin *origin;
};

struct ruleset {
	struct rule *v;
	size_t n, cap;
	struct setting *sysctls;
	size_t n_sysctls, cap_sysctls;
	struct setting *modules;	/* to unload, in that order */
	size_t n_modules, cap_modules;
	bool ipv4, ipv6;		/* families that rules may be in */
	bool wants_accepts;		/* a rule has ACTION_ACCEPT */
};

void match_release(struct match *m);
int match_copy(const struct match *m, struct match *ret);
bool match_equal(const struct match *a, const struct match *b);
int match_cmp(const struct match *a, const struct match *b);

/*
 * Append a rule with everything zero and return it, or NULL when out of
 * memory; valid until the next call.
 */
struct rule *ruleset_add(struct ruleset *rs);
int ruleset_add_setting(struct setting **v, size_t *n, size_t *cap,
			const char *key, const char *value,
			const struct origin *origin);
/*
 * Sort into canonical order and drop twins, and what holds for loopback only
 * where the same service has it for every interface.
 */
void ruleset_normalize(struct ruleset *rs);
/* Of rules that are twins but for their family, make one for both. */
void ruleset_join_families(struct ruleset *rs);
void ruleset_release(struct ruleset *rs);
void ruleset_free(struct ruleset **rs);

const char *hook_name(enum hook h);	/* "prerouting" */
const char *action_name(enum action a);	/* "notrack" */

#endif
