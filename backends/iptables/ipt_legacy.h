/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/iptables/ipt_legacy.h: libiptc, one face for both families.
 *
 * Shape:  positions count from 0. Opening a table that the kernel does not
 *         have yet makes it, for good: for reading, ask
 *         ipt_legacy_names() first.
 * Owner:  entries and names belong to the handle.
 * Errors: -EPERM: a capability is missing. -EOPNOTSUPP: the kernel has no
 *         such table; -FAULT_STALE: somebody else changed it; all with a
 *         diagnostic.
 * Source: libiptc/libiptc.h, libiptc/libip6tc.h.
 */
#ifndef CTPOLICY_BACKENDS_IPTABLES_IPT_LEGACY_H
#define CTPOLICY_BACKENDS_IPTABLES_IPT_LEGACY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/diag.h"

#define IPT_TABLES_MAX 8

struct ipt_names {
	char v[IPT_TABLES_MAX][32];
	size_t n;
	bool assumed;			/* there may be others */
};

struct ipt_legacy {
	uint8_t family;			/* NFPROTO_IPV4, NFPROTO_IPV6 */
	char name[32];
	struct xtc_handle *h;
};

/* The tables that the kernel has; none where the family is not built in. */
int ipt_legacy_names(uint8_t family, struct ipt_names *ret, struct diags *d);

/* -EOPNOTSUPP, with the module to load, or the family that is switched off. */
int ipt_legacy_say_missing(uint8_t family, const char *table, const char *why,
			   struct diags *d);
int ipt_legacy_open(uint8_t family, const char *name, struct ipt_legacy *ret,
		   struct diags *d);
void ipt_legacy_close(struct ipt_legacy *t);

const char *ipt_legacy_first_chain(const struct ipt_legacy *t);
const char *ipt_legacy_next_chain(const struct ipt_legacy *t);
/* Also while all chains are gone through. */
bool ipt_legacy_has_chain(const struct ipt_legacy *t, const char *chain);
/* "ACCEPT" or "DROP"; NULL: not built in. */
const char *ipt_legacy_policy(const struct ipt_legacy *t, const char *chain);
const void *ipt_legacy_first_rule(const struct ipt_legacy *t,
				  const char *chain);
const void *ipt_legacy_next_rule(const struct ipt_legacy *t, const void *entry);
const char *ipt_legacy_target(const struct ipt_legacy *t, const void *entry);
/* What a rule's entry has counted. */
void ipt_legacy_counters(const struct ipt_legacy *t, const void *entry,
			 uint64_t *ret_packets, uint64_t *ret_bytes);
/* The same of a base chain's policy; false: it has none. */
bool ipt_legacy_policy_counter(const struct ipt_legacy *t, const char *chain,
			       uint64_t *ret_packets);
size_t ipt_legacy_count(const struct ipt_legacy *t, const char *chain);

/* Behind `at` rules, of which there are so many; SIZE_MAX: behind all. */
int ipt_legacy_insert(struct ipt_legacy *t, const char *chain, size_t at,
		     const void *entry, struct diags *d);
int ipt_legacy_delete(struct ipt_legacy *t, const char *chain, size_t at,
		     struct diags *d);
int ipt_legacy_create_chain(struct ipt_legacy *t, const char *chain,
			   struct diags *d);
int ipt_legacy_delete_chain(struct ipt_legacy *t, const char *chain,
			   struct diags *d);
int ipt_legacy_commit(struct ipt_legacy *t, struct srcpos at, struct diags *d);

/* Of everything but counters, on top of `seed`. */
uint64_t ipt_legacy_digest(const struct ipt_legacy *t, uint64_t seed);
/* Of one entry, whose target libiptc calls so. */
uint64_t ipt_legacy_digest_entry(uint8_t family, const void *entry,
				 const char *target);

#endif
