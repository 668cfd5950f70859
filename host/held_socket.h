/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host/held_socket.h: the TCP sockets that another process holds, asked
 * themselves. The tables of /proc say the same, but the kernel goes through
 * every bucket of its hash for each of them, which takes longer than all else
 * that an apply of one service does.
 *
 * Shape:  a holder is one process, a row as tcp_table_read() has it.
 * Owner:  held_close(). The copy of a socket is closed before a call returns.
 * Errors: -errno: not known, so ask the table. Some are common: -ENOSYS before
 *         Linux 5.6, -ENOPROTOOPT before 5.14, -EPERM where a filter of system
 *         calls or a security module forbids it, -ESTALE: the descriptor is not
 *         that socket (any more, or seen from here), -EPROTONOSUPPORT: a socket
 *         of MPTCP, whose subflows the table lists with its inode.
 * Source: pidfd_open(2), pidfd_getfd(2); SO_NETNS_COOKIE in
 *         asm-generic/socket.h; tcpi_state, the first byte of TCP_INFO.
 */
#ifndef CTPOLICY_HOST_HELD_SOCKET_H
#define CTPOLICY_HOST_HELD_SOCKET_H

#include <sys/types.h>

#include "host/tcp_table.h"

struct holder {
	int pidfd;		/* -1: none */
	pid_t pid;
	uint64_t netns;		/* cookie of our own namespace */
};

#define HOLDER_NONE ((struct holder){ .pidfd = -1 })

int held_open(struct holder *ret);
/*
 * 1: it listens or carries a connection, in this network namespace; 0: neither.
 * `inode` as in the link "socket:[INODE]".
 */
int held_read(struct holder *h, pid_t pid, unsigned int fd, uint64_t inode,
	      struct tcp_row *ret);
void held_close(struct holder *h);

#endif
