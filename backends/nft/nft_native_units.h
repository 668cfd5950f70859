/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_native_units.h: a rule's expressions, test by test.
 *
 * Shape:  a unit is what loads something, perhaps masks it, and tests it; or
 *         one expression that counts, limits, logs or decides. Units are in
 *         the order of the rule; protocols are bits of `protos`.
 * Owner:  units point into the rule; nft_units_release().
 * Errors: -ENOMEM; -EOPNOTSUPP: no whole expressions.
 */
#ifndef CTPOLICY_BACKENDS_NFT_NFT_NATIVE_UNITS_H
#define CTPOLICY_BACKENDS_NFT_NFT_NATIVE_UNITS_H

#include "backends/nft/nft_raw.h"

/* An expression: its name, and its attributes by their numbers. */
#define NFT_EXPR_ATTRS 16
struct nft_expr {
	const char *name;
	const struct nlattr *v[NFT_EXPR_ATTRS + 1];
};
bool nft_expr_read(const struct nlattr *a, struct nft_expr *ret);
bool nft_expr_is(const struct nft_expr *e, const char *name);
/* It fills a register, from the packet or from another one, and that is all. */
bool nft_expr_loads(const struct nft_expr *e);

enum nft_unit_asks {
	UNIT_OTHER,
	UNIT_PROTO,		/* meta l4proto, ip protocol */
	UNIT_NEXTHDR,		/* of IPv6: the protocol, no header between */
	UNIT_AMONG,		/* the protocol, and more, in one set */
	UNIT_FAMILY,		/* meta nfproto == */
};

struct nft_protos {
	uint64_t bits[4];
};

struct nft_units {
	struct nft_unit {
		const struct nlattr *first;
		size_t n;		/* expressions */
		size_t set, n_sets;	/* of the rule's, from `set` on */
		bool tests;		/* and does nothing else */
		bool network, transport; /* reads that header */
		bool extension;		/* one of IPv6's behind that */
		bool option;		/* of TCP, which no other has */
		bool refuses;		/* the port, of either family */
		enum nft_unit_asks asks;
		struct nft_protos protos; /* that pass, if it asks for any */
		uint8_t family;		/* FAMILY */
	} *v;
	size_t n, cap;
};

int nft_units_of(const struct nft_raw *rule, struct nft_units *ret);
void nft_units_release(struct nft_units *u);

/* The only one; 0: there are several. -ENOENT: there is none. */
int nft_protos_only(const struct nft_protos *p, uint8_t *ret);

#endif
