/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/format_text.c: results for people; nothing of it is stable. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/audit_report.h"
#include "cli/result.h"
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

/* Why the step is there: the service, and the line that asks for it. */
static void print_origin(const struct origin *o)
{
	if (!o->service && !o->at.line)
		return;
	printf("  # %s", o->service ? o->service : "ctpolicy");
	if (o->at.line) {
		putchar(' ');
		diag_puts(o->at.file, stdout);
		printf(":%u:%u", o->at.line, o->at.col);
	}
}

static int print_step(const struct backend *b, const struct step *s, bool color)
{
	_cleanup_(strbuf_release) struct strbuf line = { 0 };

	b->print_step(s, &line);
	if (strbuf_status(&line))
		return -ENOMEM;
	printf("%s%c ", color ? s->add ? "\033[32m" : "\033[31m" : "",
	       s->add ? '+' : '-');
	diag_puts(strbuf_str(&line), stdout);
	print_origin(step_origin(s));
	puts(color ? "\033[0m" : "");
	return 0;
}

static void print_summary(const struct part *m, const struct changeset *cs,
			  size_t added, enum shown shown)
{
	const char *name = m->backend->name;

	if (!cs->n)
		printf("%s: nothing to change\n", name);
	else if (shown == SHOW_PLANNED)
		printf("%s: %zu to add, %zu to remove\n", name, added,
		       cs->n - added);
	else
		printf("%s: %zu added, %zu removed\n", name, added,
		       cs->n - added);
}

static int print_steps(const struct part *m, const struct changeset *cs,
		       enum shown shown, const struct display *how)
{
	size_t added = 0;
	int err = 0;

	for (size_t i = 0; i < cs->n; i++) {
		added += cs->steps[i].add;
		if (print_step(m->backend, &cs->steps[i], how->color_out))
			err = -ENOMEM;
	}
	if (!how->quiet)
		print_summary(m, cs, added, shown);
	return err;
}

static int print_part(const struct part *m, const struct result_end *e,
		      const struct display *how)
{
	const struct changeset *cs = result_steps(m, e->shown);

	if (e->shown == SHOW_RENDERED)
		return result_render(e->plan, m, stdout);
	return cs ? print_steps(m, cs, e->shown, how) : 0;
}

static int print_bits(const char *what, uint32_t bits,
		      void (*print)(uint32_t bits, struct strbuf *out))
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };

	if (!bits)
		return 0;
	print(bits, &b);
	printf("      %s: %s\n", what, strbuf_str(&b));
	return strbuf_status(&b);
}

/* A rule of the host's, and what is to do its work. */
static int print_edit(const struct edit_shown *e)
{
	int err;

	printf("~ %s ", nfproto_name(e->family));
	diag_puts(e->table, stdout);
	putchar(' ');
	diag_puts(e->chain, stdout);
	printf(" %u: ", e->position);
	diag_puts(e->rule, stdout);
	puts(*e->rules ? "\n    matches connection states; in its place:" :
			 "\n    matches connection states; nothing takes its place");
	for (const char *s = e->rules; *s; s += strcspn(s, "\n") + 1) {
		_cleanup_free_ char *line = strndup(s, strcspn(s, "\n"));

		if (!line)
			return -ENOMEM;
		fputs("      ", stdout);
		diag_puts(line, stdout);
		putchar('\n');
	}
	err = print_bits("newly admits", e->admits, audit_print_admits);
	return err ? err :
		     print_bits("loses", e->loses, audit_print_loses);
}

static int print_edits(const struct result_end *e)
{
	const struct edits *edits = &e->plan->edits;
	int err = 0;

	for (size_t i = 0; !err && result_shows_edits(e) && i < edits->n; i++)
		err = print_edit(&edits->v[i]);
	return err;
}

