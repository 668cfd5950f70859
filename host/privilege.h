/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host/privilege.h: this process keeps no more privileges than
 * changing rules takes.
 *
 * Shape:  CAP_NET_ADMIN changes rules; legacy iptables also asks for
 *         CAP_NET_RAW, to open its socket. Modules are loaded and unloaded
 *         with CAP_SYS_MODULE; what holds them in other network namespaces,
 *         and how many entries there are, is seen with CAP_SYS_ADMIN and
 *         CAP_SYS_PTRACE. Nothing else is ever needed.
 * Errors: privilege_require(): -EPERM and a diagnostic that names what is
 *         missing. privilege_drop(): -errno; then it still holds too much.
 * Source: capabilities(7); PR_SET_NO_NEW_PRIVS in prctl(2).
 */
#ifndef CTPOLICY_HOST_PRIVILEGE_H
#define CTPOLICY_HOST_PRIVILEGE_H

#include <stdbool.h>

#include "core/diag.h"

int privilege_require(struct diags *d);
/* Beside the first two; a set of bits. */
enum privilege {
	PRIVILEGE_RULES = 0,
	PRIVILEGE_LOAD = 1 << 0,	/* the third */
	PRIVILEGE_LOOK = 1 << 1,	/* the last two */
	PRIVILEGE_MODULES = PRIVILEGE_LOAD | PRIVILEGE_LOOK,
};

/* Can it see which sockets other users' processes have? */
bool privilege_sees_processes(void);
/* Give up all but those for good, and what an exec() could gain. */
int privilege_drop(unsigned int keep);

#endif
