/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * policies/yaml_build.h: the inside of a YAML document, for yaml_*.c only.
 *
 * Shape:  16 bytes a node, so that two million of them and a file of 16 MiB
 *         fit 64 MB. `ref` of a scalar: where its text is, in the file
 *         (`borrowed`, then `len` is its length in bytes too) or in `own`;
 *         of other nodes: the node after the last one inside.
 */
#ifndef CTPOLICY_POLICIES_YAML_BUILD_H
#define CTPOLICY_POLICIES_YAML_BUILD_H

#include <yaml.h>

#include "policies/yaml_node.h"

struct ynode {
	uint32_t kind : 2, plain : 1, borrowed : 1, line : 28;
	uint32_t col, len, ref;
};

struct yspan {
	uint32_t line, col, len;
};

struct ydoc {
	const char *file, *src;
	size_t src_len;
	struct ynode *v;
	size_t n, cap;
	char *own;
	size_t own_n, own_cap;
	char *scratch;
	size_t scratch_cap;
};

/* -E2BIG: the document has YAML_NODES_MAX nodes already. */
int ydoc_add(struct ydoc *doc, enum ynode_kind kind, struct yspan at,
	     uint32_t *ret);
int ydoc_set_text(struct ydoc *doc, uint32_t id, const char *s, size_t n,
		  size_t src_off, bool plain);
/* A scalar's text without a copy, not NUL-terminated. */
void ydoc_slice(const struct ydoc *doc, uint32_t id, const char **ret,
		size_t *ret_len);
/* Nothing but comments, or nothing after `---`. */
bool ydoc_is_empty(const struct ydoc *doc);

/* Report in plain words why, and where, the YAML parser stopped. */
int yaml_error_report(const yaml_parser_t *parser, const char *file,
		      const char *text, size_t len, struct diags *d);

/*
 * A text that holds a NUL, of the node added last. Without it, what `why` says
 * is mended, of which nothing but a note can be lost.
 */
void yaml_mend_nul(struct diags *d, const struct ydoc *doc, uint32_t id,
		   const char *s, size_t len);

#endif
