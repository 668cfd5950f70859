/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/iptables/ipt_legacy.h"

#include <errno.h>
#include <linux/capability.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <libiptc/libip6tc.h>
#include <libiptc/libiptc.h>

#include "backends/backend.h"
#include "backends/iptables/ipt_info.h"
#include "core/digest.h"
#include "core/fault.h"
#include "core/mem.h"
#include "host/trace.h"

static const char *const builtins[] = {
	"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING",
};

static bool is_v4(const struct ipt_legacy *t)
{
	return t->family == NFPROTO_IPV4;
}

static const char *family_word(uint8_t family)
{
	return family == NFPROTO_IPV4 ? "IPv4" : "IPv6";
}

static bool is_net_admin(void)
{
	struct __user_cap_header_struct h = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct v[_LINUX_CAPABILITY_U32S_3] = { 0 };

	return !syscall(SYS_capget, &h, v) &&
	       v[0].effective & 1u << CAP_NET_ADMIN;
}

/*
 * In a namespace that was made together with its user namespace the file has
 * an owner whom nobody there can be, not even root. Reading then has to make
 * the two tables that matter.
 */
static void assume_names(struct ipt_names *ret)
{
	snprintf(ret->v[0], sizeof(ret->v[0]), "raw");
	snprintf(ret->v[1], sizeof(ret->v[1]), "filter");
	ret->n = 2;
	ret->assumed = true;
}

/* One a line; the kernel's are shorter than 32 letters. */
static int read_names(FILE *f, struct ipt_names *ret)
{
	char line[64];

	errno = 0;
	while (ret->n < IPT_TABLES_MAX && fgets(line, sizeof(line), f)) {
		size_t n = strcspn(line, "\n");

		if (!n || n >= sizeof(ret->v[0]))
			continue;
		memcpy(ret->v[ret->n], line, n);
		ret->v[ret->n++][n] = '\0';
	}
	return !ferror(f) ? 0 : errno ? -errno : -EIO;
}

int ipt_legacy_names(uint8_t family, struct ipt_names *ret, struct diags *d)
{
	const char *path = family == NFPROTO_IPV4 ?
				   "/proc/net/ip_tables_names" :
				   "/proc/net/ip6_tables_names";
	FILE *f = fopen(path, "re");
	int err = f ? 0 : -errno;

	ret->n = 0;
	ret->assumed = false;
	if (f) {
		err = read_names(f, ret);
		fclose(f);
	}
	host_trace("open(%s) = %d", path, err);
	if (err == -ENOENT)
		return 0;
	if (err == -EACCES && is_net_admin()) {
		assume_names(ret);
		return 0;
	}
	if (err == -EACCES || err == -EPERM)
		return diag_add(d, DIAG_ERROR, -EPERM, ID_TABLE_UNREADABLE,
				NOPOS,
				"%s cannot be read: CAP_NET_ADMIN is missing",
				path);
	if (err)
		return diag_add(d, DIAG_ERROR, err, ID_TABLE_UNREADABLE, NOPOS,
				"%s cannot be read: %s", path, strerror(-err));
	return 0;
}

int ipt_legacy_say_missing(uint8_t family, const char *table, const char *why,
			   struct diags *d)
{
	bool v4 = family == NFPROTO_IPV4;
	int fd = socket(v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool known = fd >= 0 || errno != EAFNOSUPPORT;

	if (fd >= 0)
		close(fd);
	diag_add(d, DIAG_ERROR, 0, ID_NO_TABLE, NOPOS,
		 "the kernel has no table %s (%s): %s", table,
		 family_word(family), why);
	if (known)
		diag_help(d, "load the module %s_%s, or use --backend nftables",
			  v4 ? "iptable" : "ip6table", table);
	else
		diag_help(d, "%s is switched off on this host: state `families: [%s]`",
			  family_word(family), v4 ? "ipv6" : "ipv4");
	return -EOPNOTSUPP;
}

/* libiptc gives it a sign in some places. */
static bool is_no_memory(int err)
{
	return err == ENOMEM || err == -ENOMEM;
}

static int open_failed(const struct ipt_legacy *t, int err, struct diags *d)
{
	if (err == EPERM || err == EACCES)
		return diag_add(d, DIAG_ERROR, -EPERM, ID_TABLE_UNREADABLE,
				NOPOS,
				"table %s (%s) cannot be read: %s is missing",
				t->name, family_word(t->family),
				is_net_admin() ? "CAP_NET_RAW" :
						 "CAP_NET_ADMIN");
	/* There is a table all the same. */
	if (is_no_memory(err))
		return -ENOMEM;
	return ipt_legacy_say_missing(t->family, t->name,
				      is_v4(t) ? iptc_strerror(err) :
						 ip6tc_strerror(err), d);
}

int ipt_legacy_open(uint8_t family, const char *name, struct ipt_legacy *ret,
		   struct diags *d)
{
	struct ipt_legacy t = { .family = family };
	int err;

