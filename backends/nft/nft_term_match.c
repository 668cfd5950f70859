/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/nft/nft_term_match.c: a comparison as a term. */
#include <string.h>

#include "backends/nft/nft_term.h"
#include "core/inet.h"
#include "core/intern.h"
#include "core/mem.h"

/* What a match compares: its key, how it is masked, and the operator. */
struct compare {
	struct nft_key key;
	struct term t;
	enum nft_type type;		/* of the first field */
	char op;			/* 0: none is written */
	enum { RIGHT_SET, RIGHT_VERDICTS, RIGHT_DATA, RIGHT_ANSWERS } right;
};

bool nft_needs_entry(const char *name)
{
	return !strncmp(name, "ct ", 3) && strcmp(name, "ct count") != 0;
}

/* Is there an entry? What has none has no mark of it either. */
static int require_entry(struct nft_reader *r)
{
	struct term t = { .n_fields = 1, .field = { FIELD_CTMARK } };
	struct key_range any = { 0 };
	int err;

	memset(any.last, 0xff, packet_field_bytes(FIELD_CTMARK));
	err = foreign_begin_set(r->f, NULL, 1, false, &t.set);
	if (!err)
		err = foreign_add_key(r->f, &any, NULL);
	return err ? err : foreign_add_term(r->f, &t);
}

int nft_term_opaque(struct nft_reader *r, const char *name)
{
	struct term t = { .kind = TERM_OPAQUE, .name = intern(name) };
	int err = t.name ? 0 : -ENOMEM;

	if (!err && nft_needs_entry(name))
		err = require_entry(r);
	return err ? err : foreign_add_term(r->f, &t);
}

static int add_to_model(void *to, const struct key_range *v,
			const struct nft_says *says)
{
	const struct foreign *f = to;
	bool verdicts = f->sets[f->n_sets - 1].outcome != FOREIGN_NOWHERE;

	return foreign_add_key(to, v, verdicts ? &says->verdict : NULL);
}

static int add_answer_to_model(void *to, const struct key_range *v,
			       const struct nft_says *says)
{
	int err = foreign_add_key(to, v, NULL);

	return err ? err : foreign_add_answer(to, &says->answer);
}

static bool is_equal_op(char op)
{
	return !op || op == SIGN_EQ || op == SIGN_NE;
}

/* Begin the set that the match itself spells. */
static int begin_set(struct nft_words *w, struct compare *m, bool is_map)
{
	return foreign_begin_set(w->r->f, NULL, m->key.n, is_map, &m->t.set);
}

static int add_range(struct nft_words *w, const struct key_range *v)
{
	return foreign_add_key(w->r->f, v, NULL);
}

static int add_number(struct nft_words *w, const struct compare *m, uint32_t n)
{
	struct key_range v = { 0 };

	nft_value_put(m->type, n, v.first);
	nft_value_put(m->type, n, v.last);
	return add_range(w, &v);
}

static void set_mask(struct compare *m, uint32_t bits)
{
	m->t.masked = true;
	nft_value_put(m->type, bits, m->t.mask);
}

/* One state at a time: of a list, one set; as a bit of the flags, a mask. */
static int any_flag(struct nft_words *w, struct compare *m, uint32_t bits)
{
	int err = 0;

	if (m->type != TYPE_STATE) {
		set_mask(m, bits);
		m->t.negated = m->op != '!';
		return add_number(w, m, 0);
	}
	m->t.negated = m->op == '!';
	for (uint32_t bit = 1; !err && bit; bit <<= 1)
		if (bits & bit)
			err = add_number(w, m, bit);
	return err;
}

