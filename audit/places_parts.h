/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit/places_parts.h: what the files share that look for places.
 *
 * Shape:  a search walks down the chains that a lot passes; `stack` holds those
 *         that it is in.
 * Errors: -ENOMEM.
 */
#ifndef CTPOLICY_AUDIT_PLACES_PARTS_H
#define CTPOLICY_AUDIT_PLACES_PARTS_H

#include <linux/netfilter/nf_conntrack_common.h>

#include "audit/fit.h"
#include "rules/stands.h"
#include "rules/walk.h"

#define DEPTH_MAX 16		/* NFT_JUMP_STACK_SIZE */

#define IS_NEW NF_CT_STATE_BIT(IP_CT_NEW)
#define IS_ESTABLISHED NF_CT_STATE_BIT(IP_CT_ESTABLISHED)
#define IS_RELATED NF_CT_STATE_BIT(IP_CT_RELATED)

/* An accept rule, which may stand behind `from` to `to` rules of its chain. */
struct held {
	uint32_t chain, from, to, place;
	bool begins;		/* each packet looks like the first */
	struct rule rule;	/* owns its match */
};

struct search {
	const struct foreign *f;
	struct walker *w;
	struct stands *out;
	uint32_t stack[DEPTH_MAX + 1], depth;
	unsigned int turn;		/* of what was put last */
	uint8_t *hooks;			/* of chains: audit/chain_hooks.h */
	struct held *held;
	size_t n_held, cap_held;
};

/*
 * A chain on the way, and whether only plain jumps lead to it. The rules from
 * `clear` on, as far as was looked, do nothing to packets of the lot but accept
 * them; those from `clear_of_logs`, were it not for the logs right there.
 */
struct here {
	uint32_t chain;
	const uint32_t *rules;
	uint32_t n;
	bool plain;
	uint32_t clear, clear_of_logs;
	bool meets;		/* the rule now looked at does more */
};

/* How the packets of a lot leave a chain. */
enum left {
	LEFT_SOME,		/* at its end, at least some of them */
	LEFT_NONE,		/* all are decided about */
};

/* places_ask.c: what the host's rules do. */
struct here places_chain(struct search *x, uint32_t chain, bool plain);
bool places_is_on_stack(const struct search *x, uint32_t chain);
uint32_t places_target(const struct search *x, const struct here *h,
		       const struct foreign_outcome *v);
/* Do the packets that a rule takes go on behind it? */
bool places_goes_on(const struct search *x, const struct here *h,
		    uint32_t rule, const struct foreign_outcome *v);
/* Can it, or a chain it leads to, do anything else with a packet? */
bool places_decides(struct search *x, const struct here *h, uint32_t rule);
/* Does some rule there accept, or drop, some of them? */
int places_meets(struct search *x, uint32_t chain, const struct lot *lot,
		 bool accept, bool *ret);
/* Do all rules there that take some of them take them in whatever state? */
int places_is_blind(struct search *x, uint32_t chain, const struct lot *lot,
		    bool *ret);
/* Does some rule there count some of them? */
int places_counts(struct search *x, uint32_t chain, const struct lot *lot,
		  bool *ret);

/* places.c */
int places_scan(struct search *x, uint32_t chain, const struct lot *lot,
		bool plain, enum left *ret);
int places_scan_base(struct search *x, uint32_t chain, const struct lot *lot);
/*
 * Tracked packets of the lot meet the rule, and untracked ones will not: a word
 * of that, if it may do something tomorrow that it does not do today.
 */
int places_note_unmet(struct search *x, uint32_t rule, const struct lot *lot,
		      const struct fitting *y);

/* places_put.c */
/* `then`: what becomes of them, not before lot->rule.turn; NULL: accepted. */
int places_put(struct search *x, const struct here *h, uint32_t behind,
	       const struct lot *lot, const struct match *m, const char *then);
/* Of all that was put: accept rules come to where they stand. */
int places_settle(struct search *x);
void places_forget(struct search *x);

/* places_repeat.c: what a rule does with tracked ones, and no match can say. */
/* A limit is for first packets: can they be told from others? */
bool places_may_count(const struct lot *lot);
int places_repeat(struct search *x, const struct here *h, uint32_t at,
		  const struct lot *lot, const struct fitting *y,
		  enum left *ret, bool *ends);
/*
 * places_pass.c: behind a rule that drops them for having no state the host
 * would accept the lot: so it is accepted ahead, but for what stands between
 * the two.
 */
int places_pass_by(struct search *x, const struct here *h, uint32_t at,
		   const struct lot *lot, bool *ret);
/*
 * A rule accepts all that is untracked: ahead of it, first packets meet what
 * tracked ones would, unless the host has untracked packets of its own there.
 * Where the service is open, nothing is dropped by default.
 */
int places_carve(struct search *x, const struct here *h, uint32_t at,
		 const struct lot *lot, const struct fitting *y);
/*
 * No rule for them may stand in the chain that a rule leads to: what is done
 * with them there is done ahead of that rule.
 */
int places_ahead(struct search *x, const struct here *h, uint32_t at,
		 uint32_t to, const struct lot *lot, enum left *ret);

#endif
