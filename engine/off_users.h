/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/off_users.h: programs that live by connection tracking, and are on
 * this host.
 *
 * Shape:  of each program the first sign of it, NULL where there is none: a
 *         table or chain of its, its socket or pid file, or the link that makes
 *         systemd start it.
 * Owner:  signs are interned.
 * Errors: -ENOMEM.
 * Source: "Packet filtering and firewalls" of Docker's manual; libvirt's
 *         firewall.html; kube-proxy's iptables and nftables modes;
 *         firewalld(1), ufw(8), ovs-vswitchd(8), ipvsadm(8), keepalived(8);
 *         systemd.unit(5) on .wants.
 */
#ifndef CTPOLICY_ENGINE_OFF_USERS_H
#define CTPOLICY_ENGINE_OFF_USERS_H

#include "core/diag.h"
#include "rules/foreign.h"

#define OFF_USERS_MAX 8

struct off_users {
	const char *sign[OFF_USERS_MAX];
};

int off_users_in_rules(const struct foreign *f, struct off_users *u);
int off_users_in_files(struct off_users *u);
/* A warning for each: what it loses, and that it loads modules again. */
void off_users_say(const struct off_users *u, struct diags *d);

#endif
