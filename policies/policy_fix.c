/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policies/policy_fix.h"

#include <errno.h>
#include <string.h>

#include "core/mem.h"
#include "policies/policy.h"

struct fixing {
	const char *file;
	char *text;
	size_t len;
	struct diags now;	/* of the text */
	struct diags *done;
};

static void fixing_release(struct fixing *x)
{
	free(x->text);
	diags_release(&x->now);
}

static int look(const char *file, const char *text, size_t len,
		struct diags *ret)
{
	_cleanup_(policy_free) struct policy *p = NULL;
	int err = policy_parse(file, text, len, &p, ret);

	return err == -ENOMEM || ret->lost ? -ENOMEM : 0;
}

/* Of what YAML is not, one mistake hides all behind it. */
static bool hides_others(const struct diag *d)
{
	return d->id < ID_UNKNOWN_KEY;
}

static bool is_same(const struct diag *a, const struct diag *b)
{
	return a->id == b->id && a->level == b->level &&
	       a->at.line == b->at.line && !strcmp(a->msg, b->msg);
}

/* Lines that were put in move the others down. */
static bool is_known(const struct diags *of, const struct diag *d)
{
	for (size_t i = 0; i < of->n; i++)
		if (of->v[i].id == d->id && !strcmp(of->v[i].msg, d->msg))
			return true;
	return false;
}

static size_t errors_new_to(const struct diags *now, const struct diags *then)
{
	size_t n = 0;

	for (size_t i = 0; i < then->n; i++)
		n += then->v[i].level == DIAG_ERROR &&
		     !is_known(now, &then->v[i]);
	return n;
}

static bool has(const struct diags *of, const struct diag *d)
{
	for (size_t i = 0; i < of->n; i++)
		if (is_same(&of->v[i], d))
			return true;
	return false;
}

/* Does an error stay in that line? It may have meant something else. */
static bool is_about(const struct diags *of, uint32_t line)
{
	for (size_t i = 0; i < of->n; i++)
		if (of->v[i].level == DIAG_ERROR && !of->v[i].fix &&
		    of->v[i].at.line == line)
			return true;
	return false;
}

/* `all`: what is left is YAML, so that nothing is hidden any more. */
static bool helps(const struct fixing *x, const struct diag *d, bool all,
		  const struct diags *then)
{
	for (size_t i = 0; all && i < then->n; i++)
		if (then->v[i].level == DIAG_ERROR && hides_others(&then->v[i]))
			return false;
	if (hides_others(d))
		return !has(then, d) && !is_about(then, d->at.line);
	return then->errors < x->now.errors &&
	       !errors_new_to(&x->now, then);
}

static const char *fix_word(enum diag_fix fix)
{
	return fix == FIX_QUOTE	  ? "in quotes" :
	       fix == FIX_COMMENT ? "a comment" :
	       fix == FIX_ALIGN	  ? "aligned" :
				    "removed";
}

static void note(struct fixing *x, const struct diag *d)
{
	const char *text = d->fix_text;
	struct srcpos at = d->at;

	at.col = 0;	/* what is there now is nothing to point at */
	if (d->fix == FIX_UNTAB)
		text = "spaces in place of tabs";
	if (text && *text)
		diag_add(x->done, DIAG_NOTE, 0, d->id, at,
			 "fixed: %s: now %s", d->msg, text);
	else
		diag_add(x->done, DIAG_NOTE, 0, d->id, at,
			 "fixed: %s: now %s", d->msg, fix_word(d->fix));
}

static int try_one(struct fixing *x, size_t i, unsigned int attempt, bool all,
		   bool *ret_taken)
{
	_cleanup_(diags_release) struct diags then = { 0 };
	const struct diag *d = &x->now.v[i];
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	int err = policy_fix_one(d, attempt, x->text, x->len, &text, &len);

	if (err)
		return err == -EINVAL ? 0 : err;
	err = look(x->file, text, len, &then);
	if (err || !helps(x, d, all, &then))
		return err;
	note(x, d);
	free(x->text);
	x->text = TAKE_PTR(text);
	x->len = len;
	diags_release(&x->now);
	x->now = then;
	then = (struct diags){ 0 };
	*ret_taken = true;
	return 0;
}

/* Of several ways that one first after which nothing else is wrong as YAML. */
static int try_ways(struct fixing *x, size_t i, bool *ret_taken)
{
	int err = 0;

	for (unsigned int k = 0; !err && !*ret_taken &&
	     k < 2 * POLICY_FIX_ATTEMPTS; k++)
		err = try_one(x, i, k % POLICY_FIX_ATTEMPTS,
			      k < POLICY_FIX_ATTEMPTS, ret_taken);
	return err;
}

static int step(struct fixing *x, bool *ret_taken)
{
	int err = 0;

	*ret_taken = false;
	for (size_t i = 0; !err && !*ret_taken && i < x->now.n; i++) {
		if (!x->now.v[i].fix || x->now.v[i].level != DIAG_ERROR)
			continue;
		err = try_ways(x, i, ret_taken);
	}
	return err;
}

/* UTF-16 of either order, where all is ASCII but the mark that begins it. */
static void narrow(struct fixing *x)
{
	const unsigned char *s = (const unsigned char *)x->text;
	bool little = x->len > 1 && s[0] == 0xff && s[1] == 0xfe;
	bool big = x->len > 1 && s[0] == 0xfe && s[1] == 0xff;
	size_t n = 0;

	if ((!little && !big) || x->len % 2)
		return;
	for (size_t i = 2; i < x->len; i += 2)
		if (s[i + little] || s[i + big] >= 0x80 || !s[i + big])
			return;
	for (size_t i = 2; i < x->len; i += 2)
		x->text[n++] = (char)s[i + big];
	x->text[n] = '\0';
	x->len = n;
	diag_add(x->done, DIAG_NOTE, 0, ID_BAD_UTF8,
		 (struct srcpos){ .file = x->file, .line = 1, .col = 1 },
		 "fixed: UTF-16: now UTF-8");
}

int policy_fix(const char *file, const char *text, size_t len, char **ret,
	       size_t *ret_len, struct diags *done)
{
	_cleanup_(fixing_release) struct fixing x = {
		.file = file, .text = malloc(len + 1), .len = len, .done = done,
	};
	bool goes_on = len <= POLICY_FIX_BYTES;
	int err = x.text ? 0 : -ENOMEM;

	if (err)
		return err;
	memcpy(x.text, text, len);
	x.text[len] = '\0';
	if (goes_on)
		narrow(&x);
	if (goes_on)
		err = look(file, x.text, len, &x.now);
	for (int i = 0; !err && goes_on && i < POLICY_FIX_MAX; i++)
		err = step(&x, &goes_on);
	if (err || done->lost)
		return -ENOMEM;
	*ret = TAKE_PTR(x.text);
	*ret_len = x.len;
	return 0;
}
