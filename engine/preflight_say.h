/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/preflight_say.h: pre-flight's findings as diagnostics, each once.
 */
#ifndef CTPOLICY_ENGINE_PREFLIGHT_SAY_H
#define CTPOLICY_ENGINE_PREFLIGHT_SAY_H

#include "engine/plan.h"
#include "engine/preflight_said.h"

/* -ENOMEM. Rules are those of p->host, with what is wanted. */
int preflight_say(struct plan *p, const struct service *s,
		  const struct flow_space *sp, const struct flow_sample *sample,
		  const struct harm_found *h, struct preflight_said *said);
/*
 * What the untracked packets of a service will not meet, and tracked ones do
 * (p->stands.unmet); not what was said of the same rule.
 */
int preflight_say_unmet(struct plan *p, struct preflight_said *said);
/* "rule 3 of chain INPUT of table ip filter: -s 192.0.2.66 -j DROP" */
void preflight_print_place(const struct host_rules *host,
			   const struct harm_found *h, struct strbuf *out);
/* Is it of another world, where the plan's accept rules don't help? */
bool preflight_is_elsewhere(const struct plan *p, const struct harm_found *h);

#endif
