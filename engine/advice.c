/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/advice.h"

#include <errno.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "core/fault.h"
#include "core/inet.h"
#include "core/mem.h"
#include "engine/advice_parts.h"
#include "engine/top.h"
#include "host/conntrack/entries.h"
#include "host/conntrack/hash_size.h"
#include "host/conntrack/local_addresses.h"
#include "host/privilege.h"

/* Of the table: what has less is not worth a rule. */
#define SHARE_MIN 0.01
#define PROGRESS_EVERY 65536u
/* Of the entries, from which on they have a shape. */
#define ASYMMETRIC_MIN 0.5
#define ONE_WAY_MIN 0.9
/* Of a role: what is no more is stray, and so is one of that many. */
#define STRAY_SHARE 0.01
#define STRAY_OF 10

struct counting {
	struct groups groups;
	struct prefix_set local, group;
	void (*progress)(uint64_t done);
};

static void place(const struct counting *c, const struct ct_entry *e,
		  struct groups_entry *ret)
{
	bool from_here = prefix_set_contains(&c->local, e->family, e->src);

	if (prefix_set_contains(&c->local, e->family, e->dst)) {
		ret->role = GROUPS_SERVER;
	} else if (from_here) {
		ret->role = GROUPS_CLIENT;
	} else {
		ret->to_group = prefix_set_contains(&c->group, e->family,
						    e->dst);
		ret->role = ret->to_group ? GROUPS_SERVER : GROUPS_ROUTER;
	}
}

static bool is_half_open(const struct ct_entry *e)
{
	return e->proto == IPPROTO_TCP && !(e->status & IPS_ASSURED) &&
	       (e->tcp_state == TCP_CONNTRACK_SYN_SENT ||
		e->tcp_state == TCP_CONNTRACK_SYN_SENT2 ||
		e->tcp_state == TCP_CONNTRACK_SYN_RECV);
}

static bool is_no_echo(const struct ct_entry *e)
{
	return protocol_is_icmp(e->proto) &&
	       e->dport != (e->proto == IPPROTO_ICMP ? ICMP_ECHO :
						       ICMP6_ECHO_REQUEST);
}

static int take(const struct ct_entry *e, void *arg)
{
	struct counting *c = arg;
	struct groups_entry x = {
		.family = e->family, .proto = e->proto, .port = e->dport,
		.source = e->src,
		.one_way = !(e->status & IPS_SEEN_REPLY),
		.half_open = is_half_open(e),
		.translated = e->status & IPS_NAT_MASK,
		.helped = e->helped || e->status & IPS_HELPER,
	};
	int err;

	place(c, e, &x);
	x.unnamed = is_no_echo(e);
	x.to_group &= !x.unnamed;
	err = groups_add(&c->groups, &x);
	if (!err && c->progress && !(c->groups.entries % PROGRESS_EVERY))
		c->progress(c->groups.entries);
	return err;
}

static bool is_most(uint64_t n, uint64_t of, double share)
{
	return n && (double)n >= share * (double)of;
}

/*
 * Entries of a path that leads through here in one direction alone never see an
 * answer, or never see a handshake end.
 */
static enum advice_shape shape_of(const struct group *g)
{
	uint32_t routed = g->role[GROUPS_ROUTER];
	uint32_t partial = g->one_way > g->half_open ? g->one_way :
						       g->half_open;

	if (g->proto == IPPROTO_TCP && is_most(routed, g->entries,
					       ASYMMETRIC_MIN) &&
	    is_most(partial, g->entries, ASYMMETRIC_MIN))
		return ADVICE_ASYMMETRIC;
	if ((g->proto == IPPROTO_UDP || g->proto == IPPROTO_UDPLITE) &&
	    is_most(g->one_way, g->entries, ONE_WAY_MIN))
		return ADVICE_ONE_WAY;
	return ADVICE_PLAIN;
}

static bool is_stray(uint32_t bound, uint32_t of)
{
	return bound <= STRAY_SHARE * of || (bound == 1 && of >= STRAY_OF);
}

/* Those that a service may have; *ret_less: others could go, too. */
static uint32_t loose_roles(const struct group *g, bool *ret_less)
{
	uint32_t roles = 0;

	*ret_less = false;
	for (unsigned int i = 0; i < GROUPS_ROLE_MAX_; i++) {
		if (!g->loose[i])
			continue;
		if (is_stray(g->bound[i], g->role[i]))
			roles |= 1u << i;
		else
			*ret_less = true;
	}
	return roles;
}

/* How many a policy that names no addresses would take out. */
static uint32_t can_go(const struct group *g, uint32_t roles)
{
	uint32_t n = 0;

	for (unsigned int i = 0; i < GROUPS_ROLE_MAX_; i++)
		n += roles >> i & 1 ? g->loose[i] : 0;
	return n;
}

static enum advice_why why_not(const struct group *g)
{
	if (g->translated)
		return ADVICE_TRANSLATED;
	if (g->helped)
		return ADVICE_HELPED;
	return advice_is_service(g) ? ADVICE_TO_GROUPS : ADVICE_NO_SERVICE;
}

