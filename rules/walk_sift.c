/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rules/walk_sift.c: which rules of a chain may hold for a packet, going by
 * what walk_keys.c found that they ask for.
 */
#include <string.h>

#include "rules/walk_parts.h"

/* The piece that holds the key. */
uint32_t walk_keys_piece(const struct key_index *x,
			 const uint8_t key[TERM_KEY_MAX])
{
	uint32_t low = 0, high = x->n_pieces;

	while (high - low > 1) {
		uint32_t mid = low + (high - low) / 2;

		if (memcmp(x->pieces[mid].key, key, TERM_KEY_MAX) <= 0)
			low = mid;
		else
			high = mid;
	}
	return low;
}

/* False: some of it is unknown, or the packet may lack it. */
static bool exact_key(const struct packet_value *v, size_t n,
		      uint8_t ret[TERM_KEY_MAX])
{
	if (v->there != TRUTH_YES)
		return false;
	memset(ret, 0, TERM_KEY_MAX);
	for (size_t i = 0; i < n; i++) {
		if (v->known[i] != 0xff)
			return false;
		ret[i] = v->v[i];
	}
	return true;
}

/* The rules that an index leaves for the packet; false: it cannot tell. */
static bool sift_by(const struct key_index *k, const struct walking *x,
		    const struct walk_state *s, struct sifted *ret)
{
	enum packet_field field = (enum packet_field)k->field;
	uint8_t key[TERM_KEY_MAX];
	struct packet_value v;
	struct sifted o = { .open = { k->open, k->open + k->n_open } };

	if (k->family && k->family != x->p->family)
		return false;
	v = walk_value(x, s, field);
	/* without the field, what asks for it does not hold */
	if (v.there != TRUTH_NO) {
		const struct key_piece *p;

		if (!exact_key(&v, walk_width(x, field), key))
			return false;
		p = &k->pieces[walk_keys_piece(k, key)];
		o.keyed.at = k->list + p->first;
		o.keyed.end = o.keyed.at + p->n;
	}
	*ret = o;
	return true;
}

static void sift(struct sieve *v, const struct walk_state *s)
{
	v->n = 0;
	v->lost = s->lost;
	for (size_t i = 0; i < v->c->n_keys; i++)
		v->n += sift_by(&v->c->keys[i], v->x, s, &v->by[v->n]);
}

void walk_sift_begin(struct sieve *v, const struct walking *x,
		     const struct chain_rules *c, const struct walk_state *s)
{
	v->x = x;
	v->c = c;
	sift(v, s);
}

/* The list's first rule from `at` on; it never goes back. */
static uint32_t advance(struct sifted_list *l, uint32_t at, uint32_t none)
{
	const uint32_t *high = l->end;

	if (l->at == l->end)
		return none;
	while (*l->at < at && l->at < high) {
		const uint32_t *mid = l->at + (high - l->at) / 2;

		if (*mid < at)
			l->at = mid + 1;
		else
			high = mid;
		if (l->at == l->end)
			return none;
	}
	return *l->at;
}

uint32_t walk_sift_next(struct sieve *v, const struct walk_state *s,
			uint32_t at)
{
	uint32_t none = v->c->n, agreed = 0;

	if (v->lost != s->lost)
		sift(v, s);
	for (uint32_t i = 0; at < none && agreed < v->n; i = (i + 1) % v->n) {
		uint32_t keyed = advance(&v->by[i].keyed, at, none);
		uint32_t open = advance(&v->by[i].open, at, none);
		uint32_t next = keyed < open ? keyed : open;

		agreed = next == at ? agreed + 1 : 1;
		at = next;
	}
	return at;
}
