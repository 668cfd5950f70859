/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/nft/nft_live_xt.c: matches and targets of iptables in nft rules. */
#include <string.h>
#include <linux/netfilter/nf_tables_compat.h>

#include "backends/nft/nft_live.h"
#include "core/mem.h"

static int read_match(struct live_rule *r, const struct nlattr *const *v)
{
	const char *name = nft_attr_str(v[NFTA_MATCH_NAME]);

	if (!strcmp(name, "comment"))
		return 0;
	if (!r->compat)
		nft_live_last(r)->features |= FEATURE_BIT(XT_OPAQUE);
	nft_live_say(r, "[%s]", name);
	return nft_live_opaque(r, name);
}

static int read_target(struct live_rule *r, const struct nlattr *const *v)
{
	static const struct {
		const char *name;
		enum foreign_verdict verdict;
	} ends[] = {
		{ "ACCEPT", FOREIGN_ACCEPT }, { "DROP", FOREIGN_DROP },
		{ "REJECT", FOREIGN_REJECT }, { "RETURN", FOREIGN_RETURN },
	};
	const char *name = nft_attr_str(v[NFTA_TARGET_NAME]);

	if (!r->compat)
		nft_live_last(r)->features |= FEATURE_BIT(XT_OPAQUE);
	nft_live_say(r, "[%s]", name);
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		if (!strcmp(ends[i].name, name))
			return nft_live_set_verdict(r, ends[i].verdict, NULL,
						    0);
	return nft_live_set_verdict(r, FOREIGN_TARGET, name, 0);
}

const struct live_row nft_live_compat[] = {
	{ "match", read_match }, { "target", read_target }, { NULL, NULL },
};
