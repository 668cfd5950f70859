/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/change/edits_text.c: rules of the host's that stateless ones replace. */
#include <errno.h>
#include <string.h>

#include "cli/change/change_text.h"
#include "cli/output/fold.h"
#include "core/mem.h"

#define EDITS_SHOWN 10		/* unless every rule is asked for */

static void line(unsigned int indent, const char *text,
		 const struct display *how)
{
	printf("%*s", (int)indent, "");
	fold_print(text, indent, indent + SIGN_WIDTH, how->width, stdout);
}

static int print_bits(const char *what, uint32_t bits,
		      void (*print)(uint32_t bits, struct strbuf *out),
		      const struct display *how)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };

	if (!bits)
		return 0;
	strbuf_printf(&b, "%s: ", what);
	print(bits, &b);
	if (!strbuf_status(&b))
		line(DETAIL_INDENT + SIGN_WIDTH, strbuf_str(&b), how);
	return strbuf_status(&b);
}

/* A rule of the host's, and what is to do its work. */
static int print_edit(const struct edit_shown *e, const struct display *how)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	int err;

	strbuf_printf(&b, "%s %s %s %u: %s", nfproto_name(e->family), e->table,
		      e->chain, e->position, e->rule);
	if (strbuf_status(&b))
		return -ENOMEM;
	sign_line('~', strbuf_str(&b), how);
	line(DETAIL_INDENT, *e->rules ?
	     "matches connection states; in its place:" :
	     "matches connection states; nothing takes its place", how);
	for (const char *s = e->rules; *s; s += strcspn(s, "\n") + 1) {
		_cleanup_free_ char *rule = strndup(s, strcspn(s, "\n"));

		if (!rule)
			return -ENOMEM;
		line(DETAIL_INDENT + SIGN_WIDTH, rule, how);
	}
	err = print_bits("newly admits", e->admits, stateless_print_admits, how);
	return err ? err :
		     print_bits("loses", e->loses, stateless_print_loses, how);
}

/* What all of them cost, where not each is shown. */
static int print_sum(const struct edits *edits, const char *shown,
		     const struct display *how)
{
	uint32_t admits = 0, loses = 0;
	int err;

	for (size_t i = 0; i < edits->n; i++) {
		admits |= edits->v[i].admits;
		loses |= edits->v[i].loses;
	}
	printf("%zu of the host's rules %s%s\n", edits->n, shown,
	       admits || loses ? "; they" : "");
	err = print_bits("newly admit", admits, stateless_print_admits, how);
	return err ? err : print_bits("lose", loses, stateless_print_loses, how);
}

int edits_print(const struct result_end *e, const struct display *how)
{
	const struct edits *edits = &e->plan->edits;
	bool made = e->shown == SHOW_MADE;
	size_t n = how->rules ? edits->n : made ? 0 : EDITS_SHOWN;
	int err = 0;

	if (!edits->n || !result_shows_edits(e) ||
	    (made && strcmp(e->word, "changed") != 0))
		return 0;
	for (size_t i = 0; !err && i < edits->n && i < n; i++)
		err = print_edit(&edits->v[i], how);
	if (err || n >= edits->n)
		return err;
	return print_sum(edits, made ? "were replaced (-v shows them)" :
				       "are to be replaced (--rules shows all)",
			 how);
}
