/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rules/own_names.h: what is ctpolicy's, told by its name. Nothing else tells.
 */
#ifndef CTPOLICY_RULES_OWN_NAMES_H
#define CTPOLICY_RULES_OWN_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#define OWN_TABLE "ctpolicy"		/* of nft, family inet */
#define OWN_PREFIX "ctpolicy-"		/* of nft's chains, and of all sets */
#define OWN_PREFIX_XT "CTPOLICY-"	/* of chains in legacy tables */
/* Of base chains in nft's own table, behind conntrack: "tracked-output". */
#define OWN_PREFIX_TRACKED "tracked-"

bool own_names_table(uint8_t family, const char *name);
bool own_names_nft(const char *name);
bool own_names_xt(const char *chain);
/* One of these chains that repeats a rule of the host's: "ctpolicy-input.1". */
bool own_names_echo(const char *chain);
/* ... that goes on where ctpolicy's own rules end: "CTPOLICY-OUTPUT.0". */
bool own_names_end(const char *chain);
/* Of these, one that has to do with rules of the host's that are replaced. */
bool own_names_edit(const char *chain);
/*
 * Of these, one that stands in for a rule of the host's, which is not there
 * any more: "CTPOLICY-INPUT.r1a2b3c4d".
 */
bool own_names_stand_in(const char *chain);
/*
 * Of these, one that rules with matches in a chain of the host's lead to:
 * "CTPOLICY-INPUT.g1a2b3c4d". Such rules are kept as words.
 */
bool own_names_led_to(const char *chain);

/* One of nft's base chains that give timers to what is tracked. */
bool own_names_tracked(const char *chain);

#endif
