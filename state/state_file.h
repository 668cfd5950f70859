/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * state/state_file.h: small files that are whole or not there at all.
 *
 * Shape:  names are relative to `dir`, an open folder. A file is written under
 *         a temporary name and renamed; a reader sees the old one or the new
 *         one. One writer at a time (the caller holds the lock).
 * Owner:  *ret belongs to the caller, and has a NUL behind its last byte.
 * Errors: -errno of the call that failed; after a failed write the old file
 *         is as it was and nothing is left behind. -EFBIG: over
 *         STATE_FILE_MAX. -ENOENT of a read: no such file.
 * Source: rename(2), fsync(2). The file is on disk before it gets its name;
 *         the name itself is only after state_file_sync(). Where it is not
 *         called, a power cut may bring back the previous names: that is
 *         harmless where the rules have gone with the power.
 */
#ifndef CTPOLICY_STATE_STATE_FILE_H
#define CTPOLICY_STATE_STATE_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define STATE_FILE_MAX (1u << 30)
/* The name used by the writer; never read. */
#define STATE_FILE_TEMPORARY "new"

/* A part of a file's text, borrowed; s NULL: it is what begins `file`. */
struct state_piece {
	const char *s;
	size_t len;
	FILE *file;
};

/* Add it to a digest of core/digest.h. */
int state_piece_digest(const struct state_piece *p, uint64_t *digest);

int state_file_write(int dir, const char *name, const char *text, size_t len);
/* The same of a text that is not in one piece: n of them, in a row. */
int state_file_write_pieces(int dir, const char *name,
			    const struct state_piece *v, size_t n);
/* Make what was written, renamed and unlinked in this folder durable. */
int state_file_sync(int dir);
int state_file_read(int dir, const char *name, char **ret, size_t *ret_len);
/* The same of an open file. */
int state_file_read_open(int fd, char **ret, size_t *ret_len);
/*
 * A file without a name, which is gone when it is closed, with this text; it is
 * read by its descriptor. -EOPNOTSUPP and others: not every file system has
 * such files.
 */
int state_file_nameless(int dir, const char *text, size_t len, FILE **ret);
/* 0 too if there was no such file. */
int state_file_unlink(int dir, const char *name);
int state_file_rename(int dir, const char *from, const char *to);
/* flock() until `end` of CLOCK_BOOTTIME; then -EWOULDBLOCK. */
int state_file_lock(int fd, uint64_t end);

#endif
