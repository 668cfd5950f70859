/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host/netns.h: the network namespaces of this machine, and a look into them.
 *
 * Shape:  this process's own comes first. Found are those that a process is in
 *         and those that have a name in /run/netns; one that only an open file
 *         keeps alive is not.
 * Owner:  names and paths are interned; netns_release().
 * Errors: -errno; -EPERM of netns_visit(): CAP_SYS_ADMIN is missing. -ENOENT:
 *         it has ended meanwhile. A process that could not return to its own
 *         namespace would go on in the wrong one: it aborts.
 * Source: setns(2), namespaces(7), ip-netns(8).
 */
#ifndef CTPOLICY_HOST_NETNS_H
#define CTPOLICY_HOST_NETNS_H

#include <stdint.h>
#include <stddef.h>

struct netns {
	uint64_t inode;
	const char *path;
	const char *name;	/* "blue", "process 4711"; NULL: our own */
};

struct netns_list {
	struct netns *v;
	size_t n, cap;
};

int netns_list(struct netns_list *ret);
/* Call `fn` inside; its result. */
int netns_visit(const struct netns *n, int (*fn)(void *arg), void *arg);
void netns_release(struct netns_list *l);

#endif
