/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/xtables/ipt_foreign_rule.h"

#include <string.h>

#include "backends/xtables/ipt_option.h"
#include "backends/xtables/xt_uses.h"
#include "core/mem.h"

int ipt_foreign_add(struct foreign *f, const struct ipt_foreign_place *at,
		    const struct ipt_args *a, size_t first,
		    const struct xt_set_source *sets)
{
	const char *table = f->tables[f->chains[at->chain].table].name;
	struct foreign_rule *r =
		foreign_add_rule(f, at->chain, at->position);
	bool is_nat = !strcmp(table, "nat");
	int err;

	if (!r)
		return -ENOMEM;
	r->raw = at->raw;
	r->line = at->line;
	r->features = is_nat ? FEATURE_BIT(NAT) : 0;
	err = xt_uses_add(f, a, first);
	if (!is_nat)
		f->rules[f->n_rules - 1].features &= ~FEATURE_BIT(NAT_VERDICT);
	if (!err && f->wants_terms)
		err = xt_terms_add(f, at->family, a, first, sets);
	return err;
}

void ipt_foreign_policy(struct host_chain *c, const char *policy)
{
	static const char *const policies[][2] = {
		{ "ACCEPT", "accept" }, { "DROP", "drop" },
	};

	for (size_t i = 0; policy && i < ARRAY_SIZE(policies); i++)
		if (!strcmp(policy, policies[i][0]))
			c->policy = policies[i][1];
}

/* Arguments that no rule of IPv4 has; "": the option itself is one. */
static const struct {
	const char *option, *arg;
} ipv6_only[] = {
	{ "--icmpv6-type", "" },
	{ "--protocol", "icmpv6" },
	{ "--protocol", "ipv6-icmp" },
	{ "--match", "dst" },
	{ "--match", "eui64" },
	{ "--match", "frag" },
	{ "--match", "hbh" },
	{ "--match", "hl" },
	{ "--match", "icmp6" },
	{ "--match", "icmpv6" },
	{ "--match", "ipv6-icmp" },
	{ "--match", "ipv6header" },
	{ "--match", "mh" },
	{ "--match", "rt" },
	{ "--match", "srh" },
	{ "--jump", "DNPT" },
	{ "--jump", "HL" },
	{ "--jump", "SNPT" },
};

/* Those of IPv4 hold one colon at most, ahead of a port. */
static bool is_ipv6_address(const char *s)
{
	const char *colon = strchr(s, ':');

	return *s == '[' || (colon && strchr(colon + 1, ':'));
}

static bool is_ipv6(const struct ipt_option *o)
{
	static const char *const addresses[] = {
		"--source", "--destination", "--src-range", "--dst-range",
		"--to-source", "--to-destination", "--to", "--on-ip",
		"--gateway",
	};

	for (size_t i = 0; o->arg && i < ARRAY_SIZE(addresses); i++)
		if (ipt_option_is(o, addresses[i]) && is_ipv6_address(o->arg))
			return true;
	if (o->arg && ipt_option_is(o, "--reject-with") &&
	    !strncmp(o->arg, "icmp6-", 6))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(ipv6_only); i++)
		if (ipt_option_is(o, ipv6_only[i].option) &&
		    (!*ipv6_only[i].arg ||
		     (o->arg && !strcmp(o->arg, ipv6_only[i].arg))))
			return true;
	return false;
}

bool ipt_foreign_is_ipv6(const struct ipt_args *a, size_t first)
{
	struct ipt_option o;

	while (ipt_option_next(a, &first, &o))
		if (is_ipv6(&o))
			return true;
	return false;
}
