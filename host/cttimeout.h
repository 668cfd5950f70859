/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host/cttimeout.h: timers that `iptables -j CT --timeout NAME` refers to.
 *
 * The kernel has one list of them for each network namespace, whoever made
 * them. The first request loads their module.
 *
 * Units:  family AF_INET or AF_INET6.
 * Errors: -errno. -EEXIST: there is one of that name. -EBUSY: a rule refers to
 *         it. -EOPNOTSUPP: the kernel has no such timers, or none for the
 *         protocol.
 * Source: linux/netfilter/nfnetlink_cttimeout.h;
 *         net/netfilter/nfnetlink_cttimeout.c.
 */
#ifndef CTPOLICY_HOST_CTTIMEOUT_H
#define CTPOLICY_HOST_CTTIMEOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/timers.h"

/* `t` has all timers of the protocol; its proto is 0 where it is not known. */
typedef int cttimeout_fn(const char *name, uint8_t family,
			 const struct timers *t, void *arg);
/*
 * Each of them; `take` may see one twice. Where there can be none, because
 * their module is not loaded, none is loaded for the sake of looking.
 */
int cttimeout_list(cttimeout_fn *take, void *arg);
/* Or give one that is there, of the same family and protocol, other timers. */
int cttimeout_add(const char *name, uint8_t family, const struct timers *t,
		  bool replace);
int cttimeout_delete(const char *name);

#endif
