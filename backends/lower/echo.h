/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/lower/echo.h: chains that repeat what a rule of the host's does.
 *
 * Shape:  "CHAIN.TURN" beside the chain of the accept rules that lead to it,
 *         with one rule in the host's words (rule.then).
 */
#ifndef CTPOLICY_BACKENDS_LOWER_ECHO_H
#define CTPOLICY_BACKENDS_LOWER_ECHO_H

#include "rules/image.h"
#include "rules/ruleset.h"

/* The words as the kernel will show the rule; *ret is the caller's to free. */
typedef int echo_settle_fn(const struct image_table *t, const char *words,
			   char **ret);

/*
 * The name of the chain, which is made if it is not there. -EOPNOTSUPP: there
 * are no words for it; -ENOMEM.
 */
int lower_echo(struct image_table *t, const char *chain, uint8_t af,
	       const struct rule *r, echo_settle_fn *settle, const char **ret);

#endif
