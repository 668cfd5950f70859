/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/nft/nft_parse_set.c: a set's block and lists of elements. */
#include <arpa/inet.h>
#include <string.h>

#include "backends/nft/nft_parse.h"
#include "core/mem.h"

/* type inet_service . ipv4_addr */
static int parse_type(struct nft_parser *p, struct image_set *s)
{
	enum field_type field[ELEMS_MAX_FIELDS];
	const char *name = "";
	size_t n = 0;
	int err = 0;

	do {
		struct nft_tok at = p->tok;

		err = nft_expect_name(p, "a type", &name);
		if (!err && (n == ELEMS_MAX_FIELDS ||
			     nft_field_by_name(name, &field[n++])))
			err = nft_parse_error(p, &at, "type %s is not of a set "
					      "that ctpolicy makes", name);
	} while (!err && nft_accept(p, "."));
	if (err)
		return err;
	elems_release(&s->elems);
	elems_init(&s->elems, field, n);
	s->family = nft_fields_family(&s->elems);
	return 0;
}

static void parse_flags(struct nft_parser *p, struct image_set *s)
{
	do {
		if (nft_accept(p, "interval")) {
			s->interval = true;
		} else if (nft_accept(p, "dynamic")) {
			nft_set_mark_timed(s);
		} else if (!s->interval && nft_accept(p, "timeout")) {
			s->hashed = !nft_set_is_timed(s);
		} else {
			image_set_mark_unknown(s);
			nft_next(p);
		}
	} while (nft_accept_kind(p, TOK_COMMA));
}

/* size 131072 */
static int parse_size(struct nft_parser *p, struct image_set *s)
{
	char word[16], *end = word;
	unsigned long v = 0;

	if (p->tok.kind == TOK_WORD &&
	    nft_tok_copy(&p->tok, word, sizeof(word)) && word[0] != '-')
		v = strtoul(word, &end, 10);
	if (end == word || *end || !v || v > UINT32_MAX)
		return nft_parse_error(p, &p->tok, "a number expected");
	s->size = (uint32_t)v;
	nft_next(p);
	return 0;
}

static int read_port(const char *s, uint8_t *first, uint8_t *last)
{
	struct port_range r;
	int err = port_range_parse(s, &r);

	if (err)
		return err;
	first[0] = (uint8_t)(r.first >> 8);
	first[1] = (uint8_t)r.first;
	last[0] = (uint8_t)(r.last >> 8);
	last[1] = (uint8_t)r.last;
	return 0;
}

static int read_addr(char *s, int af, uint8_t *first, uint8_t *last)
{
	size_t n = addr_bytes(af);
	char *dash = strchr(s, '-');
	struct prefix p;
	uint8_t end[16];

	if (dash) {
		*dash = '\0';
		return inet_pton(af, s, first) == 1 &&
		       inet_pton(af, dash + 1, last) == 1 &&
		       memcmp(first, last, n) <= 0 ? 0 : -EINVAL;
	}
	if (prefix_parse(s, &p) || p.family != af)
		return -EINVAL;
	prefix_last(&p, end);
	memcpy(first, p.addr, n);
	memcpy(last, end, n);
	return 0;
}

static int read_ifname(const char *s, uint8_t *first, uint8_t *last)
{
	struct iface f;

	if (iface_parse(s, &f) || f.wild)
		return -EINVAL;
	memcpy(first, f.name, sizeof(f.name));
	memcpy(last, f.name, sizeof(f.name));
	return 0;
}

static int read_type(const char *s, uint8_t *first, uint8_t *last)
{
	static const char *const name[] = {
		"unspec", "unicast", "local", "broadcast", "anycast",
		"multicast", "blackhole", "unreachable", "prohibit",
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(name); i++)
		if (!strcmp(name[i], s)) {
			memset(first, 0, 4);
			first[3] = (uint8_t)i;
			memcpy(last, first, 4);
			return 0;
		}
	return -EINVAL;
}

static int read_field(enum field_type t, char *s, uint8_t *first, uint8_t *last)
{
	switch (t) {
	case FIELD_PORT:
		return read_port(s, first, last);
	case FIELD_ADDR4:
		return read_addr(s, AF_INET, first, last);
	case FIELD_ADDR6:
		return read_addr(s, AF_INET6, first, last);
	case FIELD_IFNAME:
		return read_ifname(s, first, last);
	case FIELD_ADDRTYPE:
		return read_type(s, first, last);
	case FIELD_TYPE_MAX_:
		break;
	}
	return -EINVAL;
}

