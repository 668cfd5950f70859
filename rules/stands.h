/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rules/stands.h: where accept rules stand among the host's own.
 *
 * Shape:  a stand is one place in a chain of the host's: behind so many of its
 *         rules stands a jump to the accept rules of the stand. `next` is the
 *         host's rule right behind it; at the end of a base chain, its policy.
 *         Stands are in
 *         order of their world, family, table, chain and place, no two in one
 *         place; those of one table and hook are numbered from 1 in it.
 * Owner:  names are interned; the rules are the stand's own, their origins
 *         those of the ruleset that they come from.
 * Errors: -ENOMEM.
 */
#ifndef CTPOLICY_RULES_STANDS_H
#define CTPOLICY_RULES_STANDS_H

#include "rules/foreign.h"
#include "rules/ruleset.h"

struct stand {
	enum foreign_world world;
	uint8_t family;			/* NFPROTO_* of its table */
	const char *table, *chain;
	enum hook hook;			/* of the packets that come here */
	uint32_t behind;		/* of the host's rules in the chain */
	uint32_t of;			/* so many rules */
	const char *next;		/* for people; NULL: none, not known */
	unsigned int number;
	struct ruleset accepts;
};

/*
 * A rule of the host's that tracked packets of a service meet, and untracked
 * ones will not, nor one of ctpolicy's that does the same.
 */
struct unmet {
	uint32_t rule;			/* in the model that was placed by */
	const struct origin *origin;	/* of the service */
	bool adds;			/* to a set; else it may ban */
};

struct stands {
	struct stand *v;
	size_t n, cap;
	struct unmet *unmet;		/* in no order, each once */
	size_t n_unmet, cap_unmet;
};

/* The stand in that place, made when there is none yet; NULL: no memory. */
struct stand *stands_at(struct stands *s, const struct stand *place);
/* A rule for a stand, copied, unless it is there already. */
int stand_add(struct stand *s, const struct rule *r);
int stands_note_unmet(struct stands *s, const struct unmet *x);
/* The state that all packets of its rules have: others need not come there. */
enum ct_kind stand_ct(const struct stand *s);
/* In order, and numbered; empty ones are taken out. */
void stands_normalize(struct stands *s);
void stands_release(struct stands *s);

#endif
