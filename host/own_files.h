/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host/own_files.h: files that ctpolicy writes, and nobody else.
 *
 * Shape:  a file is ctpolicy's by its first line, OWN_FILE_MARK, and only such
 *         a file is overwritten or removed, but for what somebody added to it
 *         (host/own_lines.h). The second line may be
 *         OWN_FILE_SPACE and the name of the network namespace that it is of;
 *         without it that is the one of process 1. The new text is on disk
 *         under a hidden name before it takes the file's: whoever reads the
 *         file sees the old text or the new one.
 * Owner:  the caller frees a text; NULL: there is no file.
 * Errors: -EEXIST: there is one that is not ctpolicy's. Else -errno of the call
 *         that failed; the file is then as it was.
 * Source: rename(2), fsync(2); sysctl.d(5), modprobe.d(5), udev(7).
 */
#ifndef CTPOLICY_HOST_OWN_FILES_H
#define CTPOLICY_HOST_OWN_FILES_H

#include <stdbool.h>

#define OWN_FILE_MARK "# Written by ctpolicy; 'ctpolicy remove' removes it."

#define OWN_FILE_SPACE "# Network namespace: "

enum own_file {
	OWN_FILE_OPTIONS,	/* of the module, for modprobe */
	OWN_FILE_SYSCTLS,
	OWN_FILE_RULE,		/* of udev's, to set these when it is loaded */
	OWN_FILE_MAX_
};

const char *own_file_path(enum own_file f);
/* Is it the path of one? */
bool own_file_is_path(const char *path);
bool own_file_has_mark(const char *text);
/* Which namespace a text with the mark is of, interned; "": process 1's. */
const char *own_file_space(const char *text);
int own_file_read(const char *path, char **ret);
/* Could it be written, or removed? */
int own_file_check(const char *path);
/* An empty text: there shall be none. */
int own_file_write(const char *path, const char *text);
/* The program that sets sysctls from files again; NULL: none is here. */
const char *own_file_sysctl_tool(void);

#endif