static int parse_field(struct nft_parser *p, enum field_type t, uint8_t *first,
		       uint8_t *last)
{
	struct nft_tok at = p->tok;
	char buf[2 * INET6_ADDRSTRLEN + 2];

	if ((at.kind != TOK_WORD && at.kind != TOK_STRING) ||
	    !nft_tok_copy(&at, buf, sizeof(buf)) ||
	    read_field(t, buf, first, last))
		return nft_parse_error(p, &at, "a value of type %s expected",
				       nft_field(t)->name);
	nft_next(p);
	return 0;
}

/* comment "web" */
static int parse_comment(struct nft_parser *p, const struct origin **ret)
{
	char buf[COMMENT_MAX + 1];

	*ret = NULL;
	if (!nft_accept(p, "comment"))
		return 0;
	if (p->tok.kind != TOK_STRING ||
	    !nft_tok_copy(&p->tok, buf, sizeof(buf)))
		return nft_parse_error(p, &p->tok, "a comment of up to %d "
				       "bytes in quotes expected", COMMENT_MAX);
	*ret = image_origin(p->img, buf);
	nft_next(p);
	return *ret ? 0 : -ENOMEM;
}

static int parse_element(struct nft_parser *p, struct image_set *s)
{
	struct elems *e = &s->elems;
	uint8_t first[64] = { 0 }, last[64] = { 0 };
	const struct origin *o;
	struct nft_tok at = p->tok;
	size_t off = 0;
	int err = 0;

	for (unsigned int i = 0; !err && i < e->n_fields; i++) {
		if (i && !nft_accept(p, "."))
			return nft_parse_error(p, &p->tok, "'.' expected");
		err = parse_field(p, e->field[i], first + off, last + off);
		off += field_width(e->field[i]);
	}
	if (!err)
		err = parse_comment(p, &o);
	if (!err && !s->interval && memcmp(first, last, e->width))
		err = nft_parse_error(p, &at, "a range in set %s, which has "
				      "no 'flags interval'", s->name);
	return err ? err : elems_add(e, first, last, o);
}

static void skip_eols(struct nft_parser *p)
{
	while (nft_accept_kind(p, TOK_EOL))
		;
}

int nft_parse_elements(struct nft_parser *p, struct image_set *s)
{
	int err = nft_expect_kind(p, TOK_OPEN, "'{'");

	if (!err && !s->elems.n_fields)
		err = nft_parse_error(p, &p->tok, "the type of set %s is not "
				      "known here", s->name);
	if (err)
		return err;
	skip_eols(p);
	while (p->tok.kind != TOK_CLOSE) {
		err = parse_element(p, s);
		if (err)
			return err;
		skip_eols(p);
		if (!nft_accept_kind(p, TOK_COMMA))
			break;
		skip_eols(p);
	}
	return nft_expect_kind(p, TOK_CLOSE, "',' or '}'");
}

static int parse_line(struct nft_parser *p, struct image_set *s)
{
	if (nft_accept(p, "type"))
		return parse_type(p, s);
	if (nft_accept(p, "size"))
		return parse_size(p, s);
	if (nft_accept(p, "flags")) {
		parse_flags(p, s);
		return 0;
	}
	if (nft_accept(p, "elements")) {
		if (!nft_accept(p, "="))
			return nft_parse_error(p, &p->tok, "'=' expected");
		return nft_parse_elements(p, s);
	}
	if (nft_set_is_timed(s) && nft_accept(p, "timeout")) {
		if (!nft_accept(p, "3m"))
			image_set_mark_unknown(s);
		return nft_skip_statement(p);
	}
	/* timeouts, counters: not a set that ctpolicy makes */
	image_set_mark_unknown(s);
	return nft_skip_statement(p);
}

int nft_parse_set(struct nft_parser *p, struct image_table *t, const char *name)
{
	struct image_set *s = image_find_set(t, name);
	int err = 0;

	if (!s)
		s = image_add_set(t, name);
	if (!s)
		return -ENOMEM;
	for (;;) {
		skip_eols(p);
		if (p->tok.kind == TOK_CLOSE || p->tok.kind == TOK_END)
			break;
		err = parse_line(p, s);
		if (err)
			return err;
	}
	return nft_expect_kind(p, TOK_CLOSE, "'}'");
}
