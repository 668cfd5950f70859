/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/nft/nft_load_text.h"

#include <string.h>

#include "backends/nft/nft_parse.h"
#include "rules/foreign.h"

#define NAME_MAX_ 16	/* IFNAMSIZ */

static struct nft_parser begin(const char *file, const char *text, size_t len)
{
	struct nft_parser p = {
		.file = file, .text = text, .len = len, .line = 1, .col = 1,
	};

	nft_next(&p);
	return p;
}

static bool is_name(const struct nft_tok *t)
{
	return t->kind == TOK_STRING || t->kind == TOK_WORD;
}

static bool is_one_of(const struct nft_tok *t, const char *const *words)
{
	for (; *words; words++)
		if (nft_tok_is(t, *words))
			return true;
	return false;
}

/* Numbers, variables and names of sets are none of a device. */
static int give(const struct nft_tok *t, nft_name_fn *take, void *arg)
{
	char name[NAME_MAX_];

	if (!is_name(t) || !nft_tok_copy(t, name, sizeof(name)) ||
	    strspn(name, "0123456789") == strlen(name) ||
	    strpbrk(name, "$@/:*! .") || !strcmp(name, "lo"))
		return 0;
	return take(name, arg);
}

/* The first of each element, between `{` and `}`. */
static int give_list(struct nft_parser *p, nft_name_fn *take, void *arg)
{
	int err = 0;

	do {
		nft_next(p);
		while (p->tok.kind == TOK_EOL)
			nft_next(p);
		err = give(&p->tok, take, arg);
		while (p->tok.kind != TOK_COMMA && p->tok.kind != TOK_CLOSE &&
		       p->tok.kind != TOK_END)
			nft_next(p);
	} while (!err && p->tok.kind == TOK_COMMA);
	return err;
}

static int give_named(struct nft_parser *p, nft_name_fn *take, void *arg)
{
	static const char *const between[] = {
		"==", "!=", "=", "eq", "ne", "vmap", "map", NULL,
	};

	while (is_one_of(&p->tok, between))
		nft_next(p);
	return p->tok.kind == TOK_OPEN ? give_list(p, take, arg) :
					 give(&p->tok, take, arg);
}

int nft_text_devices(const struct foreign *f, nft_name_fn *take, void *arg)
{
	static const char *const here[] = { "iif", "oif", NULL };
	static const char *const hooks[] = { "ingress", "egress", NULL };
	struct nft_parser p = begin(NULL, f->text, f->len);
	bool hooked = false;
	int err = 0;

	while (!err && p.tok.kind != TOK_END) {
		bool of_table = !hooked && nft_tok_is(&p.tok, "devices");
		bool wanted = of_table || is_one_of(&p.tok, here);

		hooked = p.tok.kind != TOK_EOL &&
			 (hooked || is_one_of(&p.tok, hooks));
		nft_next(&p);
		if (wanted)
			err = give_named(&p, take, arg);
	}
	return err;
}

void nft_text_note_includes(const char *file, const struct foreign *f,
			    struct diags *d)
{
	struct nft_parser p = begin(file, f->text, f->len);

	while (p.tok.kind != TOK_END) {
		struct nft_tok at = p.tok;

		nft_next(&p);
		if (!nft_tok_is(&at, "include") || p.tok.kind != TOK_STRING)
			continue;
		diag_add(d, DIAG_NOTE, 0, ID_SAVED_NFT,
			 (struct srcpos){ file, at.line, at.col,
					  (uint32_t)at.n },
			 "what is included here was read on this machine, as nft -f reads it");
	}
}

/* `flags`, up to the end of the statement, with what stays of it. */
static void disown_flags(struct nft_parser *p, char *flags)
{
	static const char *const goes[] = { "owner", "persist", NULL };
	char stays[64] = "flags";
	size_t n = strlen(stays), words = 0;
	bool owned = false;

	for (; is_name(&p->tok) || p->tok.kind == TOK_COMMA; nft_next(p)) {
		const struct nft_tok *t = &p->tok;

		owned |= nft_tok_is(t, "owner");
		if (t->kind == TOK_COMMA || is_one_of(t, goes))
			continue;
		if (n + t->n + 1 > sizeof(stays))
			return;
		stays[n++] = words++ ? ',' : ' ';
		memcpy(stays + n, t->s, t->n);
		n += t->n;
	}
	if (!owned)
		return;
	memset(flags, ' ', (size_t)(p->behind - flags));
	if (words)
		memcpy(flags, stays, n);
}

void nft_text_disown(char *text, size_t len)
{
	struct nft_parser p = begin(NULL, text, len);
	unsigned int depth = 0;

	while (p.tok.kind != TOK_END) {
		bool flags = depth == 1 && nft_tok_is(&p.tok, "flags");
		char *at = text + (p.tok.s - p.text);

		depth += p.tok.kind == TOK_OPEN;
		depth -= p.tok.kind == TOK_CLOSE && depth;
		nft_next(&p);
		if (flags)
			disown_flags(&p, at);
	}
}
