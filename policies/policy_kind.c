/* SPDX-License-Identifier: GPL-2.0-or-later */
/* policies/policy_kind.c: single values, lists and mappings, as wanted. */
#include <string.h>
#include <strings.h>

#include "core/mem.h"
#include "core/strbuf.h"
#include "policies/policy_load.h"

const char *load_kind_name(enum ynode_kind kind)
{
	return kind == YNODE_MAP ? "a mapping" :
	       kind == YNODE_LIST ? "a list" : "a single value";
}

static const char *wanted_name(enum kind_wanted kind)
{
	static const char *const names[] = {
		[WANT_WORD] = "a single value",
		[WANT_LIST] = "a list",
		[WANT_MAP] = "a mapping",
		[WANT_WORD_OR_LIST] = "a single value or a list",
		[WANT_WORD_OR_MAP] = "a single value or a mapping",
	};

	return names[kind];
}

static bool kind_fits(enum ynode_kind kind, enum kind_wanted wanted)
{
	switch (wanted) {
	case WANT_WORD:
		return kind == YNODE_SCALAR;
	case WANT_LIST:
		return kind == YNODE_LIST;
	case WANT_MAP:
		return kind == YNODE_MAP;
	case WANT_WORD_OR_LIST:
		return kind == YNODE_SCALAR || kind == YNODE_LIST;
	case WANT_WORD_OR_MAP:
		return kind == YNODE_SCALAR || kind == YNODE_MAP;
	}
	return false;
}

const char *load_text(struct loader *l, uint32_t node)
{
	return ydoc_kind(l->doc, node) == YNODE_SCALAR ?
		       ydoc_text(l->doc, node) : NULL;
}

const char *load_only_item(struct loader *l, uint32_t node)
{
	return ydoc_kind(l->doc, node) == YNODE_LIST &&
	       ydoc_after(l->doc, node) == node + 2 ?
		       load_text(l, node + 1) : NULL;
}

/* "{server: yes}" */
static void mend_flags(struct loader *l, uint32_t map)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	uint32_t end = ydoc_after(l->doc, map), k, value;

	if (ydoc_kind(l->doc, map) != YNODE_MAP)
		return;
	for (k = map + 1; k < end; k = ydoc_after(l->doc, value)) {
		const char *s;

		value = ydoc_after(l->doc, k);
		s = load_text(l, value);
		if (!s || (strcmp(s, "yes") && strcmp(s, "true")))
			return;
		s = load_text(l, k);
		if (!s)
			return;
		strbuf_printf(&b, "%s%s", b.n ? ", " : "[", s);
	}
	l->d->lost |= b.lost;
	if (b.n)
		diag_mend(l->d, FIX_REPLACE, "%s]",
			  strbuf_text(&b, &l->d->lost));
}

/* "{80, 443}", as nft writes a set */
static void mend_set(struct loader *l, uint32_t map)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	uint32_t end = ydoc_after(l->doc, map), k, value;

	for (k = map + 1; k < end; k = ydoc_after(l->doc, value)) {
		const char *s = load_text(l, k), *quote;

		value = ydoc_after(l->doc, k);
		if (!s || strpbrk(s, "\"\\\n"))
			return;
		quote = strpbrk(s, ":@") ? "\"" : "";
		strbuf_printf(&b, "%s%s%s%s", b.n ? ", " : "[", quote, s,
			      quote);
		if (!load_is_nothing(l, value))
			return;
	}
	l->d->lost |= b.lost;
	if (b.n)
		diag_mend(l->d, FIX_REPLACE, "%s]",
			  strbuf_text(&b, &l->d->lost));
}

/* A single service or test, where a list of them was wanted. */
static bool is_section(const char *what)
{
	return !strcmp(what, "untracked") || !strcmp(what, "tracked") ||
	       !strcmp(what, "management") || !strcmp(what, "tests");
}

static bool has_default(const char *what)
{
	return !strcmp(what, "clients") || !strcmp(what, "servers") ||
	       !strcmp(what, "interfaces");
}

static bool is_all(const char *s)
{
	return !strcasecmp(s, "any") || !strcasecmp(s, "all") ||
	       !strcmp(s, "*");
}

/* A single text in place of a list. */
static void help_text(struct loader *l, const char *what, const char *s)
{
	if (*s == '@') {
		diag_help(l->d, "write `%s: [\"%s\"]`", what, s);
		diag_mend(l->d, FIX_REPLACE, "[\"%s\"]", s);
	} else if (has_default(what) && is_all(s)) {
		diag_help(l->d, "leave the key out: any is the default");
		diag_mend(l->d, FIX_DROP, "%s", "");
	} else if (!strcmp(what, "ports") && is_all(s)) {
		diag_help(l->d, "write `ports: [0-65535]`");
		diag_mend(l->d, FIX_REPLACE, "[0-65535]");
	} else {
		diag_help(l->d, "write `%s: [%s]`", what, s);
		diag_mend(l->d, FIX_REPLACE, "[%s]", s);
	}
}

