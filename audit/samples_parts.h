/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit/samples_parts.h: what the files that look for samples share.
 *
 * Shape:  a trial is a connection in the making: what a rule asked for is
 *         fixed, the rest may still become what another one asks for.
 */
#ifndef CTPOLICY_AUDIT_SAMPLES_PARTS_H
#define CTPOLICY_AUDIT_SAMPLES_PARTS_H

#include "audit/samples.h"

#define PORTS_MAX 8		/* of the service, that rules tell apart */
#define KEPT_MAX 16		/* trials of rules that translate */

struct trial {
	struct flow_sample s;
	bool fixed[FLOW_PART_MAX_];	/* some rule asked for it */
};

struct search {
	const struct foreign *f;
	const struct flow_space *space;
	size_t left;			/* samples that may still be taken */
	size_t rules_left;		/* that may still be looked at */
	int (*take)(const struct flow_sample *s, void *arg);
	void *arg;
	bool reply;			/* looks at packets of the answer */
	bool nat_alone;
	bool in_nat;			/* the chain that is looked at */
	bool beyond;			/* ... is one that lets through */
	bool enough;			/* said of the last one given */
	bool (*wants)(const struct foreign_answer *a, void *arg);
	bool cut;
	struct flow_sample last;	/* given; many rules ask for no other */
	uint64_t *seen;			/* digests of what was taken */
	size_t n_seen, cap_seen;
	uint8_t ports[PORTS_MAX][2];	/* met, in network byte order */
	size_t n_ports;
	struct trial kept[KEPT_MAX];	/* what rules translate */
	size_t n_kept;
};

/* samples.c: to who asked, if it is another one than before. */
int samples_give(struct search *x, const struct trial *given);
/* The request's packets pass the chain; what its rules ask for. */
bool samples_pass(const struct search *x, const struct host_chain *c);
bool samples_is_nat(const struct host_chain *c);
int samples_in_chain(struct search *x, uint32_t chain, const struct trial *t);

/* samples_plain.c: by each interface, at each port; t is left as the first. */
int samples_plain(struct search *x, struct trial *t);

/* samples_beyond.c: what is translated, as other rules let it through. */
bool samples_has_protocol(const struct search *x,
			  const struct foreign_rule *r);
void samples_keep(struct search *x, const struct trial *t);
int samples_beyond(struct search *x);

/* samples_fit.c: make the trial such as the term, or the set, asks for. */
/* Is the value of one byte in the set of the term? */
bool samples_lie_in(const struct search *x, const struct term *t,
		    const uint8_t *v);
/* Every value of a field of n bytes. */
struct key_range trial_whole(size_t n);
/* Into one range of the set; false: what is fixed lies outside of it. */
bool trial_enter(const struct search *x, struct trial *t, enum flow_part p,
		 const struct key_set *set, size_t field);
/* False: no such connection matches it. */
bool trial_satisfy(const struct search *x, struct trial *t,
		   const struct term *term);

#endif
