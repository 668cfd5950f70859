/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/nft/nft_live_nat.c: what a rule translates to. */
#include <string.h>

#include "backends/nft/nft_live.h"
#include "core/mem.h"

/* iptables-nft says of the same that it translates. */
static uint64_t nat_feature(const struct live_rule *r)
{
	return r->compat ? FEATURE_BIT(NAT_VERDICT) : FEATURE_BIT(NAT);
}

/* Bytes that the rule itself put there. */
static bool is_constant(const struct live_rule *r, const struct nlattr *reg,
			unsigned int len, uint8_t *ret)
{
	unsigned int at = reg ? nft_live_at(nft_attr_u32(reg)) : LIVE_BYTES;

	if (!nft_live_fits(at, len))
		return false;
	for (unsigned int i = 0; i < len; i++) {
		if (r->byte[at + i].load != LIVE_CONST)
			return false;
		ret[i] = r->byte[at + i].flip;
	}
	return true;
}

static void say_port(const struct live_rule *r, const struct nlattr *reg,
		     struct strbuf *out)
{
	uint8_t v[2];

	if (is_constant(r, reg, sizeof(v), v))
		nft_live_say_value(LIVE_PORT, v, sizeof(v), out);
	else
		strbuf_puts(out, "[port]");
}

static bool same_register(const struct nlattr *a, const struct nlattr *b)
{
	return nft_attr_u32(a) == nft_attr_u32(b);
}

/* Registers with the first and the last of what is translated to. */
struct live_move {
	const struct nlattr *addr, *last_addr, *port, *last_port;
	bool v6;
};

/* Is it at that place of the map's answer? */
static bool is_answer(const struct live_rule *r, const struct nlattr *reg,
		      unsigned int place)
{
	unsigned int at = reg ? nft_live_at(nft_attr_u32(reg)) : LIVE_BYTES;

	return r->map && at < LIVE_BYTES && r->byte[at].load == LIVE_ANSWER &&
	       r->byte[at].at == place;
}

/* The last one is where the map has it, and the first where it has none. */
static bool ends_as(const struct live_rule *r, const struct nlattr *first,
		    const struct nlattr *last, const struct live_layout *l,
		    unsigned int place)
{
	if (!first || !is_answer(r, first, place))
		return false;
	if (!l->last)
		return !last || same_register(first, last);
	return last && is_answer(r, last, l->last + place);
}

static bool is_by_map(const struct live_rule *r, const struct live_move *m)
{
	struct live_layout l = { 0 };

	if (r->map)
		l = nft_live_layout(r->map);
	if ((!l.family && !l.has_port) ||
	    (l.family && l.family != (m->v6 ? NFPROTO_IPV6 : NFPROTO_IPV4)))
		return false;
	if (l.family ? !ends_as(r, m->addr, m->last_addr, &l, 0) :
		       m->addr != NULL)
		return false;
	return !l.has_port ||
	       ends_as(r, m->port, m->last_port, &l, l.port);
}

/* The words of the map go behind those of what it is for. */
static void take_map_words(struct live_rule *r, struct strbuf *out)
{
	const char *words = strbuf_str(&r->text) + r->map_said;

	strbuf_puts(out, words + (*words == ' '));
	if (r->text.lost)
		return;
	r->text.n = r->map_said;
	r->text.s[r->text.n] = '\0';
}

static void say_address(const struct live_rule *r, const struct nlattr *reg,
			bool v6, struct strbuf *out)
{
	uint8_t v[16];

	if (is_constant(r, reg, v6 ? 16 : 4, v))
		nft_live_say_value(LIVE_ADDR, v, v6 ? 16 : 4, out);
	else
		strbuf_puts(out, "[address]");
}

/* [2001:db8::1]-[2001:db8::9], with brackets where ports are behind */
static void say_addresses(const struct live_rule *r, const struct live_move *m,
			  bool brackets, struct strbuf *out)
{
	const char *open = brackets ? "[" : "", *close = brackets ? "]" : "";

	strbuf_puts(out, open);
	say_address(r, m->addr, m->v6, out);
	if (m->last_addr && !same_register(m->addr, m->last_addr)) {
		strbuf_printf(out, "%s-%s", close, open);
		say_address(r, m->last_addr, m->v6, out);
	}
	strbuf_puts(out, close);
}

static void say_target(struct live_rule *r, const struct live_move *m,
		       struct strbuf *out)
{
	if (is_by_map(r, m))
		take_map_words(r, out);
	else if (m->addr)
		say_addresses(r, m, m->v6 && m->port, out);
}

static void say_ports(const struct live_rule *r, const struct live_move *m,
		      struct strbuf *out)
{
	strbuf_puts(out, ":");
	say_port(r, m->port, out);
	if (!m->last_port || same_register(m->port, m->last_port))
		return;
	strbuf_puts(out, "-");
	say_port(r, m->last_port, out);
}

