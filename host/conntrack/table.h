/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host/conntrack/table.h: how full the connection table is, and what the
 * kernel has counted since it was made.
 *
 * All of it is text of /proc: no entry is listed, and no module is loaded.
 *
 * Shape:  `proc` is a descriptor of /proc, or of a folder of that form. Kernels
 *         of before 2.6.20 have the old names, ip_conntrack_*.
 * Units:  entries, `max` of all namespaces, 0: no limit. `buckets` 0: not
 *         known. The counters are this namespace's.
 * Errors: -ENOENT: no connection tracking is there, or none is loaded. Else
 *         -errno of reading. Counters that this kernel lacks are 0, with their
 *         bit of `known` not set.
 * Source: Documentation/networking/nf_conntrack-sysctl.rst; ct_cpu_seq_show()
 *         in net/netfilter/nf_conntrack_standalone.c, a line for each
 *         processor, in hexadecimal: what it calls icmp_error counts errors of
 *         all kinds, chainlength chains that were too long for a further entry
 *         (since Linux 5.15), clashres clashes that were resolved.
 */
#ifndef CTPOLICY_HOST_CONNTRACK_TABLE_H
#define CTPOLICY_HOST_CONNTRACK_TABLE_H

#include <stdint.h>

/* ID, name in JSON (that of conntrack -S), heading of the kernel's column */
#define CT_COUNTERS(X)							\
	X(FOUND, "found", "found")					\
	X(INVALID, "invalid", "invalid")				\
	X(INSERT, "insert", "insert")					\
	X(INSERT_FAILED, "insert_failed", "insert_failed")		\
	X(DROP, "drop", "drop")						\
	X(EARLY_DROP, "early_drop", "early_drop")			\
	X(ERROR, "error", "icmp_error")					\
	X(SEARCH_RESTART, "search_restart", "search_restart")		\
	X(CLASH_RESOLVE, "clash_resolve", "clashres")			\
	X(CHAIN_TOO_LONG, "chaintoolong", "chainlength")

enum ct_counter {
#define X(id, name, column) CT_##id,
	CT_COUNTERS(X)
#undef X
	CT_COUNTER_MAX_
};

struct ct_table {
	uint64_t count, max, buckets;
	uint64_t counter[CT_COUNTER_MAX_];
	uint32_t known;		/* 1 << enum ct_counter */
};

int ct_table_read(int proc, struct ct_table *ret);
/* Of this host's own /proc. */
int ct_table_now(struct ct_table *ret);
const char *ct_counter_name(enum ct_counter c);

#endif
