/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/audit_rewrite.h: a saved ruleset printed with its state rules replaced.
 *
 * Shape:  the ruleset goes to standard output; which rules stay, why, and what
 *         is newly let through, to standard error.
 */
#ifndef CTPOLICY_CLI_AUDIT_REWRITE_H
#define CTPOLICY_CLI_AUDIT_REWRITE_H

#include "cli/cli.h"

/* The exit code. */
int audit_rewrite(const struct options *o);

#endif
