/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/report/page_head.c: what the page is about, and its four figures. */
#include <config.h>

#include <inttypes.h>

#include "cli/report/page.h"
#include "core/mem.h"

#define FIGURES 4

/* good, bad, or neither */
enum mood { MOOD_NONE, MOOD_GOOD, MOOD_BAD };

struct figure {
	struct strbuf value, words;
	enum mood mood;
};

/* ---- the heading ---- */

static void print_author(const struct record *r, struct strbuf *out)
{
	if (!r->user)
		return;
	strbuf_puts(out, " by ");
	html_text(out, r->user);
	if (!r->via)
		return;
	strbuf_puts(out, " via ");
	html_text(out, r->via);
}

static void print_policy(const struct page *p, struct strbuf *out)
{
	const struct record *last = &p->status.history[0];

	if (p->policy == PAGE_NO_POLICY) {
		strbuf_puts(out, p->file ? " · no policy was given" :
			    " · no policy was given, and none is known to be applied");
		return;
	}
	strbuf_puts(out, " · policy <code>");
	html_text(out, page_policy_name(p));
	strbuf_puts(out, "</code>, ");
	if (p->policy == PAGE_GIVEN) {
		strbuf_puts(out, "as given");
		return;
	}
	strbuf_puts(out, "applied ");
	page_print_time(last->time, out);
	print_author(last, out);
	strbuf_printf(out, " (change %u)", last->id);
}

static void print_source(const struct page *p, struct strbuf *out)
{
	const char *backend = p->file ? p->backend->name :
					change_target(&p->plan.change);

	if (p->file)
		strbuf_puts(out, " · a saved ruleset");
	if (*backend)
		strbuf_printf(out, " · %s", backend);
}

void page_print_head(const struct page *p, struct strbuf *out)
{
	strbuf_puts(out, "<header>\n<h1>");
	if (p->file)
		html_text(out, p->file);
	else
		html_text(out, p->host);
	strbuf_puts(out, ": connection tracking</h1>\n<p>");
	page_print_time(p->now, out);
	strbuf_puts(out, " · " PACKAGE_STRING);
	print_source(p, out);
	print_policy(p, out);
	strbuf_puts(out, "</p>\n</header>\n");
}

/* ---- the figures ---- */

static void count_entries(const struct page *p, struct figure *f)
{
	const struct ct_table *t = &p->status.table;

	if (!p->status.has_table) {
		strbuf_puts(&f->value, p->status.module == MODULES_ABSENT ?
			    "off" : "?");
		strbuf_puts(&f->words, p->status.module == MODULES_ABSENT ?
			    "connection tracking is not loaded" :
			    "the connection table could not be read");
		return;
	}
	html_count(&f->value, t->count);
	strbuf_puts(&f->words, t->count == 1 ? "entry" : "entries");
	if (!t->max) {
		strbuf_puts(&f->words, ", without a limit");
		return;
	}
	strbuf_puts(&f->words, " of ");
	html_count(&f->words, t->max);
	strbuf_printf(&f->words, " (%.0f %%)", 100 * status_fill(t));
	f->mood = p->attention >> CONCERN_FILL & 1 ? MOOD_BAD : MOOD_NONE;
}

static void count_drops(const struct page *p, struct figure *f)
{
	const struct ct_table *t = &p->status.table;
	uint64_t n = t->counter[CT_DROP] + t->counter[CT_CHAIN_TOO_LONG];

	if (!p->status.has_table) {
		strbuf_puts(&f->value, "–");
		strbuf_puts(&f->words, "no table, no drops");
		return;
	}
	html_count(&f->value, n);
	strbuf_puts(&f->words, n == 1 ? "packet" : "packets");
	strbuf_puts(&f->words, " dropped for want of room since boot");
	f->mood = n ? MOOD_BAD : MOOD_GOOD;
}

