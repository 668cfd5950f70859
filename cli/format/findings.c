/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/format/findings.h"

#include <errno.h>
#include <string.h>

#include "cli/format/ci_text.h"
#include "core/mem.h"
#include "core/strbuf.h"

#define ERRORS_SHOWN 20

void findings_add(struct findings *f, const struct finding *x)
{
	if (mem_grow(&f->v, &f->cap, f->n + 1)) {
		f->lost = true;
		return;
	}
	f->v[f->n++] = *x;
	f->of_level[x->level]++;
}

void findings_add_diags(struct findings *f, const struct diags *d,
			const struct diag_source *src, size_t n_src,
			const char *file, const struct policy_fixes *fixes)
{
	for (size_t i = 0; i < d->n; i++) {
		const struct diag *g = &d->v[i];
		struct finding x = {
			.level = g->level, .id = g->id, .at = g->at,
			.msg = g->msg ? g->msg : "", .help = g->help,
			.related = g->related, .related_msg = g->related_msg,
			.fix = fixes ? policy_fixes_find(fixes, g) : NULL,
		};

		x.line.s = diag_source_line(src, n_src, &g->at, &x.line.n);
		if (!x.at.file)
			x.at.file = file;
		findings_add(f, &x);
	}
	f->lost |= d->lost;
}

void findings_add_case(struct findings *f, const struct tried_case *x)
{
	if (mem_grow(&f->cases, &f->cap_cases, f->n_cases + 1)) {
		f->lost = true;
		return;
	}
	f->cases[f->n_cases++] = *x;
	f->of_end[x->end]++;
}

static const char *keep(struct findings *f, const struct strbuf *b)
{
	char *s = strbuf_status(b) ? NULL : arena_alloc(&f->texts, b->n + 1, 1);

	if (!s) {
		f->lost = true;
		return "";
	}
	memcpy(s, strbuf_str(b), b->n + 1);
	return s;
}

const char *findings_say(struct findings *f, const char *fmt, ...)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	va_list ap;

	va_start(ap, fmt);
	strbuf_vprintf(&b, fmt, ap);
	va_end(ap);
	return keep(f, &b);
}

/* Of a folder's policy, say, a file of its own. */
static void put_place(const struct srcpos *at, const char *own,
		      struct strbuf *b)
{
	if (at->file && (!own || strcmp(at->file, own) != 0)) {
		ci_path(at->file, b);
		strbuf_puts(b, at->line ? ":" : ": ");
	}
	if (at->line)
		strbuf_printf(b, "%u:%u: ", at->line, at->col);
}

const char *findings_errors(struct findings *f, const struct diags *d,
			    const char *own)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < d->n; i++) {
		const struct diag *g = &d->v[i];

		if (g->level != DIAG_ERROR || n++ >= ERRORS_SHOWN)
			continue;
		strbuf_puts(&b, b.n ? "\n" : "");
		put_place(&g->at, own, &b);
		strbuf_printf(&b, "error: %s [%s]", g->msg ? g->msg : "",
			      diag_id_name(g->id));
	}
	if (n > ERRORS_SHOWN)
		strbuf_printf(&b, "\n... and %zu more", n - ERRORS_SHOWN);
	return keep(f, &b);
}

void findings_release(struct findings *f)
{
	free(f->v);
	free(f->cases);
	arena_release(&f->texts);
	*f = (struct findings){ 0 };
}

const struct ci_format *ci_format_find(const char *name)
{
	static const struct ci_format *const all[] = {
		&ci_sarif, &ci_github, &ci_junit, &ci_codeclimate,
		&ci_markdown,
	};

	for (size_t i = 0; name && i < ARRAY_SIZE(all); i++)
		if (!strcmp(name, all[i]->name))
			return all[i];
	return NULL;
}

int ci_format_print(const char *name, const struct findings *f)
{
	int err = ci_format_find(name)->print(f);

	return f->lost ? -ENOMEM : err;
}
