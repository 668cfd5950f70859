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

int privilege_drop(enum privilege keep)
{
	static const unsigned int kept[] = {
		CAP_NET_ADMIN, CAP_NET_RAW,
		CAP_SYS_MODULE, CAP_SYS_ADMIN, CAP_SYS_PTRACE,
	};
	size_t n = keep == PRIVILEGE_MODULES ? ARRAY_SIZE(kept) :
		   keep == PRIVILEGE_LOAD ? 3 : 2;
	bool held[ARRAY_SIZE(kept)], bounding;

	capng_clear(CAPNG_SELECT_ALL);
	if (capng_get_caps_process())
		return -EIO;
	bounding = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP);
	for (size_t i = 0; i < n; i++)
		held[i] = capng_have_capability(CAPNG_PERMITTED, kept[i]);
	capng_clear(CAPNG_SELECT_ALL);
	for (size_t i = 0; i < n; i++)
		if (held[i] &&
		    capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED |
				 CAPNG_BOUNDING_SET, kept[i]))
			return -EIO;
	if (capng_apply(bounding ? CAPNG_SELECT_ALL : CAPNG_SELECT_CAPS))
		return -EPERM;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? -errno : 0;
}
