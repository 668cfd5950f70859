/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/iptables/ipt_copy.c: tables as the kernel hands them out, to be
 * handed to another namespace.
 *
 * Source: struct ipt_replace in linux/netfilter_ipv4/ip_tables.h and struct
 *         ip6t_replace in linux/netfilter_ipv6/ip6_tables.h, which have the
 *         same form; do_replace() and get_entries() in the kernel's
 *         net/ipv4/netfilter/ip_tables.c: counters begin at 0.
 */
#include "backends/iptables/ipt_copy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libiptc/libip6tc.h>
#include <libiptc/libiptc.h>

#include "backends/iptables/ipt_info.h"
#include "backends/iptables/ipt_kernel.h"
#include "core/fault.h"
#include "core/mem.h"

_Static_assert(sizeof(struct ipt_getinfo) == sizeof(struct ip6t_getinfo) &&
	       sizeof(struct ipt_replace) == sizeof(struct ip6t_replace),
	       "the families have tables of different forms");

struct table_copy {
	uint8_t family;
	struct ipt_getinfo info;
	void *entries;
};

struct rules_copy {
	struct table_copy v[2 * IPT_TABLES_MAX];
	size_t n;
};

static int get_entries(int fd, struct table_copy *t)
{
	_cleanup_free_ struct ipt_get_entries *e = NULL;
	int err = ipt_info_entries(fd, t->family, &t->info, &e);

	if (err)
		return err;
	t->entries = malloc(t->info.size);
	if (!t->entries)
		return -ENOMEM;
	memcpy(t->entries, e->entrytable, t->info.size);
	return 0;
}

static int say(const struct table_copy *t, const char *why, struct diags *d)
{
	return diag_add(d, DIAG_ERROR, -FAULT_LACKING, ID_RULES_NOT_COPIED,
			NOPOS, "table %s of legacy iptables (%s) cannot be copied: %s",
			t->info.name, t->family == NFPROTO_IPV4 ? "IPv4" :
								  "IPv6", why);
}

/* Bytes of a head up to an entry's first match, and of the whole entry. */
static void extent(const struct table_copy *t, const void *entry,
		   size_t *ret_target, size_t *ret_next)
{
	const struct ipt_entry *v4 = entry;
	const struct ip6t_entry *v6 = entry;
	bool is_v4 = t->family == NFPROTO_IPV4;

	*ret_target = is_v4 ? v4->target_offset : v6->target_offset;
	*ret_next = is_v4 ? v4->next_offset : v6->next_offset;
}

/* An ipset has another number in another namespace. */
static bool entry_has_set(const struct table_copy *t, const uint8_t *entry,
			  size_t target)
{
	const struct xt_entry_target *to = (const void *)(entry + target);
	size_t at = t->family == NFPROTO_IPV4 ? sizeof(struct ipt_entry) :
						sizeof(struct ip6t_entry);

	while (at < target) {
		const struct xt_entry_match *m = (const void *)(entry + at);

		if (!strcmp(m->u.user.name, "set"))
			return true;
		if (m->u.match_size < sizeof(*m))
			break;
		at += m->u.match_size;
	}
	return !strcmp(to->u.user.name, "SET");
}

static bool has_set(const struct table_copy *t)
{
	const uint8_t *v = t->entries;
	size_t target, next;

	for (size_t at = 0; at < t->info.size; at += next) {
		extent(t, v + at, &target, &next);
		if (entry_has_set(t, v + at, target))
			return true;
		if (!next)
			break;
	}
	return false;
}

static int take_table(struct rules_copy *c, int fd, uint8_t family,
		      const char *name, struct diags *d)
{
	struct table_copy *t = &c->v[c->n];
	int err = -EAGAIN;

	*t = (struct table_copy){ .family = family };
	/* a table that grew meanwhile is asked for again */
	for (int i = 0; err == -EAGAIN && i < 10; i++) {
		err = ipt_info_get(fd, family, name, &t->info);
		if (!err)
			err = get_entries(fd, t);
	}
	c->n += t->entries != NULL;
	if (err)
		return say(t, strerror(-err), d);
	return has_set(t) ? say(t, "it has rules about ipsets", d) : 0;
}

static int take_family(struct rules_copy *c, uint8_t family, struct diags *d)
{
	struct ipt_names names;
	int err = ipt_legacy_names(family, &names, d), fd;

	if (err || !names.n)
		return err;
	fd = ipt_info_open(family);
	if (fd < 0)
		return diag_add(d, DIAG_ERROR, fd, ID_RULES_NOT_COPIED, NOPOS,
				"legacy iptables cannot be read: %s",
				strerror(-fd));
	for (size_t i = 0; !err && i < names.n; i++)
		err = take_table(c, fd, family, names.v[i], d);
	close(fd);
	return err;
}

