/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_probe.h: would the kernel take a rule of the host's back?
 *
 * While others stand in for the rule, nothing keeps the host from deleting the
 * sets, maps and objects that it names, or making others by their names. The
 * kernel is asked by a batch without an end, which changes nothing; on a socket
 * of its own, so that a dump may be under way.
 *
 * Errors: -ENOMEM. What the kernel cannot be asked now is no reason to leave
 *         the rule out: it is asked again when the rule is put back.
 * Source: nfnetlink_rcv_batch() in the kernel's net/netfilter/nfnetlink.c.
 */
#ifndef CTPOLICY_BACKENDS_NFT_NFT_PROBE_H
#define CTPOLICY_BACKENDS_NFT_NFT_PROBE_H

#include "backends/nft/nft_original.h"

struct nft_probed {
	uint8_t family;
	const char *table, *chain;
	const char *original;
};

/* *ret: what is wrong, interned, "set good is not ..."; NULL: nothing. */
int nft_probe(const struct nft_named *named, const struct nft_probed *p,
	      const char **ret);

#endif
