/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/xtables/xt_words_terms.c: words of a rule of ctpolicy's as terms. */
#include <errno.h>
#include <string.h>

#include "backends/xtables/xt.h"
#include "backends/xtables/xt_terms.h"
#include "backends/xtables/xt_uses.h"
#include "core/mem.h"

static bool looks_at_source(uint8_t field)
{
	return field == FIELD_SADDR || field == FIELD_SPORT ||
	       field == FIELD_IIF;
}

/* "src,dst" */
static bool suits(const struct term *t, const char *flags)
{
	for (size_t i = 0; i < t->n_fields; i++) {
		if (looks_at_source(t->field[i]) != !strncmp(flags, "src", 3))
			return false;
		flags += strcspn(flags, ",");
		flags += *flags == ',';
	}
	return !*flags;
}

/* As the rule of the host's has it that says the same. */
static int fill(void *arg, struct foreign *f, uint8_t family, const char *name,
		const char *flags, struct term *t)
{
	(void)arg;
	for (size_t i = 0; i < f->n_terms; i++) {
		const struct term *o = &f->terms[i];
		const struct key_set *s = &f->sets[o->set];
		bool negated = t->negated;

		if (o->kind != TERM_MATCH || s->name != name ||
		    s->table != FOREIGN_NOWHERE ||
		    (o->family && o->family != family) || !suits(o, flags))
			continue;
		*t = *o;
		t->negated = negated;
		return 0;
	}
	return xt_terms_unknown_set(f, name, flags, t);
}

int xt_add_words(uint8_t family, const char *words, struct foreign *f)
{
	static const struct xt_set_source sets = { fill, NULL };
	_cleanup_(ipt_args_release) struct ipt_args a = { 0 };
	int err = ipt_args_split(words, strlen(words), &a);

	if (!err)
		err = xt_uses_add(f, &a, 0);
	if (!err && f->wants_terms)
		err = xt_terms_add(f, family, &a, 0, &sets);
	return err;
}
