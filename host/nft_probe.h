/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host/nft_probe.h: do rules of iptables-nft live on this host?
 *
 * Asked without libnftnl, for those who must not link it. An
 * iptables-nft table that somebody merely listed has empty chains that accept;
 * that is not living there.
 *
 * Errors: -errno; a kernel without nf_tables is no error, and says no.
 * Source: linux/netfilter/nf_tables.h; iptables-nft's tables are filter, nat,
 *         mangle, raw and security, their base chains in capitals.
 */
#ifndef CTPOLICY_HOST_NFT_PROBE_H
#define CTPOLICY_HOST_NFT_PROBE_H

#include <stdbool.h>

int nft_probe_iptables(bool *ret_in_use);

#endif
