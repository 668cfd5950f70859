/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rules/packet_spec.h"

#include <netinet/in.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <stdlib.h>
#include <string.h>

#include "core/fault.h"
#include "core/inet.h"
#include "core/mem.h"

#define WORDS_MAX 32
#define EXAMPLE "tcp 192.0.2.66:40000 > 198.51.100.2:80 syn"

struct word {
	const char *s;
	size_t n;
};

struct reader {
	const char *text;
	struct diags *d;
	struct word v[WORDS_MAX];
	size_t n;
	struct packet_spec spec;
};

static const struct {
	const char *name;
	uint8_t bit;
} tcp_flags[] = {
	{ "fin", 0x01 }, { "syn", 0x02 }, { "rst", 0x04 }, { "psh", 0x08 },
	{ "ack", 0x10 }, { "urg", 0x20 }, { "ece", 0x40 }, { "cwr", 0x80 },
}, states[] = {
	{ "new", NF_CT_STATE_BIT(IP_CT_NEW) },
	{ "established", NF_CT_STATE_BIT(IP_CT_ESTABLISHED) },
	{ "related", NF_CT_STATE_BIT(IP_CT_RELATED) },
	{ "invalid", NF_CT_STATE_INVALID_BIT },
	{ "untracked", NF_CT_STATE_UNTRACKED_BIT },
};

/* As iptables and nft call them. */
static const struct {
	const char *name;
	uint8_t v4, v6;			/* 255: not of this family */
} icmp_types[] = {
	{ "echo-reply", 0, 129 },
	{ "destination-unreachable", 3, 1 },
	{ "packet-too-big", 255, 2 },
	{ "source-quench", 4, 255 },
	{ "redirect", 5, 137 },
	{ "echo-request", 8, 128 },
	{ "router-advertisement", 9, 134 },
	{ "router-solicitation", 10, 133 },
	{ "time-exceeded", 11, 3 },
	{ "parameter-problem", 12, 4 },
	{ "timestamp-request", 13, 255 },
	{ "timestamp-reply", 14, 255 },
	{ "neighbour-solicitation", 255, 135 },
	{ "neighbour-advertisement", 255, 136 },
};

static bool is(const struct word *w, const char *name)
{
	return strlen(name) == w->n && !strncmp(w->s, name, w->n);
}

static int bad(struct reader *r, const struct word *w, const char *what)
{
	struct srcpos at = { PACKET_SPEC_FILE, 1,
			     (uint32_t)(w->s - r->text) + 1,
			     w->n ? (uint32_t)w->n : 1 };

	diag_add(r->d, DIAG_ERROR, 0, ID_BAD_PACKET, at, "%s", what);
	diag_help(r->d, "write a packet as: " EXAMPLE
		  "; IPv6 as [2001:db8::1]:80");
	return -FAULT_USAGE;
}

static int split(struct reader *r)
{
	const char *s = r->text + strspn(r->text, " \t");

	while (*s) {
		struct word w = { s, strcspn(s, " \t") };

		if (r->n == WORDS_MAX)
			return bad(r, &w, "too many words");
		s += w.n;
		if (w.n > 1 && w.s[w.n - 1] == ',')
			w.n--;
		r->v[r->n++] = w;
		s += strspn(s, " \t");
	}
	if (r->n < 4)
		return bad(r, &(struct word){ s, 0 },
			   "a packet is a protocol, its source, '>' and its destination");
	return 0;
}

static int take_end(struct reader *r, const struct word *w,
		    struct packet_end *ret)
{
	ret->any = is(w, "any");
	if (ret->any)
		return 0;
	if (endpoint_parse(w->s, w->n, &ret->at))
		return bad(r, w, "neither an address, with or without a port, nor 'any'");
	return 0;
}

