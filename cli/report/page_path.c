/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/report/page_path.c: where packets go, in a picture. */
#include <stdlib.h>
#include <sys/socket.h>

#include "audit/own.h"
#include "cli/report/page.h"
#include "cli/report/path_svg.h"
#include "core/mem.h"

#define NAMES_SHOWN 4
#define NAMES_MAX 56		/* bytes that the picture has room for */
#define ALL_MAX 13		/* of " and all IPv6" */

enum scene_tracking { TRACKING_ON, TRACKING_UNLOADED, TRACKING_IDLE };

/* What the picture shows: the host as it is, or with the policy applied. */
struct scene {
	bool applied;
	enum scene_tracking tracking;
	size_t notrack, accept;		/* rules of ctpolicy's */
	size_t of_host;			/* NOTRACK rules of the host's own */
	size_t idle;			/* ... and those without effect */
	/* The one family that is tracked, and that is not; NULL: not known. */
	const char *alone, *other;
	size_t services;		/* that leave tracking; 0: not known */
	struct strbuf names;		/* some of them */
};

static void add_name(struct scene *s, const char *name)
{
	if (s->services < NAMES_SHOWN)
		strbuf_printf(&s->names, "%s%s", s->services ? ", " : "",
			      name);
	s->services++;
}

static void count_wanted(const struct image *img, struct scene *s)
{
	for (size_t t = 0; img && t < img->n_tables; t++)
		for (size_t c = 0; c < img->tables[t].n_chains; c++) {
			const struct image_chain *x =
				&img->tables[t].chains[c];

			for (size_t i = 0; i < x->n_rules; i++) {
				s->notrack += x->rules[i].verdict ==
					      VERDICT_NOTRACK;
				s->accept += x->rules[i].verdict ==
					     VERDICT_ACCEPT;
			}
		}
}

static bool is_notrack(const struct foreign_rule *r)
{
	return r->features & FEATURE_BIT(NOTRACK);
}

/*
 * It is behind tracking, behind a rule that takes its packets, or nothing
 * leads to it. A chain that others jump to may be met elsewhere as well.
 */
static bool is_idle(const struct page *p, uint32_t rule)
{
	const struct foreign_rule *r = &p->f->rules[rule];
	bool hooked = p->f->chains[r->chain].hook;

	for (size_t i = 0; i < p->flaws.n; i++) {
		const struct flaw *w = &p->flaws.v[i];

		if (w->rule != rule)
			continue;
		if (w->id == ID_NOTRACK_UNREACHED ||
		    (hooked && (w->id == ID_NOTRACK_TOO_LATE ||
				w->id == ID_NOTRACK_SHADOWED)))
			return true;
	}
	return false;
}

static void count_present(const struct page *p, struct scene *s)
{
	for (uint32_t i = 0; i < p->f->n_rules; i++) {
		const struct foreign_rule *r = &p->f->rules[i];

		if (own_is_host(p->f, r)) {
			if (is_notrack(r) && is_idle(p, i))
				s->idle++;
			else
				s->of_host += is_notrack(r);
		} else if (!s->applied && own_is_rule(p->f, r) &&
			   !foreign_is_gone(r)) {
			s->notrack += is_notrack(r);
			s->accept += r->verdict == FOREIGN_ACCEPT;
		}
	}
}

static void find_services(const struct page *p, struct scene *s)
{
	const struct policy *policy = p->plan.policy;

	for (size_t i = 0; s->applied && i < policy->n_services; i++)
		add_name(s, policy->services[i].name);
	for (size_t i = 0; !s->applied && i < p->status.services.n; i++)
		add_name(s, p->status.services.v[i].name);
	if (s->services > NAMES_SHOWN)
		strbuf_printf(&s->names, " and %zu more",
			      s->services - NAMES_SHOWN);
}

static enum scene_tracking tracking_now(const struct page *p)
{
	const struct keepers *k = &p->keepers;

