/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/status/metrics.h"

#include <inttypes.h>

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
