/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/nft/nft_foreign_state.c: which connection states a rule names. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "backends/nft/nft_foreign.h"
#include "core/mem.h"

/* What a list of states is made of, as far as it was read. */
struct list {
	struct foreign_states s;
	bool any;			/* a state was named */
	bool none;			/* compared with 0 */
};

/* nft's numbers: NF_CT_STATE_BIT() of linux/netfilter/nf_tables.h */
static uint8_t states_of_number(unsigned long n)
{
	return (uint8_t)((n & 1 ? STATE_INVALID : 0) |
			 (n & 2 ? STATE_ESTABLISHED : 0) |
			 (n & 4 ? STATE_RELATED : 0) |
			 (n & 8 ? STATE_NEW : 0) |
			 (n & 64 ? STATE_UNTRACKED : 0));
}

static const char *const spelt[] = {
	"or", "and", "xor", "eq", "lt", "le", "gt", "ge", "ne", "not",
};

/* Operators as words. */
static bool take_spelt(struct list *l, const char *s, size_t n)
{
	size_t k = 0;

	while (k < ARRAY_SIZE(spelt) &&
	       (strlen(spelt[k]) != n || memcmp(spelt[k], s, n)))
		k++;
	if (k < ARRAY_SIZE(spelt) && *s == 'n')
		l->s.negated = !l->any;
	return k < ARRAY_SIZE(spelt);
}

/* A run of letters and digits; false: neither a state nor a number. */
static bool take_run(struct list *l, const char *s, size_t n)
{
	uint8_t bit = foreign_state_of(s, n);
	char number[16];

	bit &= (uint8_t)~(STATE_DNAT | STATE_SNAT);	/* nft's status */
	if (!bit && isdigit((unsigned char)*s) && n < sizeof(number)) {
		memcpy(number, s, n);
		number[n] = '\0';
		bit = states_of_number(strtoul(number, NULL, 0));
		l->none |= !bit;
	} else if (!bit) {
		return take_spelt(l, s, n);
	}
	l->any |= bit != 0;
	l->s.mask |= bit;
	return true;
}

/* "!=" ahead of the states negates them, and so does "== 0" behind a mask. */
static bool take_operator(struct list *l, char c, char next)
{
	if (c == '!')
		l->s.negated = !l->any;
	else if (c == '=' && next == '=' && l->any)
		l->s.negated = true;
	else if (!strchr("()|&=^<>", c))
		return false;
	return true;
}

static bool take_word(struct list *l, const char *s, size_t n)
{
	struct list was = *l;

	for (size_t i = 0, run; i < n; i += run ? run : 1) {
		run = 0;
		while (i + run < n && isalnum((unsigned char)s[i + run]))
			run++;
		if (run ? !take_run(l, s + i, run) :
			  !take_operator(l, s[i], i + 1 < n ? s[i + 1] : 0)) {
			*l = was;
			return false;
		}
	}
	return true;
}

static void take_define(const struct nft_reader *r, struct list *l,
			const struct nft_tok *t)
{
	const struct foreign_elems *e = nft_define_find(r, t->s + 1, t->n - 1);

	for (size_t k = 0, run; e && k < e->raw.n; k += run ? run : 1) {
		run = 0;
		while (k + run < e->raw.n &&
		       isalpha((unsigned char)e->raw.s[k + run]))
			run++;
		l->s.mask |= foreign_state_of(e->raw.s + k, run);
	}
}

static int not_a_state(struct nft_reader *r, size_t i)
{
	return nft_parse_error(&r->p, i < r->n ? &r->v[i] : &r->p.tok,
			       "a connection state expected");
}

/* { established : accept, ... }: the first word of each element */
static int take_map(struct nft_reader *r, size_t i, struct list *l)
{
	bool first = true;

	for (size_t depth = 1; i < r->n && depth; i++) {
		const struct nft_tok *t = &r->v[i];

		depth += t->kind == TOK_OPEN;
		depth -= t->kind == TOK_CLOSE;
		if (t->kind == TOK_COMMA) {
			first = true;
		} else if (t->kind == TOK_WORD && first) {
			const char *colon = memchr(t->s, ':', t->n);

			if (!strchr("$*", *t->s) &&
			    !take_word(l, t->s, colon ? (size_t)(colon - t->s) :
							t->n))
				return not_a_state(r, i);
			first = false;
		}
	}
	return 0;
}

static int take_name(struct list *l, const struct nft_tok *t)
{
	struct nft_tok name = *t;

	name.s++;
	name.n--;
	l->s.name = nft_tok_intern(&name);
	return l->s.name ? 0 : -ENOMEM;
}

/* Must a state come next? Not behind one, nor behind what may be one. */
static bool expects(const struct nft_tok *t)
{
	if (t->kind == TOK_COMMA || strchr("|&=^!<>(", t->s[t->n - 1]))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(spelt); i++)
		if (nft_tok_is(t, spelt[i]))
			return true;
	return false;
}

static int take_list(struct nft_reader *r, size_t from, struct list *l)
{
	bool open = true;
	size_t i;

	for (i = from; i < r->n; i++) {
		const struct nft_tok *t = &r->v[i];

		if (t->kind == TOK_CLOSE || t->kind == TOK_STRING)
			return 0;
		if (t->kind == TOK_WORD && *t->s == '@') {
			l->s.kind = STATES_IN_SET;
			return take_name(l, t);
		}
		if (t->kind == TOK_WORD && *t->s == '$')
			take_define(r, l, t);
		else if (t->kind == TOK_WORD && !take_word(l, t->s, t->n))
			break;
		if (t->n && t->kind != TOK_OPEN)
			open = expects(t);
	}
	return open && (i > from || !nft_tok_is(&r->v[i], "map")) ?
		       not_a_state(r, i) :
		       0;
}

int nft_read_states(struct nft_reader *r, size_t i, bool more)
{
	struct list l = { 0 };
	int err = 0;

	if (more || (i < r->n && nft_tok_is(&r->v[i], "."))) {
		l.s.kind = STATES_WITH_MORE;
	} else if (i + 1 < r->n && nft_tok_is(&r->v[i], "vmap")) {
		bool named = r->v[i + 1].kind == TOK_WORD;

		l.s.kind = named ? STATES_IN_MAP : STATES_MAPPED;
		if (named)
			err = take_name(&l, &r->v[i + 1]);
		else
			err = take_map(r, i + 2, &l);
	} else {
		err = take_list(r, i, &l);
	}
	return err ? err : foreign_add_states(r->f, l.s);
}
