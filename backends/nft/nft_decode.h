/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_decode.h: what the registers hold while a rule is read.
 */
#ifndef CTPOLICY_BACKENDS_NFT_NFT_DECODE_H
#define CTPOLICY_BACKENDS_NFT_NFT_DECODE_H

#include "backends/nft/nft_netlink.h"

#define NFT_WORDS 20

enum nft_source {
	FROM_NOWHERE,
	FROM_META,
	FROM_NETWORK,
	FROM_TRANSPORT,
	FROM_EXTHDR,
	FROM_FIB_TYPE,
	FROM_CT,
	FROM_SOCKET,
};

/* What a register holds. */
struct nft_load {
	enum nft_source from;
	uint32_t key;		/* meta, ct, socket key; offset; header */
	uint32_t len;		/* of payload and exthdr */
	uint32_t mask;		/* as in memory; 0: none */
};

/* A range is two comparisons: the lower end waits for the upper. */
struct nft_half {
	bool open;
	struct nft_load load;
	uint16_t first;
};

struct nft_reader {
	const struct image_table *table;
	struct image_rule *rule;
	struct nft_load word[NFT_WORDS];
	struct nft_half half;
	bool verdict;		/* seen: nothing may follow */
	bool unknown;
	bool lost;
};

/* nft_decode_cmp.c: what comparing that load says; false: not understood. */
bool nft_decode_cmp(struct nft_reader *r, const struct nft_load *l, uint32_t op,
		    const uint8_t *d, uint32_t len);

#endif
