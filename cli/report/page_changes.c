/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/report/page_changes.c: what differs from the policy, what was done. */

#include "cli/change/change_text.h"
#include "cli/report/page.h"
#include "core/mem.h"

#define STEPS_SHOWN 1000

/* One line of a difference, by its sign. */
static void put_line(char sign, const struct strbuf *text, struct strbuf *out)
{
	strbuf_printf(out, "<span class=\"%s\">%c ", sign == '+' ? "add" :
		      sign == '-' ? "del" : "chg", sign);
	html_buffer(out, text);
	strbuf_puts(out, "\n</span>");
}

/* ---- in short ---- */

static void put_service(struct shapes *shapes, const struct service_change *x,
			struct strbuf *out)
{
	_cleanup_(strbuf_release) struct strbuf head = { 0 };

	if (x->sign == SIGN_NONE)
		return;
	if (service_print_head(shapes, x, &head))
		out->lost = true;
	put_line(sign_letter(x->sign), &head, out);
}

static void put_settings(const struct item_steps *s, struct strbuf *out)
{
	for (size_t i = 0; i < s->n; i++) {
		_cleanup_(strbuf_release) struct strbuf line = { 0 };

		item_print_step(&s->v[i], &line);
		put_line(s->v[i].add ? '+' : '-', &line, out);
	}
}

static void put_files(const struct boot_steps *s, struct strbuf *out)
{
	for (size_t i = 0; i < s->n; i++) {
		_cleanup_(strbuf_release) struct strbuf line = { 0 };

		boot_print_step(&s->v[i], &line);
		put_line('~', &line, out);
	}
}

static void put_edits(const struct page *p, struct strbuf *out)
{
	size_t n = p->plan.edits.n;

	if (!n)
		return;
	strbuf_puts(out, "<p>");
	html_counted(out, n, "rule");
	strbuf_puts(out, " of the host would be replaced by stateless rules: <code>ctpolicy diff</code> shows each.</p>\n");
}

static void print_short(const struct page *p, struct strbuf *out)
{
	const struct result_end end = {
		.plan = &p->plan, .word = "would_change", .shown = SHOW_PLANNED,
	};
	_cleanup_(shapes_release) struct shapes shapes = { .of = &end };
	const struct change *c = &p->plan.change;

	strbuf_puts(out, "<pre>");
	for (size_t i = 0; i < p->changes.n; i++)
		put_service(&shapes, &p->changes.v[i], out);
	put_settings(&c->off.at.steps, out);
	put_settings(&c->tune.at.steps, out);
	put_files(&c->boot.steps, out);
	strbuf_puts(out, "</pre>\n");
	put_edits(p, out);
}

/* ---- in full ---- */

static size_t put_steps(const struct part *m, size_t room, struct strbuf *out)
{
	const struct changeset *cs = m->changes;
	struct step_walk w = { 0 };

	while (cs && room-- && changeset_next(cs, &w)) {
		_cleanup_(strbuf_release) struct strbuf line = { 0 };

		m->backend->print_step(&w.now, &line);
		put_line(w.now.add ? '+' : '-', &line, out);
	}
	return cs ? changeset_count(cs) : 0;
}

static void print_full(const struct page *p, struct strbuf *out)
{
	const struct change *c = &p->plan.change;
	size_t n = change_rule_steps(c);

	if (!n)
		return;
	strbuf_puts(out, "<details><summary>");
	html_counted(out, n, "kernel object");
	strbuf_puts(out, ", one by one</summary><pre>");
	n = 0;
	for (size_t i = 0; i < c->n; i++)
		n += put_steps(&c->v[i], n < STEPS_SHOWN ? STEPS_SHOWN - n : 0,
			       out);
	strbuf_puts(out, "</pre></details>\n");
	if (n > STEPS_SHOWN)
		page_not_known("Only the first 1,000 are on this page; 'ctpolicy diff --rules' shows all.",
			       out);
}

/* Of the policy that was applied the text is on record, not the file. */
static void print_same(const struct page *p, struct strbuf *out)
{
	strbuf_puts(out, "<p class=\"good\">✓ No changes: ");
	html_text(out, p->file ? p->file : "this host");
	strbuf_puts(out, " matches ");
	if (p->policy == PAGE_APPLIED)
		strbuf_printf(out, "what change %u applied",
			      p->status.history[0].id);
	else
		html_text(out, page_policy_name(p));
	strbuf_puts(out, ".</p>\n");
}

static void print_fate(const struct page *p, struct strbuf *out)
{
	if (!page_file_fate(p))
		return;
	strbuf_puts(out, "<p>");
	html_text(out, page_policy_name(p));
	strbuf_printf(out, " %s%s.</p>\n", page_file_fate(p),
		      p->status.file == FILE_CHANGED ?
		      ": what it asks for now is not compared here" : "");
}

static void print_difference(const struct page *p, struct strbuf *out)
{
	if (!page_is_compared(p)) {
		page_not_known("Not compared: an apply of the policy would be refused before that. The reasons are under “Do next”.",
			       out);
		return;
	}
	if (!page_differs(p)) {
		print_same(p, out);
		return;
	}
	print_short(p, out);
	print_full(p, out);
	if (p->refused)
		page_not_known("None of it would be done: an apply would be refused. The reasons are under “Do next”.",
			       out);
	if (p->file && p->plan.rules && p->plan.rules->n_sysctls)
		page_not_known("Sizes and timeouts are not compared with a file.",
			       out);
}

void page_print_changes(const struct page *p, struct strbuf *out)
{
	html_section(out, "changes", p->policy == PAGE_APPLIED ?
		     "Since the last apply" :
		     "What the policy would change");
	if (p->policy == PAGE_NO_POLICY)
		page_not_known("Not asked: there is no policy to compare with.",
			       out);
	else
		print_difference(p, out);
	print_fate(p, out);
	html_section_end(out);
}

/* ---- what was done ---- */

static const struct html_column columns[] = {
	{ "change", HTML_NUMBER },
	{ "what", NULL },
	{ "when", NULL },
	{ "by", NULL },
};

static void put_words(const char *before, const char *words,
		      struct strbuf *out)
{
	if (!words)
		return;
	strbuf_puts(out, before);
	html_text(out, words);
}

static void put_change(struct html_table *t, const struct record *r)
{
	html_cell(t);
	strbuf_printf(t->out, "%u", r->id);
	html_cell(t);
	put_words("", r->command, t->out);
	put_words(" of ", r->policy, t->out);
	html_cell(t);
	page_print_time(r->time, t->out);
	html_cell(t);
	put_words("", r->user ? r->user : "not known", t->out);
	put_words(" via ", r->via, t->out);
	put_words(" in ", r->unit, t->out);
}

void page_print_history(const struct page *p, struct strbuf *out)
{
	struct html_table t = { .out = out, .columns = columns,
				.n = ARRAY_SIZE(columns) };

	if (p->file)
		return;
	html_section(out, "history", "Changes that were made");
	if (p->status.n_history) {
		html_table_begin(&t, "The newest changes, as the state folder has them");
		for (size_t i = 0; i < p->status.n_history; i++)
			put_change(&t, &p->status.history[i]);
		html_table_end(&t);
	} else {
		strbuf_puts(out, "<p>None is on record.</p>\n");
	}
	html_section_end(out);
}
