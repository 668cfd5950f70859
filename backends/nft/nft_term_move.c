/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/nft/nft_term_move.c: where a statement translates to. */
#include <netinet/in.h>
#include <string.h>
#include <linux/netfilter.h>

#include "backends/nft/nft_term.h"
#include "core/mem.h"

static bool ends(const struct nft_words *w)
{
	static const char *const flags[] = {
		"random", "fully-random", "persistent", "comment",
	};

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (nft_word_is(w, 0, flags[i]))
			return true;
	return w->a[0].kind == WORD_END || nft_sign_is(w, 0, ',');
}

static uint16_t port_of(const uint8_t *v)
{
	return (uint16_t)(v[0] << 8 | v[1]);
}

/* :80, :80-90 */
static int take_ports(struct nft_words *w, struct term *t)
{
	struct key_range v;
	int err;

	if (!nft_words_accept_sign(w, ':'))
		return 0;
	err = nft_value(w, TYPE_PORT, &v);
	if (err)
		return err;
	t->port = port_of(v.first);
	t->last_port = port_of(v.last);
	return 0;
}

/* What is behind the first bracket: ADDR], ADDR-ADDR], ADDR]-[ADDR] */
static int take_brackets(struct nft_words *w, struct key_range *v)
{
	struct key_range last;
	int err;

	if (!nft_words_accept_sign(w, ']'))
		return NFT_OPAQUE;
	if (!nft_words_accept_sign(w, '-'))
		return 0;
	if (!nft_words_accept_sign(w, '['))
		return NFT_OPAQUE;
	err = nft_value(w, TYPE_ADDR6, &last);
	if (err)
		return err;
	memcpy(v->last, last.last, sizeof(v->last));
	return nft_words_accept_sign(w, ']') ? 0 : NFT_OPAQUE;
}

/* ADDR, ADDR-ADDR, ADDR/LEN, or in brackets */
static int take_address(struct nft_words *w, struct term *t,
			struct key_range *v)
{
	bool bracket = nft_words_accept_sign(w, '[');
	bool v4 = w->a[0].kind == WORD_ADDRESS &&
		  !memchr(w->a[0].s, ':', w->a[0].n);
	int err = nft_value(w, v4 ? TYPE_ADDR4 : TYPE_ADDR6, v);

	if (err)
		return err;
	t->n_fields = 1;
	t->family = v4 ? NFPROTO_IPV4 : NFPROTO_IPV6;
	t->field[0] = FIELD_DADDR;
	if (bracket)
		return take_brackets(w, v);
	return nft_sign_is(w, 0, '-') ? NFT_OPAQUE : 0;
}

static int take_target(struct nft_words *w, struct term *t,
		       struct key_range *v)
{
	int err = 0;

	if (!nft_sign_is(w, 0, ':'))
		err = take_address(w, t, v);
	if (!err)
		err = take_ports(w, t);
	return err ? err : ends(w) ? 0 : NFT_OPAQUE;
}

static int add_any(void *to, const struct key_range *v,
		   const struct nft_says *says)
{
	const struct key_range none = { 0 };
	int err = foreign_add_key(to, &none, NULL);

	(void)v;
	return err ? err : foreign_add_answer(to, &says->answer);
}

/* { ... } by a key that is not understood: any of the answers */
static int take_elements(struct nft_words *w, struct term *t)
{
	struct foreign *f = w->r->f;
	struct nft_elements e = { .is_map = true, .has_answers = true,
				  .add = add_any, .to = f };
	int err = foreign_begin_set(f, NULL, 1, false, &t->set);

	if (!err)
		err = nft_value_elements(w, &e);
	if (!err)
		err = nft_value_rest(&e);
	f->sets[f->n_sets - 1].known = false;
	return err;
}

static int take_answers(struct nft_words *w, struct nft_key *key,
			struct term *t)
{
	int err = nft_term_opaque(w->r, key->name);

	while (!err && w->a[0].kind != WORD_END && !nft_words_accept(w, "map"))
		nft_words_next(w);
	if (err || nft_words_accept_sign(w, '{'))
		return err ? err : take_elements(w, t);
	if (!nft_words_accept_sign(w, '@') || !nft_word_is_name(w, 0))
		return NFT_OPAQUE;
	key->n = 1;
	err = nft_set_named(w->r, &w->a[0], key, &t->set);
	nft_words_next(w);
	return err;
}

/* KEY map { KEY : ADDR . PORT, ... }, or @NAME; then :PORT where it has none */
static int take_map(struct nft_words *w, struct term *t)
{
	const struct foreign *f = w->r->f;
	struct nft_key key = { 0 };
	int err = nft_key_read(w, &key);

	t->by_map = true;
	if (err > 0) {
		err = take_answers(w, &key, t);
	} else if (!err && nft_words_accept(w, "map")) {
		err = nft_term_map(w, &key, true);
		if (!err && f->terms[f->n_terms - 1].kind != TERM_MATCH)
			err = NFT_OPAQUE;
		t->set = f->terms[f->n_terms - 1].set;
	} else if (!err) {
		err = NFT_OPAQUE;
	}
	if (!err)
		err = take_ports(w, t);
	return err ? err : ends(w) ? 0 : NFT_OPAQUE;
}

/* redirect to :KEY map */
static bool maps_port(const struct nft_words *w)
{
	struct nft_words behind = *w;

	return nft_words_accept_sign(&behind, ':') && nft_key_begins(&behind);
}

int nft_term_move(struct nft_words *w)
{
	struct foreign *f = w->r->f;
	struct term t = { .kind = TERM_MOVE };
	struct key_range v = { 0 };
	int err;

	if (maps_port(w))
		nft_words_next(w);
	err = nft_key_begins(w) ? take_map(w, &t) : take_target(w, &t, &v);
	if (err > 0)
		t = (struct term){ .kind = TERM_MOVE, .port = 1,
				   .last_port = UINT16_MAX };
	if (err >= 0)
		err = 0;
	if (!err && t.n_fields) {
		err = foreign_begin_set(f, NULL, 1, false, &t.set);
		if (!err)
			err = foreign_add_key(f, &v, NULL);
	}
	return err ? err : foreign_add_term(f, &t);
}
