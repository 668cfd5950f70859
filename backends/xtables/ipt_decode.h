/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/xtables/ipt_decode.h: what the decoder of rules reads of lists.
 *
 * Errors: -ENOMEM; -EINVAL: malformed, or longer than a rule of ctpolicy's.
 * Source: iptables-extensions(8).
 */
#ifndef CTPOLICY_BACKENDS_XTABLES_IPT_DECODE_H
#define CTPOLICY_BACKENDS_XTABLES_IPT_DECODE_H

#include "core/inet.h"

/* "80", "80,81", "1000:2000", ":1023", "1024:" into an empty set. */
int ipt_decode_ports(const char *arg, struct port_set *set);
/* Bits of the flag names in `list`, -1: one is unknown. */
int ipt_decode_flags(const char *list);

/* "3", "3/any": the type; -EINVAL. */
int ipt_decode_icmp(const char *arg);

#endif
