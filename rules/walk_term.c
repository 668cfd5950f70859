/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules/walk_term.c: does what a rule asks hold for the packet? */
#include <arpa/inet.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "core/mem.h"
#include "rules/walk_parts.h"

#define CT_TRACKED (NF_CT_STATE_BIT(IP_CT_NEW) |			\
		    NF_CT_STATE_BIT(IP_CT_ESTABLISHED) |		\
		    NF_CT_STATE_BIT(IP_CT_RELATED))

static struct packet_value of_bits(uint32_t v, uint32_t known)
{
	struct packet_value r = { .there = TRUTH_YES };
	uint32_t be_v = htonl(v), be_known = htonl(known);

	memcpy(r.v, &be_v, sizeof(be_v));
	memcpy(r.known, &be_known, sizeof(be_known));
	return r;
}

/* In raw, a template reads as a new connection. */
static uint8_t states_seen(uint8_t ct)
{
	return ct & CT_TEMPLATE ?
		       (uint8_t)((ct & ~CT_TEMPLATE) |
				 NF_CT_STATE_BIT(IP_CT_NEW)) : ct;
}

/* Of several possible states, the bits that none of them has are known. */
static struct packet_value state_value(const struct walk_state *s)
{
	uint8_t ct = states_seen(s->ct);

	return ct & (ct - 1) ? of_bits(0, ~(uint32_t)ct) :
			       of_bits(ct, UINT32_MAX);
}

static bool hook_has(uint8_t hook, enum packet_path path, enum packet_field x)
{
	if (x == FIELD_IIF)
		return hook == NF_INET_PRE_ROUTING ||
		       hook == NF_INET_LOCAL_IN || hook == NF_INET_FORWARD ||
		       (hook == NF_INET_POST_ROUTING &&
			path == PATH_FORWARDED);
	return hook == NF_INET_LOCAL_OUT || hook == NF_INET_FORWARD ||
	       hook == NF_INET_POST_ROUTING;
}

static struct packet_value iface_value(const struct walking *x,
				       enum packet_field field)
{
	struct packet_value none = { .there = TRUTH_YES };

	if (hook_has(x->hook, x->p->path, field))
		return x->p->field[field];
	memset(none.known, 0xff, sizeof(none.known));
	return none;
}

enum truth walk_has_entry(uint8_t ct)
{
	if (!(ct & (CT_TRACKED | CT_TEMPLATE)))
		return TRUTH_NO;
	return ct & ~CT_TRACKED ? TRUTH_MAYBE : TRUTH_YES;
}

struct packet_value walk_value(const struct walking *x,
			       const struct walk_state *s,
			       enum packet_field field)
{
	struct packet_value v = x->p->field[field];

	if (field == FIELD_STATE)
		return state_value(s);
	if (field == FIELD_MARK)
		return of_bits(s->mark, s->mark_known);
	if (field == FIELD_CTMARK)
		v = of_bits(s->ctmark, s->ctmark_known);
	if (field == FIELD_CTMARK || field == FIELD_STATUS)
		v.there = walk_has_entry(s->ct);
	else if (field == FIELD_IIF || field == FIELD_OIF)
		v = iface_value(x, field);
	if (s->lost >> field & 1)
		memset(v.known, 0, sizeof(v.known));
	return v;
}

/* Who sends is one host, as the type of the address says. */
static bool is_crowd(const struct lookup *l, const struct key_range *r)
{
	const struct packet_value *type = &l->x->p->field[FIELD_SADDR_TYPE];
	uint32_t unicast = htonl(RTN_UNICAST), local = htonl(RTN_LOCAL), known;

	memcpy(&known, type->known, sizeof(known));
	if (known != UINT32_MAX || l->lost >> FIELD_SADDR & 1 ||
	    (memcmp(type->v, &unicast, sizeof(unicast)) != 0 &&
	     memcmp(type->v, &local, sizeof(local)) != 0))
		return false;
	/* ff00::/8; 224.0.0.0/4 and all that is behind it */
	return r->first[0] >= (l->x->p->family == NFPROTO_IPV4 ? 224 : 255);
}

/* A packet of the network did not come in by "lo", one for it won't leave so. */
static bool is_ruled_out(const struct lookup *l, enum packet_field field,
			 const struct key_range *r)
{
	static const uint8_t lo[TERM_KEY_MAX] = "lo";

	if (field == FIELD_SADDR)
		return is_crowd(l, r);
	return (field == FIELD_IIF || field == FIELD_OIF) &&
	       !(l->lost >> field & 1) && l->x->p->path != PATH_LOOPBACK &&
	       !memcmp(r->first, lo, sizeof(lo)) &&
	       !memcmp(r->last, lo, sizeof(lo));
}

