/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/xtables/ipt_option.h"

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
	{ 'f', "--fragments" },
};

/* Options that may be abbreviated; `takes`: an argument like an option, too. */
static const struct {
	const char *name;
	bool takes;
} known[] = {
	{ "--match", true }, { "--jump", true }, { "--goto", true },
	{ "--comment", true }, { "--log-prefix", true },
	{ "--ulog-prefix", true }, { "--nflog-prefix", true },
	{ "--string", true }, { "--hex-string", true }, { "--name", true },
	{ "--hashlimit-name", true }, { "--label", true },
	{ "--secctx", true }, { "--selctx", true },
	{ "--state", false }, { "--ctstate", false },
	{ "--ctstatus", false }, { "--ctproto", false },
	{ "--ctdir", false }, { "--ctexpire", false },
	{ "--ctorigsrc", false }, { "--ctorigdst", false },
	{ "--ctreplsrc", false }, { "--ctrepldst", false },
	{ "--ctorigsrcport", false }, { "--ctorigdstport", false },
	{ "--ctreplsrcport", false }, { "--ctrepldstport", false },
	{ "--notrack", false }, { "--hmark-tuple", false },
	{ "--reject-with", false }, { "--icmpv6-type", false },
};

static bool takes_any(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (!strcmp(name, known[i].name))
			return known[i].takes;
	return false;
}

/* The option that is called so, or the only one that begins so. */
static const char *whole_name(const char *word, size_t len)
{
	const char *name = NULL;
	size_t found = 0;

	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (strncmp(known[i].name, word, len))
			continue;
		name = known[i].name;
		if (!name[len])
			return name;
		found++;
	}
	return found == 1 && len >= ABBREVIATION_MIN ? name : NULL;
}

static void set_long_name(const char *word, size_t len, struct ipt_option *o)
{
	const char *name = whole_name(word, len);

	if (name)
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
