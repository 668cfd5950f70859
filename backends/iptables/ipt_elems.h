/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/iptables/ipt_elems.h: boxes cut into what an ipset can hold.
 *
 * An ipset entry has one port and, for each address, one CIDR block of at
 * least length 1.
 *
 * Errors: -ENOMEM, -FAULT_LACKING when a set would need more than IPT_ELEMS_MAX
 *         entries.
 */
#ifndef CTPOLICY_BACKENDS_IPTABLES_IPT_ELEMS_H
#define CTPOLICY_BACKENDS_IPTABLES_IPT_ELEMS_H

#include "rules/elems.h"

#define IPT_ELEMS_MAX (1u << 22)

/* Afterwards e is canonical, and each box is one entry. */
int ipt_elems_fit(struct elems *e);
/* Does field f hold single addresses only? */
bool ipt_elems_field_exact(const struct elems *e, unsigned int f);

#endif
