/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/trace.c: where --trace goes, and what all backends share. */
#include <stdarg.h>

#include "backends/backend.h"
#include "core/mem.h"

void snapshot_release(struct snapshot *s)
{
	image_free(&s->image);
	free(s->survey.filters);
	*s = (struct snapshot){ 0 };
}

/* The one piece of state that outlives a call: where --trace goes. */
static backend_trace_fn *trace_fn;
static void *trace_arg;

void backend_trace_to(backend_trace_fn *fn, void *arg)
{
	trace_fn = fn;
	trace_arg = arg;
}

bool backend_tracing(void)
{
	return trace_fn;
}

void backend_trace(const char *fmt, ...)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	va_list ap;

	if (!trace_fn)
		return;
	va_start(ap, fmt);
	strbuf_vprintf(&b, fmt, ap);
	va_end(ap);
	trace_fn(trace_arg, strbuf_str(&b));
}
