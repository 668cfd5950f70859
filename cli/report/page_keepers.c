/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/report/page_keepers.c: what keeps connection tracking on. */
#include <sys/socket.h>

#include "audit/own.h"
#include "cli/audit/audit_report.h"
#include "cli/report/page.h"
#include "core/mem.h"

#define RULES_SHOWN 25

/* The last one of a file alone. */
static const struct html_column columns[] = {
	{ "where", NULL },
	{ "rule", NULL },
	{ "what for", NULL },
	{ "stateless replacement", NULL },
};

static void put_off(const char *why, struct strbuf *out)
{
	strbuf_printf(out, "<span class=\"good\">off</span>: %s", why);
}

static void put_rules(size_t n, struct strbuf *out)
{
	strbuf_puts(out, "on, kept by ");
	html_counted(out, n, "rule");
}

static void put_family(const struct page *p, const char *name, uint8_t family,
		       const struct keepers_family *k, struct strbuf *out)
{
	strbuf_printf(out, "<li><b>%s</b> ", name);
	if (!page_has_family(p, family))
		strbuf_puts(out, "not known: this file has no rules of it");
	else if (!p->file && p->status.module == MODULES_ABSENT)
		put_off("nf_conntrack is not loaded", out);
	else if (k->rules)
		put_rules(k->rules, out);
	else if (p->keepers.objects)
		strbuf_puts(out, "on, kept by declared objects");
	else
		put_off("no rule needs it", out);
	strbuf_puts(out, "</li>\n");
}

/* "ESTABLISHED, RELATED", which may end a line. */
static void put_why(const struct foreign *f, const struct foreign_rule *r,
		    struct strbuf *out)
{
	_cleanup_(strbuf_release) struct strbuf why = { 0 }, b = { 0 };

	needs_print(f, r, "; ", &why);
	for (const char *s = strbuf_str(&why); *s; s++) {
		strbuf_add(&b, s, 1);
		if (s[0] == ',' && s[1] != ' ')
			strbuf_puts(&b, " ");
	}
	html_buffer(out, &b);
	html_lose_with(out, &why);
}

/* Of a file, what an audit would put in its place. */
static void put_replacement(const struct page *p, const struct foreign_rule *r,
			    struct strbuf *out)
{
	const struct audit_report a = {
		.f = p->f, .stateless = &p->stateless, .backend = p->backend,
	};
	struct audit_replacement x = { 0 };

	if (!p->has_stateless || !(r->features & FEATURE_BIT(STATE)) ||
	    !audit_replacement_find(&a, r, &x)) {
		strbuf_puts(out, "–");
		return;
	}
	strbuf_puts(out, stateless_class_name(x.kind));
	if (x.why)
		strbuf_printf(out, ": %s", x.why);
	strbuf_release(&x.rules);
}

static void put_row(struct html_table *t, const struct page *p,
		    const struct foreign_rule *r)
{
	html_cell(t);
	page_print_place(p->f, r, t->out);
	html_cell(t);
	page_print_rule(&r->raw, t->out);
	html_cell(t);
	put_why(p->f, r, t->out);
	if (!p->file)
		return;
	html_cell(t);
	put_replacement(p, r, t->out);
}

static bool is_keeper(const struct page *p, const struct foreign_rule *r)
{
	return !foreign_is_gone(r) &&
	       (keepers_has(p->f, r) || needs_conntrack(r));
}

/* Of ctpolicy's own only the number is told: they go with their services. */
static void print_own(const struct page *p, struct strbuf *out)
{
	size_t n = 0;

	for (size_t i = 0; i < p->f->n_rules; i++)
		n += !own_is_host(p->f, &p->f->rules[i]) &&
		     is_keeper(p, &p->f->rules[i]);
	if (!n)
		return;
	strbuf_puts(out, "<p class=\"mut\">And ");
	html_counted(out, n, "rule");
	strbuf_puts(out, " of ctpolicy’s own.</p>\n");
}

static void print_rules(const struct page *p, struct strbuf *out)
{
	struct html_table t = { .out = out, .columns = columns,
				.n = ARRAY_SIZE(columns) - !p->file };
	size_t n = 0;

	for (size_t i = 0; i < p->f->n_rules; i++) {
		if (!own_is_host(p->f, &p->f->rules[i]) ||
		    !is_keeper(p, &p->f->rules[i]) || n++ >= RULES_SHOWN)
			continue;
		if (n == 1)
			html_table_begin(&t, "The host’s own rules that need it");
		put_row(&t, p, &p->f->rules[i]);
	}
	if (n)
		html_table_end(&t);
	if (n <= RULES_SHOWN)
		return;
	strbuf_printf(out, "<p class=\"mut\">and %zu more: ",
		      n - RULES_SHOWN);
	page_print_audit(p, out);
	strbuf_puts(out, " lists all.</p>\n");
}

void page_print_keepers(const struct page *p, struct strbuf *out)
{
	html_section(out, "keepers", "What keeps tracking on");
	strbuf_puts(out, "<ul class=\"plain\">\n");
	put_family(p, "IPv4", AF_INET, &p->keepers.ipv4, out);
	put_family(p, "IPv6", AF_INET6, &p->keepers.ipv6, out);
	strbuf_puts(out, "</ul>\n");
	print_rules(p, out);
	print_own(p, out);
	if (p->needs.facts[FACT_INCLUDES])
		page_not_known("The ruleset includes files that were not read.",
			       out);
	if (!p->file && p->status.blind)
		page_not_known("Some rules cannot be read, and may need tracking as well.",
			       out);
	if (!p->file)
		strbuf_puts(out, "<p class=\"mut\">What could replace a rule: <code>ctpolicy audit FILE</code> of the saved ruleset.</p>\n");
	html_section_end(out);
}
