/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/change/format_text.c: results for people; nothing of it is stable. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/change/change_text.h"
#include "core/mem.h"
#include "policies/policy_files.h"

#define DIAGS_SHOWN 20

/* --quiet leaves notes out; the copies borrow from p. */
static int print_diags(const struct plan *p, const struct display *how)
{
	_cleanup_(policy_files_release) struct policy_files files = { 0 };
	struct diags shown = { .lost = p->diags.lost };
	_cleanup_free_ struct diag *v = malloc((p->diags.n + 1) * sizeof(*v));

	if (!v || (p->text && policy_files_split(p->file, p->text, p->len,
						 &files)))
		return -ENOMEM;
	shown.v = v;
	shown.errors = p->diags.errors;
	shown.warnings = p->diags.warnings;
	for (size_t i = 0; i < p->diags.n; i++)
		if (!how->quiet || p->diags.v[i].level != DIAG_NOTE)
			v[shown.n++] = p->diags.v[i];
	diags_print(&shown, files.v, files.n, DIAGS_SHOWN, how->color_err,
		    stderr);
	return 0;
}

#define ACCEPTED_SHOWN 20

/* Of a change that was made: once, and not when nothing was to do. */
static bool says_accepted(const struct result_end *e)
{
	return result_shows_accepted(e) &&
	       (e->shown != SHOW_MADE || !strcmp(e->word, "changed"));
}

/* Where no accept rule is needed, and why. */
static int print_accepted(const struct result_end *e, const struct display *d)
{
	static const char *const words[] = {
		[ACCEPTED_FIRST] = "first packets",
		[ACCEPTED_LATER] = "later packets",
		[ACCEPTED_FIRST | ACCEPTED_LATER] = "first and later packets",
	};
	const struct accepted_bys *all = &e->plan->accepted;
	size_t n = says_accepted(e) ? all->n : 0;

	for (size_t i = 0; i < n && i < ACCEPTED_SHOWN; i++) {
		const struct accepted_by *a = &all->v[i];
		_cleanup_(strbuf_release) struct strbuf b = { 0 };

		strbuf_printf(&b, "%s of %s are accepted by %s",
			      words[a->packets], a->service->name, a->place);
		if (strbuf_status(&b))
			return -ENOMEM;
		sign_line('=', strbuf_str(&b), d);
	}
	if (n > ACCEPTED_SHOWN)
		printf("= and by %zu more rules (--json lists all)\n",
		       n - ACCEPTED_SHOWN);
	return 0;
}

static int print_boot(const struct result_end *e, const struct display *how)
{
	const struct boot_steps *s =
		result_boot_steps(&e->plan->change.boot, e->shown);
	int err = 0;

	if (s && s->n && e->shown == SHOW_MADE && !how->rules) {
		sign_print('~', how);
		printf("%zu %s of this host's files (-v shows %s)\n", s->n,
		       s->n == 1 ? "line" : "lines",
		       s->n == 1 ? "it" : "them");
		return 0;
	}
	for (size_t i = 0; !err && s && i < s->n; i++) {
		_cleanup_(strbuf_release) struct strbuf line = { 0 };

		boot_print_step(&s->v[i], &line);
		err = strbuf_status(&line);
		if (!err)
			sign_line('~', strbuf_str(&line), how);
	}
	return err;
}

static int print_off(const struct item_steps *s, const struct display *how)
{
	int err = 0;

	for (size_t i = 0; !err && s && i < s->n; i++) {
		_cleanup_(strbuf_release) struct strbuf line = { 0 };

		item_print_step(&s->v[i], &line);
		err = strbuf_status(&line);
		if (!err)
			sign_line(s->v[i].add ? '+' : '-', strbuf_str(&line),
				  how);
	}
	return err;
}

/* What is no backend's: modules, settings, files. */
static int print_beside(const struct result_end *e, const struct display *how)
{
	const struct change *c = &e->plan->change;
	int off = print_off(result_item_steps(&c->off.at, e->shown), how);
	int tune = print_off(result_item_steps(&c->tune.at, e->shown), how);
	int boot = print_boot(e, how);

	return off ? off : tune ? tune : boot;
}

static int print_parts(const struct result_end *e, const struct display *how)
{
	const struct change *c = &e->plan->change;
	int err = 0;

	for (size_t i = 0; !err && i < c->n; i++) {
		const struct changeset *cs = result_steps(&c->v[i], e->shown);

		if (e->shown == SHOW_RENDERED)
			err = result_render(e->plan, &c->v[i], stdout);
		else if (cs && how->rules)
			err = steps_print(&c->v[i], cs, how);
	}
	return err;
}

/* --quiet: the exit code says it all. */
static int print_end(const struct result *r, const struct result_end *e,
		     const struct display *how)
{
	_cleanup_(change_summary_release) struct change_summary s = { 0 };
	int err;

	if (e->shown == SHOW_RENDERED)
		return print_parts(e, how);
	if (how->quiet || e->shown == SHOW_NOTHING)
		return 0;
	err = change_summary_make(e, &s);
	if (!err)
		err = edits_print(e, how);
	if (!err)
		err = change_print_services(e, &s, how);
	if (!err)
		err = print_accepted(e, how);
	if (!err)
		err = print_beside(e, how);
	if (!err)
		err = print_parts(e, how);
	return err ? err : change_print_plan(r, e, &s, how);
}

static int show(const struct result *r, const struct display *how)
{
	int err = 0;

	for (size_t i = 0; i < r->n; i++) {
		if (print_diags(r->v[i].plan, how))
			err = -ENOMEM;
		if (print_end(r, &r->v[i], how))
			err = -ENOMEM;
	}
	return err;
}

const struct format format_text = {
	.name = "text",
	.talks = true,
	.show = show,
};
