/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/moves.h: what a rule that translates may make of an address.
 *
 * Shape:  `own`: this host's addresses. A term that names no address and every
 *         port stands for what is not understood, as the answers of a map.
 * Units:  addresses in network byte order, of the family AF_*.
 * Owner:  terms are the model's, targets its or those of `own`.
 */
#ifndef CTPOLICY_ENGINE_MOVES_H
#define CTPOLICY_ENGINE_MOVES_H

#include "core/inet.h"
#include "rules/foreign.h"

#define MOVES_TARGETS 3

/* What the rule translates to; NULL: it says nothing of it. */
const struct term *moves_term(const struct foreign *f, uint32_t rule);
/* The first address that it translates to; NULL: it names none. */
const uint8_t *moves_address(const struct foreign *f, const struct term *t);
struct port_range moves_ports(const struct term *t,
			      struct port_range otherwise);
bool moves_is_own(const struct prefix_set *own, uint8_t family,
		  const uint8_t *address);
/* What is not understood, as the answers of a map. */
bool moves_is_unknown(const struct term *t);
/* May the address stay what it is? */
bool moves_leaves(const struct foreign *f, const struct term *t,
		  uint8_t family, const uint8_t *address);
/*
 * Of all that it may translate to an address of this host's, and one of
 * another; NULL: the address stays as it is, or is not known.
 */
size_t moves_targets(const struct foreign *f, const struct term *t,
		     const struct prefix_set *own, uint8_t family,
		     const uint8_t *ret[MOVES_TARGETS]);

#endif
