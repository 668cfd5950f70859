/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * generators/modules.c: which modules to unload, users before what they use.
 *
 * Source: module dependencies of Debian's kernels (modinfo -F depends).
 */
#include "core/mem.h"
#include "generators/generators.h"

int generate_modules(const struct generator_input *in, struct ruleset *rs)
{
	static const char *const users_first[] = {
		"xt_CT", "xt_conntrack", "xt_state", "nft_ct",
		"nf_conntrack_netlink", "nf_conntrack",
	};
	const struct policy *p = in->policy;
	int err = 0;

	if (!p->unload_modules)
		return 0;
	for (size_t i = 0; !err && i < ARRAY_SIZE(users_first); i++)
		err = ruleset_add_setting(&rs->modules, &rs->n_modules,
					  &rs->cap_modules, "module",
					  users_first[i], &p->modules_origin);
	return err;
}
