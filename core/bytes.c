/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/bytes.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"

#define SHIFT 10
#define DIGITS_MAX 15

static const char *const units[] = { "KiB", "MiB", "GiB", "TiB" };

unsigned int bytes_shift(const char *unit)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(units); i++)
		if (!strcmp(unit, units[i]))
			return SHIFT * (i + 1);
	return 0;
}

int bytes_parse(const char *s, uint64_t *ret)
{
	size_t n = strspn(s, "0123456789");
	unsigned int shift = bytes_shift(s + n);
	uint64_t v;

	if (!n || !shift)
		return -EINVAL;
	v = n <= DIGITS_MAX ? strtoull(s, NULL, 10) : BYTES_MAX;
	if (!v || v > BYTES_MAX >> shift)
		return -ERANGE;
	*ret = v << shift;
	return 0;
}

void bytes_print(uint64_t n, char ret[static 32])
{
	double v = (double)n;
	unsigned int i = 0;

	if (n < 1u << SHIFT) {
		snprintf(ret, 32, "%" PRIu64 " bytes", n);
		return;
	}
	for (v /= 1u << SHIFT; v >= 1u << SHIFT && i + 1 < ARRAY_SIZE(units);
	     i++)
		v /= 1u << SHIFT;
	snprintf(ret, 32, "%.1f %s", v, units[i]);
}
