/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policies/policy_fix.h"

#include <errno.h>
#include <string.h>

#include "core/mem.h"
#include "core/strbuf.h"
#include "policies/policy.h"
#include "policies/policy_files.h"
#include "policies/policy_fix_try.h"

static const char *fix_word(enum diag_fix fix)
{
	return fix == FIX_QUOTE	  ? "in quotes" :
	       fix == FIX_COMMENT ? "a comment" :
	       fix == FIX_ALIGN	  ? "aligned" :
	       fix == FIX_ENLIST  ? "a list of one" :
				    "removed";
}

static void note(const struct diag *d, struct diags *done)
{
	const char *text = d->fix_text;
	struct srcpos at = d->at;

	at.col = 0;	/* what is there now is nothing to point at */
	if (d->fix == FIX_UNTAB)
		text = "spaces in place of tabs";
	if (text && *text)
		diag_add(done, DIAG_NOTE, 0, d->id, at,
			 "fixed: %s: now %s", d->msg, text);
	else
		diag_add(done, DIAG_NOTE, 0, d->id, at,
			 "fixed: %s: now %s", d->msg, fix_word(d->fix));
}

static int mend(struct fixing *x, size_t i, struct diags *done,
		bool *ret_taken)
{
	_cleanup_(fix_tried_release) struct fix_tried t = { 0 };
	int err = fixing_try(x, i, &t);

	*ret_taken = !err && t.text;
	if (!*ret_taken)
		return err;
	note(&x->now.v[i], done);
	return fixing_take(x, &t);
}

static void say_rest(const struct fixing *x, size_t made, struct diags *done)
{
	const struct srcpos at = { .file = x->file };

	if (x->cut)
		diag_add(done, DIAG_NOTE, 0, ID_TOO_MANY_ERRORS, at,
			 "%zu fixed; there are too many errors to fix all of them: fix some by hand and run it again",
			 made);
	else if (x->stopped && made)
		diag_add(done, DIAG_NOTE, 0, ID_TOO_MANY_ERRORS, at,
			 "%zu fixed, and not every fix was tried: run it again",
			 made);
	else if (x->stopped)
		diag_add(done, DIAG_NOTE, 0, ID_TOO_MANY_ERRORS, at,
			 "nothing is fixed: the policy is too long to try every fix");
}

static bool is_enough(const struct fixing *x, size_t made)
{
	return made >= POLICY_FIX_MAX &&
	       POLICY_FIX_READ - x->left > POLICY_FIX_CHEAP;
}

/* Round and round, until every mistake was tried since the last fix. */
static int mend_all(struct fixing *x, struct diags *done)
{
	size_t i = 0, failed = 0, made = 0;
	bool taken = false;
	int err = 0;

	while (!err && failed < x->now.n && !x->stopped) {
		i = i < x->now.n ? i : 0;
		taken = false;
		if (fixing_may(x, i))
			err = mend(x, i, done, &taken);
		made += taken;
		failed = taken ? 0 : failed + 1;
		i += !taken;
		x->stopped |= taken && x->now.errors && is_enough(x, made);
	}
	say_rest(x, made, done);
	return err;
}

/*
 * UTF-16 of either order, where all is ASCII but the mark that may begin it.
 * *ret: where its first letter is.
 */
static bool is_wide(const unsigned char *s, size_t len, size_t *ret)
{
	bool mark = len > 1 && ((s[0] == 0xff && s[1] == 0xfe) ||
				(s[0] == 0xfe && s[1] == 0xff));
	bool big = len > 1 && (mark ? s[0] == 0xfe : !s[0]);
	size_t begin = mark ? 2 : 0;

	if (len < 2 || len % 2)
		return false;
	for (size_t i = begin; i < len; i += 2)
		if (s[i + !big] || s[i + big] >= 0x80 || !s[i + big])
			return false;
	*ret = begin + big;
	return true;
}

/* Append a file's text to a policy's. */
static void put_narrow(const char *file, const char *text, size_t len,
		       struct strbuf *to, struct diags *done)
{
	size_t first;

	if (!is_wide((const unsigned char *)text, len, &first)) {
		strbuf_add(to, text, len);
		return;
	}
	for (size_t i = first; i < len; i += 2)
		strbuf_add(to, text + i, 1);
	diag_add(done, DIAG_NOTE, 0, ID_BAD_UTF8,
		 (struct srcpos){ .file = file, .line = 1, .col = 1 },
		 "fixed: UTF-16: now UTF-8");
}

static int narrow(const char *file, const char *text, size_t len,
		  struct strbuf *to, struct diags *done)
{
	_cleanup_(policy_files_release) struct policy_files files = { 0 };
	int err = policy_files_split(file, text, len, &files);

	if (err)
		return err;
	if (!policy_files_many(text, len))
		put_narrow(file, text, len, to, done);
	for (size_t i = 0; policy_files_many(text, len) && i < files.n; i++) {
		_cleanup_(strbuf_release) struct strbuf one = { 0 };

		put_narrow(files.v[i].file, files.v[i].text, files.v[i].len,
			   &one, done);
		if (strbuf_status(&one))
			return -ENOMEM;
		policy_files_put(files.v[i].file, strbuf_str(&one), one.n, to);
	}
	return strbuf_status(to);
}

/* It comes back as it is. */
static int leave(const char *file, const char *text, size_t len, char **ret,
		 size_t *ret_len, struct diags *done)
{
	_cleanup_(policy_free) struct policy *p = NULL;
	_cleanup_(diags_release) struct diags d = { 0 };
	int err = policy_parse(file, text, len, &p, &d);

	if (err == -ENOMEM || d.lost)
		return -ENOMEM;
	if (d.errors)
		diag_add(done, DIAG_NOTE, 0, ID_TOO_MANY_ERRORS,
			 (struct srcpos){ .file = file },
			 "nothing is fixed in a policy of more than %u MiB",
			 POLICY_FIX_BYTES >> 20);
	*ret = malloc(len);
	if (!*ret || done->lost)
		return -ENOMEM;
	memcpy(*ret, text, len);
	*ret_len = len;
	return 0;
}

int policy_fix(const char *file, const char *text, size_t len, char **ret,
	       size_t *ret_len, struct diags *done)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	_cleanup_(fixing_release) struct fixing x = { 0 };
	int err;

	if (len > POLICY_FIX_BYTES)
		return leave(file, text, len, ret, ret_len, done);
	if (narrow(file, text, len, &b, done))
		return -ENOMEM;
	err = fixing_begin(&x, file, strbuf_str(&b), b.n, POLICY_FIX_READ);
	if (!err)
		err = mend_all(&x, done);
	if (err || done->lost)
		return -ENOMEM;
	*ret = TAKE_PTR(x.text);
	*ret_len = x.len;
	return 0;
}
