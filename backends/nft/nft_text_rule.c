/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_text_rule.c: one rule as `nft list` prints it.
 *
 * The order of the matches is that in which nft_expr.c has them evaluated:
 * interface, protocol, keys, what is read from the packet, then what has to be
 * looked up elsewhere (fib, ct, socket).
 */
#include <string.h>

#include "backends/nft/nft.h"
#include "core/mem.h"

const char *nft_icmp_name(uint8_t proto, uint8_t type)
{
	static const struct {
		uint8_t proto, type;
		const char *name;
	} v[] = {
		{ IPPROTO_ICMP, 3, "destination-unreachable" },
		{ IPPROTO_ICMP, 11, "time-exceeded" },
		{ IPPROTO_ICMP, 12, "parameter-problem" },
		{ IPPROTO_ICMPV6, 1, "destination-unreachable" },
		{ IPPROTO_ICMPV6, 2, "packet-too-big" },
		{ IPPROTO_ICMPV6, 3, "time-exceeded" },
		{ IPPROTO_ICMPV6, 4, "parameter-problem" },
		{ IPPROTO_ICMPV6, 130, "mld-listener-query" },
		{ IPPROTO_ICMPV6, 131, "mld-listener-report" },
		{ IPPROTO_ICMPV6, 132, "mld-listener-done" },
		{ IPPROTO_ICMPV6, 133, "nd-router-solicit" },
		{ IPPROTO_ICMPV6, 134, "nd-router-advert" },
		{ IPPROTO_ICMPV6, 135, "nd-neighbor-solicit" },
		{ IPPROTO_ICMPV6, 136, "nd-neighbor-advert" },
		{ IPPROTO_ICMPV6, 143, "mld2-listener-report" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(v); i++)
		if (v[i].proto == proto && v[i].type == type)
			return v[i].name;
	return NULL;
}

static void print_iface(const struct iface_set *s, const char *key,
			struct strbuf *out)
{
	for (size_t i = 0; i < s->n; i++)
		strbuf_printf(out, "%s \"%s%s\" ", key, s->v[i].name,
			      s->v[i].wild ? "*" : "");
}

static bool is_addr(enum key_part p)
{
	return p == KEY_SADDR || p == KEY_DADDR;
}

/* What the rule says beyond its protocol: nft leaves implied things out. */
struct implied {
	bool family, proto;
};

static struct implied implied_by(const struct image_rule *r)
{
	const struct match *m = &r->match;
	struct implied im = {
		.family = m->n_icmp,
		.proto = m->n_icmp || m->dport.n || m->sport.n || m->not_syn,
	};

	for (unsigned int i = 0; i < r->n_lookups; i++)
		for (unsigned int k = 0; k < r->lookup[i].n_parts; k++) {
			enum key_part p = r->lookup[i].part[k];

			im.family |= is_addr(p);
			im.proto |= p == KEY_SPORT || p == KEY_DPORT;
		}
	im.family |= m->fragment_tail;
	return im;
}

static void print_basis(uint8_t table_family, const struct image_rule *r,
			struct strbuf *out)
{
	struct implied im = implied_by(r);
	const struct match *m = &r->match;

	if (table_family == NFPROTO_INET && m->family && !im.family)
		strbuf_printf(out, "meta nfproto %s ",
			      m->family == AF_INET ? "ipv4" : "ipv6");
	if (m->proto && !im.proto && !r->led) {
		strbuf_puts(out, "meta l4proto ");
		protocol_print(m->proto, out);
		strbuf_puts(out, " ");
	}
	if (m->not_tcp)
		strbuf_puts(out, "meta l4proto != tcp ");
}

static void print_key(const struct image_rule *r, enum key_part p,
		      struct strbuf *out)
{
	const char *ip = r->match.family == AF_INET6 ? "ip6" : "ip";
	const char *proto = r->match.proto && !r->led ?
			    protocol_name(r->match.proto) : "th";

	switch (p) {
	case KEY_SPORT:
	case KEY_DPORT:
		strbuf_printf(out, "%s %s", proto,
			      p == KEY_SPORT ? "sport" : "dport");
		return;
	case KEY_SADDR:
	case KEY_DADDR:
		strbuf_printf(out, "%s %s", ip,
			      p == KEY_SADDR ? "saddr" : "daddr");
		return;
	case KEY_IIFNAME:
		strbuf_puts(out, "iifname");
		return;
	case KEY_OIFNAME:
		strbuf_puts(out, "oifname");
		return;
	case KEY_DADDRTYPE:
	case KEY_PART_MAX_:
		break;
	}
	strbuf_puts(out, "fib daddr type");
}

static void print_lookups(const struct image_rule *r, bool types,
			  struct strbuf *out)
{
	for (unsigned int i = 0; i < r->n_lookups; i++) {
		const struct lookup *l = &r->lookup[i];

		if ((l->part[0] == KEY_DADDRTYPE) != types)
			continue;
		for (unsigned int k = 0; k < l->n_parts; k++) {
			strbuf_puts(out, k ? " . " : "");
			print_key(r, l->part[k], out);
		}
		strbuf_printf(out, " @%s ", l->set);
	}
}

static void print_ports(const struct image_rule *r, const struct port_set *s,
			enum key_part p, struct strbuf *out)
{
	if (!s->n)
		return;
	print_key(r, p, out);
	strbuf_puts(out, " ");
	port_range_print(&s->v[0], out);
	strbuf_puts(out, " ");
}

static void print_icmp(const struct match *m, struct strbuf *out)
{
	const char *key = m->proto == IPPROTO_ICMPV6 ? "icmpv6" : "icmp";
	struct icmp_range i = m->icmp[0];
	const char *name = nft_icmp_name(m->proto, i.first);

	if (!m->n_icmp)
		return;
	if (i.first != i.last)
		strbuf_printf(out, "%s type %u-%u ", key, i.first, i.last);
	else if (name)
		strbuf_printf(out, "%s type %s ", key, name);
	else
		strbuf_printf(out, "%s type %u ", key, i.first);
}

static void print_header(const struct match *m, struct strbuf *out)
{
	print_icmp(m, out);
	if (m->not_syn)
		strbuf_puts(out, "tcp flags != syn / fin,syn,rst,ack ");
	if (m->fragment_tail)
		strbuf_puts(out, m->family == AF_INET6 ?
			    "frag frag-off != 0 " :
			    "ip frag-off & 8191 != 0 ");
}

static void print_state(const struct image_rule *r, struct strbuf *out)
{
	static const char *const dst[] = {
		[DST_ANY] = "",
		[DST_LOCAL] = "fib daddr type local ",
		[DST_LOCAL_OR_GROUP] = "",
		[DST_TRANSIT] = "",
		[DST_AWAY] = "",
	};
	static const char *const ct[] = {
		[CT_ANY] = "",
		[CT_UNTRACKED] = "ct state untracked ",
		[CT_INVALID_OR_UNTRACKED] = "ct state invalid,untracked ",
	};
	static const char *const sock[] = {
		[SOCKET_ANY] = "",
		[SOCKET_OPEN] = "socket transparent 0 ",
		[SOCKET_BOUND] = "socket wildcard 0 ",
		[SOCKET_WILDCARD] = "socket wildcard 1 ",
	};
	_Static_assert(ARRAY_SIZE(dst) == DST_MAX_, "dst misses a row");
	_Static_assert(ARRAY_SIZE(ct) == CT_MAX_, "ct misses a row");
	_Static_assert(ARRAY_SIZE(sock) == SOCKET_MAX_, "sock misses a row");

	if (r->match.src_local)
		strbuf_puts(out, "fib saddr type local ");
	strbuf_puts(out, dst[r->match.dst]);
	print_lookups(r, true, out);
	strbuf_puts(out, ct[r->match.ct]);
	strbuf_puts(out, sock[r->match.socket]);
}

static void print_verdict(const struct image_rule *r, struct strbuf *out)
{
	static const char *const word[] = {
		[VERDICT_NOTRACK] = "notrack",
		[VERDICT_ACCEPT] = "accept",
		[VERDICT_RETURN] = "return",
		[VERDICT_JUMP] = "jump ",
		[VERDICT_WORDS] = "",
		[VERDICT_UNKNOWN] = "",
		[VERDICT_TIMERS] = "ct timeout set ",
	};
	_Static_assert(ARRAY_SIZE(word) == VERDICT_MAX_, "word misses a row");

	strbuf_puts(out, r->ends && r->verdict == VERDICT_JUMP ?
				 "goto " : word[r->verdict]);
	if (r->ends && r->verdict == VERDICT_NOTRACK)
		strbuf_puts(out, " accept");
	if (r->verdict == VERDICT_JUMP)
		strbuf_puts(out, r->target);
	if (r->verdict == VERDICT_TIMERS)
		strbuf_printf(out, "\"%s\"", r->target);
	if (r->comment)
		strbuf_printf(out, " comment \"%s\"", r->comment);
}

void nft_print_rule(uint8_t table_family, const struct image_rule *r,
		    struct strbuf *out)
{
	if (r->verdict == VERDICT_UNKNOWN || r->verdict == VERDICT_WORDS) {
		strbuf_puts(out, r->unknown ? r->unknown : "");
		return;
	}
	print_iface(&r->match.iif, "iifname", out);
	print_iface(&r->match.oif, "oifname", out);
	print_basis(table_family, r, out);
	print_lookups(r, false, out);
	print_ports(r, &r->match.sport, KEY_SPORT, out);
	print_ports(r, &r->match.dport, KEY_DPORT, out);
	print_header(&r->match, out);
	print_state(r, out);
	if (r->counts)
		strbuf_puts(out, "counter ");
	print_verdict(r, out);
}
