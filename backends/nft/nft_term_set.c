/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_term_set.c: the sets and maps that a table declares.
 *
 * They may be declared behind the rules that look into them, and get elements
 * bit by bit. So each is collected apart, and joins the model at the end.
 */
#include <stdlib.h>
#include <string.h>

#include "backends/nft/nft_term.h"
#include "core/digest.h"
#include "core/inet.h"
#include "core/intern.h"
#include "core/mem.h"

struct nft_named_set {
	const char *name;
	uint32_t table;
	uint32_t number;		/* in the model; FOREIGN_NOWHERE */
	uint8_t type[TERM_FIELDS_MAX], n_types;
	bool is_map, has_verdicts, has_answers;
	bool fills;			/* packets put elements into it */
	bool unknown;			/* some of its elements are */
	struct key_range *v;
	size_t n, cap;			/* of single fields */
	struct foreign_outcome *of_map;
	size_t n_of_map, cap_of_map;
	struct foreign_answer *answers;
	size_t n_answers, cap_answers;
	bool has_rest;
	struct nft_says rest;
};

static bool is_place(enum nft_type type)
{
	return type == TYPE_ADDR4 || type == TYPE_ADDR6 || type == TYPE_PORT;
}

static int find_set(struct nft_reader *r, uint32_t table, const char *name,
		    struct nft_named_set **ret)
{
	struct nft_terms *t = r->terms;
	size_t at = name_index_find(&t->set_at, name, table);

	if (at == SIZE_MAX) {
		if (mem_grow(&t->sets, &t->cap_sets, t->n_sets + 1) ||
		    name_index_add(&t->set_at, name, table))
			return -ENOMEM;
		at = t->n_sets++;
		t->sets[at] = (struct nft_named_set){
			.name = name, .table = table, .unknown = true,
			.number = FOREIGN_NOWHERE,
		};
	}
	*ret = &t->sets[at];
	return 0;
}

int nft_set_named(struct nft_reader *r, const struct nft_word *name,
		  const struct nft_key *key, uint32_t *ret)
{
	struct foreign *f = r->f;
	uint32_t table = f->chains[f->rules[f->n_rules - 1].chain].table;
	struct nft_lookup l = { .term = (uint32_t)f->n_terms,
				.any_transport = key->any_transport &&
						 !r->terms->has_ports };
	const char *kept = intern_n(name->s, name->n);
	struct nft_named_set *s;
	int err = kept ? find_set(r, table, kept, &s) : -ENOMEM;

	if (err || mem_grow(&r->terms->lookups, &r->terms->cap_lookups,
			    r->terms->n_lookups + 1))
		return -ENOMEM;
	memcpy(l.type, key->type, sizeof(l.type));
	if (s->number == FOREIGN_NOWHERE) {
		err = foreign_begin_set(f, kept, key->n, false, &s->number);
		if (err)
			return err;
		f->sets[s->number].table = table;
	}
	r->terms->lookups[r->terms->n_lookups++] = l;
	*ret = s->number;
	return 0;
}

/* FNV over what two sets must have in common to be one. */
static size_t digest_of(const struct foreign *f, const struct key_set *s)
{
	size_t n = (size_t)s->n * s->n_fields;
	uint64_t h = digest_add(DIGEST_START, &s->n_fields, 1);

	h = digest_add(h, &f->ranges[s->first], n * sizeof(*f->ranges));
	return (size_t)digest_fold(h);
}

static bool is_same(const struct foreign *f, const struct key_set *a,
		    const struct key_set *b)
{
	size_t n = (size_t)a->n * a->n_fields;

	if (a->n != b->n || a->n_fields != b->n_fields ||
	    (a->outcome == FOREIGN_NOWHERE) !=
		    (b->outcome == FOREIGN_NOWHERE) ||
	    (n && memcmp(&f->ranges[a->first], &f->ranges[b->first],
			 n * sizeof(*f->ranges))))
		return false;
	for (uint32_t i = 0; a->outcome != FOREIGN_NOWHERE && i < a->n; i++) {
		const struct foreign_outcome *x = &f->outcomes[a->outcome + i];
		const struct foreign_outcome *y = &f->outcomes[b->outcome + i];

		if (x->verdict != y->verdict || x->target != y->target)
			return false;
	}
	return true;
}

