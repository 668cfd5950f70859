/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules/foreign_terms.c: a model's terms, and the keys that they look up. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/mem.h"
#include "rules/foreign.h"

static const struct {
	const char *text;
	size_t bytes;
} fields[] = {
#define FIELD_(name, width, words) \
	[FIELD_##name] = { .text = (words), .bytes = (width) },
	PACKET_FIELDS(FIELD_)
#undef FIELD_
};

const struct term *foreign_find_term(const struct foreign *f,
				     const struct foreign_rule *r,
				     enum term_kind kind)
{
	for (uint32_t i = 0; i < r->n_terms; i++)
		if (f->terms[r->terms + i].kind == kind)
			return &f->terms[r->terms + i];
	return NULL;
}

bool foreign_has_term(const struct foreign *f, const struct foreign_rule *r,
		      enum term_kind kind)
{
	return foreign_find_term(f, r, kind) != NULL;
}

bool foreign_drops(enum foreign_verdict v)
{
	return v == FOREIGN_DROP || v == FOREIGN_REJECT;
}

bool foreign_decides(enum foreign_verdict v)
{
	return v == FOREIGN_ACCEPT || foreign_drops(v);
}

bool foreign_leaves(enum foreign_verdict v)
{
	return v == FOREIGN_RETURN || v == FOREIGN_GOTO;
}

bool foreign_leaves_chain(const struct foreign *f, const struct foreign_rule *r)
{
	for (uint32_t i = 0; i < r->n_terms; i++) {
		const struct term *t = &f->terms[r->terms + i];
		const struct key_set *s = &f->sets[t->set];

		if (t->kind != TERM_VMAP || s->outcome == FOREIGN_NOWHERE)
			continue;
		for (uint32_t k = 0; k < s->n; k++)
			if (foreign_leaves(f->outcomes[s->outcome + k].verdict))
				return true;
	}
	return foreign_leaves(r->verdict);
}

bool term_is_state(const struct term *t)
{
	return (t->kind == TERM_MATCH || t->kind == TERM_VMAP) &&
	       t->n_fields == 1 && t->field[0] == FIELD_STATE;
}

bool term_is_plain(const struct term *t)
{
	static const uint32_t plain = 1u << FIELD_NFPROTO |
				      1u << FIELD_L4PROTO |
				      1u << FIELD_TCP_FLAGS |
				      1u << FIELD_STATE;

	return t->n_fields == 1 && plain & 1u << t->field[0];
}

const char *packet_field_name(enum packet_field x)
{
	return fields[x].text;
}

size_t packet_field_bytes(enum packet_field x)
{
	return fields[x].bytes;
}

int foreign_add_term(struct foreign *f, const struct term *t)
{
	if (mem_grow(&f->terms, &f->cap_terms, f->n_terms + 1))
		return -ENOMEM;
	f->terms[f->n_terms++] = *t;
	f->rules[f->n_rules - 1].n_terms++;
	return 0;
}

int foreign_begin_set(struct foreign *f, const char *name, uint8_t n_fields,
		      bool is_map, uint32_t *ret)
{
	if (f->n_sets >= FOREIGN_NOWHERE ||
	    mem_grow(&f->sets, &f->cap_sets, f->n_sets + 1))
		return -ENOMEM;
	f->sets[f->n_sets] = (struct key_set){
		.name = name, .table = FOREIGN_NOWHERE,
		.first = (uint32_t)f->n_ranges, .n_fields = n_fields,
		.outcome = is_map ? (uint32_t)f->n_outcomes : FOREIGN_NOWHERE,
		.answer = FOREIGN_NOWHERE, .known = true,
	};
	*ret = (uint32_t)f->n_sets++;
	return 0;
}

int foreign_add_key(struct foreign *f, const struct key_range *v,
		    const struct foreign_outcome *of_map)
{
	struct key_set *s = &f->sets[f->n_sets - 1];

	if (f->n_ranges + s->n_fields > UINT32_MAX ||
	    mem_grow(&f->ranges, &f->cap_ranges, f->n_ranges + s->n_fields))
		return -ENOMEM;
	if (of_map) {
		if (mem_grow(&f->outcomes, &f->cap_outcomes,
			     f->n_outcomes + 1))
			return -ENOMEM;
		f->outcomes[f->n_outcomes++] = *of_map;
	}
	memcpy(&f->ranges[f->n_ranges], v, s->n_fields * sizeof(*v));
	f->n_ranges += s->n_fields;
	s->n++;
	return 0;
}

int foreign_add_answer(struct foreign *f, const struct foreign_answer *a)
{
	struct key_set *s = &f->sets[f->n_sets - 1];

	if (f->n_answers >= UINT32_MAX ||
	    mem_grow(&f->answers, &f->cap_answers, f->n_answers + 1))
		return -ENOMEM;
	if (s->answer == FOREIGN_NOWHERE)
		s->answer = (uint32_t)f->n_answers;
	f->answers[f->n_answers++] = *a;
	return 0;
}

const char *foreign_keep(struct foreign *f, const char *s, size_t n)
{
	char *copy;

	if (mem_grow(&f->kept, &f->cap_kept, f->n_kept + 1))
		return NULL;
	copy = strndup(s, n);
	if (copy)
		f->kept[f->n_kept++] = copy;
	return copy;
}

void foreign_terms_release(struct foreign *f)
{
	free(f->terms);
	free(f->sets);
	free(f->ranges);
	free(f->outcomes);
	free(f->answers);
	while (f->n_kept)
		free(f->kept[--f->n_kept]);
	free(f->kept);
}

bool foreign_sets_marks(const struct foreign *f)
{
	for (size_t i = 0; i < f->n_terms; i++)
		if (f->terms[i].kind == TERM_SET_MARK ||
		    f->terms[i].kind == TERM_LOSE_MARK)
			return true;
	return false;
}

bool foreign_asks_ipset(const struct foreign *f, const struct foreign_rule *r)
{
	if (r->target && !strcmp(r->target, "SET"))
		return true;
	for (uint32_t i = 0; i < r->n_terms; i++) {
		const struct term *t = &f->terms[r->terms + i];

		if (t->kind == TERM_OPAQUE ?
			    t->name && !strcasecmp(t->name, "set") :
			    t->kind == TERM_MATCH && f->sets[t->set].name &&
			    f->sets[t->set].table == FOREIGN_NOWHERE)
			return true;
	}
	return false;
}
