/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/nft/nft_term_value.c: the right side of a match. */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <linux/netfilter.h>

#include "backends/nft/nft_term.h"
#include "core/intern.h"
#include "core/mem.h"

#define BRACES_MAX 16

void nft_value_put(enum nft_type type, uint64_t number, uint8_t *ret)
{
	memset(ret, 0, TERM_KEY_MAX);
	for (size_t i = nft_type_bytes(type); i--; number >>= 8)
		ret[i] = (uint8_t)number;
}

/* "eth*" is every name that begins so, "eth\*" is one with a star. */
static int take_interface(struct nft_words *w, enum nft_type type,
			  struct key_range *ret)
{
	struct key_range v = { 0 };
	const struct nft_word *t = &w->a[0];
	bool wild = false;
	size_t n = 0;

	if (!nft_word_is_name(w, 0) || !t->n)
		return NFT_OPAQUE;
	for (size_t i = 0; i < t->n && !wild; i++) {
		wild = t->s[i] == '*' && i + 1 == t->n && type == TYPE_IFNAME;
		if (wild)
			break;
		if (t->s[i] == '\\' && i + 1 < t->n && t->s[i + 1] == '*')
			i++;
		if (!t->s[i] || n == TERM_KEY_MAX - 1)
			return NFT_OPAQUE;
		v.first[n++] = (uint8_t)t->s[i];
	}
	memcpy(v.last, v.first, sizeof(v.last));
	if (wild)
		memset(v.last + n, 0xff, sizeof(v.last) - n);
	nft_words_next(w);
	*ret = v;
	return 0;
}

static int take_flag(struct nft_words *w, enum nft_type type, uint32_t *bits)
{
	uint8_t v[TERM_KEY_MAX];
	uint32_t flag = 0;
	int err = nft_type_value(w->r, type, &w->a[0], v);

	if (err)
		return err;
	for (size_t i = 0; i < nft_type_bytes(type); i++)
		flag = flag << 8 | v[i];
	*bits |= flag;
	nft_words_next(w);
	return 0;
}

int nft_value_flags(struct nft_words *w, enum nft_type type, bool lists,
		    uint32_t *ret)
{
	unsigned int depth = 0;
	uint32_t bits = 0;
	int err;

	do {
		while (nft_words_accept_sign(w, '('))
			depth++;
		err = take_flag(w, type, &bits);
		while (!err && depth && nft_words_accept_sign(w, ')'))
			depth--;
	} while (!err && (nft_words_accept_sign(w, '|') ||
			  (lists && nft_words_accept_sign(w, ','))));
	if (err || depth)
		return err ? err : NFT_OPAQUE;
	*ret = bits;
	return 0;
}

static int take_prefix(struct nft_words *w, enum nft_type type,
		       struct key_range *v)
{
	unsigned long len, bits = 8 * nft_type_bytes(type);
	char number[8];

	if ((type != TYPE_ADDR4 && type != TYPE_ADDR6) ||
	    w->a[0].kind != WORD_NUMBER || w->a[0].n >= sizeof(number))
		return NFT_OPAQUE;
	memcpy(number, w->a[0].s, w->a[0].n);
	number[w->a[0].n] = '\0';
	len = strtoul(number, NULL, 0);
	if (len > bits)
		return NFT_OPAQUE;
	for (size_t i = 0; i < bits / 8; i++) {
		uint8_t host = (uint8_t)(len >= 8 * i + 8 ? 0 :
					 len <= 8 * i ? 0xff :
							0xff >> (len - 8 * i));

		v->first[i] = (uint8_t)(v->first[i] & ~host);
		v->last[i] = v->first[i] | host;
	}
	nft_words_next(w);
	return 0;
}

int nft_value(struct nft_words *w, enum nft_type type, struct key_range *ret)
{
	struct key_range v = { 0 };
	uint32_t bits;
	int err;

	if (type == TYPE_IFNAME || type == TYPE_IFINDEX)
		return take_interface(w, type, ret);
	if (nft_type_has_flags(type)) {
		err = nft_value_flags(w, type, false, &bits);
		if (err)
			return err;
		nft_value_put(type, bits, ret->first);
		nft_value_put(type, bits, ret->last);
		return 0;
	}
	err = nft_type_value(w->r, type, &w->a[0], v.first);
	if (err)
		return err;
	nft_words_next(w);
	memcpy(v.last, v.first, sizeof(v.last));
	if (nft_words_accept_sign(w, '/')) {
		err = take_prefix(w, type, &v);
	} else if (nft_words_accept_sign(w, '-')) {
		err = type == TYPE_ETHERTYPE || type == TYPE_NEXTHDR ?
			      NFT_OPAQUE :
			      nft_type_value(w->r, type, &w->a[0], v.last);
		nft_words_next(w);
	}
	if (err || memcmp(v.first, v.last, sizeof(v.first)) > 0)
		return err ? err : NFT_OPAQUE;
	*ret = v;
	return 0;
}

/* What may stand behind a key, and behind its answer. */
static int skip_attributes(struct nft_words *w)
{
	static const char *const first[] = {
		"timeout", "expires", "comment", "counter", "quota", "limit",
		"ct", "last",
	};
	size_t k = 0;

	if (w->a[0].kind == WORD_SIGN || w->a[0].kind == WORD_END)
		return 0;
	while (k < ARRAY_SIZE(first) && !nft_word_is(w, 0, first[k]))
		k++;
	if (k == ARRAY_SIZE(first))
		return NFT_OPAQUE;
	while (w->a[0].kind != WORD_END && !nft_sign_is(w, 0, ',') &&
	       !nft_sign_is(w, 0, '}') && !nft_sign_is(w, 0, ':'))
		nft_words_next(w);
	return 0;
}

