/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/xtables/ipt_rewrite_match.c: zones as options of iptables. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "backends/xtables/ipt_rewrite.h"
#include "backends/xtables/xt.h"
#include "core/inet.h"
#include "core/mem.h"

#include <linux/netfilter.h>

#define SLOTS_MAX 15		/* of multiport; a range takes two */

void alternatives_release(struct alternatives *l)
{
	for (size_t i = 0; i < l->n; i++)
		strbuf_release(&l->v[i]);
	free(l->v);
	*l = (struct alternatives){ 0 };
}

static struct strbuf *add(struct alternatives *l)
{
	if (mem_grow(&l->v, &l->cap, l->n + 1))
		return NULL;
	l->v[l->n] = (struct strbuf){ 0 };
	return &l->v[l->n++];
}

static uint32_t number(const uint8_t *key, size_t bytes)
{
	uint32_t v = 0;

	for (size_t i = 0; i < bytes; i++)
		v = v << 8 | key[i];
	return v;
}

struct asking {
	const struct stateless_rule *r;
	const struct ipt_own *has;
	struct arena *a;
	uint8_t family;
};

static void put_proto(uint32_t p, struct strbuf *b)
{
	const char *name = xt_proto_name(p);

	if (name)
		strbuf_printf(b, " -p %s", name);
	else
		strbuf_printf(b, " -p %u", p);
}

/*
 * Protocol 0 has no words, `-p 0` is any; nothing is sent by it (in IPv6 it is
 * the header of hop-by-hop options).
 */
static int ask_proto(const struct asking *x, const struct spans *s,
		     const struct spans *others, struct alternatives *l)
{
	(void)x;
	if (others->n == 1 && key_range_is_single(&others->v[0])) {
		struct strbuf *b = add(l);

		if (!b)
			return -ENOMEM;
		if (!others->v[0].first[0])
			return 0;
		strbuf_puts(b, " !");
		put_proto(others->v[0].first[0], b);
		return 0;
	}
	for (size_t i = 0; i < s->n; i++) {
		uint32_t first = s->v[i].first[0];

		if (s->v[i].last[0] - first > 8)
			return -EINVAL;
		for (uint32_t p = first ? first : 1; p <= s->v[i].last[0];
		     p++) {
			struct strbuf *b = add(l);

			if (!b)
				return -ENOMEM;
			put_proto(p, b);
		}
	}
	return l->n ? 0 : -EINVAL;
}

static void put_address(const struct asking *x, const struct key_range *r,
			bool source, bool negated, struct strbuf *b)
{
	size_t bytes = addr_bytes(x->family);
	int af = x->family == NFPROTO_IPV4 ? AF_INET : AF_INET6;
	bool taken = source ? x->has->source : x->has->destination;
	char first[INET6_ADDRSTRLEN], last[INET6_ADDRSTRLEN];
	int len = range_prefix(r->first, r->last, bytes);

	inet_ntop(af, r->first, first, sizeof(first));
	inet_ntop(af, r->last, last, sizeof(last));
	if (!taken && len >= 0)
		strbuf_printf(b, "%s -%c %s/%u", negated ? " !" : "",
			      source ? 's' : 'd', first, (unsigned int)len);
	else
		strbuf_printf(b, " -m iprange%s --%s-range %s-%s",
			      negated ? " !" : "", source ? "src" : "dst",
			      first, last);
}

static int ask_addresses(const struct asking *x, const struct spans *s,
			 const struct spans *others, bool source,
			 struct alternatives *l)
{
	struct strbuf *b = NULL;

	if (others->n && others->n <= 4 && others->n <= s->n) {
		b = add(l);
		if (!b)
			return -ENOMEM;
		if (others->n == 1) {
			put_address(x, &others->v[0], source, true, b);
			return 0;
		}
		for (size_t i = 0; i < others->n; i++) {
			struct ipt_own taken = { true, true };
			struct asking y = *x;

			y.has = &taken;
			put_address(&y, &others->v[i], source, true, b);
		}
		return 0;
	}
	for (size_t i = 0; i < s->n; i++) {
		b = add(l);
		if (!b)
			return -ENOMEM;
		put_address(x, &s->v[i], source, false, b);
	}
	return 0;
}

static int ask_src(const struct asking *x, const struct spans *s,
		   const struct spans *others, struct alternatives *l)
{
	return ask_addresses(x, s, others, true, l);
}