static size_t slot_of(const struct foreign *f, const struct nft_terms *t,
		      const struct key_set *s)
{
	size_t i = digest_of(f, s) & (t->cap_shared - 1);

	while (t->shared[i] && !is_same(f, &f->sets[t->shared[i] - 1], s))
		i = (i + 1) & (t->cap_shared - 1);
	return i;
}

static int enlarge(const struct foreign *f, struct nft_terms *t)
{
	struct nft_terms more = { .cap_shared = t->cap_shared ?
							t->cap_shared * 2 :
							64 };

	more.shared = calloc(more.cap_shared, sizeof(*more.shared));
	if (!more.shared)
		return -ENOMEM;
	for (size_t i = 0; i < t->cap_shared; i++)
		if (t->shared[i])
			more.shared[slot_of(f, &more,
					    &f->sets[t->shared[i] - 1])] =
				t->shared[i];
	free(t->shared);
	t->shared = more.shared;
	t->cap_shared = more.cap_shared;
	return 0;
}

int nft_set_share(struct nft_reader *r, uint32_t *set)
{
	struct foreign *f = r->f;
	struct nft_terms *t = r->terms;
	const struct key_set *s;
	size_t i;

	s = &f->sets[*set];
	if (s->answer != FOREIGN_NOWHERE)
		return 0;
	if (2 * (t->n_shared + 1) > t->cap_shared && enlarge(f, t))
		return -ENOMEM;
	i = slot_of(f, t, s);
	if (!t->shared[i]) {
		t->shared[i] = *set + 1;
		t->n_shared++;
		return 0;
	}
	f->n_ranges = s->first;
	if (s->outcome != FOREIGN_NOWHERE)
		f->n_outcomes = s->outcome;
	f->n_sets = *set;
	*set = t->shared[i] - 1;
	return 0;
}

static int add_element(void *to, const struct key_range *v,
		       const struct nft_says *says)
{
	struct nft_named_set *s = to;

	if (mem_grow(&s->v, &s->cap, s->n + s->n_types) ||
	    (s->has_verdicts &&
	     mem_grow(&s->of_map, &s->cap_of_map, s->n_of_map + 1)) ||
	    (s->has_answers &&
	     mem_grow(&s->answers, &s->cap_answers, s->n_answers + 1)))
		return -ENOMEM;
	memcpy(&s->v[s->n], v, s->n_types * sizeof(*v));
	s->n += s->n_types;
	if (s->has_verdicts)
		s->of_map[s->n_of_map++] = says->verdict;
	if (s->has_answers)
		s->answers[s->n_answers++] = says->answer;
	return 0;
}

/* From behind a `{`. What is behind a bad element is lost, and known to be. */
static int take_elements(struct nft_words *w, struct nft_named_set *s)
{
	struct nft_elements e = {
		.type = s->type, .n_types = s->n_types, .is_map = s->is_map,
		.has_verdicts = s->has_verdicts, .has_answers = s->has_answers,
		.add = add_element, .to = s,
		.has_rest = s->has_rest, .rest = s->rest,
	};
	int err = s->n_types ? nft_value_elements(w, &e) : NFT_OPAQUE;

	s->has_rest = e.has_rest;
	s->rest = e.rest;
	s->unknown |= err > 0;
	return err < 0 ? err : 0;
}

static void add_type(struct nft_named_set *s, enum nft_type type, bool *ok)
{
	*ok = *ok && type != TYPE_OPAQUE && s->n_types < TERM_FIELDS_MAX;
	if (*ok)
		s->type[s->n_types++] = (uint8_t)type;
}

/* Does what is behind the colon name addresses or ports, and nothing else? */
static bool leads_somewhere(struct nft_words *w, bool by_key)
{
	struct nft_key key;
	bool ok = true;

	(void)nft_words_accept(w, "interval");
	if (by_key) {
		ok = !nft_key_read(w, &key);
		for (size_t i = 0; ok && i < key.n; i++)
			ok = is_place((enum nft_type)key.type[i]);
		return ok;
	}
	do {
		ok = ok && is_place(nft_type_named(&w->a[0]));
		nft_words_next(w);
	} while (nft_words_accept_sign(w, '.'));
	return ok;
}

