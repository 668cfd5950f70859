/* SPDX-License-Identifier: GPL-2.0-or-later */
/* policies/policy_tracked.c: services that stay tracked, forgotten sooner. */
#include <string.h>

#include "core/mem.h"
#include "core/strbuf.h"
#include "core/suggest.h"
#include "policies/policy_load.h"

/* The timeouts that a policy may name for the protocol: the group first. */
static size_t list_keys(uint8_t proto, const char **ret)
{
	const char *key = timers_group(proto, 0);
	size_t n = 0;

	if (key)
		ret[n++] = key;
	for (unsigned int i = 1; (key = timers_key(proto, i)); i++)
		ret[n++] = key;
	return n;
}

static void print_keys(uint8_t proto, struct strbuf *out)
{
	const char *names[TIMERS_MAX + 1];
	size_t n = list_keys(proto, names);

	for (size_t i = 0; i < n; i++) {
		strbuf_puts(out, !i ? "" : i + 1 == n ? " or " : ", ");
		strbuf_puts(out, names[i]);
	}
}

static const char *nearest_key(const struct service *s, const char *word)
{
	const char *names[TIMERS_MAX + 1], *near = NULL;

	for (size_t i = 0; !near && i < s->n_protocols; i++)
		near = suggest(word, names,
			       list_keys(s->protocols[i], names));
	return near;
}

/* The help is of the first protocol that has any; none is another error. */
static void no_such_timer(struct loader *l, uint32_t key,
			  const struct service *s)
{
	_cleanup_(strbuf_release) struct strbuf keys = { 0 };
	const char *word = ydoc_text(l->doc, key), *near;
	size_t i = 0;

	near = nearest_key(s, word);
	while (i < s->n_protocols && !timers_known(s->protocols[i]))
		i++;
	if (i == s->n_protocols)
		return;
	load_error(l, key, ID_NO_SUCH_TIMER,
		   "no protocol of the service has a timeout `%s`",
		   load_shown(l, word));
	print_keys(s->protocols[i], &keys);
	l->d->lost |= keys.lost;
	if (near)
		diag_mend(l->d, FIX_REPLACE, "%s", near);
	else if (s->protocols[i] == IPPROTO_UDP && !strcmp(word, "established"))
		diag_mend(l->d, FIX_REPLACE, "replied");
	if (near)
		diag_help(l->d, "did you mean `%s`?", near);
	else
		diag_help(l->d, "write %s", strbuf_text(&keys, &l->d->lost));
}

/* Until all keys are read, the unused place holds what a group was given. */
#define GROUP 0

static int load_timer(struct loader *l, uint32_t key, uint32_t value,
		      struct service *s)
{
	const char *text = ydoc_text(l->doc, key);
	/* the value's text takes its place */
	_cleanup_free_ char *word = text ? strdup(text) : NULL;
	uint8_t number[TIMERS_MAX];
	uint32_t seconds = 0;
	bool known = false;
	int err;

	if (!word)
		return -ENOMEM;
	for (size_t i = 0; !known && i < s->n_protocols; i++)
		known = timers_find(s->protocols[i], word, number);
	if (!known) {
		no_such_timer(l, key, s);
		return 0;
	}
	err = load_kind(l, value, word, WANT_WORD);
	if (!err)
		err = load_duration(l, value, &seconds);
	if (err)
		return err == -ENOMEM ? err : 0;
	for (size_t i = 0; i < s->n_protocols; i++) {
		size_t n = timers_find(s->protocols[i], word, number);

		if (n)
			s->timers[i].v[n > 1 ? GROUP : number[0]] = seconds;
	}
	return 0;
}

/* A timer that is named stands, whatever its group was given. */
static void spread_group(struct timers *t)
{
	const char *group = timers_group(t->proto, 0);
	uint8_t number[TIMERS_MAX];
	size_t n = group ? timers_find(t->proto, group, number) : 0;

	for (size_t i = 0; i < n; i++)
		if (!t->v[number[i]])
			t->v[number[i]] = t->v[GROUP];
	t->v[GROUP] = 0;
}

int load_timers(struct loader *l, uint32_t map, struct service *s)
{
	uint32_t end = ydoc_after(l->doc, map), k, value;
	size_t errors = l->d->errors;
	int err = 0;

	s->timers = calloc(s->n_protocols + 1, sizeof(*s->timers));
	if (!s->timers)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_protocols; i++)
		s->timers[i].proto = s->protocols[i];
	/* Without protocols, which are wrong then, no key can be judged. */
	for (k = map + 1; k < end && !err && s->n_protocols && !load_full(l);
	     k = ydoc_after(l->doc, value)) {
		value = ydoc_after(l->doc, k);
		if (ydoc_kind(l->doc, k) == YNODE_SCALAR)
			err = load_timer(l, k, value, s);
	}
	for (size_t i = 0; i < s->n_protocols; i++)
		spread_group(&s->timers[i]);
	return err ? err : l->d->errors > errors ? -EINVAL : 0;
}

