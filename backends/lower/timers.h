/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/lower/timers.h: timers as sets of an image.
 *
 * Shape:  such a set has no elements; how it is called is the backend's matter.
 * Errors: -ENOMEM.
 */
#ifndef CTPOLICY_BACKENDS_LOWER_TIMERS_H
#define CTPOLICY_BACKENDS_LOWER_TIMERS_H

#include "core/timers.h"
#include "rules/image.h"

/* Find or make the set of that name; NULL: out of memory. */
struct image_set *timers_set(struct image_table *t, const char *name);
/*
 * What a kernel, or a text, has under the set's name: of all its timers those
 * that were asked for.
 */
int timers_take(struct image_set *s, uint8_t family, struct timers *t,
		uint32_t mask);

#endif
