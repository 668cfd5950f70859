/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_parse.h: reading nft's text, as far as it is ctpolicy's.
 *
 * Shape:  a token is a word, a quoted string (without its quotes), one of
 *         `{` `}` `,`, an end of statement (newline or `;`) or the end.
 *         Comments and continued lines are no tokens.
 * Owner:  tokens point into the text.
 * Errors: functions that report return -EINVAL after adding a diagnostic.
 */
#ifndef CTPOLICY_BACKENDS_NFT_NFT_PARSE_H
#define CTPOLICY_BACKENDS_NFT_NFT_PARSE_H

#include "backends/nft/nft.h"

enum nft_tok_kind {
	TOK_END,
	TOK_EOL,
	TOK_WORD,
	TOK_STRING,
	TOK_OPEN,
	TOK_CLOSE,
	TOK_COMMA,
};

struct nft_tok {
	enum nft_tok_kind kind;
	const char *s;
	size_t n;
	uint32_t line, col;
};

struct nft_parser {
	const char *file, *text;
	size_t len, at;
	uint32_t line, col;
	struct nft_tok tok;		/* the next one */
	const char *behind;		/* the end of the one before it */
	struct image *img;
	struct diags *d;
	bool iptables;			/* the last rule was one of iptables */
	bool echo;			/* rules are in words of the host */
};

/* nft_lex.c */
void nft_next(struct nft_parser *p);
bool nft_tok_is(const struct nft_tok *t, const char *word);
/* The word as a string; false: longer than the buffer. */
bool nft_tok_copy(const struct nft_tok *t, char *buf, size_t size);
/* The word, up to a stray NUL, interned; NULL: out of memory. */
const char *nft_tok_intern(const struct nft_tok *t);
/* Take the next token when it is that word. */
bool nft_accept(struct nft_parser *p, const char *word);
bool nft_accept_kind(struct nft_parser *p, enum nft_tok_kind k);
int nft_expect_kind(struct nft_parser *p, enum nft_tok_kind k,
		    const char *what);
/* A word or string of at most NFT_NAME_LEN bytes, interned. */
int nft_expect_name(struct nft_parser *p, const char *what, const char **ret);
int nft_parse_error(struct nft_parser *p, const struct nft_tok *at,
		    const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* To the end of the statement, over balanced braces; stops before a `}`. */
int nft_skip_statement(struct nft_parser *p);
/* From behind a `{` to behind its `}`. */
int nft_skip_block(struct nft_parser *p);

/* nft_parse.c: an NFPROTO_* by its name; false leaves *ret. */
bool nft_accept_family(struct nft_parser *p, uint8_t *ret);

/* nft_parse_set.c: from behind the name or `{`. */
int nft_parse_set(struct nft_parser *p, struct image_table *t,
		  const char *name);
int nft_parse_elements(struct nft_parser *p, struct image_set *s);

/* nft_parse_timers.c: from behind the `{` of a `ct timeout`. */
int nft_parse_timers(struct nft_parser *p, struct image_table *t,
		     const char *name);

/* nft_parse_rule.c: one rule up to the end of its statement. */
int nft_parse_rule(struct nft_parser *p, const struct image_table *t,
		   struct image_rule *ret);
/* The rule's tokens alone; ret->verdict is VERDICT_UNKNOWN if not understood */
int nft_parse_match(const struct nft_tok *v, size_t n,
		    const struct image_table *t, struct image_rule *ret);

#endif
