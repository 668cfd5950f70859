/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host/nft_probe.h: does this host have rules of iptables-nft?
 *
 * Asked without libnftnl, for code that must not link it. Merely listing an
 * iptables-nft table creates it with empty chains that accept; such a table has
 * no rules.
 *
 * Errors: -errno; a kernel without nf_tables is not an error: it has none.
 * Source: linux/netfilter/nf_tables.h; iptables-nft's tables are filter, nat,
 *         mangle, raw and security, their base chains in capitals.
 */
#ifndef CTPOLICY_HOST_NFT_PROBE_H
#define CTPOLICY_HOST_NFT_PROBE_H

#include <stdbool.h>

int nft_probe_iptables(bool *ret_in_use);

#endif
