/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * state/folder_open.h: open a folder that no other user can have made.
 *
 * Shape:  every folder on the way from / must belong to root or to this user,
 *         and be writable by nobody else, unless it is sticky (/tmp). Symbolic
 *         links are followed if they lie in such folders; the last name must
 *         not be a link. The folder itself belongs to this user.
 * Owner:  ret->path is freed by folder_release(); it is absolute.
 * Errors: -ENOENT: it does not exist, and was not to be made. -EPERM: not
 *         safe; `why` in *ret says which folder and what is wrong with it.
 *         Other -errno: of the call that failed.
 */
#ifndef CTPOLICY_STATE_FOLDER_OPEN_H
#define CTPOLICY_STATE_FOLDER_OPEN_H

#include <stdbool.h>

struct folder {
	int fd;			/* open for reading; -1: not open */
	char *path;
	char *why;		/* of -EPERM; NULL: no memory for it */
};

#define FOLDER_CLOSED ((struct folder){ .fd = -1 })

/* Make the last one, mode 700, where it is missing. */
int folder_open(const char *path, bool make, struct folder *ret);
/* A folder inside an open one: not a link, and as safe. */
int folder_open_in(int at, const char *name, bool make, int *ret);
void folder_release(struct folder *f);

#endif
