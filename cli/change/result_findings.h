/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/change/result_findings.h: a result as findings: diagnostics, and of a
 * plan each service that differs.
 *
 * Shape:  a case is a policy, or, of a plan that was made, a service.
 * Owner:  findings borrow from the result's plans, and sources from `r`.
 * Errors: `lost` of the findings.
 */
#ifndef CTPOLICY_CLI_CHANGE_RESULT_FINDINGS_H
#define CTPOLICY_CLI_CHANGE_RESULT_FINDINGS_H

#include "cli/change/result.h"
#include "cli/format/findings.h"

void result_findings(const struct result *r, struct findings *f);
/* Of a single plan: what was said, where the policy is. */
void plan_findings(const struct plan *p, const struct policy_fixes *fixes,
		   struct findings *f);

#endif
