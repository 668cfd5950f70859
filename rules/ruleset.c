/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rules/ruleset.h"

#include <netinet/in.h>
#include <string.h>

#include "core/mem.h"
#include "core/strbuf.h"

void match_release(struct match *m)
{
	prefix_set_release(&m->saddr);
	prefix_set_release(&m->daddr);
	port_set_release(&m->sport);
	port_set_release(&m->dport);
	iface_set_release(&m->iif);
	iface_set_release(&m->oif);
	*m = (struct match){ 0 };
}

int match_copy(const struct match *m, struct match *ret)
{
	_cleanup_(match_release) struct match c = *m;
	int err;

	c.saddr = c.daddr = (struct prefix_set){ 0 };
	c.sport = c.dport = (struct port_set){ 0 };
	c.iif = c.oif = (struct iface_set){ 0 };
	err = prefix_set_copy(&m->saddr, AF_UNSPEC, &c.saddr);
	if (!err)
		err = prefix_set_copy(&m->daddr, AF_UNSPEC, &c.daddr);
	if (!err)
		err = port_set_copy(&m->sport, &c.sport);
	if (!err)
		err = port_set_copy(&m->dport, &c.dport);
	if (!err)
		err = iface_set_copy(&m->iif, &c.iif);
	if (!err)
		err = iface_set_copy(&m->oif, &c.oif);
	if (err)
		return err;
	*ret = c;
	c = (struct match){ 0 };
	return 0;
}

static int cmp_num(long a, long b)
{
	return (a > b) - (a < b);
}

static int cmp_ports(const struct port_set *a, const struct port_set *b)
{
	for (size_t i = 0; i < a->n && i < b->n; i++) {
		int c = cmp_num(a->v[i].first, b->v[i].first);

		if (!c)
			c = cmp_num(a->v[i].last, b->v[i].last);
		if (c)
			return c;
	}
	return cmp_num((long)a->n, (long)b->n);
}

static int cmp_ifaces(const struct iface_set *a, const struct iface_set *b)
{
	for (size_t i = 0; i < a->n && i < b->n; i++) {
		int c = iface_cmp(&a->v[i], &b->v[i]);

		if (c)
			return c;
	}
	return cmp_num((long)a->n, (long)b->n);
}

static int cmp_icmp(const struct match *a, const struct match *b)
{
	for (unsigned int i = 0; i < a->n_icmp && i < b->n_icmp; i++) {
		int c = cmp_num(a->icmp[i].first, b->icmp[i].first);

		if (!c)
			c = cmp_num(a->icmp[i].last, b->icmp[i].last);
		if (c)
			return c;
	}
	return cmp_num(a->n_icmp, b->n_icmp);
}

/* Flags first, so that rules of one shape stand together. */
static int cmp_flags(const struct match *a, const struct match *b)
{
	int c = cmp_num(a->proto, b->proto);

	if (!c)
		c = cmp_num(a->not_tcp, b->not_tcp);
	if (!c)
		c = cmp_num(a->family, b->family);
	if (!c)
		c = cmp_num((long)a->dst, (long)b->dst);
	if (!c)
		c = cmp_num(a->src_local, b->src_local);
	if (!c)
		c = cmp_num((long)a->ct, (long)b->ct);
	if (!c)
		c = cmp_num((long)a->socket, (long)b->socket);
	if (!c)
		c = cmp_num(a->not_syn, b->not_syn);
	if (!c)
		c = cmp_num(a->fragment_tail, b->fragment_tail);
	return c ? c : cmp_icmp(a, b);
}

int match_cmp(const struct match *a, const struct match *b)
{
	int c = cmp_flags(a, b);

	if (!c)
		c = cmp_ifaces(&a->iif, &b->iif);
	if (!c)
		c = cmp_ifaces(&a->oif, &b->oif);
	if (!c)
		c = cmp_ports(&a->dport, &b->dport);
	if (!c)
		c = cmp_ports(&a->sport, &b->sport);
	if (!c)
		c = prefix_set_cmp(&a->saddr, &b->saddr);
	return c ? c : prefix_set_cmp(&a->daddr, &b->daddr);
}

bool match_equal(const struct match *a, const struct match *b)
{
	return !match_cmp(a, b);
}

struct rule *ruleset_add(struct ruleset *rs)
{
	struct rule *r;

	if (mem_grow(&rs->v, &rs->cap, rs->n + 1))
		return NULL;
	r = &rs->v[rs->n++];
	*r = (struct rule){ 0 };
	return r;
}

int ruleset_add_setting(struct setting **v, size_t *n, size_t *cap,
			const char *key, const char *value,
			const struct origin *origin)
{
	int err = mem_grow(v, cap, *n + 1);
	char *copy;

	if (err)
		return err;
	copy = strdup(value);
	if (!copy)
		return -ENOMEM;
	(*v)[(*n)++] = (struct setting){ key, copy, origin };
	return 0;
}

static int cmp_service(const struct origin *a, const struct origin *b)
{
	return strcmp(a->service ? a->service : "",
		      b->service ? b->service : "");
}

static int cmp_rank(const struct rule *a, const struct rule *b)
{
	int c = cmp_num((long)a->hook, (long)b->hook);

	if (!c)
		c = cmp_num((long)a->turn, (long)b->turn);
	if (!c)
		c = cmp_num((long)a->rank, (long)b->rank);
	return c ? c : cmp_num((long)a->action, (long)b->action);
}

/* What decides a rule's place, its service aside. */
static int cmp_place(const struct rule *a, const struct rule *b)
{
	int c = cmp_rank(a, b);

	if (!c)
		c = cmp_num((long)a->leg, (long)b->leg);
	if (!c)
		c = cmp_num(a->open, b->open);
	return c ? c : strcmp(a->then ? a->then : "", b->then ? b->then : "");
}

