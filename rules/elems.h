/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rules/elems.h: the elements of one set, packed.
 *
 * Shape:  an element is a box: for each field a first and a last value. All
 *         first values stand one behind the other in field order, then all
 *         last values, so that memcmp() orders elements; as long as all are
 *         exact, the last values, which are the first, are not kept. After
 *         elems_canonical() they are sorted and disjoint, free of twins, and
 *         the same whatever the order they were added in.
 * Units:  values in network byte order, FIELD widths as field_width() says;
 *         interface names are padded with NUL (a wild one is not an element).
 * Owner:  origins are borrowed, one for each element (NULL: unknown); as long
 *         as all have the same one, it is kept once.
 * Errors: -ENOMEM; the elements are then as before the call.
 */
#ifndef CTPOLICY_RULES_ELEMS_H
#define CTPOLICY_RULES_ELEMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/inet.h"

struct origin;
struct strbuf;

enum field_type {
	FIELD_PORT,		/* 2 bytes */
	FIELD_ADDR4,		/* 4 bytes */
	FIELD_ADDR6,		/* 16 bytes */
	FIELD_IFNAME,		/* 16 bytes, NUL-padded */
	FIELD_ADDRTYPE,		/* 4 bytes, RTN_*, big endian here */
	FIELD_TYPE_MAX_
};

#define ELEMS_MAX_FIELDS 4

struct elems {
	enum field_type field[ELEMS_MAX_FIELDS];
	uint8_t n_fields;
	uint16_t width;			/* bytes of all fields, one end */
	bool lasts;			/* last values are kept */
	uint8_t *key;			/* n * width bytes, or twice as many */
	const struct origin *origin;	/* of each, or */
	const struct origin **origins;	/* n, where they differ; else NULL */
	size_t n, cap;
};

size_t field_width(enum field_type t);
/* Offset of field i inside one end. */
size_t elems_offset(const struct elems *e, unsigned int i);

/* Bytes from one key to the next. */
static inline size_t elems_stride(const struct elems *e)
{
	return (e->lasts ? 2 : 1) * (size_t)e->width;
}

void elems_init(struct elems *e, const enum field_type *field, size_t n);
/* first and last: `width` bytes each. */
int elems_add(struct elems *e, const uint8_t *first, const uint8_t *last,
	      const struct origin *origin);
/* From now on last values are kept, and may be changed in place. */
int elems_keep_lasts(struct elems *e);
const uint8_t *elems_first(const struct elems *e, size_t i);
const uint8_t *elems_last(const struct elems *e, size_t i);
static inline const struct origin *elems_origin(const struct elems *e, size_t i)
{
	return e->origins ? e->origins[i] : e->origin;
}
/* True when first equals last in every field of every element. */
bool elems_all_exact(const struct elems *e);
/*
 * As memcmp() of all first values, and then all last ones, of two elements of
 * the same fields.
 */
int elems_cmp(const struct elems *a, size_t i, const struct elems *b, size_t k);
/* By service name; an unknown one sorts first. */
int elems_cmp_origin(const struct origin *a, const struct origin *b);
/* Sort by key; twins stay. */
int elems_sort(struct elems *e);
/*
 * Sorted and disjoint, covering exactly what was added. Of the origins that
 * cover a point the one that sorts first by (service name) stands for it.
 */
int elems_canonical(struct elems *e);
/*
 * Cut overlapping boxes into disjoint ones: the part of elems_canonical()
 * that is left when the boxes are sorted and free of twins.
 */
int elems_split(struct elems *e);
/* A field's first value to its last: "53", "10.0.0.0/8", "a-b", "\"eth0\"". */
void elems_print_field(enum field_type t, const uint8_t *a, const uint8_t *b,
		       struct strbuf *out);
int elems_copy(const struct elems *e, struct elems *ret);
void elems_release(struct elems *e);

#endif
