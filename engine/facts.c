/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/facts.h"

#include <errno.h>

#include "core/intern.h"
#include "core/mem.h"
#include "host/host.h"

void facts_read(struct host_facts *ret)
{
	*ret = host_facts_default;
	(void)host_ephemeral_ports(&ret->ephemeral);
	(void)host_memory(&ret->memory);
}

static const struct foreign_nat *nat_of(const struct part *m, size_t family)
{
	const struct foreign_nat *here = &m->live.survey.nat[family];

	return here->table ? here : &m->elsewhere.nat[family];
}

int facts_add_rules(const struct part *m, struct host_facts *ret)
{
	bool unseen = !backends_are_complete || m->live.survey.nat_unseen ||
		      m->elsewhere.nat_unseen;
	struct nat_fact facts[ARRAY_SIZE(ret->nat)];

	for (size_t i = 0; i < ARRAY_SIZE(facts); i++) {
		const struct foreign_nat *n = nat_of(m, i);

		facts[i] = (struct nat_fact){ unseen ? NAT_UNKNOWN : NAT_NONE,
					      NULL };
		if (!n->table)
			continue;
		facts[i].known = NAT_SOURCE;
		facts[i].where = intern_printf("chain %s of table %s, %s",
					       n->chain, n->table,
					       chain_owner_name(n->owner));
		if (!facts[i].where)
			return -ENOMEM;
	}
	for (size_t i = 0; i < ARRAY_SIZE(facts); i++)
		ret->nat[i] = facts[i];
	ret->idle = !unseen && !m->live.survey.tracks && !m->elsewhere.tracks;
	return 0;
}
