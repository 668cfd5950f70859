/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * core/files.h: files read whole, those of /proc included, and written whole.
 *
 * Shape:  a NUL follows the text and is not counted in the length.
 * Owner:  the caller frees the text.
 * Errors: -errno of the call that failed; -EFBIG for more than `max` bytes;
 *         -EIO: a write that writes nothing; -ENOMEM.
 */
#ifndef CTPOLICY_CORE_FILES_H
#define CTPOLICY_CORE_FILES_H

#include <stddef.h>
#include <sys/types.h>

/* For _cleanup_(): unless it is negative, which it is then. */
void fd_close(int *fd);
/* Up to the end, whatever size the file claims to have; fd stays open. */
int fd_read(int fd, size_t max, char **ret_text, size_t *ret_len);
int file_read(const char *path, size_t max, char **ret_text, size_t *ret_len);
/* The first line of a small file, without its newline: one value of /proc. */
int file_read_line(const char *path, char **ret);
/*
 * The first `len` bytes of a file, piece by piece, wherever it stands. -EIO:
 * there are less; else the first error of `take`.
 */
int fd_pieces(int fd, size_t len,
	      int (*take)(const char *s, size_t n, void *arg), void *arg);
/* All of it; fd stays open. */
int fd_write(int fd, const char *text, size_t len);
/* What was written is on the disk. */
int fd_sync(int fd);
/*
 * A new file, which `fill` writes, takes a name in an open folder. `fresh` is
 * its name until then; one that a writer who died left there goes. It is for
 * its owner alone unless `fill` says more. After an error the file is as it
 * was, and `fresh` is gone.
 */
int file_put_at(int dir, const char *fresh, const char *name,
		int (*fill)(int fd, const void *with), const void *with);
/*
 * Whoever reads the file sees it whole, as it was or as it is: a file beside it
 * takes its place. After an error it is as it was, and nothing is left.
 * -EEXIST: a link, a device or a pipe has the name, and keeps it.
 */
int file_replace(const char *path, mode_t mode, const char *text, size_t len);
/*
 * The same as writing into it would leave it: owner, group and rights of the
 * file that is replaced; of a new one what the umask says. -EPERM: this process
 * cannot give it to them. No thread may run beside it: the umask is looked at.
 */
int file_rewrite(const char *path, const char *text, size_t len);

#endif
