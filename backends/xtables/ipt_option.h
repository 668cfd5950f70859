/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/xtables/ipt_option.h: a rule's words as options, in whichever form
 * getopt takes them: "-m state", "-mstate", "--match=state", "--mat state".
 *
 * Shape:  `name` is the long name, whole for those in ipt_option.c's table;
 *         `arg` is the word behind, whether or not the option takes one.
 *         "! --opt arg" and the older "--opt ! arg" are both `negated`.
 * Owner:  borrows from the words.
 * Source: getopt_long(3), iptables(8), iptables-extensions(8).
 */
#ifndef CTPOLICY_BACKENDS_XTABLES_IPT_OPTION_H
#define CTPOLICY_BACKENDS_XTABLES_IPT_OPTION_H

#include <stdbool.h>

#include "backends/xtables/ipt_args.h"

struct ipt_option {
	char name[32];
	const char *arg;		/* NULL: the words end here */
	bool negated;
};

/*
 * The next option from a->v[*i] on; *i moves behind it. False: there is none.
 * Free text ("--comment", "--log-prefix") is never taken for an option.
 */
bool ipt_option_next(const struct ipt_args *a, size_t *i,
		     struct ipt_option *ret);
bool ipt_option_is(const struct ipt_option *o, const char *name);

#endif
