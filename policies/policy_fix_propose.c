/* SPDX-License-Identifier: GPL-2.0-or-later */
/* policies/policy_fix_propose.c: what would mend each mistake, by itself. */
#include <errno.h>
#include <string.h>

#include "core/mem.h"
#include "policies/policy_files.h"
#include "policies/policy_fix.h"
#include "policies/policy_fix_try.h"

static bool continues(const char *s, size_t at, size_t len)
{
	return at < len && ((unsigned char)s[at] & 0xc0) == 0x80;
}

/* The bytes in which one text differs from the other, in whole characters. */
static void compare(const struct diag_source *was, const struct diag_source *is,
		    size_t *ret_at, size_t *ret_n, size_t *ret_by)
{
	size_t least = was->len < is->len ? was->len : is->len;
	size_t at = 0, end = 0;

	while (at < least && was->text[at] == is->text[at])
		at++;
	while (at && (continues(was->text, at, was->len) ||
		      continues(is->text, at, is->len)))
		at--;
	while (end < least - at && was->text[was->len - end - 1] ==
				       is->text[is->len - end - 1])
		end++;
	while (end && (continues(was->text, was->len - end, was->len) ||
		       continues(is->text, is->len - end, is->len)))
		end--;
	*ret_at = at;
	*ret_n = was->len - end - at;
	*ret_by = is->len - end - at;
}

/* Columns count characters, and not the mark that a file may begin with. */
static void find_place(const struct diag_source *f, size_t at,
		       struct srcpos *ret)
{
	size_t begin = f->len >= 3 && !memcmp(f->text, "\xef\xbb\xbf", 3) ?
			       3 : 0;

	*ret = (struct srcpos){ .file = f->file, .line = 1, .col = 1 };
	for (size_t i = begin; i < at; i++) {
		if (f->text[i] == '\n') {
			ret->line++;
			ret->col = 1;
		} else if (!continues(f->text, i, f->len)) {
			ret->col++;
		}
	}
}

static int add(struct policy_fixes *to, const struct diag *d,
	       const struct diag_source *was, const struct diag_source *is)
{
	struct policy_fix x = { .id = d->id, .of = d->at };
	size_t at, n, by;

	compare(was, is, &at, &n, &by);
	find_place(was, at, &x.from);
	find_place(was, at + n, &x.to);
	if (mem_grow(&to->v, &to->cap, to->n + 1))
		return -ENOMEM;
	x.text = strndup(is->text + at, by);
	x.msg = strdup(d->msg);
	if (!x.text || !x.msg) {
		free(x.text);
		free(x.msg);
		return -ENOMEM;
	}
	to->v[to->n++] = x;
	return 0;
}

/* A fix is in one file. */
static int add_changed(struct policy_fixes *to, const struct diag *d,
		       const struct policy_files *was, const char *text,
		       size_t len)
{
	_cleanup_(policy_files_release) struct policy_files is = { 0 };
	int err = policy_files_split(was->v[0].file, text, len, &is);

	for (size_t i = 0; !err && is.n == was->n && i < is.n; i++)
		if (!policy_file_same(&was->v[i], &is.v[i]))
			return add(to, d, &was->v[i], &is.v[i]);
	return err;
}

static int propose(struct fixing *x, const struct policy_files *was,
		   struct policy_fixes *ret)
{
	int err = 0;

	for (size_t i = 0; !err && i < x->now.n && !x->stopped; i++) {
		_cleanup_(fix_tried_release) struct fix_tried t = { 0 };

		if (!fixing_may(x, i))
			continue;
		if (ret->n >= POLICY_FIX_MAX) {
			x->stopped = true;
			break;
		}
		err = fixing_try(x, i, &t);
		if (!err && t.text)
			err = add_changed(ret, &x->now.v[i], was, t.text,
					  t.len);
	}
	ret->cut = x->stopped || x->cut;
	return err;
}

int policy_fix_propose(const char *file, const char *text, size_t len,
		       struct policy_fixes *ret)
{
	_cleanup_(policy_files_release) struct policy_files was = { 0 };
	_cleanup_(fixing_release) struct fixing x = { 0 };
	int err;

	if (len > POLICY_FIX_BYTES) {
		ret->cut = true;
		return 0;
	}
	err = fixing_begin(&x, file, text, len, POLICY_PROPOSE_READ);
	if (!err)
		err = policy_files_split(file, x.text, x.len, &was);
	return err ? err : propose(&x, &was, ret);
}

const struct policy_fix *policy_fixes_find(const struct policy_fixes *f,
					   const struct diag *d)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct policy_fix *x = &f->v[i];

		if (x->id == d->id && x->of.line == d->at.line &&
		    x->of.col == d->at.col && x->of.file == d->at.file &&
		    d->level == DIAG_ERROR && d->msg && !strcmp(x->msg, d->msg))
			return x;
	}
	return NULL;
}

void policy_fixes_release(struct policy_fixes *f)
{
	for (size_t i = 0; i < f->n; i++) {
		free(f->v[i].text);
		free(f->v[i].msg);
	}
	free(f->v);
	*f = (struct policy_fixes){ 0 };
}
