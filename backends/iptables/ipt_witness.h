/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/iptables/ipt_witness.h: was the table that a commit replaced the
 * one that was read?
 *
 * The kernel takes a replacement of a table that somebody without the lock
 * replaced meanwhile, if only the number of entries is the same. But it hands
 * back the counters of what it threw away. So a mark is added to the counters
 * of the ERROR entry that ends a table: no packet meets it, no tool shows it,
 * and whoever replaces the table writes it without.
 *
 * Shape:  ipt_witness_begin(), read the table, ipt_witness_check(), commit,
 *         ipt_witness_end(). One at a time.
 * Owner:  the witness is the caller's, and must stay where it is until
 *         ipt_witness_end(), which is always due.
 * Errors: -FAULT_STALE: somebody else wrote, and nothing is lost. -errno of the
 *         kernel otherwise; all with a diagnostic.
 * Source: __do_replace(), do_add_counters() in the kernel's
 *         net/ipv4/netfilter/ip_tables.c.
 */
#ifndef CTPOLICY_BACKENDS_IPTABLES_IPT_WITNESS_H
#define CTPOLICY_BACKENDS_IPTABLES_IPT_WITNESS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/diag.h"

struct ipt_witness {
	uint8_t family;			/* NFPROTO_IPV4, NFPROTO_IPV6 */
	char table[32];
	int fd;				/* -1: there is no mark */
	uint64_t packets, bytes;	/* of the last entry, with the mark */
	bool replaced;			/* the commit wrote the table, */
	bool lost;			/* and it was not the marked one */
};

int ipt_witness_begin(struct ipt_witness *w, uint8_t family,
		      const char *table, struct diags *d);
/* Still the table that was marked? From here on the commit is watched. */
int ipt_witness_check(struct ipt_witness *w, struct diags *d);
/*
 * Now `replaced` and `lost` tell. -EIO: libiptc says that it has committed,
 * but its call was never seen here (as where the C library has it call another
 * function for a 64-bit time_t), so nobody can tell what was overwritten.
 */
int ipt_witness_end(struct ipt_witness *w, bool committed, struct diags *d);

#endif
