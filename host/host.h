/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host/host.h: facts of this host that need no privilege.
 *
 * Units:  ports in host byte order; memory in bytes.
 * Errors: -errno of reading; the outputs are then untouched, and a caller may
 *         go on with the kernel's defaults.
 * Source: Documentation/networking/ip-sysctl.rst (ip_local_port_range),
 *         nf_conntrack-sysctl.rst (nf_conntrack_tcp_timeout_established,
 *         nf_conntrack_count).
 */
#ifndef CTPOLICY_HOST_HOST_H
#define CTPOLICY_HOST_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/inet.h"

int host_ephemeral_ports(struct port_range *ret);
int host_memory(uint64_t *ret);
/* Seconds that an established connection stays in the table. */
int host_tcp_timeout(uint32_t *ret);
/*
 * Entries in the connection table of this network namespace. -ENOENT: the
 * kernel has no connection tracking, or has not loaded it.
 */
int host_conntrack_count(size_t *ret);
/* Are packets forwarded, of any family? Where it cannot be read: no. */
bool host_forwards(void);
/* Has the kernel no code for legacy iptables loaded, of one family? */
bool host_lacks_tables(void);
/* As the kernel has it, without asking anybody; the caller frees it. */
int host_name(char **ret);
/* One value of /proc, in one go. */
int host_write(const char *path, const char *text);
/*
 * Move this process into a user and a network namespace of its own, where it
 * is root over nothing but that network. Single-threaded callers only.
 */
int host_enter_private_netns(void);

#endif
