/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/report/page_services.c: the services, and whether they are untracked. */
#include <string.h>

#include "cli/change/change_text.h"
#include "cli/report/page.h"
#include "core/bytes.h"
#include "core/mem.h"

#define BYTES 32	/* room for bytes_print() */

/* A file tells nothing of the last two. */
enum { COLUMN_NAME, COLUMN_LEAVES, COLUMN_ACCEPTED, COLUMN_STATE,
       COLUMN_PACKETS, COLUMN_ENTRIES, COLUMN_MAX_ };

static const struct html_column columns[COLUMN_MAX_] = {
	[COLUMN_NAME] = { "service", NULL },
	[COLUMN_LEAVES] = { "leaves tracking", NULL },
	[COLUMN_ACCEPTED] = { "accept rules", NULL },
	[COLUMN_STATE] = { "rules", NULL },
	[COLUMN_PACKETS] = { "packets", HTML_NUMBER },
	[COLUMN_ENTRIES] = { "entries", HTML_NUMBER },
};

static void put_name(const struct page *p, const struct service_change *x,
		     struct strbuf *out)
{
	_cleanup_(strbuf_release) struct strbuf words = { 0 };

	html_element(out, "b", x->name);
	if (x->service)
		service_print_words(p->plan.policy, x->service, " · ",
				    &words);
	else
		strbuf_puts(&words, "no longer in the policy");
	if (x->why)
		strbuf_printf(&words, " · %s", x->why);
	strbuf_puts(out, "<span class=\"mut\">");
	html_buffer(out, &words);
	strbuf_puts(out, "</span>");
}

static void put_leaves(const struct page *p, const struct service_change *x,
		       struct strbuf *out)
{
	_cleanup_(strbuf_release) struct strbuf words = { 0 };

	if (!x->service) {
		strbuf_puts(out, "–");
		return;
	}
	service_print_untrack(p->plan.policy, x, &words);
	if (x->tracked)
		strbuf_puts(out, "stays tracked: ");
	html_buffer(out, &words);
}

static void put_accepted(const struct page *p, const struct service_change *x,
			 struct strbuf *out)
{
	_cleanup_(strbuf_release) struct strbuf lines = { 0 };
	const struct accepted_bys *by = &p->plan.accepted;
	size_t shown = 0;

	if (!page_is_compared(p)) {
		strbuf_puts(out, "not known");
		return;
	}
	if (!x->tracked &&
	    service_print_accepts(&p->plan, x->name, false, &lines))
		out->lost = true;
	html_buffer(out, &lines);
	shown += lines.n;
	for (size_t i = 0; i < by->n; i++) {
		if (by->v[i].service != x->service)
			continue;
		strbuf_puts(out, "accepted already by ");
		html_text(out, by->v[i].place);
		strbuf_puts(out, "\n");
		shown++;
	}
	if (!shown)
		strbuf_puts(out, x->service && !x->tracked ? "none" : "–");
}

static void put_packets(const struct page *p, const struct service_change *x,
			struct strbuf *out)
{
	const struct live_service *live = page_find_live(p, x->name);
	char bytes[BYTES];

	if (!live || !live->counted) {
		strbuf_puts(out, "not counted");
		return;
	}
	html_count(out, live->packets);
	strbuf_puts(out, " ");
	bytes_print(live->bytes, bytes);
	html_element(out, "span class=\"mut\"", bytes);
}

static void put_entries(const struct page *p, const struct service_change *x,
			struct strbuf *out)
{
	const struct ranking *r = &p->top.ranking;

	if (!p->has_top) {
		strbuf_puts(out, "–");
		return;
	}
	for (size_t i = 0; i < r->n; i++) {
		const char *name = top_service(&p->top, &r->v[i].key);

		if (!name || strcmp(name, x->name))
			continue;
		html_count(out, r->v[i].entries);
		return;
	}
	strbuf_puts(out, "0");
}

