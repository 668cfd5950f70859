/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * state/state_file.h: small files that are whole or not there at all.
 *
 * Shape:  names are relative to `dir`, an open folder. A file is written under
 *         a temporary name and renamed; whoever reads sees the old one or the
 *         new one. One writer at a time (the caller holds the lock).
 * Owner:  *ret belongs to the caller, and has a NUL behind its last byte.
 * Errors: -errno of the call that failed; after a failed write the old file
 *         is as it was and nothing is left behind. -EFBIG: over
 *         STATE_FILE_MAX. -ENOENT of a read: no such file.
 * Source: rename(2), fsync(2): the folder is synced too, or a new name may be
 *         lost with the power.
 */
#ifndef CTPOLICY_STATE_STATE_FILE_H
#define CTPOLICY_STATE_STATE_FILE_H

#include <stddef.h>

#define STATE_FILE_MAX (1u << 30)

int state_file_write(int dir, const char *name, const char *text, size_t len);
int state_file_read(int dir, const char *name, char **ret, size_t *ret_len);
/* Gone for good, or was not there. */
int state_file_unlink(int dir, const char *name);
/* `from` becomes `to`, for good. */
int state_file_rename(int dir, const char *from, const char *to);

#endif
