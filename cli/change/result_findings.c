/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/change/result_findings.h"

#include <errno.h>
#include <string.h>

#include "cli/change/change_text.h"
#include "core/mem.h"
#include "policies/policy_files.h"

void plan_findings(const struct plan *p, const struct policy_fixes *fixes,
		   struct findings *f)
{
	_cleanup_(policy_files_release) struct policy_files files = { 0 };

	if (p->text && policy_files_split(p->file, p->text, p->len, &files))
		f->lost = true;
	findings_add_diags(f, &p->diags, files.v, files.n, p->file, fixes);
}

static bool is_policy_fault(const struct result_end *e)
{
	return !strcmp(e->word, "invalid") || !strcmp(e->word, "refused");
}

/* A policy that was checked, or a plan that could not be made. */
static void add_whole(const struct result_end *e, const char *command,
		      struct findings *f)
{
	const struct plan *p = e->plan;
	const char *name = p->file ? p->file : "the host";
	struct tried_case x = {
		.suite = command, .name = name, .at.file = p->file,
	};

	if (strcmp(e->word, "valid") != 0) {
		x.end = is_policy_fault(e) ? CASE_FAILED : CASE_ERROR;
		x.details = findings_errors(f, &p->diags, p->file);
		x.why = findings_say(f, "%s: %zu %s", e->word, p->diags.errors,
				     p->diags.errors == 1 ? "error" :
							    "errors");
	}
	f->failed |= x.end == CASE_ERROR;
	findings_add_case(f, &x);
}

/* ---- services of a plan ---- */

static const char *sign_words(const struct service_change *x)
{
	switch (x->sign) {
	case SIGN_ADD:
		return "is not in force";
	case SIGN_CHANGE:
		return x->name ? "is only partly in force, or differs" :
				 "are only partly in force, or differ";
	case SIGN_REMOVE:
		return x->name ? "is in force but no longer in the policy" :
				 "are in force but come from no policy";
	case SIGN_NONE:
	case SIGN_MAX_:
		break;
	}
	return NULL;
}

static const char *service_words(const struct service_change *x,
				 struct findings *f)
{
	return x->name	  ? findings_say(f, "service %s", x->name) :
	       x->strange ? "rules in ctpolicy's chains that belong to no service" :
			    "rules that all services share";
}

static void add_difference(struct findings *f, const struct tried_case *c)
{
	const struct finding x = {
		.level = DIAG_WARNING, .id = ID_DIFFERS, .at = c->at,
		.msg = findings_say(f, "%s %s", c->name, c->why),
		.help = "run 'ctpolicy apply' to make it match the policy",
	};

	findings_add(f, &x);
}

static void add_service(const struct result_end *e,
			const struct service_change *x, struct findings *f)
{
	struct tried_case c = {
		.suite = "diff", .name = service_words(x, f),
		.at = { .file = e->plan->file }, .why = sign_words(x),
	};

	if (!x->name && x->sign == SIGN_ADD)
		c.why = "are not in force";
	if (x->service)
		c.at = x->service->at;
	c.end = c.why ? CASE_FAILED : CASE_PASSED;
	if (c.why)
		add_difference(f, &c);
	findings_add_case(f, &c);
}

/* Settings, modules, files and rules of the host's. */
static void add_beside(const struct result_end *e,
		       const struct change_summary *s, struct findings *f)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	struct tried_case c = {
		.suite = "diff", .name = "the host's settings, files and rules",
		.at = { .file = e->plan->file }, .end = CASE_FAILED,
	};

	plan_print_beside(e, s, &b);
	f->lost |= b.lost;
	if (!b.n)
		return;
	c.why = findings_say(f, "differ: %s", strbuf_text(&b, &f->lost));
	add_difference(f, &c);
	findings_add_case(f, &c);
}

static void add_plan(const struct result_end *e, struct findings *f)
{
	_cleanup_(change_summary_release) struct change_summary s = { 0 };

	if (change_summary_make(e, &s)) {
		f->lost = true;
		return;
	}
	for (size_t i = 0; i < s.n; i++)
		add_service(e, &s.v[i], f);
	add_beside(e, &s, f);
}

void result_findings(const struct result *r, struct findings *f)
{
	f->command = r->command;
	for (size_t i = 0; i < r->n; i++) {
		plan_findings(r->v[i].plan, r->v[i].fixes, f);
		if (r->v[i].shown == SHOW_PLANNED)
			add_plan(&r->v[i], f);
		else
			add_whole(&r->v[i], r->command, f);
	}
}
