/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/nft/nft_live_term.c: tests of registers, as terms. */
#include <string.h>

#include "backends/nft/nft_live.h"
#include "backends/nft/nft_term.h"
#include "core/intern.h"
#include "core/mem.h"

/* A term that is being made, and what is known of a packet that passes it. */
struct test {
	struct live_rule *r;
	const struct live_key *k;
	struct term t;
	bool unsure;			/* what it looks up is not known */
	bool maps;
	bool all_ports;			/* the packet may have no ports */
	uint64_t protos[4];
	uint8_t low, high;		/* families */
};

int nft_live_opaque(struct live_rule *r, const char *name)
{
	struct term t = { .kind = TERM_OPAQUE, .name = intern(name) };

	int err = t.name ? 0 : -ENOMEM;

	if (!err && nft_needs_entry(name))
		err = nft_live_require_ctmark(r);
	return err || !r->f->wants_terms ? err : foreign_add_term(r->f, &t);
}

static bool some_have_ports(const struct live_rule *r, bool *ret_all)
{
	static const uint8_t v[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_DCCP,
				     IPPROTO_SCTP, IPPROTO_UDPLITE };
	uint64_t rest[4];
	bool some = false;

	memcpy(rest, r->protos, sizeof(rest));
	for (size_t i = 0; i < sizeof(v); i++) {
		uint64_t bit = UINT64_C(1) << v[i] % 64;

		some |= (rest[v[i] / 64] & bit) != 0;
		rest[v[i] / 64] &= ~bit;
	}
	*ret_all = !(rest[0] | rest[1] | rest[2] | rest[3]);
	return some;
}

bool nft_live_has_field(const struct live_key *k, enum packet_field x)
{
	for (unsigned int i = 0; i < k->n; i++)
		if (k->part[i].field->field == x)
			return true;
	return false;
}

static bool has_ports(const struct live_key *k)
{
	for (unsigned int i = 0; i < k->n; i++)
		if (k->part[i].field->proto == LIVE_PORTS)
			return true;
	return false;
}

/*
 * NULL: it can be a term. Of a protocol without ports, nft reads other bytes
 * as ports: only that it meets one value by chance is left out.
 */
static const char *why_not(struct test *t)
{
	const struct live_key *k = t->k;
	bool all = true;

	if (k->opaque)
		return k->opaque;
	if (t->t.n_fields > TERM_FIELDS_MAX)
		return "concatenation";
	for (unsigned int i = 0; i < k->n; i++) {
		if (k->part[i].field->as == LIVE_AS_FRAGMENT6)
			return k->part[i].field->words;
		if (k->n > 1 && k->part[i].shape == LIVE_MASKED)
			return k->part[i].field->words;
	}
	if (!has_ports(k) || nft_live_has_field(k, FIELD_L4PROTO))
		return NULL;
	if (!some_have_ports(t->r, &all) || (!all && t->t.negated))
		return "th";
	t->all_ports = !all;
	return NULL;
}

/* Masked, turned over, or the number of an interface for its name. */
static bool is_reshaped(const struct live_part *p)
{
	for (unsigned int i = 0; i < p->field->width; i++)
		if (p->flip[i])
			return true;
	return p->shape != LIVE_WHOLE || p->field->as == LIVE_AS_IFNAME;
}

static void add_fields(struct test *t)
{
	for (unsigned int i = 0; i < t->k->n; i++) {
		const struct live_part *p = &t->k->part[i];

		if (t->t.n_fields + 2 > TERM_FIELDS_MAX) {
			t->t.n_fields = TERM_FIELDS_MAX + 1;
			return;
		}
		t->t.field[t->t.n_fields++] = p->field->field;
		if (p->field->as == LIVE_AS_PROTO)
			t->t.field[t->t.n_fields++] = FIELD_FRAGMENT;
		if (p->field->field == FIELD_SADDR ||
		    p->field->field == FIELD_DADDR)
			t->t.family = p->field->family;
		t->t.reshaped |= is_reshaped(p);
		if (p->shape == LIVE_MASKED && p->field->as == LIVE_AS_IS) {
			t->t.masked = true;
			memcpy(t->t.mask, p->mask, sizeof(t->t.mask));
		}
	}
	if (!t->k->n)
		t->t.field[t->t.n_fields++] = FIELD_NFPROTO;
}

