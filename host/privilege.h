/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host/privilege.h: this process keeps no more privileges than
 * changing rules takes.
 *
 * Shape:  CAP_NET_ADMIN changes rules; legacy iptables also asks for
 *         CAP_NET_RAW, to open its socket. Modules are loaded and unloaded
 *         with CAP_SYS_MODULE, and what holds them in other network
 *         namespaces is seen with CAP_SYS_ADMIN and CAP_SYS_PTRACE. Nothing
 *         else is ever needed.
 * Errors: privilege_require(): -EPERM and a diagnostic that names what is
 *         missing. privilege_drop(): -errno; then it still holds too much.
 * Source: capabilities(7); PR_SET_NO_NEW_PRIVS in prctl(2).
 */
#ifndef CTPOLICY_HOST_PRIVILEGE_H
#define CTPOLICY_HOST_PRIVILEGE_H

#include "core/diag.h"

int privilege_require(struct diags *d);
enum privilege {
	PRIVILEGE_RULES,	/* the first two */
	PRIVILEGE_LOAD,		/* the first three */
	PRIVILEGE_MODULES,	/* all of these */
};

/* Give up all but those for good, and what an exec() could gain. */
int privilege_drop(enum privilege keep);

#endif
