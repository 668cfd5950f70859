/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/audit/audit_findings.c: an audit as findings, a case for each check. */
#include <errno.h>
#include <string.h>

#include "audit/own.h"
#include "cli/audit/audit_report.h"
#include "cli/format/ci_text.h"
#include "core/mem.h"

#define RULE_SHOWN 200		/* bytes of a rule that a message holds */

static const char *rule_words(const struct foreign_text *raw,
			      struct findings *f)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };

	foreign_text_line(raw, RULE_SHOWN, &b);
	return findings_say(f, "%s", strbuf_text(&b, &f->lost));
}

/* "table inet filter, chain input, rule 3" */
static const char *place_words(const struct foreign *x,
			       const struct foreign_rule *r,
			       struct findings *f)
{
	const struct host_chain *c = &x->chains[r->chain];
	const struct foreign_table *t = &x->tables[c->table];
	uint32_t position = foreign_position(x, r);
	const char *world = t->world == WORLD_LEGACY ? "legacy " : "";
	const char *family = foreign_family_name(t->family);
	const char *chain = audit_chain_name(x, r);

	return position ?
		findings_say(f, "%stable %s %s, chain %s, rule %u", world,
			     family, t->name, chain, position) :
		findings_say(f, "%stable %s %s, chain %s", world, family,
			     t->name, chain);
}

/* A host has no file. */
static struct srcpos place(const struct audit_report *a,
			   const struct foreign_rule *r)
{
	return a->keepers ? (struct srcpos){ 0 } :
			    (struct srcpos){ .file = a->source,
					     .line = r->line };
}

/* What could take its place; NULL: that is not known, or nothing. */
static const char *replacement(const struct audit_report *a,
			       const struct foreign_rule *r,
			       struct findings *f)
{
	struct audit_replacement x = { 0 };
	const char *ret;

	if (!(r->features & FEATURE_BIT(STATE)) ||
	    !audit_replacement_find(a, r, &x))
		return NULL;
	ret = findings_say(f, "without states: %s%s%s%s",
			   stateless_class_name(x.kind), x.why ? " (" : "",
			   x.why ? x.why : "", x.why ? ")" : "");
	f->lost |= x.rules.lost;
	strbuf_release(&x.rules);
	return ret;
}

static void add_need(const struct audit_report *a,
		     const struct foreign_rule *r, struct findings *f)
{
	_cleanup_(strbuf_release) struct strbuf why = { 0 };
	struct finding x = {
		.level = DIAG_NOTE, .id = ID_NEEDS_TRACKING,
		.at = place(a, r), .line = { r->raw.s, r->raw.n },
		.help = replacement(a, r, f),
	};

	needs_print(a->f, r, ", ", &why);
	x.msg = findings_say(f, "%s: %s (%s)", strbuf_text(&why, &f->lost),
			     rule_words(&r->raw, f), place_words(a->f, r, f));
	findings_add(f, &x);
}

static void add_flaw(const struct audit_report *a, const struct flaw *w,
		     struct findings *f)
{
	const struct foreign_rule *r = &a->f->rules[w->rule];
	struct finding x = {
		.level = w->level, .id = w->id, .at = place(a, r),
		.line = { r->raw.s, r->raw.n }, .help = w->help,
		.msg = findings_say(f, "%s: %s (%s)", w->msg,
				    rule_words(&r->raw, f),
				    place_words(a->f, r, f)),
	};

	if (w->other != FOREIGN_NOWHERE) {
		const struct foreign_rule *o = &a->f->rules[w->other];

		x.related = place(a, o);
		x.related_msg = findings_say(f, "the other rule: %s",
					     rule_words(&o->raw, f));
	}
	findings_add(f, &x);
}

/* ---- a case for each thing that is looked for ---- */

/* `open` (NULL: nothing): why none found says nothing. */
static void add_check(const char *suite, const char *name, size_t n,
		      const char *open, struct findings *f)
{
	struct tried_case c = {
		.suite = suite, .name = name,
		.end = n ? CASE_FAILED : open ? CASE_SKIPPED : CASE_PASSED,
		.why = open,
	};

	if (n)
		c.why = findings_say(f, "%zu %s", n, n == 1 ? "rule" : "rules");
	findings_add_case(f, &c);
}

static void add_needs(const struct audit_report *a, struct findings *f)
{
	for (size_t i = 0; i < FEATURE_MAX_; i++) {
		enum foreign_feature x = (enum foreign_feature)i;

		if (i != FEATURE_NAT_VERDICT && needs_feature(x))
			add_check("needs tracking",
				  findings_say(f, "no rule %s", needs_why(x)),
				  a->needs->features[i], NULL, f);
	}
}

static void add_flaw_checks(const struct audit_report *a, struct findings *f)
{
	const char *open = diags_has(a->diags, ID_NOTRACK_CUT) ?
				   "not all rules were compared" : NULL;

	for (int id = ID_NOTRACK_ONE_WAY; id <= ID_NOTRACK_UNREACHED; id++) {
		enum diag_id as = (enum diag_id)id;
		size_t n = 0;

		for (size_t i = 0; i < a->flaws->n; i++)
			n += (int)a->flaws->v[i].id == id;
		add_check("NOTRACK rules",
			  findings_say(f, "%s: %s", diag_id_name(as),
				       ci_meaning(as)), n, open, f);
	}
}

void audit_findings(const struct audit_report *a, struct findings *f)
{
	const struct diag_source src = { a->source, a->text, a->len };
	const struct tried_case unread = {
		.suite = "audit", .name = a->source, .end = CASE_ERROR,
		.why = "the rules cannot be read",
		.details = a->f ? NULL : findings_errors(f, a->diags,
							 a->source),
	};

	f->command = "audit";
	findings_add_diags(f, a->diags, &src, a->text ? 1 : 0, NULL, NULL);
	if (!a->f) {
		f->failed = true;
		findings_add_case(f, &unread);
		return;
	}
	for (size_t i = 0; i < a->flaws->n; i++)
		add_flaw(a, &a->flaws->v[i], f);
	for (size_t i = 0; i < a->f->n_rules; i++)
		if (own_is_host(a->f, &a->f->rules[i]) &&
		    needs_conntrack(&a->f->rules[i]))
			add_need(a, &a->f->rules[i], f);
	add_needs(a, f);
	add_flaw_checks(a, f);
}
