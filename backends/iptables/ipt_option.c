/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/iptables/ipt_option.h"

#include <stdio.h>
#include <string.h>

#include "core/mem.h"

/* Shorter than this, an abbreviation stands for too much. */
#define ABBREVIATION_MIN 5

/* Options with one letter, which may have the argument glued to it. */
static const struct {
	char letter;
	const char *name;
} letters[] = {
	{ 'm', "--match" }, { 'j', "--jump" }, { 'g', "--goto" },
	{ 'p', "--protocol" }, { 's', "--source" }, { 'd', "--destination" },
	{ 'i', "--in-interface" }, { 'o', "--out-interface" },
};

/* Options whose argument may look like an option. */
static const char *const takers[] = {
	"--match", "--jump", "--goto", "--comment", "--log-prefix",
	"--ulog-prefix", "--nflog-prefix", "--string", "--hex-string",
	"--name", "--hashlimit-name", "--label", "--secctx", "--selctx",
};

/* More that may be abbreviated. */
static const char *const others[] = {
	"--state", "--ctstate", "--ctstatus", "--ctproto", "--ctdir",
	"--ctexpire", "--ctorigsrc", "--ctorigdst", "--ctreplsrc",
	"--ctrepldst", "--ctorigsrcport", "--ctorigdstport",
	"--ctreplsrcport", "--ctrepldstport", "--notrack", "--hmark-tuple",
	"--reject-with", "--icmpv6-type",
};

static bool takes_any(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(takers); i++)
		if (!strcmp(name, takers[i]))
			return true;
	return false;
}

/* The only one of the list that begins so, or that is so. */
static const char *look_up(const char *const *list, size_t n,
			   const char *word, size_t len, size_t *found)
{
	const char *name = NULL;

	for (size_t i = 0; i < n; i++) {
		if (strncmp(list[i], word, len))
			continue;
		if (!list[i][len]) {
			*found = 1;
			return list[i];
		}
		name = list[i];
		++*found;
	}
	return name;
}

static void set_long_name(const char *word, size_t len, struct ipt_option *o)
{
	const char *a, *b, *name;
	size_t in_a = 0, in_b = 0;

	a = look_up(takers, ARRAY_SIZE(takers), word, len, &in_a);
	b = look_up(others, ARRAY_SIZE(others), word, len, &in_b);
	name = b ? b : a;
	if (a && !a[len])
		name = a;
	if (name && (!name[len] || (len >= ABBREVIATION_MIN &&
				    in_a + in_b == 1)))
		snprintf(o->name, sizeof(o->name), "%s", name);
	else
		snprintf(o->name, sizeof(o->name), "%.*s", (int)len, word);
}

static void set_letter(const char *word, struct ipt_option *o)
{
	for (size_t i = 0; i < ARRAY_SIZE(letters); i++)
		if (word[1] == letters[i].letter)
			snprintf(o->name, sizeof(o->name), "%s",
				 letters[i].name);
}

static const char *word_at(const struct ipt_args *a, size_t i)
{
	return i < a->n ? a->v[i] : NULL;
}

bool ipt_option_next(const struct ipt_args *a, size_t *i,
		     struct ipt_option *ret)
{
	struct ipt_option o = { .name = "" };
	const char *word, *glued;
	size_t at = *i, len;

	while (at < a->n && (a->v[at][0] != '-' || !a->v[at][1]))
		at++;
	if (at >= a->n)
		return false;
	word = a->v[at];
	o.negated = at > *i && !strcmp(a->v[at - 1], "!");
	if (word[1] == '-') {
		len = strcspn(word, "=");
		glued = word[len] ? word + len + 1 : NULL;
		set_long_name(word, len, &o);
	} else {
		glued = word[2] ? word + 2 : NULL;
		set_letter(word, &o);
	}
	at++;
	if (!glued && at < a->n && !strcmp(a->v[at], "!")) {
		o.negated = true;
		at++;
	}
	o.arg = glued ? glued : word_at(a, at);
	*i = at + (!glued && o.arg && takes_any(o.name));
	*ret = o;
	return true;
}

bool ipt_option_is(const struct ipt_option *o, const char *name)
{
	return !strcmp(o->name, name);
}
