/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/iptables/ipt_witness.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <libiptc/libip6tc.h>
#include <libiptc/libiptc.h>

#include "backends/backend.h"
#include "backends/iptables/ipt_info.h"
#include "backends/iptables/ipt_legacy.h"
#include "core/fault.h"
#include "core/mem.h"
#include "host/kmod.h"
#include "host/trace.h"

/* The two families have options of the same numbers and layouts. */
_Static_assert(IPT_SO_SET_REPLACE == IP6T_SO_SET_REPLACE &&
	       IPT_SO_SET_ADD_COUNTERS == IP6T_SO_SET_ADD_COUNTERS,
	       "options differ");
_Static_assert(offsetof(struct ipt_replace, counters) ==
	       offsetof(struct ip6t_replace, counters), "layouts differ");

/* Whose commit is under way. */
static struct ipt_witness *watched;

static bool has_mark(const struct ipt_witness *w, const struct xt_counters *c)
{
	return c->pcnt == w->packets && c->bcnt == w->bytes;
}

static void look_at(struct ipt_witness *w, const struct ipt_replace *r)
{
	if (strcmp(r->name, w->table) || !r->num_counters)
		return;
	w->replaced = true;
	w->lost = w->fd >= 0 &&
		  !has_mark(w, &r->counters[r->num_counters - 1]);
}

/*
 * In place of the C library's, for libiptc too, which throws the counters away
 * that the kernel hands back.
 */
int setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	int err = (int)syscall(SYS_setsockopt, fd, level, name, value, len);

	if (!err && watched && level == ipt_info_level(watched->family) &&
	    name == IPT_SO_SET_REPLACE)
		look_at(watched, value);
	return err;
}

static int get_info(const struct ipt_witness *w, struct ipt_getinfo *ret)
{
	return ipt_info_get(w->fd, w->family, w->table, ret);
}

/* -ENOENT: the table ends otherwise than all known programs end one. */
static int last_counters(const struct ipt_witness *w, const uint8_t *entries,
			 size_t size, struct xt_counters *ret)
{
	bool v4 = w->family == NFPROTO_IPV4;
	size_t head = v4 ? sizeof(struct ipt_entry) : sizeof(struct ip6t_entry);
	size_t at = v4 ? offsetof(struct ipt_entry, counters) :
			 offsetof(struct ip6t_entry, counters);
	struct xt_error_target target;
	const uint8_t *last;

	if (size < head + sizeof(target))
		return -ENOENT;
	last = entries + size - head - sizeof(target);
	memcpy(&target, last + head, sizeof(target));
	if (strcmp(target.target.u.user.name, XT_ERROR_TARGET) ||
	    strcmp(target.errorname, XT_ERROR_TARGET))
		return -ENOENT;
	memcpy(ret, last + at, sizeof(*ret));
	return 0;
}

static int read_mark(const struct ipt_witness *w, const struct ipt_getinfo *of,
		     struct xt_counters *ret)
{
	_cleanup_free_ struct ipt_get_entries *all = NULL;
	int err = ipt_info_entries(w->fd, w->family, of, &all);

	return err ? err : last_counters(w, (uint8_t *)all + sizeof(*all),
					 of->size, ret);
}

static int add_mark(const struct ipt_witness *w, unsigned int entries)
{
	struct xt_counters_info *add;
	size_t len = sizeof(*add) + entries * sizeof(add->counters[0]);
	_cleanup_free_ void *buf = calloc(1, len);
	struct timespec now;

	if (!buf)
		return -ENOMEM;
	clock_gettime(CLOCK_BOOTTIME, &now);
	add = buf;
	memcpy(add->name, w->table, sizeof(add->name));
	add->num_counters = entries;
	add->counters[entries - 1].pcnt =
		(uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	add->counters[entries - 1].bcnt = (uint64_t)getpid();
	return setsockopt(w->fd, ipt_info_level(w->family),
			  IPT_SO_SET_ADD_COUNTERS, add, (socklen_t)len) ?
		       -errno : 0;
}

static void forget(struct ipt_witness *w)
{
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
}

/*
 * The kernel itself loads the module of a table, but only once the one that
 * all tables need is there, which nothing asks for.
 */
static int load_tables(const struct ipt_witness *w)
{
	return kmod_load(w->family == NFPROTO_IPV4 ? "ip_tables" :
						     "ip6_tables", NULL);
}

static int mark(struct ipt_witness *w)
{
	struct ipt_getinfo info;
	struct xt_counters c;
	int err = get_info(w, &info);

	if (err == -ENOPROTOOPT && !load_tables(w))
		err = get_info(w, &info);
	/* Is there an entry that may be marked? */
	if (!err)
		err = read_mark(w, &info, &c);
	if (!err)
		err = add_mark(w, info.num_entries);
	if (!err)
		err = read_mark(w, &info, &c);
	if (err)
		return err;
	w->packets = c.pcnt;
	w->bytes = c.bcnt;
	return 0;
}

/* What the kernel says of a table that has another size by now. */
static bool is_stale(int err)
{
	return err == -EINVAL || err == -EAGAIN;
}

static int cannot(const struct ipt_witness *w, int err, struct diags *d)
{
	const char *family = w->family == NFPROTO_IPV4 ? "IPv4" : "IPv6";

	if (err == -FAULT_STALE)
		return diag_add(d, DIAG_ERROR, err, ID_TABLE_REFUSED, NOPOS,
				"somebody is changing table %s (%s) without taking the lock",
				w->table, family);
	/* Nothing has loaded the table yet, or the family is switched off. */
	if (err == -ENOPROTOOPT || err == -EAFNOSUPPORT)
		return ipt_legacy_say_missing(w->family, w->table,
					      strerror(-err), d);
	return diag_add(d, DIAG_ERROR, err, ID_TABLE_REFUSED, NOPOS,
			"table %s (%s) cannot be watched: %s", w->table, family,
			strerror(-err));
}

int ipt_witness_begin(struct ipt_witness *w, uint8_t family,
		      const char *table, struct diags *d)
{
	int err;

	*w = (struct ipt_witness){ .family = family, .fd = -1 };
	memcpy(w->table, table, strnlen(table, sizeof(w->table) - 1));
	w->fd = ipt_info_open(family);
	if (w->fd < 0)
		return cannot(w, w->fd, d);
	err = mark(w);
	host_trace("mark(%s) = %d", table, err);
	if (!err)
		return 0;
	forget(w);
	if (err == -ENOENT)
		return 0;
	return cannot(w, is_stale(err) ? -FAULT_STALE : err, d);
}

int ipt_witness_check(struct ipt_witness *w, struct diags *d)
{
	struct ipt_getinfo info;
	struct xt_counters c;
	int err;

	watched = w;
	if (w->fd < 0)
		return 0;
	err = get_info(w, &info);
	if (!err)
		err = read_mark(w, &info, &c);
	if (!err && !has_mark(w, &c))
		err = -FAULT_STALE;
	if (!err)
		return 0;
	return cannot(w, err == -ENOENT || is_stale(err) ? -FAULT_STALE : err,
		      d);
}

int ipt_witness_end(struct ipt_witness *w, bool committed, struct diags *d)
{
	watched = NULL;
	forget(w);
	if (!committed || w->replaced)
		return 0;
	return diag_add(d, DIAG_ERROR, -EIO, ID_UNWATCHED, NOPOS,
			"table %s (%s) was written past the check for other writers",
			w->table, w->family == NFPROTO_IPV4 ? "IPv4" : "IPv6");
}
