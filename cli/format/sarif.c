/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/format/sarif.c: findings as SARIF 2.1.0, for code scanning: a run of the
 * tool with the rules that found something, their results, and fixes of these.
 *
 * Source: OASIS, Static Analysis Results Interchange Format 2.1.0.
 */
#include <config.h>

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "cli/format/ci_text.h"
#include "cli/help/id_help.h"
#include "cli/output/json_stream.h"
#include "cli/output/json_text.h"
#include "core/mem.h"
#include "state/json_memory.h"

#define SCHEMA "https://json.schemastore.org/sarif-2.1.0.json"

static json_t *of_buffer(const struct strbuf *b)
{
	return strbuf_status(b) ? NULL : json_of_text(strbuf_str(b));
}

/* What would be a link, "[words](target)", stays words. */
static void put_words(const char *text, struct strbuf *out)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	const char *s, *end;

	ci_plain(text, &b);
	for (s = strbuf_str(&b); (end = strstr(s, "](")); s = end + 1) {
		strbuf_add(out, s, (size_t)(end - s));
		strbuf_puts(out, "] ");
	}
	strbuf_puts(out, s);
	out->lost |= b.lost;
}

static json_t *message(const char *text, const char *more)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };

	put_words(text, &b);
	if (more) {
		strbuf_puts(&b, "\nhelp: ");
		put_words(more, &b);
	}
	return json_pack("{s:o}", "text", of_buffer(&b));
}

static json_t *artifact(const char *file)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	bool relative = ci_uri(file, &b);
	json_t *o = json_pack("{s:o}", "uri", of_buffer(&b));

	if (o && relative)
		json_put(o, "uriBaseId", json_string("%SRCROOT%"));
	return o;
}

/* A line alone, or from the first column up to the second, which is none. */
static json_t *region(const struct srcpos *at)
{
	json_t *o = json_pack("{s:I}", "startLine", (json_int_t)at->line);

	if (!o || !at->col)
		return o;
	json_put(o, "startColumn", json_integer(at->col));
	json_put(o, "endColumn",
		 json_integer((json_int_t)at->col +
			      (at->len ? at->len : 1)));
	return o;
}

static json_t *location(const struct srcpos *at)
{
	json_t *o = json_pack("{s:o}", "artifactLocation", artifact(at->file));

	if (o && at->line)
		json_put(o, "region", region(at));
	return json_pack("{s:o}", "physicalLocation", o);
}

static json_t *related(const struct finding *x)
{
	json_t *o = location(&x->related);

	if (!o)
		return NULL;
	json_put(o, "id", json_integer(1));
	json_put(o, "message", message(x->related_msg, NULL));
	return json_pack("[o]", o);
}

static json_t *fixes(const struct finding *x)
{
	const struct policy_fix *f = x->fix;
	json_t *where = json_pack("{s:I, s:I, s:I, s:I}",
				  "startLine", (json_int_t)f->from.line,
				  "startColumn", (json_int_t)f->from.col,
				  "endLine", (json_int_t)f->to.line,
				  "endColumn", (json_int_t)f->to.col);

	return json_pack("[{s:{s:s}, s:[{s:o, s:[{s:o, s:{s:o}}]}]}]",
			 "description", "text", "as check --fix would fix it",
			 "artifactChanges",
			 "artifactLocation", artifact(f->from.file),
			 "replacements", "deletedRegion", where,
			 "insertedContent", "text", json_of_text(f->text));
}

static json_t *result(const struct finding *x, size_t rule, uint64_t print)
{
	char hex[17];
	json_t *o;

	snprintf(hex, sizeof(hex), "%016llx", (unsigned long long)print);
	o = json_pack("{s:s, s:I, s:s, s:o, s:{s:s}}",
		      "ruleId", diag_id_name(x->id), "ruleIndex",
		      (json_int_t)rule, "level", diag_level_name(x->level),
		      "message", message(x->msg, x->help),
		      "partialFingerprints", "ctpolicyFinding/v1", hex);
	if (o && x->at.file)
		json_put(o, "locations", json_pack("[o]", location(&x->at)));
	if (o && x->related_msg && x->related.file)
		json_put(o, "relatedLocations", related(x));
	if (o && x->fix)
		json_put(o, "fixes", fixes(x));
	return o;
}

