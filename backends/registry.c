/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/registry.c: the table of backends; a further one is a row here. */
#include <config.h>

#include "backends/backend.h"

const struct backend *const backends[] = {
#ifdef HAVE_NFTABLES
	&backend_nft,
#endif
#ifdef HAVE_IPTABLES
	&backend_iptables,
#endif
	NULL
};

#if defined(HAVE_NFTABLES) && defined(HAVE_IPTABLES)
const bool backends_are_complete = true;
#else
const bool backends_are_complete = false;
#endif
