/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/report/page_next.c: what to do next, what is urgent first. */
#include <inttypes.h>
#include <string.h>

#include "cli/output/command_text.h"
#include "cli/report/page.h"
#include "core/inet.h"
#include "core/mem.h"
#include "engine/unsettled.h"

#define PER_CENT 100
#define ITEMS_SHOWN 200		/* so that a browser stays quick */

/* The items that were printed; each text once, whoever said it. */
struct todo {
	const struct page *p;
	struct strbuf *out;
	size_t n, more;
};

static void begin(struct todo *x, enum diag_level level, const char *id)
{
	static const char *const classes[] = {
		[DIAG_NOTE] = "note", [DIAG_WARNING] = "warning",
		[DIAG_ERROR] = "error",
	};

	strbuf_printf(x->out, "<li class=\"%s\">", classes[level]);
	if (id)
		strbuf_printf(x->out, "<span class=\"id\">%s</span>", id);
	x->n++;
}

static void end(struct todo *x)
{
	strbuf_puts(x->out, "</li>\n");
}

/* A line of its own: what to do about it, with a command or without. */
static void put_cure(struct todo *x, const char *words, const char *command)
{
	strbuf_printf(x->out, "<p>%s", words);
	if (command)
		html_element(x->out, "code", command);
	strbuf_puts(x->out, "</p>");
}

static void put_item(struct todo *x, enum diag_level level, const char *what,
		     const char *words, const char *command)
{
	begin(x, level, NULL);
	html_element(x->out, "b", what);
	put_cure(x, words, command);
	end(x);
}

/* The cure is a command of ctpolicy's own, asked as the page was. */
static void put_own(struct todo *x, enum diag_level level, const char *what,
		    const char *words, const char *verb)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };

	command_begin(verb, &x->p->o->request, &b);
	put_item(x, level, what, words, strbuf_str(&b));
	html_lose_with(x->out, &b);
}

static void put_own_cure(struct todo *x, const char *words, const char *verb)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };

	command_begin(verb, &x->p->o->request, &b);
	put_cure(x, words, strbuf_str(&b));
	html_lose_with(x->out, &b);
}

/* ---- what is urgent ---- */

static void put_open_ends(struct todo *x)
{
	const struct status *s = &x->p->status;

	if (s->unfinished.command)
		put_own(x, DIAG_ERROR, "A change was interrupted.",
			"This completes or undoes it: ", "recover");
	if (!s->waiting.there)
		return;
	if (s->waiting.expired) {
		put_own(x, DIAG_ERROR, "A change was not confirmed in time.",
			"This rolls it back: ", "recover");
		return;
	}
	begin(x, DIAG_WARNING, NULL);
	strbuf_printf(x->out, "<b>Change %u is on trial: when this page was made, %" PRIu64 " s were left.</b>",
		      s->waiting.pending.id, trial_seconds_left(&s->waiting));
	put_own_cure(x, "To keep it, from a new login: ", "confirm");
	end(x);
}

static void put_refusal(struct todo *x)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };

	strbuf_printf(&b, "An apply of %s would be refused here.",
		      page_policy_name(x->p));
	put_item(x, DIAG_ERROR, strbuf_str(&b),
		 "Why is in the errors of this list. Nothing would be changed.",
		 NULL);
	html_lose_with(x->out, &b);
}

/* Empty: nothing that is typed would read the same policy. */
static void put_policy_command(const struct page *p, struct strbuf *out)
{
	const char *name = p->plan.file;
	bool tries = !p->file && p->policy == PAGE_GIVEN;

	if (p->policy == PAGE_APPLIED ? p->status.file != FILE_SAME :
					!strcmp(name, "-"))
		return;
	command_begin(tries ? "apply --confirm 60s" : "diff", p->plan.rq, out);
	if (p->file) {
		strbuf_puts(out, " --against");
		command_put_file(p->file, out);
	}
	/* Without a name the files beside the default one are read, too. */
	if (p->policy == PAGE_GIVEN || strcmp(name, policy_default) != 0)
		command_put_file(name, out);
}

static void put_difference(struct todo *x)
{
	const struct page *p = x->p;
	_cleanup_(strbuf_release) struct strbuf what = { 0 }, how = { 0 };
	bool given = p->policy == PAGE_GIVEN, typed;

	if (given)
		strbuf_printf(&what, "%s is not applied as it stands.",
			      page_policy_name(p));
	else
		strbuf_printf(&what, "What change %u applied is not in force any more.",
			      p->status.history[0].id);
	put_policy_command(p, &how);
	typed = how.n;
	put_item(x, given ? DIAG_NOTE : DIAG_ERROR, strbuf_str(&what),
		 !typed ? "What differs is shown below." :
		 p->file ? "This shows what differs: " : given ?
		 "What would change is shown below. To try it: " :
		 "What differs is shown below; this shows it, too: ",
		 typed ? strbuf_str(&how) : NULL);
	html_lose_with(x->out, &what);
	html_lose_with(x->out, &how);
}

