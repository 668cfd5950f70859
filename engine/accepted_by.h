/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/accepted_by.h: the host's own rules that accept untracked packets of
 * the services as they are, so that no accept rule is needed there.
 *
 * Shape:  in the order of the policy's services, then of the host's rules; one
 *         for each service and rule. Connections with other hosts alone. A
 *         rule is not named where nothing behind it in its base chain would
 *         drop the packets.
 * Owner:  accepted_by_release() frees; services are the policy's.
 * Errors: -ENOMEM.
 */
#ifndef CTPOLICY_ENGINE_ACCEPTED_BY_H
#define CTPOLICY_ENGINE_ACCEPTED_BY_H

#include "audit/judge.h"
#include "policies/policy.h"

struct plan;

enum accepted_packets {
	ACCEPTED_FIRST = 1 << 0,	/* of a connection */
	ACCEPTED_LATER = 1 << 1,	/* behind these, and answers */
};

struct accepted_by {
	const struct service *service;
	uint8_t packets;		/* enum accepted_packets */
	uint8_t family;			/* NFPROTO_* of the table */
	const char *table, *chain;	/* interned */
	uint32_t position;		/* as people count */
	char *rule;
	char *place;			/* "rule 3 of chain ...: -p tcp ..." */
	uint32_t number;		/* of the rule in the model */
};

struct accepted_bys {
	struct accepted_by *v;
	size_t n, cap;
};

/* What a watch of audit/judge.h is to be told, with the rules as wanted. */
struct accepted_search {
	struct plan *p;
	struct walker *w;
	const struct service *service;	/* whose packets these are */
	size_t first;			/* in the plan's list, of the service */
};

void accepted_by_begin(struct plan *p, struct walker *w,
		       struct accepted_search *ret);
void accepted_by_service(struct accepted_search *x, const struct service *s);
/* judge_watch.passed; arg: struct accepted_search */
int accepted_by_passed(const struct walk *walk, const struct packet *p,
		       enum talk talk, void *arg);
void accepted_by_sort(struct accepted_search *x);
void accepted_by_release(struct accepted_bys *a);

#endif
