/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host/tcp_table.h: the TCP sockets of this network namespace that listen or
 * carry a connection.
 *
 * Shape:  a row's flow is a connection as its packets come in: the source is
 *         the other end. Of a listening socket the source is all zeros. IPv4
 *         connections of an IPv6 socket are given as IPv4.
 * Errors: -errno of reading; -ENOENT: there is no such table here; -EBADMSG:
 *         a line is not what proc(5) says. What `take` returns ends the
 *         reading, unless it is 0.
 * Source: /proc/net/tcp, tcp6, sockstat and sockstat6 in proc(5); the states
 *         in netinet/tcp.h.
 */
#ifndef CTPOLICY_HOST_TCP_TABLE_H
#define CTPOLICY_HOST_TCP_TABLE_H

#include "rules/flow.h"

struct tcp_row {
	struct flow flow;
	uint64_t inode;		/* as in the link "socket:[INODE]" */
	bool listens;
};

/* `proc` is an open folder: /proc, or a tree of its form. */
int tcp_table_read(int proc, int (*take)(const struct tcp_row *row, void *data),
		   void *data);
/*
 * May it have so many rows? A sum that the kernel keeps, where the table has to
 * be searched for. Yes, where that is not known.
 */
bool tcp_table_may_hold(int proc, uint64_t n);
/* Completes a row of which family, ends and `listens` are known. */
void tcp_row_settle(struct tcp_row *row);

#endif