static int ask_dst(const struct asking *x, const struct spans *s,
		   const struct spans *others, struct alternatives *l)
{
	return ask_addresses(x, s, others, false, l);
}

static int ask_ports(const struct spans *s, const char *option,
		     struct alternatives *l)
{
	struct strbuf *b = NULL;
	size_t slots = 0;

	for (size_t i = 0; i < s->n; i++) {
		uint32_t first = number(s->v[i].first, 2);
		uint32_t last = number(s->v[i].last, 2);
		size_t need = first == last ? 1 : 2;

		if (!b || slots + need > SLOTS_MAX) {
			b = add(l);
			slots = 0;
			if (!b)
				return -ENOMEM;
			strbuf_printf(b, " -m multiport %s ", option);
		}
		strbuf_puts(b, slots ? "," : "");
		strbuf_printf(b, first == last ? "%u" : "%u:%u", first, last);
		slots += need;
	}
	return 0;
}

static int ask_sport(const struct asking *x, const struct spans *s,
		     const struct spans *others, struct alternatives *l)
{
	(void)x;
	(void)others;
	return ask_ports(s, "--sports", l);
}

static int ask_dport(const struct asking *x, const struct spans *s,
		     const struct spans *others, struct alternatives *l)
{
	(void)x;
	(void)others;
	return ask_ports(s, "--dports", l);
}

/* "eth0", or "eth+"; false: no such pattern. */
static bool put_name(const struct key_range *r, struct strbuf *b)
{
	size_t n = 0;

	if (!name_is_pattern(r) || !r->first[0])
		return false;
	while (n < TERM_KEY_MAX && r->first[n] && r->first[n] == r->last[n])
		n++;
	strbuf_add(b, (const char *)r->first, n);
	strbuf_puts(b, key_range_is_single(r) ? "" : "+");
	return true;
}

/* iptables has one -i and one -o: loopback is told by addresses as well. */
static int ask_but_lo(const struct key_range *other, const char *option,
		      const char *type, struct alternatives *l)
{
	struct strbuf *b = add(l);

	if (!b)
		return -ENOMEM;
	strbuf_printf(b, " ! %s ", option);
	if (!put_name(other, b))
		return -EINVAL;
	strbuf_printf(b, " -m addrtype ! --%s-type LOCAL", type);
	return 0;
}

static int ask_names(const struct spans *s, const struct spans *others,
		     const char *option, const char *type,
		     struct alternatives *l)
{
	bool negated = others->n == 1;
	const struct spans *v = negated ? others : s;

	for (size_t i = 0; others->n == 2 && i < 2; i++)
		if (name_is_lo(&others->v[i]))
			return ask_but_lo(&others->v[!i], option, type, l);
	for (size_t i = 0; i < v->n; i++) {
		struct strbuf *b = add(l);

		if (!b)
			return -ENOMEM;
		strbuf_printf(b, "%s %s ", negated ? " !" : "", option);
		if (!put_name(&v->v[i], b))
			return -EINVAL;
	}
	return 0;
}

static int ask_iif(const struct asking *x, const struct spans *s,
		   const struct spans *others, struct alternatives *l)
{
	(void)x;
	return ask_names(s, others, "-i", "src", l);
}

static int ask_oif(const struct asking *x, const struct spans *s,
		   const struct spans *others, struct alternatives *l)
{
	(void)x;
	return ask_names(s, others, "-o", "dst", l);
}

static int ask_icmp(const struct asking *x, const struct spans *s,
		    const struct spans *others, struct alternatives *l)
{
	const char *option = x->family == NFPROTO_IPV4 ?
		" -m icmp --icmp-type" : " -m icmp6 --icmpv6-type";

	(void)others;
	for (size_t i = 0; i < s->n; i++)
		for (uint32_t t = s->v[i].first[0]; t <= s->v[i].last[0];
		     t++) {
			struct strbuf *b = add(l);

			if (!b)
				return -ENOMEM;
			strbuf_printf(b, "%s %u", option, t);
		}
	return 0;
}

