/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/iptables/ipt_info.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libiptc/libip6tc.h>
#include <libiptc/libiptc.h>

#include "backends/iptables/ipt_legacy.h"
#include "core/mem.h"

/* The two families have options of the same numbers and layouts. */
_Static_assert(IPT_SO_GET_INFO == IP6T_SO_GET_INFO &&
	       IPT_SO_GET_ENTRIES == IP6T_SO_GET_ENTRIES, "options differ");
_Static_assert(sizeof(struct ipt_getinfo) == sizeof(struct ip6t_getinfo) &&
	       sizeof(struct ipt_get_entries) ==
	       sizeof(struct ip6t_get_entries), "layouts differ");

int ipt_info_open(uint8_t family)
{
	int fd = socket(family == NFPROTO_IPV4 ? AF_INET : AF_INET6,
			SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);

	return fd < 0 ? -errno : fd;
}

int ipt_info_level(uint8_t family)
{
	return family == NFPROTO_IPV4 ? IPPROTO_IP : IPPROTO_IPV6;
}

static int ask(int fd, uint8_t family, int option, void *io, size_t n)
{
	socklen_t len = (socklen_t)n;

	return getsockopt(fd, ipt_info_level(family), option, io, &len) ?
		       -errno : 0;
}

int ipt_info_get(int fd, uint8_t family, const char *table,
		 struct ipt_getinfo *ret)
{
	*ret = (struct ipt_getinfo){ 0 };
	memcpy(ret->name, table, strnlen(table, sizeof(ret->name) - 1));
	return ask(fd, family, IPT_SO_GET_INFO, ret, sizeof(*ret));
}

int ipt_info_entries(int fd, uint8_t family, const struct ipt_getinfo *of,
		     struct ipt_get_entries **ret)
{
	size_t len = sizeof(**ret) + of->size;
	_cleanup_free_ struct ipt_get_entries *e = calloc(1, len);
	int err;

	if (!e)
		return -ENOMEM;
	memcpy(e->name, of->name, sizeof(e->name));
	e->size = of->size;
	err = ask(fd, family, IPT_SO_GET_ENTRIES, e, len);
	if (!err)
		*ret = TAKE_PTR(e);
	return err;
}

/*
 * A base chain ends with its policy, any other has a head and an end, and so
 * has the table.
 */
bool ipt_info_agrees(const struct ipt_legacy *t)
{
	struct ipt_getinfo info;
	size_t n = 1;
	int fd = ipt_info_open(t->family);
	int err = fd < 0 ? fd : ipt_info_get(fd, t->family, t->name, &info);

	if (fd >= 0)
		close(fd);
	if (err)
		return false;
	for (const char *c = ipt_legacy_first_chain(t); c;
	     c = ipt_legacy_next_chain(t))
		n += ipt_legacy_count(t, c) + (ipt_legacy_policy(t, c) ? 1 : 2);
	return n == info.num_entries;
}
