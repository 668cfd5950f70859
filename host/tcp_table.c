/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/tcp_table.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/files.h"
#include "core/mem.h"

#define SOCKSTAT_MAX 4096

/* The place in a line; NULL: the line did not have the form. */
struct cursor {
	const char *at;
};

static void skip_blank(struct cursor *c)
{
	while (c->at && *c->at == ' ')
		c->at++;
}

static void expect(struct cursor *c, char letter)
{
	if (c->at)
		c->at = *c->at == letter ? c->at + 1 : NULL;
}

static uint64_t hex(struct cursor *c, unsigned int digits)
{
	char word[17] = { 0 };

	for (unsigned int i = 0; c->at && i < digits; i++) {
		word[i] = c->at[i];
		if (!isxdigit((unsigned char)word[i]))
			c->at = NULL;
	}
	if (!c->at)
		return 0;
	c->at += digits;
	return strtoull(word, NULL, 16);
}

static uint64_t decimal(struct cursor *c)
{
	char *end;
	uint64_t n;

	if (!c->at || !isdigit((unsigned char)*c->at)) {
		c->at = NULL;
		return 0;
	}
	errno = 0;
	n = strtoull(c->at, &end, 10);
	c->at = errno ? NULL : end;
	return n;
}

/* A blank, and the word up to the next one. */
static void skip_word(struct cursor *c)
{
	expect(c, ' ');
	skip_blank(c);
	if (c->at && !*c->at)
		c->at = NULL;
	while (c->at && *c->at && *c->at != ' ')
		c->at++;
}

/* Words of 32 bits, each printed as a number of this machine. */
static void get_end(struct cursor *c, uint8_t family, uint8_t *ret_addr,
		    uint16_t *ret_port)
{
	for (size_t i = 0; i < (family == AF_INET ? 1 : 4); i++) {
		uint32_t word = (uint32_t)hex(c, 8);

		memcpy(ret_addr + 4 * i, &word, sizeof(word));
	}
	expect(c, ':');
	*ret_port = (uint16_t)hex(c, 4);
}

/* A listening socket has no other end: its zeros stay as they are. */
static void unmap(struct flow *f)
{
	uint8_t here[16], there[16];

	memcpy(here, f->daddr, sizeof(here));
	memcpy(there, f->saddr, sizeof(there));
	if (f->family != AF_INET6 || !inet_unmap(here) || !inet_unmap(there))
		return;
	f->family = AF_INET;
	memcpy(f->daddr, here, sizeof(here));
	memcpy(f->saddr, there, sizeof(there));
}

void tcp_row_settle(struct tcp_row *row)
{
	unmap(&row->flow);
	row->flow.proto = IPPROTO_TCP;
	row->flow.to_local = true;
	row->flow.loopback = !memcmp(row->flow.saddr, row->flow.daddr,
				     sizeof(row->flow.saddr));
}

/*
 * "   0: 0100007F:0016 0200007F:C350 01 00000000:00000000 00:00000000 00000000
 *     0        0 12345 ...": number, here, there, state, queues, timer,
 * retransmits, uid, timeout, inode.
 */
static bool parse_row(const char *line, uint8_t family, uint8_t *ret_state,
		      struct tcp_row *ret)
{
	struct tcp_row row = { .flow = { .family = family } };
	struct cursor c = { line };
	uint8_t state;

	skip_blank(&c);
	decimal(&c);
	expect(&c, ':');
	expect(&c, ' ');
	get_end(&c, family, row.flow.daddr, &row.flow.dport);
	expect(&c, ' ');
	get_end(&c, family, row.flow.saddr, &row.flow.sport);
	expect(&c, ' ');
	state = (uint8_t)hex(&c, 2);
	for (int i = 0; i < 5; i++)
		skip_word(&c);
	expect(&c, ' ');
	skip_blank(&c);
	row.inode = decimal(&c);
	if (!c.at || (*c.at && *c.at != ' ' && *c.at != '\n'))
		return false;
	row.listens = state == TCP_LISTEN;
	tcp_row_settle(&row);
	*ret_state = state;
	*ret = row;
	return true;
}

static int read_rows(FILE *f, uint8_t family,
		     int (*take)(const struct tcp_row *row, void *data),
		     void *data)
{
	_cleanup_free_ char *line = NULL;
	struct tcp_row row;
	size_t cap = 0;
	uint8_t state;
	int err = 0;

	if (getline(&line, &cap, f) < 0)
		return -EBADMSG;
	while (!err && getline(&line, &cap, f) > 0) {
		if (!parse_row(line, family, &state, &row))
			err = -EBADMSG;
		else if (state == TCP_ESTABLISHED || state == TCP_LISTEN)
			err = take(&row, data);
	}
	return err ? err : ferror(f) ? -EIO : 0;
}

static int read_table(int proc, const char *name, uint8_t family,
		      int (*take)(const struct tcp_row *row, void *data),
		      void *data)
{
	int fd = openat(proc, name, O_RDONLY | O_CLOEXEC);
	FILE *f;
	int err;

	if (fd < 0)
		return -errno;
	f = fdopen(fd, "r");
	if (!f) {
		err = -errno;
		close(fd);
		return err;
	}
	err = read_rows(f, family, take, data);
	fclose(f);
	return err;
}

int tcp_table_read(int proc, int (*take)(const struct tcp_row *row, void *data),
		   void *data)
{
	int err = read_table(proc, "self/net/tcp", AF_INET, take, data);
	int r6;

	if (err && err != -ENOENT)
		return err;
	r6 = read_table(proc, "self/net/tcp6", AF_INET6, take, data);
	/* A kernel without IPv6 lacks the second. */
	return r6 == -ENOENT ? err : r6;
}

/* "TCP: inuse 5 orphan 0 ...": those that listen or are connected. */
static bool count_sockets(int proc, const char *name, const char *head,
			  uint64_t *n)
{
	_cleanup_(fd_close) int fd = openat(proc, name, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *text = NULL;
	struct cursor c;
	size_t len;

	if (fd < 0 || fd_read(fd, SOCKSTAT_MAX, &text, &len))
		return false;
	c.at = strstr(text, head);
	if (!c.at)
		return false;
	c.at += strlen(head);
	*n += decimal(&c);
	return c.at;
}

bool tcp_table_may_hold(int proc, uint64_t n)
{
	uint64_t have = 0;

	return !count_sockets(proc, "self/net/sockstat", "\nTCP: inuse ",
			      &have) ||
	       !count_sockets(proc, "self/net/sockstat6", "TCP6: inuse ",
			      &have) ||
	       have >= n;
}
