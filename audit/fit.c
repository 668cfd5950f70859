/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/fit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/rtnetlink.h>
#include <netinet/tcp.h>
#include <string.h>

#include "audit/echo.h"
#include "audit/fit_glance.h"
#include "audit/fit_narrow.h"
#include "core/mem.h"

#define OPENING (TH_FIN | TH_SYN | TH_RST | TH_ACK)

static uint8_t nfproto_of(const struct lot *lot)
{
	return lot->rule.match.family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6;
}

/* Whole keys: what is behind a narrower field is zero (rules/term.h). */
static bool lies_in(const uint8_t *key, const struct values *values)
{
	for (size_t i = 0; i < values->n; i++)
		if (memcmp(key, values->v[i].first, TERM_KEY_MAX) >= 0 &&
		    memcmp(key, values->v[i].last, TERM_KEY_MAX) <= 0)
			return true;
	return false;
}

static enum fit known(bool in, bool negated)
{
	return in != negated ? FIT_ALL : FIT_NONE;
}

/* A term, its ranges, and the lot's match that it narrows. */
struct asked {
	const struct term *t;
	const struct lot *lot;
	const struct values *values;
	struct match *m;
};

static int ask_byte(const struct asked *a, uint8_t value, enum fit *ret)
{
	uint8_t key[TERM_KEY_MAX] = { value };

	if (a->t->masked)
		key[0] &= a->t->mask[0];
	*ret = known(lies_in(key, a->values), a->t->negated);
	return 0;
}

/* Every combination of flags that the lot's packets may have. */
static int ask_flags(const struct asked *a, enum fit *ret)
{
	bool not_syn = a->m->not_syn, any = a->m->proto == PROTOCOL_ANY;
	enum fit one, all = FIT_UNSURE;

	if (a->m->proto != IPPROTO_TCP) {
		*ret = any && !a->m->not_tcp ? FIT_UNSURE : FIT_NONE;
		return 0;
	}

	for (unsigned int v = 0; v < 256; v++) {
		bool opens = (v & OPENING) == TH_SYN;

		if ((a->lot->syn && (!opens || v & (TH_PUSH | TH_URG))) ||
		    (not_syn && opens))
			continue;
		ask_byte(a, (uint8_t)v, &one);
		if (all != FIT_UNSURE && one != all) {
			*ret = FIT_UNSURE;
			return 0;
		}
		all = one;
	}
	*ret = all;
	return 0;
}

/* Of all protocols, or of all but tcp, one may be asked for. */
static int ask_any_protocol(const struct asked *a, enum fit *ret)
{
	uint8_t tcp[TERM_KEY_MAX] = { IPPROTO_TCP };
	const struct key_range *r = a->values->v;
	bool one = !a->t->masked && a->values->n == 1 &&
		   !memcmp(r->first, r->last, TERM_KEY_MAX) && r->first[0];
	bool is_tcp = one && lies_in(tcp, a->values);

	*ret = FIT_UNSURE;
	if (!one)
		return 0;
	if (a->m->not_tcp && is_tcp) {
		*ret = a->t->negated ? FIT_ALL : FIT_NONE;
	} else if (!a->t->negated) {
		a->m->proto = r->first[0];
		a->m->not_tcp = false;
		*ret = FIT_PART;
	}
	return 0;
}

static int ask_protocol(const struct asked *a, enum fit *ret)
{
	return a->m->proto == PROTOCOL_ANY ? ask_any_protocol(a, ret) :
					     ask_byte(a, a->m->proto, ret);
}

static int ask_family(const struct asked *a, enum fit *ret)
{
	return ask_byte(a, nfproto_of(a->lot), ret);
}

static int ask_fragment(const struct asked *a, enum fit *ret)
{
	return ask_byte(a, a->m->fragment_tail, ret);
}

static int ask_address(const struct asked *a, struct prefix_set *s,
		       enum fit *ret)
{
	if (a->t->masked)
		*ret = FIT_UNSURE;
	return a->t->masked ? 0 :
	       narrow_addresses(s, a->m->family, a->values, ret);
}

static int ask_saddr(const struct asked *a, enum fit *ret)
{
	return ask_address(a, &a->m->saddr, ret);
}

static int ask_daddr(const struct asked *a, enum fit *ret)
{
	return ask_address(a, &a->m->daddr, ret);
}

static int ask_port(const struct asked *a, struct port_set *s, enum fit *ret)
{
	bool any = a->m->proto == PROTOCOL_ANY;
	bool has = protocol_has_ports(a->m->proto) && !a->m->fragment_tail;

	*ret = has || any ? FIT_UNSURE : FIT_NONE;
	return !has || a->t->masked ? 0 :
	       narrow_ports(s, a->values, ret);
}

static int ask_sport(const struct asked *a, enum fit *ret)
{
	return ask_port(a, &a->m->sport, ret);
}

static int ask_dport(const struct asked *a, enum fit *ret)
{
	return ask_port(a, &a->m->dport, ret);
}

/* A hook without that interface shows no name. */
static int ask_iface(const struct asked *a, struct iface_set *s, bool there,
		     enum fit *ret)
{
	static const uint8_t none[TERM_KEY_MAX];

