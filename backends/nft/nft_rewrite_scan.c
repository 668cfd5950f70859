/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/nft/nft_rewrite_scan.c: the braces of tables and chains. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/nft/nft_parse.h"
#include "backends/nft/nft_rewrite.h"
#include "core/mem.h"

struct scanning {
	struct nft_parser p;
	struct nft_blocks *out;
	size_t depth, table;
	const char *word;		/* of the statement: "table", "chain" */
	bool begins;			/* a statement does, here */
};

static size_t offset(const struct scanning *x)
{
	return (size_t)(x->p.tok.s - x->p.text);
}

static int open_block(struct scanning *x)
{
	struct nft_block b = { .open = offset(x), .close = x->p.len,
			       .table = SIZE_MAX, .line = x->p.tok.line };
	bool chain = x->word && !strcmp(x->word, "chain") &&
		     x->depth == (x->table != SIZE_MAX);
	bool table = !x->depth && x->word && !strcmp(x->word, "table");

	x->depth++;
	if (!chain && !table)
		return 0;
	b.chain = chain;
	if (mem_grow(&x->out->v, &x->out->cap, x->out->n + 1))
		return -ENOMEM;
	if (chain)
		b.table = x->table;
	else
		x->table = x->out->n;
	x->out->v[x->out->n++] = b;
	return 0;
}

static void close_block(struct scanning *x)
{
	struct nft_block *last = x->out->n ? &x->out->v[x->out->n - 1] : NULL;

	x->depth -= x->depth > 0;
	if (last && last->chain && last->close == x->p.len &&
	    x->depth == (x->table != SIZE_MAX))
		last->close = offset(x);
	if (!x->depth && x->table != SIZE_MAX) {
		x->out->v[x->table].close = offset(x);
		x->table = SIZE_MAX;
	}
}

static void take_word(struct scanning *x)
{
	static const char *const kept[] = { "table", "chain" };

	if (nft_tok_is(&x->p.tok, "add") || nft_tok_is(&x->p.tok, "create"))
		return;
	x->begins = false;
	x->word = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		if (nft_tok_is(&x->p.tok, kept[i]))
			x->word = kept[i];
}

int nft_rewrite_scan(const struct foreign *f, struct nft_blocks *ret)
{
	struct scanning x = {
		.p = { .text = f->text, .len = f->len, .line = 1, .col = 1 },
		.out = ret, .table = SIZE_MAX, .begins = true,
	};
	int err = 0;

	for (nft_next(&x.p); !err && x.p.tok.kind != TOK_END; nft_next(&x.p)) {
		enum nft_tok_kind kind = x.p.tok.kind;

		if (kind == TOK_OPEN)
			err = open_block(&x);
		else if (kind == TOK_CLOSE)
			close_block(&x);
		else if (kind == TOK_WORD && x.begins && x.depth < 2)
			take_word(&x);
		if (kind == TOK_OPEN || kind == TOK_CLOSE || kind == TOK_EOL)
			x.begins = true;
	}
	return err;
}

static const struct nft_block *chain_at(const struct nft_blocks *b, size_t at)
{
	for (size_t i = b->n; i--;)
		if (b->v[i].chain && at > b->v[i].open && at < b->v[i].close)
			return &b->v[i];
	return NULL;
}

size_t nft_block_at(const struct nft_blocks *b, size_t at)
{
	const struct nft_block *c = chain_at(b, at);

	return c && c->table != SIZE_MAX ? (size_t)(c - b->v) : SIZE_MAX;
}

size_t nft_command_start(const struct foreign *f, const struct nft_blocks *b,
			 size_t at)
{
	const struct nft_block *c = chain_at(b, at);

	return nft_statement_start(f, c ? c->open : at);
}

size_t nft_command_end(const struct nft_blocks *b, size_t end)
{
	const struct nft_block *c = chain_at(b, end - 1);

	return c ? c->close + 1 : end;
}

size_t nft_statement_start(const struct foreign *f, size_t at)
{
	while (at && !strchr(";{}", f->text[at - 1]) &&
	       (f->text[at - 1] != '\n' ||
		(at > 1 && f->text[at - 2] == '\\')))
		at--;
	while (strchr(" \t\r", f->text[at]) && f->text[at])
		at++;
	return at;
}
