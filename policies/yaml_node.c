/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policies/yaml_node.h"

#include <string.h>

#include "core/diag_ids.h"
#include "core/mem.h"
#include "policies/yaml_build.h"

/* A copy of bytes in the document's own text, NUL-terminated. */
static int keep_text(struct ydoc *doc, const char *s, size_t n,
		     uint32_t *ret_off)
{
	if (mem_grow(&doc->own, &doc->own_cap, doc->own_n + n + 1))
		return -ENOMEM;
	memcpy(doc->own + doc->own_n, s, n);
	doc->own[doc->own_n + n] = '\0';
	*ret_off = (uint32_t)doc->own_n;
	doc->own_n += n + 1;
	return 0;
}

int ydoc_add(struct ydoc *doc, enum ynode_kind kind, struct yspan at,
	     uint32_t *ret)
{
	if (doc->n >= YAML_NODES_MAX)
		return -E2BIG;
	if (mem_grow(&doc->v, &doc->cap, doc->n_v + 1))
		return -ENOMEM;
	*ret = (uint32_t)doc->n++;
	doc->v[doc->n_v++] = (struct ynode){
		.kind = kind,
		.line = at.line,
		.col = at.col,
		.len = at.len,
		.ref = *ret + 1,
	};
	return 0;
}

void ydoc_clear(struct ydoc *doc)
{
	doc->n = doc->n_v = doc->n_runs = doc->own_n = 0;
	doc->word.run = NULL;
}

static bool is_in(const struct ywords *run, uint32_t id)
{
	return run && id - run->first < run->n;
}

/*
 * The run that a node is in, or NULL, and then its place in `v`. It mostly is
 * the run that was asked for last.
 */
static inline const struct ywords *run_of(const struct ydoc *doc, uint32_t id,
					  uint32_t *ret_place)
{
	const struct ywords *run = doc->word.run;

	if (is_in(run, id))
		return run;
	run = doc->n_runs ? ywords_before(doc, id) : NULL;
	if (is_in(run, id))
		return run;
	*ret_place = run ? id - run->first - run->n + run->behind : id;
	return NULL;
}

struct ynode *ydoc_node(const struct ydoc *doc, uint32_t id)
{
	uint32_t place = 0;

	run_of(doc, id, &place);
	return &doc->v[place];
}

static const struct ynode *node_at(struct ydoc *doc, uint32_t id)
{
	uint32_t place = 0;
	const struct ywords *run = run_of(doc, id, &place);

	return run ? ywords_node(doc, run, id) : &doc->v[place];
}

int ydoc_set_text(struct ydoc *doc, uint32_t id, const char *s, size_t n,
		  size_t src_off, bool plain)
{
	struct ynode *node = ydoc_node(doc, id);
	uint32_t off;
	int err;

	node->plain = plain;
	/* Most scalars are verbatim in the file: keep the place, not a copy. */
	if (n && n == node->len && src_off + n <= doc->src_len &&
	    !memcmp(doc->src + src_off, s, n)) {
		node->borrowed = true;
		node->ref = (uint32_t)src_off;
		return 0;
	}
	err = keep_text(doc, s, n, &off);
	if (err)
		return err;
	node->ref = off;
	return 0;
}

enum ynode_kind ydoc_kind(const struct ydoc *doc, uint32_t id)
{
	uint32_t place = 0;

	return run_of(doc, id, &place) ? YNODE_SCALAR :
					 (enum ynode_kind)doc->v[place].kind;
}

uint32_t ydoc_after(const struct ydoc *doc, uint32_t id)
{
	uint32_t place = 0;
	bool word = run_of(doc, id, &place);

	return word || doc->v[place].kind == YNODE_SCALAR ? id + 1 :
							    doc->v[place].ref;
}

struct srcpos ydoc_pos(struct ydoc *doc, uint32_t id)
{
	const struct ynode *node = node_at(doc, id);

	return (struct srcpos){ doc->file, node->line, node->col, node->len };
}

static void slice(const struct ydoc *doc, const struct ynode *node,
		  const char **ret, size_t *ret_len)
{
	*ret = (node->borrowed ? doc->src : doc->own) + node->ref;
	*ret_len = node->borrowed ? node->len : strlen(*ret);
}

void ydoc_slice(struct ydoc *doc, uint32_t id, const char **ret,
		size_t *ret_len)
{
	slice(doc, node_at(doc, id), ret, ret_len);
}

const char *ydoc_text(struct ydoc *doc, uint32_t id)
{
	const struct ynode *node = node_at(doc, id);
	const char *s;
	size_t n;

	slice(doc, node, &s, &n);
	if (!node->borrowed)
		return s;
	if (mem_grow(&doc->scratch, &doc->scratch_cap, n + 1))
		return NULL;
	memcpy(doc->scratch, s, n);
	doc->scratch[n] = '\0';
	return doc->scratch;
}

bool ydoc_plain(struct ydoc *doc, uint32_t id)
{
	return node_at(doc, id)->plain;
}

bool ydoc_is_empty(struct ydoc *doc)
{
	const char *s;
	size_t n;

	if (!doc->n)
		return true;
	if (doc->n > 1 || ydoc_kind(doc, YNODE_ROOT) != YNODE_SCALAR ||
	    !ydoc_plain(doc, YNODE_ROOT))
		return false;
	ydoc_slice(doc, YNODE_ROOT, &s, &n);
	return !n;
}

void ydoc_free(struct ydoc **doc)
{
	if (!*doc)
		return;
	free((*doc)->v);
	free((*doc)->runs);
	free((*doc)->own);
	free((*doc)->scratch);
	free(*doc);
	*doc = NULL;
}
