/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/status/metrics.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/fault.h"
#include "core/files.h"

#define MODE 0644

void metric_begin(struct strbuf *out, const char *name, const char *type,
		  const char *help)
{
	strbuf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name,
		      type);
}

void metric_number(struct strbuf *out, const char *name, const char *type,
		   uint64_t value, const char *help)
{
	metric_begin(out, name, type, help);
	strbuf_printf(out, "%s %" PRIu64 "\n", name, value);
}

void metric_ratio(struct strbuf *out, const char *name, double value,
		  const char *help)
{
	metric_begin(out, name, "gauge", help);
	strbuf_printf(out, "%s %.6f\n", name, value);
}

void metric_put_label(struct strbuf *out, const char *s)
{
	for (; *s; s++) {
		if (*s == '\\' || *s == '"')
			strbuf_puts(out, "\\");
		if (*s == '\n')
			strbuf_puts(out, "\\n");
		else
			strbuf_add(out, s, 1);
	}
}

bool metrics_to_stdout(const char *path)
{
	return !strcmp(path, "-");
}

static int print(const char *text)
{
	return fputs(text, stdout) < 0 || fflush(stdout) ? -errno : 0;
}

int metrics_write(const struct strbuf *text, const char *path,
		  struct diags *d)
{
	const char *all = strbuf_str(text);
	int err = strbuf_status(text);

	if (!err)
		err = metrics_to_stdout(path) ?
			      print(all) :
			      file_replace(path, MODE, all, strlen(all));
	if (!err || err == -ENOMEM)
		return err;
	diag_add(d, DIAG_ERROR, 0, ID_METRICS_UNWRITTEN, NOPOS,
		 "%s cannot be written: %s",
		 metrics_to_stdout(path) ? "standard output" : path,
		 err == -EEXIST ? "it is no file" : strerror(-err));
	if (err == -EACCES && !metrics_to_stdout(path))
		diag_help(d,
			  "its folder must let this user write, without root's power to write everywhere, which is given up");
	return -FAULT_IO;
}
