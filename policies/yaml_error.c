/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * policies/yaml_error.c: libyaml's errors, in the words of somebody who writes
 * a policy, and at the place of the mistake rather than where it showed.
 */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "core/diag_ids.h"
#include "core/mem.h"
#include "core/strbuf.h"
#include "policies/yaml_build.h"

/* Where to point: where libyaml stopped, or where the thing began. */
enum where { AT_PROBLEM, AT_CONTEXT, AT_CONTEXT_IF_FAR };

struct wording {
	const char *problem;	/* how libyaml's text begins */
	enum where where;
	enum diag_id id;
	const char *msg, *help;
	enum diag_fix fix;
	const char *fix_text;
};

static const struct wording wordings[] = {
	{ "mapping values are not allowed", AT_PROBLEM, ID_YAML_SYNTAX,
	  "a `:` that cannot be a key's",
	  "check the indentation of this line and of the one above; put quotes "
	  "around a value that holds `: `", FIX_QUOTE, "" },
	{ "could not find expected ':'", AT_CONTEXT, ID_YAML_SYNTAX,
	  "this is neither `key: value` nor part of a value",
	  "write `key: value`, with a space after the colon", FIX_NONE, NULL },
	{ "did not find expected key", AT_PROBLEM, ID_YAML_SYNTAX,
	  "this does not continue the mapping above",
	  "align it with the keys that it belongs to", FIX_ALIGN, "" },
	{ "did not find expected '-' indicator", AT_PROBLEM, ID_YAML_SYNTAX,
	  "this does not continue the list above",
	  "begin a list item with `- `, or indent the line to where it "
	  "belongs", FIX_ALIGN, "" },
	{ "did not find expected ',' or ']'", AT_CONTEXT_IF_FAR,
	  ID_YAML_SYNTAX, "this `[` has no `]`",
	  "close the list with `]`, and separate its items with commas",
	  FIX_APPEND, "]" },
	{ "did not find expected ',' or '}'", AT_CONTEXT_IF_FAR,
	  ID_YAML_SYNTAX, "this `{` has no `}`",
	  "close the mapping with `}`, and separate its keys with commas",
	  FIX_APPEND, "}" },
	{ "found unexpected end of stream", AT_CONTEXT, ID_YAML_SYNTAX,
	  "this quote is never closed", "add the closing quote", FIX_APPEND, "\"" },
	{ "found unexpected document indicator", AT_CONTEXT, ID_YAML_SYNTAX,
	  "this quote is never closed", "add the closing quote", FIX_APPEND, "\"" },
	{ "found unknown escape character", AT_PROBLEM, ID_YAML_SYNTAX,
	  "an unknown escape in a text in double quotes",
	  "write `\\\\` for a backslash, or use single quotes", FIX_INSERT, "\\" },
	{ "found unexpected ':'", AT_PROBLEM, ID_YAML_SYNTAX,
	  "a `:` at the end of an item",
	  "remove it, or put quotes around an IPv6 address: \"2001:db8::\"",
	  FIX_QUOTE, "" },
	{ "block sequence entries are not allowed", AT_PROBLEM, ID_YAML_SYNTAX,
	  "a list cannot begin here",
	  "put the `-` on a line of its own under the key", FIX_NONE, NULL },
	{ "mapping keys are not allowed", AT_PROBLEM, ID_YAML_SYNTAX,
	  "a key cannot begin here", "put it on a line of its own", FIX_NONE, NULL },
	{ "found a tab character", AT_PROBLEM, ID_TAB,
	  "a tab in the indentation", "indent with spaces", FIX_UNTAB, "" },
	{ "found character that cannot start any token", AT_PROBLEM,
	  ID_YAML_SYNTAX, "no value can begin with this character",
	  "put quotes around the value", FIX_QUOTE, "" },
	{ "did not find expected alphabetic or numeric", AT_CONTEXT, ID_ALIAS,
	  "YAML anchors and aliases are not used in policies",
	  "quote a text that begins with * or &", FIX_NONE, NULL },
	{ "did not find expected <document start>", AT_PROBLEM, ID_YAML_SYNTAX,
	  "this does not continue what is above",
	  "a policy is one mapping: begin its keys at the same column",
	  FIX_NONE, NULL },
	{ "did not find expected node content", AT_PROBLEM, ID_YAML_SYNTAX,
	  "a value is missing before this", "remove the extra character",
	  FIX_REPLACE, "" },
	{ "did not find expected comment or line break", AT_PROBLEM,
	  ID_YAML_SYNTAX, "nothing may follow a `|` or `>` on its line",
	  "put quotes around a value that begins with | or >", FIX_QUOTE, "" },
	{ "found undefined tag handle", AT_PROBLEM, ID_TAG,
	  "YAML tags are not used in policies",
	  "remove the tag, or quote a text that begins with !", FIX_NONE, NULL },
};

