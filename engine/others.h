/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/others.h: what a change does to connections that no service has.
 *
 * A connection that this host translates needs its entry for each packet, the
 * answers too. These have other ports and addresses than the request: those of
 * a REDIRECT come from the port it leads to, and those to hosts behind this one
 * go to its own address. NOTRACK rules of a service may take them.
 *
 * Shape:  one for each answer that a service might take; `answer` is a packet
 *         as the raw hooks see it.
 * Owner:  spaces borrow from the policy and from the host.
 * Errors: -ENOMEM.
 */
#ifndef CTPOLICY_ENGINE_OTHERS_H
#define CTPOLICY_ENGINE_OTHERS_H

#include "audit/judge.h"
#include "audit/samples.h"
#include "engine/plan.h"
#include "engine/preflight_say.h"

struct others_host {
	const struct prefix_set *outside, *all;	/* this host's addresses */
	const struct iface_set *devices;	/* without lo */
	enum truth tracking;
};

struct other {
	const struct service *service;
	struct flow_space space;	/* of the request */
	struct flow_sample sample;
	struct packet answer;
	struct harm_found harm;		/* if it is taken */
};

struct others {
	struct other *v;
	size_t n, cap;
	bool untried;			/* some were cut short */
};

/* `w`: of the rules as they are. */
int others_today(const struct plan *p, const struct others_host *host,
		 struct walker *w, struct others *ret);
/* `w`: of the rules as they would be, which p->host holds. */
int others_then(struct plan *p, struct walker *w, const struct others *o,
		struct preflight_said *said);
void others_release(struct others *o);

#endif
