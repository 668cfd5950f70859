/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policies/policy_fix_try.h"

#include <errno.h>
#include <string.h>

#include "core/mem.h"
#include "policies/policy.h"
#include "policies/policy_fix.h"

void fixing_release(struct fixing *x)
{
	free(x->text);
	free(x->known);
	diags_release(&x->now);
}

void fix_tried_release(struct fix_tried *t)
{
	free(t->text);
	diags_release(&t->then);
	*t = (struct fix_tried){ 0 };
}

static int look(struct fixing *x, const char *text, size_t len,
		struct diags *ret)
{
	_cleanup_(policy_free) struct policy *p = NULL;
	int err = policy_parse(x->file, text, len, &p, ret);

	x->left -= len < x->left ? len : x->left;
	return err == -ENOMEM || ret->lost ? -ENOMEM : 0;
}

/* Lines that were put in move the others down. */
static int by_words(const void *a, const void *b)
{
	const struct diag *x = *(const struct diag *const *)a;
	const struct diag *y = *(const struct diag *const *)b;

	return x->id != y->id ? (x->id > y->id) - (x->id < y->id) :
				strcmp(x->msg, y->msg);
}

static int index_known(struct fixing *x)
{
	x->cut = diags_has(&x->now, ID_TOO_MANY_ERRORS);
	mem_free_const(x->known);
	x->known = calloc(x->now.n + 1, sizeof(*x->known));
	if (!x->known)
		return -ENOMEM;
	for (size_t i = 0; i < x->now.n; i++)
		x->known[i] = &x->now.v[i];
	qsort(x->known, x->now.n, sizeof(*x->known), by_words);
	return 0;
}

int fixing_begin(struct fixing *x, const char *file, const char *text,
		 size_t len, size_t budget)
{
	int err;

	*x = (struct fixing){ .file = file, .text = malloc(len + 1),
			      .len = len };
	if (!x->text)
		return -ENOMEM;
	memcpy(x->text, text, len);
	x->text[len] = '\0';
	err = look(x, x->text, len, &x->now);
	x->left = budget;
	return err ? err : index_known(x);
}

/* Of what YAML is not, one mistake hides all behind it. */
static bool hides_others(const struct diag *d)
{
	return d->id < ID_UNKNOWN_KEY;
}

/* Where errors were left out, others take the place of one that is mended. */
bool fixing_may(const struct fixing *x, size_t i)
{
	const struct diag *d = &x->now.v[i];

	return d->fix && d->level == DIAG_ERROR && (!x->cut || hides_others(d));
}

/* The names are interned, or one and the same. */
static bool is_in_line(const struct diag *d, const struct srcpos *at)
{
	return d->at.line == at->line && d->at.file == at->file;
}

static bool is_same(const struct diag *a, const struct diag *b)
{
	return a->id == b->id && a->level == b->level &&
	       is_in_line(a, &b->at) && !strcmp(a->msg, b->msg);
}

static bool has(const struct diags *of, const struct diag *d)
{
	for (size_t i = 0; i < of->n; i++)
		if (is_same(&of->v[i], d))
			return true;
	return false;
}

static bool has_new_errors(const struct fixing *x, const struct diags *then)
{
	for (size_t i = 0; i < then->n; i++) {
		const struct diag *d = &then->v[i];

		if (d->level == DIAG_ERROR &&
		    !bsearch(&d, x->known, x->now.n, sizeof(*x->known),
			     by_words))
			return true;
	}
	return false;
}

/* Does an error stay in that line? It may have meant something else. */
static bool is_about(const struct diags *of, const struct srcpos *at)
{
	for (size_t i = 0; i < of->n; i++)
		if (of->v[i].level == DIAG_ERROR && !of->v[i].fix &&
		    is_in_line(&of->v[i], at))
			return true;
	return false;
}

static bool is_yaml(const struct diags *then)
{
	for (size_t i = 0; i < then->n; i++)
		if (then->v[i].level == DIAG_ERROR && hides_others(&then->v[i]))
			return false;
	return true;
}

static bool helps(const struct fixing *x, const struct diag *d,
		  const struct diags *then)
{
	if (hides_others(d))
		return !has(then, d) && !is_about(then, &d->at);
	return then->errors < x->now.errors && !has_new_errors(x, then);
}

static int try_way(struct fixing *x, const struct diag *d,
		   unsigned int attempt, struct fix_tried *ret)
{
	_cleanup_(fix_tried_release) struct fix_tried t = { 0 };
	int err;

	if (x->left < x->len) {
		x->stopped = true;
		return 0;
	}
	err = policy_fix_one(d, attempt, x->text, x->len, &t.text, &t.len);
	if (err)
		return err == -EINVAL ? 0 : err;
	err = look(x, t.text, t.len, &t.then);
	if (err || !helps(x, d, &t.then))
		return err;
	*ret = t;
	t = (struct fix_tried){ 0 };
	return 0;
}

int fixing_try(struct fixing *x, size_t i, struct fix_tried *ret)
{
	_cleanup_(fix_tried_release) struct fix_tried first = { 0 };

	for (unsigned int k = 0; k < POLICY_FIX_ATTEMPTS; k++) {
		_cleanup_(fix_tried_release) struct fix_tried t = { 0 };
		int err = try_way(x, &x->now.v[i], k, &t);
		struct fix_tried *to = t.text && is_yaml(&t.then) ? ret :
								    &first;

		if (err)
			return err;
		if (!t.text || to->text)
			continue;
		*to = t;
		t = (struct fix_tried){ 0 };
		if (to == ret)
			return 0;
	}
	*ret = first;
	first = (struct fix_tried){ 0 };
	return 0;
}

int fixing_take(struct fixing *x, struct fix_tried *t)
{
	free(x->text);
	x->text = TAKE_PTR(t->text);
	x->len = t->len;
	diags_release(&x->now);
	x->now = t->then;
	t->then = (struct diags){ 0 };
	return index_known(x);
}
