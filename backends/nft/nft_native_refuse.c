/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/nft/nft_native_refuse.c: why a rule can't be another one. */
#include <errno.h>

#include "backends/lower/edits.h"
#include "backends/nft/nft_native.h"
#include "backends/nft/nft_native_units.h"
#include "core/mem.h"

static const char *find_odd(const struct nft_raw *rule)
{
	static const struct {
		const char *expr;
		uint16_t sets;		/* it does, with that; 0: always */
		uint32_t key;		/* of meta, in host byte order */
		const char *why;
	} rows[] = {
		{ "meta", NFTA_META_SREG, NFT_META_MARK,
		  "it sets the mark of packets" },
		{ "meta", NFTA_META_SREG, NFT_META_PRIORITY,
		  "it sets the priority of packets" },
		{ "meta", NFTA_META_SREG, NFT_META_NFTRACE,
		  "it has packets traced" },
		{ "payload", NFTA_PAYLOAD_SREG, 0,
		  "it changes what packets say, as `ip dscp set` does" },
		{ "exthdr", NFTA_EXTHDR_SREG, 0,
		  "it changes an option of packets" },
		{ "dynset", 0, 0, "it fills a set" },
		{ "queue", 0, 0, "it hands packets to a program" },
		{ "dup", 0, 0, "it sends packets twice" },
		{ "quota", 0, 0,
		  "it counts a quota, of which each look sees another part used" },
	};
	const struct nlattr *a;

	nft_for_each_bytes(a, &rule->exprs) {
		struct nft_expr e;

		if (!nft_expr_read(a, &e))
			continue;
		for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
			if (nft_expr_is(&e, rows[i].expr) &&
			    (!rows[i].sets || e.v[rows[i].sets]) &&
			    (!rows[i].key ||
			     nft_attr_u32(e.v[NFTA_META_KEY]) == rows[i].key))
				return rows[i].why;
	}
	return "it has an expression that this version does not carry over";
}

int nft_native_refuse_odd(const struct foreign *f,
			  const struct foreign_rule *r, struct diags *d)
{
	_cleanup_(nft_raw_release) struct nft_raw raw = { 0 };
	int err = nft_raw_parse(r->original, &raw);

	if (err == -ENOMEM)
		return err;
	err = lower_refuse_edit(f, r->chain, r, find_odd(&raw), d);
	diag_help(d,
		  "let the rule jump to a chain of its own, and do there what it does beside matching: such a rule is replaced");
	return err;
}

int nft_native_refuse_map(const struct foreign *f,
			  const struct foreign_rule *r, struct diags *d)
{
	bool named = false;
	int err;

	for (uint32_t i = 0; i < r->n_terms; i++) {
		const struct term *t = &f->terms[r->terms + i];

		named |= t->kind == TERM_VMAP && f->sets[t->set].name;
	}
	err = lower_refuse_edit(f, r->chain, r, named ?
		"its map leads out of the chain, and has a name, so that others may fill it" :
		"its map leads out of the chain, and by other keys than a port, a protocol or an address",
		d);
	diag_help(d,
		  "write a rule of its own for each return and goto of the map");
	return err;
}
