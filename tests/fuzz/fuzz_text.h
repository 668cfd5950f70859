/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/fuzz/fuzz_text.h: any bytes as a backend's saved ruleset. */
#ifndef CTPOLICY_TESTS_FUZZ_TEXT_H
#define CTPOLICY_TESTS_FUZZ_TEXT_H

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
