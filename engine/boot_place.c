/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/boot_place.h"

#include <errno.h>
#include <string.h>

#include "core/mem.h"
#include "host/swap.h"

/* Where the search for the next edit begins. */
struct cursor {
	size_t at;
	uint32_t line;
	int64_t shift;		/* of lines, by what was found before */
};

struct match {
	size_t at;
	uint32_t line;
};

static struct match find(struct lines_part text, const struct cursor *c,
			 uint32_t near, const char *part)
{
	struct match m = { SIZE_MAX, 0 };

	m.at = lines_find(text, c->at, c->line, part, near, &m.line);
	return m;
}

static void find_one(struct lines_part text, const struct boot_edit *e,
		     struct cursor *c, struct boot_place *ret)
{
	int64_t expected = (int64_t)e->line + c->shift;
	uint32_t near = expected > 0 ? (uint32_t)expected : 1;
	struct match is = find(text, c, near, e->is), m = is;
	struct match was = find(text, c, near, e->was);
	uint32_t lines;

	ret->holds = BOOT_HOLDS_NEITHER;
	if (is.at == SIZE_MAX && was.at == SIZE_MAX)
		return;
	ret->holds = BOOT_HOLDS_IS;
	if (is.at == SIZE_MAX || (is.line != near && was.at != SIZE_MAX &&
				  was.line == near)) {
		ret->holds = BOOT_HOLDS_WAS;
		m = was;
	}
	ret->at = m.at;
	lines = lines_count(e->was, strlen(e->was));
	c->shift = (int64_t)m.line - e->line;
	if (ret->holds == BOOT_HOLDS_IS) {
		c->shift -= lines;
		lines = lines_count(e->is, strlen(e->is));
		c->shift += lines;
	}
	c->line = m.line + lines;
	c->at = m.at + strlen(ret->holds == BOOT_HOLDS_IS ? e->is : e->was);
	/* A last line that got a newline since */
	if (c->at < text.n && text.s[c->at - 1] != '\n')
		c->at++;
}

void boot_find_places(struct lines_part text, const struct boot_edit *v,
		      size_t n, struct boot_place *ret)
{
	struct cursor c = { 0, 1, 0 };

	for (size_t i = 0; i < n; i++)
		find_one(text, &v[i], &c, &ret[i]);
}

size_t boot_of_one_file(const struct boot_edits *e, size_t from)
{
	size_t n = 0;

	while (from + n < e->n && !strcmp(e->v[from + n].path, e->v[from].path))
		n++;
	return n;
}

int boot_places_now(const struct boot_edits *of, struct boot_place **ret)
{
	_cleanup_free_ struct boot_place *p = calloc(of->n + 1, sizeof(*p));
	size_t n;

	if (!p)
		return -ENOMEM;
	for (size_t i = 0; i < of->n; i += n) {
		_cleanup_free_ char *text = NULL;
		size_t len;
		int err = swap_read(of->v[i].path, &text, &len);

		n = boot_of_one_file(of, i);
		if (err == -ENOMEM)
			return err;
		if (!err)
			boot_find_places((struct lines_part){ text, len },
					 &of->v[i], n, &p[i]);
	}
	*ret = TAKE_PTR(p);
	return 0;
}
