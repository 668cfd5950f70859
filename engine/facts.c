/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/facts.h"

#include <errno.h>

#include "audit/keepers.h"
#include "core/mem.h"
#include "engine/host_rules.h"
#include "host/host.h"
#include "host/untracking.h"

int facts_read(struct host_facts *ret)
{
	*ret = host_facts_default;
	(void)host_ephemeral_ports(&ret->ephemeral);
	(void)host_memory(&ret->memory);
	return untracking_sends(&ret->sends_untracked);
}

/* A survey is quick, but knows not all that keeps tracking at work. */
static int is_idle(struct diags *d, bool *ret)
{
	_cleanup_(host_rules_release) struct host_rules h = { 0 };
	_cleanup_(diags_release) struct diags said = { 0 };
	struct keepers k;
	int err = host_rules_complete(&h, &said);

	/* Then a glance must do. */
	if (err == -FAULT_LACKING)
		return 0;
	if (err) {
		diags_append(d, &said);
		return err;
	}
	keepers_find(h.f, &k);
	*ret = !k.ipv4.rules && !k.ipv6.rules && !k.objects;
	return 0;
}

int facts_add_rules(const struct part *m, struct host_facts *ret,
		    struct diags *d)
{
	const struct survey *here = &m->live.survey, *there = &m->elsewhere;
	bool whole = backends_are_complete && !here->unseen && !there->unseen;
	bool idle = whole && !here->tracks && !there->tracks;
	int err = idle ? is_idle(d, &idle) : 0;

	if (err)
		return err;
	ret->whole = whole;
	ret->idle = idle;
	return 0;
}
