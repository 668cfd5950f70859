/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host/send_room.h: sockets that may send more at once than users may.
 *
 * Rules go to the kernel in one message, and more than net.core.wmem_max only
 * from who has CAP_NET_ADMIN outside of all user namespaces: who entered one
 * has it no more, even root. A process that stays outside keeps it, does
 * nothing but lift that limit, and ends with the one that it was forked by.
 *
 * Shape:  keep first, then enter, and lift the limit of any socket.
 * Errors: none: with less room, the kernel says -EMSGSIZE where it counts.
 * Source: socket(7) on SO_SNDBUFFORCE; sk_setsockopt() in net/core/sock.c;
 *         netlink_sendmsg() in net/netlink/af_netlink.c; unix(7) on SCM_RIGHTS.
 */
#ifndef CTPOLICY_HOST_SEND_ROOM_H
#define CTPOLICY_HOST_SEND_ROOM_H

/* Before a user namespace is entered. Single-threaded callers only. */
void send_room_keep(void);
/* As much as can be had. */
void send_room_lift(int fd);

#endif
