/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_rewrite.h: nft's text with its state rules replaced; all
 * else stays as it is, to the byte.
 *
 * Shape:  in a table of both families, rules of one are told apart by
 *         `meta nfproto`, unless they ask for what only one of them has.
 * Errors: -ENOMEM; -EINVAL: no words say it.
 */
#ifndef CTPOLICY_BACKENDS_NFT_NFT_REWRITE_H
#define CTPOLICY_BACKENDS_NFT_NFT_REWRITE_H

#include "core/strbuf.h"
#include "rules/stateless.h"

/* Of one rule, what it asks beyond what is known of its packets. */
struct nft_asked {
	const struct foreign *f;
	const struct stateless_rule *r;
	const struct zone *known;
	uint32_t table;
};

/* nft_rewrite_match.c */
/* So many rules say it, one for each pattern of names. */
int nft_rewrite_ways(const struct nft_asked *x, size_t *ret);
/* Each word with a blank ahead; *ret_alone: only one family has that. */
int nft_rewrite_match(const struct nft_asked *x, size_t way,
		      struct strbuf *out, bool *ret_alone);
/* By its name, if it is one that has one. */
void nft_put_proto(const struct key_range *r, struct strbuf *b);
/* "ctp-peers4", or another name that the table has free; *lost: no memory. */
const char *nft_rewrite_set(const struct foreign *f, uint32_t table,
			    uint8_t family, bool flows, bool *lost);
/* ip daddr . udp dport . udp sport: what a set notes, or what it is asked */
void nft_rewrite_key(uint8_t family, bool flows, bool answers,
		     struct strbuf *out);

/* update @ctp-peers4 { KEY }, with a blank ahead */
void nft_rewrite_update(const struct foreign *f, uint32_t table,
			uint8_t family, bool flows, bool answers,
			struct strbuf *out);

/* Lines of rules, merged of both families. */
struct nft_lines {
	struct strbuf *v;
	size_t n, cap;
};

void nft_lines_release(struct nft_lines *l);

/* nft_rewrite_rule.c */
/* What stands for the rule in the hook; *ret_gone: the rule itself goes. */
int nft_rewrite_rule(const struct foreign *f, const struct stateless *s,
		     uint32_t rule, uint8_t hook, struct nft_lines *ret,
		     bool *ret_gone);
/* The rules of a chain that was made for it. */
int nft_rewrite_chain(const struct foreign *f, const struct stateless *s,
		      uint32_t rule, uint8_t hook, size_t number,
		      const char **ret_name, struct nft_lines *ret);
/* A rule as it is, but for the names of chains that have a copy. */
void nft_rewrite_plain(const struct foreign *f, const struct stateless *s,
		       uint32_t rule, uint8_t hook, struct strbuf *out);

/* nft_rewrite_put.c: new parts of a table, in its block or as commands. */
/* COMMAND FAMILY TABLE NAME */
void nft_put_scope(const struct foreign *f, const char *command,
		   uint32_t table, const char *name, struct strbuf *b);
/* With `hook` it is a base chain. */
void nft_put_chain(const struct foreign *f, uint32_t table, bool commands,
		   const char *name, const char *hook,
		   const struct nft_lines *l, struct strbuf *b);
/* The sets of a table, and the chain that fills those of one kind. */
int nft_put_memory(const struct foreign *f, const struct stateless *s,
		   uint32_t table, bool flows, bool commands, struct strbuf *b);

/* nft_rewrite_scan.c: where the text has its tables and chains. */
struct nft_block {
	size_t open, close;		/* of the braces, in the text */
	size_t table;			/* that a chain is in, or SIZE_MAX */
	bool chain;			/* without a table: add chain T C { } */
	uint32_t line;
};

struct nft_blocks {
	struct nft_block *v;
	size_t n, cap;
};

int nft_rewrite_scan(const struct foreign *f, struct nft_blocks *ret);
/* The chain's block around that place; SIZE_MAX: it has none in a table's. */
size_t nft_block_at(const struct nft_blocks *b, size_t at);
/* Of a rule outside of tables' blocks, the bounds of the whole command. */
size_t nft_command_start(const struct foreign *f, const struct nft_blocks *b,
			 size_t at);
size_t nft_command_end(const struct nft_blocks *b, size_t end);
/* Where the statement begins that has this place. */
size_t nft_statement_start(const struct foreign *f, size_t at);

/* nft_rewrite.c */
int nft_rewrite(const struct foreign *f, const struct stateless *s,
		struct strbuf *out);
int nft_print_edit(const struct foreign *f, const struct stateless *s,
		   const struct stateless_edit *e, struct strbuf *out);
enum stateless_text nft_text_of(const struct foreign *f,
				const struct foreign_rule *r);

#endif