	snprintf(t.name, sizeof(t.name), "%s", name);
	errno = 0;
	t.h = is_v4(&t) ? iptc_init(name) : ip6tc_init(name);
	err = errno;
	host_trace("%s_init(%s) = %s", is_v4(&t) ? "iptc" : "ip6tc", name,
		      t.h ? "ok" : strerror(err));
	if (!t.h)
		return open_failed(&t, err, d);
	/* libiptc goes on without what it has no memory for. */
	if (is_no_memory(err) && !ipt_info_agrees(&t)) {
		ipt_legacy_close(&t);
		return -ENOMEM;
	}
	*ret = t;
	return 0;
}

void ipt_legacy_close(struct ipt_legacy *t)
{
	if (t->h && is_v4(t))
		iptc_free(t->h);
	else if (t->h)
		ip6tc_free(t->h);
	t->h = NULL;
}

const char *ipt_legacy_first_chain(const struct ipt_legacy *t)
{
	return is_v4(t) ? iptc_first_chain(t->h) : ip6tc_first_chain(t->h);
}

const char *ipt_legacy_next_chain(const struct ipt_legacy *t)
{
	return is_v4(t) ? iptc_next_chain(t->h) : ip6tc_next_chain(t->h);
}

static const char *policy_of(const struct ipt_legacy *t, const char *chain,
			     struct xt_counters *ret)
{
	if (is_v4(t))
		return iptc_builtin(chain, t->h) ?
			       iptc_get_policy(chain, ret, t->h) : NULL;
	return ip6tc_builtin(chain, t->h) ?
		       ip6tc_get_policy(chain, ret, t->h) : NULL;
}

bool ipt_legacy_has_chain(const struct ipt_legacy *t, const char *chain)
{
	return is_v4(t) ? iptc_is_chain(chain, t->h) :
			  ip6tc_is_chain(chain, t->h);
}

const char *ipt_legacy_policy(const struct ipt_legacy *t, const char *chain)
{
	struct xt_counters n;

	return policy_of(t, chain, &n);
}

const void *ipt_legacy_first_rule(const struct ipt_legacy *t, const char *chain)
{
	if (is_v4(t))
		return iptc_first_rule(chain, t->h);
	return ip6tc_first_rule(chain, t->h);
}

const void *ipt_legacy_next_rule(const struct ipt_legacy *t, const void *entry)
{
	if (is_v4(t))
		return iptc_next_rule(entry, t->h);
	return ip6tc_next_rule(entry, t->h);
}

const char *ipt_legacy_target(const struct ipt_legacy *t, const void *entry)
{
	const char *s = is_v4(t) ? iptc_get_target(entry, t->h) :
				   ip6tc_get_target(entry, t->h);

	return s ? s : "";
}

void ipt_legacy_counters(const struct ipt_legacy *t, const void *entry,
			 uint64_t *ret_packets, uint64_t *ret_bytes)
{
	const struct xt_counters *c =
		is_v4(t) ? &((const struct ipt_entry *)entry)->counters :
			   &((const struct ip6t_entry *)entry)->counters;

	*ret_packets = c->pcnt;
	*ret_bytes = c->bcnt;
}

bool ipt_legacy_policy_counter(const struct ipt_legacy *t, const char *chain,
			       uint64_t *ret_packets)
{
	struct xt_counters n;

	if (!policy_of(t, chain, &n))
		return false;
	*ret_packets = n.pcnt;
	return true;
}

size_t ipt_legacy_count(const struct ipt_legacy *t, const char *chain)
{
	size_t n = 0;

	for (const void *e = ipt_legacy_first_rule(t, chain); e;
	     e = ipt_legacy_next_rule(t, e))
		n++;
	return n;
}

static int failed(const struct ipt_legacy *t, const char *what,
		  const char *chain, struct diags *d)
{
	int err = errno ? errno : EINVAL;

	return diag_add(d, DIAG_ERROR, -err, ID_TABLE_EDIT, NOPOS,
			"%s %s in table %s (%s): %s", what, chain, t->name,
			family_word(t->family),
			is_v4(t) ? iptc_strerror(err) : ip6tc_strerror(err));
}

/* libiptc wants a label of 32 bytes behind its pointer. */
static void label(const char *chain, char *ret)
{
	memset(ret, 0, sizeof(xt_chainlabel));
	memcpy(ret, chain, strnlen(chain, sizeof(xt_chainlabel) - 1));
}

int ipt_legacy_insert(struct ipt_legacy *t, const char *chain, size_t at,
		     const void *entry, struct diags *d)
{
	bool end = at == SIZE_MAX;
	unsigned int n = (unsigned int)at;
	xt_chainlabel c;
	int ok;

	label(chain, c);
	errno = 0;
	if (is_v4(t))
		ok = end ? iptc_append_entry(c, entry, t->h) :
			   iptc_insert_entry(c, entry, n, t->h);
	else
		ok = end ? ip6tc_append_entry(c, entry, t->h) :
			   ip6tc_insert_entry(c, entry, n, t->h);
	return ok ? 0 : failed(t, "no rule can be added to", chain, d);
}

int ipt_legacy_delete(struct ipt_legacy *t, const char *chain, size_t at,
		     struct diags *d)
{
	xt_chainlabel c;
	int ok;