static int begin(struct test *t, struct live_rule *r, const struct live_key *k,
		 const struct live_set *set, bool negated, bool maps)
{
	bool named = set && !nft_live_set_is_anonymous(set);
	int err;

	*t = (struct test){
		.r = r, .k = k, .maps = maps, .low = UINT8_MAX,
		.t = { .kind = maps ? TERM_VMAP : TERM_MATCH,
		       .negated = negated },
	};
	add_fields(t);
	if (why_not(t) || !r->f->wants_terms)
		return 0;
	err = foreign_begin_set(r->f, named ? set->name : NULL, t->t.n_fields,
				maps, &t->t.set);
	if (!err && named)
		r->f->sets[t->t.set].table = set->table;
	return err;
}

/* What a packet must be, to be in the range. */
static void learn(struct test *t, const struct live_part *p,
		  const struct key_range *v)
{
	if (p->field->field == FIELD_L4PROTO)
		for (unsigned int i = v->first[0]; i <= v->last[0]; i++)
			t->protos[i / 64] |= UINT64_C(1) << i % 64;
	if (p->field->field != FIELD_NFPROTO)
		return;
	if (v->first[0] < t->low)
		t->low = v->first[0];
	if (v->last[0] > t->high)
		t->high = v->last[0];
}

static enum live_fit fit_fixed(const struct live_key *k, const uint8_t *first,
			       const uint8_t *last)
{
	for (unsigned int i = 0; i < k->n_fixed; i++) {
		uint8_t at = k->fixed[i].pos, value = k->fixed[i].value;

		if (first[at] != last[at])
			return LIVE_UNSURE;
		if (first[at] != value)
			return LIVE_NEVER;
	}
	return LIVE_FITS;
}

static enum live_fit fit_all(struct test *t, const uint8_t *first,
			     const uint8_t *last, struct key_range *v)
{
	enum live_fit fit = fit_fixed(t->k, first, last);
	unsigned int n = 0;

	for (unsigned int i = 0; fit == LIVE_FITS && i < t->k->n; i++) {
		const struct live_part *p = &t->k->part[i];

		fit = nft_live_range(p, first, last, &v[n]);
		if (fit == LIVE_FITS && t->all_ports &&
		    memcmp(v[n].first, v[n].last, sizeof(v[n].first)))
			fit = LIVE_UNSURE;
		if (fit == LIVE_FITS)
			fit = nft_live_convert(p, &v[n]);
		if (fit == LIVE_FITS)
			learn(t, p, &v[n]);
		n++;
		if (p->field->as == LIVE_AS_PROTO)
			v[n++] = (struct key_range){ 0 };	/* whole */
	}
	return fit;
}

/* What the map says of the key; NULL: it is no map to such things. */
struct says {
	const struct foreign_outcome *to;
	const struct foreign_answer *answer;
};

static int add_key(struct test *t, const struct key_range *v,
		   const struct says *s)
{
	int err = foreign_add_key(t->r->f, v, t->maps ? s->to : NULL);

	return err || !s->answer ? err :
				   foreign_add_answer(t->r->f, s->answer);
}

static int add(struct test *t, const uint8_t *first, const uint8_t *last,
	       const struct says *s)
{
	struct key_range v[TERM_FIELDS_MAX + 1] = { 0 };
	enum live_fit fit;

	if (why_not(t))
		return 0;
	fit = fit_all(t, first, last, v);
	t->unsure |= fit == LIVE_UNSURE;
	if (fit == LIVE_UNSURE && (t->maps || s->answer)) {
		/* what it says is one of what is possible */
		memset(v, 0, sizeof(v));
		fit = LIVE_FITS;
	}
	if (fit != LIVE_FITS || !t->r->f->wants_terms)
		return 0;
	return add_key(t, v, s);
}

static int add_rest(struct test *t, const struct says *s)
{
	struct key_range v[TERM_FIELDS_MAX];

	memset(t->protos, 0xff, sizeof(t->protos));
	t->low = 0;
	t->high = UINT8_MAX;
	if (why_not(t) || !t->r->f->wants_terms)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		memset(v[i].first, 0, sizeof(v[i].first));
		memset(v[i].last, 0, sizeof(v[i].last));
		if (i < t->t.n_fields)
			memset(v[i].last, 0xff,
			       packet_field_bytes(t->t.field[i]));
	}
	return add_key(t, v, s);
}

