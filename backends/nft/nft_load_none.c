/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/nft/nft_load_none.c: built without libnftables. */
#include "backends/nft/nft_load.h"

#include "core/diag_ids.h"
#include "core/fault.h"

int nft_load(struct backend_ctx *ctx, const char *file,
	     const struct foreign *f, struct diags *d)
{
	(void)ctx;
	(void)f;
	diag_add(d, DIAG_ERROR, 0, ID_RULES_NOT_COPIED,
		 (struct srcpos){ file, 1, 1, 1 },
		 "only libnftables can load text of nftables, and this ctpolicy was built without it");
	diag_help(d, "unshare -rn sh -c 'nft -f %s && ctpolicy test POLICY'",
		  file);
	return -FAULT_LACKING;
}