/* tcp flags syn,ack; == syn; ! syn; syn / syn,ack; & (syn|ack) == syn */
static int compare_flags(struct nft_words *w, struct compare *m)
{
	uint32_t bits = 0, mask = 0;
	int err = nft_value_flags(w, m->type, true, &bits);

	if (!err && nft_words_accept_sign(w, '/')) {
		err = m->t.masked || !is_equal_op(m->op) ?
			      NFT_OPAQUE :
			      nft_value_flags(w, m->type, true, &mask);
		if (!err)
			set_mask(m, mask);
	}
	if (err)
		return err;
	if ((!m->op && !m->t.masked) || (m->op == '!' && !m->t.masked))
		return any_flag(w, m, bits);
	m->t.negated = m->op == SIGN_NE;
	return is_equal_op(m->op) ? add_number(w, m, bits) : NFT_OPAQUE;
}

/* `< v` and the like: one range, or none. */
static int compare_order(struct nft_words *w, struct compare *m,
			 struct key_range *v)
{
	size_t n = nft_type_bytes(m->type);
	uint8_t at[TERM_KEY_MAX] = { 0 };
	bool some = true;

	if (memcmp(v->first, v->last, sizeof(v->first)))
		return NFT_OPAQUE;
	memcpy(at, v->first, n);
	memset(v->first, 0, n);
	memset(v->last, 0xff, n);
	if (m->op == '<')
		some = key_previous(at, n, v->last);
	else if (m->op == SIGN_LE)
		memcpy(v->last, at, n);
	else if (m->op == '>')
		some = key_next(at, n, v->first);
	else if (m->op == SIGN_GE)
		memcpy(v->first, at, n);
	else
		return NFT_OPAQUE;
	return some ? add_range(w, v) : 0;
}

static int compare_value(struct nft_words *w, struct compare *m)
{
	struct key_range v[TERM_FIELDS_MAX] = { 0 };
	int err = 0;

	if (m->key.n == 1 && nft_type_has_flags(m->type))
		return compare_flags(w, m);
	for (size_t i = 0; !err && i < m->key.n; i++) {
		if (m->key.type[i] == TYPE_NO_FRAGMENT)
			continue;
		if (i && !nft_words_accept_sign(w, '.'))
			return NFT_OPAQUE;
		err = nft_value(w, m->key.type[i], &v[i]);
	}
	if (err || nft_sign_is(w, 0, ',') || nft_sign_is(w, 0, '|'))
		return err ? err : NFT_OPAQUE;
	if (!is_equal_op(m->op))
		return m->key.n > 1 || m->type == TYPE_ETHERTYPE ||
				       m->type == TYPE_NEXTHDR ||
				       m->type == TYPE_IFNAME ||
				       m->type == TYPE_IFINDEX ?
			       NFT_OPAQUE :
			       compare_order(w, m, v);
	m->t.negated = m->op == SIGN_NE;
	return foreign_add_key(w->r->f, v, NULL);
}

static int take_elements(struct nft_words *w, struct compare *m)
{
	struct nft_elements e = {
		.type = m->key.type, .n_types = m->key.n,
		.is_map = m->right != RIGHT_SET,
		.has_verdicts = m->right == RIGHT_VERDICTS,
		.has_answers = m->right == RIGHT_ANSWERS,
		.add = m->right == RIGHT_ANSWERS ? add_answer_to_model :
						   add_to_model,
		.to = w->r->f,
	};
	int err = nft_value_elements(w, &e);

	return err ? err : nft_value_rest(&e);
}

/* A set that was begun and cannot be finished. */
static void drop_set(struct foreign *f, uint32_t set)
{
	const struct key_set *s = &f->sets[set];

	f->n_ranges = s->first;
	if (s->outcome != FOREIGN_NOWHERE)
		f->n_outcomes = s->outcome;
	if (s->answer != FOREIGN_NOWHERE)
		f->n_answers = s->answer;
	f->n_sets = set;
}

