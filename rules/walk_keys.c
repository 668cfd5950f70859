/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rules/walk_keys.c: the rules of a long chain by what they ask for, as in
 * lists of bans, so that a walk meets those that may hold, and no others.
 *
 * For each field that rules of the chain ask for, its values are cut where any
 * of their ranges begins or ends; each piece has the list of rules that hold
 * there. What asks for nothing there, or for too much, is open to all.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/inet.h"
#include "core/mem.h"
#include "rules/walk_parts.h"

#define KEYED_MIN 2		/* rules that ask for the field */
#define KEYED_SHARE 16		/* of so many, one has to */
#define RANGES_MAX 16		/* of one rule; iptables' multiport has 15 */
#define NARROW 16		/* pieces; a rule of no more always has them */
#define LISTED_MAX 8		/* entries for the others, for each rule */

static const enum packet_field fields[] = {
	FIELD_SADDR, FIELD_DADDR, FIELD_DPORT, FIELD_SPORT, FIELD_IIF,
	FIELD_OIF, FIELD_L4PROTO,
};
_Static_assert(ARRAY_SIZE(fields) == WALK_KEYS_MAX, "a sieve has room for all");

/* An index that is being made. */
struct making {
	const struct walker *w;
	const struct chain_rules *c;
	enum packet_field field;
	const struct term **term;	/* of each rule; NULL: open */
	size_t bytes;
	const struct key_range *last;	/* whose bounds are there */
	struct key_index *to;
	size_t cap;			/* of its pieces */
};

static bool is_address(enum packet_field field)
{
	return field == FIELD_SADDR || field == FIELD_DADDR;
}

/* The family that a term is about; 0: any. */
static uint8_t family_of(const struct foreign *f, const struct foreign_rule *r,
			 const struct term *t)
{
	uint8_t table = f->tables[f->chains[r->chain].table].family;

	if (t->family)
		return t->family;
	return table == NFPROTO_IPV4 || table == NFPROTO_IPV6 ? table : 0;
}

static size_t width_of(enum packet_field field, uint8_t family)
{
	return is_address(field) && family == NFPROTO_IPV4 ?
		       4 : packet_field_bytes(field);
}

/* A rule holds nowhere but in the few ranges of the term that is returned. */
static const struct term *key_of(const struct foreign *f, uint32_t rule,
				 enum packet_field field)
{
	const struct foreign_rule *r = &f->rules[rule];

	for (uint32_t i = 0; i < r->n_terms; i++) {
		const struct term *t = &f->terms[r->terms + i];

		if (t->kind == TERM_OPAQUE)
			continue;
		/* What changes a packet on the way must not be passed by. */
		if (t->kind != TERM_MATCH)
			return NULL;
		if (t->n_fields == 1 && t->field[0] == field && !t->masked &&
		    !t->negated && !t->either && !t->lax &&
		    f->sets[t->set].known &&
		    f->sets[t->set].n <= RANGES_MAX &&
		    f->sets[t->set].n_fields == 1 &&
		    (!is_address(field) || family_of(f, r, t)))
			return t;
	}
	return NULL;
}

static const struct foreign_rule *rule_at(const struct making *m, uint32_t i)
{
	return &m->w->f->rules[m->w->order[m->c->first + i]];
}

/* Of addresses, a rule of the other family never holds. */
static bool is_other(const struct making *m, uint32_t i)
{
	return m->to->family && m->term[i] &&
	       family_of(m->w->f, rule_at(m, i), m->term[i]) != m->to->family;
}

static const struct key_set *ranges_of(const struct making *m, uint32_t i,
				       const struct key_range **ret)
{
	const struct key_set *s = &m->w->f->sets[m->term[i]->set];

	*ret = &m->w->f->ranges[s->first];
	return s;
}

static int by_key(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(((struct key_piece *)0)->key));
}

