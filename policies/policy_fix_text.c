/* SPDX-License-Identifier: GPL-2.0-or-later */
/* policies/policy_fix_text.c: one fix, as an edit of the text. */
#include <errno.h>
#include <string.h>

#include "core/mem.h"
#include "policies/policy_files.h"
#include "policies/policy_fix.h"
#include "policies/policy_fix_parts.h"

/* Of two keys of one name, if both say the same on their lines. */
static int drop_twin(const struct page *t, const struct diag *d,
		     struct edit *e)
{
	struct edit other;
	size_t n = fix_line_end(t, e->at) - e->at;
	int err = fix_find(t, d->related, &other);

	if (err || d->related.file != d->at.file || fix_in_flow(t, e->at) ||
	    fix_line_end(t, other.at) - other.at != n ||
	    memcmp(t->s + e->at, t->s + other.at, n) != 0)
		return -EINVAL;
	return fix_drop(t, e);
}

/* Each line of a block's key. */
static int comment(const struct page *t, struct edit *e, struct strbuf *by)
{
	size_t at = e->at, begin = fix_line_begin(t, at), end;

	if (fix_in_flow(t, at) || fix_back_over_spaces(t, at) != begin)
		return -EINVAL;
	fix_drop_in_block(t, at, e);
	for (at = e->at; at < e->at + e->n; at = end) {
		end = fix_next_line(t, at);
		strbuf_add(by, t->s + at, fix_skip_spaces(t, at) - at);
		strbuf_puts(by, "# ");
		at = fix_skip_spaces(t, at);
		strbuf_add(by, t->s + at, end - at);
	}
	return 0;
}

static int first_key(const struct page *t, const char *text, struct edit *e,
		     struct strbuf *by)
{
	size_t column = e->at - fix_line_begin(t, e->at);

	if (t->s[e->at] == '{') {
		e->at++;
		strbuf_printf(by, "%s, ", text);
	} else {
		strbuf_printf(by, "%s\n%*s", text, (int)column, "");
	}
	e->n = 0;
	return 0;
}

/* To where the key of the line above is, without a dash of its own. */
static int align(const struct page *t, struct edit *e, struct strbuf *by)
{
	size_t begin = fix_line_begin(t, e->at), above, key, own;

	if (!begin)
		return -EINVAL;
	above = fix_line_begin(t, begin - 1);
	key = fix_skip_spaces(t, above);
	own = fix_skip_spaces(t, begin);
	if (!strncmp(t->s + key, "- ", 2))
		key = fix_skip_spaces(t, key + 1);
	if (!strncmp(t->s + own, "- ", 2))
		own = fix_skip_spaces(t, own + 1);
	e->at = begin;
	e->n = own - begin;
	strbuf_printf(by, "%*s", (int)(key - above), "");
	return 0;
}

/* ---- quotes ---- */

static bool begins_value(const struct page *t, size_t begin, size_t at)
{
	if (at == begin)
		return true;
	if (t->s[at - 1] != ' ' && t->s[at - 1] != '\t')
		return strchr("[{", t->s[at - 1]);
	at = fix_back_over_spaces(t, at);
	return at == begin || strchr(":,-[{", t->s[at - 1]);
}

static int quote(const struct page *t, struct edit *e,
		 struct strbuf *by)
{
	size_t begin = fix_line_begin(t, e->at), at = e->at, end;

	begin = fix_skip_spaces(t, begin);
	while (at > begin && !begins_value(t, begin, at))
		at--;

	end = fix_in_flow(t, at) ? fix_flow_end(t, at) : fix_line_end(t, at);
	end = fix_back_over_spaces(t, end);
	if (end <= at || memchr(t->s + at, '"', end - at) ||
	    memchr(t->s + at, '\\', end - at))
		return -EINVAL;
	e->at = at;
	e->n = end - at;
	strbuf_puts(by, "\"");
	strbuf_add(by, t->s + at, e->n);
	strbuf_puts(by, "\"");
	return 0;
}

/* ---- all of them ---- */

static const unsigned int tab_widths[POLICY_FIX_ATTEMPTS] = { 8, 2, 4 };

static int untab(const struct page *t, unsigned int attempt,
		 struct strbuf *out)
{
	for (size_t at = 0; at < t->len;) {
		size_t end = fix_next_line(t, at);

		for (; at < end && strchr(" \t", t->s[at]); at++)
			for (unsigned int i = 0; i < (t->s[at] == ' ' ? 1 :
			     tab_widths[attempt]); i++)
				strbuf_puts(out, " ");
		strbuf_add(out, t->s + at, end - at);
		at = end;
	}
	return 0;
}

/* All of a word, and the spaces behind it. */
static int drop_word(const struct page *t, struct edit *e)
{
	while (e->at + e->n < t->len && !strchr(" ,]}\n", t->s[e->at + e->n]))
		e->n++;
	e->n = fix_skip_spaces(t, e->at + e->n) - e->at;
	return 0;
}

