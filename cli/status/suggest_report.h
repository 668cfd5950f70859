/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/status/suggest_report.h: the advice, for people and for scripts.
 *
 * Owner:  borrows everything.
 * Errors: -ENOMEM when a part could not be shown.
 */
#ifndef CTPOLICY_CLI_SUGGEST_REPORT_H
#define CTPOLICY_CLI_SUGGEST_REPORT_H

#include "core/strbuf.h"
#include "engine/advice.h"

/* ID, word in JSON, end of a sentence: what stays though its service goes */
#define LEFTS(X)							\
	X(NAT, "nat", "that this host translates (NAT)")		\
	X(HELPER, "helper", "that a conntrack helper works on")		\
	X(GROUP, "group", "sent to broadcast or multicast addresses")	\
	X(ICMP, "icmp", "that are no echoes")				\
	X(ROLE, "role", "of roles that have too many such entries")

enum left {
#define X(id, word, words) LEFT_##id,
	LEFTS(X)
#undef X
	LEFT_MAX_
};

const char *suggest_left_word(enum left l);
const char *suggest_left_words(enum left l);
/* How many; those of two kinds count in both. */
uint32_t suggest_left_out(const struct suggestion *s, enum left l);
/* "server"; NULL: no such role. */
const char *suggest_role_name(unsigned int role);
int suggest_print_text(const struct advice *a);
int suggest_print_json(const struct advice *a, bool failed);

#endif