/* They keep the timeouts that they have either way. */
static void mend_protocols(struct loader *l, const struct service *s)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };

	for (size_t i = 0; i < s->n_protocols; i++) {
		if (!timers_known(s->protocols[i]))
			continue;
		strbuf_puts(&b, b.n ? ", " : "[");
		service_protocol_print(s->protocols[i], &b);
	}
	l->d->lost |= b.lost;
	if (b.n)
		diag_mend(l->d, FIX_REPLACE, "%s]",
			  strbuf_text(&b, &l->d->lost));
}

static void no_timers(struct loader *l, uint32_t node,
		      const struct service *s, const char *name)
{
	load_error(l, node, ID_NO_TIMERS,
		   "the kernel has no timeouts of its own for protocol %s",
		   name);
	diag_help(l->d,
		  "tcp, udp, icmp-echo, udplite, sctp, dccp and gre have; all others share `conntrack: {timeouts: {generic: ...}}`");
	mend_protocols(l, s);
}

static void missing_timers(struct loader *l, uint32_t node, uint8_t proto,
			   const char *name)
{
	_cleanup_(strbuf_release) struct strbuf keys = { 0 };

	print_keys(proto, &keys);
	load_error(l, node, ID_TIMERS_MISSING, "`timeouts` has none for %s",
		   name);
	diag_help(l->d, "add %s, or remove %s from `protocol`",
		  strbuf_text(&keys, &l->d->lost), name);
}

void check_timers(struct loader *l, const struct service *s,
		  const uint32_t *node)
{
	bool loaded = node[SK_TIMEOUTS] != NO_NODE;

	for (size_t i = 0; i < s->n_protocols && !load_full(l); i++) {
		_cleanup_(strbuf_release) struct strbuf name = { 0 };
		uint8_t proto = s->protocols[i];

		service_protocol_print(proto, &name);
		l->d->lost |= name.lost;
		if (!timers_known(proto))
			no_timers(l, node[SK_PROTOCOL], s, strbuf_str(&name));
		else if (loaded && !timers_mask(&s->timers[i]))
			missing_timers(l, node[SK_TIMEOUTS], proto,
				       strbuf_str(&name));
	}
}

/* One that could not be read has none. */
static bool has_protocols(const struct service *u, const struct service *s)
{
	if (!u->n_protocols)
		return false;
	for (size_t i = 0; i < s->n_protocols; i++)
		if (!memchr(u->protocols, s->protocols[i], u->n_protocols))
			return false;
	return s->n_protocols;
}

/* Both are normalized: sorted, and ranges that touch stay apart. */
static bool has_range(const struct port_set *u, struct port_range r)
{
	uint32_t next = r.first;

	for (size_t i = 0; i < u->n; i++)
		if (u->v[i].first <= next && next <= u->v[i].last)
			next = u->v[i].last + UINT32_C(1);
	return next > r.last;
}

static bool has_ports(const struct port_set *u, const struct port_set *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (!has_range(u, s->v[i]))
			return false;
	return true;
}

/* Is any of s in u? */
static bool has_any(const struct prefix_set *u, const struct prefix_set *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct prefix p = prefix_set_at(s, i);

		if (prefix_set_holds(u, &p))
			return true;
	}
	return false;
}

static bool has_addresses(bool u_given, const struct prefix_set *u,
			  bool s_given, const struct prefix_set *s)
{
	return !u_given || (s_given && prefix_set_within(s, u));
}

static bool has_iface(const struct iface_set *u, const struct iface *f)
{
	for (size_t i = 0; i < u->n; i++)
		if (!iface_cmp(&u->v[i], f))
			return true;
	return false;
}

static bool has_ifaces(const struct service *u, const struct service *s)
{
	for (size_t i = 0; u->has_ifaces && i < s->ifaces.n; i++)
		if (!has_iface(&u->ifaces, &s->ifaces.v[i]))
			return false;
	return !u->has_ifaces || s->has_ifaces;
}

/* Is every packet of s one of u, which is taken out of tracking? */
static bool covers(const struct service *u, const struct service *s)
{
	return (s->roles & ~u->roles) == 0 &&
	       (service_is_any(u) || (has_protocols(u, s) &&
				      has_ports(&u->ports, &s->ports))) &&
	       has_addresses(u->has_clients, &u->clients, s->has_clients,
			     &s->clients) &&
	       has_addresses(u->has_servers, &u->servers, s->has_servers,
			     &s->servers) &&
	       has_ifaces(u, s);
}

