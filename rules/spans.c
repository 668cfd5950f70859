/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rules/spans.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"

int spans_add(struct spans *s, const struct key_range *r)
{
	if (mem_grow(&s->v, &s->cap, s->n + 1))
		return -ENOMEM;
	s->v[s->n++] = *r;
	return 0;
}

int spans_fill(struct spans *s, size_t width)
{
	struct key_range all = { 0 };

	memset(all.last, 0xff, width);
	s->n = 0;
	s->width = width;
	return spans_add(s, &all);
}

static int by_first(const void *a, const void *b)
{
	return memcmp(a, b, TERM_KEY_MAX);
}

/* Does b begin within a, or right behind it? */
static bool goes_on(const struct key_range *a, const struct key_range *b,
		    size_t width)
{
	uint8_t next[TERM_KEY_MAX] = { 0 };

	return !key_next(a->last, width, next) ||
	       memcmp(b->first, next, width) <= 0;
}

void spans_normalize(struct spans *s)
{
	size_t n = 0;

	if (s->n > 1)
		qsort(s->v, s->n, sizeof(*s->v), by_first);
	for (size_t i = 0; i < s->n; i++) {
		struct key_range *last = n ? &s->v[n - 1] : NULL;

		if (!last || !goes_on(last, &s->v[i], s->width))
			s->v[n++] = s->v[i];
		else if (memcmp(s->v[i].last, last->last, s->width) > 0)
			memcpy(last->last, s->v[i].last, TERM_KEY_MAX);
	}
	s->n = n;
}

static void replace(struct spans *s, struct spans *by)
{
	by->width = s->width;
	free(s->v);
	*s = *by;
	*by = (struct spans){ 0 };
}

int spans_keep(struct spans *s, const struct spans *other)
{
	_cleanup_(spans_release) struct spans out = { 0 };
	size_t w = s->width, i = 0, k = 0;
	int err = 0;

	while (!err && i < s->n && k < other->n) {
		const struct key_range *a = &s->v[i], *b = &other->v[k];
		bool ends = memcmp(a->last, b->last, w) < 0;
		struct key_range both = {
			{ 0 }, { 0 }
		};

		memcpy(both.first, memcmp(a->first, b->first, w) > 0 ?
					   a->first : b->first, w);
		memcpy(both.last, ends ? a->last : b->last, w);
		if (memcmp(both.first, both.last, w) <= 0)
			err = spans_add(&out, &both);
		if (ends)
			i++;
		else
			k++;
	}
	if (!err)
		replace(s, &out);
	return err;
}

/* What lies between the ranges of `s`, and around them. */
static int invert(const struct spans *s, struct spans *ret)
{
	struct key_range gap = { 0 };
	bool more = true;
	int err = 0;

	ret->width = s->width;
	for (size_t i = 0; !err && i < s->n; i++) {
		if (more && memcmp(s->v[i].first, gap.first, s->width) > 0) {
			key_previous(s->v[i].first, s->width, gap.last);
			err = spans_add(ret, &gap);
		}
		more = key_next(s->v[i].last, s->width, gap.first);
	}
	memset(gap.last, 0xff, s->width);
	return err || !more ? err : spans_add(ret, &gap);
}

int spans_cut(struct spans *s, const struct spans *other)
{
	_cleanup_(spans_release) struct spans rest = { 0 };
	int err = invert(other, &rest);

	return err ? err : spans_keep(s, &rest);
}

bool spans_equal(const struct spans *a, const struct spans *b)
{
	return a->n == b->n &&
	       (!a->n || !memcmp(a->v, b->v, a->n * sizeof(*a->v)));
}

void spans_release(struct spans *s)
{
	free(s->v);
	*s = (struct spans){ 0 };
}

static void put_port(uint8_t key[TERM_KEY_MAX], uint16_t port)
{
	uint16_t be = htons(port);

	memcpy(key, &be, sizeof(be));
}

static uint16_t get_port(const uint8_t key[TERM_KEY_MAX])
{
	uint16_t be;

	memcpy(&be, key, sizeof(be));
	return ntohs(be);
}

int spans_of_ports(const struct port_set *from, struct spans *ret)
{
	int err = 0;

	ret->width = sizeof(uint16_t);
	for (size_t i = 0; !err && i < from->n; i++) {
		struct key_range r = { 0 };

		put_port(r.first, from->v[i].first);
		put_port(r.last, from->v[i].last);
		err = spans_add(ret, &r);
	}
	spans_normalize(ret);
	return err;
}

int spans_to_ports(const struct spans *s, struct port_set *ret)
{
	int err = 0;

	for (size_t i = 0; !err && i < s->n; i++)
		err = port_set_add(ret, (struct port_range){
			get_port(s->v[i].first), get_port(s->v[i].last) });
	port_set_normalize(ret);
	return err;
}

int spans_of_prefixes(const struct prefix_set *from, uint8_t family,
		      struct spans *ret)
{
	int err = 0;

	ret->width = family == AF_INET ? 4 : 16;
	for (size_t i = 0; !err && i < from->n; i++) {
		struct key_range r = { 0 };

		if (from->v[i].family != family)
			continue;
		memcpy(r.first, from->v[i].addr, ret->width);
		prefix_last(&from->v[i], r.last);
		memset(r.last + ret->width, 0, sizeof(r.last) - ret->width);
		err = spans_add(ret, &r);
	}
	spans_normalize(ret);
	return err;
}

/* The largest prefix that begins at `first` and ends no later than `last`. */
static void widest(const uint8_t *first, const uint8_t *last, uint8_t family,
		   struct prefix *ret)
{
	size_t width = family == AF_INET ? 4 : 16;
	struct prefix p = { .family = family, .len = (uint8_t)(width * 8) };

	memcpy(p.addr, first, width);
	while (p.len) {
		struct prefix wider = p;
		uint8_t end[16] = { 0 };

		wider.len--;
		prefix_last(&wider, end);
		if (p.addr[wider.len / 8] & 0x80 >> wider.len % 8 ||
		    memcmp(end, last, width) > 0)
			break;
		p = wider;
	}
	*ret = p;
}

int spans_to_prefixes(const struct spans *s, uint8_t family,
		      struct prefix_set *ret)
{
	int err = 0;

	for (size_t i = 0; !err && i < s->n; i++) {
		uint8_t at[16] = { 0 }, end[16] = { 0 };
		struct prefix p;

		memcpy(at, s->v[i].first, s->width);
		do {
			widest(at, s->v[i].last, family, &p);
			err = prefix_set_add(ret, &p);
			prefix_last(&p, end);
		} while (!err && memcmp(end, s->v[i].last, s->width) < 0 &&
			 key_next(end, s->width, at));
	}
	prefix_set_normalize(ret);
	return err;
}
