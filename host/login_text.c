/* SPDX-License-Identifier: GPL-2.0-or-later */
/* host/login_text.c: connections as text, to be shown, kept and compared. */
#include <arpa/inet.h>
#include <string.h>

#include "core/mem.h"
#include "core/strbuf.h"
#include "host/login.h"

/* The interface of "fe80::1%eth0" is left out; ::ffff:192.0.2.1 is IPv4. */
static bool get_address(char *text, uint8_t *ret_family, uint8_t *ret)
{
	text[strcspn(text, "%")] = '\0';
	*ret_family = AF_INET;
	if (inet_pton(AF_INET, text, ret) == 1)
		return true;
	if (inet_pton(AF_INET6, text, ret) != 1)
		return false;
	*ret_family = inet_unmap(ret) ? AF_INET : AF_INET6;
	return true;
}

static bool get_port(const char *text, uint16_t *ret)
{
	struct port_range r;

	if (port_range_parse(text, &r) || r.first != r.last)
		return false;
	*ret = r.first;
	return true;
}

bool login_parse(const char *text, struct flow *ret)
{
	_cleanup_free_ char *copy = strdup(text);
	struct flow f = { .proto = IPPROTO_TCP, .to_local = true };
	char *word[5] = { NULL }, *rest = copy;
	uint8_t other;

	for (size_t i = 0; rest && i < ARRAY_SIZE(word); i++)
		word[i] = strsep(&rest, " ");
	if (!word[3] || word[4] ||
	    !get_address(word[0], &f.family, f.saddr) ||
	    !get_port(word[1], &f.sport) ||
	    !get_address(word[2], &other, f.daddr) || other != f.family ||
	    !get_port(word[3], &f.dport))
		return false;
	f.loopback = !memcmp(f.saddr, f.daddr, sizeof(f.saddr));
	*ret = f;
	return true;
}

static const char *address(uint8_t family, const uint8_t *addr,
			   char buf[INET6_ADDRSTRLEN])
{
	return inet_ntop(family, addr, buf, INET6_ADDRSTRLEN);
}

void login_print(const struct login *l, struct strbuf *out)
{
	char from[INET6_ADDRSTRLEN];

	strbuf_printf(out, "%s -> port %u",
		      address(l->flow.family, l->flow.saddr, from),
		      l->flow.dport);
}

/* "192.0.2.50 50123 192.0.2.1 22 INODE" */
static void add_remembered(const struct login *l, struct strbuf *out)
{
	char from[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN];
	const struct flow *f = &l->flow;

	strbuf_printf(out, "%s %u %s %u %llu",
		    address(f->family, f->saddr, from), f->sport,
		    address(f->family, f->daddr, to), f->dport,
		    (unsigned long long)l->inode);
}

/*
 * The connections that may be the one behind this command. On a console, or
 * from cron, there is none: connections of others do not count.
 */
static bool may_be_ours(const struct logins *l, size_t i)
{
	if (l->own)
		return !i;
	if (l->shared)
		return l->v[i].inode;
	return l->hidden && !l->v[i].inode;
}

void logins_remember(const struct logins *l, char *ret, size_t size)
{
	size_t at = 0;

	ret[0] = '\0';
	for (size_t i = 0; i < l->n; i++) {
		_cleanup_(strbuf_release) struct strbuf one = { 0 };

		if (!may_be_ours(l, i))
			continue;
		if (at)
			strbuf_puts(&one, ", ");
		add_remembered(&l->v[i], &one);
		if (strbuf_status(&one) || at + one.n >= size)
			return;
		memcpy(ret + at, one.s, one.n + 1);
		at += one.n;
	}
}

/* The inode counts where both sides know it. */
static bool is_same(const char *a, size_t a_len, const char *b)
{
	size_t b_len = strlen(b);
	const char *x = memrchr(a, ' ', a_len), *y = memrchr(b, ' ', b_len);
	size_t ends = (size_t)(y - b);

	if (!x || (size_t)(x - a) != ends || memcmp(a, b, ends))
		return false;
	return (a_len == b_len && !memcmp(a, b, a_len)) ||
	       !strcmp(y, " 0") || (a_len == ends + 2 && x[1] == '0');
}

static bool is_remembered(const struct login *l, const char *remembered)
{
	_cleanup_(strbuf_release) struct strbuf one = { 0 };
	const char *at = remembered;

	add_remembered(l, &one);
	while (at && !strbuf_status(&one)) {
		size_t len = strcspn(at, ",");

		if (is_same(at, len, strbuf_str(&one)))
			return true;
		at += len;
		at = *at ? at + strspn(at, ", ") : NULL;
	}
	return false;
}

bool logins_are_new(const struct logins *l, const char *remembered)
{
	bool any = false;

	if (!*remembered)
		return true;
	for (size_t i = 0; i < l->n; i++) {
		if (!may_be_ours(l, i))
			continue;
		any = true;
		if (!is_remembered(&l->v[i], remembered))
			return true;
	}
	return !any;
}
