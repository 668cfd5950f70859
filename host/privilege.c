/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/privilege.h"

#include <cap-ng.h>
#include <errno.h>
#include <stdbool.h>
#include <sys/prctl.h>

#include "core/mem.h"

int privilege_require(struct diags *d)
{
	capng_clear(CAPNG_SELECT_ALL);
	if (capng_get_caps_process())
		return diag_add(d, DIAG_ERROR, -EIO, ID_CAPS_UNREADABLE, NOPOS,
				"the capabilities of this process cannot be read");
	if (capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_ADMIN))
		return 0;
	diag_add(d, DIAG_ERROR, 0, ID_CAP_MISSING, NOPOS,
		 "reading and changing rules needs CAP_NET_ADMIN, which this process lacks; nothing was done");
	diag_help(d, "run as root, or with that capability (legacy iptables: CAP_NET_RAW too)");
	return -EPERM;
}

/* by: who keeps it; 0: everybody. */
static const struct {
	unsigned int cap, by;
} kept[] = {
	{ CAP_NET_ADMIN, 0 },
	{ CAP_NET_RAW, 0 },
	{ CAP_SYS_MODULE, PRIVILEGE_LOAD },
	{ CAP_SYS_ADMIN, PRIVILEGE_LOOK },
	{ CAP_SYS_PTRACE, PRIVILEGE_LOOK },
};

bool privilege_sees_processes(void)
{
	capng_clear(CAPNG_SELECT_ALL);
	return !capng_get_caps_process() &&
	       capng_have_capability(CAPNG_EFFECTIVE, CAP_SYS_PTRACE);
}

int privilege_drop(unsigned int keep)
{
	bool held[ARRAY_SIZE(kept)], bounding;

	capng_clear(CAPNG_SELECT_ALL);
	if (capng_get_caps_process())
		return -EIO;
	bounding = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP);
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		held[i] = (!kept[i].by || kept[i].by & keep) &&
			  capng_have_capability(CAPNG_PERMITTED, kept[i].cap);
	capng_clear(CAPNG_SELECT_ALL);
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		if (held[i] &&
		    capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED |
				 CAPNG_BOUNDING_SET, kept[i].cap))
			return -EIO;
	if (capng_apply(bounding ? CAPNG_SELECT_ALL : CAPNG_SELECT_CAPS))
		return -EPERM;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? -errno : 0;
}
