/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host/swap.h: a file of the administrator's, replaced by another text.
 *
 * Shape:  the new text is on disk under a hidden name (".NAME.ctpolicy-new")
 *         before it takes the file's name: whoever reads the file sees the old
 *         text or the new one. Owner, mode and extended attributes stay. The
 *         text that was there first is kept as ".NAME.ctpolicy-orig": patterns
 *         like *.conf, or *, do not find hidden files.
 * Units:  paths are absolute and without links.
 * Errors: -errno of the call that failed; the file is then as it was. -EMLINK:
 *         it has several names. -EFBIG: over SWAP_MAX. -EINVAL: no regular
 *         file.
 * Source: rename(2), fsync(2), xattr(7); glob(7) on a leading dot.
 */
#ifndef CTPOLICY_HOST_SWAP_H
#define CTPOLICY_HOST_SWAP_H

#include <stddef.h>

#define SWAP_MAX (16u << 20)

int swap_read(const char *path, char **ret, size_t *ret_len);
/* Could it be written, its owner kept? -EROFS, -EPERM, -EMLINK. */
int swap_check(const char *path);
int swap_write(const char *path, const char *text, size_t len);
/* The same, if its text is still that one. -ESTALE: it is another. */
int swap_write_over(const char *path, const char *was, size_t was_len,
		    const char *text, size_t len);
/* What a writer that died left behind goes. */
void swap_tidy(const char *path);
/* The kept text goes. */
void swap_drop_kept(const char *path);

#endif
