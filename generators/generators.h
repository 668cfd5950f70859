/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * generators/generators.h: the rows of the table in generate.c.
 *
 * Errors: -ENOMEM. Warnings go to in->diags.
 */
#ifndef CTPOLICY_GENERATORS_GENERATORS_H
#define CTPOLICY_GENERATORS_GENERATORS_H

#include <errno.h>

#include "generators/generate.h"

struct generator_input {
	const struct policy *policy;
	const struct host_facts *facts;
	struct diags *diags;
	/* No rule may match a state: the first one switches tracking on. */
	bool stateless;
};

typedef int generator_fn(const struct generator_input *in,
			 struct ruleset *rs);

generator_fn generate_notrack, generate_accept, generate_accept_icmp,
	generate_accept_fragments, generate_timers, generate_sysctls,
	generate_modules;

#endif
