/* SPDX-License-Identifier: GPL-2.0-or-later */
/* policies/policy_suggest.c: what people call the keys elsewhere. */
#include <string.h>
#include <strings.h>

#include "core/mem.h"
#include "policies/policy_load.h"

const char *suggest_synonym(const char *word)
{
	static const char *const table[][2] = {
		{ "exclude", "untracked" }, { "notrack", "untracked" },
		{ "services", "untracked" }, { "rules", "untracked" },
		{ "service", "name" }, { "id", "name" },
		{ "direction", "role" }, { "dport", "ports" },
		{ "dports", "ports" }, { "destination_ports", "ports" },
		{ "from", "clients" }, { "source", "clients" },
		{ "src", "clients" }, { "saddr", "clients" },
		{ "to", "servers" }, { "destination", "servers" },
		{ "dst", "servers" }, { "daddr", "servers" },
		{ "iface", "interfaces" }, { "ifaces", "interfaces" },
		{ "devices", "interfaces" }, { "comment", "why" },
		{ "description", "why" }, { "reason", "why" },
		{ "state", "state_matching" },
		{ "nf_conntrack_max", "max" }, { "limit", "max" },
		{ "hashsize", "buckets" }, { "nf_conntrack_buckets", "buckets" },
		{ "module", "modules" }, { "proto", "protocol" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (!strcasecmp(word, table[i][0]))
			return table[i][1];
	return NULL;
}