	label(chain, c);
	errno = 0;
	ok = is_v4(t) ? iptc_delete_num_entry(c, (unsigned int)at, t->h) :
			ip6tc_delete_num_entry(c, (unsigned int)at, t->h);
	return ok ? 0 : failed(t, "a rule cannot be removed from", chain, d);
}

int ipt_legacy_create_chain(struct ipt_legacy *t, const char *chain,
			   struct diags *d)
{
	xt_chainlabel c;
	int ok;

	label(chain, c);
	errno = 0;
	ok = is_v4(t) ? iptc_create_chain(c, t->h) :
			ip6tc_create_chain(c, t->h);
	return ok ? 0 : failed(t, "cannot make chain", chain, d);
}

int ipt_legacy_delete_chain(struct ipt_legacy *t, const char *chain,
			   struct diags *d)
{
	xt_chainlabel c;
	int ok;

	label(chain, c);
	errno = 0;
	ok = is_v4(t) ? iptc_delete_chain(c, t->h) :
			ip6tc_delete_chain(c, t->h);
	return ok ? 0 : failed(t, "cannot remove chain", chain, d);
}

/*
 * libiptc carries the counters of rules over, but loses those of policies
 * (iptables -A does, too), unless it is told them.
 */
static void keep_policy_counters(struct ipt_legacy *t)
{
	for (size_t i = 0; i < ARRAY_SIZE(builtins); i++) {
		struct xt_counters n;
		const char *policy = policy_of(t, builtins[i], &n);
		xt_chainlabel chain, verdict;

		if (!policy || (!n.pcnt && !n.bcnt))
			continue;
		label(builtins[i], chain);
		label(policy, verdict);
		if (is_v4(t))
			iptc_set_policy(chain, verdict, &n, t->h);
		else
			ip6tc_set_policy(chain, verdict, &n, t->h);
	}
}

int ipt_legacy_commit(struct ipt_legacy *t, struct srcpos at, struct diags *d)
{
	int err;

	keep_policy_counters(t);
	errno = 0;
	err = (is_v4(t) ? iptc_commit(t->h) : ip6tc_commit(t->h)) ? 0 : -errno;
	host_trace("%s_commit(%s) = %d", is_v4(t) ? "iptc" : "ip6tc",
		      t->name, err);
	if (err)
		diag_add(d, DIAG_ERROR, 0, ID_TABLE_REFUSED, at,
			 "the kernel refused table %s (%s): %s", t->name,
			 family_word(t->family),
			 is_v4(t) ? iptc_strerror(-err) : ip6tc_strerror(-err));
	/* xt_replace_table(): the number of entries is another by now. */
	return err == -EAGAIN ? -FAULT_STALE : err;
}

/*
 * The matches and the target of an entry. The kernel fills the name up to its
 * NUL; what follows is whatever libiptc's buffer held before.
 */
static uint64_t mix_extensions(const uint8_t *at, size_t n, uint64_t h)
{
	while (n >= sizeof(struct xt_entry_match)) {
		const struct xt_entry_match *m = (const void *)at;
		size_t size = m->u.match_size;

		if (size < sizeof(*m) || size > n)
			break;
		h = digest_add(h, m->u.user.name,
			       strnlen(m->u.user.name,
				       sizeof(m->u.user.name)));
		h = digest_add(h, &m->u.user.revision,
			       sizeof(m->u.user.revision));
		h = digest_add(h, m->data, size - sizeof(*m));
		at += size;
		n -= size;
	}
	return h;
}

/*
 * An entry without its counters and without `comefrom`, in which the kernel
 * keeps notes. What matches and targets keep for themselves is not copied to
 * userspace since Linux 4.11.
 */
static uint64_t mix_entry(const struct ipt_legacy *t, const void *entry,
			  uint64_t h)
{
	const struct ipt_entry *v4 = entry;
	const struct ip6t_entry *v6 = entry;

	if (is_v4(t)) {
		h = digest_add(h, &v4->ip, sizeof(v4->ip));
		h = mix_extensions(v4->elems, v4->next_offset - sizeof(*v4), h);
	} else {
		h = digest_add(h, &v6->ipv6, sizeof(v6->ipv6));
		h = mix_extensions(v6->elems, v6->next_offset - sizeof(*v6), h);
	}
	/* Jumps are offsets in the entry; the name is what counts. */
	return digest_add(h, ipt_legacy_target(t, entry),
			  strlen(ipt_legacy_target(t, entry)) + 1);
}

/* A jump's offset is another one whenever the table changes: not that. */
static size_t without_offset(const void *entry, size_t target, size_t end)
{
	const struct xt_entry_target *t =
		(const void *)((const char *)entry + target);

	return *t->u.user.name ? end : target;
}

uint64_t ipt_legacy_digest_entry(uint8_t family, const void *entry,
				 const char *target)
{
	const struct ipt_entry *v4 = entry;
	const struct ip6t_entry *v6 = entry;
	uint64_t h = DIGEST_START;
	size_t end;

	if (family == NFPROTO_IPV4) {
		end = without_offset(entry, v4->target_offset,
				     v4->next_offset);
		h = digest_add(h, &v4->ip, sizeof(v4->ip));
		h = mix_extensions(v4->elems, end - sizeof(*v4), h);
	} else {
		end = without_offset(entry, v6->target_offset,
				     v6->next_offset);
		h = digest_add(h, &v6->ipv6, sizeof(v6->ipv6));
		h = mix_extensions(v6->elems, end - sizeof(*v6), h);
	}
	return digest_add(h, target, strlen(target) + 1);
}

uint64_t ipt_legacy_digest(const struct ipt_legacy *t, uint64_t seed)
{
	uint64_t h = seed ? seed : DIGEST_START;

	h = digest_add(h, &t->family, sizeof(t->family));
	h = digest_add(h, t->name, strlen(t->name) + 1);
	for (const char *c = ipt_legacy_first_chain(t); c;
	     c = ipt_legacy_next_chain(t)) {
		const char *policy = ipt_legacy_policy(t, c);

		h = digest_add(h, c, strlen(c) + 1);
		h = digest_add(h, policy ? policy : "-", policy ? strlen(policy) : 1);
		for (const void *e = ipt_legacy_first_rule(t, c); e;
		     e = ipt_legacy_next_rule(t, e))
			h = mix_entry(t, e, h);
	}
	return h;
}
