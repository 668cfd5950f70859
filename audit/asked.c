/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/asked.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"

/* What a NOTRACK rule did not ask of packets that an accept rule meets. */
enum lack {
	LACK_LOCAL,		/* at INPUT: is it for this host? */
	LACK_GROUP,		/* ... or for a group? */
	LACK_SOCKET,		/* ... for a socket? */
	LACK_SOCKET_ON_LO,	/* the same of what this host sends to itself */
	LACK_SOURCE,		/* at OUTPUT: is it from this host? */
	LACK_MAX_
};
#define LACKS(name) (1U << LACK_##name)

enum side { SIDE_SPORT, SIDE_DPORT, SIDE_MAX_ };

static const struct port_range every_port = { 0, UINT16_MAX };
static const uint8_t protocols[] = { IPPROTO_TCP, IPPROTO_UDP };

/* Of one protocol. */
struct lacking {
	struct port_set by[SIDE_MAX_][LACK_MAX_];	/* normalized */
	unsigned int of_all;		/* LACKS() of rules without ports */
};

struct asking {
	const struct asked_host *host;
	struct lacking of[ARRAY_SIZE(protocols)];
};

static void asking_release(struct asking *x)
{
	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++)
		for (int side = 0; side < SIDE_MAX_; side++)
			for (int k = 0; k < LACK_MAX_; k++)
				port_set_release(&x->of[i].by[side][k]);
}

/* Those of its words that live rules keep for people alone. */
static bool says(const struct foreign_rule *r, const char *word)
{
	return r->raw.n && memmem(r->raw.s, r->raw.n, word, strlen(word));
}

bool asked_untracks(const struct foreign *f)
{
	const uint64_t takes_out = FEATURE_BIT(NOTRACK) |
				   FEATURE_BIT(XT_OPAQUE);

	for (size_t i = 0; i < f->n_rules; i++) {
		const struct foreign_rule *r = &f->rules[i];

		if (foreign_is_gone(r))
			continue;
		if (r->features & takes_out ||
		    foreign_has_term(f, r, TERM_NOTRACK) ||
		    says(r, "dup") || says(r, "TEE"))
			return true;
	}
	return false;
}

/* ---- what NOTRACK rules leave open ---- */

static bool is_grouped(enum dst_kind dst)
{
	return dst == DST_LOCAL || dst == DST_LOCAL_OR_GROUP;
}

/*
 * What comes in has met no rule at OUTPUT, but for loopback and one's own
 * multicast; what goes out has met none at PREROUTING.
 */
static unsigned int lacks_of(const struct rule *r)
{
	const struct match *m = &r->match;
	bool enters = r->hook == HOOK_PREROUTING;
	bool within = r->hook == HOOK_OUTPUT && iface_set_is_lo(&m->oif);
	unsigned int lacks = 0;

	if (!(enters || within) || m->dst != DST_LOCAL)
		lacks |= LACKS(LOCAL);
	if (!(enters || within) || !is_grouped(m->dst))
		lacks |= LACKS(GROUP);
	if (within)
		lacks |= LACKS(SOCKET_ON_LO);
	else if (!enters || m->socket != SOCKET_OPEN)
		lacks |= LACKS(SOCKET);
	if (!enters && !m->src_local)
		lacks |= LACKS(SOURCE);
	return lacks;
}

static int add_ports(struct lacking *x, enum side side,
		     const struct port_set *ports, unsigned int lacks)
{
	int err = 0;

	for (int k = 0; k < LACK_MAX_; k++)
		for (size_t i = 0; !err && lacks >> k & 1 && i < ports->n; i++)
			err = port_set_add(&x->by[side][k], ports->v[i]);
	return err;
}

static int add_notrack(struct lacking *x, const struct rule *r)
{
	unsigned int lacks = lacks_of(r);

	if (r->match.dport.n)
		return add_ports(x, SIDE_DPORT, &r->match.dport, lacks);
	if (r->match.sport.n)
		return add_ports(x, SIDE_SPORT, &r->match.sport, lacks);
	x->of_all |= lacks;
	return 0;
}

static bool has_protocol(const struct match *m, uint8_t proto)
{
	return m->proto ? m->proto == proto :
			  !m->not_tcp || proto != IPPROTO_TCP;
}

