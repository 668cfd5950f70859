/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/nft/nft_term_assign.c: what a rule sets, of the packet or flow. */
#include <stdlib.h>
#include <string.h>

#include "backends/nft/nft_term.h"
#include "core/mem.h"

static void apply(char op, uint32_t v, struct term *t)
{
	uint32_t stays = op == '&' ? v : op == '|' ? ~v : UINT32_MAX;

	t->keep &= stays;
	t->take &= stays;
	t->flip &= stays;
	if (op != '&')
		t->flip ^= v;
}

static int take_number(struct nft_words *w, uint32_t *ret)
{
	uint8_t v[TERM_KEY_MAX];
	int err = nft_type_value(w->r, TYPE_MARK, &w->a[0], v);

	if (err)
		return err;
	*ret = (uint32_t)v[0] << 24 | (uint32_t)v[1] << 16 |
	       (uint32_t)v[2] << 8 | v[3];
	nft_words_next(w);
	return 0;
}

/* The mark of the entry, where there is one; else the rule ends. */
static int take_ctmark(struct nft_words *w, struct term *t)
{
	struct nft_key key;
	int err = nft_key_read(w, &key);

	if (t->kind == TERM_SET_CTMARK)
		t->keep = UINT32_MAX;
	else
		t->take = UINT32_MAX;
	return err ? err : nft_term_present(w, &key);
}

static int take_operand(struct nft_words *w, struct term *t)
{
	t->keep = t->take = t->flip = 0;
	if (nft_word_is(w, 0, "ct") && nft_word_is(w, 1, "mark"))
		return take_ctmark(w, t);
	if (nft_word_is(w, 0, "meta") && nft_word_is(w, 1, "mark"))
		nft_words_next(w);
	if (!nft_words_accept(w, "mark"))
		return take_number(w, &t->flip);
	if (t->kind == TERM_SET_CTMARK)
		t->take = UINT32_MAX;
	else
		t->keep = UINT32_MAX;
	return 0;
}

/* mark & A ^ B | C: which bits stay, which turn; NFT_OPAQUE: anything else */
static int take_mark(struct nft_words *w, struct term *t)
{
	static const char ops[] = "&^|";	/* as they bind */
	const char *level = ops, *op;
	bool nested = nft_words_accept_sign(w, '(');
	int err = take_operand(w, t);
	uint32_t v;

	while (!err && w->a[0].kind == WORD_SIGN && w->a[0].sign != '}') {
		if (nested && nft_words_accept_sign(w, ')')) {
			nested = false;
			level = ops;
			continue;
		}
		op = w->a[0].sign ? strchr(ops, w->a[0].sign) : NULL;
		if (!op || op < level)
			return NFT_OPAQUE;
		level = op;
		nft_words_next(w);
		err = take_number(w, &v);
		if (!err)
			apply(*op, v, t);
	}
	return err || !nested ? err : NFT_OPAQUE;
}

/* Every packet has these. */
static bool is_always_there(const struct nft_key *key)
{
	return key->n == 1 &&
	       (key->field[0] == FIELD_MARK || key->field[0] == FIELD_IIF ||
		key->field[0] == FIELD_OIF || key->field[0] == FIELD_STATE);
}

/* A value that comes from the packet: whether there is one, and that alone. */
static int read_value(struct nft_words *w)
{
	const char *from = w->a[0].s;
	struct nft_key key;
	int err = 0;

	if (nft_key_begins(w)) {
		err = nft_key_read(w, &key);
		if (err > 0 && w->a[0].s == from)
			nft_key_skip(w);
		if (!err && nft_words_accept(w, "map"))
			err = nft_term_map(w, &key, false);
		else if (!err && !is_always_there(&key))
			err = nft_term_present(w, &key);
		if (err > 0)
			err = nft_term_opaque(w->r, key.name);
	}
	nft_terms_skip(w);
	return err;
}

/* From behind `mark set`. */
static int read_set_mark(struct nft_words *w, bool of_entry)
{
	struct nft_words from = *w;
	struct term t = { .kind = of_entry ? TERM_SET_CTMARK :
					     TERM_SET_MARK };
	int err = take_mark(w, &t);

	if (err > 0) {
		*w = from;
		err = read_value(w);
		t = (struct term){ .kind = of_entry ? TERM_LOSE_CTMARK :
						      TERM_LOSE_MARK };
	}
	return err ? err : foreign_add_term(w->r->f, &t);
}

/* `ct original zone`, `ct reply zone`: CT_ZONE_*; 0: it is none of them. */
static uint8_t zone_way(const struct nft_words *w)
{
	if (!nft_word_is(w, 0, "ct") || !nft_word_is(w, 2, "zone"))
		return 0;
	return nft_word_is(w, 1, "original") ? CT_ZONE_ORIGINAL :
	       nft_word_is(w, 1, "reply")    ? CT_ZONE_REPLY : 0;
}

unsigned int nft_words_to_set(const struct nft_words *w)
{
	if (nft_word_is(w, 1, "set"))
		return 2;
	if ((nft_word_is(w, 0, "meta") || nft_word_is(w, 0, "ct")) &&
	    nft_word_is(w, 2, "set"))
		return 3;
	return zone_way(w) && nft_word_is(w, 3, "set") ? 4 : 0;
}

/* `ct KEY set` that matters to where the packet goes; NULL: it does not. */
static const enum term_kind *effect_of(const struct nft_words *w)
{
	static const struct {
		const char *key;
		enum term_kind kind;
	} effects[] = { { "zone", TERM_ZONE }, { "helper", TERM_HELPER } };

	for (size_t i = 0; i < ARRAY_SIZE(effects); i++)
		if (nft_word_is(w, 0, "ct") &&
		    nft_word_is(w, 1, effects[i].key))
			return &effects[i].kind;
	return zone_way(w) ? &effects[0].kind : NULL;
}

/* From behind `set`: a number, or what is not known. */
static struct ct_zone take_zone(const struct nft_words *w, uint8_t way)
{
	char number[8] = "", *end;
	bool plain = w->a[0].kind == WORD_NUMBER &&
		     w->a[0].n < sizeof(number);
	unsigned long id;

	if (plain)
		memcpy(number, w->a[0].s, w->a[0].n);
	id = strtoul(number, &end, 0);
	return ct_zone_of((uint16_t)id, way ? way : CT_ZONE_ORIGINAL |
						    CT_ZONE_REPLY,
			  plain && !*end && id <= UINT16_MAX);
}

int nft_term_set(struct nft_words *w, unsigned int words)
{
	const enum term_kind *effect = effect_of(w);
	bool of_entry = nft_word_is(w, 0, "ct");
	bool mark = nft_word_is(w, words - 2, "mark");
	uint8_t way = zone_way(w);
	struct term t = { 0 };
	int err;

	while (words--)
		nft_words_next(w);
	if (effect && *effect == TERM_ZONE)
		t.zone = take_zone(w, way);
	err = mark ? read_set_mark(w, of_entry) : read_value(w);
	if (err || !effect)
		return err;
	t.kind = *effect;
	return foreign_add_term(w->r->f, &t);
}