/* { ... }, @name or a value, as the term's set. */
static int take_right(struct nft_words *w, struct compare *m)
{
	int err;

	if (nft_words_accept_sign(w, '@')) {
		if (!nft_word_is_name(w, 0) || !is_equal_op(m->op))
			return NFT_OPAQUE;
		err = nft_set_named(w->r, &w->a[0], &m->key, &m->t.set);
		nft_words_next(w);
		m->t.negated = m->op == SIGN_NE;
		return err;
	}
	err = begin_set(w, m, m->right == RIGHT_VERDICTS);
	if (err)
		return err;
	if (nft_words_accept_sign(w, '{')) {
		m->t.negated = m->op == SIGN_NE;
		err = is_equal_op(m->op) ? take_elements(w, m) : NFT_OPAQUE;
	} else {
		err = m->right != RIGHT_SET ? NFT_OPAQUE : compare_value(w, m);
	}
	if (err > 0)
		drop_set(w->r->f, m->t.set);
	return err ? err : nft_set_share(w->r, &m->t.set);
}

static bool all_have_ports(const struct foreign *f, const struct key_set *s,
			   size_t field)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct key_range *v =
			&f->ranges[s->first + i * s->n_fields + field];

		for (unsigned int p = v->first[0]; p <= v->last[0]; p++)
			if (!protocol_has_ports((uint8_t)p))
				return false;
	}
	return s->n > 0;
}

/*
 * `th` reads what stands where ports would: with protocols that have none it
 * is not a port that is compared.
 */
static bool is_port(struct nft_words *w, const struct compare *m)
{
	const struct key_set *s = &w->r->f->sets[m->t.set];

	if (!m->key.any_transport || w->r->terms->has_ports)
		return true;
	if (m->t.negated)
		return false;
	for (size_t i = 0; i < m->key.n; i++)
		if (m->key.field[i] == FIELD_L4PROTO)
			return s->name || all_have_ports(w->r->f, s, i);
	return false;
}

/* What the rest of the rule may rely on, as nft does. */
static void learn(struct nft_words *w, const struct compare *m)
{
	const struct key_set *s = &w->r->f->sets[m->t.set];
	struct nft_terms *t = w->r->terms;
	const struct key_range *v;

	if (m->t.negated || m->t.masked || s->name || !s->n ||
	    (m->key.n != 1 && m->type != TYPE_NEXTHDR) || m->key.n > 2)
		return;
	v = &w->r->f->ranges[s->first];
	if (m->key.field[0] == FIELD_L4PROTO) {
		t->has_ports |= all_have_ports(w->r->f, s, 0);
		if (s->n == 1 && v->first[0] == v->last[0])
			t->l4proto = v->first[0];
	} else if (m->key.field[0] == FIELD_NFPROTO && s->n == 1 &&
		   v->first[0] == v->last[0]) {
		t->nfproto = v->first[0];
	}
}

static int add_match(struct nft_words *w, struct compare *m)
{
	if (!is_port(w, m))
		return NFT_OPAQUE;
	m->t.n_fields = m->key.n;
	memcpy(m->t.field, m->key.field, sizeof(m->t.field));
	m->t.family = m->key.family;
	if (m->t.kind == TERM_MATCH)
		learn(w, m);
	return foreign_add_term(w->r->f, &m->t);
}

/* ip frag-off & 0x1fff != 0; frag frag-off != 0: is it the first? */
static int match_fragment(struct nft_words *w, struct compare *m)
{
	uint8_t v[TERM_KEY_MAX];
	bool masked = m->type == TYPE_FRAG_OFF6;
	int err;

	if (m->key.n > 1)
		return NFT_OPAQUE;
	if (m->type == TYPE_FRAG_OFF && nft_words_accept_sign(w, '&')) {
		err = nft_type_value(w->r, TYPE_PORT, &w->a[0], v);
		if (err)
			return err;
		masked = v[0] == 0x1f && v[1] == 0xff;
		nft_words_next(w);
	}
	if (!masked || w->a[0].kind != WORD_SIGN)
		return NFT_OPAQUE;
	m->op = w->a[0].sign;
	nft_words_next(w);
	err = nft_type_value(w->r, TYPE_PORT, &w->a[0], v);
	nft_words_next(w);
	/* without IPv6's header of fragments there is nothing to compare */
	if (err || v[0] || v[1] || !is_equal_op(m->op) ||
	    (m->op == SIGN_EQ && m->type == TYPE_FRAG_OFF6))
		return err < 0 ? err : NFT_OPAQUE;
	err = begin_set(w, m, false);
	if (!err)
		err = add_number(w, m, m->op == SIGN_NE);
	if (!err)
		err = nft_set_share(w->r, &m->t.set);
	return err ? err : add_match(w, m);
}