static const struct wording *find_wording(const yaml_parser_t *p)
{
	/* Whatever scanning a tag stumbles over has one cure. */
	static const struct wording tag = {
		"", AT_CONTEXT, ID_TAG, "YAML tags are not used in policies",
		"remove the tag, or quote a text that begins with !",
		FIX_NONE, NULL
	};

	if (p->context && !strcmp(p->context, "while scanning a tag"))
		return &tag;
	for (size_t i = 0; i < ARRAY_SIZE(wordings); i++)
		if (!strncmp(p->problem, wordings[i].problem,
			     strlen(wordings[i].problem)))
			return &wordings[i];
	return NULL;
}

static struct srcpos last_place(const char *file, const char *text, size_t len)
{
	struct srcpos at = { file, 1, 1, 1 };
	size_t end = len;

	while (end && strchr(" \t\r\n", text[end - 1]))
		end--;
	for (size_t i = 0; i < end; i++) {
		if (text[i] == '\n') {
			at.line++;
			at.col = 1;
		} else if (((unsigned char)text[i] & 0xc0) != 0x80) {
			at.col++;
		}
	}
	return at;
}

/* A mark as a position; the end of the file is shown after its last word. */
static struct srcpos position(const char *file, const char *text, size_t len,
			      const yaml_mark_t *mark)
{
	struct srcpos at = {
		file, (uint32_t)mark->line + 1, (uint32_t)mark->column + 1, 1
	};
	struct srcpos last = last_place(file, text, len);

	if (at.line > last.line || (at.line == last.line && at.col > last.col))
		return last;
	return at;
}

static size_t char_at(const char *text, size_t len, const yaml_mark_t *mark)
{
	size_t off = 0;

	for (size_t i = 0; i < mark->index && off < len; i++) {
		off++;
		while (off < len && ((unsigned char)text[off] & 0xc0) == 0x80)
			off++;
	}
	return off;
}

/* Where libyaml's message covers several mistakes, the character tells. */
static const struct wording *by_character(const yaml_parser_t *p,
					  const char *text, size_t len)
{
	static const struct wording tab = {
		"", AT_PROBLEM, ID_TAB, "a tab in the indentation",
		"indent with spaces", FIX_UNTAB, ""
	}, colon = {
		"", AT_PROBLEM, ID_YAML_SYNTAX, "no value can begin with `:`",
		"put quotes around an IPv6 address: \"::1\"", FIX_QUOTE, ""
	};
	size_t off = char_at(text, len, &p->problem_mark);

	if (off < len && text[off] == '\t' &&
	    !strncmp(p->problem, "found character", 15))
		return &tab;
	if (off < len && text[off] == ':' &&
	    strstr(p->problem, "expected node content"))
		return &colon;
	return NULL;
}

/* libyaml looks for a key's colon so far and no farther. */
static bool is_long_key(const yaml_parser_t *p)
{
	if (!strncmp(p->problem, "mapping values", 14))
		return p->problem_mark.column >= YAML_KEY_MAX;
	return !strncmp(p->problem, "could not find expected ':'", 27) &&
	       p->problem_mark.line == p->context_mark.line &&
	       p->problem_mark.index > p->context_mark.index + YAML_KEY_MAX;
}

static int long_key(struct diags *d, struct srcpos at)
{
	int err = diag_add(d, DIAG_ERROR, -EINVAL, ID_BAD_KEY, at,
			   "a key longer than %d characters, or none",
			   YAML_KEY_MAX);

	diag_help(d, "no key of a policy is that long");
	return err;
}

/* "role:server", "role = server": up to where the value begins. */
static size_t word_length(const char *s, size_t len)
{
	size_t n = 0;

	while (n < len && (isalpha((unsigned char)s[n]) || s[n] == '_'))
		n++;
	return n;
}

/* 0: that is not what this is. */
static size_t meant_key(const char *s, size_t len)
{
	size_t word = word_length(s, len), n = word;

	while (n < len && s[n] == ' ')
		n++;
	if (!word || n + 1 >= len || !strchr(":=", s[n]) ||
	    (s[n] == ':' && (n > word || strchr(" \r\n", s[n + 1]))))
		return 0;
	for (n++; n < len && s[n] == ' ';)
		n++;
	return n;
}

static void mend_colon(struct diags *d, const char *s, size_t len)
{
	size_t n = meant_key(s, len);
	struct diag *last = d->n ? &d->v[d->n - 1] : NULL;

	if (!last || !n)
		return;
	last->at.len = (uint32_t)n;
	diag_mend(d, FIX_REPLACE, "%.*s: ", (int)word_length(s, len), s);
}