/* type A . B [: C], typeof FIELD . FIELD [: FIELD] */
static void take_type(struct nft_words *w, struct nft_named_set *s, bool by_key)
{
	struct nft_key key;
	bool ok = true;

	s->n_types = 0;
	if (by_key) {
		ok = !nft_key_read(w, &key) && !nft_sign_is(w, 0, '&');
		for (size_t i = 0; ok && i < key.n; i++)
			add_type(s, key.type[i], &ok);
	} else {
		do {
			add_type(s, nft_type_named(&w->a[0]), &ok);
			nft_words_next(w);
		} while (nft_words_accept_sign(w, '.'));
	}
	if (nft_words_accept_sign(w, ':')) {
		s->has_verdicts = nft_word_is(w, 0, "verdict");
		s->has_answers = !s->has_verdicts &&
				 leads_somewhere(w, by_key);
	}
	if (!ok)
		s->n_types = 0;
	s->unknown = !s->n_types;
}

/* flags dynamic, timeout */
static void take_flags(struct nft_words *w, struct nft_named_set *s)
{
	while (w->a[0].kind != WORD_END && !nft_sign_is(w, 0, ';') &&
	       !nft_sign_is(w, 0, '}')) {
		s->fills |= nft_word_is(w, 0, "dynamic");
		nft_words_next(w);
		if (!nft_words_accept_sign(w, ','))
			break;
	}
}

static void to_end_of_line(struct nft_words *w)
{
	while (w->a[0].kind != WORD_END && !nft_sign_is(w, 0, ';'))
		if (nft_words_accept_sign(w, '{'))
			nft_words_skip_block(w);
		else
			nft_words_next(w);
}

/* The lines of a declaration: its type, then its elements. */
static int take_block(struct nft_words *w, struct nft_named_set *s, bool types)
{
	int err = 0;

	while (!err && w->a[0].kind != WORD_END) {
		bool by_key = nft_word_is(w, 0, "typeof");

		if (types && (by_key || nft_word_is(w, 0, "type"))) {
			nft_words_next(w);
			take_type(w, s, by_key);
		} else if (types && nft_words_accept(w, "flags")) {
			take_flags(w, s);
		} else if (!types && nft_word_is(w, 0, "elements") &&
			   nft_sign_is(w, 1, '=')) {
			nft_words_next(w);
			nft_words_next(w);
			if (nft_words_accept_sign(w, '{'))
				err = take_elements(w, s);
			else
				s->unknown = true;
		}
		to_end_of_line(w);
		nft_words_next(w);
	}
	return err;
}

int nft_set_take(struct nft_reader *r, const struct foreign_elems *e,
		 bool is_declared)
{
	struct nft_named_set *s;
	struct nft_words w;
	int err = find_set(r, e->table, e->name, &s);

	if (err || e->raw.n < 2)
		return err;
	if (!is_declared) {
		nft_words_begin(&w, r, e->raw.s + 1, e->raw.n - 1);
		return take_elements(&w, s);
	}
	s->is_map = e->is_map;
	nft_words_begin(&w, r, e->raw.s + 1, e->raw.n - 2);
	err = take_block(&w, s, true);
	if (err)
		return err;
	nft_words_begin(&w, r, e->raw.s + 1, e->raw.n - 2);
	return take_block(&w, s, false);
}

static void forget(struct nft_named_set *s, bool deletes)
{
	s->n = 0;
	s->n_of_map = 0;
	s->n_answers = 0;
	s->has_rest = false;
	if (deletes)
		s->n_types = 0;
	s->unknown = !s->n_types;
}

int nft_set_forget(struct nft_reader *r, uint32_t table, const char *name,
		   bool deletes)
{
	struct nft_terms *t = r->terms;
	struct nft_named_set *s;

	if (!t)
		return 0;
	if (name) {
		int err = find_set(r, table, name, &s);

		if (!err)
			forget(s, deletes);
		return err;
	}
	for (size_t i = 0; i < t->n_sets; i++)
		if (table == FOREIGN_NOWHERE || t->sets[i].table == table)
			forget(&t->sets[i], deletes);
	return 0;
}

int nft_set_doubt(struct nft_reader *r, uint32_t table, const char *name)
{
	struct nft_named_set *s;
	int err = r->terms ? find_set(r, table, name, &s) : 0;

	if (!err && r->terms)
		s->unknown = true;
	return err;
}

