/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/output/output_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <string.h>

#include "core/fault.h"
#include "core/files.h"

#define MODE 0644

bool output_to_stdout(const char *path)
{
	return !strcmp(path, "-");
}

/* What is said of it here is not said again when the program ends. */
static int print(const char *text)
{
	int err = fputs(text, stdout) < 0 || fflush(stdout) ? -errno : 0;

	if (err) {
		__fpurge(stdout);
		clearerr(stdout);
	}
	return err;
}

static const char *reason(int err)
{
	return err == -EEXIST ? "it is not a file" :
	       err == -EPERM ? "it cannot be replaced without changing its owner" :
			       strerror(-err);
}

static const char *cure(int err)
{
	return err == -EACCES ? "this user must be allowed to write to its folder; root's power to write everywhere is given up first" :
	       err == -EPERM ? "name a file that is not there yet" : NULL;
}

static int finish(int err, const char *path, struct diags *d)
{
	bool is_stdout = output_to_stdout(path);

	if (!err || err == -ENOMEM)
		return err;
	diag_add(d, DIAG_ERROR, 0, ID_OUTPUT_UNWRITTEN, NOPOS,
		 "%s cannot be written: %s",
		 is_stdout ? "standard output" : path,
		 is_stdout ? strerror(-err) : reason(err));
	if (!is_stdout && cure(err))
		diag_help(d, "%s", cure(err));
	return -FAULT_IO;
}

int output_write(const struct strbuf *text, const char *path, struct diags *d)
{
	const char *all = strbuf_str(text);
	int err = strbuf_status(text);

	if (!err)
		err = output_to_stdout(path) ?
			      print(all) :
			      file_replace(path, MODE, all, text->n);
	return finish(err, path, d);
}

int output_write_kept(const struct strbuf *text, const char *path,
		      struct diags *d)
{
	const char *all = strbuf_str(text);
	int err = strbuf_status(text);

	if (!err)
		err = output_to_stdout(path) ?
			      print(all) : file_rewrite(path, all, text->n);
	return finish(err, path, d);
}
