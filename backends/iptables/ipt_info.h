/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/iptables/ipt_info.h: what the kernel tells of a table.
 *
 * Owner:  the descriptor is the caller's to close.
 * Errors: -errno of the socket or the kernel: -EPERM without CAP_NET_RAW or
 *         CAP_NET_ADMIN; -ENOPROTOOPT: ip_tables is not there.
 * Source: linux/netfilter_ipv4/ip_tables.h (IPT_SO_GET_INFO,
 *         IPT_SO_GET_ENTRIES).
 */
#ifndef CTPOLICY_BACKENDS_IPTABLES_IPT_INFO_H
#define CTPOLICY_BACKENDS_IPTABLES_IPT_INFO_H

#include <stdbool.h>
#include <stdint.h>

struct ipt_get_entries;
struct ipt_getinfo;
struct ipt_legacy;

/* Whose options they are: IPPROTO_IP, IPPROTO_IPV6. */
int ipt_info_level(uint8_t family);
/* A socket to ask, of NFPROTO_IPV4 or NFPROTO_IPV6. */
int ipt_info_open(uint8_t family);
/* The kernel makes the table for whoever asks. */
int ipt_info_get(int fd, uint8_t family, const char *table,
		 struct ipt_getinfo *ret);
/*
 * The table's entries, of->size bytes of them; the caller's to free. -ENOMEM.
 * -EAGAIN, -EINVAL: the table has another size by now: ask for that again.
 */
int ipt_info_entries(int fd, uint8_t family, const struct ipt_getinfo *of,
		     struct ipt_get_entries **ret);
/*
 * Has libiptc as many entries as the kernel? It says with ENOMEM alone that it
 * left some out, which malloc() may also set where it finds memory elsewhere.
 */
bool ipt_info_agrees(const struct ipt_legacy *t);

#endif