static int add_bound(struct making *m, const uint8_t *key)
{
	struct key_index *to = m->to;

	if (mem_grow(&to->pieces, &m->cap, (size_t)to->n_pieces + 1))
		return -ENOMEM;
	to->pieces[to->n_pieces] = (struct key_piece){ .n = 0 };
	memcpy(to->pieces[to->n_pieces++].key, key, m->bytes);
	return 0;
}

/* Neighbours often ask for the same. */
static int add_bounds(struct making *m, uint32_t i)
{
	const struct key_range *v;
	const struct key_set *s = ranges_of(m, i, &v);
	uint8_t next[TERM_KEY_MAX];
	int err = 0;

	for (uint32_t k = 0; !err && k < s->n; k++) {
		if (m->last && !memcmp(m->last, &v[k], sizeof(*m->last)))
			continue;
		m->last = &v[k];
		err = add_bound(m, v[k].first);
		if (!err && key_next(v[k].last, m->bytes, next))
			err = add_bound(m, next);
	}
	return err;
}

static void shrink(struct key_index *to)
{
	struct key_piece *v = realloc(to->pieces,
				      to->n_pieces * sizeof(*to->pieces));

	if (v)
		to->pieces = v;
}

static int cut(struct making *m)
{
	static const uint8_t zero[TERM_KEY_MAX];
	struct key_index *to = m->to;
	uint32_t kept = 0;
	int err = add_bound(m, zero);

	for (uint32_t i = 0; !err && i < m->c->n; i++)
		if (m->term[i] && !is_other(m, i))
			err = add_bounds(m, i);
	if (err)
		return err;
	qsort(to->pieces, to->n_pieces, sizeof(*to->pieces), by_key);
	for (uint32_t i = 1; i < to->n_pieces; i++)
		if (by_key(&to->pieces[i], &to->pieces[kept]))
			to->pieces[++kept] = to->pieces[i];
	to->n_pieces = kept + 1;
	shrink(to);
	return 0;
}

/* The pieces that a range has: from the one returned on, *ret_n of them. */
static uint32_t pieces_of(const struct making *m, const struct key_range *r,
			  uint32_t *ret_n)
{
	uint8_t first[TERM_KEY_MAX] = { 0 }, last[TERM_KEY_MAX] = { 0 };
	uint32_t from;

	memcpy(first, r->first, m->bytes);
	memcpy(last, r->last, m->bytes);
	from = walk_keys_piece(m->to, first);
	*ret_n = memcmp(first, last, sizeof(first)) > 0 ?
			 0 : walk_keys_piece(m->to, last) - from + 1;
	return from;
}

static size_t span_of(const struct making *m, uint32_t i)
{
	const struct key_range *v;
	const struct key_set *s = ranges_of(m, i, &v);
	size_t sum = 0;
	uint32_t n;

	for (uint32_t k = 0; k < s->n; k++) {
		(void)pieces_of(m, &v[k], &n);
		sum += n;
	}
	return sum;
}

/* Of the wide ones, so many as there is room for; the rest is open. */
static uint32_t open_wide(struct making *m, uint32_t keyed)
{
	size_t room = (size_t)keyed * LISTED_MAX;
	uint32_t open = 0;

	for (uint32_t i = 0; i < m->c->n; i++) {
		size_t span = m->term[i] && !is_other(m, i) ? span_of(m, i) :
							      0;

		if (span > NARROW && span > room)
			m->term[i] = NULL;
		else if (span > NARROW)
			room -= span;
		open += !m->term[i];
	}
	return open;
}

/* Counts the rules of each piece at most, or lists them in `list`. */
static uint32_t spread_rule(struct making *m, uint32_t i)
{
	const struct key_range *v;
	const struct key_set *s = ranges_of(m, i, &v);
	uint32_t sum = 0, n;

	for (uint32_t k = 0; k < s->n; k++) {
		uint32_t at = pieces_of(m, &v[k], &n);

		for (struct key_piece *p = &m->to->pieces[at]; n--; p++) {
			uint32_t *list = m->to->list ?
					 m->to->list + p->first : NULL;

			/* ranges of one rule that overlap */
			if (list && p->n && list[p->n - 1] == i)
				continue;
			if (list)
				list[p->n] = i;
			p->n++;
			sum++;
		}
	}
	return sum;
}

