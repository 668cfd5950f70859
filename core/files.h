/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * core/files.h: files read whole, those of /proc included.
 *
 * Shape:  a NUL follows the text and is not counted in the length.
 * Owner:  the caller frees the text.
 * Errors: -errno of open(2) or read(2); -EFBIG for more than `max` bytes;
 *         -ENOMEM.
 */
#ifndef CTPOLICY_CORE_FILES_H
#define CTPOLICY_CORE_FILES_H

#include <stddef.h>

/* Up to the end, whatever size the file claims to have; fd stays open. */
int fd_read(int fd, size_t max, char **ret_text, size_t *ret_len);
int file_read(const char *path, size_t max, char **ret_text, size_t *ret_len);

#endif
