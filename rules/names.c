/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules/names.c: the field's words for the model's enums. */
#include "core/mem.h"
#include "rules/changeset.h"
#include "rules/image.h"
#include "rules/ruleset.h"

#include <linux/netfilter.h>

#define TABLE_IS_WHOLE(t, max) \
	_Static_assert(ARRAY_SIZE(t) == (max), #t " misses a row")

const char *hook_name(enum hook h)
{
	static const char *const names[] = {
		[HOOK_PREROUTING] = "prerouting",
		[HOOK_INPUT] = "input",
		[HOOK_FORWARD] = "forward",
		[HOOK_OUTPUT] = "output",
		[HOOK_POSTROUTING] = "postrouting",
	};
	TABLE_IS_WHOLE(names, HOOK_MAX_);

	return names[h];
}

const char *action_name(enum action a)
{
	static const char *const names[] = {
		[ACTION_NOTRACK] = "notrack",
		[ACTION_ACCEPT] = "accept",
		[ACTION_TIMERS] = "timers",
	};
	TABLE_IS_WHOLE(names, ACTION_MAX_);

	return names[a];
}

const char *step_kind_name(enum step_kind k)
{
	static const char *const names[] = {
		[STEP_TABLE] = "table",
		[STEP_CHAIN] = "chain",
		[STEP_SET] = "set",
		[STEP_ELEMENT] = "element",
		[STEP_RULE] = "rule",
	};
	TABLE_IS_WHOLE(names, STEP_KIND_MAX_);

	return names[k];
}

const char *nfproto_name(uint8_t family)
{
	switch (family) {
	case NFPROTO_INET:
		return "inet";
	case NFPROTO_IPV4:
		return "ip";
	case NFPROTO_IPV6:
		return "ip6";
	default:
		return "";
	}
}
