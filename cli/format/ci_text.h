/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/format/ci_text.h: places and words as the formats for CI need them.
 *
 * Shape:  paths are relative to the folder that the command was run in, which
 *         in CI is the top of the repository, where the file is below it; "./"
 *         and "x/.." are left out, links are not followed.
 * Errors: what there is no memory for is lost to the buffer (core/strbuf.h).
 */
#ifndef CTPOLICY_CLI_FORMAT_CI_TEXT_H
#define CTPOLICY_CLI_FORMAT_CI_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/format/findings.h"
#include "core/strbuf.h"

/* The path, byte for byte; false: it is absolute, not below that folder. */
bool ci_path(const char *file, struct strbuf *out);
/* The same as a reference of RFC 3986, "file:///..." where it is absolute. */
bool ci_uri(const char *file, struct strbuf *out);
/* What a terminal, or a parser, should not get is escaped as in C. */
void ci_plain(const char *s, struct strbuf *out);
/*
 * For each finding what tells it from others and stays when lines are put in
 * ahead of it; NULL: no memory. The caller frees it.
 */
uint64_t *ci_fingerprints(const struct findings *f);
/* What an id means, by the pages, without its level. */
const char *ci_meaning(enum diag_id id);
/* "2 errors, 1 warning"; "": nothing. */
void ci_count(const struct findings *f, struct strbuf *out);

#endif
