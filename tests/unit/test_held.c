/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_held.c: sockets say of themselves what the table says. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/held_socket.h"

struct wanted {
	uint64_t inode;
	struct tcp_row row;
	bool found;
};

static uint64_t inode_of(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return st.st_ino;
}

static int find(const struct tcp_row *row, void *data)
{
	struct wanted *w = data;

	if (row->inode == w->inode) {
		w->row = *row;
		w->found = true;
	}
	return 0;
}

/* What the kernel may do without; the caller of the product asks the table. */
static bool is_lack(int err)
{
	return err == -ENOSYS || err == -EPERM || err == -ENOPROTOOPT;
}

static bool lacks(struct holder *h)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct tcp_row row;
	int got = held_open(h);

	assert_true(fd >= 0);
	if (!got)
		got = held_read(h, getpid(), (unsigned int)fd, inode_of(fd),
				&row);
	close(fd);
	if (!is_lack(got))
		assert_int_equal(got, 0);
	return got;
}

static void assert_as_table(struct holder *h, int fd)
{
	int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct wanted w = { .inode = inode_of(fd) };
	struct tcp_row row;
	int got = held_read(h, getpid(), (unsigned int)fd, w.inode, &row);

	assert_true(proc >= 0);
	assert_int_equal(tcp_table_read(proc, find, &w), 0);
	close(proc);
	assert_int_equal(got, w.found);
	if (!got)
		return;
	assert_int_equal(row.listens, w.row.listens);
	assert_int_equal(row.inode, w.row.inode);
	assert_memory_equal(&row.flow, &w.row.flow, sizeof(row.flow));
}

/* Here -> there, and the two ends of it: accepted, connected. */
static void connect_pair(int listener, int family, int proto, int *ret_accepted,
			 int *ret_connected)
{
	struct sockaddr_storage at = { 0 };
	socklen_t len = sizeof(at);
	struct sockaddr_in in = { .sin_family = AF_INET };

	assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &len),
			 0);
	/* in both families the port stands at the same place */
	memcpy(&in.sin_port, (char *)&at + 2, sizeof(in.sin_port));
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (family == AF_INET) {
		memset(&at, 0, sizeof(at));
		memcpy(&at, &in, sizeof(in));
		len = sizeof(in);
	} else {
		((struct sockaddr_in6 *)&at)->sin6_addr =
			(struct in6_addr)IN6ADDR_LOOPBACK_INIT;
	}
	*ret_connected = socket(family, SOCK_STREAM | SOCK_CLOEXEC, proto);
	assert_true(*ret_connected >= 0);
	assert_int_equal(connect(*ret_connected, (struct sockaddr *)&at, len),
			 0);
	*ret_accepted = accept(listener, NULL, NULL);
	assert_true(*ret_accepted >= 0);
}

static void check_family(struct holder *h, int listener, int family)
{
	int accepted, connected;

	connect_pair(listener, family, 0, &accepted, &connected);
	assert_as_table(h, listener);
	assert_as_table(h, accepted);
	assert_as_table(h, connected);
	/* closed at one end: neither says that it is a connection */
	assert_int_equal(shutdown(connected, SHUT_WR), 0);
	assert_as_table(h, connected);
	close(connected);
	close(accepted);
}

static void test_rows(void **state)
{
	int four = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int six = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct holder h = HOLDER_NONE;

	(void)state;
	assert_true(four >= 0);
	assert_int_equal(listen(four, 1), 0);
	if (!lacks(&h)) {
		check_family(&h, four, AF_INET);
		/* one that takes IPv4 too; a machine may lack IPv6 */
		if (six >= 0 && !listen(six, 1)) {
			check_family(&h, six, AF_INET);
			if (!access("/proc/self/net/if_inet6", R_OK))
				check_family(&h, six, AF_INET6);
		}
	}
	held_close(&h);
	assert_int_equal(h.pidfd, -1);
	close(four);
	if (six >= 0)
		close(six);
}

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262	/* linux/in.h */
#endif

/* Its subflows stand in the table with its inode: only that tells them. */
static void test_mptcp(void **state)
{
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC,
			      IPPROTO_MPTCP);
	struct holder h = HOLDER_NONE;
	int end[2];
	struct tcp_row row;

	(void)state;
	if (listener >= 0 && !lacks(&h)) {
		assert_int_equal(listen(listener, 1), 0);
		connect_pair(listener, AF_INET, IPPROTO_MPTCP, &end[0],
			     &end[1]);
		for (size_t i = 0; i < 2; i++) {
			assert_int_equal(held_read(&h, getpid(),
						   (unsigned int)end[i],
						   inode_of(end[i]), &row),
					 -EPROTONOSUPPORT);
			close(end[i]);
		}
	}
	held_close(&h);
	if (listener >= 0)
		close(listener);
}

/* What is not the socket that was seen is not known, rather than another. */
static void test_others(void **state)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct holder h = HOLDER_NONE;
	uint64_t inode = inode_of(fd);
	struct tcp_row row;
	int folder;

	(void)state;
	if (lacks(&h)) {
		close(fd);
		held_close(&h);
		return;
	}
	assert_int_equal(held_read(&h, getpid(), (unsigned int)fd, inode, &row),
			 0);
	assert_int_equal(held_read(&h, getpid(), (unsigned int)fd, inode + 1,
				   &row), -ESTALE);
	close(fd);
	assert_int_equal(held_read(&h, getpid(), (unsigned int)fd, inode, &row),
			 -EBADF);
	folder = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(folder >= 0);
	assert_int_equal(held_read(&h, getpid(), (unsigned int)folder,
				   inode_of(folder), &row), -ESTALE);
	close(folder);
	assert_true(held_read(&h, 0x7fffffff, 0, inode, &row) < 0);
	held_close(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_mptcp),
		cmocka_unit_test(test_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