/* ---- rules: the ids of what was found, in the order of the registry ---- */

static json_t *rule_help(enum diag_id id)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	const struct id_help_row *row = id_help_find(diag_id_name(id));

	strbuf_puts(&b, ci_meaning(id));
	if (row && row->example)
		strbuf_printf(&b, "\n\nFor example:\n\n%s", row->example);
	if (row)
		strbuf_printf(&b, "%s%s lists all ids.",
			      row->example ? "\n" : "\n\n", row->page);
	return json_pack("{s:o}", "text", of_buffer(&b));
}

static json_t *rule(enum diag_id id, enum diag_level level)
{
	const char *meaning = ci_meaning(id);

	return json_pack("{s:s, s:{s:o}, s:{s:o}, s:o, s:{s:s}}", "id",
			 diag_id_name(id),
			 "shortDescription", "text", json_of_text(meaning),
			 "fullDescription", "text", json_of_text(meaning),
			 "help", rule_help(id), "defaultConfiguration", "level",
			 diag_level_name(level));
}

/* at[id]: the index of its rule. */
static json_t *rules(const struct findings *f, size_t *at)
{
	enum diag_level worst[ID_MAX_] = { 0 };
	bool found[ID_MAX_] = { false };
	json_t *a = json_array();
	size_t n = 0;

	for (size_t i = 0; i < f->n; i++) {
		const struct finding *x = &f->v[i];

		found[x->id] = true;
		if (x->level > worst[x->id])
			worst[x->id] = x->level;
	}
	for (size_t i = 0; i < ID_MAX_; i++) {
		if (!found[i])
			continue;
		at[i] = n++;
		json_append(a, rule((enum diag_id)i, worst[i]));
	}
	return a;
}

static json_t *tool(const struct findings *f, size_t *at)
{
	return json_pack("{s:{s:s, s:s, s:s, s:o}}", "driver",
			 "name", PACKAGE_NAME, "version", PACKAGE_VERSION,
			 "semanticVersion", PACKAGE_VERSION,
			 "rules", rules(f, at));
}

/* What a second command finds does not take the place of it. */
static json_t *automation(const struct findings *f)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };

	strbuf_printf(&b, PACKAGE_NAME "/%s/", f->command);
	return json_pack("{s:o}", "id", of_buffer(&b));
}

static int print(const struct findings *f)
{
	_cleanup_free_ uint64_t *prints = ci_fingerprints(f);
	size_t at[ID_MAX_] = { 0 };
	struct json_stream s;

	json_memory_watch();
	fputs("{\n \"$schema\": \"" SCHEMA "\",\n \"version\": \"2.1.0\",\n \"runs\": [\n  ",
	      stdout);
	json_stream_begin_within(&s, 2);
	json_stream_member(&s, "tool", tool(f, at));
	json_stream_member(&s, "automationDetails", automation(f));
	json_stream_member(&s, "invocations",
			   json_pack("[{s:b}]", "executionSuccessful",
				     !f->failed));
	json_stream_member(&s, "columnKind", json_string("unicodeCodePoints"));
	json_stream_list(&s, "results");
	for (size_t i = 0; prints && i < f->n; i++)
		json_stream_item(&s, result(&f->v[i], at[f->v[i].id],
					    prints[i]));
	json_stream_list_end(&s);
	json_stream_end(&s);
	fputs(" ]\n}\n", stdout);
	return !prints || s.lost || json_memory_lost() ? -ENOMEM : 0;
}

const struct ci_format ci_sarif = {
	.name = "sarif",
	.print = print,
};
