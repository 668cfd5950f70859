/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rules/walk_runs.c: rules in a row that ask for one address or port each, as
 * in long lists of bans, are searched for the packet's own, not read through.
 *
 * A run's field is cut where any of its ranges begins or ends; each piece has
 * the list of rules that hold there.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/inet.h"
#include "core/mem.h"
#include "rules/walk_parts.h"

#define RUN_MIN 2		/* rules */
#define LISTED_MAX 8		/* entries of lists, for each rule of a run */

static const enum packet_field fields[] = {
	FIELD_SADDR, FIELD_DADDR, FIELD_DPORT, FIELD_SPORT,
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
	return !is_address(field) ? 2 : family == NFPROTO_IPV4 ? 4 : 16;
}

/* A rule holds nowhere but in the one range of the term that is returned. */
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
		    f->sets[t->set].known && f->sets[t->set].n == 1 &&
		    f->sets[t->set].n_fields == 1 &&
		    (!is_address(field) || family_of(f, r, t)))
			return t;
	}
	return NULL;
}

/* Rules from `at` on that ask for the field, in one family. */
static uint32_t length_of(const struct walker *w, const struct chain_rules *c,
			  uint32_t at, enum packet_field field)
{
	const struct term *first = key_of(w->f, w->order[c->first + at], field);
	const struct term *t = first;
	uint8_t family = 0;
	uint32_t n = 0;

	for (; t; n++) {
		uint32_t rule = w->order[c->first + at + n];
		uint8_t its = family_of(w->f, &w->f->rules[rule], t);

		if (n && its != family)
			break;
		family = its;
		if (at + n + 1 == c->n)
			return n + 1;
		t = key_of(w->f, w->order[c->first + at + n + 1], field);
	}
	return n;
}

static int by_key(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(((struct run_piece *)0)->key));
}

static const struct key_range *range_of(const struct walker *w,
					const struct chain_rules *c,
					const struct run *r, uint32_t i)
{
	const struct term *t = key_of(w->f, w->order[c->first + i],
				      (enum packet_field)r->field);

	return &w->f->ranges[w->f->sets[t->set].first];
}

static int cut(const struct walker *w, const struct chain_rules *c,
	       struct run *r)
{
	size_t bytes = width_of((enum packet_field)r->field, r->family);
	uint32_t n = 0, kept = 0;

	r->pieces = calloc((size_t)(r->end - r->begin) * 2 + 2,
			   sizeof(*r->pieces));
	if (!r->pieces)
		return -ENOMEM;
	n++;			/* from zero on */
	for (uint32_t i = r->begin; i < r->end; i++) {
		const struct key_range *v = range_of(w, c, r, i);

		memcpy(r->pieces[n++].key, v->first, bytes);
		if (key_next(v->last, bytes, r->pieces[n].key))
			n++;
		else
			memset(r->pieces[n].key, 0, sizeof(r->pieces[n].key));
	}
	qsort(r->pieces, n, sizeof(*r->pieces), by_key);
	for (uint32_t i = 1; i < n; i++)
		if (by_key(&r->pieces[i], &r->pieces[kept]))
			r->pieces[++kept] = r->pieces[i];
	r->n_pieces = kept + 1;
	return 0;
}

/* The piece that holds the key. */
static uint32_t piece_of(const struct run *r,
			 const uint8_t key[TERM_KEY_MAX])
{
	uint32_t low = 0, high = r->n_pieces;

	while (high - low > 1) {
		uint32_t mid = low + (high - low) / 2;

		if (memcmp(r->pieces[mid].key, key, TERM_KEY_MAX) <= 0)
			low = mid;
		else
			high = mid;
	}
	return low;
}

/* Counts the rules of each piece, or lists them, once `list` is there. */
static size_t spread(const struct walker *w, const struct chain_rules *c,
		     struct run *r)
{
	size_t bytes = width_of((enum packet_field)r->field, r->family);
	size_t n = 0, max = (size_t)(r->end - r->begin) * LISTED_MAX;

