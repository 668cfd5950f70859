/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host/marks.h: does anything but firewall rules look at packets' marks?
 *
 * Shape:  true: a rule of the routing table asks for a mark, or something that
 *         may (traffic control, IPsec, IPVS, sockets that inherit marks) is in
 *         use in this network namespace.
 * Errors: -errno of netlink. What the kernel does not have reads nothing.
 * Source: ip-rule(8), tc-fw(8), ip-xfrm(8); tcp_fwmark_accept and
 *         fwmark_reflect of the kernel's networking/ip-sysctl.rst.
 */
#ifndef CTPOLICY_HOST_MARKS_H
#define CTPOLICY_HOST_MARKS_H

#include <stdbool.h>

int host_reads_marks(bool *ret);

#endif
