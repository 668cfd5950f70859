/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/output/output_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/fault.h"
#include "core/files.h"

#define MODE 0644

bool output_to_stdout(const char *path)
{
	return !strcmp(path, "-");
}

static int print(const char *text)
{
	return fputs(text, stdout) < 0 || fflush(stdout) ? -errno : 0;
}

int output_write(const struct strbuf *text, const char *path, struct diags *d)
{
	const char *all = strbuf_str(text);
	int err = strbuf_status(text);

	if (!err)
		err = output_to_stdout(path) ?
			      print(all) :
			      file_replace(path, MODE, all, strlen(all));
	if (!err || err == -ENOMEM)
		return err;
	diag_add(d, DIAG_ERROR, 0, ID_OUTPUT_UNWRITTEN, NOPOS,
		 "%s cannot be written: %s",
		 output_to_stdout(path) ? "standard output" : path,
		 err == -EEXIST ? "it is no file" : strerror(-err));
	if (err == -EACCES && !output_to_stdout(path))
		diag_help(d,
			  "its folder must let this user write, without root's power to write everywhere, which is given up");
	return -FAULT_IO;
}