static void apply(const struct test *t)
{
	struct live_rule *r = t->r;

	if (t->t.negated || t->maps || t->unsure)
		return;
	if (nft_live_has_field(t->k, FIELD_L4PROTO))
		for (unsigned int i = 0; i < 4; i++)
			r->protos[i] &= t->protos[i];
	if (nft_live_has_field(t->k, FIELD_NFPROTO) && t->low == t->high)
		r->family = t->low;
}

/* A verdict map that is not understood: any of its verdicts, or none. */
static int end_opaque_map(struct test *t, const struct live_set *set)
{
	const char *name = nft_live_set_is_anonymous(set) ? NULL : set->name;
	struct key_range v = { 0 };
	int err;

	t->t.n_fields = 1;
	t->t.field[0] = FIELD_NFPROTO;
	t->t.masked = t->t.negated = false;
	t->t.family = 0;
	if (!t->r->f->wants_terms)
		return 0;
	err = foreign_begin_set(t->r->f, name, 1, true, &t->t.set);
	for (size_t i = 0; !err && set->to && i < set->n; i++)
		err = foreign_add_key(t->r->f, &v, &set->to[i]);
	if (!err && set->rest)
		err = foreign_add_key(t->r->f, &v, &set->rest_to);
	if (err)
		return err;
	t->r->f->sets[t->t.set].known = false;
	t->r->f->sets[t->t.set].table = set->table;
	return foreign_add_term(t->r->f, &t->t);
}

static int end(struct test *t)
{
	const char *why = why_not(t);

	if (why)
		return nft_live_opaque(t->r, why);
	apply(t);
	if (!t->r->f->wants_terms)
		return 0;
	t->r->f->sets[t->t.set].known = !t->unsure;
	return foreign_add_term(t->r->f, &t->t);
}

/* One of the states in the mask, or none of them: one range for each. */
static int compare_states(struct live_rule *r, const struct live_key *k,
			  bool negated)
{
	struct live_key whole = *k;
	struct test t;
	int err;

	memset(whole.part[0].mask, 0xff, sizeof(uint32_t));
	memset(whole.part[0].flip, 0, sizeof(uint32_t));
	whole.part[0].shape = LIVE_WHOLE;
	err = begin(&t, r, &whole, NULL, negated, false);
	for (unsigned int i = 0; !err && i < 32; i++) {
		uint8_t v[sizeof(uint32_t)] = { 0 };

		if (!(k->part[0].mask[i / 8] & 1u << i % 8))
			continue;
		v[whole.part[0].pos[i / 8] - 1] = (uint8_t)(1u << i % 8);
		err = add(&t, v, v, &(struct says){ NULL, NULL });
	}
	return err ? err : end(&t);
}

static bool is_zero(const struct live_part *p, const struct live_cmp *c)
{
	uint8_t any = 0;

	for (unsigned int i = 0; i < p->field->width; i++)
		any |= (uint8_t)(p->flip[i] | (p->pos[i] ?
			c->first[p->pos[i] - 1] | c->last[p->pos[i] - 1] : 0));
	return !any;
}

static int compare_one(struct live_rule *r, const struct live_key *k,
		       const struct live_cmp *c)
{
	static const uint8_t tail[] = { 1 };
	const struct live_part *p = &k->part[0];
	struct term t = { .kind = TERM_MATCH, .n_fields = 1,
			  .field = { FIELD_FRAGMENT } };
	struct key_range v = { { tail[0] }, { tail[0] } };
	struct test test;
	int err;

	if (k->n == 1 && p->field->field == FIELD_STATE && !k->n_fixed &&
	    p->shape != LIVE_WHOLE && is_zero(p, c) && k->len == 4)
		return compare_states(r, k, !c->negated);
	if (k->n == 1 && p->field->as == LIVE_AS_FRAGMENT6 && c->negated &&
	    is_zero(p, c)) {
		if (!r->f->wants_terms)
			return 0;
		err = foreign_begin_set(r->f, NULL, 1, false, &t.set);
		if (!err)
			err = foreign_add_key(r->f, &v, NULL);
		return err ? err : foreign_add_term(r->f, &t);
	}
	err = begin(&test, r, k, NULL, c->negated, false);
	if (!err)
		err = add(&test, c->first, c->last,
			  &(struct says){ NULL, NULL });
	return err ? err : end(&test);
}