static void put_good(const char *words, struct strbuf *out)
{
	strbuf_printf(out, "<span class=\"good\">✓ %s</span>", words);
}

static void put_bad(const char *words, struct strbuf *out)
{
	strbuf_printf(out, "<span class=\"bad\">✗ %s</span>", words);
}

static void put_state(const struct page *p, const struct service_change *x,
		      struct strbuf *out)
{
	if (!page_is_compared(p)) {
		strbuf_puts(out, "not compared");
		return;
	}
	switch (x->sign) {
	case SIGN_ADD:
		put_bad(p->file ? "not in the file" : "not in the kernel",
			out);
		break;
	case SIGN_CHANGE:
		put_bad("differ from the policy’s", out);
		break;
	case SIGN_REMOVE:
		put_bad("would be removed", out);
		break;
	case SIGN_NONE:
	case SIGN_MAX_:
	default:
		put_good(!x->wanted ? "none needed" : p->file ? "in the file" :
			 "in force", out);
		break;
	}
}

static void print_compared(const struct page *p, struct strbuf *out)
{
	struct html_table t = {
		.out = out, .columns = columns,
		.n = p->file ? COLUMN_PACKETS : COLUMN_MAX_,
	};
	static void (*const cells[])(const struct page *,
				     const struct service_change *,
				     struct strbuf *) = {
		[COLUMN_NAME] = put_name, [COLUMN_LEAVES] = put_leaves,
		[COLUMN_ACCEPTED] = put_accepted, [COLUMN_STATE] = put_state,
		[COLUMN_PACKETS] = put_packets, [COLUMN_ENTRIES] = put_entries,
	};

	html_table_begin(&t, "Each service of the policy, and how it stands");
	for (size_t i = 0; i < p->changes.n; i++)
		for (size_t c = 0; p->changes.v[i].name && c < t.n; c++) {
			html_cell(&t);
			cells[c](p, &p->changes.v[i], out);
		}
	html_table_end(&t);
}

/* Without a policy, what the rules in the kernel say of themselves. */
static void print_live(const struct page *p, struct strbuf *out)
{
	static const struct html_column few[] = {
		{ "service", NULL }, { "packets", HTML_NUMBER },
	};
	struct html_table t = { .out = out, .columns = few,
				.n = ARRAY_SIZE(few) };
	const struct live_services *all = &p->status.services;

	html_table_begin(&t, "Services that ctpolicy’s rules in the kernel are for");
	for (size_t i = 0; i < all->n; i++) {
		const struct service_change x = { .name = all->v[i].name };

		html_cell(&t);
		html_element(out, "b", x.name);
		html_cell(&t);
		put_packets(p, &x, out);
	}
	html_table_end(&t);
}

static void print_notes(const struct page *p, struct strbuf *out)
{
	if (!p->status.services.n_counts && p->status.services.n)
		page_not_known("Packets are counted where the policy says counters: true.",
			       out);
	if (!p->has_top && p->status.has_table &&
	    p->policy != PAGE_NO_POLICY)
		page_not_known("Entries were not asked for: listing them would load a kernel module.",
			       out);
	else if (p->has_top && !p->top.complete)
		page_not_known("Entries are those of a random sample of 100,000, not of the whole table.",
			       out);
}

void page_print_services(const struct page *p, struct strbuf *out)
{
	html_section(out, "services", "Services");
	if (p->policy != PAGE_NO_POLICY && p->changes.n) {
		print_compared(p, out);
		print_notes(p, out);
	} else if (p->policy != PAGE_NO_POLICY) {
		strbuf_puts(out, "<p>The policy names no service.</p>\n");
	} else if (p->status.services.n) {
		print_live(p, out);
		page_not_known("No policy was given, and none is known to be applied: nothing was compared.",
			       out);
	} else {
		page_not_known(p->file ?
			       "No policy was given: which services it should keep out of tracking was not asked." :
			       "No policy was given, none is known to be applied, and no rule of ctpolicy's is in the kernel.",
			       out);
	}
	html_section_end(out);
}
