/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/status/metrics.h: metrics as Prometheus reads them from a file.
 *
 * Shape:  a metric's help and type come before its samples.
 * Errors: the buffer is `lost`.
 * Source: Prometheus, "Exposition formats", text-based; the README of
 *         node_exporter, "Textfile Collector".
 */
#ifndef CTPOLICY_CLI_METRICS_H
#define CTPOLICY_CLI_METRICS_H

#include <stdint.h>

#include "core/strbuf.h"

/* type: "gauge" or "counter". */
void metric_begin(struct strbuf *out, const char *name, const char *type,
		  const char *help);
void metric_number(struct strbuf *out, const char *name, const char *type,
		   uint64_t value, const char *help);
void metric_ratio(struct strbuf *out, const char *name, double value,
		  const char *help);
/* What a label holds. */
void metric_put_label(struct strbuf *out, const char *s);

#endif
