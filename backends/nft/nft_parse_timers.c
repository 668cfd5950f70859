/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_parse_timers.c: the block of a `ct timeout`, as render
 * prints it and as `nft list` does, which gives times units: "2m30s".
 */
#include <stdlib.h>
#include <string.h>

#include "backends/nft/nft_parse.h"
#include "core/mem.h"

struct block {
	uint8_t family;			/* AF_* */
	struct timers t;
	bool strange;			/* what ctpolicy never writes */
};

/* "150", "150s", "2m30s" */
static bool read_time(const char *s, uint32_t *ret)
{
	static const struct {
		char unit;
		uint32_t seconds;
	} units[] = { { 'd', 86400 }, { 'h', 3600 }, { 'm', 60 }, { 's', 1 } };
	uint64_t sum = 0;

	for (size_t u = 0; *s; u++) {
		char *end;
		unsigned long v = strtoul(s, &end, 10);

		if (*s < '0' || *s > '9' || v > UINT32_MAX)
			return false;
		while (*end && u < ARRAY_SIZE(units) && units[u].unit != *end)
			u++;
		if (*end && u == ARRAY_SIZE(units))
			return false;
		sum += v * (*end ? units[u].seconds : 1);
		s = *end ? end + 1 : end;
	}
	*ret = (uint32_t)sum;
	return sum && sum <= UINT32_MAX;
}

/* unreplied : 2 */
static int parse_timer(struct nft_parser *p, struct block *b)
{
	struct nft_tok key = p->tok;
	char word[32], value[32];
	uint8_t number[TIMERS_MAX];

	nft_next(p);
	if (!nft_tok_copy(&key, word, sizeof(word)) || !nft_accept(p, ":") ||
	    !nft_tok_copy(&p->tok, value, sizeof(value)))
		return nft_parse_error(p, &p->tok, "'STATE : TIME' expected");
	if (timers_find(b->t.proto, word, number) != 1 ||
	    !read_time(value, &b->t.v[number[0]]))
		b->strange = true;
	nft_next(p);
	return 0;
}

/* policy = { unreplied : 2, replied : 3 } */
static int parse_policy(struct nft_parser *p, struct block *b)
{
	int err = nft_accept(p, "=") ? 0 :
		  nft_parse_error(p, &p->tok, "'=' expected");

	if (!err)
		err = nft_expect_kind(p, TOK_OPEN, "'{'");
	while (!err && p->tok.kind == TOK_WORD) {
		err = parse_timer(p, b);
		if (!nft_accept_kind(p, TOK_COMMA))
			break;
	}
	return err ? err : nft_expect_kind(p, TOK_CLOSE, "'}'");
}

static void parse_protocol(struct nft_parser *p, struct block *b)
{
	char word[16];
	int number = nft_tok_copy(&p->tok, word, sizeof(word)) ?
			     protocol_number(word) : -1;

	if (number > 0 && timers_known((uint8_t)number))
		b->t.proto = (uint8_t)number;
	else
		b->strange = true;
	nft_next(p);
}

static int parse_line(struct nft_parser *p, struct block *b)
{
	uint8_t family = 0;

	if (nft_accept(p, "protocol")) {
		parse_protocol(p, b);
		return 0;
	}
	if (nft_accept(p, "policy"))
		return parse_policy(p, b);
	if (!nft_accept(p, "l3proto"))
		return nft_parse_error(p, &p->tok, "protocol, l3proto or policy expected");
	if (!nft_accept_family(p, &family))
		return nft_parse_error(p, &p->tok, "a family expected");
	b->family = nft_table_af(family);
	return 0;
}

int nft_parse_timers(struct nft_parser *p, struct image_table *t,
		     const char *name)
{
	struct block b = { 0 };
	struct image_set *s;
	int err = 0;

	while (!err && p->tok.kind != TOK_CLOSE && p->tok.kind != TOK_END)
		if (!nft_accept_kind(p, TOK_EOL))
			err = parse_line(p, &b);
	if (!err)
		err = nft_expect_kind(p, TOK_CLOSE, "'}'");
	if (err)
		return err;
	s = timers_set(t, name);
	if (!s)
		return -ENOMEM;
	return nft_take_timers(s, b.family, b.t.proto && b.family &&
			       !b.strange ? &b.t : NULL);
}
