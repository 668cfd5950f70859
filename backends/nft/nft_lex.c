/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/nft/nft_lex.c: nft's text as tokens. */
#include <stdarg.h>
#include <string.h>

#include "backends/nft/nft_parse.h"
#include "core/intern.h"
#include "core/mem.h"

static char peek(const struct nft_parser *p)
{
	return p->at < p->len ? p->text[p->at] : '\0';
}

static void step(struct nft_parser *p)
{
	unsigned char c = (unsigned char)p->text[p->at++];

	if (c == '\n') {
		p->line++;
		p->col = 1;
	} else if ((c & 0xc0) != 0x80) {
		p->col++;
	}
}

static void skip_space(struct nft_parser *p)
{
	while (p->at < p->len) {
		char c = peek(p);

		if (c == '#') {
			while (p->at < p->len && peek(p) != '\n')
				step(p);
		} else if (c == '\\' && p->at + 1 < p->len &&
			   p->text[p->at + 1] == '\n') {
			step(p);
			step(p);
		} else if (c == ' ' || c == '\t' || c == '\r') {
			step(p);
		} else {
			return;
		}
	}
}

static bool ends_word(char c)
{
	return !c || strchr(" \t\r\n{};,\"#", c);
}

static void lex_string(struct nft_parser *p)
{
	struct nft_tok *t = &p->tok;

	step(p);
	t->kind = TOK_STRING;
	t->s = p->text + p->at;
	while (p->at < p->len && peek(p) != '"' && peek(p) != '\n')
		step(p);
	t->n = (size_t)(p->text + p->at - t->s);
	if (peek(p) == '"')
		step(p);
}

static enum nft_tok_kind kind_of(char c)
{
	switch (c) {
	case '{':
		return TOK_OPEN;
	case '}':
		return TOK_CLOSE;
	case ',':
		return TOK_COMMA;
	case ';':
	case '\n':
		return TOK_EOL;
	default:
		return TOK_WORD;
	}
}

void nft_next(struct nft_parser *p)
{
	struct nft_tok *t = &p->tok;

	p->behind = p->text + p->at;
	skip_space(p);
	*t = (struct nft_tok){ TOK_END, p->text + p->at, 0, p->line, p->col };
	if (p->at >= p->len)
		return;
	if (peek(p) == '"') {
		lex_string(p);
		return;
	}
	t->kind = kind_of(peek(p));
	/* a stray NUL or backslash is a word of its own */
	do
		step(p);
	while (t->kind == TOK_WORD && p->at < p->len && !ends_word(peek(p)));
	t->n = (size_t)(p->text + p->at - t->s);
}

bool nft_tok_is(const struct nft_tok *t, const char *word)
{
	return t->kind == TOK_WORD && t->n == strlen(word) &&
	       !memcmp(t->s, word, t->n);
}

bool nft_tok_copy(const struct nft_tok *t, char *buf, size_t size)
{
	if (t->n >= size || memchr(t->s, '\0', t->n))
		return false;
	memcpy(buf, t->s, t->n);
	buf[t->n] = '\0';
	return true;
}

bool nft_accept(struct nft_parser *p, const char *word)
{
	if (!nft_tok_is(&p->tok, word))
		return false;
	nft_next(p);
	return true;
}

bool nft_accept_kind(struct nft_parser *p, enum nft_tok_kind k)
{
	if (p->tok.kind != k)
		return false;
	nft_next(p);
	return true;
}

int nft_parse_error(struct nft_parser *p, const struct nft_tok *at,
		    const char *fmt, ...)
{
	struct srcpos pos = { p->file, at->line, at->col,
			      at->n ? (uint32_t)at->n : 1 };
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	va_list ap;

	va_start(ap, fmt);
	strbuf_vprintf(&b, fmt, ap);
	va_end(ap);
	return diag_add(p->d, DIAG_ERROR, -EINVAL, ID_SAVED_NFT, pos, "%s",
			strbuf_text(&b, &p->d->lost));
}

int nft_expect_kind(struct nft_parser *p, enum nft_tok_kind k, const char *what)
{
	if (nft_accept_kind(p, k))
		return 0;
	return nft_parse_error(p, &p->tok, "%s expected", what);
}

const char *nft_tok_intern(const struct nft_tok *t)
{
	return intern_n(t->s, strnlen(t->s, t->n));
}

int nft_expect_name(struct nft_parser *p, const char *what, const char **ret)
{
	const char *name;

	if (p->tok.kind != TOK_WORD && p->tok.kind != TOK_STRING)
		return nft_parse_error(p, &p->tok, "%s expected", what);
	if (p->tok.n > NFT_NAME_LEN)
		return nft_parse_error(p, &p->tok, "%s is too long", what);
	name = nft_tok_intern(&p->tok);
	if (!name)
		return -ENOMEM;
	nft_next(p);
	*ret = name;
	return 0;
}

int nft_skip_statement(struct nft_parser *p)
{
	int err = 0;

	while (!err && p->tok.kind != TOK_EOL && p->tok.kind != TOK_CLOSE &&
	       p->tok.kind != TOK_END) {
		bool block = p->tok.kind == TOK_OPEN;

		nft_next(p);
		if (block)
			err = nft_skip_block(p);
	}
	return err;
}

int nft_skip_block(struct nft_parser *p)
{
	size_t depth = 1;

	while (depth) {
		if (p->tok.kind == TOK_END)
			return nft_parse_error(p, &p->tok, "'}' expected");
		if (p->tok.kind == TOK_OPEN)
			depth++;
		else if (p->tok.kind == TOK_CLOSE)
			depth--;
		nft_next(p);
	}
	return 0;
}