/* snat to 192.0.2.1:80; dnat to tcp dport map { 80 : 192.0.2.1 . 8080 } */
static int say_nat(struct live_rule *r, const char *word,
		   const struct live_move *m)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	bool maps_port = is_by_map(r, m) && nft_live_layout(r->map).has_port;

	if (m->addr || m->port)
		strbuf_puts(&b, m->addr || !maps_port ? " to " : " to :");
	say_target(r, m, &b);
	if (m->port && !maps_port)
		say_ports(r, m, &b);
	nft_live_say(r, "%s%s", word, strbuf_text(&b, &r->text.lost));
	return nft_live_set_verdict(r, FOREIGN_TARGET, word, nat_feature(r));
}

/* False: it is not in the rule itself. */
static bool get_port(const struct live_rule *r, const struct nlattr *reg,
		     uint16_t *ret)
{
	uint8_t v[2];

	if (!is_constant(r, reg, sizeof(v), v))
		return false;
	*ret = (uint16_t)(v[0] << 8 | v[1]);
	return true;
}

static bool get_move(const struct live_rule *r, const struct live_move *m,
		     struct term *t, struct key_range *v)
{
	unsigned int width = m->v6 ? 16 : 4;

	if (m->port &&
	    (!get_port(r, m->port, &t->port) ||
	     !get_port(r, m->last_port ? m->last_port : m->port,
		       &t->last_port)))
		return false;
	if (!m->addr)
		return true;
	t->n_fields = 1;
	t->family = m->v6 ? NFPROTO_IPV6 : NFPROTO_IPV4;
	t->field[0] = FIELD_DADDR;
	return is_constant(r, m->addr, width, v->first) &&
	       is_constant(r, m->last_addr ? m->last_addr : m->addr, width,
			   v->last);
}

/* What the map is asked for has a term of its own, or may be anything. */
static int put_by_map(struct live_rule *r, const struct live_move *m,
		      struct term *t)
{
	if (!nft_live_has_answers(r->map))
		return 1;
	*t = (struct term){ .kind = TERM_MOVE, .by_map = true,
			    .set = r->map_key };
	if (!nft_live_layout(r->map).has_port && m->port &&
	    (!get_port(r, m->port, &t->port) ||
	     !get_port(r, m->last_port ? m->last_port : m->port,
		       &t->last_port)))
		return 1;
	return t->set != FOREIGN_NOWHERE ?
		       0 : nft_live_any_answer(r, r->map, &t->set);
}

static int put_move(struct live_rule *r, const struct live_move *m)
{
	struct term t = { .kind = TERM_MOVE };
	struct key_range v = { 0 };
	int err = 0;

	if (!r->f->wants_terms || (!m->addr && !m->port))
		return 0;
	if (is_by_map(r, m))
		err = put_by_map(r, m, &t);
	else if (!get_move(r, m, &t, &v))
		err = 1;
	if (err < 0)
		return err;
	if (err)
		t = (struct term){ .kind = TERM_MOVE, .port = 1,
				   .last_port = UINT16_MAX };
	err = 0;
	if (t.n_fields) {
		err = foreign_begin_set(r->f, NULL, 1, false, &t.set);
		if (!err)
			err = foreign_add_key(r->f, &v, NULL);
	}
	return err ? err : foreign_add_term(r->f, &t);
}

static int translate(struct live_rule *r, const char *word,
		     const struct live_move *m)
{
	int err = say_nat(r, word, m);

	r->ended = true;
	return err ? err : put_move(r, m);
}

int nft_live_read_nat(struct live_rule *r, const struct nlattr *const *v)
{
	const struct live_move m = {
		v[NFTA_NAT_REG_ADDR_MIN], v[NFTA_NAT_REG_ADDR_MAX],
		v[NFTA_NAT_REG_PROTO_MIN], v[NFTA_NAT_REG_PROTO_MAX],
		nft_attr_u32(v[NFTA_NAT_FAMILY]) == NFPROTO_IPV6,
	};

	return translate(r, nft_attr_u32(v[NFTA_NAT_TYPE]) == NFT_NAT_SNAT ?
				    "snat" : "dnat", &m);
}

int nft_live_read_masq(struct live_rule *r, const struct nlattr *const *v)
{
	const struct live_move m = {
		.port = v[NFTA_MASQ_REG_PROTO_MIN],
		.last_port = v[NFTA_MASQ_REG_PROTO_MAX],
	};

	return translate(r, "masquerade", &m);
}

int nft_live_read_redir(struct live_rule *r, const struct nlattr *const *v)
{
	const struct live_move m = {
		.port = v[NFTA_REDIR_REG_PROTO_MIN],
		.last_port = v[NFTA_REDIR_REG_PROTO_MAX],
	};

	return translate(r, "redirect", &m);
}
