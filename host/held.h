/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host/held.h: which TCP connections the sockets of some processes carry.
 *
 * Shape:  several processes may hold one socket. `order` and `fd` sort what was
 *         found; held_find() leaves it so.
 * Errors: -ENOMEM. What cannot be read is not known, and is no error.
 */
#ifndef CTPOLICY_HOST_HELD_H
#define CTPOLICY_HOST_HELD_H

#include <sys/types.h>

#include "rules/flow.h"

struct held {
	uint64_t inode;
	pid_t pid;
	unsigned int order;	/* of the process: the first found is 0 */
	unsigned int fd;
	bool found;		/* it carries the connection `flow` */
	struct flow flow;
};

struct held_list {
	struct held *v;
	size_t n, cap;
	uint8_t listens[65536 / 8];	/* a bit for each port */
};

/*
 * `proc` is an open folder: /proc, or a tree of its form. `nearest`: only the
 * first connection is wanted, and nobody will ask who listens.
 */
int held_find(struct held_list *l, int proc, bool nearest);
/*
 * Of each process the connection with the lowest descriptor: the one that a
 * server of logins was started for. Later ones are forwarded (ssh -L, -R).
 * Called with one after the other; `next` begins with 0.
 */
bool held_is_first(const struct held *h, unsigned int *next);
/* In this namespace; of a port of a connection that held_find() found. */
bool held_is_listened_to(const struct held_list *l, uint16_t port);

#endif
