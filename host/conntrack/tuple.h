/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host/conntrack/tuple.h: a flow in the words of libnetfilter_conntrack.
 *
 * Shape:  an entry's flow is that of its first packet; the reply is the same,
 *         reversed.
 * Owner:  nfct_destroy() frees what tuple_new() gives; NULL: out of memory.
 */
#ifndef CTPOLICY_HOST_CONNTRACK_TUPLE_H
#define CTPOLICY_HOST_CONNTRACK_TUPLE_H

#include <libnetfilter_conntrack/libnetfilter_conntrack.h>

#include "rules/flow.h"

struct nf_conntrack *tuple_new(const struct flow *f);
/* False: it has an unknown family. */
bool tuple_get(const struct nf_conntrack *ct, struct flow *ret);

#endif