static int note_notracks(struct asking *x, const struct ruleset *rs)
{
	int err = 0;

	for (size_t i = 0; i < rs->n; i++)
		for (size_t k = 0; !err && k < ARRAY_SIZE(protocols); k++)
			if (rs->v[i].action == ACTION_NOTRACK &&
			    has_protocol(&rs->v[i].match, protocols[k]))
				err = add_notrack(&x->of[k], &rs->v[i]);
	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++)
		for (int side = 0; side < SIDE_MAX_; side++)
			for (int k = 0; k < LACK_MAX_; k++)
				port_set_normalize(&x->of[i].by[side][k]);
	return err;
}

/* ---- what an accept rule may do without ---- */

/* The first range that ends at the port or behind it. */
static size_t find_port(const struct port_set *s, uint16_t port)
{
	size_t low = 0, high = s->n;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (s->v[mid].last < port)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool overlap(const struct port_set *a, const struct port_set *b)
{
	for (size_t i = 0; i < a->n; i++) {
		size_t at = find_port(b, a->v[i].first);

		if (at < b->n && b->v[at].first <= a->v[i].last)
			return true;
	}
	return false;
}

static bool is_named(const struct lacking *x, enum side side,
		     const struct port_set *ports, unsigned int lacks)
{
	for (int k = 0; k < LACK_MAX_; k++)
		if (lacks >> k & 1 && overlap(ports, &x->by[side][k]))
			return true;
	return false;
}

/* Widen r as far as none of these is named; false: one is named in it. */
static bool widen(const struct lacking *x, enum side side, unsigned int lacks,
		  struct port_range *r)
{
	struct port_range wide = every_port;

	for (int k = 0; k < LACK_MAX_; k++) {
		const struct port_set *s = &x->by[side][k];
		size_t at = find_port(s, r->first);

		if (!(lacks >> k & 1))
			continue;
		if (at < s->n && s->v[at].first <= r->last)
			return false;
		if (at && s->v[at - 1].last >= wide.first)
			wide.first = s->v[at - 1].last + 1;
		if (at < s->n && s->v[at].first <= wide.last)
			wide.last = s->v[at].first - 1;
	}
	*r = wide;
	return true;
}

/* ---- what this host says to itself ---- */

/* Answers that are accepted on lo, whoever waits for them, by their service. */
struct on_lo {
	const struct rule **v;
	size_t n;
};

static void on_lo_release(struct on_lo *l)
{
	free(l->v);
}

static int cmp_origin(const void *a, const void *b)
{
	const struct rule *const *x = a, *const *y = b;
	uintptr_t p = (uintptr_t)(*x)->origin, q = (uintptr_t)(*y)->origin;

	return (p > q) - (p < q);
}

static int find_on_lo(const struct ruleset *rs, struct on_lo *ret)
{
	ret->v = calloc(rs->n + 1, sizeof(*ret->v));
	if (!ret->v)
		return -ENOMEM;
	for (size_t i = 0; i < rs->n; i++)
		if (rs->v[i].hook == HOOK_INPUT && !rs->v[i].then &&
		    !rs->v[i].turn && iface_set_is_lo(&rs->v[i].match.iif))
			ret->v[ret->n++] = &rs->v[i];
	if (ret->n > 1)
		qsort(ret->v, ret->n, sizeof(*ret->v), cmp_origin);
	return 0;
}

/* What differs from the guarded rule in nothing but the guard, and is of lo. */
static bool is_same_on_lo(const struct rule *o, const struct rule *r)
{
	struct match a = o->match, b = r->match;

	a.iif = b.iif = (struct iface_set){ 0 };
	b.dport = (struct port_set){ 0 };
	b.socket = SOCKET_ANY;
	return o->leg == r->leg && match_equal(&a, &b);
}

static bool is_let_in_on_lo(const struct on_lo *l, const struct rule *r)
{
	size_t low = 0, high = l->n;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if ((uintptr_t)l->v[mid]->origin < (uintptr_t)r->origin)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < l->n && l->v[low]->origin == r->origin; low++)
		if (is_same_on_lo(l->v[low], r))
			return true;
	return false;
}

/* ---- the rules without it ---- */

