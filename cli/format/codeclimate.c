/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/format/codeclimate.c: findings as GitLab's code quality report has them,
 * a list of issues in the form of Code Climate.
 *
 * Source: docs.gitlab.com, "Code Quality report format"; Code Climate Engine
 * Specification, "Issues".
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "cli/format/ci_text.h"
#include "cli/output/json_stream.h"
#include "cli/output/json_text.h"
#include "core/mem.h"
#include "state/json_memory.h"

static const char *const severities[DIAG_LEVEL_MAX_] = {
	[DIAG_NOTE] = "info", [DIAG_WARNING] = "minor", [DIAG_ERROR] = "major",
};

static json_t *plain(const char *s)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };

	ci_plain(s, &b);
	return strbuf_status(&b) ? NULL : json_of_text(strbuf_str(&b));
}

/* An issue has a file and a line; what has none is about the first one. */
static json_t *location(const struct finding *x)
{
	_cleanup_(strbuf_release) struct strbuf path = { 0 };

	ci_path(x->at.file ? x->at.file : "-", &path);
	if (strbuf_status(&path))
		return NULL;
	return json_pack("{s:o, s:{s:I}}", "path", plain(strbuf_str(&path)),
			 "lines", "begin",
			 (json_int_t)(x->at.line ? x->at.line : 1));
}

static json_t *issue(const struct finding *x, uint64_t print)
{
	char hex[17];
	json_t *o;

	snprintf(hex, sizeof(hex), "%016llx", (unsigned long long)print);
	o = json_pack("{s:s, s:s, s:o, s:[s], s:s, s:s, s:o}",
		      "type", "issue", "check_name", diag_id_name(x->id),
		      "description", plain(x->msg), "categories", "Bug Risk",
		      "severity", severities[x->level], "fingerprint", hex,
		      "location", location(x));
	if (o && x->help)
		json_put(o, "content", json_pack("{s:o}", "body",
			 plain(x->help)));
	return o;
}

static int print(const struct findings *f)
{
	_cleanup_free_ uint64_t *prints = ci_fingerprints(f);
	struct json_stream s;

	json_memory_watch();
	json_stream_begin_items(&s);
	for (size_t i = 0; prints && i < f->n; i++)
		json_stream_item(&s, issue(&f->v[i], prints[i]));
	json_stream_end_items(&s);
	return !prints || s.lost || json_memory_lost() ? -ENOMEM : 0;
}

const struct ci_format ci_codeclimate = {
	.name = "codeclimate",
	.print = print,
};
