/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/change/plan_text.c: a plan in one line, and what to do next. */
#include <errno.h>
#include <string.h>

#include "cli/change/change_text.h"
#include "cli/output/command_text.h"
#include "cli/output/fold.h"
#include "core/mem.h"

static void item(size_t n, const char *one, const char *many,
		 const char *what, struct strbuf *out)
{
	if (n)
		strbuf_printf(out, "%s%zu %s%s", out->n ? ", " : "", n,
			      n == 1 ? one : many, what);
}

static size_t settings_of(const struct item_steps *s, enum item_kind kind)
{
	size_t n = 0;

	for (size_t i = 0; s && i < s->n; i++)
		n += s->v[i].item.kind == kind;
	return n;
}

void plan_print_beside(const struct result_end *e,
		       const struct change_summary *s, struct strbuf *out)
{
	const struct change *c = &e->plan->change;
	const struct item_steps *off =
		result_item_steps(&c->off.at, e->shown);
	const struct item_steps *tune =
		result_item_steps(&c->tune.at, e->shown);
	const struct boot_steps *boot = result_boot_steps(&c->boot, e->shown);

	item(result_shows_edits(e) ? e->plan->edits.n : 0, "rule", "rules",
	     " of the host to replace", out);
	item(s->restored, "rule", "rules", " of the host to put back", out);
	item(settings_of(off, ITEM_MODULE), "module", "modules",
	     " to load or unload", out);
	item(settings_of(off, ITEM_SYSCTL) + settings_of(tune, ITEM_SYSCTL),
	     "setting", "settings", " to change", out);
	item(settings_of(off, ITEM_FILE) + settings_of(tune, ITEM_FILE) +
	     (boot ? boot->n : 0), "file edit", "file edits", "", out);
}

static void print_services(const struct change_summary *s, struct strbuf *out)
{
	const size_t *n = s->of_sign;

	if (!s->added && !s->removed)
		return;
	strbuf_printf(out, "%zu %s to add, %zu to change, %zu to remove",
		      n[SIGN_ADD], n[SIGN_ADD] == 1 ? "service" : "services",
		      n[SIGN_CHANGE], n[SIGN_REMOVE]);
	item(n[SIGN_NONE], "unchanged", "unchanged", "", out);
}

static void print_objects(const struct change_summary *s,
			  const struct display *how, struct strbuf *out)
{
	size_t n = s->added + s->removed;

	if (!n)
		return;
	strbuf_printf(out, " (%zu kernel %s%s)", n, n == 1 ? "object" :
		      "objects", how->rules ? "" : ", see --rules");
}

static int print_same(const struct result_end *e, const struct display *how)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };

	if (!e->plan->policy)
		strbuf_puts(&b, "No changes: there is nothing of ctpolicy here.");
	else
		strbuf_printf(&b, "No changes: %s matches %s.",
			      how->against ? how->against : "this host",
			      strcmp(e->plan->file, "-") ? e->plan->file :
							   "the policy");
	if (!strbuf_status(&b))
		fold_print(strbuf_str(&b), 0, 0, how->width, stdout);
	return strbuf_status(&b);
}

/* "ctpolicy apply --confirm 60s policy.yaml", with what was asked for here. */
static void print_next(const struct result *r, const struct plan *p,
		       struct strbuf *out)
{
	command_begin(p->policy ? "apply --confirm 60s" : r->command, p->rq,
		      out);
	if (p->policy && p->rq->force)
		strbuf_puts(out, " --force");
	if (!p->policy || p->file == policy_default)
		return;
	if (strcmp(p->file, "-") != 0)
		command_put_file(p->file, out);
	else
		strbuf_puts(out, " POLICY");
}

/* A command is never folded: it is to be copied. */
static void say_next(const char *command, const struct display *how)
{
	static const char done[] = "Nothing has been changed.", next[] = " Next:";

	fputs(done, stdout);
	if (*command) {
		size_t n = strlen(done) + strlen(next) + 1 + strlen(command);

		printf("%s%s", next, n > how->width ? "\n  " : " ");
		diag_puts(command, stdout);
	}
	putchar('\n');
}

int change_print_plan(const struct result *r, const struct result_end *e,
		      const struct change_summary *s,
		      const struct display *how)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	_cleanup_(strbuf_release) struct strbuf next = { 0 };

	if (e->shown != SHOW_PLANNED)
		return 0;
	if (change_is_empty(&e->plan->change))
		return print_same(e, how);
	print_services(s, &b);
	plan_print_beside(e, s, &b);
	print_objects(s, how, &b);
	if (!how->against)
		print_next(r, e->plan, &next);
	if (strbuf_status(&b) || strbuf_status(&next))
		return -ENOMEM;
	fputs("\nPlan: ", stdout);
	strbuf_puts(&b, ".");
	fold_print(strbuf_str(&b), strlen("Plan: "), SIGN_WIDTH, how->width,
		   stdout);
	say_next(strbuf_str(&next), how);
	return strbuf_status(&b);
}