/* The page compares with what was applied; an apply would read the file. */
static void put_edited(struct todo *x)
{
	const struct page *p = x->p;
	_cleanup_(strbuf_release) struct strbuf what = { 0 }, how = { 0 };

	if (!page_file_fate(p))
		return;
	strbuf_printf(&what, "%s %s.", page_policy_name(p),
		      page_file_fate(p));
	if (p->status.file == FILE_CHANGED) {
		command_begin("diff", p->plan.rq, &how);
		if (strcmp(p->plan.file, policy_default) != 0)
			command_put_file(p->plan.file, &how);
	}
	put_item(x, DIAG_WARNING, strbuf_str(&what), how.n ?
		 "What applying it would do: " :
		 "What was applied is known all the same, and is what this page compares with.",
		 how.n ? strbuf_str(&how) : NULL);
	html_lose_with(x->out, &what);
	html_lose_with(x->out, &how);
}

static void put_unknown_drift(struct todo *x)
{
	const struct status *s = &x->p->status;

	if (s->drift == DRIFT_PAST)
		put_item(x, DIAG_ERROR, "ctpolicy’s rules ended with the machine’s last boot.",
			 "A unit of systemd applies a policy at boot: ",
			 "systemctl enable ctpolicy.service");
	else if (s->drift == DRIFT_UNKNOWN)
		put_item(x, DIAG_WARNING, "Whether ctpolicy’s rules are in force is not known: some cannot be read.",
			 "The warnings of this list say why.", NULL);
}

static void put_fill(struct todo *x)
{
	const struct ct_table *t = &x->p->status.table;
	uint64_t lost = t->counter[CT_DROP] + t->counter[CT_CHAIN_TOO_LONG];

	if (x->p->attention >> CONCERN_FILL & 1)
		put_own(x, DIAG_ERROR, "The connection table is nearly full: new connections will be dropped.",
			"How large it should be: ", "size");
	if (!x->p->status.has_table || !lost)
		return;
	begin(x, DIAG_WARNING, NULL);
	strbuf_puts(x->out, "<b>");
	html_counted(x->out, lost, "packet");
	strbuf_puts(x->out, lost == 1 ? " was" : " were");
	strbuf_puts(x->out, " dropped for want of room in the table since boot.</b>");
	put_own_cure(x, "Whether it goes on: ", "status --check");
	end(x);
}

/* ---- what would relieve the table ---- */

static void put_suggestion(struct todo *x, const struct suggestion *s)
{
	const struct advice *a = &x->p->advice;
	const struct group *g = &s->group;

	begin(x, DIAG_NOTE, NULL);
	strbuf_puts(x->out, "<b>Take ");
	protocol_print(g->proto, x->out);
	if (g->port)
		strbuf_printf(x->out, " %u", g->port);
	strbuf_puts(x->out, " out of tracking: frees ");
	html_count(x->out, s->would_save);
	strbuf_printf(x->out, " %s, %.0f %% of all.</b>",
		      s->would_save == 1 ? "entry" : "entries",
		      PER_CENT * advice_share(a, s->would_save));
	if (s->shape == ADVICE_ONE_WAY)
		strbuf_puts(x->out, " One-way: nobody answers, as with syslog, telemetry or VXLAN.");
	else if (s->shape == ADVICE_ASYMMETRIC)
		strbuf_puts(x->out, " For most, only one direction was seen: rules that drop INVALID hurt it.");
	if (!diags_has(&a->diags, ID_ADVICE_UNJUDGED))
		strbuf_puts(x->out, " No rule of this host stands against it.");
	strbuf_puts(x->out, "<details><summary>A policy for it</summary><pre>");
	html_text(x->out, s->policy);
	strbuf_puts(x->out, "</pre></details>");
	end(x);
}

/* They are sorted by what they save. */
static void put_suggestions(struct todo *x)
{
	const struct advice *a = &x->p->advice;
	size_t n = 0;

	for (size_t i = 0; i < a->n; i++) {
		if (a->v[i].why != ADVICE_ALLOWED || !a->v[i].policy)
			continue;
		put_suggestion(x, &a->v[i]);
		n++;
	}
	if (n > 1)
		put_own(x, DIAG_NOTE, "All of these in one policy:", "",
			"suggest --yaml");
}

/* ---- what was said ---- */

static bool is_same(const struct diag *a, const struct diag *b)
{
	return a->id == b->id && a->level == b->level &&
	       !strcmp(a->msg, b->msg);
}

/* It heads the list, see put_open_ends(). */
static bool is_open_end(const struct diag *d)
{
	return d->id == ID_ON_TRIAL || d->id == ID_UNFINISHED_SEEN;
}

