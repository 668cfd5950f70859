/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/report/page_table.c: what fills the connection table. */
#include <inttypes.h>

#include "cli/report/page.h"
#include "cli/status/suggest_report.h"
#include "core/fault.h"
#include "core/inet.h"
#include "core/mem.h"

#define PER_CENT 100

static const struct html_column columns[] = {
	{ "service", HTML_CODE },
	{ "this host is", NULL },
	{ "entries", HTML_NUMBER },
	{ "share", HTML_NUMBER },
	{ "one-way", HTML_NUMBER },
	{ "could it leave?", NULL },
};

static void put_roles(const struct group *g, struct strbuf *out)
{
	const char *between = "";

	for (unsigned int k = 0; k < GROUPS_ROLE_MAX_; k++)
		if (g->role[k]) {
			strbuf_printf(out, "%s%s", between,
				      suggest_role_name(k));
			between = ", ";
		}
}

static void put_verdict(const struct suggestion *s, struct strbuf *out)
{
	const struct group *g = &s->group;

	switch (s->why) {
	case ADVICE_ALLOWED:
		strbuf_puts(out, "<span class=\"good\">✓ yes</span>, ");
		html_count(out, s->would_save);
		strbuf_puts(out, s->would_save == 1 ? " entry" : " entries");
		break;
	case ADVICE_TRANSLATED:
		strbuf_puts(out, "no: this host translates ");
		html_count(out, g->translated);
		strbuf_puts(out, " of them (NAT)");
		break;
	case ADVICE_HELPED:
		strbuf_puts(out, "no: a conntrack helper works on ");
		html_count(out, g->helped);
		strbuf_puts(out, " of them");
		break;
	case ADVICE_NO_SERVICE:
		strbuf_puts(out, "no: no policy can name it");
		break;
	case ADVICE_TO_GROUPS:
		strbuf_puts(out, "broadcast or multicast: list the addresses in <code>servers</code> of a service");
		break;
	case ADVICE_REFUSED:
	default:
		strbuf_puts(out, "no: this host’s rules need its state");
		break;
	}
}

static void print_group(struct html_table *t, const struct page *p,
			const struct suggestion *s)
{
	const struct group *g = &s->group;

	html_cell(t);
	protocol_print(g->proto, t->out);
	if (g->port)
		strbuf_printf(t->out, " %u", g->port);
	html_cell(t);
	put_roles(g, t->out);
	html_cell(t);
	html_count(t->out, g->entries);
	html_cell(t);
	strbuf_printf(t->out, "%.1f %%",
		      PER_CENT * advice_share(&p->advice, g->entries));
	html_cell(t);
	strbuf_printf(t->out, "%.0f %%",
		      PER_CENT * (double)g->one_way / (double)g->entries);
	html_cell(t);
	put_verdict(s, t->out);
}

static void print_rest(struct html_table *t, const struct page *p,
		       uint64_t rest)
{
	html_cell(t);
	strbuf_puts(t->out, "others");
	html_cell(t);
	strbuf_puts(t->out, "–");
	html_cell(t);
	html_count(t->out, rest);
	html_cell(t);
	strbuf_printf(t->out, "%.1f %%",
		      PER_CENT * advice_share(&p->advice, rest));
	html_cell(t);
	strbuf_puts(t->out, "–");
	html_cell(t);
	strbuf_puts(t->out, "less than a hundredth each");
}

static void print_groups(const struct page *p, struct strbuf *out)
{
	struct html_table t = { .out = out, .columns = columns,
				.n = ARRAY_SIZE(columns) };
	const struct advice *a = &p->advice;
	uint64_t named = 0;

	html_table_begin(&t, "Services with a hundredth of the entries or more");
	for (size_t i = 0; i < a->n; i++) {
		print_group(&t, p, &a->v[i]);
		named += a->v[i].group.entries;
	}
	if (named < a->entries)
		print_rest(&t, p, a->entries - named);
	html_table_end(&t);
	strbuf_puts(out, "<p class=\"mut\">");
	html_count(out, a->entries);
	strbuf_puts(out, a->entries == 1 ? " entry was" : " entries were");
	strbuf_puts(out, a->complete ? " listed: all there were." :
		    " listed: not all, since the table changed meanwhile.");
	strbuf_puts(out, " One-way: nobody answered.</p>\n");
}

/* Why nothing was listed, in the words of whoever refused. */
static void print_unlisted(const struct page *p, struct strbuf *out)
{
	const struct diags *d = &p->advice.diags;

	for (size_t i = 0; i < d->n; i++)
		if (d->v[i].level == DIAG_ERROR) {
			_cleanup_(strbuf_release) struct strbuf b = { 0 };

			strbuf_printf(&b, "Not asked: %s.", d->v[i].msg);
			page_not_known(strbuf_str(&b), out);
			html_lose_with(out, &b);
			return;
		}
	page_not_known(fault_text(p->unadvised), out);
}

void page_print_table(const struct page *p, struct strbuf *out)
{
	html_section(out, "table", "What fills the table");
	if (p->file)
		page_not_known("A saved ruleset has no connection table.",
			       out);
	else if (p->unadvised)
		print_unlisted(p, out);
	else if (!p->advice.tracked)
		strbuf_puts(out, "<p>Nothing: connection tracking is not loaded.</p>\n");
	else if (!p->advice.entries)
		strbuf_puts(out, "<p>Nothing: the connection table is empty.</p>\n");
	else
		print_groups(p, out);
	html_section_end(out);
}
