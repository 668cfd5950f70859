/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/ipvs.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/files.h"
#include "core/mem.h"

#define SERVICES "/proc/net/ip_vs"
#define SWITCH "/proc/sys/net/ipv4/vs/conntrack"
#define BYTES_MAX (16 << 20)

static const char by_mark[] = "FWM ";

static const struct {
	const char *name;
	uint8_t proto;
} protocols[] = {
	{ "TCP", IPPROTO_TCP }, { "UDP", IPPROTO_UDP },
	{ "SCTP", IPPROTO_SCTP },
};

/* Hexadecimal, up to a character that ends it; false: it is not. */
static bool take_number(const char **s, char end, unsigned long max,
			unsigned long *ret)
{
	char *behind;
	bool ends;

	if (!isxdigit((unsigned char)**s))
		return false;
	*ret = strtoul(*s, &behind, 16);
	ends = *behind == end || (!end && isspace((unsigned char)*behind));
	if (*ret > max || !ends)
		return false;
	*s = behind + 1;
	return true;
}

static bool take_address6(const char **s, uint8_t ret[16])
{
	const char *end = strchr(*s, ']');
	char text[INET6_ADDRSTRLEN];
	size_t n = end ? (size_t)(end - *s - 1) : sizeof(text);

	if (n >= sizeof(text) || end[1] != ':')
		return false;
	memcpy(text, *s + 1, n);
	text[n] = '\0';
	*s = end + 2;
	return inet_pton(AF_INET6, text, ret) == 1;
}

/* C0000201:1F90, [2001:0db8:...]:1F90; false: it is neither */
static bool take_place(const char *s, struct ipvs_service *v)
{
	unsigned long v4, port;
	uint32_t be;

	v->family = *s == '[' ? AF_INET6 : AF_INET;
	if (v->family == AF_INET6) {
		if (!take_address6(&s, v->address))
			return false;
	} else {
		if (!take_number(&s, ':', UINT32_MAX, &v4))
			return false;
		be = htonl((uint32_t)v4);
		memcpy(v->address, &be, sizeof(be));
	}
	if (!take_number(&s, '\0', UINT16_MAX, &port))
		return false;
	v->port = (uint16_t)port;
	return true;
}

static void name_service(const char *protocol, struct ipvs_service *v)
{
	char address[INET6_ADDRSTRLEN] = "?";

	inet_ntop(v->family, v->address, address, sizeof(address));
	snprintf(v->text, sizeof(v->text),
		 v->family == AF_INET ? "%s %s:%u" : "%s [%s]:%u", protocol,
		 address, v->port);
}

/* False: the line is no service's, as those of its servers are not. */
static bool parse_line(const char *line, struct ipvs_service *ret)
{
	struct ipvs_service v = { 0 };
	unsigned long mark;

	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++) {
		const char *name = protocols[i].name;
		size_t n = strlen(name);

		if (strncmp(line, name, n) || line[n] != ' ')
			continue;
		v.proto = protocols[i].proto;
		if (!take_place(line + n + strspn(line + n, " "), &v))
			return false;
		name_service(name, &v);
		*ret = v;
		return true;
	}
	if (strncmp(line, by_mark, strlen(by_mark)) != 0)
		return false;
	line += strlen(by_mark);
	line += strspn(line, " ");
	if (!take_number(&line, '\0', UINT32_MAX, &mark))
		return false;
	snprintf(v.text, sizeof(v.text), "mark %#lx", mark);
	*ret = v;
	return true;
}

int ipvs_parse(const char *text, struct ipvs_service **ret, size_t *ret_n)
{
	_cleanup_free_ struct ipvs_service *v = NULL;
	size_t n = 0, cap = 0;

	for (const char *line = text; line; line = strchr(line, '\n')) {
		struct ipvs_service one;

		line += *line == '\n';
		if (!parse_line(line, &one))
			continue;
		if (mem_grow(&v, &cap, n + 1))
			return -ENOMEM;
		v[n++] = one;
	}
	*ret = TAKE_PTR(v);
	*ret_n = n;
	return 0;
}

int ipvs_serves(bool *ret)
{
	_cleanup_free_ struct ipvs_service *v = NULL;
	_cleanup_free_ char *text = NULL;
	size_t len, n = 0;
	int err = file_read(SERVICES, BYTES_MAX, &text, &len);

	if (!err)
		err = ipvs_parse(text, &v, &n);
	if (err && err != -ENOENT)
		return err;
	*ret = n;
	return 0;
}

int ipvs_tracked(struct ipvs_service **ret, size_t *ret_n)
{
	_cleanup_free_ char *on = NULL, *text = NULL;
	size_t len;
	int err = file_read_line(SWITCH, &on);

	*ret = NULL;
	*ret_n = 0;
	if (!err && strcmp(on, "0") != 0)
		err = file_read(SERVICES, BYTES_MAX, &text, &len);
	if (err)
		return err == -ENOENT ? 0 : err;
	return text ? ipvs_parse(text, ret, ret_n) : 0;
}
