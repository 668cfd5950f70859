/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/xtables/xt_settle.c: words as the kernel's rule shows them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/xtables/xt.h"
#include "core/mem.h"
#include "core/strbuf.h"

/* In this order: the C library has its own interface flags. */
#include <net/if.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

static struct xt_entry_target *target_of(uint8_t family, void *entry)
{
	const struct ipt_entry *v4 = entry;
	const struct ip6t_entry *v6 = entry;

	return (void *)((char *)entry +
			(family == NFPROTO_IPV4 ? v4->target_offset :
						  v6->target_offset));
}

static uint8_t proto_of(uint8_t family, const void *entry)
{
	const struct ipt_entry *v4 = entry;
	const struct ip6t_entry *v6 = entry;

	return (uint8_t)(family == NFPROTO_IPV4 ? v4->ip.proto :
						  v6->ipv6.proto);
}

void xt_target_of(uint8_t family, void *entry, struct xt_target *ret)
{
	const struct xt_entry_target *t = target_of(family, entry);

	*ret = (struct xt_target){
		.proto = proto_of(family, entry), .name = t->u.user.name,
	};
	if (!xt_is_target(family, ret->name))
		return;
	ret->revision = t->u.user.revision;
	ret->info = t->data;
	ret->len = t->u.target_size - sizeof(*t);
}

static int show(uint8_t family, void *entry, char **ret)
{
	char name[XT_EXTENSION_MAXNAMELEN];
	_cleanup_(ipt_args_release) struct ipt_args a = { 0 };
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	struct xt_target t;
	int err;

	xt_target_of(family, entry, &t);
	snprintf(name, sizeof(name), "%s", t.name);
	/* as libiptc has verdicts, and chains */
	if (!t.info)
		target_of(family, entry)->u.user.name[0] = '\0';
	err = xt_print_any(family, entry, name, &a);
	ipt_args_print(&a, &b);
	if (err)
		return err == -ENOMEM ? err : -EOPNOTSUPP;
	*ret = strbuf_take(&b);
	return *ret ? 0 : -ENOMEM;
}

int xt_settle(uint8_t family, const char *words, char **ret)
{
	_cleanup_(ipt_args_release) struct ipt_args a = { 0 };
	_cleanup_(diags_release) struct diags quiet = { 0 };
	_cleanup_free_ void *entry = NULL;
	int err = ipt_args_split(words, strlen(words), &a);

	if (!err)
		err = xt_init(&quiet);
	if (!err)
		err = xt_build(family, &a, NULL, NOPOS, &entry, &quiet);
	if (err)
		return err == -ENOMEM ? err : -EOPNOTSUPP;
	return show(family, entry, ret);
}