static bool is_unknown(const struct packet_value *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (v->known[i])
			return false;
	return true;
}

static bool is_whole(const struct key_range *r, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (r->first[i] || r->last[i] != 0xff)
			return false;
	return true;
}

/*
 * The key lies between what it is with all unknown bits cleared, and with all
 * of them set.
 */
static enum truth in_bounds(const struct packet_value *v, const uint8_t *mask,
			   const struct key_range *r, size_t n)
{
	uint8_t low[TERM_KEY_MAX], high[TERM_KEY_MAX];
	bool differs = false, single = !memcmp(r->first, r->last, n);

	for (size_t i = 0; i < n; i++) {
		uint8_t m = mask ? mask[i] : 0xff;

		low[i] = v->v[i] & v->known[i] & m;
		high[i] = low[i] | (m & (uint8_t)~v->known[i]);
		differs |= ((low[i] ^ r->first[i]) & (v->known[i] | ~m)) != 0;
	}
	if (memcmp(high, r->first, n) < 0 || memcmp(low, r->last, n) > 0 ||
	    (single && differs))
		return TRUTH_NO;
	return memcmp(low, r->first, n) >= 0 && memcmp(high, r->last, n) <= 0 ?
		       TRUTH_YES : TRUTH_MAYBE;
}

size_t walk_width(const struct walking *x, enum packet_field field)
{
	if ((field == FIELD_SADDR || field == FIELD_DADDR) &&
	    x->p->family == NFPROTO_IPV4)
		return 4;
	return packet_field_bytes(field);
}

static bool is_all_known(const struct packet_value *v, const uint8_t *mask,
			 size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((uint8_t)~v->known[i] & (mask ? mask[i] : 0xff))
			return false;
	return true;
}

void lookup_begin(struct lookup *l, const struct walking *x,
		  const struct term *t, const struct walk_state *s)
{
	/* of the values only those that the term has: this is asked a lot */
	l->x = x;
	l->t = t;
	l->set = &x->w->f->sets[t->set];
	l->lost = s->lost;
	l->at = 0;
	for (size_t i = 0; i < t->n_fields; i++)
		l->v[i] = walk_value(x, s, t->field[i]);
	l->exact = t->n_fields == 1 &&
		   is_all_known(&l->v[0], t->masked ? t->mask : NULL,
				walk_width(x, t->field[0]));
}

enum truth lookup_has_fields(const struct lookup *l)
{
	enum truth all = TRUTH_YES;

	if (l->t->family && l->t->family != l->x->p->family)
		return TRUTH_NO;
	for (size_t i = 0; i < l->t->n_fields; i++)
		all = truth_and(all, l->v[i].there);
	return all;
}

/* Most keys are known, or not at all. */
static enum truth in_range(const struct lookup *l, size_t i,
			   const struct key_range *r, size_t n)
{
	const struct packet_value *v = &l->v[i];

	if (l->t->masked)
		return in_bounds(v, l->t->mask, r, n);
	if (l->exact)
		return memcmp(v->v, r->first, n) < 0 ||
		       memcmp(v->v, r->last, n) > 0 ? TRUTH_NO : TRUTH_YES;
	if (is_unknown(v, n))
		return is_whole(r, n) ? TRUTH_YES : TRUTH_MAYBE;
	return in_bounds(v, NULL, r, n);
}

static enum truth field_in(const struct lookup *l, size_t i,
			   const struct key_range *r)
{
	const struct term *t = l->t;
	enum packet_field field = t->field[i];
	size_t n = walk_width(l->x, field);
	enum truth in = in_range(l, i, r, n);

	return in == TRUTH_MAYBE && is_ruled_out(l, field, r) ? TRUTH_NO : in;
}

/* All fields in their own range; of alternatives, one of them in the only. */
static enum truth key_in(const struct lookup *l, uint32_t i)
{
	const struct key_range *r = &l->x->w->f->ranges[l->set->first +
							i * l->set->n_fields];
	enum truth any = TRUTH_NO, all = TRUTH_YES;

	for (size_t k = 0; k < l->t->n_fields; k++) {
		if (l->t->either)
			any = truth_or(any, field_in(l, k, r));
		else
			all = truth_and(all, field_in(l, k, r + k));
	}
	return l->t->either ? any : all;
}

/* The exact key, masked, with zeroes behind. */
static void exact_key(const struct lookup *l, uint8_t ret[TERM_KEY_MAX])
{
	size_t n = walk_width(l->x, l->t->field[0]);

	memset(ret, 0, TERM_KEY_MAX);
	for (size_t i = 0; i < n; i++)
		ret[i] = l->v[0].v[i] &
			 (l->t->masked ? l->t->mask[i] : 0xff);
}

enum truth lookup_next(struct lookup *l, uint32_t *ret_range)
{
	uint8_t key[TERM_KEY_MAX];

