/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/lines.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"

/* How far apart lines are looked for that are equal again. */
#define APART_MAX 2000

struct lines_part lines_next(const char *text, size_t len, size_t *at)
{
	const char *s = text + *at, *end;
	struct lines_part l = { s, 0 };

	if (*at >= len)
		return l;
	end = memchr(s, '\n', len - *at);
	l.n = end ? (size_t)(end - s) + 1 : len - *at;
	*at += l.n;
	return l;
}

int lines_each(const char *text, size_t len, lines_take_fn *take, void *arg)
{
	_cleanup_free_ char *copy = strndup(text ? text : "", len);
	char *line, *next;
	int err = copy ? 0 : -ENOMEM;

	for (line = copy; !err && *line; line = next) {
		next = line + strcspn(line, "\n");
		if (*next)
			*next++ = '\0';
		err = take(line, arg);
	}
	return err;
}

uint32_t lines_count(const char *text, size_t len)
{
	uint32_t n = 0;

	for (size_t at = 0; lines_next(text, len, &at).n;)
		n++;
	return n;
}

/* A part without a newline was the last line of its text. */
static bool stands(struct lines_part text, size_t at, const char *part)
{
	size_t n = strlen(part);

	return n && n <= text.n - at && !memcmp(text.s + at, part, n) &&
	       (part[n - 1] == '\n' || at + n == text.n ||
		text.s[at + n] == '\n');
}

size_t lines_find(struct lines_part text, size_t from, uint32_t line,
		  const char *part, uint32_t near, uint32_t *ret_line)
{
	size_t found = SIZE_MAX, at = from, next = from;
	uint32_t best = UINT32_MAX;

	for (; lines_next(text.s, text.n, &next).n; at = next, line++) {
		uint32_t far = line > near ? line - near : near - line;

		if (far >= best || !stands(text, at, part))
			continue;
		best = far;
		found = at;
		*ret_line = line;
	}
	return found;
}

struct line_list {
	struct lines_part *v;
	size_t n, cap;
};

static int split(struct lines_part text, struct line_list *ret)
{
	size_t at = 0;

	while (at < text.n) {
		if (mem_grow(&ret->v, &ret->cap, ret->n + 1))
			return -ENOMEM;
		ret->v[ret->n++] = lines_next(text.s, text.n, &at);
	}
	return 0;
}

static bool same(const struct lines_part *a, const struct lines_part *b)
{
	return a->n == b->n && !memcmp(a->s, b->s, a->n);
}

/* The next equal lines, from there on: *a and *b lines further. */
static void meet(const struct line_list *was, size_t i,
		 const struct line_list *is, size_t j, size_t *a, size_t *b)
{
	for (size_t k = 1; k < APART_MAX; k++)
		for (*a = 0; *a <= k; ++*a) {
			*b = k - *a;
			if (i + *a < was->n && j + *b < is->n &&
			    same(&was->v[i + *a], &is->v[j + *b]))
				return;
		}
	*a = was->n - i;
	*b = is->n - j;
}

static struct lines_part join(const struct line_list *l, size_t i, size_t n)
{
	struct lines_part p = { "", 0 };

	if (n)
		p.s = l->v[i].s;
	for (size_t k = 0; k < n; k++)
		p.n += l->v[i + k].n;
	return p;
}

/* Lines that differ: `a` from i on became `b` from j on. */
struct hunk {
	size_t i, a, j, b;
};

/*
 * What is only added takes an equal line with it: the next one, or at the end
 * the one before, or it joins the hunk that ends there.
 */
static void anchor(const struct line_list *was, struct hunk *h,
		   struct hunk *before)
{
	if (h->a)
		return;
	if (h->i < was->n) {
		h->a++;
		h->b++;
	} else if (before->a && before->i + before->a == h->i &&
		   before->j + before->b == h->j) {
		before->b += h->b;
		h->b = 0;
	} else if (h->i && h->j) {
		h->i--;
		h->j--;
		h->a++;
		h->b++;
	}
}

static int give(const struct line_list *was, const struct line_list *is,
		const struct hunk *h, lines_hunk_fn *hunk, void *arg)
{
	return !h->a ? 0 : hunk(arg, (uint32_t)h->i + 1,
				join(was, h->i, h->a), join(is, h->j, h->b));
}

static int diff(const struct line_list *was, const struct line_list *is,
		lines_hunk_fn *hunk, void *arg)
{
	struct hunk before = { 0 }, h = { 0 };
	int err = 0;

	while (!err && (h.i < was->n || h.j < is->n)) {
		if (h.i < was->n && h.j < is->n &&
		    same(&was->v[h.i], &is->v[h.j])) {
			h.i++;
			h.j++;
			continue;
		}
		meet(was, h.i, is, h.j, &h.a, &h.b);
		anchor(was, &h, &before);
		if (!h.a)
			break;
		err = give(was, is, &before, hunk, arg);
		before = h;
		h.i += h.a;
		h.j += h.b;
	}
	return err ? err : give(was, is, &before, hunk, arg);
}

int lines_diff(struct lines_part was, struct lines_part is,
	       lines_hunk_fn *hunk, void *arg)
{
	struct line_list a = { 0 }, b = { 0 };
	int err = split(was, &a);

	if (!err)
		err = split(is, &b);
	if (!err)
		err = diff(&a, &b, hunk, arg);
	free(a.v);
	free(b.v);
	return err;
}
