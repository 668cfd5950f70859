/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/status/suggest_report.h: the advice, for people and for scripts.
 *
 * Owner:  borrows everything.
 * Errors: -ENOMEM when a part could not be shown.
 */
#ifndef CTPOLICY_CLI_SUGGEST_REPORT_H
#define CTPOLICY_CLI_SUGGEST_REPORT_H

#include "core/strbuf.h"
#include "engine/advice.h"

/* "server"; NULL: no such role. */
const char *suggest_role_name(unsigned int role);
int suggest_print_text(const struct advice *a);
int suggest_print_json(const struct advice *a, bool failed);

#endif
