/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/diag.h"

#include <stdarg.h>
#include <string.h>

#include "core/mem.h"
#include "core/strbuf.h"

static char *format(const char *fmt, va_list ap)
	__attribute__((format(printf, 1, 0)));

/* A text made of what a user wrote may be as long as the file. */
#define TEXT_MAX 1000

static char *format(const char *fmt, va_list ap)
{
	struct strbuf b = { 0 };
	size_t n = TEXT_MAX - 3;
	char *s;

	strbuf_vprintf(&b, fmt, ap);
	s = strbuf_take(&b);
	if (!s || strlen(s) <= TEXT_MAX)
		return s;
	while (n > TEXT_MAX - 8 && ((unsigned char)s[n] & 0xc0) == 0x80)
		n--;
	memcpy(s + n, "...", 4);
	return s;
}

const char *diag_id_name(enum diag_id id)
{
#define NAME(name, nnn) [ID_##name] = "CT" #nnn,
	static const char names[ID_MAX_][6] = { DIAG_IDS(NAME) };
#undef NAME

	return names[id];
}

static void count(struct diags *d, enum diag_level level)
{
	if (level == DIAG_ERROR)
		d->errors++;
	else if (level == DIAG_WARNING)
		d->warnings++;
}

int diag_add(struct diags *d, enum diag_level level, int err, enum diag_id id,
	     struct srcpos at, const char *fmt, ...)
{
	struct diag added = { .level = level, .id = id, .at = at };
	va_list ap;

	/* Count it even if it is lost: an error must not look like success. */
	count(d, level);
	if (mem_grow(&d->v, &d->cap, d->n + 1)) {
		d->lost = true;
		return err;
	}
	va_start(ap, fmt);
	added.msg = format(fmt, ap);
	va_end(ap);
	if (!added.msg)
		d->lost = true;
	d->v[d->n++] = added;
	return err;
}

void diag_help(struct diags *d, const char *fmt, ...)
{
	va_list ap;
	char *help;

	if (!d->n)
		return;
	va_start(ap, fmt);
	help = format(fmt, ap);
	va_end(ap);
	if (!help)
		d->lost = true;
	free(d->v[d->n - 1].help);
	d->v[d->n - 1].help = help;
}

void diag_mend(struct diags *d, enum diag_fix fix, const char *fmt, ...)
{
	struct diag *last;
	va_list ap;
	char *text;

	if (!d->n)
		return;
	va_start(ap, fmt);
	text = format(fmt, ap);
	va_end(ap);
	/* A mistake without its fix must not look as if there were none. */
	if (!text)
		d->lost = true;
	last = &d->v[d->n - 1];
	free(last->fix_text);
	last->fix_text = text;
	last->fix = text ? fix : FIX_NONE;
}

void diag_related(struct diags *d, struct srcpos at, const char *fmt, ...)
{
	va_list ap;
	char *msg;

	if (!d->n)
		return;
	va_start(ap, fmt);
	msg = format(fmt, ap);
	va_end(ap);
	if (!msg)
		d->lost = true;
	free(d->v[d->n - 1].related_msg);
	d->v[d->n - 1].related_msg = msg;
	d->v[d->n - 1].related = at;
}

const char *diag_level_name(enum diag_level level)
{
	static const char *const names[] = {
		[DIAG_NOTE] = "note",
		[DIAG_WARNING] = "warning",
		[DIAG_ERROR] = "error",
	};

	_Static_assert(ARRAY_SIZE(names) == DIAG_LEVEL_MAX_, "a level unnamed");
	return names[level];
}

bool diags_has(const struct diags *d, enum diag_id id)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->v[i].id == id)
			return true;
	return false;
}

static void drop(struct diags *d, const struct diag *x)
{
	d->errors -= x->level == DIAG_ERROR;
	d->warnings -= x->level == DIAG_WARNING;
	free(x->msg);
	free(x->help);
	free(x->related_msg);
	free(x->fix_text);
}

void diags_truncate(struct diags *d, size_t n)
{
	while (d->n > n)
		drop(d, &d->v[--d->n]);
}

static bool is_same_place(const struct srcpos *a, const struct srcpos *b)
{
	return a->line == b->line && a->col == b->col &&
	       (a->file == b->file ||
		(a->file && b->file && !strcmp(a->file, b->file)));
}

static bool is_same(const struct diag *a, const struct diag *b)
{
	return a->id == b->id && a->level == b->level && a->msg && b->msg &&
	       !strcmp(a->msg, b->msg) && is_same_place(&a->at, &b->at);
}

/* Among the first n, from `at` on and then from the front; n: not there. */
static size_t find_same(const struct diags *d, size_t n, size_t at,
			const struct diag *x)
{
	for (size_t i = 0; i < n; i++) {
		size_t k = at + i < n ? at + i : at + i - n;

		if (is_same(&d->v[k], x))
			return k;
	}
	return n;
}

void diags_drop_repeated(struct diags *d, size_t n)
{
	size_t kept = n, next = 0;

	for (size_t i = n; i < d->n; i++) {
		struct diag x = d->v[i];
		/* most come again in the order in which they came */
		size_t at = x.level == DIAG_ERROR ? n :
			    find_same(d, n, next, &x);

		if (at < n) {
			next = at + 1 < n ? at + 1 : 0;
			drop(d, &x);
		} else {
			d->v[kept++] = x;
		}
	}
	if (kept < d->n)
		d->n = kept;
}

void diag_soften(struct diags *to, const struct diag *d)
{
	if (d->at.line)
		diag_add(to, DIAG_WARNING, 0, d->id, NOPOS, "%s:%u:%u: %s",
			 d->at.file, d->at.line, d->at.col, d->msg);
	else
		diag_add(to, DIAG_WARNING, 0, d->id, NOPOS, "%s", d->msg);
	if (d->help)
		diag_help(to, "%s", d->help);
}

void diags_append(struct diags *to, const struct diags *from)
{
	for (size_t i = 0; i < from->n; i++) {
		const struct diag *d = &from->v[i];

		diag_add(to, d->level, 0, d->id, d->at, "%s", d->msg);
		if (d->help)
			diag_help(to, "%s", d->help);
		if (d->related_msg)
			diag_related(to, d->related, "%s", d->related_msg);
	}
	to->lost |= from->lost;
}

void diags_release(struct diags *d)
{
	diags_truncate(d, 0);
	free(d->v);
	*d = (struct diags){ 0 };
}
