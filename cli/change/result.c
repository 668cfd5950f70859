/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/change/result.h"

#include <errno.h>
#include <string.h>

const char *result_word(const struct result *r)
{
	return r->v[r->speaker].word;
}

bool result_changed(const struct result *r)
{
	for (size_t i = 0; i < r->n; i++)
		if (!strcmp(r->v[i].word, "changed"))
			return true;
	return false;
}

const struct changeset *result_steps(const struct part *m, enum shown shown)
{
	return shown == SHOW_PLANNED ? m->changes :
	       shown == SHOW_MADE ? m->made : NULL;
}

bool result_shows_edits(const struct result_end *e)
{
	return e->shown == SHOW_PLANNED ||
	       (e->shown == SHOW_MADE && e->plan->rq->keeps_steps);
}

bool result_shows_accepted(const struct result_end *e)
{
	return e->shown == SHOW_PLANNED || e->shown == SHOW_MADE;
}

/* No tool loads both; whoever loads the rules must see what is missing. */
int result_render(const struct plan *p, const struct part *m, FILE *out)
{
	const struct ruleset *rs = p->rules;
	int err = m->backend->render(m->want, out);

	for (size_t i = 0; !err && i < rs->n_sysctls; i++)
		if (fprintf(out, "# sysctl %s = %s\n", rs->sysctls[i].key,
			    rs->sysctls[i].value) < 0)
			err = -EIO;
	return err;
}

const struct item_steps *result_item_steps(const struct beside *b,
					   enum shown shown)
{
	return shown == SHOW_PLANNED ? &b->steps :
	       shown == SHOW_MADE ? &b->made : NULL;
}

const struct boot_steps *result_boot_steps(const struct boot *b,
					   enum shown shown)
{
	return shown == SHOW_PLANNED ? &b->steps :
	       shown == SHOW_MADE ? &b->made : NULL;
}
