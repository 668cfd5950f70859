/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host/trace.h: one line for every call into the kernel (--trace).
 *
 * Shape:  host_trace() does nothing until host_trace_to() named a function.
 *         One for the whole process: calls are made in many places, and all
 *         of them go to the same terminal.
 * Owner:  `arg` is borrowed for as long as it is set.
 */
#ifndef CTPOLICY_HOST_TRACE_H
#define CTPOLICY_HOST_TRACE_H

#include <stdbool.h>

typedef void host_trace_fn(void *arg, const char *line);

void host_trace_to(host_trace_fn *fn, void *arg);
void host_trace(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
bool host_tracing(void);

#endif
