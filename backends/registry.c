/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/registry.c: the table of backends, and the trace they share. */
#include <config.h>

#include <stdarg.h>
#include <string.h>

#include "backends/backend.h"
#include "core/mem.h"


const struct backend *const backends[] = {
#ifdef HAVE_NFTABLES
	&backend_nft,
#endif
#ifdef HAVE_IPTABLES
	&backend_iptables,
#endif
	NULL
};

const struct backend *backend_find(const char *name)
{
	for (size_t i = 0; backends[i]; i++)
		if (!strcmp(backends[i]->name, name))
			return backends[i];
	return NULL;
}

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
