/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * policies/yaml_build.h: the inside of a YAML document, for yaml_*.c only.
 *
 * Shape:  16 bytes a node, so that two million of them and a file of 16 MiB
 *         fit 64 MB. `ref` of a scalar: where its text is, in the file
 *         (`borrowed`, then `len` is its length in bytes too) or in `own`;
 *         of other nodes: the node after the last one inside.
 *         Of a run of words there are no nodes but in name: they are found
 *         again in the file, from the one that was asked for before.
 */
#ifndef CTPOLICY_POLICIES_YAML_BUILD_H
#define CTPOLICY_POLICIES_YAML_BUILD_H

#include <yaml.h>

#include "policies/yaml_node.h"
#include "policies/yaml_runs.h"

struct ynode {
	uint32_t kind : 2, plain : 1, borrowed : 1, line : 28;
	uint32_t col, len, ref;
};

struct yspan {
	uint32_t line, col, len;
};

/* A run of n words, the nodes from `first` on. */
struct ywords {
	uint32_t first, n;
	uint32_t behind;	/* in `v`: the node after them */
	struct yplace start;
	size_t end;
};

/* The word of the run that was asked for last, and where the next one is. */
struct yword {
	const struct ywords *run;	/* NULL: none was */
	uint32_t id;
	struct yplace at;
	struct ynode node;
};

struct ydoc {
	const char *file, *src;
	size_t src_len;
	size_t n;		/* nodes, those of runs too */
	struct ynode *v;	/* those that are in no run */
	size_t n_v, cap;
	struct ywords *runs;
	size_t n_runs, cap_runs;
	struct yword word;
	char *own;
	size_t own_n, own_cap;
	char *scratch;
	size_t scratch_cap;
};

/* -E2BIG: the document has YAML_NODES_MAX nodes already. */
int ydoc_add(struct ydoc *doc, enum ynode_kind kind, struct yspan at,
	     uint32_t *ret);
/* -E2BIG: as above, and *ret_over is the word that is one too many. */
int ydoc_add_words(struct ydoc *doc, struct yplace *at, size_t end,
		   struct yspan *ret_over);
/* The last run that begins at or before a node; NULL: none. */
const struct ywords *ywords_before(const struct ydoc *doc, uint32_t id);
/* A node of the run; valid until the next call for the same document. */
const struct ynode *ywords_node(struct ydoc *doc, const struct ywords *run,
				uint32_t id);
/* Of a node that is in no run. */
struct ynode *ydoc_node(const struct ydoc *doc, uint32_t id);
int ydoc_set_text(struct ydoc *doc, uint32_t id, const char *s, size_t n,
		  size_t src_off, bool plain);
/* A scalar's text without a copy, not NUL-terminated. */
void ydoc_slice(struct ydoc *doc, uint32_t id, const char **ret,
		size_t *ret_len);
void ydoc_clear(struct ydoc *doc);	/* no nodes */
/* Nothing but comments, or nothing after `---`. */
bool ydoc_is_empty(struct ydoc *doc);

/* Report in plain words why, and where, the YAML parser stopped. */
int yaml_error_report(const yaml_parser_t *parser, const char *file,
		      const char *text, size_t len, struct diags *d);

/*
 * A text that holds a NUL, of the node added last. Without it, what `why` says
 * is mended, of which nothing but a note can be lost.
 */
void yaml_mend_nul(struct diags *d, struct ydoc *doc, uint32_t id,
		   const char *s, size_t len);

#endif
