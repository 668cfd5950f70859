/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/boot_timers.h: saved rulesets of iptables that no boot can load, since
 * they name timeouts of connections (-j CT --timeout NAME), or a set of
 * ctpolicy's, that nobody has made by then.
 *
 * A warning for each file, with its first such line. ctpolicy's own are made by
 * ctpolicy, behind the service that loads the rules. Of other timeouts it is
 * known only which are not there now.
 *
 * Errors: -ENOMEM.
 * Source: xt_ct_set_timeout() in net/netfilter/xt_CT.c; iptables-restore(8)
 *         ends at the first table that it cannot load.
 */
#ifndef CTPOLICY_ENGINE_BOOT_TIMERS_H
#define CTPOLICY_ENGINE_BOOT_TIMERS_H

#include "core/diag.h"

int boot_timers_say(struct diags *d);

#endif
