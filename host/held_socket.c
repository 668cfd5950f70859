/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/held_socket.h"

#include <errno.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/files.h"
#include "core/mem.h"

static int open_process(pid_t pid)
{
#ifdef SYS_pidfd_open
	long fd = syscall(SYS_pidfd_open, pid, 0);

	return fd < 0 ? -errno : (int)fd;
#else
	(void)pid;
	return -ENOSYS;
#endif
}

static int copy_socket(int pidfd, unsigned int fd)
{
#ifdef SYS_pidfd_getfd
	long copy = syscall(SYS_pidfd_getfd, pidfd, fd, 0);

	return copy < 0 ? -errno : (int)copy;
#else
	(void)pidfd, (void)fd;
	return -ENOSYS;
#endif
}

static int read_option(int fd, int level, int name, void *ret, socklen_t size)
{
	socklen_t len = size;

	if (getsockopt(fd, level, name, ret, &len))
		return -errno;
	return len == size ? 0 : -EPROTO;
}

int held_open(struct holder *ret)
{
	_cleanup_(fd_close) int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC,
					    NETLINK_ROUTE);
	struct holder h = HOLDER_NONE;
	int err;

	if (fd < 0)
		return -errno;
	err = read_option(fd, SOL_SOCKET, SO_NETNS_COOKIE, &h.netns,
			  sizeof(h.netns));
	if (!err)
		*ret = h;
	return err;
}

void held_close(struct holder *h)
{
	fd_close(&h->pidfd);
	*h = HOLDER_NONE;
}

static int turn_to(struct holder *h, pid_t pid)
{
	int fd;

	if (h->pidfd >= 0 && h->pid == pid)
		return 0;
	fd = open_process(pid);
	if (fd < 0)
		return fd;
	fd_close(&h->pidfd);
	h->pidfd = fd;
	h->pid = pid;
	return 0;
}

static int get_end(const struct sockaddr_storage *from, uint8_t *ret_addr,
		   uint16_t *ret_port)
{
	struct sockaddr_in6 in6;
	struct sockaddr_in in;

	if (from->ss_family == AF_INET) {
		memcpy(&in, from, sizeof(in));
		memcpy(ret_addr, &in.sin_addr, sizeof(in.sin_addr));
		*ret_port = ntohs(in.sin_port);
		return 0;
	}
	if (from->ss_family != AF_INET6)
		return -EPROTO;
	memcpy(&in6, from, sizeof(in6));
	memcpy(ret_addr, &in6.sin6_addr, sizeof(in6.sin6_addr));
	*ret_port = ntohs(in6.sin6_port);
	return 0;
}

static int read_ends(int fd, struct tcp_row *row)
{
	struct sockaddr_storage here = { 0 }, there = { 0 };
	socklen_t len = sizeof(here);
	int err;

	if (getsockname(fd, (struct sockaddr *)&here, &len))
		return -errno;
	row->flow.family = (uint8_t)here.ss_family;
	err = get_end(&here, row->flow.daddr, &row->flow.dport);
	if (err || row->listens)
		return err;
	len = sizeof(there);
	if (getpeername(fd, (struct sockaddr *)&there, &len))
		return -errno;
	return get_end(&there, row->flow.saddr, &row->flow.sport);
}

/* 1: a socket of plain TCP. Another one may have rows of TCP in the table. */
static int is_tcp(int fd)
{
	int domain, type, proto;
	int err = read_option(fd, SOL_SOCKET, SO_DOMAIN, &domain,
			      sizeof(domain));

	if (!err)
		err = read_option(fd, SOL_SOCKET, SO_TYPE, &type, sizeof(type));
	if (err || type != SOCK_STREAM ||
	    (domain != AF_INET && domain != AF_INET6))
		return err;
	err = read_option(fd, SOL_SOCKET, SO_PROTOCOL, &proto, sizeof(proto));
	if (err)
		return err;
	return proto == IPPROTO_TCP ? 1 : -EPROTONOSUPPORT;
}

static int read_tcp(int fd, uint64_t netns, struct tcp_row *row)
{
	uint64_t cookie;
	uint8_t state;
	int err = is_tcp(fd);

	if (err <= 0)
		return err;
	err = read_option(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie,
			  sizeof(cookie));
	if (err || cookie != netns)
		return err;
	err = read_option(fd, IPPROTO_TCP, TCP_INFO, &state, sizeof(state));
	if (err || (state != TCP_LISTEN && state != TCP_ESTABLISHED))
		return err;
	row->listens = state == TCP_LISTEN;
	err = read_ends(fd, row);
	if (err)
		return err;
	tcp_row_settle(row);
	return 1;
}

int held_read(struct holder *h, pid_t pid, unsigned int fd, uint64_t inode,
	      struct tcp_row *ret)
{
	struct tcp_row row = { .inode = inode };
	_cleanup_(fd_close) int copy = -1;
	struct stat st;
	int err = turn_to(h, pid);

	if (err)
		return err;
	copy = copy_socket(h->pidfd, fd);
	if (copy < 0)
		return copy;
	if (fstat(copy, &st))
		return -errno;
	if (!S_ISSOCK(st.st_mode) || st.st_ino != inode)
		return -ESTALE;
	err = read_tcp(copy, h->netns, &row);
	if (err > 0)
		*ret = row;
	return err;
}
