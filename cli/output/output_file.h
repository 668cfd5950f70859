/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/output/output_file.h: a result that goes to a file the user named.
 *
 * Whoever reads the file sees it whole (core/files.h): a link, a device or a
 * pipe of that name is left alone. Not with root's power to write everywhere:
 * give up what is not needed first (host/privilege.h).
 *
 * Errors: -ENOMEM; -FAULT_IO with a diagnostic: the file cannot be written, and
 *         is as it was, or standard output cannot.
 */
#ifndef CTPOLICY_CLI_OUTPUT_OUTPUT_FILE_H
#define CTPOLICY_CLI_OUTPUT_OUTPUT_FILE_H

#include <stdbool.h>

#include "core/diag.h"
#include "core/strbuf.h"

/* "-" is standard output. */
bool output_to_stdout(const char *path);
/* For all to read: mode 0644. */
int output_write(const struct strbuf *text, const char *path,
		 struct diags *d);
/* For those who may read the file that it replaces; a new one: by the umask. */
int output_write_kept(const struct strbuf *text, const char *path,
		      struct diags *d);

#endif