static void warn_covered(struct loader *l, const struct service *s,
			 const struct service *u)
{
	load_warning(l, s->at, ID_TRACKED_COVERED,
		     "remove one of the two: what is untracked is in no table that could forget it",
		     "service `%s` leaves nothing tracked for this one to forget",
		     u->name ? u->name : "");
	if (load_may_warn(l))
		diag_related(l->d, u->at, "it is here");
}

/*
 * A router's packets may be for this host, until they are translated; a
 * server's and a client's are on loopback as well.
 */
static bool roles_meet(const struct service *a, const struct service *b)
{
	static const unsigned int network = ROLE_SERVER | ROLE_CLIENT |
					    ROLE_ROUTER;
	unsigned int all = a->roles | b->roles;

	if (a->roles & b->roles)
		return true;
	if (all & ROLE_ROUTER)
		return a->roles & network && b->roles & network;
	return all & ROLE_LOOPBACK;
}

static bool timers_differ(const struct service *a, const struct service *b)
{
	for (size_t i = 0; a->timers && i < a->n_protocols; i++)
		for (size_t k = 0; b->timers && k < b->n_protocols; k++)
			if (a->protocols[i] == b->protocols[k] &&
			    memcmp(a->timers[i].v, b->timers[k].v,
				   sizeof(a->timers[i].v)) != 0)
				return true;
	return false;
}

static bool ports_meet(const struct port_set *a, const struct port_set *b)
{
	for (size_t i = 0, k = 0; i < a->n && k < b->n;) {
		if (a->v[i].last < b->v[k].first)
			i++;
		else if (b->v[k].last < a->v[i].first)
			k++;
		else
			return true;
	}
	return !a->n && !b->n;
}

static bool addresses_meet(bool a_given, const struct prefix_set *a,
			   bool b_given, const struct prefix_set *b)
{
	return !a_given || !b_given || has_any(b, a) || has_any(a, b);
}

static bool ifaces_meet(const struct service *a, const struct service *b)
{
	for (size_t i = 0; a->has_ifaces && i < a->ifaces.n; i++)
		if (has_iface(&b->ifaces, &a->ifaces.v[i]))
			return true;
	return !a->has_ifaces || !b->has_ifaces;
}

/* Which of the two would it be? One backend has the last, one the first. */
static bool disagree(const struct service *a, const struct service *b)
{
	/* One name for both is the mistake, and reported. */
	if (a->name && b->name && !strcmp(a->name, b->name))
		return false;
	return roles_meet(a, b) && timers_differ(a, b) &&
	       ports_meet(&a->ports, &b->ports) &&
	       addresses_meet(a->has_clients, &a->clients, b->has_clients,
			      &b->clients) &&
	       addresses_meet(a->has_servers, &a->servers, b->has_servers,
			      &b->servers) &&
	       ifaces_meet(a, b);
}

/* A favour: in a large policy it would take too long. */
#define PAIRS_MAX 2000
#define ADDRESSES_MAX 1000

static bool is_large(const struct service *s)
{
	return s->clients.n + s->servers.n > ADDRESSES_MAX;
}

static void check_twice(struct loader *l, size_t i)
{
	const struct service *s = &l->p->tracked[i];

	for (size_t k = 0; k < i && !load_full(l); k++) {
		const struct service *other = &l->p->tracked[k];

		if (is_large(other) || !disagree(other, s))
			continue;
		diag_add(l->d, DIAG_ERROR, 0, ID_TRACKED_TWICE, s->at,
			 "service `%s` gives some of the same packets other timeouts",
			 other->name ? other->name : "");
		diag_related(l->d, other->at, "it is here");
		diag_help(l->d,
			  "give both the same timeouts, or clients, servers or ports that don't overlap");
		return;
	}
}

static void check_covered(struct loader *l, const struct service *s)
{
	const struct policy *p = l->p;

	for (size_t i = 0; i < p->n_services; i++)
		if (!is_large(&p->services[i]) && covers(&p->services[i], s)) {
			warn_covered(l, s, &p->services[i]);
			return;
		}
}

void check_tracked(struct loader *l)
{
	const struct policy *p = l->p;

	if (p->n_tracked && p->forbid_state) {
		diag_add(l->d, DIAG_ERROR, 0, ID_TRACKED_FORBIDDEN,
			 p->tracked[0].at,
			 "`tracked` needs connection tracking, which `state_matching: forbidden` rules out");
		diag_related(l->d, p->forbid_at, "it is forbidden here");
		diag_help(l->d,
			  "write `state_matching: allowed`, or remove `tracked`");
	}
	if ((p->n_services + p->n_tracked) * p->n_tracked > PAIRS_MAX)
		return;
	for (size_t i = 0; i < p->n_tracked; i++) {
		if (is_large(&p->tracked[i]))
			continue;
		check_covered(l, &p->tracked[i]);
		check_twice(l, i);
	}
}
