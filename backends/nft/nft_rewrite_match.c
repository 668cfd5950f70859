/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/nft/nft_rewrite_match.c: zones in nft's words. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include <linux/netfilter.h>
#include <netinet/in.h>

#include "backends/nft/nft_rewrite.h"
#include "backends/nft/nft_side.h"
#include "core/inet.h"
#include "core/intern.h"
#include "core/mem.h"

/* Neither the interfaces asked for nor the others are names. */
#define UNSAID (-EINVAL)

struct asking {
	const struct nft_asked *x;
	uint8_t family;
	bool v4;
	struct strbuf *out;
	bool alone;
};

typedef void put_fn(const struct asking *x, const struct key_range *r,
		    struct strbuf *b);

static uint32_t number(const uint8_t *key, size_t bytes)
{
	uint32_t v = 0;

	for (size_t i = 0; i < bytes; i++)
		v = v << 8 | key[i];
	return v;
}

static void put_numbers(const struct key_range *r, size_t bytes,
			struct strbuf *b)
{
	uint32_t first = number(r->first, bytes), last = number(r->last, bytes);

	strbuf_printf(b, first == last ? "%u" : "%u-%u", first, last);
}

static void put_port(const struct asking *x, const struct key_range *r,
		     struct strbuf *b)
{
	(void)x;
	put_numbers(r, 2, b);
}

static void put_type(const struct asking *x, const struct key_range *r,
		     struct strbuf *b)
{
	const char *comma = "";

	(void)x;
	if (r->last[0] - r->first[0] > 8) {
		put_numbers(r, 1, b);
		return;
	}
	for (uint32_t t = r->first[0]; t <= r->last[0]; t++) {
		strbuf_printf(b, "%s%u", comma, t);
		comma = ", ";
	}
}

void nft_put_proto(const struct key_range *r, struct strbuf *b)
{
	static const struct {
		uint8_t proto;
		const char *name;
	} names[] = {
		{ IPPROTO_ICMP, "icmp" }, { IPPROTO_TCP, "tcp" },
		{ IPPROTO_UDP, "udp" }, { IPPROTO_GRE, "gre" },
		{ IPPROTO_ESP, "esp" }, { IPPROTO_AH, "ah" },
		{ IPPROTO_ICMPV6, "ipv6-icmp" }, { IPPROTO_SCTP, "sctp" },
	};

	for (size_t i = 0; key_range_is_single(r) && i < ARRAY_SIZE(names); i++)
		if (names[i].proto == r->first[0]) {
			strbuf_puts(b, names[i].name);
			return;
		}
	put_numbers(r, 1, b);
}

static void put_proto(const struct asking *x, const struct key_range *r,
		      struct strbuf *b)
{
	(void)x;
	nft_put_proto(r, b);
}

static void put_address(const struct asking *x, const struct key_range *r,
			struct strbuf *b)
{
	size_t bytes = x->v4 ? 4 : 16;
	char first[INET6_ADDRSTRLEN], last[INET6_ADDRSTRLEN];
	int len = range_prefix(r->first, r->last, bytes);

	inet_ntop(x->v4 ? AF_INET : AF_INET6, r->first, first, sizeof(first));
	inet_ntop(x->v4 ? AF_INET : AF_INET6, r->last, last, sizeof(last));
	strbuf_puts(b, first);
	if (len < 0)
		strbuf_printf(b, "-%s", last);
	else if ((size_t)len < bytes * 8)
		strbuf_printf(b, "/%d", len);
}

static void put_name(const struct asking *x, const struct key_range *r,
		     struct strbuf *b)
{
	size_t n = 0;

	(void)x;
	while (n < TERM_KEY_MAX && r->first[n] && r->first[n] == r->last[n])
		n++;
	strbuf_puts(b, "\"");
	strbuf_add(b, (const char *)r->first, n);
	strbuf_puts(b, key_range_is_single(r) ? "\"" : "*\"");
}

/* KEY [!=] VALUE or { VALUES } */
static void put_spans(const struct asking *x, const char *key,
		      const struct nft_side *v, put_fn *put)
{
	const char *comma = "";
	struct strbuf *b = x->out;
	bool several = v->s.n > 1 || (put == put_type &&
				       !key_range_is_single(&v->s.v[0]));

	strbuf_printf(b, " %s %s%s", key, v->negated ? "!= " : "",
		      several ? "{ " : "");
	for (size_t i = 0; i < v->s.n; i++) {
		strbuf_puts(b, comma);
		put(x, &v->s.v[i], b);
		comma = ", ";
	}
	strbuf_puts(b, several ? " }" : "");
}

