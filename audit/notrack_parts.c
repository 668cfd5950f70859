/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/notrack_parts.h"

#include <netinet/in.h>
#include <linux/netfilter.h>
#include <stdlib.h>
#include <string.h>

#include "core/inet.h"
#include "core/mem.h"

#define TRACKING_PRIORITY (-200)	/* NF_IP_PRI_CONNTRACK */
#define PORTS_SHOWN 8
#define CLIENT_PORT 50001

static const struct {
	const char *word;
	long value;
} priorities[] = {
	{ "raw", -300 }, { "mangle", -150 }, { "dstnat", -100 },
	{ "filter", 0 }, { "security", 50 }, { "srcnat", 100 },
};

/* "raw - 10", "-300"; unknown words are early enough. */
static long priority_of(const char *s)
{
	long base = 0, sign = 1;
	size_t n = strcspn(s, " +-");

	for (size_t i = 0; n && i < ARRAY_SIZE(priorities); i++)
		if (strlen(priorities[i].word) == n &&
		    !strncmp(s, priorities[i].word, n)) {
			base = priorities[i].value;
			s += n;
			n = 0;
		}
	if (n && (*s < '0' || *s > '9'))
		return TRACKING_PRIORITY - 1;
	while (*s == ' ' || *s == '+' || *s == '-') {
		if (*s == '-')
			sign = -1;
		s++;
	}
	return base + sign * strtol(s, NULL, 10);
}

bool inspect_is_late(const struct host_chain *c)
{
	return c->priority && priority_of(c->priority) >= TRACKING_PRIORITY;
}

bool inspect_is_at(const struct inspection *j, const struct use *x,
		   const char *hook)
{
	const struct host_chain *c = &j->f->chains[x->base];

	return !strcmp(c->hook, hook) && !inspect_is_late(c);
}

enum use_side inspect_side(const struct uses *u, const struct use *x)
{
	bool s = use_asks(u, x, FIELD_SPORT), d = use_asks(u, x, FIELD_DPORT);

	return s && d ? SIDE_BOTH : s ? SIDE_REPLY : d ? SIDE_REQUEST :
							 SIDE_NONE;
}

static void take_number(const struct uses *u, const struct use *x,
			enum packet_field field, size_t i, struct sample *s)
{
	size_t n, stride;
	const struct key_range *r = use_ranges(u, x, field, &n, &stride);

	if (r)
		sample_set(s, field, r[(i < n ? i : n - 1) * stride].first);
}

static size_t count_of(const struct uses *u, const struct use *x,
		       enum packet_field field)
{
	size_t n, stride;

	return use_ranges(u, x, field, &n, &stride) ? n : 1;
}

static size_t larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

bool inspect_sample(const struct uses *u, const struct use *x, uint8_t family,
		  size_t i, struct sample *ret)
{
	static const enum packet_field taken[] = {
		FIELD_L4PROTO, FIELD_SPORT, FIELD_DPORT, FIELD_SADDR,
		FIELD_DADDR, FIELD_ICMP_TYPE,
	};
	size_t n = larger(count_of(u, x, FIELD_SPORT),
			  count_of(u, x, FIELD_DPORT));
	struct sample s = { .family = family };

	if (i >= n * larger(1, count_of(u, x, FIELD_L4PROTO)))
		return false;
	sample_set_number(&s, FIELD_NFPROTO, family);
	for (size_t k = 0; k < ARRAY_SIZE(taken); k++)
		take_number(u, x, taken[k], taken[k] == FIELD_L4PROTO ?
						    i / n : i % n, &s);
	/* the other end's, which no service has */
	if (inspect_side(u, x) == SIDE_REQUEST)
		sample_set_number(&s, FIELD_SPORT, CLIENT_PORT);
	if (inspect_side(u, x) == SIDE_REPLY)
		sample_set_number(&s, FIELD_DPORT, CLIENT_PORT);
	*ret = s;
	return true;
}

