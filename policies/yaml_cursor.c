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
		.src = src, .len = len, .runs = runs,
		.at = { 0, 1, 1 },
	};
}

const struct yrun *ycursor_run(const struct ycursor *c)
{
	return c->run < c->runs->n ? &c->runs->v[c->run] : NULL;
}

/* Skip one character. */
static void step(struct ycursor *c)
{
	if (c->src[c->at.off++] == '\n') {
		c->at.line++;
		c->at.col = 1;
	} else {
		c->at.col++;
	}
	while (c->at.off < c->len &&
		       ((unsigned char)c->src[c->at.off] & 0xc0) == 0x80)
		c->at.off++;
}

void ycursor_seek(struct ycursor *c, const yaml_mark_t *mark)
{
	const struct yrun *run = ycursor_run(c);

	for (; c->index < mark->index && c->at.off < c->len; c->index++)
		step(c);
	if (!c->runs->n) {
		c->at.line = (uint32_t)mark->line + 1;
		c->at.col = (uint32_t)mark->column + 1;
	} else if (mark->index < c->index || (run && c->at.off >= run->start)) {
		c->stray = true;
	}
}

void ycursor_enter_run(struct ycursor *c)
{
	const struct yrun *run = ycursor_run(c);

	for (; c->at.off < run->start; c->index++)
		step(c);
}

void ycursor_leave_run(struct ycursor *c, struct yplace behind)
{
	c->at = behind;
	c->run++;
}
