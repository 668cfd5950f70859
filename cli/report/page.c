/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/report/page.h"

#include <config.h>

#include <string.h>
#include <time.h>

#include "cli/audit/audit_report.h"
#include "cli/output/command_text.h"
#include "core/mem.h"

#define RULE_SHOWN 160		/* bytes of a rule */
#define TIME_SHOWN 32

void page_print_time(int64_t when, struct strbuf *out)
{
	time_t t = (time_t)when;
	struct tm tm;
	char text[TIME_SHOWN];

	if (gmtime_r(&t, &tm) &&
	    strftime(text, sizeof(text), "%e %b %Y %H:%M UTC", &tm))
		strbuf_puts(out, text + strspn(text, " "));
}

void page_not_known(const char *words, struct strbuf *out)
{
	strbuf_puts(out, "<p class=\"unknown\">");
	html_text(out, words);
	strbuf_puts(out, "</p>\n");
}

void page_print_rule(const struct foreign_text *raw, struct strbuf *out)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };

	foreign_text_line(raw, RULE_SHOWN, &b);
	strbuf_puts(out, "<code>");
	html_buffer(out, &b);
	strbuf_puts(out, "</code>");
}

void page_print_audit(const struct page *p, struct strbuf *out)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };

	command_begin("audit", &p->o->request, &b);
	if (p->file && strcmp(p->file, "-") != 0)
		command_put_file(p->file, &b);
	strbuf_puts(out, "<code>");
	html_buffer(out, &b);
	strbuf_puts(out, "</code>");
}

void page_print_place(const struct foreign *f, const struct foreign_rule *r,
		      struct strbuf *out)
{
	const struct foreign_table *t = &f->tables[f->chains[r->chain].table];
	uint32_t position = foreign_position(f, r);

	if (r->line)
		strbuf_printf(out, "line %u: ", r->line);
	if (t->world == WORLD_LEGACY)
		strbuf_puts(out, "legacy ");
	strbuf_printf(out, "%s ", foreign_family_name(t->family));
	html_text(out, t->name);
	strbuf_puts(out, " ");
	html_text(out, audit_chain_name(f, r));
	if (position)
		strbuf_printf(out, ", rule %u", position);
}

const char *page_policy_name(const struct page *p)
{
	const char *name = p->plan.file;

	return !name || !strcmp(name, "-") ? "the policy" : name;
}

const char *page_file_fate(const struct page *p)
{
	return p->policy != PAGE_APPLIED ? NULL :
	       p->status.file == FILE_CHANGED ? "was edited since" :
	       p->status.file == FILE_GONE ? "is gone by now" : NULL;
}

bool page_differs(const struct page *p)
{
	return p->policy != PAGE_NO_POLICY && !change_is_empty(&p->plan.change);
}

bool page_is_compared(const struct page *p)
{
	const struct change *c = &p->plan.change;

	return p->policy != PAGE_NO_POLICY &&
	       (!p->refused || (c->n && c->v[0].changes));
}

const struct live_service *page_find_live(const struct page *p,
					  const char *name)
{
	const struct live_services *all = &p->status.services;

	for (size_t i = 0; i < all->n; i++)
		if (!strcmp(all->v[i].name, name))
			return &all->v[i];
	return NULL;
}

bool page_has_family(const struct page *p, uint8_t family)
{
	for (size_t i = 0; p->file && i < p->f->n_tables; i++)
		if (foreign_is_of(&p->f->tables[i], family))
			return true;
	return !p->file;
}

static void print_foot(const struct page *p, struct strbuf *out)
{
	strbuf_puts(out, "<footer>\n<p>One file without scripts, which loads nothing from elsewhere. Made by <code>ctpolicy report</code>, which changes nothing.");
	strbuf_puts(out, p->file ? " The same as data: <code>ctpolicy audit --json</code>" :
		    " The same as data: <code>ctpolicy status --json</code>, <code>suggest --json</code>, <code>audit --json</code>");
	strbuf_puts(out, p->policy == PAGE_NO_POLICY ? ".</p>\n" :
		    " and <code>diff --json</code>.</p>\n");
	strbuf_puts(out, "</footer>\n");
}

/* A page that cannot run scripts or load anything, whatever is in it. */
static void print_preamble(const struct page *p, struct strbuf *out)
{
	strbuf_puts(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
		    "<meta charset=\"utf-8\"/>\n"
		    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\"/>\n"
		    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
		    "<meta name=\"color-scheme\" content=\"light dark\"/>\n"
		    "<meta name=\"generator\" content=\"" PACKAGE_STRING "\"/>\n"
		    "<title>ctpolicy report: ");
	html_text(out, p->file ? p->file : p->host ? p->host : "this host");
	strbuf_puts(out, "</title>\n<style>\n");
	strbuf_puts(out, page_style);
	strbuf_puts(out, "</style>\n</head>\n<body>\n");
}

/* A page that lacks a warning would not be true. */
static bool lacks_words(const struct page *p)
{
	return p->diags.lost || p->plan.diags.lost || p->status.diags.lost ||
	       p->advice.diags.lost;
}

void page_print(const struct page *p, struct strbuf *out)
{
	print_preamble(p, out);
	page_print_head(p, out);
	strbuf_puts(out, "<main>\n");
	page_print_figures(p, out);
	page_print_path(p, out);
	page_print_next(p, out);
	page_print_services(p, out);
	page_print_packets(p, out);
	page_print_table(p, out);
	page_print_keepers(p, out);
	page_print_changes(p, out);
	page_print_history(p, out);
	strbuf_puts(out, "</main>\n");
	print_foot(p, out);
	strbuf_puts(out, "</body>\n</html>\n");
	out->lost |= lacks_words(p);
}
