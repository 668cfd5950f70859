/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host/conntrack/hash_size.h: is the connection table's hash of another size
 * than it was?
 *
 * A listing goes from bucket to bucket. Who resizes the hash moves entries to
 * other buckets: some are listed twice then, some never, or the listing ends
 * early, and the kernel says nothing of it.
 *
 * Shape:  begun before the request, asked after each answer. While it takes
 *         less time to read one answer than to resize twice, nothing escapes.
 * Owner:  hash_size_end() closes what hash_size_begin() opened.
 * Errors: none: a kernel that does not tell its size is taken to keep it.
 * Source: ctnetlink_dump_table() in net/netfilter/nf_conntrack_netlink.c,
 *         nf_conntrack_hash_resize() in nf_conntrack_core.c.
 */
#ifndef CTPOLICY_HOST_CONNTRACK_HASH_SIZE_H
#define CTPOLICY_HOST_CONNTRACK_HASH_SIZE_H

#include <stdbool.h>
#include <stddef.h>

/* How often to list anew; who resizes has done it then. */
#define HASH_SIZE_TRIES 4

struct hash_size {
	int fd;			/* -1: it is not told */
	char text[24];
	size_t len;
};

void hash_size_begin(struct hash_size *h);
bool hash_size_changed(const struct hash_size *h);
/* Why a listing failed, -EAGAIN of being moved under it again and again. */
const char *hash_size_reason(int err);
void hash_size_end(struct hash_size *h);

#endif
