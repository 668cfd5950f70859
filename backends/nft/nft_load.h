/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_load.h: text of nftables, loaded as nft would load it.
 *
 * libnftables runs in a process of its own, which is forked for that and has
 * ended when nft_load() returns: it shares libxtables with us and sets it up
 * otherwise, and what it prints or breaks is its own. What the text includes,
 * it finds where nft finds it, on this machine.
 *
 * Errors: -FAULT_DATA: nft does not understand the text; -FAULT_LACKING: the
 *         kernel, or this program, cannot load it; each with a diagnostic at
 *         its line.
 * Source: libnftables(3), nft(8) on "include".
 */
#ifndef CTPOLICY_BACKENDS_NFT_NFT_LOAD_H
#define CTPOLICY_BACKENDS_NFT_NFT_LOAD_H

#include "core/diag.h"

struct backend_ctx;
struct foreign;

int nft_load(struct backend_ctx *ctx, const char *file,
	     const struct foreign *f, struct diags *d);

#endif
