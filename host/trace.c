/* SPDX-License-Identifier: GPL-2.0-or-later */
/* host/trace.c: where --trace goes. */
#include <stdarg.h>

#include "core/mem.h"
#include "core/strbuf.h"
#include "host/trace.h"

/* The one piece of state that outlives a call: where --trace goes. */
static host_trace_fn *trace_fn;
static void *trace_arg;

void host_trace_to(host_trace_fn *fn, void *arg)
{
	trace_fn = fn;
	trace_arg = arg;
}

bool host_tracing(void)
{
	return trace_fn;
}

void host_trace(const char *fmt, ...)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	va_list ap;

	if (!trace_fn)
		return;
	va_start(ap, fmt);
	strbuf_vprintf(&b, fmt, ap);
	va_end(ap);
	trace_fn(trace_arg, strbuf_status(&b) ? "out of memory" :
						strbuf_str(&b));
}
