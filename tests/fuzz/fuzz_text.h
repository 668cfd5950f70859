/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/fuzz/fuzz_text.h: any bytes as a backend's saved ruleset. */
#ifndef CTPOLICY_TESTS_FUZZ_TEXT_H
#define CTPOLICY_TESTS_FUZZ_TEXT_H

#include <stdlib.h>
#include <string.h>

#include "backends/backend.h"
#include "core/mem.h"
#include "tests/fuzz/fuzz.h"

/* What could not be decoded is equal to nothing, not even to itself. */
static inline bool all_known(const struct image *img)
{
	for (size_t i = 0; i < img->n_tables; i++) {
		const struct image_table *t = &img->tables[i];

		for (size_t k = 0; k < t->n_sets; k++)
			if (!image_set_is_known(&t->sets[k]))
				return false;
		for (size_t k = 0; k < t->n_chains; k++)
			for (size_t n = 0; n < t->chains[k].n_rules; n++)
				if (t->chains[k].rules[n].verdict ==
				    VERDICT_UNKNOWN)
					return false;
	}
	return true;
}

/* Each term's set is there, has the term's fields, and all of its ranges. */
static inline void fuzz_terms(const struct foreign *f)
{
	for (size_t i = 0; i < f->n_terms; i++) {
		const struct term *t = &f->terms[i];
		const struct key_set *s;

		MUST(t->kind != TERM_OPAQUE || t->name);
		if (t->kind != TERM_MATCH && t->kind != TERM_VMAP)
			continue;
		MUST(t->set < f->n_sets && t->n_fields &&
		     t->n_fields <= TERM_FIELDS_MAX);
		s = &f->sets[t->set];
		MUST(t->either || !s->n || s->n_fields == t->n_fields);
		MUST((size_t)s->first + (size_t)s->n * s->n_fields <=
		     f->n_ranges);
		MUST(s->outcome == FOREIGN_NOWHERE ||
		     s->outcome + s->n <= f->n_outcomes);
	}
}

/* Each rule's text lies within the ruleset's, in a chain that is there. */
static inline void fuzz_foreign(const struct backend *b, const uint8_t *data,
				size_t size)
{
	_cleanup_(foreign_free) struct foreign *f = calloc(1, sizeof(*f));
	_cleanup_(diags_release) struct diags d = { 0 };

	MUST(f);
	f->text = malloc(size + 1);
	MUST(f->text);
	memcpy(f->text, data, size);
	f->text[size] = '\0';
	f->len = size;
	f->wants_terms = true;
	if (b->read_foreign("fuzz", f, &d)) {
		MUST(d.errors || d.lost);
		return;
	}
	for (size_t i = 0; i < f->n_rules; i++) {
		const struct foreign_rule *r = &f->rules[i];

		MUST(r->raw.s >= f->text && r->raw.n <= size &&
		     r->raw.s + r->raw.n <= f->text + size);
		if (foreign_is_gone(r))
			continue;
		MUST(r->chain < f->n_chains && r->line);
		MUST(foreign_position(f, r) <= f->chains[r->chain].n_rules);
		MUST(r->terms + r->n_terms <= f->n_terms);
	}
	fuzz_terms(f);
}

/* What is taken can be compared and rendered; what is refused is reported. */
static inline int fuzz_text(const struct backend *b, const uint8_t *data,
			    size_t size)
{
	_cleanup_(changeset_free) struct changeset *cs = NULL;
	_cleanup_(image_free) struct image *img = NULL;
	_cleanup_(diags_release) struct diags d = { 0 };
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	FILE *out;

	fuzz_foreign(b, data, size);
	if (b->parse("fuzz", (const char *)data, size, &img, &d)) {
		MUST(d.errors || d.lost);
		return 0;
	}
	MUST(!changeset_diff(img, img, &cs));
	MUST(!cs->n || !all_known(img));
	out = open_memstream(&text, &len);
	MUST(out);
	(void)b->render(img, out);
	fclose(out);
	return 0;
}

#endif