static size_t spread(struct making *m)
{
	size_t sum = 0;

	for (uint32_t i = 0; i < m->c->n; i++)
		if (m->term[i] && !is_other(m, i))
			sum += spread_rule(m, i);
	return sum;
}

static int list_rules(struct making *m, uint32_t open)
{
	struct key_index *to = m->to;
	size_t n = spread(m);
	uint32_t at = 0, *list = calloc(n + 1, sizeof(*list));

	to->open = calloc((size_t)open + 1, sizeof(*to->open));
	if (!list || !to->open) {
		free(list);
		return -ENOMEM;
	}
	to->list = list;
	for (uint32_t k = 0; k < to->n_pieces; k++) {
		to->pieces[k].first = at;
		at += to->pieces[k].n;
		to->pieces[k].n = 0;
	}
	(void)spread(m);
	for (uint32_t i = 0; i < m->c->n; i++)
		if (!m->term[i])
			to->open[to->n_open++] = i;
	return 0;
}

static int add_index(struct making *m, struct chain_rules *c, uint8_t family,
		     uint32_t keyed)
{
	int err;

	if (mem_grow(&c->keys, &c->cap_keys, c->n_keys + 1))
		return -ENOMEM;
	m->to = &c->keys[c->n_keys++];
	*m->to = (struct key_index){ .field = (uint8_t)m->field,
				     .family = family };
	m->last = NULL;
	m->cap = 0;
	m->bytes = width_of(m->field, family);
	err = cut(m);
	return err ? err : list_rules(m, open_wide(m, keyed));
}

static uint32_t find_terms(struct making *m)
{
	uint32_t keyed = 0;

	for (uint32_t i = 0; i < m->c->n; i++) {
		m->term[i] = key_of(m->w->f, m->w->order[m->c->first + i],
				    m->field);
		keyed += !!m->term[i];
	}
	return keyed;
}

/* Addresses of each family that packets of the chain may have. */
static int index_field(struct making *m, struct chain_rules *c)
{
	static const uint8_t families[] = { NFPROTO_IPV4, NFPROTO_IPV6 };
	const struct foreign *f = m->w->f;
	uint8_t table;
	int err = 0;

	if (!is_address(m->field)) {
		uint32_t keyed = find_terms(m);

		return keyed < KEYED_MIN || keyed < c->n / KEYED_SHARE ?
			       0 : add_index(m, c, 0, keyed);
	}
	table = f->tables[f->chains[rule_at(m, 0)->chain].table].family;
	for (size_t i = 0; !err && i < ARRAY_SIZE(families); i++) {
		uint32_t keyed;

		if (families[i] == NFPROTO_IPV4 ? table == NFPROTO_IPV6 :
						  table == NFPROTO_IPV4)
			continue;
		keyed = find_terms(m);
		if (keyed >= KEYED_MIN && keyed >= c->n / KEYED_SHARE)
			err = add_index(m, c, families[i], keyed);
	}
	return err;
}

int walk_keys_index(const struct walker *w, struct chain_rules *c)
{
	_cleanup_free_ const struct term **terms = NULL;
	struct making m = { .w = w, .c = c };
	int err = 0;

	if (c->n < KEYED_MIN)
		return 0;
	terms = calloc(c->n, sizeof(*terms));
	if (!terms)
		return -ENOMEM;
	m.term = terms;
	for (size_t i = 0; !err && i < ARRAY_SIZE(fields); i++) {
		m.field = fields[i];
		err = index_field(&m, c);
	}
	/* without an index all rules are read; one half made leads astray */
	if (err)
		walk_keys_release(c);
	return err;
}

void walk_keys_release(struct chain_rules *c)
{
	for (size_t i = 0; i < c->n_keys; i++) {
		free(c->keys[i].pieces);
		free(c->keys[i].list);
		free(c->keys[i].open);
	}
	free(c->keys);
	c->keys = NULL;
	c->n_keys = c->cap_keys = 0;
}