static int drop_line(const struct page *t, struct edit *e)
{
	e->n = fix_next_line(t, e->at) - fix_line_begin(t, e->at);
	e->at = fix_line_begin(t, e->at);
	return 0;
}

/* Where the fix's text goes as it is. */
static int put(const struct diag *d, const struct page *t, struct edit *e,
	       struct strbuf *by)
{
	if (d->fix == FIX_REPLACE && !*d->fix_text)
		e->n = fix_skip_spaces(t, e->at + e->n) - e->at;
	if (d->fix == FIX_LINE)
		e->at = fix_line_begin(t, e->at);
	if (d->fix == FIX_APPEND)
		e->at = fix_back_over_spaces(t, fix_line_end(t, e->at));
	if (d->fix == FIX_ITEM && !fix_in_flow(t, e->at))
		return -EINVAL;
	if (d->fix == FIX_ITEM)
		e->n = fix_flow_end(t, e->at) - e->at;
	else if (d->fix != FIX_REPLACE)
		e->n = 0;
	strbuf_printf(by, "%s%s", d->fix_text, d->fix == FIX_LINE ? "\n" : "");
	return 0;
}

static int place(const struct diag *d, unsigned int attempt,
		 const struct page *t, struct edit *e, struct strbuf *by)
{
	switch (d->fix) {
	case FIX_REPLACE:
	case FIX_INSERT:
	case FIX_LINE:
	case FIX_APPEND:
	case FIX_ITEM:
		return put(d, t, e, by);
	case FIX_DROP:
		return fix_drop(t, e);
	case FIX_DROP_LINE:
		return drop_line(t, e);
	case FIX_DROP_WORD:
		return drop_word(t, e);
	case FIX_DROP_ITEM:
		return fix_drop_item(t, e);
	case FIX_DROP_TWIN:
		return drop_twin(t, d, e);
	case FIX_COMMENT:
		return comment(t, e, by);
	case FIX_RENAME:
		strbuf_printf(by, "%s-%u", d->fix_text, attempt + 2);
		return 0;
	case FIX_FIRST:
		return first_key(t, d->fix_text, e, by);
	case FIX_ALIGN:
		return align(t, e, by);
	case FIX_SPLIT:
		return fix_split(t, d->fix_text, e, by);
	case FIX_ENLIST:
		return fix_enlist(t, e, by);
	case FIX_BESIDE:
		return fix_beside(t, d->fix_text, e, by);
	case FIX_QUOTE:
		return quote(t, e, by);
	case FIX_NONE:
	case FIX_UNTAB:
		break;
	}
	return -EINVAL;
}

static int edit(const struct diag *d, unsigned int attempt,
		const struct page *t, struct strbuf *out)
{
	_cleanup_(strbuf_release) struct strbuf by = { 0 };
	struct edit e;
	int err = fix_find(t, d->at, &e);

	if (!err)
		err = place(d, attempt, t, &e, &by);
	if (err)
		return err;
	err = strbuf_status(&by);
	return err ? err : fix_replace(t, &e, strbuf_str(&by), by.n, out);
}

static int fix_file(const struct diag *d, unsigned int attempt,
		    const char *text, size_t len, struct strbuf *out)
{
	const struct page t = { text, len };

	return d->fix == FIX_UNTAB ? untab(&t, attempt, out) :
				     edit(d, attempt, &t, out);
}

/* The file of the mistake; the others stay around it. */
static int fix_among(const struct diag *d, unsigned int attempt,
		     const char *text, size_t len, struct strbuf *out)
{
	_cleanup_(policy_files_release) struct policy_files files = { 0 };
	int err = policy_files_split(d->at.file, text, len, &files);
	bool found = false;

	for (size_t i = 0; !err && i < files.n; i++) {
		_cleanup_(strbuf_release) struct strbuf one = { 0 };
		const struct diag_source *f = &files.v[i];

		if (d->at.file && !strcmp(f->file, d->at.file)) {
			found = true;
			err = fix_file(d, attempt, f->text, f->len, &one);
		} else {
			strbuf_add(&one, f->text, f->len);
		}
		if (!err)
			err = strbuf_status(&one);
		policy_files_put(f->file, strbuf_str(&one), one.n, out);
	}
	return err ? err : found ? 0 : -EINVAL;
}

int policy_fix_one(const struct diag *d, unsigned int attempt,
		   const char *text, size_t len, char **ret, size_t *ret_len)
{
	_cleanup_(strbuf_release) struct strbuf out = { 0 };
	int err;

	if (attempt && d->fix != FIX_UNTAB && d->fix != FIX_RENAME)
		return -EINVAL;
	err = policy_files_many(text, len) ?
		      fix_among(d, attempt, text, len, &out) :
		      fix_file(d, attempt, text, len, &out);
	if (err)
		return err;
	*ret_len = out.n;
	*ret = strbuf_take(&out);
	return *ret ? 0 : -ENOMEM;
}
