/* SPDX-License-Identifier: GPL-2.0-or-later */
/* policies/policy_word.c: values that are one of some words. */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "core/mem.h"
#include "core/strbuf.h"
#include "core/suggest.h"
#include "policies/policy_load.h"

/* A list of names for a help: "a, b or c". */
static void join_names(const char *const *names, size_t n, struct strbuf *out)
{
	for (size_t i = 0; i < n; i++) {
		if (i)
			strbuf_puts(out, i + 1 == n ? " or " : ", ");
		strbuf_puts(out, names[i]);
	}
}

void load_help_names(struct loader *l, const char *nearest,
		     const char *const *names, size_t n)
{
	_cleanup_(strbuf_release) struct strbuf all = { 0 };

	if (nearest) {
		diag_help(l->d, "did you mean `%s`?", nearest);
		return;
	}
	join_names(names, n, &all);
	diag_help(l->d, "write %s", strbuf_text(&all, &l->d->lost));
}

/* Another word for the same. */
static bool means(const char *s, const char *word)
{
	static const char *const same[][2] = {
		{ "yes", "true" }, { "on", "true" }, { "no", "false" },
		{ "off", "false" }, { "true", "yes" }, { "false", "no" },
		{ "no", "none" }, { "off", "none" }, { "false", "none" },
		{ "reject", "drop" }, { "lo", "loopback" },
		{ "no", "forbidden" }, { "bans", "drops" },
		{ "yes", "allowed" }, { "true", "allowed" },
		{ "yes", "socket" }, { "true", "socket" },
		{ "on", "socket" }, { "enabled", "true" },
		{ "disabled", "false" }, { "allow", "accept" },
		{ "deny", "drop" }, { "block", "drop" },
		{ "localhost", "loopback" }, { "forward", "router" },
		{ "gateway", "router" },
		{ "4", "ipv4" }, { "v4", "ipv4" }, { "ip", "ipv4" },
		{ "6", "ipv6" }, { "v6", "ipv6" }, { "ip6", "ipv6" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(same); i++)
		if (!strcasecmp(s, same[i][0]) && !strcmp(word, same[i][1]))
			return true;
	return false;
}

/* How only one of the words begins, or the only word; NULL. */
static const char *completed(const char *s, const char *const *names, size_t n)
{
	const char *found = n == 1 ? names[0] : NULL;
	size_t len = strlen(s);

	for (size_t i = 0; n > 1 && len > 2 && i < n; i++) {
		if (strncmp(s, names[i], len) != 0)
			continue;
		if (found)
			return NULL;
		found = names[i];
	}
	return found;
}

int load_word(struct loader *l, uint32_t node, const char *what,
	      const struct word *words, size_t nwords, int *ret)
{
	const char *s = ydoc_text(l->doc, node);
	const char *names[NAMES_MAX], *near, *whole;
	size_t n = 0;

	if (!s)
		return -ENOMEM;
	for (size_t i = 0; i < nwords; i++) {
		if (!strcmp(s, words[i].name)) {
			*ret = words[i].value;
			return 0;
		}
		if (!words[i].hidden)
			names[n++] = words[i].name;
	}
	load_error(l, node, ID_UNKNOWN_WORD, "`%s` is not a value of `%s`",
		   load_shown(l, s), what);
	s = ydoc_text(l->doc, node);
	if (!s)
		return -ENOMEM;
	near = suggest(s, names, n);
	whole = completed(s, names, n);
	load_help_names(l, near, names, n);
	if (near && suggest_is_clear(s, near, names, n))
		diag_mend(l->d, FIX_REPLACE, "%s", near);
	else if (whole)
		diag_mend(l->d, FIX_REPLACE, "%s", whole);
	for (size_t i = 0; i < n; i++)
		if (means(s, names[i]))
			diag_mend(l->d, FIX_REPLACE, "%s", names[i]);
	return -EINVAL;
}

int load_listed(struct loader *l, uint32_t node, const char *what,
		const struct word *words, size_t nwords, const char *twice,
		unsigned int *seen)
{
	int bit = 0, err = load_word(l, node, what, words, nwords, &bit);

	if (err)
		return err;
	if (*seen & (unsigned int)bit)
		load_warning(l, ydoc_pos(l->doc, node), ID_LISTED_TWICE,
			     "remove one of them", "%s", twice);
	*seen |= (unsigned int)bit;
	return 0;
}

int load_flag(struct loader *l, uint32_t node, const char *what, bool *ret)
{
	static const struct word words[] = {
		{ "true", true, false }, { "false", false, false },
	};
	int flag = false;
	int err = load_word(l, node, what, words, ARRAY_SIZE(words), &flag);

	if (!err)
		*ret = flag;
	return err;
}