/* A change that is made without its list says what it costs all the same. */
static int print_admits(const struct result_end *e)
{
	const struct edits *edits = &e->plan->edits;
	uint32_t admits = 0, loses = 0;
	int err;

	if (e->shown != SHOW_MADE || result_shows_edits(e) ||
	    strcmp(e->word, "changed") != 0)
		return 0;
	for (size_t i = 0; i < edits->n; i++) {
		admits |= edits->v[i].admits;
		loses |= edits->v[i].loses;
	}
	if (admits || loses)
		printf("%zu of the host's rules were replaced (-v shows them):\n",
		       edits->n);
	err = print_bits("newly admit", admits, audit_print_admits);
	return err ? err : print_bits("lose", loses, audit_print_loses);
}

#define ACCEPTED_SHOWN 20

/* Of a change that was made: once, and not when nothing was to do. */
static bool says_accepted(const struct result_end *e, const struct display *d)
{
	return !d->quiet && result_shows_accepted(e) &&
	       (e->shown != SHOW_MADE || !strcmp(e->word, "changed"));
}

/* Where no accept rule is needed, and why. */
static void print_accepted(const struct result_end *e, const struct display *d)
{
	static const char *const words[] = {
		[ACCEPTED_FIRST] = "first packets",
		[ACCEPTED_LATER] = "later packets",
		[ACCEPTED_FIRST | ACCEPTED_LATER] = "first and later packets",
	};
	const struct accepted_bys *all = &e->plan->accepted;
	size_t n = says_accepted(e, d) ? all->n : 0;

	for (size_t i = 0; i < n && i < ACCEPTED_SHOWN; i++) {
		const struct accepted_by *a = &all->v[i];
		const struct origin why = { .at = a->service->at,
					    .service = a->service->name };

		printf("= %s of %s are accepted by ", words[a->packets],
		       a->service->name);
		diag_puts(a->place, stdout);
		print_origin(&why);
		putchar('\n');
	}
	if (n > ACCEPTED_SHOWN)
		printf("= and by %zu more rules (--json lists all)\n",
		       n - ACCEPTED_SHOWN);
}

static int print_line(char sign, const struct strbuf *line,
		      const struct display *how)
{
	printf("%s%c ", !how->color_out ? "" : sign == '+' ? "\033[32m" :
	       sign == '-' ? "\033[31m" : "\033[33m", sign);
	diag_puts(strbuf_str(line), stdout);
	puts(how->color_out ? "\033[0m" : "");
	return strbuf_status(line);
}

static int print_boot(const struct result_end *e, const struct display *how)
{
	const struct boot_steps *s =
		result_boot_steps(&e->plan->change.boot, e->shown);
	int err = 0;

	for (size_t i = 0; s && i < s->n; i++) {
		_cleanup_(strbuf_release) struct strbuf line = { 0 };

		boot_print_step(&s->v[i], &line);
		if (print_line('~', &line, how))
			err = -ENOMEM;
	}
	return err;
}

static int print_off(const struct off_steps *s, const struct display *how)
{
	int err = 0;

	for (size_t i = 0; s && i < s->n; i++) {
		_cleanup_(strbuf_release) struct strbuf line = { 0 };

		off_print_step(&s->v[i], &line);
		if (print_line(s->v[i].add ? '+' : '-', &line, how))
			err = -ENOMEM;
	}
	return err;
}

/* What is no backend's: modules, settings, files. */
static int print_beside(const struct result_end *e, const struct display *how)
{
	const struct change *c = &e->plan->change;
	int off = print_off(result_off_steps(&c->off, e->shown), how);
	int tune = print_off(result_tune_steps(&c->tune, e->shown), how);
	int boot = print_boot(e, how);

	return off ? off : tune ? tune : boot;
}

static int show(const struct result *r, const struct display *how)
{
	int err = 0;

	for (size_t i = 0; i < r->n; i++) {
		const struct change *c = &r->v[i].plan->change;

		if (print_diags(r->v[i].plan, how))
			err = -ENOMEM;
		if (print_edits(&r->v[i]) || print_admits(&r->v[i]))
			err = -ENOMEM;
		print_accepted(&r->v[i], how);
		for (size_t k = 0; k < c->n; k++)
			if (print_part(&c->v[k], &r->v[i], how))
				err = -ENOMEM;
		if (print_beside(&r->v[i], how))
			err = -ENOMEM;
	}
	return err;
}

const struct format format_text = {
	.name = "text",
	.talks = true,
	.show = show,
};
