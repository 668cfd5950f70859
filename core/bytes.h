/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * core/bytes.h: amounts of memory as people write them, "48GiB".
 *
 * Errors: -EINVAL: no whole number with one of the units KiB, MiB, GiB, TiB.
 *         -ERANGE: 0, or more than BYTES_MAX.
 */
#ifndef CTPOLICY_CORE_BYTES_H
#define CTPOLICY_CORE_BYTES_H

#include <stdint.h>

#define BYTES_MAX (UINT64_C(1) << 50)	/* 1024 TiB */

/* Powers of two of a unit; 0: it is none. */
unsigned int bytes_shift(const char *unit);
int bytes_parse(const char *s, uint64_t *ret);
/* One digit behind the point, and the unit that leaves most in front of it. */
void bytes_print(uint64_t n, char ret[static 32]);

#endif
