/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/saved_rules.h: the host's own rules out of a saved ruleset.
 *
 * Shape:  `file` "-" is standard input; the backend is the one whose text it
 *         is, or what --backend says. Privileges are given up first, unless a
 *         private kernel is wanted later.
 * Errors: -FAULT_DATA: not a ruleset; else as policy_read_saved().
 */
#ifndef CTPOLICY_CLI_SAVED_RULES_H
#define CTPOLICY_CLI_SAVED_RULES_H

#include "backends/backend.h"
#include "cli/cli.h"
#include "rules/foreign.h"

int saved_rules_read(const struct options *o, const char *file,
		     struct foreign *f, struct diags *d);
/* The same; *ret: whose text it is. */
int saved_rules_read_as(const struct options *o, const char *file,
			struct foreign *f, const struct backend **ret,
			struct diags *d);

#endif