static const struct {
	const char *word;
	enum foreign_verdict verdict;
} verdicts[] = {
	{ "accept", FOREIGN_ACCEPT }, { "drop", FOREIGN_DROP },
	{ "continue", FOREIGN_NONE }, { "return", FOREIGN_RETURN },
	{ "jump", FOREIGN_JUMP }, { "goto", FOREIGN_GOTO },
	{ "queue", FOREIGN_TARGET },
};

static int take_verdict(struct nft_words *w, struct foreign_outcome *ret)
{
	struct foreign_outcome o = { 0 };
	size_t k = 0;

	while (k < ARRAY_SIZE(verdicts) &&
	       !nft_word_is(w, 0, verdicts[k].word))
		k++;
	if (k == ARRAY_SIZE(verdicts))
		return NFT_OPAQUE;
	o.verdict = verdicts[k].verdict;
	nft_words_next(w);
	if (o.verdict == FOREIGN_JUMP || o.verdict == FOREIGN_GOTO) {
		if (!nft_word_is_name(w, 0))
			return NFT_OPAQUE;
		o.target = intern_n(w->a[0].s, w->a[0].n);
		nft_words_next(w);
	} else if (o.verdict == FOREIGN_TARGET) {
		o.target = intern("queue");
	} else {
		*ret = o;
		return 0;
	}
	if (!o.target)
		return -ENOMEM;
	*ret = o;
	return 0;
}

static bool is_address(const struct nft_words *w)
{
	return w->a[0].kind == WORD_ADDRESS;
}

static int take_place(struct nft_words *w, struct foreign_answer *a)
{
	bool v4 = is_address(w) && !memchr(w->a[0].s, ':', w->a[0].n);
	int err = nft_value(w, v4 ? TYPE_ADDR4 : TYPE_ADDR6, &a->address);

	a->family = v4 ? NFPROTO_IPV4 : NFPROTO_IPV6;
	return err;
}

/* An address, a port, or both: ADDR . PORT */
static int take_places(struct nft_words *w, struct foreign_answer *ret)
{
	struct foreign_answer a = { 0 };
	struct key_range v;
	int err = is_address(w) ? take_place(w, &a) : 0;

	if (!err && (!a.family || nft_words_accept_sign(w, '.'))) {
		err = nft_value(w, TYPE_PORT, &v);
		if (err)
			return err;
		a.port = (uint16_t)(v.first[0] << 8 | v.first[1]);
		a.last_port = (uint16_t)(v.last[0] << 8 | v.last[1]);
	}
	if (!err)
		*ret = a;
	return err;
}

/* The answer of a map, from behind its colon. */
static int take_answer(struct nft_words *w, const struct nft_elements *e,
		       struct nft_says *ret)
{
	if (e->has_verdicts)
		return take_verdict(w, &ret->verdict);
	if (e->has_answers)
		return take_places(w, &ret->answer);
	while (w->a[0].kind != WORD_END && !nft_sign_is(w, 0, ',') &&
	       !nft_sign_is(w, 0, '}'))
		nft_words_next(w);
	return 0;
}

static int take_key(struct nft_words *w, const struct nft_elements *e,
		    struct key_range *v)
{
	int err = 0;

	while (!e->n_types && w->a[0].kind != WORD_END &&
	       !nft_sign_is(w, 0, ':') && !nft_sign_is(w, 0, ',') &&
	       !nft_sign_is(w, 0, '}'))
		nft_words_next(w);
	for (size_t i = 0; !err && i < e->n_types; i++) {
		if (e->type[i] == TYPE_NO_FRAGMENT)
			continue;
		if (i && !nft_words_accept_sign(w, '.'))
			return NFT_OPAQUE;
		err = nft_value(w, e->type[i], &v[i]);
	}
	return err;
}

static int take_element(struct nft_words *w, struct nft_elements *e)
{
	struct key_range v[TERM_FIELDS_MAX] = { 0 };
	struct nft_says says = { 0 };
	bool is_rest = nft_words_accept_sign(w, '*');
	int err = is_rest ? 0 : take_key(w, e, v);

	if (!err)
		err = skip_attributes(w);
	if (!err && e->is_map && !nft_words_accept_sign(w, ':'))
		err = NFT_OPAQUE;
	if (!err && e->is_map)
		err = take_answer(w, e, &says);
	if (!err)
		err = skip_attributes(w);
	if (err)
		return err;
	if (!is_rest)
		return e->add(e->to, v, &says);
	e->has_rest = true;
	e->rest = says;
	return 0;
}

int nft_value_elements(struct nft_words *w, struct nft_elements *e)
{
	unsigned int depth = 1;
	int err = 0;

	while (!err && depth) {
		if (w->a[0].kind == WORD_END)
			return NFT_OPAQUE;
		if (nft_words_accept_sign(w, ',') ||
		    nft_words_accept_sign(w, ';'))
			continue;
		if (nft_words_accept_sign(w, '{'))
			err = depth++ < BRACES_MAX ? 0 : NFT_OPAQUE;
		else if (nft_words_accept_sign(w, '}'))
			depth--;
		else
			err = take_element(w, e);
	}
	return err;
}

int nft_value_rest(const struct nft_elements *e)
{
	struct key_range v[TERM_FIELDS_MAX] = { 0 };

	if (!e->has_rest)
		return 0;
	for (size_t i = 0; i < e->n_types; i++)
		memset(v[i].last, 0xff, nft_type_bytes(e->type[i]));
	return e->add(e->to, v, &e->rest);
}
