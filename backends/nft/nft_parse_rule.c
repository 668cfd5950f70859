/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_parse_rule.c: a rule's text as an image rule.
 *
 * All matches of a rule must hold, so their order has no meaning here. What
 * isn't of a form that nft_text_rule.c prints makes the rule unknown.
 */
#include <string.h>

#include "backends/nft/nft_compat.h"
#include "backends/nft/nft_native.h"
#include "backends/nft/nft_parse.h"
#include "core/intern.h"
#include "core/mem.h"

#define TOKENS_MAX 128
#define WORD_SIZE 64		/* of values; names may be longer */

struct words {
	const struct nft_tok *v;
	size_t n, at;
	const struct image_table *table;
	struct image_rule *rule;
	bool verdict, lost;
};

static bool take(struct words *w, const char *word)
{
	if (w->at == w->n || !nft_tok_is(&w->v[w->at], word))
		return false;
	w->at++;
	return true;
}

static bool take_text(struct words *w, char *buf, size_t size)
{
	const struct nft_tok *t = &w->v[w->at];

	if (w->at == w->n ||
	    (t->kind != TOK_WORD && t->kind != TOK_STRING) ||
	    !nft_tok_copy(t, buf, size))
		return false;
	w->at++;
	return true;
}

static bool take_name(struct words *w, const char **ret)
{
	const struct nft_tok *t = &w->v[w->at];

	if (w->at == w->n || t->n > NFT_NAME_LEN ||
	    (t->kind != TOK_WORD && t->kind != TOK_STRING))
		return false;
	*ret = nft_tok_intern(t);
	w->lost |= !*ret;
	w->at++;
	return true;
}

static bool set_byte(uint8_t *field, uint8_t value)
{
	if (*field && *field != value)
		return false;
	*field = value;
	return true;
}

static bool set_family(struct words *w, uint8_t af)
{
	return set_byte(&w->rule->match.family, af);
}

static bool set_proto(struct words *w, uint8_t proto)
{
	return set_byte(&w->rule->match.proto, proto);
}

/* tcp dport, ip saddr, iifname, fib daddr type */
static bool take_port_key(struct words *w, enum key_part *ret)
{
	/* 0: that of the chain (nft_split.h) */
	static const uint8_t proto[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP,
					 IPPROTO_UDPLITE, IPPROTO_DCCP, 0 };
	size_t start = w->at;

	for (size_t i = 0; i < ARRAY_SIZE(proto); i++) {
		if (!take(w, proto[i] ? protocol_name(proto[i]) : "th"))
			continue;
		*ret = KEY_DPORT;
		if (take(w, "dport"))
			return set_proto(w, proto[i]);
		*ret = KEY_SPORT;
		if (take(w, "sport"))
			return set_proto(w, proto[i]);
		w->at = start;
	}
	return false;
}

static bool take_addr_key(struct words *w, enum key_part *ret)
{
	size_t start = w->at;
	uint8_t af = take(w, "ip") ? AF_INET : take(w, "ip6") ? AF_INET6 : 0;

	*ret = KEY_SADDR;
	if (af && take(w, "saddr"))
		return set_family(w, af);
	*ret = KEY_DADDR;
	if (af && take(w, "daddr"))
		return set_family(w, af);
	w->at = start;
	return false;
}

static bool take_key(struct words *w, enum key_part *ret)
{
	*ret = KEY_IIFNAME;
	if (take(w, "iifname"))
		return true;
	*ret = KEY_OIFNAME;
	if (take(w, "oifname"))
		return true;
	*ret = KEY_DADDRTYPE;
	if (take(w, "fib"))
		return take(w, "daddr") && take(w, "type");
	return take_port_key(w, ret) || take_addr_key(w, ret);
}

static bool take_iface(struct words *w, struct iface_set *s)
{
	char buf[WORD_SIZE];
	struct iface f;

	if (s->n || !take_text(w, buf, sizeof(buf)) || iface_parse(buf, &f))
		return false;
	w->lost |= iface_set_add(s, &f) != 0;
	return true;
}