static bool is_asked(const struct nft_asked *x, enum zone_dim dim)
{
	return nft_side_is_asked(x->known, x->r, dim);
}

static size_t count_patterns(const struct spans *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += !key_range_is_single(&s->v[i]);
	return n;
}

static size_t ways_of(const struct nft_side *names)
{
	return names->negated || !count_patterns(&names->s) ? 1 : names->s.n;
}

int nft_rewrite_ways(const struct nft_asked *x, size_t *ret)
{
	return nft_side_ways(x->known, x->r, UNSAID, ways_of, ret);
}

/* Patterns one by one: sets of them are younger than the rest. */
static int ask_names(struct asking *x, struct arena *a, enum zone_dim dim,
		     const char *key, size_t *way)
{
	struct nft_side v, part;
	int err;

	if (!is_asked(x->x, dim))
		return 0;
	err = nft_side_names(a, x->x->r, dim, UNSAID, &v);
	if (err)
		return err;
	if (!count_patterns(&v.s)) {
		put_spans(x, key, &v, put_name);
		return 0;
	}
	for (size_t i = 0; i < v.s.n; i++) {
		if (!v.negated && i != *way % v.s.n)
			continue;
		part = (struct nft_side){ { &v.s.v[i], 1, true }, v.negated };
		put_spans(x, key, &part, put_name);
	}
	if (!v.negated)
		*way /= v.s.n;
	return 0;
}

static int ask_dim(struct asking *x, struct arena *a, enum zone_dim dim,
		   const char *key, put_fn *put)
{
	struct nft_side v;
	int err;

	if (!is_asked(x->x, dim))
		return 0;
	err = nft_side_shorter(a, x->x->r, dim, &v);
	if (!err && put == put_type)
		v = (struct nft_side){ x->x->r->zone.dim[dim], false };
	if (!err)
		put_spans(x, key, &v, put);
	x->alone |= dim == ZONE_SRC || dim == ZONE_DST || dim == ZONE_ICMP;
	return err;
}

/* The only protocol of the packets asked for; 0: several. */
static uint8_t only_proto(const struct nft_asked *x)
{
	const struct spans *s = &x->r->zone.dim[ZONE_PROTO];

	return s->n == 1 && key_range_is_single(&s->v[0]) ?
		       s->v[0].first[0] : 0;
}

/* Does what follows name the protocol by itself? */
static bool proto_is_implied(const struct nft_asked *x)
{
	uint8_t p = only_proto(x);
	bool ports = is_asked(x, ZONE_SPORT) || is_asked(x, ZONE_DPORT);

	switch (p) {
	case IPPROTO_TCP:
		return ports || x->r->asks & (ASK_SYN | ASK_NOT_SYN |
					      ASK_FLAGS);
	case IPPROTO_UDP:
		return ports || x->r->asks & (ASK_PEER | ASK_FLOW);
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return is_asked(x, ZONE_ICMP);
	default:
		return false;
	}
}

static int ask_ports(struct asking *x, struct arena *a)
{
	uint8_t p = only_proto(x->x);
	const char *word = p == IPPROTO_TCP ? "tcp" :
			   p == IPPROTO_UDP ? "udp" : "th";
	char key[16];
	int err;

	snprintf(key, sizeof(key), "%s sport", word);
	err = ask_dim(x, a, ZONE_SPORT, key, put_port);
	snprintf(key, sizeof(key), "%s dport", word);
	return err ? err : ask_dim(x, a, ZONE_DPORT, key, put_port);
}

static void put_flags(uint8_t bits, struct strbuf *b)
{
	static const char *const names[] = {
		"fin", "syn", "rst", "psh", "ack", "urg",
	};
	bool several = bits & (bits - 1);
	const char *bar = "";

	strbuf_puts(b, !bits ? "0x0" : several ? "(" : "");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (bits >> i & 1) {
			strbuf_printf(b, "%s%s", bar, names[i]);
			bar = "|";
		}
	strbuf_puts(b, several ? ")" : "");
}

static void ask_set(struct asking *x, bool flows)
{
	const struct stateless_rule *r = x->x->r;

	strbuf_puts(x->out, " ");
	nft_rewrite_key(x->family, flows, true, x->out);
	strbuf_printf(x->out, " @%s",
		      nft_rewrite_set(x->x->f, x->x->table, r->zone.family,
				      flows, &x->out->lost));
	x->alone = true;
}