static void swap(struct sample *s, enum packet_field a, enum packet_field b)
{
	uint32_t known = s->known & ~(UINT32_C(1) << a | UINT32_C(1) << b);
	uint8_t v[TERM_KEY_MAX];

	known |= (s->known >> a & 1) << b | (s->known >> b & 1) << a;
	memcpy(v, s->v[a], sizeof(v));
	memcpy(s->v[a], s->v[b], sizeof(v));
	memcpy(s->v[b], v, sizeof(v));
	s->known = known;
}

/*
 * Tunnels whose two ends both send to the port, from whatever port: VXLAN (RFC
 * 7348, section 5; Linux's own default in ip-link(8)), Geneve (RFC 8926,
 * section 3.3), VXLAN-GPE (IANA), GTP-U (3GPP TS 29.281, 4.4.2).
 */
bool inspect_is_tunnel(const struct sample *s)
{
	static const uint16_t ports[] = { 4789, 8472, 6081, 4790, 2152 };
	static const uint32_t needed = UINT32_C(1) << FIELD_DPORT |
				       UINT32_C(1) << FIELD_L4PROTO;
	const uint8_t *port = s->v[FIELD_DPORT];

	if ((s->known & needed) != needed ||
	    s->v[FIELD_L4PROTO][0] != IPPROTO_UDP)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(ports); i++)
		if (ports[i] == (port[0] << 8 | port[1]))
			return true;
	return false;
}

struct sample inspect_mirror(const struct sample *s)
{
	/* RFC 7348 wants it from 49152 on. */
	static const uint8_t dynamic[TERM_KEY_MAX] = { 0xc0, 0x00 };
	struct sample m = *s;

	if (inspect_is_tunnel(s))
		sample_set(&m, FIELD_SPORT, dynamic);
	else
		swap(&m, FIELD_SPORT, FIELD_DPORT);
	swap(&m, FIELD_SADDR, FIELD_DADDR);
	m.known &= ~(UINT32_C(1) << FIELD_ICMP_TYPE);
	return m;
}

bool inspect_covers(const struct inspection *j, const char *hook,
		  const struct sample *s)
{
	const struct uses *u = &j->notrack;

	for (size_t i = 0; i < u->n; i++)
		if (inspect_is_at(j, &u->v[i], hook) &&
		    use_may_take(u, &u->v[i], s))
			return true;
	return false;
}

static void put_protocols(const struct uses *u, const struct use *x,
			  const char *comma, struct strbuf *out)
{
	size_t n, stride;
	const struct key_range *r = use_ranges(u, x, FIELD_L4PROTO, &n,
					       &stride);

	for (size_t i = 0; r && i < n; i++) {
		if (i)
			strbuf_puts(out, comma);
		protocol_print(r[i * stride].first[0], out);
	}
}

static void put_port(const uint8_t *v, struct strbuf *out)
{
	strbuf_printf(out, "%u", v[0] << 8 | v[1]);
}

/* Returns how many; a range is more than one. */
static size_t put_ports(const struct uses *u, const struct use *x,
			const char *to, struct strbuf *out)
{
	bool is_reply = inspect_side(u, x) == SIDE_REPLY;
	enum packet_field side = is_reply ? FIELD_SPORT : FIELD_DPORT;
	size_t n, stride;
	const struct key_range *r = use_ranges(u, x, side, &n, &stride);

	for (size_t i = 0; r && i < n; i++) {
		const struct key_range *p = &r[i * stride];

		if (i == PORTS_SHOWN) {
			strbuf_puts(out, ",...");
			break;
		}
		if (i)
			strbuf_puts(out, ",");
		put_port(p->first, out);
		if (memcmp(p->first, p->last, 2)) {
			strbuf_puts(out, to);
			put_port(p->last, out);
		}
	}
	if (r && n == 1)
		n += memcmp(r->first, r->last, 2) != 0;
	return r ? n : 0;
}