static bool take_ports(struct words *w, struct port_set *s)
{
	char buf[WORD_SIZE];
	struct port_range r;

	if (s->n || !take_text(w, buf, sizeof(buf)) ||
	    port_range_parse(buf, &r))
		return false;
	w->lost |= port_set_add(s, r) != 0;
	return true;
}

static bool take_dst(struct words *w)
{
	struct match *m = &w->rule->match;

	if (m->dst != DST_ANY || !take(w, "local"))
		return false;
	m->dst = DST_LOCAL;
	return true;
}

/* What a single key is compared with when it isn't a set. */
static bool take_value(struct words *w, enum key_part key)
{
	struct match *m = &w->rule->match;

	switch (key) {
	case KEY_IIFNAME:
		return take_iface(w, &m->iif);
	case KEY_OIFNAME:
		return take_iface(w, &m->oif);
	case KEY_SPORT:
		return take_ports(w, &m->sport);
	case KEY_DPORT:
		return take_ports(w, &m->dport);
	case KEY_DADDRTYPE:
		return take_dst(w);
	case KEY_SADDR:
	case KEY_DADDR:
	case KEY_PART_MAX_:
		break;
	}
	return false;
}

static bool take_set(struct words *w, struct lookup *l)
{
	const struct nft_tok *t = &w->v[w->at];

	if (w->rule->n_lookups == IMAGE_LOOKUPS_MAX || t->n < 2 ||
	    t->n - 1 > NFT_NAME_LEN)
		return false;
	l->set = intern_n(t->s + 1, strnlen(t->s + 1, t->n - 1));
	w->lost |= !l->set;
	w->at++;
	w->rule->lookup[w->rule->n_lookups++] = *l;
	return true;
}

static bool take_source(struct words *w)
{
	struct match *m = &w->rule->match;
	size_t start = w->at;

	if (!take(w, "fib"))
		return false;
	if (take(w, "saddr") && take(w, "type") && take(w, "local") &&
	    !m->src_local) {
		m->src_local = true;
		return true;
	}
	w->at = start;
	return false;
}

static bool take_keys(struct words *w)
{
	struct lookup l = { .n_parts = 0 };
	const struct nft_tok *next;

	do {
		if (l.n_parts == ELEMS_MAX_FIELDS ||
		    !take_key(w, &l.part[l.n_parts++]))
			return false;
	} while (take(w, "."));
	next = &w->v[w->at];
	if (w->at < w->n && next->kind == TOK_WORD && *next->s == '@')
		return take_set(w, &l);
	return l.n_parts == 1 && take_value(w, l.part[0]);
}

static bool take_l4proto(struct words *w)
{
	struct match *m = &w->rule->match;
	char buf[WORD_SIZE];
	int proto;

	if (take(w, "!=")) {
		m->not_tcp = true;
		return !m->proto && take(w, "tcp");
	}
	if (!take_text(w, buf, sizeof(buf)) || m->not_tcp)
		return false;
	proto = protocol_number(buf);
	if (!strcmp(buf, "ipv6-icmp"))
		proto = IPPROTO_ICMPV6;
	return proto > 0 && set_proto(w, (uint8_t)proto);
}

static bool take_meta(struct words *w)
{
	if (!take(w, "meta"))
		return false;
	if (take(w, "l4proto"))
		return take_l4proto(w);
	if (!take(w, "nfproto"))
		return false;
	return take(w, "ipv4") ? set_family(w, AF_INET) :
	       take(w, "ipv6") && set_family(w, AF_INET6);
}

static bool read_icmp(uint8_t proto, const char *s, struct icmp_range *ret)
{
	struct port_range r;

	for (unsigned int i = 0; i < 256; i++) {
		const char *name = nft_icmp_name(proto, (uint8_t)i);

		if (name && !strcmp(name, s)) {
			*ret = (struct icmp_range){ (uint8_t)i, (uint8_t)i };
			return true;
		}
	}
	if (port_range_parse(s, &r) || r.last > 255)
		return false;
	*ret = (struct icmp_range){ (uint8_t)r.first, (uint8_t)r.last };
	return true;
}

