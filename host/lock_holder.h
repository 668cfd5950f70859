/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host/lock_holder.h: who holds the flock() that we wait for.
 *
 * Shape:  the process's number as seen from here; 0: none, or not known
 *         (another process namespace, no /proc).
 * Source: /proc/locks in proc(5).
 */
#ifndef CTPOLICY_HOST_LOCK_HOLDER_H
#define CTPOLICY_HOST_LOCK_HOLDER_H

#include <sys/types.h>

pid_t lock_holder(int fd);

#endif