static int take_protocol(struct reader *r)
{
	const struct word *w = &r->v[0];
	char name[32] = "";
	int proto;

	memcpy(name, w->s, w->n < sizeof(name) ? w->n : sizeof(name) - 1);
	proto = is(w, "icmpv6") ? IPPROTO_ICMPV6 : protocol_number(name);
	if (proto < 0)
		return bad(r, w, "not a protocol");
	r->spec.proto = (uint8_t)proto;
	return 0;
}

static int take_family(struct reader *r)
{
	const struct packet_end *a = &r->spec.from, *b = &r->spec.to;
	uint8_t family = a->any ? b->at.family : a->at.family;

	if (a->any && b->any)
		return bad(r, &r->v[3], "one address is needed, to tell IPv4 from IPv6");
	if (!a->any && !b->any && a->at.family != b->at.family)
		return bad(r, &r->v[3], "source and destination are of different families");
	r->spec.family = family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6;
	if (family == AF_INET6 && r->spec.proto == IPPROTO_ICMP)
		r->spec.proto = IPPROTO_ICMPV6;
	if (family == AF_INET && r->spec.proto == IPPROTO_ICMPV6)
		return bad(r, &r->v[0], "not a protocol of IPv4");
	if (protocol_has_ports(r->spec.proto))
		return 0;
	if (a->at.has_port)
		return bad(r, &r->v[1], "a port for a protocol that has none");
	return b->at.has_port ?
		       bad(r, &r->v[3], "a port for a protocol that has none") :
		       0;
}

static bool take_bits(const struct word *w, uint8_t *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(tcp_flags); i++)
		if (is(w, tcp_flags[i].name)) {
			*ret |= tcp_flags[i].bit;
			return true;
		}
	return false;
}

/* "syn", "syn,ack" */
static bool take_flags(struct reader *r, const struct word *w)
{
	struct word one = { w->s, 0 };
	const char *end = w->s + w->n;
	uint8_t flags = r->spec.flags;

	if (r->spec.proto != IPPROTO_TCP)
		return false;
	for (; one.s < end; one.s += one.n + 1) {
		one.n = strcspn(one.s, ", \t");
		if (!take_bits(&one, &flags))
			return false;
	}
	r->spec.flags = flags;
	r->spec.has_flags = true;
	return true;
}

/* Decimal, up to `max`; *s stands behind it. */
static bool take_number(const char **s, unsigned long max, uint32_t *ret)
{
	char *end;
	unsigned long n;

	if (**s < '0' || **s > '9')
		return false;
	n = strtoul(*s, &end, 0);
	if (n > max)
		return false;
	*s = end;
	*ret = (uint32_t)n;
	return true;
}

static bool take_type_name(struct reader *r, const struct word *w)
{
	bool v6 = r->spec.family == NFPROTO_IPV6;

	for (size_t i = 0; i < ARRAY_SIZE(icmp_types); i++) {
		uint8_t type = v6 ? icmp_types[i].v6 : icmp_types[i].v4;

		if (type == 255 || !is(w, icmp_types[i].name))
			continue;
		r->spec.type = type;
		r->spec.has_type = true;
		return true;
	}
	return false;
}

/* "8", "8/0", "echo-request" */
static bool take_type(struct reader *r, const struct word *w)
{
	const char *s = w->s;
	uint32_t type, code;

	if (r->spec.proto != IPPROTO_ICMP && r->spec.proto != IPPROTO_ICMPV6)
		return false;
	if (take_type_name(r, w))
		return true;
	if (!take_number(&s, 255, &type))
		return false;
	r->spec.has_code = *s == '/';
	if (*s == '/') {
		s++;
		if (!take_number(&s, 255, &code))
			return false;
		r->spec.code = (uint8_t)code;
	}
	r->spec.type = (uint8_t)type;
	r->spec.has_type = true;
	return s == w->s + w->n;
}

uint8_t packet_state_of(const char *word, size_t n)
{
	struct word w = { word, n };

	for (size_t i = 0; i < ARRAY_SIZE(states); i++)
		if (is(&w, states[i].name) &&
		    states[i].bit != NF_CT_STATE_UNTRACKED_BIT)
			return states[i].bit;
	return 0;
}

