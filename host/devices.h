/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host/devices.h: the interfaces by which packets come and go.
 *
 * Shape:  without lo, and without ports of a bridge, bond, team or switch:
 *         rules see the packets of these at the interface that they are part
 *         of. A host of containers has a port for each. What is part of a VRF
 *         stays: rules see its packets at both.
 * Owner:  ret is the caller's, and is added to.
 * Errors: -errno of asking the kernel; ret may hold some by then.
 * Source: RTM_GETLINK in rtnetlink(7); IFLA_INFO_SLAVE_KIND, the kind of what
 *         it is part of, by rtnl_link_slave_info_fill() in
 *         net/core/rtnetlink.c.
 */
#ifndef CTPOLICY_HOST_DEVICES_H
#define CTPOLICY_HOST_DEVICES_H

#include "core/inet.h"

int devices_find(struct iface_set *ret);

#endif