static void help_list(struct loader *l, uint32_t node, const char *what,
		      const char *s)
{
	if (s && strlen(s) < 64 && !strpbrk(s, "[]\n") &&
	    (*s != '@' || !strchr(s, ','))) {
		help_text(l, what, s);
		return;
	}
	diag_help(l->d, "write `%s: [...]`, or its items on lines that begin with `- `",
		  what);
	if (ydoc_kind(l->doc, node) != YNODE_MAP)
		return;
	if (is_section(what))
		diag_mend(l->d, FIX_ENLIST, "%s", "");
	else
		mend_set(l, node);
}

/* "expect: untracked" */
static void help_map(struct loader *l, const char *what, const char *s)
{
	static const char *const expected[][2] = {
		{ "tracked", "{tracked: yes}" },
		{ "untracked", "{tracked: no}" },
		{ "accept", "{verdict: accept}" },
		{ "drop", "{verdict: drop}" },
	};

	for (size_t i = 0; s && !strcmp(what, "expect") &&
			   i < ARRAY_SIZE(expected); i++) {
		if (strcmp(s, expected[i][0]))
			continue;
		diag_help(l->d, "write `expect: %s`", expected[i][1]);
		diag_mend(l->d, FIX_REPLACE, "%s", expected[i][1]);
		return;
	}
	diag_help(l->d, "write `key: value` pairs below `%s:`", what);
}

/* `s`: a single value's text; NULL: it is none. */
static void help_kind(struct loader *l, uint32_t node, const char *what,
		      enum kind_wanted wanted, const char *s)
{
	if (wanted == WANT_LIST) {
		help_list(l, node, what, s);
		return;
	}
	if (wanted == WANT_MAP) {
		help_map(l, what, s);
		return;
	}
	diag_help(l->d, "write one value after `%s:`", what);
	s = load_only_item(l, node);
	if (s)
		diag_mend(l->d, FIX_REPLACE, "%s", s);
	else if (!strcmp(what, "role"))
		mend_flags(l, node);
}

static int wrong_kind(struct loader *l, uint32_t node, const char *what,
		      enum kind_wanted wanted)
{
	enum ynode_kind kind = ydoc_kind(l->doc, node);
	const char *s = load_text(l, node);

	load_error(l, node, ID_WRONG_KIND, "`%s` must be %s, not %s", what,
		   wanted_name(wanted), load_kind_name(kind));
	help_kind(l, node, what, wanted, s);
	return -EINVAL;
}

bool load_is_nothing(struct loader *l, uint32_t node)
{
	const char *s;

	if (ydoc_kind(l->doc, node) != YNODE_SCALAR ||
	    !ydoc_plain(l->doc, node))
		return false;
	s = ydoc_text(l->doc, node);
	return s && (!*s || !strcmp(s, "~") || !strcmp(s, "null"));
}

/* Without one of these keys a service is for more, or is none. */
static bool narrows(const char *what)
{
	static const char *const keys[] = {
		"clients", "servers", "interfaces", "role", "protocol", "ports",
		"untracked", "version", "state_matching", "packet", "expect",
		"families",
	};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (!strcmp(what, keys[i]))
			return true;
	return false;
}

int load_kind(struct loader *l, uint32_t node, const char *what,
	      enum kind_wanted wanted)
{
	enum ynode_kind kind = ydoc_kind(l->doc, node);

	if (kind == YNODE_BAD)
		return -EINVAL;
	if (load_is_nothing(l, node)) {
		load_error(l, node, ID_NO_VALUE, "`%s` has no value", what);
		diag_help(l->d, "give %s, or remove the key",
			  wanted_name(wanted));
		if (!strcmp(what, "version"))
			diag_mend(l->d, FIX_APPEND, " 1");
		else if (!narrows(what))
			diag_mend(l->d, FIX_DROP, "%s", "");
		return -EINVAL;
	}
	if (!kind_fits(kind, wanted))
		return wrong_kind(l, node, what, wanted);
	if (kind == YNODE_LIST && ydoc_after(l->doc, node) == node + 1) {
		load_error(l, node, ID_EMPTY_LIST, "`%s` is an empty list",
			   what);
		diag_help(l->d, "name at least one, or remove the key");
		if (!narrows(what))
			diag_mend(l->d, FIX_DROP, "%s", "");
		return -EINVAL;
	}
	return 0;
}
