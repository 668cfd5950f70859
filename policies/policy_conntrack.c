/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * policies/policy_conntrack.c: the section `conntrack`: settings for the
 * conntrack table.
 */
#include <ctype.h>
#include <string.h>

#include "core/mem.h"
#include "core/suggest.h"
#include "policies/policy_load.h"

/* The kernel keeps both in an int. */
#define ENTRIES_MAX INT32_MAX

#define TIMEOUT(name, key) { name, "net.netfilter.nf_conntrack_" key }
#define TCP(state) TIMEOUT("tcp_" state, "tcp_timeout_" state)
#define SCTP(state) TIMEOUT("sctp_" state, "sctp_timeout_" state)
#define DCCP(state) TIMEOUT("dccp_" state, "dccp_timeout_" state)

/*
 * Source: Documentation/networking/nf_conntrack-sysctl.rst, and
 * net/netfilter/nf_conntrack_standalone.c of kernels 5.10 to 6.18; those that
 * only some of them have are found missing when they are written.
 */
static const struct {
	const char *name, *sysctl;
} timeout_names[] = {
	DCCP("closereq"), DCCP("closing"), DCCP("open"), DCCP("partopen"),
	DCCP("request"), DCCP("respond"), DCCP("timewait"),
	TIMEOUT("frag6", "frag6_timeout"),
	TIMEOUT("generic", "generic_timeout"),
	TIMEOUT("gre", "gre_timeout"),
	TIMEOUT("gre_stream", "gre_timeout_stream"),
	TIMEOUT("icmp", "icmp_timeout"),
	TIMEOUT("icmpv6", "icmpv6_timeout"),
	SCTP("closed"), SCTP("cookie_echoed"), SCTP("cookie_wait"),
	SCTP("established"), SCTP("heartbeat_acked"), SCTP("heartbeat_sent"),
	SCTP("shutdown_ack_sent"), SCTP("shutdown_recd"),
	SCTP("shutdown_sent"),
	TCP("close"), TCP("close_wait"), TCP("established"), TCP("fin_wait"),
	TCP("last_ack"), TCP("max_retrans"), TCP("syn_recv"), TCP("syn_sent"),
	TCP("time_wait"), TCP("unacknowledged"),
	TIMEOUT("udp", "udp_timeout"),
	TIMEOUT("udp_stream", "udp_timeout_stream"),
};

enum { N_TIMEOUTS = ARRAY_SIZE(timeout_names) };

/* A sysctl's own name, with or without the prefix that they share */
static const char *name_of_sysctl(const char *s)
{
	for (size_t i = 0; i < N_TIMEOUTS; i++) {
		const char *full = timeout_names[i].sysctl;
		const char *bare = strrchr(full, '.') + 1;

		if (!strcmp(s, full) || !strcmp(s, bare) ||
		    !strcmp(s, bare + strlen("nf_conntrack_")))
			return timeout_names[i].name;
	}
	return NULL;
}

/* "tcp" alone names no timeout: say which ones there are. */
static void unknown_timeout(struct loader *l, uint32_t key, const char *s)
{
	const char *names[N_TIMEOUTS], *near;

	for (size_t i = 0; i < N_TIMEOUTS; i++)
		names[i] = timeout_names[i].name;
	near = name_of_sysctl(s);
	if (!near)
		near = suggest(s, names, N_TIMEOUTS);
	if (!strcmp(s, "tcp") || !strcmp(s, "sctp"))
		near = *s == 't' ? "tcp_established" : "sctp_established";
	load_error(l, key, ID_UNKNOWN_KEY, "unknown key `%s` in `timeouts`",
		   load_shown(l, s));
	if (near)
		diag_mend(l->d, FIX_REPLACE, "%s", near);
	if (near)
		diag_help(l->d, "did you mean `%s`?", near);
	else
		diag_help(l->d, "ctpolicy.yaml(5) lists the timeouts; they are "
			  "named after nf_conntrack_*_timeout_*");
}

static int add_timeout(struct loader *l, size_t i, uint32_t node)
{
	struct policy *p = l->p;
	uint32_t seconds;
	bool first = true;
	int err;

	err = load_kind(l, node, timeout_names[i].name, WANT_WORD);
	if (!err)
		err = load_once(l, timeout_names[i].name, node, &first);
	if (!err && first)
		err = load_duration(l, node, &seconds);
	if (err || !first)
		return err;
	if (mem_grow(&p->timeouts, &p->cap_timeouts, p->n_timeouts + 1))
		return -ENOMEM;
	p->timeouts[p->n_timeouts++] = (struct timeout){
		.name = timeout_names[i].name,
		.sysctl = timeout_names[i].sysctl,
		.seconds = seconds,
		.at = ydoc_pos(l->doc, node),
		.origin.at = ydoc_pos(l->doc, node),
	};
	return 0;
}

static int load_timeout(struct loader *l, uint32_t key, uint32_t value)
{
	const char *s = ydoc_text(l->doc, key);

	if (!s)
		return -ENOMEM;
	for (size_t i = 0; i < N_TIMEOUTS; i++)
		if (!strcmp(s, timeout_names[i].name))
			return add_timeout(l, i, value);
	unknown_timeout(l, key, s);
	return 0;
}

