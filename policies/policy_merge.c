/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * policies/policy_merge.c: what several files say of one policy: their order,
 * and values that more than one of them gives.
 */
#include <string.h>

#include "core/mem.h"
#include "core/strbuf.h"
#include "policies/policy_load.h"

/* The same text for what is written alike. */
static int print_value(struct loader *l, uint32_t node, struct strbuf *out)
{
	uint32_t end = ydoc_after(l->doc, node);
	const char *s;
	int err = 0;

	if (ydoc_kind(l->doc, node) == YNODE_SCALAR) {
		s = ydoc_text(l->doc, node);
		strbuf_puts(out, s ? s : "");
		return s ? 0 : -ENOMEM;
	}
	strbuf_puts(out, "{");
	for (uint32_t i = node + 1; !err && i < end;
	     i = ydoc_after(l->doc, i)) {
		strbuf_puts(out, i > node + 1 ? " " : "");
		err = print_value(l, i, out);
	}
	strbuf_puts(out, "}");
	return err;
}

static const struct said *find_said(const struct loader *l, const char *key)
{
	for (size_t i = 0; i < l->n_said; i++)
		if (!strcmp(l->said[i].key, key))
			return &l->said[i];
	return NULL;
}

static int add_said(struct loader *l, const char *key, uint32_t node,
		    struct strbuf *value)
{
	char *text = strbuf_take(value);

	if (!text || mem_grow(&l->said, &l->cap_said, l->n_said + 1)) {
		free(text);
		return -ENOMEM;
	}
	l->said[l->n_said++] = (struct said){
		key, text, ydoc_pos(l->doc, node),
	};
	return 0;
}

int load_once(struct loader *l, const char *key, uint32_t node, bool *ret_new)
{
	_cleanup_(strbuf_release) struct strbuf value = { 0 };
	const struct said *first = find_said(l, key);
	int err;

	*ret_new = !first;
	/* Within one file no key is given twice. */
	if (l->n_docs == 1) {
		*ret_new = true;
		return 0;
	}
	err = print_value(l, node, &value);
	if (!err)
		err = strbuf_status(&value);
	if (err)
		return err;
	if (!first)
		return add_said(l, key, node, &value);
	if (!strcmp(first->value, strbuf_str(&value)))
		return 0;
	load_error(l, node, ID_SAID_TWICE,
		   "`%s` is given in two files with different values", key);
	diag_related(l->d, first->at, "first given here");
	diag_help(l->d, "give it in one of them");
	return 0;
}

size_t load_rank(const struct loader *l, struct srcpos at)
{
	for (size_t i = 0; i < l->files.n; i++)
		if (l->files.v[i].file == at.file)
			return i;
	return 0;
}

bool load_before(const struct loader *l, struct srcpos a, struct srcpos b)
{
	if (a.file != b.file)
		return load_rank(l, a) < load_rank(l, b);
	return a.line < b.line || (a.line == b.line && a.col < b.col);
}

void merge_release(struct loader *l)
{
	for (size_t i = 0; i < l->n_docs; i++)
		ydoc_free(&l->docs[i]);
	free(l->docs);
	for (size_t i = 0; i < l->n_said; i++)
		free(l->said[i].value);
	free(l->said);
	policy_files_release(&l->files);
}
