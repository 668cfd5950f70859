/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * prove/blame.h: which rule took a packet off its way?
 *
 * nf_tables tells it in its trace. The tables of legacy iptables count: of the
 * rules that drop, the one that has counted since did it.
 *
 * Shape:  blame_note() before the packets, blame_find() after they were lost.
 * Owner:  blame_release().
 * Errors: those of reading rules, with a diagnostic. Where no rule is found,
 *         nothing is written to `ret`.
 */
#ifndef CTPOLICY_PROVE_BLAME_H
#define CTPOLICY_PROVE_BLAME_H

#include "audit/uses.h"
#include "core/diag.h"
#include "core/strbuf.h"
#include "prove/witness.h"
#include "rules/foreign.h"

struct blame {
	struct foreign *f;		/* the rules as they are now */
	uint64_t *packets;		/* of f->rules, then of f->chains */
	struct rule_order order;
};

/* The rules as they are in this namespace. */
int blame_open(struct blame *b, struct diags *d);
int blame_note(struct blame *b, struct diags *d);
/* In words: "chain INPUT of table filter, rule 3: -s 192.0.2.1 -j DROP" */
int blame_find(struct blame *b, const struct call *t, bool reply,
	       const struct seen_leg *l, struct strbuf *ret, struct diags *d);
void blame_release(struct blame *b);

#endif
