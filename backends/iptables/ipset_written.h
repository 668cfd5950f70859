/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/iptables/ipset_written.h: the elements of an ipset right after a
 * commit of ours, without a dump of them.
 *
 * They are taken as written where the set was read, each change to it was
 * acknowledged, and the kernel counts as many as are expected, of which a
 * sample is tested. An ipset has no generation: who takes one element out and
 * puts another in between our reading and this is not found here, but by the
 * next reading.
 *
 * Shape:  `ret` false: the set must be dumped, and nothing was put into it.
 * Errors: -ENOMEM.
 * Source: ip_set_utest(), ip_set_dump_do() in
 *         net/netfilter/ipset/ip_set_core.c.
 */
#ifndef CTPOLICY_BACKENDS_IPTABLES_IPSET_WRITTEN_H
#define CTPOLICY_BACKENDS_IPTABLES_IPSET_WRITTEN_H

#include "backends/backend.h"
#include "backends/iptables/ipset_wire.h"

/* x NULL: nothing is expected. *ret: what the set is to hold; NULL: dump it. */
const struct image_set *ipset_written_find(const struct expectation *x,
					   const char *name);
/*
 * Is the set, of which this is all but its elements, with `count` of them as
 * expected? Then it has them.
 */
int ipset_written_take(struct netlink *n, struct image *img,
		       struct image_set *to, const struct image_set *expected,
		       uint32_t count, bool *ret);

#endif
