/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit/inet_sets.h: what sets of addresses, ports and interfaces have in
 * common, and what they lack.
 *
 * Shape:  arguments and results are normalized (core/inet.h); an empty set is
 *         empty, not "any".
 * Errors: -ENOMEM.
 */
#ifndef CTPOLICY_AUDIT_INET_SETS_H
#define CTPOLICY_AUDIT_INET_SETS_H

#include "core/inet.h"
#include "rules/term.h"

/* Of every `stride` of n ranges of keys (rules/term.h), from the first on. */
int ports_of_keys(const struct key_range *r, size_t n, size_t stride,
		  struct port_set *ret);
/* `mask`: of the keys; NULL: all of them counts. It is that of a network. */
int prefixes_of_keys(const struct key_range *r, size_t n, size_t stride,
		     uint8_t family, const uint8_t *mask,
		     struct prefix_set *ret);

int ports_meet(const struct port_set *a, const struct port_set *b,
	       struct port_set *ret);
/* All ports but those of the set. */
int ports_complement(const struct port_set *s, struct port_set *ret);
/* Ranges that touch become one. */
void ports_join(struct port_set *s);
bool ports_within(const struct port_set *a, const struct port_set *b);
int ports_cmp(const struct port_set *a, const struct port_set *b);

int prefixes_meet(const struct prefix_set *a, const struct prefix_set *b,
		  struct prefix_set *ret);
/* Those of a that have nothing in common with b. */
int prefixes_apart(const struct prefix_set *a, const struct prefix_set *b,
		   struct prefix_set *ret);
/* All addresses of the family but those of the set. */
int prefixes_complement(const struct prefix_set *s, uint8_t family,
			struct prefix_set *ret);
/* The networks that make up a range; both ends belong to it. */
int prefixes_add_range(struct prefix_set *s, uint8_t family,
		       const uint8_t *first, const uint8_t *last);
/* Are there any, and all of 127.0.0.0/8 or ::1? */
bool prefixes_are_loopback(const struct prefix_set *s);
/* ... of 224.0.0.0/4 or ff00::/8? */
bool prefixes_are_multicast(const struct prefix_set *s);

int ifaces_meet(const struct iface_set *a, const struct iface_set *b,
		struct iface_set *ret);
bool ifaces_within(const struct iface_set *a, const struct iface_set *b);
int ifaces_cmp(const struct iface_set *a, const struct iface_set *b);

#endif