static bool was_said(const struct diags *const *lists, size_t list, size_t at)
{
	const struct diag *d = &lists[list]->v[at];

	for (size_t i = 0; i <= list; i++)
		for (size_t k = 0; k < (i < list ? lists[i]->n : at); k++)
			if (is_same(&lists[i]->v[k], d))
				return true;
	return false;
}

static void put_place(const struct srcpos *at, struct strbuf *out)
{
	if (!at->file)
		return;
	strbuf_puts(out, " <code>");
	html_text(out, at->file);
	if (at->line)
		strbuf_printf(out, ":%u", at->line);
	strbuf_puts(out, "</code>");
}

/* What is urgent was put first. */
static bool is_full(struct todo *x)
{
	if (x->n < ITEMS_SHOWN)
		return false;
	x->more++;
	return true;
}

static void put_diag(struct todo *x, const struct diag *d)
{
	if (is_full(x))
		return;
	begin(x, d->level, diag_id_name(d->id));
	strbuf_puts(x->out, "<b>");
	html_text(x->out, d->msg);
	strbuf_puts(x->out, "</b>");
	put_place(&d->at, x->out);
	if (d->related_msg) {
		strbuf_puts(x->out, "<p>");
		html_text(x->out, d->related_msg);
		put_place(&d->related, x->out);
		strbuf_puts(x->out, "</p>");
	}
	if (d->help)
		html_element(x->out, "p", d->help);
	end(x);
}

/* Of all that was asked; the same words of several are one item. */
static void put_diags(struct todo *x, enum diag_level level)
{
	const struct page *p = x->p;
	const struct diags *lists[] = {
		&p->plan.diags, &p->status.diags, &p->diags,
		&p->advice.diags,
	};
	/* why it was not asked is said where its answer would be */
	size_t n = ARRAY_SIZE(lists) - (p->unadvised != 0);

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < lists[i]->n; k++)
			if (lists[i]->v[k].level == level &&
			    !is_open_end(&lists[i]->v[k]) &&
			    !was_said(lists, i, k))
				put_diag(x, &lists[i]->v[k]);
}

static void put_rule(const struct foreign *f, uint32_t rule,
		     struct strbuf *out)
{
	strbuf_puts(out, "<p>");
	page_print_place(f, &f->rules[rule], out);
	strbuf_puts(out, "<br/>");
	page_print_rule(&f->rules[rule].raw, out);
	strbuf_puts(out, "</p>");
}

static void put_flaw(struct todo *x, const struct flaw *w)
{
	if (is_full(x))
		return;
	begin(x, w->level, diag_id_name(w->id));
	html_element(x->out, "b", w->msg);
	put_rule(x->p->f, w->rule, x->out);
	if (w->other != FOREIGN_NOWHERE)
		put_rule(x->p->f, w->other, x->out);
	if (w->help)
		html_element(x->out, "p", w->help);
	end(x);
}

static void put_flaws(struct todo *x, enum diag_level level)
{
	for (size_t i = 0; i < x->p->flaws.n; i++)
		if (x->p->flaws.v[i].level == level)
			put_flaw(x, &x->p->flaws.v[i]);
}

static void put_urgent(struct todo *x)
{
	const struct page *p = x->p;

	if (!p->file)
		put_open_ends(x);
	if (p->refused)
		put_refusal(x);
	else if (p->policy == PAGE_APPLIED && page_differs(p))
		put_difference(x);
	if (!p->file) {
		put_unknown_drift(x);
		put_fill(x);
	}
	put_diags(x, DIAG_ERROR);
	put_flaws(x, DIAG_ERROR);
}

static void put_more(struct todo *x)
{
	begin(x, DIAG_NOTE, NULL);
	strbuf_puts(x->out, "<b>And ");
	html_count(x->out, x->more);
	strbuf_puts(x->out, " more, which are not on this page.</b>");
	put_cure(x, "What is wrong with NOTRACK rules, all of it: ", NULL);
	page_print_audit(x->p, x->out);
	end(x);
}

static void put_all(struct todo *x)
{
	const struct page *p = x->p;

	put_urgent(x);
	if (p->policy == PAGE_GIVEN && !p->refused && page_differs(p))
		put_difference(x);
	put_edited(x);
	put_suggestions(x);
	put_flaws(x, DIAG_WARNING);
	put_diags(x, DIAG_WARNING);
	put_diags(x, DIAG_NOTE);
	if (x->more)
		put_more(x);
}

void page_print_next(const struct page *p, struct strbuf *out)
{
	_cleanup_(strbuf_release) struct strbuf list = { 0 };
	struct todo x = { .p = p, .out = &list };

	put_all(&x);
	html_section(out, "next", "Do next");
	if (x.n) {
		strbuf_puts(out, "<ul class=\"items\">\n");
		strbuf_join(out, &list);
		strbuf_puts(out, "</ul>\n");
	} else {
		strbuf_puts(out, "<p>Nothing: no errors, no warnings, no advice.</p>\n");
	}
	html_section_end(out);
}