/* The protocol first: others need it. */
static const struct {
	enum zone_dim dim;
	int (*ask)(const struct asking *x, const struct spans *s,
		   const struct spans *others, struct alternatives *l);
} dims[] = {
	{ ZONE_IIF, ask_iif }, { ZONE_OIF, ask_oif }, { ZONE_SRC, ask_src },
	{ ZONE_DST, ask_dst }, { ZONE_PROTO, ask_proto },
	{ ZONE_ICMP, ask_icmp }, { ZONE_SPORT, ask_sport },
	{ ZONE_DPORT, ask_dport },
};
_Static_assert(ARRAY_SIZE(dims) == ZONE_MAX_, "a dimension has no row");

/* Each of l, followed by each of with. */
static int multiply(struct alternatives *l, const struct alternatives *with)
{
	_cleanup_(alternatives_release) struct alternatives out = { 0 };
	struct alternatives old;

	for (size_t i = 0; i < l->n; i++)
		for (size_t k = 0; k < with->n; k++) {
			struct strbuf *b = add(&out);

			if (!b)
				return -ENOMEM;
			strbuf_join(b, &l->v[i]);
			strbuf_join(b, &with->v[k]);
		}
	old = *l;
	*l = out;
	out = old;
	return 0;
}

static int ask_dim(const struct asking *x, size_t i, struct alternatives *l)
{
	_cleanup_(alternatives_release) struct alternatives one = { 0 };
	const struct spans *s = &x->r->zone.dim[dims[i].dim];
	struct spans others = { 0 };
	int err = spans_invert(x->a, zone_bytes(x->family, dims[i].dim), s,
			       &others);

	if (!err)
		err = dims[i].ask(x, s, &others, &one);
	return err ? err : multiply(l, &one);
}

static void put_flag_names(uint8_t bits, struct strbuf *b)
{
	static const char *const names[] = {
		"FIN", "SYN", "RST", "PSH", "ACK", "URG",
	};
	const char *comma = "";

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (bits >> i & 1) {
			strbuf_printf(b, "%s%s", comma, names[i]);
			comma = ",";
		}
	if (!bits)
		strbuf_puts(b, "NONE");
}

#define SYN_OF "--tcp-flags FIN,SYN,RST,ACK SYN"

static void put_asks(const struct stateless_rule *r, struct strbuf *b)
{
	static const struct {
		uint8_t ask;
		const char *words;
	} words[] = {
		{ ASK_SYN, " -m tcp " SYN_OF },
		{ ASK_NOT_SYN, " -m tcp ! " SYN_OF },
		{ ASK_SOCKET, " -m socket" },
		{ ASK_LOCAL, " -m socket --nowildcard" },
	};
	bool is_v4 = r->zone.family == NFPROTO_IPV4;

	if (r->asks & ASK_FLAGS) {
		strbuf_puts(b, " -m tcp --tcp-flags ");
		put_flag_names(r->mask, b);
		strbuf_puts(b, " ");
		put_flag_names(r->flags, b);
	}
	/* a table of its own for IPv6: the masks of the two differ */
	if (r->asks & ASK_PEER)
		strbuf_printf(b, " -m recent --rcheck --seconds 180 --name ctp-udp%s --rsource",
			      is_v4 ? "" : "6");
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (r->asks & words[i].ask)
			strbuf_puts(b, words[i].words);
	if (r->does == DO_REMEMBER)
		strbuf_printf(b, " -m recent --set --name ctp-udp%s --rdest",
			      is_v4 ? "" : "6");
}

int ipt_rewrite_match(const struct stateless_rule *r, const struct zone *own,
		      const struct ipt_own *has, struct alternatives *ret,
		      unsigned int *ret_dims)
{
	_cleanup_(arena_release) struct arena a = { 0 };
	_cleanup_(alternatives_release) struct alternatives l = { 0 };
	struct asking x = { r, has, &a, r->zone.family };
	unsigned int asked = 0;
	int err = add(&l) ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < ARRAY_SIZE(dims); i++) {
		enum zone_dim dim = dims[i].dim;

		if (spans_within(&own->dim[dim], &r->zone.dim[dim]))
			continue;
		asked |= 1u << dim;
		err = ask_dim(&x, i, &l);
	}
	for (size_t i = 0; !err && i < l.n; i++) {
		put_asks(r, &l.v[i]);
		err = strbuf_status(&l.v[i]);
	}
	if (err)
		return err;
	*ret = l;
	*ret_dims = asked;
	l = (struct alternatives){ 0 };
	return 0;
}
