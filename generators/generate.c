/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "generators/generate.h"

#include "core/mem.h"
#include "generators/generators.h"

const struct host_facts host_facts_default = {
	.ephemeral = { 32768, 60999 },
};

static generator_fn *const generators[] = {
	generate_notrack,  generate_accept,  generate_accept_icmp,
	generate_accept_fragments, generate_timers, generate_sysctls,
	generate_modules,
};

static void note_accepts(struct ruleset *rs)
{
	for (size_t i = 0; i < rs->n; i++)
		rs->wants_accepts |= rs->v[i].action == ACTION_ACCEPT;
}

int generate(const struct policy *p, const struct host_facts *facts,
	     struct ruleset **ret, struct diags *d)
{
	struct generator_input in = {
		.policy = p, .facts = facts, .diags = d,
		/* timers alone keep tracking on, and what `keep` names */
		.stateless = (p->forbid_state && !p->keeps) ||
			     (facts->idle && !p->n_tracked),
	};
	_cleanup_(ruleset_free) struct ruleset *rs = calloc(1, sizeof(*rs));
	int err = 0;

	if (!rs)
		return -ENOMEM;
	rs->ipv4 = p->ipv4;
	rs->ipv6 = p->ipv6;
	for (size_t i = 0; !err && i < ARRAY_SIZE(generators); i++)
		err = generators[i](&in, rs);
	if (err)
		return err;
	ruleset_normalize(rs);
	note_accepts(rs);
	*ret = TAKE_PTR(rs);
	return 0;
}