static void copy_free(struct rules_copy **c)
{
	for (size_t i = 0; *c && i < (*c)->n; i++)
		free((*c)->v[i].entries);
	free(*c);
	*c = NULL;
}

static int take(struct backend_ctx *ctx, struct rules_copy **ret,
		struct diags *d)
{
	_cleanup_(copy_free) struct rules_copy *c = calloc(1, sizeof(*c));
	int err = c ? 0 : -ENOMEM;

	(void)ctx;
	for (size_t i = 0; !err && i < ARRAY_SIZE(ipt_families); i++)
		err = take_family(c, ipt_families[i], d);
	if (!err)
		*ret = TAKE_PTR(c);
	return err;
}

static int replace(int fd, const struct table_copy *t,
		   const struct ipt_getinfo *old)
{
	size_t len = sizeof(struct ipt_replace) + t->info.size;
	_cleanup_free_ struct ipt_replace *r = calloc(1, len);
	_cleanup_free_ struct xt_counters *counters =
		calloc(old->num_entries, sizeof(*counters));

	if (!r || !counters)
		return -ENOMEM;
	memcpy(r->name, t->info.name, sizeof(r->name));
	r->valid_hooks = t->info.valid_hooks;
	r->num_entries = t->info.num_entries;
	r->size = t->info.size;
	memcpy(r->hook_entry, t->info.hook_entry, sizeof(r->hook_entry));
	memcpy(r->underflow, t->info.underflow, sizeof(r->underflow));
	r->num_counters = old->num_entries;
	r->counters = counters;
	memcpy(r->entries, t->entries, t->info.size);
	return setsockopt(fd, ipt_info_level(t->family),
			  t->family == NFPROTO_IPV4 ? IPT_SO_SET_REPLACE :
						      IP6T_SO_SET_REPLACE,
			  r, (socklen_t)len) ? -errno : 0;
}

static int put_table(const struct table_copy *t, struct diags *d)
{
	struct ipt_getinfo old;
	int fd = ipt_info_open(t->family), err = fd < 0 ? fd : 0;

	if (!err)
		err = ipt_info_get(fd, t->family, t->info.name, &old);
	if (!err)
		err = replace(fd, t, &old);
	if (fd >= 0)
		close(fd);
	return err ? say(t, strerror(-err), d) : 0;
}

static int put(struct backend_ctx *ctx, const struct rules_copy *c,
	       struct diags *d)
{
	int err = 0;

	(void)ctx;
	for (size_t i = 0; !err && i < c->n; i++)
		err = put_table(&c->v[i], d);
	return err;
}

/* The policy's counter, and those of the rules. */
static int count_chain(const struct ipt_legacy *t, const char *chain,
		       rules_count_fn *give, void *arg)
{
	struct rule_count n = { .family = t->family, .table = t->name,
				.chain = chain };
	uint64_t bytes;
	int err = 0;

	if (ipt_legacy_policy_counter(t, chain, &n.packets))
		err = give(&n, arg);
	for (const void *e = ipt_legacy_first_rule(t, chain); e && !err;
	     e = ipt_legacy_next_rule(t, e)) {
		n.position++;
		ipt_legacy_counters(t, e, &n.packets, &bytes);
		err = give(&n, arg);
	}
	return err;
}

static int count(struct backend_ctx *ctx, rules_count_fn *give, void *arg,
		 struct diags *d)
{
	int err = 0;

	(void)ctx;
	for (size_t k = 0; !err && k < ARRAY_SIZE(ipt_families); k++) {
		struct ipt_names names;

		err = ipt_legacy_names(ipt_families[k], &names, d);
		for (size_t i = 0; !err && i < names.n; i++) {
			struct ipt_legacy t = { 0 };

			err = ipt_legacy_open(ipt_families[k], names.v[i], &t,
					      d);
			if (err)
				break;
			for (const char *c = ipt_legacy_first_chain(&t);
			     c && !err; c = ipt_legacy_next_chain(&t))
				err = count_chain(&t, c, give, arg);
			ipt_legacy_close(&t);
		}
	}
	return err;
}

const struct rules_copier ipt_copier = {
	.take = take, .put = put, .load = ipt_load, .count = count,
	.free = copy_free,
};