/* Those of the policy that have nothing to add. */
static void count_services(const struct page *p, struct figure *f)
{
	size_t all = p->plan.policy ? p->plan.policy->n_services : 0, n = 0;

	if (p->policy == PAGE_NO_POLICY) {
		html_count(&f->value, p->status.services.n);
		strbuf_puts(&f->words, p->status.services.n == 1 ?
			    "service is untracked" :
			    "services are untracked");
		return;
	}
	for (size_t i = 0; i < p->changes.n; i++)
		n += p->changes.v[i].service && !p->changes.v[i].tracked &&
		     p->changes.v[i].sign == SIGN_NONE && page_is_compared(p);
	html_count(&f->value, n);
	strbuf_puts(&f->words, "of ");
	html_counted(&f->words, all, "service");
	strbuf_puts(&f->words, n == 1 ? " has its rules in force" :
					" have their rules in force");
	f->mood = n == all ? MOOD_GOOD : MOOD_NONE;
}

static void count_drift(const struct page *p, struct figure *f)
{
	size_t n = change_steps(&p->plan.change);

	if (p->policy == PAGE_NO_POLICY) {
		strbuf_puts(&f->value, "–");
		strbuf_puts(&f->words, "no policy to compare with");
		return;
	}
	if (p->refused) {
		strbuf_puts(&f->value, "refused");
		strbuf_puts(&f->words, "an apply of the policy, see below");
		f->mood = MOOD_BAD;
		return;
	}
	html_count(&f->value, n);
	strbuf_puts(&f->words, n == 1 ? "change" : "changes");
	strbuf_puts(&f->words, p->policy == PAGE_APPLIED ?
		    " since the policy was applied" :
		    " that the policy would make");
	f->mood = !n ? MOOD_GOOD : p->policy == PAGE_APPLIED ? MOOD_BAD :
							       MOOD_NONE;
}

static void count_rules(const struct page *p, struct figure *all,
			struct figure *tracking)
{
	const struct needs *n = &p->needs;

	html_count(&all->value, n->rules);
	strbuf_puts(&all->words, n->rules == 1 ? "rule" : "rules");
	strbuf_puts(&all->words, " of the host’s own");
	html_count(&tracking->value, n->needs_ct);
	strbuf_puts(&tracking->words, n->needs_ct == 1 ? "of them needs" :
							 "of them need");
	strbuf_puts(&tracking->words, " connection tracking");
	tracking->mood = n->needs_ct ? MOOD_NONE : MOOD_GOOD;
}

static void count_flaws(const struct page *p, struct figure *f)
{
	html_count(&f->value, p->flaws.n);
	strbuf_puts(&f->words, p->flaws.n == 1 ? "fault" : "faults");
	strbuf_puts(&f->words, " in NOTRACK rules of the host’s own");
	f->mood = p->flaws.n ? MOOD_BAD : MOOD_GOOD;
}

static void print_figure(struct figure *f, struct strbuf *out)
{
	static const char *const classes[] = {
		[MOOD_NONE] = "", [MOOD_GOOD] = " class=\"good\"",
		[MOOD_BAD] = " class=\"bad\"",
	};

	strbuf_printf(out, "<li><b%s>", classes[f->mood]);
	strbuf_join(out, &f->value);
	strbuf_puts(out, "</b> <span>");
	strbuf_join(out, &f->words);
	strbuf_puts(out, "</span></li>\n");
	strbuf_release(&f->value);
	strbuf_release(&f->words);
}

void page_print_figures(const struct page *p, struct strbuf *out)
{
	struct figure f[FIGURES] = { 0 };

	if (p->file) {
		count_rules(p, &f[0], &f[1]);
		count_flaws(p, &f[2]);
	} else {
		count_entries(p, &f[0]);
		count_drops(p, &f[1]);
		count_services(p, &f[2]);
	}
	count_drift(p, &f[FIGURES - 1]);
	strbuf_puts(out, "<ul class=\"figures\">\n");
	for (int i = 0; i < FIGURES; i++)
		print_figure(&f[i], out);
	strbuf_puts(out, "</ul>\n");
}
