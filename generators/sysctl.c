/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * generators/sysctl.c: sizes and timeouts of the table, as settings.
 *
 * Source: Documentation/networking/nf_conntrack-sysctl.rst.
 */
#include <inttypes.h>

#include "generators/generators.h"
#include "generators/table_size.h"

#define PER_CENT 100

static uint64_t amount_entries(const struct amount *a,
			       const struct host_facts *facts)
{
	switch (a->kind) {
	case AMOUNT_NUMBER:
		return a->value;
	case AMOUNT_BYTES:
		return table_size_within(a->value).max;
	case AMOUNT_PERCENT:
		return facts->memory / 100 * table_size_within(a->value).max;
	case AMOUNT_AUTO:
		return facts->memory ? table_size_auto(facts->memory).max : 0;
	case AMOUNT_UNSET:
		break;
	}
	return 0;
}

static int add_amount(struct ruleset *rs, const char *key, uint64_t value,
		      const struct origin *origin)
{
	char text[24] = "auto";

	/* The amount of memory is not known: show what was asked for. */
	if (value)
		snprintf(text, sizeof(text), "%" PRIu64, value);
	return ruleset_add_setting(&rs->sysctls, &rs->n_sysctls,
				   &rs->cap_sysctls, key, text, origin);
}

int generate_sysctls(const struct generator_input *in, struct ruleset *rs)
{
	const struct policy *p = in->policy;
	uint64_t max = amount_entries(&p->max, in->facts);
	uint64_t buckets = p->buckets.kind == AMOUNT_AUTO && max ?
				   max :
				   amount_entries(&p->buckets, in->facts);
	int err = 0;

	/* They go with the modules. */
	if (p->unload_modules)
		return 0;
	if (p->max.kind != AMOUNT_UNSET)
		err = add_amount(rs, "net.netfilter.nf_conntrack_max", max,
				 &p->max_origin);
	if (!err && p->buckets.kind != AMOUNT_UNSET)
		err = add_amount(rs, "net.netfilter.nf_conntrack_buckets",
				 table_buckets_rounded(buckets),
				 &p->buckets_origin);
	for (size_t i = 0; !err && i < p->n_timeouts; i++)
		err = add_amount(rs, p->timeouts[i].sysctl,
				 p->timeouts[i].seconds,
				 &p->timeouts[i].origin);
	return err;
}