	if (!p->file && p->status.module == MODULES_ABSENT)
		return TRACKING_UNLOADED;
	return k->ipv4.rules || k->ipv6.rules || k->objects ? TRACKING_ON :
							      TRACKING_IDLE;
}

/* Where nothing will need tracking, the plan writes no NOTRACK rules. */
static enum scene_tracking tracking_then(const struct page *p,
					 const struct scene *s)
{
	const struct policy *policy = p->plan.policy;

	if (policy->unload_modules)
		return TRACKING_UNLOADED;
	return policy->n_services && !s->notrack ? TRACKING_IDLE :
	       s->notrack ? TRACKING_ON : tracking_now(p);
}

/* Known of all rules alone, and as they are: edits may free a family. */
static void find_family(const struct page *p, struct scene *s)
{
	const struct keepers *k = &p->keepers;

	if (s->tracking != TRACKING_ON || k->objects ||
	    p->needs.facts[FACT_INCLUDES] || (!p->file && p->status.blind) ||
	    (s->applied && p->plan.edits.n) ||
	    !k->ipv4.rules == !k->ipv6.rules)
		return;
	s->alone = k->ipv4.rules ? "IPv4" : "IPv6";
	if (page_has_family(p, k->ipv4.rules ? AF_INET6 : AF_INET))
		s->other = k->ipv4.rules ? "IPv6" : "IPv4";
}

static void look(const struct page *p, struct scene *s)
{
	s->applied = p->policy == PAGE_GIVEN && !p->refused;
	for (size_t i = 0; s->applied && i < p->plan.change.n; i++)
		count_wanted(p->plan.change.v[i].want, s);
	count_present(p, s);
	find_services(p, s);
	s->tracking = s->applied ? tracking_then(p, s) : tracking_now(p);
	find_family(p, s);
}

/* ---- the words ---- */

static void put_raw(const struct scene *s, struct strbuf *line)
{
	if (s->notrack) {
		html_counted(line, s->notrack, "rule");
		strbuf_puts(line++, " of ctpolicy");
	}
	if (s->of_host) {
		html_count(line, s->of_host);
		strbuf_puts(line, s->notrack ? " of the host" :
			    s->of_host == 1 ? " rule of the host" :
					      " rules of the host");
	}
	if (!s->notrack && !s->of_host)
		strbuf_puts(line++, "no NOTRACK rule");
	if (!s->notrack && !s->of_host && s->idle)
		strbuf_puts(line, "that has an effect");
}

static void put_fill(const struct page *p, struct strbuf *line)
{
	const struct ct_table *t = &p->status.table;

	html_count(line, t->count);
	strbuf_puts(line, t->count == 1 ? " entry" : " entries");
	if (t->max)
		strbuf_printf(line + 1, "%.0f %% of the table",
			      100 * status_fill(t));
}

static void put_conntrack(const struct page *p, const struct scene *s,
			  struct strbuf *line)
{
	size_t rules = p->needs.needs_ct;

	if (s->tracking == TRACKING_UNLOADED) {
		strbuf_puts(line, s->applied ? "unloaded" : "not loaded");
	} else if (s->tracking == TRACKING_IDLE) {
		strbuf_puts(line, "off: no rule needs it");
	} else if (!p->file && p->status.has_table && !s->applied) {
		put_fill(p, line);
	} else if (rules) {
		html_counted(line, rules, "rule");
		strbuf_puts(line++, " of the host");
		strbuf_puts(line, rules == 1 ? "needs it" : "need it");
	} else {
		strbuf_puts(line, "on");
	}
}

static void put_boxes(const struct page *p, const struct scene *s,
		      struct path_picture *x)
{
	strbuf_puts(&x->lines[PATH_NETWORK][0], "in and out");
	put_raw(s, x->lines[PATH_RAW]);
	put_conntrack(p, s, x->lines[PATH_CONNTRACK]);
	if (s->accept) {
		html_counted(&x->lines[PATH_FILTER][0], s->accept,
			     "accept rule");
		strbuf_puts(&x->lines[PATH_FILTER][1], "of ctpolicy");
	}
	strbuf_puts(&x->lines[PATH_HOST][0], "or next hop");
}

