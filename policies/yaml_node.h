/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * policies/yaml_node.h: a YAML file as a tree of text with positions.
 *
 * Shape:  nodes in the order of the file (preorder), numbered from YNODE_ROOT;
 *         the children of node i are i + 1, ydoc_after(i + 1), ... up to
 *         ydoc_after(i). In a map keys and values alternate. A value has no
 *         type but its text: what `010` or `no` means is up to the reader.
 *         YNODE_BAD was already reported: skip it, or its key and value.
 *         Aliases, tags, further documents and duplicate keys never get here.
 * Units:  positions as in core/diag.h.
 * Owner:  the document borrows file and text. ydoc_text() is valid until its
 *         next call for the same document.
 * Errors: ydoc_parse() returns -ENOMEM; -EINVAL with diagnostics when there
 *         is no tree worth reading. Success may still have reported errors
 *         that concern single nodes: compare d->errors.
 */
#ifndef CTPOLICY_POLICIES_YAML_NODE_H
#define CTPOLICY_POLICIES_YAML_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/diag.h"

#define YAML_FILE_MAX (16u << 20)
#define YAML_DEPTH_MAX 32
#define YAML_NODES_MAX 2000000
#define YAML_KEY_MAX 1024	/* characters */
#define YAML_KEYS_MAX 128	/* in one map */
#define YAML_ERRORS_MAX 1000	/* then the rest is not looked at */

#define YNODE_ROOT 0

enum ynode_kind { YNODE_SCALAR, YNODE_LIST, YNODE_MAP, YNODE_BAD };

struct ydoc;

int ydoc_parse(const char *file, const char *text, size_t len,
	       struct ydoc **ret, struct diags *d);
void ydoc_free(struct ydoc **doc);

enum ynode_kind ydoc_kind(const struct ydoc *doc, uint32_t id);
/* The next sibling, or where the parent ends. */
uint32_t ydoc_after(const struct ydoc *doc, uint32_t id);
struct srcpos ydoc_pos(struct ydoc *doc, uint32_t id);
/* A scalar's text; NULL when out of memory. */
const char *ydoc_text(struct ydoc *doc, uint32_t id);
/* A scalar that is not quoted. */
bool ydoc_plain(struct ydoc *doc, uint32_t id);

/* Bytes that no policy may hold, reported with line and column. */
int ytext_check(const char *file, const char *text, size_t len,
		struct diags *d);

#endif
