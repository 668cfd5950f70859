/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_tcp_table.c: rows of /proc/net/tcp, malformed ones too. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/mem.h"
#include "host/tcp_table.h"

#define HEAD "  sl  local_address rem_address   st tx_queue rx_queue ...\n"
#define REST " 00000000:00000000 00:00000000 00000000     0        0 "
#define ZERO "00000000000000000000000000000000"

/* A folder in the form of /proc. */
struct proc {
	char top[64];
	int fd;
};

static int make_proc(void **state)
{
	struct proc *p = calloc(1, sizeof(*p));
	const char *tmp = getenv("TMPDIR");

	if (!p)
		return -1;
	snprintf(p->top, sizeof(p->top), "%s/proc.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(p->top))
		return -1;
	p->fd = open(p->top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = p;
	return mkdirat(p->fd, "self", 0700) ||
	       mkdirat(p->fd, "self/net", 0700);
}

static int remove_proc(void **state)
{
	struct proc *p = *state;

	unlinkat(p->fd, "self/net/tcp", 0);
	unlinkat(p->fd, "self/net/tcp6", 0);
	unlinkat(p->fd, "self/net", AT_REMOVEDIR);
	unlinkat(p->fd, "self", AT_REMOVEDIR);
	close(p->fd);
	rmdir(p->top);
	free(p);
	return 0;
}

static void put(const struct proc *p, const char *name, const char *text)
{
	int fd = openat(p->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
			0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

struct found {
	struct tcp_row v[4];
	size_t n;
	int answer;
};

static int take(const struct tcp_row *row, void *data)
{
	struct found *f = data;

	assert_true(f->n < ARRAY_SIZE(f->v));
	f->v[f->n++] = *row;
	return f->answer;
}

/* An address as the kernel prints it: words in this machine's order. */
static void print_addr(uint8_t family, const char *text, char *ret)
{
	uint8_t addr[16];
	uint32_t word;

	assert_int_equal(inet_pton(family, text, addr), 1);
	for (size_t i = 0; i < (family == AF_INET ? 4 : 16); i += 4) {
		memcpy(&word, addr + i, 4);
		ret += sprintf(ret, "%08X", word);
	}
}

static void put_row(const struct proc *p, const char *name, uint8_t family,
		    const char *here, const char *there, const char *st)
{
	char text[512], a[33], b[33];

	print_addr(family, here, a);
	print_addr(family, there, b);
	snprintf(text, sizeof(text), HEAD "   0: %s:0016 %s:C350 %s" REST
		 "4711 1 0000000000000000 20 4 30 10 -1\n", a, b, st);
	put(p, name, text);
}

static void assert_addr(const uint8_t *addr, uint8_t family, const char *text)
{
	uint8_t want[16] = { 0 };

	assert_int_equal(inet_pton(family, text, want), 1);
	assert_memory_equal(addr, want, sizeof(want));
}

static void connection(void **state)
{
	struct found f = { 0 };
	const struct proc *p = *state;

	put_row(p, "self/net/tcp", AF_INET, "192.0.2.1", "198.51.100.9", "01");
	assert_int_equal(tcp_table_read(p->fd, take, &f), 0);
	assert_int_equal(f.n, 1);
	assert_int_equal(f.v[0].flow.family, AF_INET);
	assert_int_equal(f.v[0].flow.proto, IPPROTO_TCP);
	assert_addr(f.v[0].flow.daddr, AF_INET, "192.0.2.1");
	assert_addr(f.v[0].flow.saddr, AF_INET, "198.51.100.9");
	assert_int_equal(f.v[0].flow.dport, 22);
	assert_int_equal(f.v[0].flow.sport, 50000);
	assert_int_equal(f.v[0].inode, 4711);
	assert_false(f.v[0].listens);
	assert_false(f.v[0].flow.loopback);
}

static void to_itself(void **state)
{
	struct found f = { 0 };
	const struct proc *p = *state;

	put_row(p, "self/net/tcp", AF_INET, "127.0.0.1", "127.0.0.1", "01");
	assert_int_equal(tcp_table_read(p->fd, take, &f), 0);
	assert_int_equal(f.n, 1);
	assert_true(f.v[0].flow.loopback);
}

static void ipv6(void **state)
{
	struct found f = { 0 };
	const struct proc *p = *state;

	put(p, "self/net/tcp", HEAD);
	put_row(p, "self/net/tcp6", AF_INET6, "2001:db8::1", "2001:db8::9",
		"01");
	assert_int_equal(tcp_table_read(p->fd, take, &f), 0);
	assert_int_equal(f.n, 1);
	assert_int_equal(f.v[0].flow.family, AF_INET6);
	assert_addr(f.v[0].flow.daddr, AF_INET6, "2001:db8::1");
	assert_addr(f.v[0].flow.saddr, AF_INET6, "2001:db8::9");
}

/* An IPv6 socket that speaks IPv4. */
static void mapped(void **state)
{
	struct found f = { 0 };
	const struct proc *p = *state;

	put(p, "self/net/tcp", HEAD);
	put_row(p, "self/net/tcp6", AF_INET6, "::ffff:192.0.2.1",
		"::ffff:192.0.2.9", "01");
	assert_int_equal(tcp_table_read(p->fd, take, &f), 0);
	assert_int_equal(f.n, 1);
	assert_int_equal(f.v[0].flow.family, AF_INET);
	assert_addr(f.v[0].flow.daddr, AF_INET, "192.0.2.1");
	assert_addr(f.v[0].flow.saddr, AF_INET, "192.0.2.9");
}

/* Bound to an IPv4 address; its other end is not one. */
static void mapped_listener(void **state)
{
	struct found f = { 0 };
	const struct proc *p = *state;

	put(p, "self/net/tcp", HEAD);
	put_row(p, "self/net/tcp6", AF_INET6, "::ffff:192.0.2.1", "::", "0A");
	assert_int_equal(tcp_table_read(p->fd, take, &f), 0);
	assert_int_equal(f.n, 1);
	assert_true(f.v[0].listens);
	assert_int_equal(f.v[0].flow.family, AF_INET6);
}

static void other_states(void **state)
{
	static const char *const states[] = {
		"02", "03", "04", "05", "06", "07", "08", "09", "0B", "0C",
	};
	struct found f = { 0 };
	const struct proc *p = *state;

	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		put_row(p, "self/net/tcp", AF_INET, "192.0.2.1", "192.0.2.2",
			states[i]);
		assert_int_equal(tcp_table_read(p->fd, take, &f), 0);
		assert_int_equal(f.n, 0);
	}
}

static void stops(void **state)
{
	struct found f = { .answer = -ENOMEM };
	const struct proc *p = *state;

	put(p, "self/net/tcp", HEAD
	    "   0: 00000000:0016 00000000:0000 0A" REST "1\n"
	    "   1: 00000000:0017 00000000:0000 0A" REST "2\n");
	assert_int_equal(tcp_table_read(p->fd, take, &f), -ENOMEM);
	assert_int_equal(f.n, 1);
}

static void malformed(void **state)
{
	static const char *const texts[] = {
		"",
		HEAD "\n",
		HEAD "   x: 00000000:0016 00000000:0000 0A" REST "1\n",
		HEAD "   0 00000000:0016 00000000:0000 0A" REST "1\n",
		HEAD "   0: 0000000:0016 00000000:0000 0A" REST "1\n",
		HEAD "   0: 00000000:001G 00000000:0000 0A" REST "1\n",
		HEAD "   0: 00000000 00000000:0000 0A" REST "1\n",
		HEAD "   0: 00000000:0016 " ZERO ":0000 0A" REST "1\n",
		HEAD "   0: 00000000:0016 00000000:0000 A" REST "1\n",
		HEAD "   0: 00000000:0016 00000000:0000 0A" REST "\n",
		HEAD "   0: 00000000:0016 00000000:0000 0A" REST "x\n",
		HEAD "   0: 00000000:0016 00000000:0000 0A" REST "1x\n",
		HEAD "   0: 00000000:0016 00000000:0000 0A"
		     REST "99999999999999999999\n",
		HEAD "   0: 00000000:0016 00000000:0000 0A 0:0 0\n",
		HEAD "   0: 00000000:0016",
	};
	struct found f = { 0 };
	const struct proc *p = *state;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		put(p, "self/net/tcp", texts[i]);
		assert_int_equal(tcp_table_read(p->fd, take, &f), -EBADMSG);
		assert_int_equal(f.n, 0);
	}
	put(p, "self/net/tcp", HEAD);
	put(p, "self/net/tcp6",
	    HEAD "   0: 00000000:0016 00000000:0000 0A" REST "1\n");
	assert_int_equal(tcp_table_read(p->fd, take, &f), -EBADMSG);
}

/* A kernel may lack IPv4 or IPv6; without both there is no table. */
static void missing(void **state)
{
	struct found f = { 0 };
	const struct proc *p = *state;

	assert_int_equal(tcp_table_read(p->fd, take, &f), -ENOENT);
	put(p, "self/net/tcp", HEAD);
	assert_int_equal(tcp_table_read(p->fd, take, &f), 0);
	assert_int_equal(unlinkat(p->fd, "self/net/tcp", 0), 0);
	put_row(p, "self/net/tcp6", AF_INET6, "2001:db8::1", "::", "0A");
	assert_int_equal(tcp_table_read(p->fd, take, &f), 0);
	assert_int_equal(f.n, 1);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, make_proc, remove_proc)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(connection),
		CASE(to_itself),
		CASE(ipv6),
		CASE(mapped),
		CASE(mapped_listener),
		CASE(other_states),
		CASE(stops),
		CASE(malformed),
		CASE(missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