static int cmp_rule(const void *x, const void *y)
{
	const struct rule *a = x, *b = y;
	int c = cmp_place(a, b);

	if (!c)
		c = cmp_service(a->origin, b->origin);
	return c ? c : match_cmp(&a->match, &b->match);
}

static int cmp_setting(const void *x, const void *y)
{
	const struct setting *a = x, *b = y;

	return strcmp(a->key, b->key);
}

/* Does a hold for all that b holds for, b being the same on loopback alone? */
static bool covers_loopback(const struct rule *a, const struct rule *b)
{
	const struct iface_set *side = b->match.iif.n ? &b->match.iif :
							&b->match.oif;
	struct match m = b->match;

	if (!iface_set_is_lo(side))
		return false;
	m.iif = m.oif = (struct iface_set){ 0 };
	return match_equal(&a->match, &m);
}

/*
 * A host that is server and client has some legs on loopback twice. Without
 * an interface a rule sorts before its like on loopback: look back.
 */
static bool is_covered(const struct rule *kept, size_t n, const struct rule *r)
{
	while (n-- > 0 && !cmp_place(&kept[n], r) &&
	       !cmp_service(kept[n].origin, r->origin))
		if (covers_loopback(&kept[n], r))
			return true;
	return false;
}

static bool on_loopback(const struct rule *r)
{
	return iface_set_is_lo(&r->match.iif) || iface_set_is_lo(&r->match.oif);
}

/* How far does an accept rule look: into the routes, or for a socket? */
static int looks_around(const struct rule *r)
{
	if (r->action != ACTION_ACCEPT)
		return 0;
	return r->match.socket ? 2 : r->match.dst || r->match.src_local;
}

/* Each datagram of udp is looked at in one more place than segments of tcp. */
static bool accepts_udp(const struct rule *r)
{
	return r->action == ACTION_ACCEPT && r->match.proto == IPPROTO_UDP;
}

/*
 * What the host says to itself may wait: others' packets pass fewer rules. So
 * may what is costly to ask.
 */
static int cmp_last(const void *x, const void *y)
{
	const struct rule *a = x, *b = y;
	int c = cmp_rank(a, b);

	if (!c)
		c = cmp_num(on_loopback(a), on_loopback(b));
	if (!c)
		c = cmp_num(looks_around(a), looks_around(b));
	if (!c)
		c = cmp_num(accepts_udp(b), accepts_udp(a));
	return c ? c : cmp_rule(a, b);
}

void ruleset_normalize(struct ruleset *rs)
{
	size_t k = 0;

	if (rs->n_sysctls > 1)
		qsort(rs->sysctls, rs->n_sysctls, sizeof(*rs->sysctls),
		      cmp_setting);

	if (rs->n > 1)
		qsort(rs->v, rs->n, sizeof(*rs->v), cmp_rule);
	for (size_t i = 0; i < rs->n; i++) {
		bool twin = k && !cmp_rule(&rs->v[k - 1], &rs->v[i]);

		if (twin)
			rs->v[k - 1].roles |= rs->v[i].roles;
		if (twin || is_covered(rs->v, k, &rs->v[i]))
			match_release(&rs->v[i].match);
		else
			rs->v[k++] = rs->v[i];
	}
	rs->n = k;
	if (rs->n > 1)
		qsort(rs->v, rs->n, sizeof(*rs->v), cmp_last);
}

/* As cmp_rule(), but twins of two families stand side by side. */
static int cmp_twins(const void *x, const void *y)
{
	struct rule a = *(const struct rule *)x, b = *(const struct rule *)y;
	int c;

	a.match.family = b.match.family = AF_UNSPEC;
	c = cmp_rule(&a, &b);
	return c ? c : cmp_num(((const struct rule *)x)->match.family,
			       ((const struct rule *)y)->match.family);
}

static bool are_twins(const struct rule *a, const struct rule *b)
{
	struct match m = b->match;

	m.family = a->match.family;
	return a->match.family == AF_INET && b->match.family == AF_INET6 &&
	       !a->match.saddr.n && !a->match.daddr.n &&
	       !a->match.fragment_tail && !cmp_place(a, b) &&
	       !cmp_service(a->origin, b->origin) &&
	       match_equal(&a->match, &m);
}

void ruleset_join_families(struct ruleset *rs)
{
	size_t k = 0;

	if (rs->n > 1)
		qsort(rs->v, rs->n, sizeof(*rs->v), cmp_twins);
	for (size_t i = 0; i < rs->n; i++) {
		struct rule *last = k ? &rs->v[k - 1] : NULL;

		if (last && are_twins(last, &rs->v[i])) {
			last->match.family = AF_UNSPEC;
			last->roles |= rs->v[i].roles;
			match_release(&rs->v[i].match);
		} else {
			rs->v[k++] = rs->v[i];
		}
	}
	rs->n = k;
	ruleset_normalize(rs);
}

static void release_settings(struct setting *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(v[i].value);
	free(v);
}

void ruleset_release(struct ruleset *rs)
{
	for (size_t i = 0; i < rs->n; i++)
		match_release(&rs->v[i].match);
	free(rs->v);
	release_settings(rs->sysctls, rs->n_sysctls);
	release_settings(rs->modules, rs->n_modules);
	*rs = (struct ruleset){ 0 };
}

void ruleset_free(struct ruleset **rs)
{
	if (!*rs)
		return;
	ruleset_release(*rs);
	free(*rs);
	*rs = NULL;
}