	*ret = there ? FIT_UNSURE :
		       known(lies_in(none, a->values), a->t->negated);
	return !there || a->t->masked ? 0 :
	       narrow_ifaces(s, a->values, ret);
}

static int ask_iif(const struct asked *a, enum fit *ret)
{
	bool here = a->lot->rule.hook == HOOK_OUTPUT ||
		    (a->lot->rule.hook == HOOK_POSTROUTING && a->m->src_local);

	return ask_iface(a, &a->m->iif, !here, ret);
}

static int ask_oif(const struct asked *a, enum fit *ret)
{
	enum hook hook = a->lot->rule.hook;

	return ask_iface(a, &a->m->oif, hook == HOOK_OUTPUT ||
			 hook == HOOK_FORWARD || hook == HOOK_POSTROUTING, ret);
}

static int ask_icmp_type(const struct asked *a, enum fit *ret)
{
	bool icmp = a->m->proto == IPPROTO_ICMP ||
		    a->m->proto == IPPROTO_ICMPV6;

	*ret = icmp || a->m->proto == PROTOCOL_ANY ? FIT_UNSURE : FIT_NONE;
	return !icmp || a->t->masked ? 0 :
	       narrow_icmp(a->m, a->values, ret);
}

static int ask_local(const struct asked *a, bool local, enum fit *ret)
{
	static const uint8_t type[TERM_KEY_MAX] = { [3] = RTN_LOCAL };

	*ret = local && !a->t->masked ?
		       known(lies_in(type, a->values), a->t->negated) :
		       FIT_UNSURE;
	return 0;
}

static int ask_saddr_type(const struct asked *a, enum fit *ret)
{
	return ask_local(a, a->m->src_local, ret);
}

static int ask_daddr_type(const struct asked *a, enum fit *ret)
{
	return ask_local(a, a->m->dst == DST_LOCAL, ret);
}

/* The other fields are not what an accept rule tells packets apart by. */
static int (*const asks[FIELD_MAX_])(const struct asked *a, enum fit *ret) = {
	[FIELD_NFPROTO] = ask_family,
	[FIELD_L4PROTO] = ask_protocol,
	[FIELD_SADDR] = ask_saddr,
	[FIELD_DADDR] = ask_daddr,
	[FIELD_SPORT] = ask_sport,
	[FIELD_DPORT] = ask_dport,
	[FIELD_IIF] = ask_iif,
	[FIELD_OIF] = ask_oif,
	[FIELD_TCP_FLAGS] = ask_flags,
	[FIELD_ICMP_TYPE] = ask_icmp_type,
	[FIELD_FRAGMENT] = ask_fragment,
	[FIELD_SADDR_TYPE] = ask_saddr_type,
	[FIELD_DADDR_TYPE] = ask_daddr_type,
};

/*
 * One term's share. A set that has a name may have other members tomorrow:
 * nothing is built on those of today.
 */
static int ask(const struct foreign *f, const struct term *t, uint32_t from,
	       uint32_t n, const struct lot *lot, struct match *m,
	       enum fit *ret)
{
	const struct key_set *set = &f->sets[t->set];
	const struct values values = {
		.v = n ? &f->ranges[set->first + from] : NULL, .n = n,
		.negated = t->negated,
	};
	const struct asked a = { t, lot, &values, m };

	*ret = FIT_UNSURE;
	if (t->family && t->family != nfproto_of(lot)) {
		*ret = FIT_NONE;
		return 0;
	}
	if (t->n_fields > 1 || t->either || !set->known || set->name ||
	    !asks[t->field[0]])
		return 0;
	return asks[t->field[0]](&a, ret);
}

static bool has_state(const struct foreign *f, const struct term *t,
		      uint32_t from, uint32_t n, uint32_t state)
{
	const struct key_set *set = &f->sets[t->set];
	uint32_t be = htonl(state), key[TERM_KEY_MAX / 4] = { 0 };
	bool in = false;

	if (t->masked) {
		uint32_t mask;

		memcpy(&mask, t->mask, sizeof(mask));
		be &= mask;
	}
	key[0] = be;
	for (uint32_t i = 0; !in && i < n; i++) {
		const struct key_range *r = &f->ranges[set->first + from + i];

		in = memcmp(key, r->first, 4) >= 0 &&
		     memcmp(key, r->last, 4) <= 0;
	}
	return in != t->negated;
}

static const struct term *map_of(const struct foreign *f, uint32_t rule)
{
	return foreign_find_term(f, &f->rules[rule], TERM_VMAP);
}

/* Ranges of the map, each a branch. */
static uint32_t mapped(const struct foreign *f, const struct term *map)
{
	const struct key_set *set = &f->sets[map->set];

	return set->known && set->n_fields == 1 ? set->n : 0;
}

const struct key_set *fit_named_map(const struct foreign *f, uint32_t rule)
{
	const struct term *map = map_of(f, rule);

	return map && f->sets[map->set].name && !term_is_state(map) ?
		       &f->sets[map->set] : NULL;
}

