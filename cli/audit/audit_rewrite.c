/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/audit/audit_rewrite.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/keepers.h"
#include "audit/own.h"
#include "audit/replace.h"
#include "cli/audit/audit_report.h"
#include "cli/output/report.h"
#include "cli/saved_rules.h"
#include "core/fault.h"
#include "core/mem.h"
#include "rules/walk.h"

struct rewrite {
	const struct options *o;
	const struct backend *backend;
	struct foreign *f;
	struct arena arena;
	struct stateless s;
	struct strbuf text;
	struct diags d;
	struct rewritten out;
};

static void rewrite_release(struct rewrite *x)
{
	stateless_release(&x->s);
	arena_release(&x->arena);
	strbuf_release(&x->text);
	diags_release(&x->d);
	foreign_free(&x->f);
}

static struct srcpos place(const struct rewrite *x, uint32_t rule)
{
	const char *file = x->o->args[0];

	return (struct srcpos){ file, x->f->rules[rule].line, 1, 1 };
}

/* Why the rule is not replaced: itself, or others of its family; NULL: it is */
static const char *reason(const struct rewrite *x, uint32_t rule)
{
	const char *why = replace_keeps(x->f, &x->f->rules[rule]);
	const struct stateless_edit *e;
	size_t n;

	e = stateless_edits(&x->s, rule, &n);
	for (size_t i = 0; !why && i < n; i++) {
		if (e[i].why)
			why = e[i].why;
		else if (e[i].left)
			return "could be replaced, but others of its family keep tracking on";
	}
	if (!why && !n)
		return "stands in a table that is not in use, or not of IPv4 or IPv6";
	return why;
}

static void tell_objects(struct rewrite *x)
{
	size_t n = x->f->facts[FACT_CT_OBJECTS] +
		   x->f->facts[FACT_SYNPROXY_OBJECTS];

	if (!n)
		return;
	x->out.stay += n;
	if (!x->o->quiet)
		diag_add(&x->d, DIAG_WARNING, 0, ID_RULE_STAYS, NOPOS,
			 "stays: a declared helper, timeout, expectation or synproxy needs tracking, though no rule may use it");
}

static void tell_stays(struct rewrite *x)
{
	for (uint32_t i = 0; i < x->f->n_rules; i++) {
		const struct foreign_rule *r = &x->f->rules[i];
		const char *why = own_is_host(x->f, r) && keepers_has(x->f, r) ?
					  reason(x, i) : NULL;

		if (!why)
			continue;
		x->out.stay++;
		if (!x->o->quiet)
			diag_add(&x->d, DIAG_WARNING, 0, ID_RULE_STAYS,
				 place(x, i), "stays: %s", why);
	}
}

/* Hook by hook: what was kept out before. */
static void find_admits(struct rewrite *x)
{
	for (size_t i = 0; i < x->s.n_edits; i++) {
		const struct stateless_edit *e = &x->s.edits[i];

		if (e->left)
			continue;
		x->out.hooks[e->hook].admits |= e->admits;
		x->out.hooks[e->hook].loses |= e->loses;
	}
}

/* The new text is read as any other. */
static int find_passed(struct rewrite *x)
{
	_cleanup_(foreign_free) struct foreign *now = calloc(1, sizeof(*now));
	_cleanup_(diags_release) struct diags unsaid = { 0 };
	struct passed passed[WALK_HOOKS];
	int err;

	if (!now)
		return -ENOMEM;
	now->wants_terms = true;
	now->family = x->f->family;
	now->len = x->text.n;
	now->text = strdup(strbuf_str(&x->text));
	if (!now->text)
		return -ENOMEM;
	err = x->backend->read_foreign(x->o->args[0], now, &unsaid);
	if (!err)
		err = passed_count(x->f, now, passed);
	for (uint8_t h = 0; !err && h < WALK_HOOKS; h++)
		x->out.hooks[h].passed = passed[h];
	return err == -ENOMEM ? err : 0;
}

static void tell_hook(struct rewrite *x, uint8_t h)
{
	_cleanup_(strbuf_release) struct strbuf admits = { 0 }, loses = { 0 };
	const struct rewritten_hook *r = &x->out.hooks[h];
	const char *name = walk_hook_name(h);

	stateless_print_admits(r->admits, &admits);
	stateless_print_loses(r->loses, &loses);
	if (r->admits)
		diag_add(&x->d, DIAG_NOTE, 0, ID_NEWLY_ADMITTED, NOPOS,
			 "%s now admits: %s", name,
			 strbuf_text(&admits, &x->d.lost));
	if (r->loses)
		diag_add(&x->d, DIAG_NOTE, 0, ID_NEWLY_LOST, NOPOS,
			 "%s now loses: %s", name,
			 strbuf_text(&loses, &x->d.lost));
	if (r->passed.met && r->passed.after != r->passed.before)
		diag_add(&x->d, DIAG_NOTE, 0, ID_RULES_PASSED, NOPOS,
			 "%s: rules that a packet of an open tcp connection passes: %zu at most, %zu before",
			 name, r->passed.after, r->passed.before);
}

static int make(struct rewrite *x)
{
	struct replace_how how = { .force = x->o->request.force };
	int err = saved_rules_read_as(x->o, x->o->args[0], x->f, &x->backend,
				      &x->d);

	if (err)
		return err;
	if (!x->backend->rewrite)
		return diag_add(&x->d, DIAG_ERROR, -FAULT_LACKING,
				ID_NO_REWRITE, NOPOS,
				"texts of %s cannot be rewritten",
				x->backend->name);
	how.text = x->backend->text_of;
	how.words = x->backend->words;
	err = replace_find(&x->arena, x->f, &how, &x->s);
	if (!err)
		err = x->backend->rewrite(x->f, &x->s, &x->text);
	if (err)
		return err;
	find_admits(x);
	err = find_passed(x);
	tell_stays(x);
	tell_objects(x);
	for (uint8_t h = 0; !x->o->quiet && h < WALK_HOOKS; h++)
		tell_hook(x, h);
	return err;
}

static int show(struct rewrite *x, int err)
{
	const char *text = x->f ? x->f->text : NULL;
	struct diag_source src = { .file = x->o->args[0], .text = text,
				   .len = text ? x->f->len : 0 };

	x->out.text = err ? NULL : &x->text;
	x->out.diags = &x->d;
	if (x->o->json)
		return audit_rewrite_print_json(&x->out);
	if (!err && fwrite(strbuf_str(&x->text), 1, x->text.n, stdout) !=
			    x->text.n)
		err = -EIO;
	diags_print(&x->d, &src, text ? 1 : 0, 1000, false, stderr);
	if (err && !x->d.errors)
		fprintf(stderr, "ctpolicy audit: %s\n", fault_text(err));
	return err;
}

int audit_rewrite(const struct options *o)
{
	_cleanup_(rewrite_release) struct rewrite x = {
		.o = o, .out = { .source = o->args[0] },
	};
	int err, shown;

	x.f = calloc(1, sizeof(*x.f));
	if (x.f)
		x.f->wants_terms = true;
	err = x.f ? make(&x) : -ENOMEM;
	shown = show(&x, err);
	if (err || shown)
		return exit_code_of(err ? err : shown);
	return x.out.stay ? EXIT_DIFFERS : EXIT_DONE;
}
