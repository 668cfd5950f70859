/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/xtables/xt_guard.h: the ring around libxtables. Inside the backend
 * only xt.c, xt_print.c, xt_families.c and this know that library.
 *
 * Shape:  xt_guard() runs fn(arg) for a family; when an extension gives up,
 *         fn does not return, so whatever fn holds must hang on *arg for the
 *         caller to release.
 * Owner:  the message is ours, until the next xt_guard().
 * Errors: what fn says; -EINVAL when an extension gave up.
 */
#ifndef CTPOLICY_BACKENDS_XTABLES_XT_GUARD_H
#define CTPOLICY_BACKENDS_XTABLES_XT_GUARD_H

#include <xtables.h>

#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

int xt_guard(uint8_t family, int (*fn)(void *), void *arg);
/* A rule holds this revision of an extension: no need to ask the kernel. */
void xt_guard_hold(const char *name, uint8_t rev);
void xt_guard_complain(const char *fmt, ...)
	__attribute__((format(printf, 1, 2)));
const char *xt_guard_message(void);
/*
 * The extension of that name; NULL: there is none. libxtables says the same of
 * one that found no memory to be loaded, so it is asked twice. `matches` NULL:
 * those of no rule.
 */
struct xtables_match *xt_guard_match(const char *name,
				     struct xtables_rule_match **matches);
struct xtables_target *xt_guard_target(const char *name);

#endif
