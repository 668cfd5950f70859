/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/port_names.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/files.h"
#include "core/inet.h"
#include "core/mem.h"

#define SERVICES_MAX (1u << 20)
#define SPACE " \t\r\f\v"

static const struct {
	const char *name;
	uint16_t port;
} builtin[] = {
	{ "bgp", 179 }, { "bootpc", 68 }, { "bootps", 67 },
	{ "domain", 53 }, { "domain-s", 853 }, { "ftp", 21 },
	{ "geneve", 6081 }, { "git", 9418 }, { "gtp-user", 2152 },
	{ "http", 80 }, { "http-alt", 8080 }, { "https", 443 },
	{ "imap2", 143 }, { "imaps", 993 }, { "ipfix", 4739 },
	{ "ipsec-nat-t", 4500 }, { "isakmp", 500 }, { "ldap", 389 },
	{ "ldaps", 636 }, { "mysql", 3306 }, { "nfs", 2049 },
	{ "ntp", 123 }, { "openvpn", 1194 }, { "pop3", 110 },
	{ "pop3s", 995 }, { "postgresql", 5432 }, { "radius", 1812 },
	{ "radius-acct", 1813 }, { "redis", 6379 }, { "sflow", 6343 },
	{ "sip", 5060 }, { "sip-tls", 5061 }, { "smtp", 25 },
	{ "snmp", 161 }, { "snmp-trap", 162 }, { "ssh", 22 },
	{ "submission", 587 }, { "syslog", 514 }, { "syslog-tls", 6514 },
	{ "telnet", 23 }, { "tftp", 69 }, { "vxlan", 4789 },
};

int port_names_builtin(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(builtin); i++)
		if (!strcmp(name, builtin[i].name))
			return builtin[i].port;
	return -ENOENT;
}

const char *port_names_builtin_at(size_t i)
{
	return i < ARRAY_SIZE(builtin) ? builtin[i].name : NULL;
}

/* The file as one text; *ret stays NULL when it cannot be read. */
static int read_services(const char *path, char **ret)
{
	_cleanup_(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC |
						O_NONBLOCK | O_NOCTTY);
	_cleanup_free_ char *text = NULL;
	struct stat st;
	size_t n = 0;
	ssize_t got;

	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode) ||
	    st.st_size > SERVICES_MAX)
		return 0;
	text = malloc((size_t)st.st_size + 1);
	if (!text)
		return -ENOMEM;
	while (n < (size_t)st.st_size) {
		got = read(fd, text + n, (size_t)st.st_size - n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		n += (size_t)got;
	}
	text[n] = '\0';
	*ret = TAKE_PTR(text);
	return 0;
}

static int add_name(struct port_names *t, const char *name, uint16_t port,
		    uint8_t proto)
{
	size_t len = strlen(name) + 1;

	if (mem_grow(&t->v, &t->cap, t->n + 1) ||
	    mem_grow(&t->text, &t->text_cap, t->text_n + len))
		return -ENOMEM;
	memcpy(t->text + t->text_n, name, len);
	t->v[t->n++] = (struct port_name){
		.name = (uint32_t)t->text_n, .port = port, .proto = proto
	};
	t->text_n += len;
	return 0;
}

/* "name port/protocol alias..."; other lines are skipped. */
static int read_line(struct port_names *t, char *line)
{
	char *save, *name, *port, *proto, *alias;
	struct port_range range;
	int number, err;

	line[strcspn(line, "#")] = '\0';
	name = strtok_r(line, SPACE, &save);
	port = strtok_r(NULL, SPACE, &save);
	proto = port ? strchr(port, '/') : NULL;
	if (!name || !proto)
		return 0;
	*proto++ = '\0';
	number = protocol_number(proto);
	if (number < 0 || port_range_parse(port, &range) ||
	    range.first != range.last)
		return 0;
	err = add_name(t, name, range.first, (uint8_t)number);
	while (!err && (alias = strtok_r(NULL, SPACE, &save)))
		err = add_name(t, alias, range.first, (uint8_t)number);
	return err;
}

static int by_name(const void *a, const void *b, void *text)
{
	const struct port_name *pa = a, *pb = b;
	const char *s = text;

	return strcmp(s + pa->name, s + pb->name);
}

int port_names_read(const char *path, struct port_names *ret)
{
	_cleanup_(port_names_release) struct port_names t = { 0 };
	_cleanup_free_ char *text = NULL;
	char *save, *line;
	int err;

	err = read_services(path, &text);
	if (err)
		return err;
	for (line = text ? strtok_r(text, "\n", &save) : NULL; line;
	     line = strtok_r(NULL, "\n", &save)) {
		err = read_line(&t, line);
		if (err)
			return err;
	}
	if (t.n)
		qsort_r(t.v, t.n, sizeof(*t.v), by_name, t.text);
	*ret = t;
	t = (struct port_names){ 0 };
	return 0;
}

static size_t first_of(const struct port_names *t, const char *name)
{
	size_t lo = 0, hi = t->n, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (strcmp(t->text + t->v[mid].name, name) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* The one port that entries of a name agree on. */
static int agree(int port, uint16_t next)
{
	return port == -ENOENT || port == next ? next : -EEXIST;
}

int port_names_find(const struct port_names *t, const char *name,
		    const uint8_t *protocols, size_t n)
{
	int ours = -ENOENT, any = -ENOENT;

	for (size_t i = first_of(t, name);
	     i < t->n && !strcmp(t->text + t->v[i].name, name); i++) {
		any = agree(any, t->v[i].port);
		if (n && memchr(protocols, t->v[i].proto, n))
			ours = agree(ours, t->v[i].port);
	}
	return ours != -ENOENT ? ours : any;
}

void port_names_release(struct port_names *t)
{
	free(t->v);
	free(t->text);
	*t = (struct port_names){ 0 };
}