void inspect_describe(const struct uses *u, const struct use *x,
		    struct strbuf *out)
{
	_cleanup_(strbuf_release) struct strbuf ports = { 0 };
	size_t n = put_ports(u, x, "-", &ports), at = out->n;

	put_protocols(u, x, " and ", out);
	if (n)
		strbuf_printf(out, "%sport%s %s", out->n > at ? " " : "",
			      n > 1 ? "s" : "",
			      strbuf_text(&ports, &out->lost));
	else if (out->n == at)
		strbuf_puts(out, "all traffic");
}

static void advise_iptables(const struct uses *u, const struct use *x,
			    const char *hook, const char *side, bool on_lo,
			    struct strbuf *b)
{
	_cleanup_(strbuf_release) struct strbuf ports = { 0 };
	size_t n = put_ports(u, x, ":", &ports);

	strbuf_printf(b, "add -A %s %s",
		      !strcmp(hook, "output") ? "OUTPUT" : "PREROUTING",
		      on_lo ? "-o lo " : "");
	if (use_asks(u, x, FIELD_L4PROTO)) {
		strbuf_puts(b, "-p ");
		put_protocols(u, x, ",", b);
		strbuf_puts(b, " ");
	}
	if (n)
		strbuf_printf(b, "%s--%s%s %s ", n > 1 ? "-m multiport " : "",
			      side, n > 1 ? "s" : "",
			      strbuf_text(&ports, &b->lost));
	strbuf_puts(b, "-j CT --notrack");
}

static void advise_nft(const struct uses *u, const struct use *x,
		       const char *hook, const char *side, bool on_lo,
		       struct strbuf *b)
{
	_cleanup_(strbuf_release) struct strbuf ports = { 0 }, protos = { 0 };
	size_t n = put_ports(u, x, "-", &ports), n_protos;

	put_protocols(u, x, ", ", &protos);
	n_protos = count_of(u, x, FIELD_L4PROTO);
	strbuf_printf(b, "add to a chain with hook %s and priority raw: %s",
		      hook, on_lo ? "oifname \"lo\" " : "");
	if (protos.n && (n_protos > 1 || !n))
		strbuf_printf(b, n_protos > 1 ? "meta l4proto { %s } " :
						"meta l4proto %s ",
			      strbuf_text(&protos, &b->lost));
	if (n)
		strbuf_printf(b, n > 1 ? "%s %s { %s } " : "%s %s %s ",
			      n_protos > 1 || !protos.n ?
				      "th" : strbuf_text(&protos, &b->lost),
			      side, strbuf_text(&ports, &b->lost));
	strbuf_puts(b, "notrack");
	b->lost |= ports.lost || protos.lost;
}

static bool goes_by_tunnel(const struct uses *u, const struct use *x)
{
	struct sample s;

	return inspect_sample(u, x, NFPROTO_IPV4, 0, &s) &&
	       inspect_is_tunnel(&s);
}

char *inspect_help(struct inspection *j, const char *words)
{
	char *s = strdup(words);

	j->lost |= !s;
	return s;
}

char *inspect_advise(struct inspection *j, const struct use *x,
		   const char *hook, bool mirrored, bool on_lo)
{
	const struct uses *u = &j->notrack;
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	bool reply = (inspect_side(u, x) == SIDE_REPLY) !=
		     (mirrored && !goes_by_tunnel(u, x));
	const char *side = reply ? "sport" : "dport";

	if (j->f->tables[j->f->chains[x->base].table].ranked)
		advise_iptables(u, x, hook, side, on_lo, &b);
	else
		advise_nft(u, x, hook, side, on_lo, &b);
	if (mirrored && (use_asks(u, x, FIELD_SADDR) ||
			 use_asks(u, x, FIELD_DADDR)))
		strbuf_puts(&b, ", with the addresses the other way round");
	j->lost |= b.lost;
	return strbuf_take(&b);
}