static int load_timeouts(struct loader *l, uint32_t map)
{
	uint32_t end = ydoc_after(l->doc, map), k, value;
	int err = 0;

	for (k = map + 1; k < end && err != -ENOMEM;
	     k = ydoc_after(l->doc, value)) {
		value = ydoc_after(l->doc, k);
		if (ydoc_kind(l->doc, k) == YNODE_SCALAR)
			err = load_timeout(l, k, value);
	}
	return err;
}

static int load_share(struct loader *l, uint32_t map, struct amount *ret)
{
	static const struct key keys[] = {
		{ "memory", WANT_WORD, true, false },
	};
	uint32_t node;
	int err;

	err = load_map(l, map, "`max`", ydoc_pos(l->doc, map), keys, 1, &node,
		       NULL);
	if (err || node == NO_NODE)
		return err;
	return load_memory(l, node, ret);
}

static bool is_size(const char *s)
{
	size_t digits = strspn(s, "0123456789");

	return digits && (!strcmp(s + digits, "%") || strchr(s, 'B'));
}

static int load_amount(struct loader *l, uint32_t node, const char *what,
		       struct amount *ret)
{
	const char *s;
	int err;

	ret->at = ydoc_pos(l->doc, node);
	if (ydoc_kind(l->doc, node) == YNODE_MAP)
		return load_share(l, node, ret);
	s = ydoc_text(l->doc, node);
	if (!s)
		return -ENOMEM;
	if (!strcmp(s, "auto")) {
		ret->kind = AMOUNT_AUTO;
		return 0;
	}
	if (!strcmp(what, "max") && is_size(s) && strlen(s) < 20) {
		load_error(l, node, ID_BAD_NUMBER,
			   "`%s` is not a number for `max`", s);
		diag_help(l->d, "write `max: {memory: %s}`", s);
		diag_mend(l->d, FIX_REPLACE, "{memory: %s}", s);
		return -EINVAL;
	}
	err = load_number(l, node, what, 1, ENTRIES_MAX, &ret->value);
	/* a word, and no number */
	if (err == -EINVAL && isalpha((unsigned char)*s))
		diag_mend(l->d, FIX_REPLACE, "auto");
	if (!err)
		ret->kind = AMOUNT_NUMBER;
	return err;
}

static int load_modules(struct loader *l, uint32_t node)
{
	static const struct word words[] = {
		{ "keep", false, false }, { "unload", true, false },
	};
	int unload = false, err;

	err = load_word(l, node, "modules", words, ARRAY_SIZE(words), &unload);
	if (err)
		return err;
	l->p->unload_modules = unload;
	l->p->modules_at = ydoc_pos(l->doc, node);
	l->p->modules_origin.at = l->p->modules_at;
	return 0;
}

static int load_flush(struct loader *l, uint32_t node)
{
	static const struct word words[] = {
		{ "services", true, false }, { "none", false, false },
	};
	int flush = true, err;

	err = load_word(l, node, "flush", words, ARRAY_SIZE(words), &flush);
	if (!err)
		l->p->flush_services = flush;
	return err;
}

static int load_persist(struct loader *l, uint32_t node)
{
	l->p->persist_at = ydoc_pos(l->doc, node);
	return load_flag(l, node, "persist", &l->p->persist);
}

enum conntrack_key { CK_MODULES, CK_MAX, CK_BUCKETS, CK_TIMEOUTS, CK_FLUSH,
		     CK_PERSIST, CK_END_ };

static int load_setting(struct loader *l, enum conntrack_key k, uint32_t node)
{
	struct policy *p = l->p;
	int err = 0;

	switch (k) {
	case CK_MODULES:
		return load_modules(l, node);
	case CK_MAX:
		err = load_amount(l, node, "max", &p->max);
		p->max_origin.at = p->max.at;
		return err;
	case CK_BUCKETS:
		err = load_amount(l, node, "buckets", &p->buckets);
		p->buckets_origin.at = p->buckets.at;
		return err;
	case CK_TIMEOUTS:
		return load_timeouts(l, node);
	case CK_FLUSH:
		return load_flush(l, node);
	case CK_PERSIST:
		return load_persist(l, node);
	case CK_END_:
		break;
	}
	return err;
}

int load_conntrack(struct loader *l, uint32_t map)
{
	static const struct key keys[] = {
		[CK_MODULES] = { "modules", WANT_WORD, false, false },
		[CK_MAX] = { "max", WANT_WORD_OR_MAP, false, false },
		[CK_BUCKETS] = { "buckets", WANT_WORD, false, false },
		[CK_TIMEOUTS] = { "timeouts", WANT_MAP, false, false },
		[CK_FLUSH] = { "flush", WANT_WORD, false, false },
		[CK_PERSIST] = { "persist", WANT_WORD, false, false },
	};
	uint32_t node[CK_END_];
	int err;

	err = load_map(l, map, "`conntrack`", ydoc_pos(l->doc, map), keys,
		       CK_END_, node, NULL);
	for (int k = 0; k < CK_END_ && err != -ENOMEM; k++) {
		bool first = true;

		if (node[k] == NO_NODE)
			continue;
		err = keys[k].kind == WANT_MAP ? 0 :
		      load_once(l, keys[k].name, node[k], &first);
		if (!err && first)
			err = load_setting(l, (enum conntrack_key)k, node[k]);
	}
	return err;
}
