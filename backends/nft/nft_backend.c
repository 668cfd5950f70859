/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/nft/nft_backend.c: the nftables row of the table of backends. */
#include "backends/nft/nft_kernel.h"

const struct backend backend_nft = {
	.name = "nftables",
	.lower = nft_lower,
	.render = nft_render,
	.print_step = nft_print_step,
	.parse = nft_parse,
	.open = nft_open,
	.snapshot = nft_snapshot,
	.commit = nft_commit,
	.close = nft_close,
};