static struct suggestion suggestion_of(const struct advice *a,
				       const struct group *g)
{
	struct suggestion s = { .group = *g, .shape = shape_of(g) };
	bool less;
	uint32_t n;

	s.roles = loose_roles(g, &less);
	n = can_go(g, s.roles);
	if (advice_is_service(g) && n &&
	    (!less || advice_share(a, n) >= SHARE_MIN)) {
		s.why = ADVICE_ALLOWED;
		return s;
	}
	s.why = why_not(g);
	s.nat = g->translated;
	s.helper = g->helped;
	return s;
}

static int count(struct counting *c, struct advice *a)
{
	int err = local_addresses(&c->local);

	if (!err)
		err = group_addresses(&c->group);
	if (!err)
		err = ct_entries_read(0, take, c, &a->complete);
	if (!err)
		err = groups_finish(&c->groups, SHARE_MIN);
	return err;
}

static int list_once(struct advice *a, void (*progress)(uint64_t done))
{
	struct counting c = { .progress = progress };
	uint64_t seed = 0;
	int err;

	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) < 0)
		seed = 0;
	err = groups_init(&c.groups, seed);
	if (!err)
		err = count(&c, a);
	if (!err && c.groups.n) {
		a->v = calloc(c.groups.n, sizeof(*a->v));
		err = a->v ? 0 : -ENOMEM;
	}
	a->entries = c.groups.entries;
	for (size_t i = 0; !err && i < c.groups.n; i++)
		a->v[a->n++] = suggestion_of(a, &c.groups.v[i]);
	a->sources_exact = !c.groups.sources.zeros;
	groups_release(&c.groups);
	prefix_set_release(&c.local);
	prefix_set_release(&c.group);
	return err;
}

static int list(struct advice *a, void (*progress)(uint64_t done))
{
	int err = -EAGAIN;

	for (unsigned int i = 0; err == -EAGAIN && i < HASH_SIZE_TRIES; i++)
		err = list_once(a, progress);
	return entries_say_unread(err, &a->diags);
}

static int by_relief(const void *a, const void *b)
{
	const struct suggestion *x = a, *y = b;

	if (x->would_save != y->would_save)
		return x->would_save < y->would_save ? 1 : -1;
	if (x->group.one_way != y->group.one_way)
		return x->group.one_way < y->group.one_way ? 1 : -1;
	if (x->group.entries != y->group.entries)
		return x->group.entries < y->group.entries ? 1 : -1;
	if (x->group.proto != y->group.proto)
		return x->group.proto < y->group.proto ? -1 : 1;
	return (x->group.port > y->group.port) -
	       (x->group.port < y->group.port);
}

static int rank(struct advice *a)
{
	int err = 0;

	for (size_t i = 0; !err && i < a->n; i++) {
		struct suggestion *s = &a->v[i];

		if (s->why != ADVICE_ALLOWED)
			continue;
		s->would_save = can_go(&s->group, s->roles);
		a->would_save += s->would_save;
		err = advice_write(s, 1, &s->policy);
	}
	if (a->n)
		qsort(a->v, a->n, sizeof(*a->v), by_relief);
	return err ? err : a->policy ? advice_write(a->v, a->n, &a->policy) : 0;
}

static int read_table(struct advice *a)
{
	int err = ct_table_now(&a->table);

	a->tracked = !err;
	if (err && err != -ENOENT)
		return diag_add(&a->diags, DIAG_ERROR, err, ID_TABLE_UNKNOWN,
				NOPOS,
				"the connection table's figures cannot be read: %s",
				strerror(-err));
	if (err || ct_entries_load_nothing())
		return 0;
	diag_add(&a->diags, DIAG_ERROR, 0, ID_ENTRIES_UNREAD, NOPOS,
		 "listing the connection table's entries takes nf_conntrack_netlink, which is not loaded; nothing was loaded");
	diag_help(&a->diags, "modprobe nf_conntrack_netlink");
	return -FAULT_LACKING;
}

int advice_read(const struct request *rq, void (*progress)(uint64_t done),
		struct advice *ret)
{
	int err = privilege_require(&ret->diags);

	ret->complete = ret->sources_exact = true;
	if (!err && privilege_drop(PRIVILEGE_RULES))
		err = diag_add(&ret->diags, DIAG_ERROR, -EPERM, ID_CAPS_KEPT,
			       NOPOS,
			       "capabilities that are not needed cannot be given up");
	if (!err)
		err = read_table(ret);
	if (err || !ret->tracked)
		return err;
	err = list(ret, progress);
	if (!err)
		err = advice_gate(ret, rq);
	return err ? err : rank(ret);
}

double advice_share(const struct advice *a, uint64_t n)
{
	return a->entries ? (double)n / (double)a->entries : 0;
}

void advice_release(struct advice *a)
{
	diags_release(&a->diags);
	for (size_t i = 0; i < a->n; i++)
		free(a->v[i].policy);
	free(a->v);
	free(a->policy);
	*a = (struct advice){ 0 };
}
