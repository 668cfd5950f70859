/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * core/file_match.h: the files that a pattern means.
 *
 * Not by glob(3), which frees twice what it has when memory ends.
 *
 * Shape:  an absolute path with *, ?, [...] and \ in any of its components, as
 *         in glob(7): a leading dot must be written. What is not there is left
 *         out, also where the pattern is a plain path. By name, in the order of
 *         alphasort(3).
 * Owner:  paths are interned.
 * Errors: -ENOMEM; what `take` returns, when it is not 0, at which it ends.
 */
#ifndef CTPOLICY_CORE_FILE_MATCH_H
#define CTPOLICY_CORE_FILE_MATCH_H

typedef int file_match_fn(void *arg, const char *path);

int file_match(const char *pattern, file_match_fn *take, void *arg);

#endif