static void ask_rest(struct asking *x)
{
	static const struct {
		uint16_t ask;
		const char *words;
	} words[] = {
		{ ASK_SYN, " tcp flags & (fin|syn|rst|ack) == syn" },
		{ ASK_NOT_SYN, " tcp flags & (fin|syn|rst|ack) != syn" },
		{ ASK_SOCKET, " socket wildcard 0" },
		{ ASK_LISTENER, " socket wildcard 1" },
		{ ASK_LOCAL, " socket transparent 0" },
	};
	const struct stateless_rule *r = x->x->r;

	if (r->asks & ASK_FRAGMENT) {
		strbuf_puts(x->out, x->v4 ? " ip frag-off & 0x1fff != 0" :
					    " frag frag-off != 0");
		x->alone = true;
	}
	if (r->asks & ASK_FLAGS) {
		strbuf_puts(x->out, " tcp flags & ");
		put_flags(r->mask, x->out);
		strbuf_puts(x->out, " == ");
		put_flags(r->flags, x->out);
	}
	if (r->asks & (ASK_PEER | ASK_FLOW))
		ask_set(x, r->asks & ASK_FLOW);
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (r->asks & words[i].ask)
			strbuf_puts(x->out, words[i].words);
	/* whoever is answered is known for as long again */
	if (r->asks & (ASK_PEER | ASK_FLOW))
		nft_rewrite_update(x->x->f, x->x->table, r->zone.family,
				   r->asks & ASK_FLOW, true, x->out);
}

int nft_rewrite_match(const struct nft_asked *r, size_t way,
		      struct strbuf *out, bool *ret_alone)
{
	_cleanup_(arena_release) struct arena a = { 0 };
	struct asking x = { .x = r, .family = r->r->zone.family, .out = out };
	int err;

	x.v4 = x.family == NFPROTO_IPV4;
	err = ask_names(&x, &a, ZONE_IIF, "iifname", &way);
	if (!err)
		err = ask_names(&x, &a, ZONE_OIF, "oifname", &way);
	if (!err)
		err = ask_dim(&x, &a, ZONE_SRC, x.v4 ? "ip saddr" :
						       "ip6 saddr",
			      put_address);
	if (!err)
		err = ask_dim(&x, &a, ZONE_DST, x.v4 ? "ip daddr" :
						       "ip6 daddr",
			      put_address);
	if (!err && !proto_is_implied(r))
		err = ask_dim(&x, &a, ZONE_PROTO, "meta l4proto", put_proto);
	if (!err)
		err = ask_dim(&x, &a, ZONE_ICMP, x.v4 ? "icmp type" :
							"icmpv6 type",
			      put_type);
	if (!err)
		err = ask_ports(&x, &a);
	if (err)
		return err;
	ask_rest(&x);
	*ret_alone = x.alone;
	return strbuf_status(out);
}

void nft_rewrite_key(uint8_t family, bool flows, bool answers,
		     struct strbuf *out)
{
	const char *ip = family == NFPROTO_IPV4 ? "ip" : "ip6";
	const char *there = answers ? "saddr" : "daddr";
	const char *port = answers ? "sport" : "dport";

	strbuf_printf(out, "%s %s . udp %s . ", ip, there, port);
	if (flows)
		strbuf_printf(out, "%s %s . ", ip, answers ? "daddr" : "saddr");
	strbuf_printf(out, "udp %s", answers ? "dport" : "sport");
}

static bool is_taken(const struct foreign *f, uint32_t table, const char *name)
{
	for (size_t i = 0; i < f->n_elems; i++)
		if (f->elems[i].table == table && f->elems[i].name == name)
			return true;
	return false;
}

const char *nft_rewrite_set(const struct foreign *f, uint32_t table,
			    uint8_t family, bool flows, bool *lost)
{
	const char *what = flows ? "flows" : "peers";
	int version = family == NFPROTO_IPV4 ? 4 : 6;
	const char *name = intern_printf("ctp-%s%d", what, version);

	for (unsigned int n = 2; name && is_taken(f, table, name); n++)
		name = intern_printf("ctp-%s%d-%u", what, version, n);
	*lost |= !name;
	return name ? name : "";
}

void nft_rewrite_update(const struct foreign *f, uint32_t table,
			uint8_t family, bool flows, bool answers,
			struct strbuf *out)
{
	strbuf_printf(out, " update @%s { ",
		      nft_rewrite_set(f, table, family, flows, &out->lost));
	nft_rewrite_key(family, flows, answers, out);
	strbuf_puts(out, " }");
}