	if (!l->at && l->exact && l->x->w->sets[l->t->set].at) {
		l->at = l->set->n;
		exact_key(l, key);
		return walk_index_find(l->x->w, l->t->set, key, ret_range) ?
			       TRUTH_YES : TRUTH_NO;
	}
	while (l->at < l->set->n) {
		enum truth in = key_in(l, l->at++);

		if (in != TRUTH_NO) {
			*ret_range = l->at - 1;
			return in;
		}
	}
	return TRUTH_NO;
}

static enum truth is_in_set(struct lookup *l)
{
	enum truth found = TRUTH_NO, in;
	uint32_t range;

	if (!l->set->known)
		return TRUTH_MAYBE;
	while (found != TRUTH_YES &&
	       (in = lookup_next(l, &range)) != TRUTH_NO)
		found = in;
	return found;
}

static enum truth holds(const struct walking *x, const struct term *t,
			const struct walk_state *s)
{
	struct lookup l;
	enum truth there, found;

	lookup_begin(&l, x, t, s);
	there = lookup_has_fields(&l);
	found = there == TRUTH_NO ? TRUTH_NO : is_in_set(&l);
	if (t->lax)
		found = truth_and(there, found);
	if (t->negated)
		found = truth_not(found);
	return t->lax ? found : truth_and(there, found);
}

static enum truth is_rewritten(const struct walking *x,
			       const struct walk_state *s, uint32_t bit)
{
	struct packet_value v = walk_value(x, s, FIELD_STATUS);
	uint32_t be_bit = htonl(bit), value, known;

	memcpy(&value, v.v, sizeof(value));
	memcpy(&known, v.known, sizeof(known));
	return truth_and(v.there, !(known & be_bit) ? TRUTH_MAYBE :
				  value & be_bit ? TRUTH_YES : TRUTH_NO);
}

/* Does the list name DNAT or SNAT, and is the connection of that kind? */
static enum truth nat_is_listed(const struct walking *x, const struct term *t,
				const struct walk_state *s)
{
	static const struct { uint32_t listed, status; } nat[] = {
		{ STATE_LISTS_SNAT, IPS_SRC_NAT },
		{ STATE_LISTS_DNAT, IPS_DST_NAT },
	};
	const struct key_set *set = &x->w->f->sets[t->set];
	enum truth any = TRUTH_NO;

	if (t->masked || !set->known || walk_has_entry(s->ct) == TRUTH_NO)
		return TRUTH_NO;
	for (uint32_t i = 0; i < set->n; i++) {
		const struct key_range *r = &x->w->f->ranges[set->first + i];

		for (size_t k = 0; k < ARRAY_SIZE(nat); k++) {
			uint32_t be = htonl(nat[k].listed);

			if (!memcmp(r->first, &be, sizeof(be)))
				any = truth_or(any, is_rewritten(
							x, s, nat[k].status));
		}
	}
	return any;
}

static enum truth has_state(const struct walking *x, const struct term *t,
			    const struct walk_state *s)
{
	enum truth in = holds(x, t, s), nat = nat_is_listed(x, t, s);

	return t->negated ? truth_and(in, truth_not(nat)) : truth_or(in, nat);
}

/* Each state that the packet may have passes, or does not. */
static enum truth match_state(const struct walking *x, const struct term *t,
			      const struct walk_state *s,
			      struct walk_state *ret_yes,
			      struct walk_state *ret_no)
{
	bool unsure = false;

	*ret_yes = *s;
	*ret_no = *s;
	for (unsigned int bit = 1; bit <= CT_TEMPLATE; bit <<= 1) {
		struct walk_state one = *s;
		enum truth in;

		one.ct = (uint8_t)bit;
		if (!(s->ct & bit))
			continue;
		in = has_state(x, t, &one);
		unsure |= in == TRUTH_MAYBE;
		if (in == TRUTH_YES)
			ret_no->ct &= (uint8_t)~bit;
		if (in == TRUTH_NO)
			ret_yes->ct &= (uint8_t)~bit;
	}
	if (unsure || (ret_yes->ct && ret_no->ct))
		return TRUTH_MAYBE;
	return ret_yes->ct ? TRUTH_YES : TRUTH_NO;
}

enum truth walk_match(const struct walking *x, const struct term *t,
		      const struct walk_state *s, struct walk_state *ret_yes,
		      struct walk_state *ret_no)
{
	if (t->kind == TERM_MATCH && t->n_fields == 1 &&
	    t->field[0] == FIELD_STATE)
		return match_state(x, t, s, ret_yes, ret_no);
	*ret_yes = *s;
	*ret_no = *s;
	return t->kind == TERM_OPAQUE ? TRUTH_MAYBE : holds(x, t, s);
}
