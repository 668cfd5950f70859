/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/xtables/xt_families.h: targets of libxtables, for either family.
 *
 * libxtables takes what a plugin has for the family that is set while it is
 * loaded, and no plugin is loaded twice: TCPMSS, DSCP, TEE and others would be
 * lost for the family that comes second. (All matches of iptables 1.8 that one
 * plugin has for both families are of none.)
 *
 * Shape:  xtables_register_targets() is defined here, and plugins call this
 *         one: the program comes ahead of libraries.
 * Source: xtables_register_target() in libxtables/xtables.c of iptables 1.8.
 */
#ifndef CTPOLICY_BACKENDS_XTABLES_XT_FAMILIES_H
#define CTPOLICY_BACKENDS_XTABLES_XT_FAMILIES_H

#include <stdint.h>

/* Set it, inside xt_guard(), for what is registered from now on, and was. */
void xt_families_set(uint8_t family);

#endif