/* Where the text of the line is that a place is in, behind any dash. */
static size_t text_of_line(const char *text, size_t len, size_t off,
			   size_t *ret_begin)
{
	size_t at;

	while (off && text[off - 1] != '\n')
		off--;
	for (at = off; at < len && text[at] == ' ';)
		at++;
	if (at + 1 < len && text[at] == '-' && text[at + 1] == ' ')
		for (at++; at < len && text[at] == ' ';)
			at++;
	*ret_begin = off;
	return at;
}

/*
 * "role = server" above "ports: [80]" is one text with `ports`, to YAML: the
 * colon that it stops at is right, and the line above is not.
 */
static bool is_line_above(const char *text, size_t len, size_t off,
			  struct srcpos *at, size_t *ret)
{
	size_t own, begin, column;

	column = text_of_line(text, len, off, &own) - own;
	if (!own)
		return false;
	*ret = text_of_line(text, len, own - 1, &begin);
	at->line--;
	at->col = (uint32_t)column + 1;
	return *ret - begin == column && meant_key(text + *ret, len - *ret);
}

static int report_line(struct diags *d, const struct srcpos *at,
		       const char *s, size_t len)
{
	int err = diag_add(d, DIAG_ERROR, -EINVAL, ID_YAML_SYNTAX, *at,
			   "this is neither `key: value` nor part of a value");

	diag_help(d, "write `key: value`, with a space after the colon");
	mend_colon(d, s, len);
	return err;
}

int yaml_error_report(const yaml_parser_t *p, const char *file,
		      const char *text, size_t len, struct diags *d)
{
	struct srcpos problem = position(file, text, len, &p->problem_mark);
	struct srcpos context = position(file, text, len, &p->context_mark);
	const struct wording *w = by_character(p, text, len);
	bool far = problem.line != context.line ||
		   p->problem_mark.index >= len;
	struct srcpos above = problem;
	size_t at;
	int err;

	if (!w)
		w = find_wording(p);
	if (!w)
		return diag_add(d, DIAG_ERROR, -EINVAL, ID_YAML_SYNTAX, problem,
				"not valid YAML: %s", p->problem);
	if (is_long_key(p))
		return long_key(d, w->where == AT_CONTEXT ? context : problem);
	if (!strncmp(p->problem, "mapping values", 14) &&
	    is_line_above(text, len, char_at(text, len, &p->problem_mark),
			  &above, &at))
		return report_line(d, &above, text + at, len - at);
	if (w->where == AT_PROBLEM || (w->where == AT_CONTEXT_IF_FAR && !far)) {
		err = diag_add(d, DIAG_ERROR, -EINVAL, w->id, problem, "%s",
			       w->where == AT_PROBLEM ? w->msg :
			       "a comma or the closing bracket is missing "
			       "before this");
		diag_help(d, "%s", w->help);
		if (w->where != AT_PROBLEM)
			diag_mend(d, FIX_INSERT, ", ");
		else if (w->fix)
			diag_mend(d, w->fix, "%s", w->fix_text);
		return err;
	}
	err = diag_add(d, DIAG_ERROR, -EINVAL, w->id, context, "%s", w->msg);
	diag_help(d, "%s", w->help);
	if (w->fix)
		diag_mend(d, w->fix, "%s", w->fix_text);
	if (w->where == AT_CONTEXT && !w->fix && w->id == ID_YAML_SYNTAX) {
		size_t off = char_at(text, len, &p->context_mark);

		mend_colon(d, text + off, len - off);
	}
	if (w->where == AT_CONTEXT_IF_FAR)
		diag_related(d, problem, "reading stopped here");
	return err;
}

/* Its key is the node before. */
static bool is_remark(struct ydoc *doc, uint32_t id)
{
	const char *key;
	size_t len;

	if (!id || ydoc_kind(doc, id - 1) != YNODE_SCALAR)
		return false;
	ydoc_slice(doc, id - 1, &key, &len);
	return len == 3 && !memcmp(key, "why", 3);
}

void yaml_mend_nul(struct diags *d, struct ydoc *doc, uint32_t id,
		   const char *s, size_t len)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };

	if (!is_remark(doc, id))
		return;
	for (size_t i = 0; i < len; i++)
		if (s[i])
			strbuf_add(&b, s + i, 1);
	d->lost |= b.lost;
	if (!strpbrk(strbuf_str(&b), "\"\\\n"))
		diag_mend(d, FIX_REPLACE, "\"%s\"", strbuf_text(&b, &d->lost));
}