/* What it asks, and what NOTRACK rules must have asked for that. */
static unsigned int asks(const struct asking *x, const struct on_lo *l,
			 const struct rule *r)
{
	const struct match *m = &r->match;
	unsigned int lacks = 0;

	if (m->ct != CT_UNTRACKED || r->then || r->turn)
		return 0;
	if (r->hook == HOOK_OUTPUT)
		return m->src_local && !x->host->sends ? LACKS(SOURCE) : 0;
	if (r->hook != HOOK_INPUT)
		return 0;
	if (is_grouped(m->dst))
		lacks |= m->dst == DST_LOCAL ? LACKS(LOCAL) : LACKS(GROUP);
	if (m->socket != SOCKET_OPEN)
		return lacks;
	lacks |= LACKS(SOCKET);
	return is_let_in_on_lo(l, r) ? lacks : lacks | LACKS(SOCKET_ON_LO);
}

static void forget(struct match *m, unsigned int lacks)
{
	if (lacks & LACKS(SOURCE))
		m->src_local = false;
	if (lacks & (LACKS(LOCAL) | LACKS(GROUP)))
		m->dst = DST_ANY;
	if (lacks & LACKS(SOCKET))
		m->socket = SOCKET_ANY;
}

/* By the ports that it names; the other ones, if it names none, may vary. */
static bool may_do_without(const struct asking *x, const struct lacking *l,
			   const struct match *m, unsigned int lacks,
			   struct port_range *others)
{
	*others = every_port;
	if (!lacks || l->of_all & lacks || (!m->sport.n && !m->dport.n) ||
	    is_named(l, SIDE_SPORT, &m->sport, lacks) ||
	    is_named(l, SIDE_DPORT, &m->dport, lacks))
		return false;
	if (m->sport.n && m->dport.n)
		return true;
	*others = x->host->ephemeral;
	return widen(l, m->dport.n ? SIDE_SPORT : SIDE_DPORT, lacks, others);
}

static bool is_every_port(const struct port_range *r)
{
	return r->first == every_port.first && r->last == every_port.last;
}

/* Others' packets would pass one rule more, or two, for the sake of few. */
static bool is_rare(const struct match *m)
{
	return iface_set_is_lo(&m->iif) || iface_set_is_lo(&m->oif);
}

/* The i-th rule, or a second one beside it for packets of so many ports. */
static int put_without(struct stand *s, size_t i, unsigned int lacks,
		       const struct port_range *others)
{
	const struct rule r = s->accepts.v[i];	/* they move as it is added */
	struct match *m = &s->accepts.v[i].match;
	int err;

	if (is_every_port(others)) {
		forget(m, lacks);
		return 0;
	}
	if (is_rare(m))
		return 0;
	err = stand_add(s, &r);
	if (err)
		return err;
	m = &s->accepts.v[s->accepts.n - 1].match;
	forget(m, lacks);
	return port_set_add(m->dport.n ? &m->sport : &m->dport, *others);
}

static int drop_of(const struct asking *x, struct stand *s, size_t i,
		   unsigned int lacks)
{
	const unsigned int whose = lacks & (LACKS(LOCAL) | LACKS(GROUP));
	const struct match *m = &s->accepts.v[i].match;
	struct port_range others;

	/* whoever has an open connection here sends to one of its addresses */
	if (m->socket == SOCKET_BOUND) {
		forget(&s->accepts.v[i].match, lacks);
		return 0;
	}
	for (size_t k = 0; k < ARRAY_SIZE(protocols); k++) {
		if (protocols[k] != m->proto)
			continue;
		if (may_do_without(x, &x->of[k], m, lacks, &others))
			return put_without(s, i, lacks, &others);
		if (may_do_without(x, &x->of[k], m, whose, &others))
			return put_without(s, i, whose, &others);
	}
	return 0;
}

/* All are looked at before the first one changes. */
static int drop_at(const struct asking *x, struct stand *s)
{
	_cleanup_(on_lo_release) struct on_lo l = { 0 };
	_cleanup_free_ unsigned int *lacks = NULL;
	size_t n = s->accepts.n;
	int err = find_on_lo(&s->accepts, &l);

	if (err)
		return err;
	lacks = calloc(n + 1, sizeof(*lacks));
	if (!lacks)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		lacks[i] = asks(x, &l, &s->accepts.v[i]);
	for (size_t i = 0; !err && i < n; i++)
		err = drop_of(x, s, i, lacks[i]);
	return err;
}

int asked_drop(const struct ruleset *rs, const struct asked_host *h,
	       struct stands *s)
{
	_cleanup_(asking_release) struct asking x = { .host = h };
	int err = note_notracks(&x, rs);

	for (size_t i = 0; !err && i < s->n; i++)
		err = drop_at(&x, &s->v[i]);
	if (!err)
		stands_normalize(s);
	return err;
}