static bool take_icmp(struct words *w)
{
	uint8_t proto = take(w, "icmp") ? IPPROTO_ICMP :
			take(w, "icmpv6") ? IPPROTO_ICMPV6 : 0;
	struct match *m = &w->rule->match;
	char buf[WORD_SIZE];

	if (!proto || !take(w, "type") || m->n_icmp ||
	    !take_text(w, buf, sizeof(buf)) ||
	    !read_icmp(proto, buf, &m->icmp[0]))
		return false;
	m->n_icmp = 1;
	return set_proto(w, proto) &&
	       set_family(w, proto == IPPROTO_ICMP ? AF_INET : AF_INET6);
}

static bool take_all(struct words *w, const char *const *word, size_t n)
{
	size_t start = w->at;

	for (size_t i = 0; i < n; i++) {
		bool ok = *word[i] == ',' ?
			  w->at < w->n && w->v[w->at].kind == TOK_COMMA :
			  w->at < w->n && nft_tok_is(&w->v[w->at], word[i]);

		if (!ok) {
			w->at = start;
			return false;
		}
		w->at++;
	}
	return true;
}

#define TAKE_ALL(w, ...)                                                      \
	take_all((w), (const char *const[]){ __VA_ARGS__ },                   \
		 ARRAY_SIZE(((const char *const[]){ __VA_ARGS__ })))

/* As nft 1.0 prints it, and as later ones do. */
static bool take_not_syn(struct words *w)
{
	if (w->rule->match.not_syn ||
	    (!TAKE_ALL(w, "tcp", "flags", "!=", "syn", "/", "fin", ",", "syn",
		       ",", "rst", ",", "ack") &&
	     !TAKE_ALL(w, "tcp", "flags", "&", "(fin", "|", "syn", "|", "rst",
		       "|", "ack)", "!=", "syn")))
		return false;
	w->rule->match.not_syn = true;
	return set_proto(w, IPPROTO_TCP);
}

static bool take_fragment(struct words *w)
{
	bool v4 = TAKE_ALL(w, "ip", "frag-off", "&", "8191", "!=", "0") ||
		  TAKE_ALL(w, "ip", "frag-off", "&", "0x1fff", "!=", "0");

	if (w->rule->match.fragment_tail ||
	    (!v4 && !TAKE_ALL(w, "frag", "frag-off", "!=", "0")))
		return false;
	w->rule->match.fragment_tail = true;
	return set_family(w, v4 ? AF_INET : AF_INET6);
}

static bool take_ct(struct words *w)
{
	struct match *m = &w->rule->match;

	if (m->ct != CT_ANY)
		return false;
	if (TAKE_ALL(w, "ct", "state", "invalid", ",", "untracked"))
		m->ct = CT_INVALID_OR_UNTRACKED;
	else if (TAKE_ALL(w, "ct", "state", "untracked"))
		m->ct = CT_UNTRACKED;
	return m->ct != CT_ANY;
}

static bool take_socket(struct words *w)
{
	struct match *m = &w->rule->match;

	if (m->socket != SOCKET_ANY)
		return false;
	if (TAKE_ALL(w, "socket", "transparent", "0"))
		m->socket = SOCKET_OPEN;
	else if (TAKE_ALL(w, "socket", "wildcard", "0"))
		m->socket = SOCKET_BOUND;
	else if (TAKE_ALL(w, "socket", "wildcard", "1"))
		m->socket = SOCKET_WILDCARD;
	return m->socket != SOCKET_ANY;
}

static bool take_verdict(struct words *w)
{
	struct image_rule *r = w->rule;

	if (w->verdict)
		return false;
	w->verdict = true;
	r->ends = w->table->owned && take(w, "goto");
	if ((r->ends || take(w, "jump")) && take_name(w, &r->target))
		r->verdict = VERDICT_JUMP;
	else if (take(w, "notrack"))
		r->verdict = VERDICT_NOTRACK;
	else if (take(w, "accept"))
		r->verdict = VERDICT_ACCEPT;
	else if (take(w, "return"))
		r->verdict = VERDICT_RETURN;
	else if (TAKE_ALL(w, "ct", "timeout", "set") &&
		 take_name(w, &r->target))
		r->verdict = VERDICT_TIMERS;
	else
		return false;
	r->ends |= r->verdict == VERDICT_NOTRACK && take(w, "accept");
	return true;
}