/* Several fields at once are that many tests. */
int nft_live_compare(struct live_rule *r, const struct live_key *k,
		     const struct live_cmp *c)
{
	struct live_key one;
	int err = 0;

	if (k->opaque || k->n < 2 || c->negated)
		return compare_one(r, k, c);
	for (unsigned int i = 0; !err && i < k->n; i++) {
		one = *k;
		one.n = 1;
		one.part[0] = k->part[i];
		if (i)
			one.n_fixed = 0;
		err = compare_one(r, &one, c);
	}
	return err;
}

/* Which of the rule's loads they come from does not matter. */
static bool same_part(const struct live_part *a, const struct live_part *b)
{
	return a->field == b->field &&
	       !memcmp(a->pos, b->pos, sizeof(a->pos)) &&
	       !memcmp(a->mask, b->mask, sizeof(a->mask)) &&
	       !memcmp(a->flip, b->flip, sizeof(a->flip));
}

static bool same_key(const struct live_key *a, const struct live_key *b)
{
	if (a->n != b->n || a->len != b->len || a->n_fixed != b->n_fixed)
		return false;
	for (unsigned int i = 0; i < a->n_fixed; i++)
		if (a->fixed[i].pos != b->fixed[i].pos ||
		    a->fixed[i].value != b->fixed[i].value)
			return false;
	for (unsigned int i = 0; i < a->n; i++)
		if (!same_part(&a->part[i], &b->part[i]))
			return false;
	return true;
}

/* Was the set read in the same way for an earlier rule? */
static bool is_cached(const struct live_set *set, const struct test *t)
{
	return set->as && !t->all_ports && same_key(set->as, t->k);
}

static int cache(struct live_set *set, const struct test *t)
{
	if (t->all_ports || nft_live_set_is_anonymous(set) ||
	    !t->r->f->wants_terms)
		return 0;
	if (!set->as)
		set->as = malloc(sizeof(*set->as));
	if (!set->as)
		return -ENOMEM;
	memcpy(set->as, t->k, sizeof(*set->as));
	set->key_set = t->t.set;
	return 0;
}

/* A range of the set is one of the key only where its fields are the key's. */
static bool suits(const struct live_set *set, const struct live_part *p)
{
	unsigned int at = 0, loaded = 0;

	for (unsigned int i = 0; i < p->field->width; i++)
		loaded += p->pos[i] != 0;
	if (!set->n_parts)
		return p->pos[0] == 1 && loaded == set->key_len;
	for (unsigned int i = 0; i < set->n_parts; i++) {
		if (p->pos[0] == at + 1 && loaded == set->part_len[i])
			return true;
		at += (set->part_len[i] + 3u) & ~3u;
	}
	return false;
}

static bool ranges_suit(const struct live_set *set, const struct live_key *k)
{
	if (!(set->flags & NFT_SET_INTERVAL))
		return true;
	for (unsigned int i = 0; i < k->n; i++)
		if (!suits(set, &k->part[i]))
			return false;
	return true;
}

static int fill(struct test *t, const struct live_set *set)
{
	size_t len = set->key_len;
	int err = 0;

	t->unsure = set->unsure || !ranges_suit(set, t->k);
	for (size_t i = 0; !err && i < set->n; i++)
		err = add(t, set->keys + i * 2 * len,
			  set->keys + (i * 2 + 1) * len,
			  &(struct says){ set->to ? &set->to[i] : NULL,
					  set->answers ? &set->answers[i] :
							 NULL });
	return !err && set->rest ?
		       add_rest(t, &(struct says){
				&set->rest_to,
				nft_live_has_answers(set) ?
					&set->rest_answer : NULL }) : err;
}

int nft_live_lookup(struct live_rule *r, const struct live_key *k,
		    struct live_set *set, bool negated, bool verdicts)
{
	struct test t = { .r = r, .k = k, .maps = verdicts,
			  .t.negated = negated,
			  .t.kind = verdicts ? TERM_VMAP : TERM_MATCH };
	int err;

	add_fields(&t);
	if (why_not(&t))
		return verdicts ? end_opaque_map(&t, set) :
				  nft_live_opaque(r, why_not(&t));
	if (is_cached(set, &t)) {
		t.t.set = set->key_set;
		return foreign_add_term(r->f, &t.t);
	}
	err = begin(&t, r, k, set, negated, verdicts);
	err = err ? err : fill(&t, set);
	err = err ? err : end(&t);
	return err ? err : cache(set, &t);
}
