/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/preflight_say.h: pre-flight's findings as diagnostics, each once.
 */
#ifndef CTPOLICY_ENGINE_PREFLIGHT_SAY_H
#define CTPOLICY_ENGINE_PREFLIGHT_SAY_H

#include "audit/judge.h"
#include "engine/plan.h"

/* What was said, so that one rule is named once for a service. */
struct preflight_said {
	struct said {
		const struct service *service;
		enum harm harm;
		uint32_t rule, chain;
	} *v;
	size_t n, cap;
	bool refused;		/* something forbids the change */
};

/* What all findings are about. */
struct preflight_host {
	struct plan *p;
	const struct foreign *f;
	const uint32_t *position;	/* of the host's own rules */
	size_t n_rules;			/* behind these stand ctpolicy's */
};

/* -ENOMEM */
int preflight_say(const struct preflight_host *host, const struct service *s,
		  const struct flow_space *sp, const struct flow_sample *sample,
		  const struct harm_found *h, struct preflight_said *said);

#endif
