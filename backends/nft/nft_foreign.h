/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_foreign.h: the host's own rules from nft's text: what
 * `nft list ruleset` prints, or what `nft -f` takes.
 *
 * Shape:  strict about blocks, commands and names, tolerant within a rule.
 *         Included files are counted and not read.
 * Errors: -EINVAL with a diagnostic; -ENOMEM.
 * Source: nft(8).
 */
#ifndef CTPOLICY_BACKENDS_NFT_NFT_FOREIGN_H
#define CTPOLICY_BACKENDS_NFT_NFT_FOREIGN_H

#include "backends/nft/nft_parse.h"
#include "rules/foreign.h"

struct nft_tally {
	size_t facts[FACT_MAX_];
};

struct nft_reader {
	struct nft_parser p;
	struct foreign *f;
	struct nft_tok *v;		/* the rule, without its `jump { }` */
	size_t n, cap;
	unsigned int depth;		/* of `jump { }` */
	struct name_index define_at;
	uint32_t *defines;		/* in f->elems; FOREIGN_NOWHERE: none */
	size_t cap_defines;
	struct nft_tally *tally;	/* by table: goes when it is deleted */
	size_t n_tally, cap_tally;
	struct nft_terms *terms;	/* NULL: none are wanted */
};

/* Where a statement stands. */
struct nft_place {
	uint8_t family;
	uint32_t table, chain;
};

/* Of f->text; f is otherwise empty. */
int nft_read_foreign(const char *file, struct foreign *f, struct diags *d);

/* nft_foreign_rule.c: one rule up to the end of its statement. */
int nft_read_rule(struct nft_reader *r, uint32_t chain, uint32_t position);
/* Of the next token; nft takes no chain whose name begins with a sign. */
int nft_check_chain_name(struct nft_reader *r);
/* nft_foreign_match.c: what r->v says of the rule added last. */
int nft_read_matches(struct nft_reader *r);
/* nft_foreign_state.c: v[i] is behind `ct state`; `more`: a field before it. */
int nft_read_states(struct nft_reader *r, size_t i, bool more);
/* nft_foreign_block.c */
int nft_read_chain_block(struct nft_reader *r, const struct nft_place *at);
int nft_read_table_block(struct nft_reader *r, struct nft_place *at);
/* From behind `word`, which begins an object of a table, or a command. */
int nft_read_object(struct nft_reader *r, struct nft_place *at,
		    const struct nft_tok *word, bool names_table, bool *ret_is);
/* include "FILE", define NAME = VALUE: wherever a statement may stand. */
int nft_read_anywhere(struct nft_reader *r, bool *ret_is);
/* What shows, without a rule, that conntrack is used. */
int nft_count_fact(struct nft_reader *r, uint32_t table,
		   enum foreign_fact fact);
/* The define of that name that counts here; NULL: there is none. */
const struct foreign_elems *nft_define_find(const struct nft_reader *r,
					    const char *name, size_t n);
/* [family] TABLE */
int nft_read_scope(struct nft_reader *r, struct nft_place *ret);

#endif