const char *packet_state_name(uint8_t bit)
{
	for (size_t i = 0; i < ARRAY_SIZE(states); i++)
		if (bit == states[i].bit)
			return states[i].name;
	return NULL;
}

static bool take_mark(struct reader *r, const struct word *w)
{
	static const char before[] = "mark=";
	const char *s = w->s + sizeof(before) - 1;

	if (strncmp(w->s, before, sizeof(before) - 1) ||
	    !take_number(&s, UINT32_MAX, &r->spec.mark))
		return false;
	r->spec.has_mark = true;
	return s == w->s + w->n;
}

/* "in by eth0": number of words; 0: it is something else. */
static int take_interface(struct reader *r, size_t i, size_t *ret)
{
	const struct word *w = &r->v[i], *name;
	char *to = is(w, "in") ? r->spec.in : r->spec.out;

	*ret = 0;
	if (!is(w, "in") && !is(w, "out"))
		return 0;
	if (i + 2 >= r->n || !is(&r->v[i + 1], "by"))
		return bad(r, w, "'by' and the name of an interface were expected behind this");
	if (*to)
		return bad(r, w, "said twice");
	name = &r->v[i + 2];
	if (name->n >= sizeof(r->spec.in))
		return bad(r, name, "no interface has so long a name");
	memcpy(to, name->s, name->n);
	to[name->n] = '\0';
	*ret = 3;
	return 0;
}

static int take_word(struct reader *r, const struct word *w)
{
	uint8_t state = packet_state_of(w->s, w->n);
	bool typed = r->spec.has_type, marked = r->spec.has_mark;

	if (state) {
		r->spec.states |= state;
		return 0;
	}
	if (is(w, "fragment")) {
		r->spec.fragment = true;
		return 0;
	}
	if (take_flags(r, w))
		return 0;
	if (take_type(r, w))
		return typed ? bad(r, w, "said twice") : 0;
	if (take_mark(r, w))
		return marked ? bad(r, w, "said twice") : 0;
	return bad(r, w, "not a word for such a packet");
}

int packet_spec_parse(const char *text, struct packet_spec *ret,
		      struct diags *d)
{
	struct reader r = { .text = text, .d = d };
	int err = split(&r);

	if (!err)
		err = take_protocol(&r);
	if (!err)
		err = take_end(&r, &r.v[1], &r.spec.from);
	if (!err && !is(&r.v[2], ">"))
		err = bad(&r, &r.v[2], "a '>' was expected here");
	if (!err)
		err = take_end(&r, &r.v[3], &r.spec.to);
	if (!err)
		err = take_family(&r);
	for (size_t i = 4, n; !err && i < r.n; i += n) {
		err = take_interface(&r, i, &n);
		if (!err && !n) {
			n = 1;
			err = take_word(&r, &r.v[i]);
		}
	}
	if (!err)
		*ret = r.spec;
	return err;
}

static void set_end(struct packet *p, const struct packet_end *e,
		    enum packet_field addr, enum packet_field port)
{
	if (!e->any)
		packet_set(p, addr, e->at.addr);
	if (e->at.has_port)
		packet_set_number(p, port, e->at.port);
}

void packet_of_spec(const struct packet_spec *spec, enum packet_path path,
		    struct packet *ret)
{
	packet_init(ret, spec->family, spec->proto, path);
	set_end(ret, &spec->from, FIELD_SADDR, FIELD_SPORT);
	set_end(ret, &spec->to, FIELD_DADDR, FIELD_DPORT);
	if (spec->has_flags)
		packet_set_number(ret, FIELD_TCP_FLAGS, spec->flags);
	if (spec->has_type)
		packet_set_number(ret, FIELD_ICMP_TYPE, spec->type);
	if (spec->has_code)
		packet_set_number(ret, FIELD_ICMP_CODE, spec->code);
	if (spec->has_mark)
		packet_set_number(ret, FIELD_MARK, spec->mark);
	if (spec->fragment)
		packet_cut(ret);
}
