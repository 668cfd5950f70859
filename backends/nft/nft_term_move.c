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

int nft_term_move(struct nft_words *w, bool maps)
{
	struct foreign *f = w->r->f;
	struct term t = { .kind = TERM_MOVE };
	struct key_range v = { 0 };
	int err = maps ? NFT_OPAQUE : take_target(w, &t, &v);

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
