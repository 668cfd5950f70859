/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/iptables/ipt_lock.h: the lock that all users of legacy iptables
 * share: the file XTABLES_LOCKFILE names, else /run/xtables.lock.
 *
 * Owner:  ipt_lock_release() closes; *fd is -1 while nothing is held.
 * Errors: -FAULT_BUSY, with the file named, after five seconds; -errno when the
 *         file cannot be had. Without the lock nothing may be written.
 */
#ifndef CTPOLICY_BACKENDS_IPTABLES_IPT_LOCK_H
#define CTPOLICY_BACKENDS_IPTABLES_IPT_LOCK_H

#include "core/diag.h"

int ipt_lock_take(int *ret_fd, struct diags *d);
void ipt_lock_release(int *fd);

#endif
