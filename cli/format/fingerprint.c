/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/format/fingerprint.c: what tells a finding from all others. */
#include <stdlib.h>
#include <string.h>

#include "cli/format/ci_text.h"
#include "core/digest.h"
#include "core/mem.h"

/* A line that was only indented otherwise is the same. */
static uint64_t add_line(uint64_t h, struct lines_part line)
{
	bool spaces = false, any = false;

	for (size_t i = 0; i < line.n; i++) {
		if (line.s[i] == ' ' || line.s[i] == '\t') {
			spaces = any;
			continue;
		}
		if (spaces)
			h = digest_add(h, " ", 1);
		h = digest_add(h, &line.s[i], 1);
		spaces = false;
		any = true;
	}
	return h;
}

/* With its NUL, so that texts don't run into each other. */
static uint64_t add_text(uint64_t h, const char *s)
{
	return digest_add(h, s, strlen(s) + 1);
}

/* The numbers of lines, which a message may have, are not part of it. */
static uint64_t fingerprint(const struct finding *x, bool *lost)
{
	_cleanup_(strbuf_release) struct strbuf path = { 0 };
	uint64_t h = add_text(DIGEST_START, diag_id_name(x->id));

	if (x->at.file)
		ci_path(x->at.file, &path);
	*lost |= path.lost;
	h = add_text(h, strbuf_str(&path));
	h = add_line(h, x->line);
	h = digest_add(h, "", 1);
	for (const char *s = x->msg; *s; s++)
		if (*s < '0' || *s > '9' || !x->line.n)
			h = digest_add(h, s, 1);
	return h;
}

struct numbered {
	uint64_t h;
	size_t i;
};

static int by_digest(const void *a, const void *b)
{
	const struct numbered *x = a, *y = b;

	return x->h != y->h ? (x->h > y->h) - (x->h < y->h) :
			      (x->i > y->i) - (x->i < y->i);
}

uint64_t *ci_fingerprints(const struct findings *f)
{
	_cleanup_free_ struct numbered *v = calloc(f->n + 1, sizeof(*v));
	_cleanup_free_ uint64_t *ret = calloc(f->n + 1, sizeof(*ret));
	uint32_t nth = 0;
	bool lost = false;

	if (!v || !ret)
		return NULL;
	for (size_t i = 0; i < f->n; i++)
		v[i] = (struct numbered){ fingerprint(&f->v[i], &lost), i };
	if (lost)
		return NULL;
	qsort(v, f->n, sizeof(*v), by_digest);
	/* of equal ones, the first, the second ... */
	for (size_t i = 0; i < f->n; i++) {
		nth = i && v[i - 1].h == v[i].h ? nth + 1 : 0;
		ret[v[i].i] = nth ? digest_add(v[i].h, &nth, sizeof(nth)) :
				    v[i].h;
	}
	return TAKE_PTR(ret);
}