	for (uint32_t i = r->begin; i < r->end && n <= max; i++) {
		const struct key_range *v = range_of(w, c, r, i);
		uint8_t first[TERM_KEY_MAX] = { 0 };
		uint32_t k;

		memcpy(first, v->first, bytes);
		for (k = piece_of(r, first);
		     k < r->n_pieces && n <= max &&
		     memcmp(r->pieces[k].key, v->last, bytes) <= 0; k++, n++) {
			if (r->list)
				r->list[r->pieces[k].first + r->pieces[k].n] =
					i;
			r->pieces[k].n++;
		}
	}
	return n;
}

static int list_rules(const struct walker *w, const struct chain_rules *c,
		      struct run *r)
{
	size_t n = spread(w, c, r);
	uint32_t at = 0;

	/* So much overlaps that reading through is as good. */
	if (n > (size_t)(r->end - r->begin) * LISTED_MAX)
		return 0;
	r->list = calloc(n + 1, sizeof(*r->list));
	if (!r->list)
		return -ENOMEM;
	for (uint32_t k = 0; k < r->n_pieces; k++) {
		r->pieces[k].first = at;
		at += r->pieces[k].n;
		r->pieces[k].n = 0;
	}
	(void)spread(w, c, r);
	return 0;
}

static int add_run(struct walker *w, struct chain_rules *c, uint32_t at,
		   uint32_t n, enum packet_field field)
{
	uint32_t rule = w->order[c->first + at];
	struct run *r;
	int err;

	if (mem_grow(&c->runs, &c->cap_runs, c->n_runs + 1))
		return -ENOMEM;
	r = &c->runs[c->n_runs++];
	*r = (struct run){
		.begin = at, .end = at + n, .field = (uint8_t)field,
		.family = family_of(w->f, &w->f->rules[rule],
				    key_of(w->f, rule, field)),
	};
	err = cut(w, c, r);
	return err ? err : list_rules(w, c, r);
}

int walk_runs_index(struct walker *w, struct chain_rules *c)
{
	int err = 0;

	for (uint32_t at = 0; !err && at < c->n;) {
		enum packet_field field = fields[0];
		uint32_t longest = 0;

		for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
			uint32_t n = length_of(w, c, at, fields[i]);

			if (n > longest) {
				longest = n;
				field = fields[i];
			}
		}
		if (longest >= RUN_MIN)
			err = add_run(w, c, at, longest, field);
		at += longest ? longest : 1;
	}
	return err;
}

void walk_runs_release(struct chain_rules *c)
{
	for (size_t i = 0; i < c->n_runs; i++) {
		free(c->runs[i].pieces);
		free(c->runs[i].list);
	}
	free(c->runs);
}

static const struct run *run_at(const struct chain_rules *c, uint32_t at)
{
	size_t low = 0, high = c->n_runs;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (c->runs[mid].end <= at)
			low = mid + 1;
		else
			high = mid;
	}
	return low < c->n_runs && c->runs[low].begin <= at ? &c->runs[low] :
							      NULL;
}

static bool exact_key(const struct walking *x, const struct walk_state *s,
		      const struct run *r, uint8_t ret[TERM_KEY_MAX])
{
	const struct packet_value *v = &x->p->field[r->field];
	size_t n = width_of((enum packet_field)r->field, r->family);

	if (v->there != TRUTH_YES || s->lost >> r->field & 1)
		return false;
	memset(ret, 0, TERM_KEY_MAX);
	for (size_t i = 0; i < n; i++) {
		if (v->known[i] != 0xff)
			return false;
		ret[i] = v->v[i];
	}
	return true;
}

uint32_t walk_runs_next(const struct walking *x, const struct chain_rules *c,
			const struct walk_state *s, uint32_t at)
{
	const struct run *r = run_at(c, at);
	uint8_t key[TERM_KEY_MAX];
	const struct run_piece *p;
	uint32_t low = 0, high;

	if (!r || !r->list)
		return at;
	if (r->family && r->family != x->p->family)
		return r->end;
	if (!exact_key(x, s, r, key))
		return at;
	p = &r->pieces[piece_of(r, key)];
	for (high = p->n; low < high;) {
		uint32_t mid = low + (high - low) / 2;

		if (r->list[p->first + mid] < at)
			low = mid + 1;
		else
			high = mid;
	}
	return low < p->n ? r->list[p->first + low] : r->end;
}