static void put_every(const char *family, struct strbuf *out,
		      struct strbuf *brief)
{
	strbuf_puts(out, "every packet");
	if (!family)
		return;
	strbuf_printf(out, " of %s", family);
	strbuf_printf(brief, "all %s", family);
}

static void put_rest(const struct scene *s, struct path_picture *x)
{
	strbuf_puts(&x->tracked, "everything else");
	if (s->alone) {
		strbuf_printf(&x->tracked, " of %s", s->alone);
		strbuf_printf(&x->tracked_short, "all else of %s", s->alone);
	}
	if (s->other) {
		strbuf_printf(&x->untracked, " and all %s", s->other);
		strbuf_printf(&x->untracked_short, ", %s", s->other);
	}
}

static void put_ways(const struct scene *s, struct path_picture *x)
{
	struct foreign_text names = { strbuf_str(&s->names), s->names.n };
	bool none = !s->notrack && !s->of_host && s->tracking == TRACKING_ON;

	x->no_untracked = none && !s->other;
	x->no_tracked = s->tracking != TRACKING_ON;
	if (x->no_tracked) {
		put_every(NULL, &x->untracked, &x->untracked_short);
		strbuf_puts(&x->tracked, "nothing");
	} else if (none) {
		if (s->other)
			put_every(s->other, &x->untracked,
				  &x->untracked_short);
		else
			strbuf_puts(&x->untracked, "nothing");
		put_every(s->alone, &x->tracked, &x->tracked_short);
	} else if (s->services) {
		foreign_text_line(&names, s->other ? NAMES_MAX - ALL_MAX :
				  NAMES_MAX, &x->untracked);
		html_counted(&x->untracked_short, s->services, "service");
		put_rest(s, x);
	} else {
		strbuf_puts(&x->untracked, "what the NOTRACK rules match");
		html_counted(&x->untracked_short, s->notrack + s->of_host,
			     "rule");
		put_rest(s, x);
	}
	if (!x->untracked_short.n)
		strbuf_join(&x->untracked_short, &x->untracked);
	if (!x->tracked_short.n)
		strbuf_join(&x->tracked_short, &x->tracked);
}

static void put_summary(const struct page *p, const struct scene *s,
			struct path_picture *x)
{
	if (s->applied)
		strbuf_printf(&x->summary, "With %s applied",
			      page_policy_name(p));
	else if (p->file)
		strbuf_printf(&x->summary, "As saved in %s", p->file);
	else
		strbuf_puts(&x->summary, "As this host is now");
	strbuf_printf(&x->summary, ", untracked: %s; tracked: %s. ",
		      strbuf_text(&x->untracked, &x->summary.lost),
		      strbuf_text(&x->tracked, &x->summary.lost));
	strbuf_puts(&x->summary, "What this host sends takes the same way, through its OUTPUT chains. The lines are not to scale: nobody counts the packets that are tracked.");
}

static void draw(const struct page *p, struct path_picture *x)
{
	struct scene s = { 0 };

	look(p, &s);
	put_boxes(p, &s, x);
	put_ways(&s, x);
	put_summary(p, &s, x);
	html_lose_with(&x->summary, &s.names);
	strbuf_release(&s.names);
}

void page_print_path(const struct page *p, struct strbuf *out)
{
	_cleanup_(path_picture_release) struct path_picture x = { 0 };

	draw(p, &x);
	html_section(out, "path", "Where packets go");
	strbuf_puts(out, "<figure>\n");
	path_svg_print(&x, NULL, out);
	strbuf_puts(out, "<figcaption>");
	html_buffer(out, &x.summary);
	strbuf_puts(out, "</figcaption>\n");
	strbuf_puts(out, "</figure>\n");
	html_section_end(out);
}

void page_print_svg(const struct page *p, struct strbuf *out)
{
	_cleanup_(path_picture_release) struct path_picture x = { 0 };

	draw(p, &x);
	path_svg_print(&x, page_svg_style, out);
}
