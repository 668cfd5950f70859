/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * policies/policy_value.c: numbers, durations and sizes, typed by the field
 * that holds them.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/bytes.h"
#include "core/mem.h"
#include "policies/policy_load.h"

#define DIGITS "0123456789"
/* Longer texts are not typos. */
#define EXPLAINED_MAX 32

/* The kernel keeps timeouts in an int, at HZ=1000 in milliseconds. */
#define DURATION_MAX (INT32_MAX / 1000)

/*
 * The leading decimal digits of s; -EINVAL: none, or a leading zero; -ERANGE:
 * beyond max.
 */
static int parse_digits(const char *s, uint64_t max, uint64_t *ret,
			const char **ret_rest)
{
	size_t n = strspn(s, DIGITS);
	uint64_t v = 0;

	if (!n || (s[0] == '0' && n > 1))
		return -EINVAL;
	*ret_rest = s + n;
	for (size_t i = 0; i < n; i++) {
		unsigned digit = (unsigned)(s[i] - '0');

		if (digit > max || v > (max - digit) / 10)
			return -ERANGE;
		v = v * 10 + digit;
	}
	*ret = v;
	return 0;
}

static bool explain_base(struct diags *d, const char *s)
{
	static const struct {
		const char *prefix, *name;
		int base;
	} bases[] = {
		{ "0x", "hexadecimal", 16 },
		{ "0o", "octal", 8 },
		{ "0b", "binary", 2 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(bases); i++) {
		char *end;
		unsigned long long v;

		if (strncasecmp(s, bases[i].prefix, 2) || !s[2])
			continue;
		errno = 0;
		v = strtoull(s + 2, &end, bases[i].base);
		if (*end || errno || s[2] == '-' || s[2] == '+')
			return false;
		diag_help(d, "numbers are decimal: write %llu for %s %s", v,
			  bases[i].name, s);
		diag_mend(d, FIX_REPLACE, "%llu", v);
		return true;
	}
	return false;
}

/* "1_000" and "1,000" without the separators */
static bool explain_groups(struct diags *d, const char *s)
{
	char out[24];
	size_t n = 0;

	if (strlen(s) >= sizeof(out) || s[strspn(s, DIGITS "_")] ||
	    !strchr(s, '_') || s[0] == '_' || s[0] == '0')
		return false;
	for (; *s; s++)
		if (*s != '_')
			out[n++] = *s;
	out[n] = '\0';
	diag_help(d, "write %s, without `_`", out);
	diag_mend(d, FIX_REPLACE, "%s", out);
	return true;
}

/* "1e6", if that is a whole number */
static void mend_exponent(struct diags *d, const char *s)
{
	size_t digits = strspn(s, DIGITS);
	const char *e = s + digits;
	unsigned long zeros;

	if (strcspn(s, "eE") != digits || !digits)
		return;
	e += 1 + (e[1] == '+');
	zeros = strtoul(e, NULL, 10);
	if (*e && !e[strspn(e, DIGITS)] && zeros + digits <= 10)
		diag_mend(d, FIX_REPLACE, "%.*s%.*s", (int)digits, s,
			  (int)zeros, "0000000000");
}

bool explain_number(struct diags *d, const char *s)
{
	size_t digits = strspn(s, DIGITS), zeros = strspn(s, "0");

	if (strlen(s) > EXPLAINED_MAX)
		return false;
	if (explain_base(d, s) || explain_groups(d, s))
		return true;
	if (digits > 1 && s[0] == '0' && !s[digits]) {
		diag_help(d, "a leading zero: write %s",
			  s[zeros] ? s + zeros : "0");
		diag_mend(d, FIX_REPLACE, "%s", s[zeros] ? s + zeros : "0");
		return true;
	}
	if ((s[0] == '+' || s[0] == '-') && s[1] &&
	    !s[1 + strspn(s + 1, DIGITS)]) {
		diag_help(d, "write %s, without a sign", s + 1);
		diag_mend(d, FIX_REPLACE, "%s", s + 1);
		return true;
	}
	if (digits && strpbrk(s, "eE") && !s[strspn(s, DIGITS ".eE+")]) {
		diag_help(d, "write the number with all its digits");
		mend_exponent(d, s);
		return true;
	}
	if (digits && s[digits] == '.' && !s[strspn(s, DIGITS ".")]) {
		diag_help(d, "write a whole number, such as %.*s",
			  (int)digits, s);
		if (!s[digits + 1 + strspn(s + digits + 1, "0")])
			diag_mend(d, FIX_REPLACE, "%.*s", (int)digits, s);
		return true;
	}
	return false;
}

/* "1,000,000", which no list of numbers looks like */
static bool explain_thousands(struct diags *d, const char *s)
{
	size_t n = strspn(s, DIGITS);
	char out[24];

	if (!n || n > 3 || *s == '0' || s[n] != ',' ||
	    strlen(s) >= sizeof(out))
		return false;
	memcpy(out, s, n);
	for (s += n; *s == ',' && strspn(s + 1, DIGITS) == 3; s += 4, n += 3)
		memcpy(out + n, s + 1, 3);
	if (*s)
		return false;
	out[n] = '\0';
	diag_help(d, "write %s, without commas", out);
	diag_mend(d, FIX_REPLACE, "%s", out);
	return true;
}

static void help_range(struct diags *d, uint64_t min, uint64_t max)
{
	if (min == max)
		diag_mend(d, FIX_REPLACE, "%" PRIu64, min);
	if (min == max)
		diag_help(d, "write %" PRIu64, min);
	else
		diag_help(d, "write a number from %" PRIu64 " to %" PRIu64,
			  min, max);
}

int load_number(struct loader *l, uint32_t node, const char *what,
		uint64_t min, uint64_t max, uint64_t *ret)
{
	const char *s = ydoc_text(l->doc, node), *rest = "";
	uint64_t v = 0;
	int err;

	if (!s)
		return -ENOMEM;
	err = parse_digits(s, max, &v, &rest);
	if (err == -EINVAL || *rest) {
		load_error(l, node, ID_BAD_NUMBER,
			   "`%s` is not a number for `%s`", load_shown(l, s), what);
		if (!explain_number(l->d, s) && !explain_thousands(l->d, s))
			help_range(l->d, min, max);
		return -EINVAL;
	}
	if (err || v < min) {
		load_error(l, node, ID_NUMBER_RANGE,
			   "`%s` is out of range for `%s`", load_shown(l, s), what);
		help_range(l->d, min, max);
		/* as much as there can be */
		if (err && max > min)
			diag_mend(l->d, FIX_REPLACE, "%" PRIu64, max);
		return -EINVAL;
	}
	*ret = v;
	return 0;
}

static uint32_t unit_seconds(const char *unit)
{
	static const struct {
		const char *name;
		uint32_t seconds;
	} units[] = { { "s", 1 }, { "m", 60 }, { "h", 3600 }, { "d", 86400 } };

	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (!strcmp(unit, units[i].name))
			return units[i].seconds;
	return 0;
}

static uint32_t word_seconds(const char *s, size_t n)
{
	static const struct {
		const char *name;
		uint32_t seconds;
	} words[] = {
		{ "s", 1 }, { "sec", 1 }, { "secs", 1 }, { "second", 1 },
		{ "seconds", 1 }, { "m", 60 }, { "min", 60 }, { "mins", 60 },
		{ "minute", 60 }, { "minutes", 60 }, { "h", 3600 },
		{ "hour", 3600 }, { "hours", 3600 }, { "d", 86400 },
		{ "day", 86400 }, { "days", 86400 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strlen(words[i].name) == n &&
		    !strncmp(s, words[i].name, n))
			return words[i].seconds;
	return 0;
}

/* "1h30m" is 5400s, and so is "1 h 30 m". */
static void mend_duration(struct diags *d, const char *s)
{
	uint64_t sum = 0;

	while (*s) {
		const char *rest = NULL;
		uint64_t v = 0;
		size_t n;

		if (parse_digits(s, UINT16_MAX, &v, &rest))
			return;
		rest += strspn(rest, " ");
		n = strcspn(rest, DIGITS " ");
		if (!word_seconds(rest, n))
			return;
		sum += v * word_seconds(rest, n);
		s = rest + n + strspn(rest + n, " ");
	}
	if (sum && sum <= DURATION_MAX)
		diag_mend(d, FIX_REPLACE, "%" PRIu64 "s", sum);
}

static int bad_duration(struct loader *l, uint32_t node, const char *s,
			const char *rest)
{
	load_error(l, node, ID_BAD_DURATION, "`%s` is not a duration",
		   load_shown(l, s));
	if (rest && !*rest && strlen(s) <= EXPLAINED_MAX) {
		diag_help(l->d, "give the unit: %ss, %sm, %sh or %sd", s, s, s,
			  s);
		/* what the kernel counts timeouts in */
		diag_mend(l->d, FIX_REPLACE, "%ss", s);
		return -EINVAL;
	}
	diag_help(l->d, "write a whole number and one unit, such as "
		  "30s, 10m, 1h or 5d");
	mend_duration(l->d, s);
	return -EINVAL;
}

int load_duration(struct loader *l, uint32_t node, uint32_t *ret_seconds)
{
	const char *s = ydoc_text(l->doc, node), *rest = NULL;
	uint64_t v = 0;
	uint32_t unit;
	int err;

	if (!s)
		return -ENOMEM;
	err = parse_digits(s, UINT32_MAX, &v, &rest);
	unit = rest ? unit_seconds(rest) : 0;
	if (err == -EINVAL || !unit)
		return bad_duration(l, node, s, rest);
	if (err || !v || v * unit > DURATION_MAX) {
		load_error(l, node, ID_NUMBER_RANGE,
			   "a timeout of %s is out of range",
			   load_shown(l, s));
		diag_help(l->d, "the kernel takes 1s to %us (24d)",
			  DURATION_MAX);
		if (v || err)	/* 0 may mean never, or at once */
			diag_mend(l->d, FIX_REPLACE, "%us", DURATION_MAX);
		return -EINVAL;
	}
	*ret_seconds = (uint32_t)(v * unit);
	return 0;
}

static int bad_size(struct loader *l, uint32_t node, const char *s,
		    const char *rest)
{
	static const char *const near[][2] = {
		{ "K", "KiB" }, { "KB", "KiB" }, { "M", "MiB" },
		{ "MB", "MiB" }, { "G", "GiB" }, { "GB", "GiB" },
		{ "KIB", "KiB" }, { "MIB", "MiB" }, { "GIB", "GiB" },
	};

	load_error(l, node, ID_BAD_SIZE, "`%s` is not a size",
		   load_shown(l, s));
	if (rest && !*rest && strlen(s) <= EXPLAINED_MAX) {
		diag_help(l->d, "give the unit: %sMiB, %sGiB or %s%%", s, s, s);
		return -EINVAL;
	}
	for (size_t i = 0; rest && i < ARRAY_SIZE(near); i++) {
		if (!strcasecmp(rest, near[i][0]) && rest - s < 20) {
			diag_help(l->d, "write %.*s%s", (int)(rest - s), s,
				  near[i][1]);
			diag_mend(l->d, FIX_REPLACE, "%.*s%s", (int)(rest - s),
				  s, near[i][1]);
			return -EINVAL;
		}
	}
	diag_help(l->d, "write a whole number and a unit, such as 64MiB, "
		  "1GiB or 5%%");
	return -EINVAL;
}

static int size_range(struct loader *l, uint32_t node, const char *s,
		      const char *range)
{
	load_error(l, node, ID_NUMBER_RANGE, "`%s` is out of range",
		   load_shown(l, s));
	diag_help(l->d, "write %s", range);
	return -EINVAL;
}

int load_memory(struct loader *l, uint32_t node, struct amount *ret)
{
	const char *s = ydoc_text(l->doc, node), *rest = NULL;
	unsigned shift;
	uint64_t v = 0;
	int err;

	if (!s)
		return -ENOMEM;
	err = parse_digits(s, UINT32_MAX, &v, &rest);
	shift = rest ? bytes_shift(rest) : 0;
	if (err == -EINVAL || (!shift && strcmp(rest, "%")))
		return bad_size(l, node, s, rest);
	if (!shift) {
		if (err || v < 1 || v > 100)
			return size_range(l, node, s, "1% to 100%");
		ret->kind = AMOUNT_PERCENT;
		ret->value = v;
		return 0;
	}
	if (err || !v || v > BYTES_MAX >> shift)
		return size_range(l, node, s, "1KiB to 1024TiB");
	ret->kind = AMOUNT_BYTES;
	ret->value = v << shift;
	return 0;
}