/* As written or listed; matches behind it would let fewer packets pass. */
static bool take_counter(struct words *w)
{
	char n[WORD_SIZE];

	w->rule->counts |= !w->verdict && take(w, "counter");
	return w->rule->counts &&
	       (!take(w, "packets") ||
		(take_text(w, n, sizeof(n)) && take(w, "bytes") &&
		 take_text(w, n, sizeof(n)))) &&
	       take_verdict(w);
}

static bool take_comment(struct words *w)
{
	const struct nft_tok *t = &w->v[w->at];
	char buf[COMMENT_MAX + 1];

	if (!take(w, "comment") || w->rule->comment ||
	    !take_text(w, buf, sizeof(buf)) || t[1].kind != TOK_STRING)
		return false;
	w->rule->comment = strdup(buf);
	w->lost |= !w->rule->comment;
	return true;
}

static bool take_clause(struct words *w)
{
	static bool (*const clause[])(struct words *w) = {
		take_meta, take_icmp, take_not_syn, take_fragment, take_ct,
		take_socket, take_comment, take_source, take_keys,
		take_counter, take_verdict,
	};
	size_t start = w->at;

	for (size_t i = 0; i < ARRAY_SIZE(clause); i++) {
		if (clause[i](w))
			return true;
		/* one that took something took the wrong thing */
		if (w->at != start)
			return false;
	}
	return false;
}

int nft_parse_match(const struct nft_tok *v, size_t n,
		    const struct image_table *t, struct image_rule *ret)
{
	struct words w = { .v = v, .n = n, .table = t, .rule = ret };

	ret->match.family = nft_table_af(t->family);
	while (w.at < w.n && take_clause(&w))
		;
	if (w.at < w.n || !w.verdict)
		ret->verdict = VERDICT_UNKNOWN;
	return w.lost ? -ENOMEM : 0;
}

/* From behind the word that begins a rule of iptables; NULL: it is not one. */
static const char *words_of_iptables(const struct nft_parser *p,
				     uint8_t family)
{
	if (!nft_compat_works ||
	    !((family == NFPROTO_IPV4 && nft_tok_is(&p->tok, "iptables")) ||
	      (family == NFPROTO_IPV6 && nft_tok_is(&p->tok, "ip6tables"))))
		return NULL;
	return p->text + p->at;
}

int nft_parse_rule(struct nft_parser *p, const struct image_table *t,
		   struct image_rule *ret)
{
	struct nft_tok v[TOKENS_MAX + 1];
	const char *start = p->tok.s, *end = start;
	size_t n = 0, depth = 0;
	const char *words = words_of_iptables(p, t->family);
	int err;

	p->iptables = words;
	if (p->tok.kind == TOK_STRING)
		start--;
	while (p->tok.kind != TOK_END &&
	       (depth || (p->tok.kind != TOK_EOL &&
			  p->tok.kind != TOK_CLOSE))) {
		depth += p->tok.kind == TOK_OPEN;
		depth -= p->tok.kind == TOK_CLOSE;
		if (n < TOKENS_MAX)
			v[n] = p->tok;
		n++;
		end = p->text + p->at;
		nft_next(p);
	}
	if (depth)
		return nft_parse_error(p, &p->tok, "'}' expected");
	if (words)
		return nft_compat_parse(words, (size_t)(end - words),
					t->family, p->echo, p->img, ret);
	*ret = (struct image_rule){ .verdict = VERDICT_UNKNOWN };
	err = n <= TOKENS_MAX && !p->echo ? nft_parse_match(v, n, t, ret) : 0;
	if (err || ret->verdict != VERDICT_UNKNOWN)
		return err;
	ret->unknown = strndup(start, (size_t)(end - start));
	return !ret->unknown ? -ENOMEM : p->echo ? 0 : nft_raw_in_place(ret);
}