/* Move what was collected into the model. */
static int finish_set(struct foreign *f, struct nft_named_set *s)
{
	struct nft_elements rest = {
		.type = s->type, .n_types = s->n_types, .add = add_element,
		.has_verdicts = s->has_verdicts, .has_answers = s->has_answers,
		.to = s, .has_rest = s->has_rest, .rest = s->rest,
	};
	struct key_set *set = &f->sets[s->number];
	int err = nft_value_rest(&rest);

	if (err || f->n_ranges + s->n > UINT32_MAX ||
	    mem_grow(&f->ranges, &f->cap_ranges, f->n_ranges + s->n) ||
	    mem_grow(&f->outcomes, &f->cap_outcomes,
		     f->n_outcomes + s->n_of_map) ||
	    mem_grow(&f->answers, &f->cap_answers,
		     f->n_answers + s->n_answers))
		return -ENOMEM;
	set->known = !s->unknown && !(s->is_map && s->fills);
	set->first = (uint32_t)f->n_ranges;
	if (s->n_types) {
		set->n_fields = s->n_types;
		set->n = (uint32_t)(s->n / s->n_types);
	}
	if (s->has_verdicts)
		set->outcome = (uint32_t)f->n_outcomes;
	if (s->has_answers && set->known)
		set->answer = (uint32_t)f->n_answers;
	if (s->n)
		memcpy(&f->ranges[f->n_ranges], s->v, s->n * sizeof(*s->v));
	if (s->n_of_map)
		memcpy(&f->outcomes[f->n_outcomes], s->of_map,
		       s->n_of_map * sizeof(*s->of_map));
	if (s->n_answers)
		memcpy(&f->answers[f->n_answers], s->answers,
		       s->n_answers * sizeof(*s->answers));
	f->n_ranges += s->n;
	f->n_outcomes += s->n_of_map;
	f->n_answers += s->n_answers;
	free(s->v);
	s->v = NULL;
	s->n = s->cap = 0;
	return 0;
}

static uint8_t plain(uint8_t type)
{
	return type == TYPE_NEXTHDR ? TYPE_PROTO : type;
}

static bool has_ports(const struct foreign *f, const struct key_set *s,
		      const struct term *t)
{
	for (size_t k = 0; k < t->n_fields; k++)
		for (size_t i = 0; t->field[k] == FIELD_L4PROTO && i < s->n;
		     i++) {
			const struct key_range *v =
				&f->ranges[s->first + i * s->n_fields + k];

			if (v->first[0] != v->last[0] ||
			    !protocol_has_ports(v->first[0]))
				return false;
		}
	return true;
}

/* Is the set what the term takes it for? */
static bool fits(const struct foreign *f, const struct nft_named_set *s,
		 const struct nft_lookup *l)
{
	const struct term *t = &f->terms[l->term];
	const struct key_set *set = &f->sets[s->number];

	if (s->n_types && s->n_types != t->n_fields)
		return false;
	for (size_t i = 0; i < s->n_types; i++)
		if (plain(s->type[i]) != plain(l->type[i]))
			return false;
	if (t->kind == TERM_VMAP && s->n_types && !s->has_verdicts)
		return false;
	return !l->any_transport || has_ports(f, set, t);
}

int nft_sets_finish(struct nft_reader *r)
{
	struct foreign *f = r->f;
	struct nft_terms *t = r->terms;
	int err = 0;

	for (size_t i = 0; !err && i < t->n_sets; i++)
		if (t->sets[i].number != FOREIGN_NOWHERE)
			err = finish_set(f, &t->sets[i]);
	for (size_t i = 0; !err && i < t->n_lookups; i++) {
		struct term *of = &f->terms[t->lookups[i].term];
		const struct key_set *s;
		size_t at;

		if (of->kind != TERM_MATCH && of->kind != TERM_VMAP)
			continue;
		s = &f->sets[of->set];
		at = name_index_find(&t->set_at, s->name, s->table);
		if (!fits(f, &t->sets[at], &t->lookups[i]))
			*of = (struct term){ .kind = TERM_OPAQUE,
					     .name = s->name };
	}
	return err;
}

void nft_terms_release(struct nft_terms *t)
{
	for (size_t i = 0; i < t->n_sets; i++) {
		free(t->sets[i].v);
		free(t->sets[i].of_map);
		free(t->sets[i].answers);
	}
	free(t->sets);
	free(t->lookups);
	free(t->shared);
	name_index_release(&t->set_at);
	port_names_release(&t->ports);
}