uint32_t fit_branches(const struct foreign *f, uint32_t rule)
{
	const struct term *map = map_of(f, rule);
	const struct key_set *set = map ? &f->sets[map->set] : NULL;

	if (!set || !set->known || set->n_fields > 1)
		return 1;
	return set->n + (fit_named_map(f, rule) ? 1 : 0);
}

static bool is_whole_map(const struct foreign *f, uint32_t rule,
			 uint32_t branch)
{
	return fit_named_map(f, rule) && branch >= mapped(f, map_of(f, rule));
}

static enum fit fit_and(enum fit a, enum fit b)
{
	if (a == FIT_NONE || b == FIT_NONE)
		return FIT_NONE;
	if (a == FIT_UNSURE || b == FIT_UNSURE)
		return FIT_UNSURE;
	return a == FIT_PART ? a : b;
}

/* What the term leaves of the lot; of what it cannot tell, its words may. */
static void take_unsure(const struct foreign *f, uint32_t rule,
			const struct term *t, enum fit one, bool whole,
			struct fitting *x)
{
	size_t n = (size_t)(t - f->terms) - f->rules[rule].terms;

	x->fit = fit_and(x->fit, one);
	if (one == FIT_UNSURE && n < 64 && echo_can(f, rule, t) && whole)
		x->echoed |= UINT64_C(1) << n;
	else
		x->rest = fit_and(x->rest, one);
}

/* Beside other fields, which a set with a name may list with any state. */
static bool asks_state(const struct term *t)
{
	bool found = false;

	for (size_t i = 0; t->n_fields > 1 && i < t->n_fields; i++)
		found |= t->field[i] == FIELD_STATE;
	return found;
}

/* The branch's ranges of a map, all of any other term. */
static int take_term(const struct foreign *f, uint32_t rule,
		     const struct term *t, uint32_t branch,
		     const struct lot *lot, struct fitting *x)
{
	const struct key_set *set = &f->sets[t->set];
	uint32_t from = t->kind == TERM_VMAP ? branch : 0;
	enum fit one;
	uint32_t n;
	int err;

	/* What is not understood has no set, and there may be none at all. */
	if (t->kind == TERM_OPAQUE ||
	    (t->kind == TERM_VMAP && x->whole_map)) {
		x->plain = false;
		x->untracked &= t->kind == TERM_OPAQUE || !asks_state(t);
		take_unsure(f, rule, t, FIT_UNSURE, true, x);
		return 0;
	}
	n = t->kind == TERM_VMAP ? 1 : set->n;
	if (term_is_state(t) && set->known) {
		x->tracked &= has_state(f, t, from, n, lot->tracked);
		x->untracked &= has_state(f, t, from, n, lot->untracked);
		return 0;
	}
	/* any state but that of nobody's packets yet */
	if (set->name && asks_state(t))
		x->untracked = false;
	err = ask(f, t, from, n, lot, &x->match, &one);
	x->plain &= term_is_plain(t);
	take_unsure(f, rule, t, one, t->kind != TERM_VMAP, x);
	return err;
}

static void take_map(const struct foreign *f, const struct term *t,
		     uint32_t branch, struct fitting *x)
{
	const struct key_set *set = &f->sets[t->set];

	x->plain &= term_is_state(t);
	if (branch < mapped(f, t))
		x->verdict = f->outcomes[set->outcome + branch];
	else
		x->verdict = (struct foreign_outcome){
			.verdict = FOREIGN_TARGET };
}

static int take_terms(const struct foreign *f, uint32_t rule, uint32_t branch,
		      const struct lot *lot, struct fitting *x)
{
	const struct foreign_rule *r = &f->rules[rule];
	int err = 0;

	for (uint32_t i = 0; !err && i < r->n_terms && x->fit; i++) {
		const struct term *t = &f->terms[r->terms + i];

		if (t->kind == TERM_VMAP)
			take_map(f, t, branch, x);
		if (t->kind == TERM_MATCH || t->kind == TERM_VMAP ||
		    t->kind == TERM_OPAQUE)
			err = take_term(f, rule, t, branch, lot, x);
	}
	return err;
}

int fit_branch(const struct foreign *f, uint32_t rule, uint32_t branch,
	       const struct lot *lot, struct fitting *ret)
{
	const struct foreign_rule *r = &f->rules[rule];
	struct fitting x = {
		.fit = FIT_ALL, .tracked = true, .untracked = true,
		.rest = FIT_ALL, .plain = true,
		.verdict = { r->verdict, r->target },
		.whole_map = is_whole_map(f, rule, branch),
	};
	int err = 0;

	if (fit_misses(f, r, &lot->rule.match))
		x.fit = FIT_NONE;
	else if (!lot->precise && fit_picks_one(f, r, &lot->rule.match))
		x.fit = x.rest = FIT_UNSURE;
	else
		err = match_copy(&lot->rule.match, &x.match);
	if (!err && x.fit == FIT_ALL)
		err = take_terms(f, rule, branch, lot, &x);
	if (err) {
		fitting_release(&x);
		return err;
	}
	*ret = x;
	return 0;
}

void fitting_release(struct fitting *x)
{
	match_release(&x->match);
}
