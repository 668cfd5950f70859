/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/iptables/ipt_elems.h"

#include <string.h>

#include "backends/iptables/ipt_sets.h"
#include "core/fault.h"
#include "core/mem.h"

struct cutter {
	const struct elems *in;
	size_t i;			/* the box being cut */
	uint8_t first[ELEMS_MAX_FIELDS * 16], last[ELEMS_MAX_FIELDS * 16];
	struct elems *out;
};

bool ipt_elems_field_exact(const struct elems *e, unsigned int f)
{
	size_t off = elems_offset(e, f), width = field_width(e->field[f]);

	for (size_t i = 0; i < e->n; i++)
		if (memcmp(elems_first(e, i) + off, elems_last(e, i) + off,
			   width))
			return false;
	return true;
}

static bool is_entry(const struct elems *e, size_t i)
{
	for (unsigned int f = 0; f < e->n_fields; f++) {
		size_t off = elems_offset(e, f);
		size_t width = field_width(e->field[f]);
		const uint8_t *first = elems_first(e, i) + off;
		const uint8_t *last = elems_last(e, i) + off;

		if (e->field[f] == FIELD_PORT ? memcmp(first, last, width) :
		    ipt_range_len(first, last, width) < 1)
			return false;
	}
	return true;
}

/* The block of `len` bits at v: its last value. */
static void block_last(const uint8_t *v, size_t width, unsigned int len,
		       uint8_t *ret)
{
	for (size_t i = 0; i < width; i++) {
		unsigned int bits = len > 8 * i ? len - 8 * (unsigned int)i : 0;

		ret[i] = bits >= 8 ? v[i] : (uint8_t)(v[i] | 0xff >> bits);
	}
}

static bool is_aligned(const uint8_t *v, size_t width, unsigned int len)
{
	uint8_t zero[16] = { 0 }, mask[16];

	block_last(zero, width, len, mask);
	for (size_t i = 0; i < width; i++)
		if (v[i] & mask[i])
			return false;
	return true;
}

static int cut_field(struct cutter *c, unsigned int f);

/* The largest block that begins at `first` and does not pass `end`. */
static void next_block(const uint8_t *first, const uint8_t *end, size_t width,
		       uint8_t *ret_last)
{
	unsigned int len = 1;

	for (; len < 8 * width; len++) {
		if (!is_aligned(first, width, len))
			continue;
		block_last(first, width, len, ret_last);
		if (memcmp(ret_last, end, width) <= 0)
			return;
	}
	memcpy(ret_last, first, width);
}

static int cut_values(struct cutter *c, unsigned int f)
{
	size_t off = elems_offset(c->in, f);
	size_t width = field_width(c->in->field[f]);
	const uint8_t *end = elems_last(c->in, c->i) + off;
	uint8_t *first = c->first + off, *last = c->last + off;
	int err;

	memcpy(first, elems_first(c->in, c->i) + off, width);
	while (true) {
		if (c->in->field[f] == FIELD_PORT)
			memcpy(last, first, width);
		else
			next_block(first, end, width, last);
		err = cut_field(c, f + 1);
		if (err || !memcmp(last, end, width))
			return err;
		if (!key_next(last, width, first))
			return 0;
	}
}

static int cut_field(struct cutter *c, unsigned int f)
{
	if (f < c->in->n_fields)
		return cut_values(c, f);
	if (c->out->n >= IPT_ELEMS_MAX)
		return -FAULT_LACKING;
	return elems_add(c->out, c->first, c->last, elems_origin(c->in, c->i));
}

static int cut_all(struct elems *e)
{
	_cleanup_(elems_release) struct elems out;
	struct cutter c = { .in = e, .out = &out };
	int err = 0;

	elems_init(&out, e->field, e->n_fields);
	for (c.i = 0; !err && c.i < e->n; c.i++)
		err = cut_field(&c, 0);
	if (err)
		return err;
	elems_release(e);
	*e = out;
	out = (struct elems){ 0 };
	return 0;
}

static bool all_entries(const struct elems *e)
{
	if (elems_all_exact(e))
		return true;
	for (size_t i = 0; i < e->n; i++)
		if (!is_entry(e, i))
			return false;
	return true;
}

/*
 * Making boxes disjoint can undo a cut and cutting never makes boxes overlap,
 * so this settles after a round or two; the bound only keeps a mistake from
 * turning into a hang.
 */
int ipt_elems_fit(struct elems *e)
{
	int err;

	for (int round = 0; round < 8; round++) {
		err = elems_canonical(e);
		if (err)
			return err;
		if (all_entries(e))
			return 0;
		err = cut_all(e);
		if (err)
			return err;
	}
	return -FAULT_LACKING;
}