/* KEY & MASK; nft takes no other arithmetic that compares as plainly. */
static int take_mask(struct nft_words *w, struct compare *m)
{
	uint32_t bits = 0;
	int err;

	if (m->key.n > 1 || m->type == TYPE_ETHERTYPE ||
	    m->type == TYPE_IFNAME || m->type == TYPE_IFINDEX)
		return NFT_OPAQUE;
	if (nft_type_has_flags(m->type) && nft_sign_is(w, 0, '(')) {
		err = nft_value_flags(w, m->type, false, &bits);
		if (!err)
			set_mask(m, bits);
		return err;
	}
	err = nft_type_value(w->r, m->type, &w->a[0], m->t.mask);
	if (!err)
		nft_words_next(w);
	m->t.masked = !err;
	return err;
}

static void take_op(struct nft_words *w, struct compare *m)
{
	if (w->a[0].kind != WORD_SIGN || !w->a[0].sign ||
	    !strchr("EN<>LG!", w->a[0].sign))
		return;
	m->op = w->a[0].sign;
	nft_words_next(w);
}

static int match_rest(struct nft_words *w, struct compare *m)
{
	int err = 0;

	m->type = m->key.type[0];
	for (size_t i = 0; i < m->key.n; i++)
		if (m->key.type[i] == TYPE_FRAG_OFF ||
		    m->key.type[i] == TYPE_FRAG_OFF6)
			return match_fragment(w, m);
	if (nft_words_accept_sign(w, '&'))
		err = take_mask(w, m);
	if (err)
		return err;
	take_op(w, m);
	if (!m->op && nft_words_accept(w, "vmap")) {
		m->t.kind = TERM_VMAP;
		m->right = RIGHT_VERDICTS;
		err = take_right(w, m);
	} else if (!nft_sign_is(w, 0, '&') && !nft_sign_is(w, 0, '^')) {
		err = take_right(w, m);
	} else {
		err = NFT_OPAQUE;
	}
	return err ? err : add_match(w, m);
}

int nft_term_map(struct nft_words *w, const struct nft_key *key, bool answers)
{
	struct compare m = { .key = *key, .type = key->type[0],
			     .right = answers ? RIGHT_ANSWERS : RIGHT_DATA };
	int err = nft_key_imply(w->r, key);

	if (!err)
		err = take_right(w, &m);
	if (!err)
		err = add_match(w, &m);
	return err > 0 ? nft_term_opaque(w->r, "map") : err;
}

int nft_term_match(struct nft_words *w)
{
	const char *from = w->a[0].s;
	struct compare m = { 0 };
	int err = nft_key_read(w, &m.key), more;

	if (err >= 0) {
		more = nft_key_imply(w->r, &m.key);
		err = more ? more : err;
	}
	if (!err)
		err = match_rest(w, &m);
	if (err <= 0)
		return err;
	if (w->a[0].s == from)
		nft_key_skip(w);
	err = nft_term_opaque(w->r, m.key.name);
	if (!err)
		nft_terms_skip(w);
	return err;
}

int nft_term_present(struct nft_words *w, const struct nft_key *key)
{
	struct compare m = { .key = *key, .type = key->type[0] };
	struct key_range v[TERM_FIELDS_MAX] = { 0 };
	int err = nft_key_imply(w->r, key);

	for (size_t i = 0; i < key->n; i++)
		memset(v[i].last, 0xff, nft_type_bytes(key->type[i]));
	if (!err)
		err = begin_set(w, &m, false);
	if (!err)
		err = add_range(w, v);
	if (!err)
		err = nft_set_share(w->r, &m.t.set);
	return err ? err : add_match(w, &m);
}
