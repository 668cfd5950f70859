/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policies/yaml_cursor.h"

#include <string.h>

int yfeed_read(void *data, unsigned char *buffer, size_t size,
	       size_t *ret_size)
{
	struct yfeed *f = data;
	size_t n = 0;

	while (n < size && f->off < f->len) {
		const struct yrun *run = f->run < f->runs->n ?
			&f->runs->v[f->run] : NULL;
		size_t part = (run ? run->start : f->len) - f->off;

		if (part > size - n)
			part = size - n;
		memcpy(buffer + n, f->src + f->off, part);
		n += part;
		f->off += part;
		if (run && f->off == run->start) {
			f->off = run->end;
			f->run++;
		}
	}
	*ret_size = n;
	return 1;
}

void ycursor_init(struct ycursor *c, const char *src, size_t len,
		  const struct yruns *runs)
{
	*c = (struct ycursor){
		.src = src, .len = len, .runs = runs, .line = 1, .col = 1,
	};
}

const struct yrun *ycursor_run(const struct ycursor *c)
{
	return c->run < c->runs->n ? &c->runs->v[c->run] : NULL;
}

/* Skip one character. */
static void step(struct ycursor *c)
{
	if (c->src[c->off++] == '\n') {
		c->line++;
		c->col = 1;
	} else {
		c->col++;
	}
	while (c->off < c->len &&
		       ((unsigned char)c->src[c->off] & 0xc0) == 0x80)
		c->off++;
}

void ycursor_seek(struct ycursor *c, const yaml_mark_t *mark)
{
	const struct yrun *run = ycursor_run(c);

	for (; c->index < mark->index && c->off < c->len; c->index++)
		step(c);
	if (!c->runs->n) {
		c->line = (uint32_t)mark->line + 1;
		c->col = (uint32_t)mark->column + 1;
	} else if (mark->index < c->index || (run && c->off >= run->start)) {
		c->stray = true;
	}
}

void ycursor_enter_run(struct ycursor *c)
{
	const struct yrun *run = ycursor_run(c);

	for (; c->off < run->start; c->index++)
		step(c);
}

bool ycursor_next_word(struct ycursor *c, struct yspan *ret, size_t *ret_off)
{
	const struct yrun *run = ycursor_run(c);
	size_t pos = c->off, start;
	bool found = yruns_next_word(c->src, run->end, &pos, &start);

	while (c->off < start)
		step(c);
	if (!found) {
		c->run++;
		return false;
	}
	*ret = (struct yspan){ c->line, c->col, (uint32_t)(pos - start) };
	*ret_off = start;
	c->col += (uint32_t)(pos - start);
	c->off = pos;
	return true;
}
