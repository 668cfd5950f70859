/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/xtables/ipt_encode.c: image rule to arguments, in the order that
 * iptables-save prints: what the built-in part of a rule says, then matches
 * from cheap to dear, so that a packet of another service leaves the rule
 * early.
 */
#include <string.h>

#include "backends/xtables/ipt_rule_args.h"
#include "core/mem.h"
#include "core/strbuf.h"

/* In this order: the C library has its own interface flags. */
#include <net/if.h>
#include <linux/netfilter.h>

/*
 * Names that every libxtables knows without /etc/protocols; others are written
 * as numbers.
 */
static const struct {
	uint8_t proto;
	const char *name;
} proto_names[] = {
	{ IPPROTO_TCP, "tcp" },
	{ IPPROTO_UDP, "udp" },
	{ IPPROTO_SCTP, "sctp" },
	{ IPPROTO_UDPLITE, "udplite" },
	{ IPPROTO_ICMP, "icmp" },
	{ IPPROTO_ICMPV6, "ipv6-icmp" },
	{ IPPROTO_ESP, "esp" },
	{ IPPROTO_AH, "ah" },
};

unsigned int ipt_set_field(bool has_port, unsigned int n, unsigned int i)
{
	return has_port && n > 1 && i < 2 ? 1 - i : i;
}

/* Append all of the NULL-terminated words. */
static int add_words(struct ipt_args *a, const char *const *w)
{
	for (; *w; w++)
		if (ipt_args_add(a, *w))
			return -ENOMEM;
	return 0;
}

#define WORDS(a, ...) add_words(a, (const char *const[]){ __VA_ARGS__, NULL })

static int encode_addr(struct ipt_args *a, const char *opt,
		       const struct prefix_set *s)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	struct prefix p;

	if (!s->n)
		return 0;
	if (s->n > 1)
		return -EOPNOTSUPP;
	p = prefix_set_at(s, 0);
	prefix_print(&p, &b);
	if (strbuf_status(&b))
		return -ENOMEM;
	/* iptables-save prints the length of a host address, too. */
	if (!strchr(strbuf_str(&b), '/'))
		strbuf_printf(&b, "/%u", p.len);
	return WORDS(a, opt, strbuf_str(&b));
}

static int encode_iface(struct ipt_args *a, const char *opt,
			const struct iface_set *s)
{
	const struct iface *i = s->v;

	if (!s->n)
		return 0;
	if (s->n > 1)
		return -EOPNOTSUPP;
	/* A final '+' is iptables' way of writing a wild name. */
	if (!i->wild && *i->name && i->name[strlen(i->name) - 1] == '+')
		return -EOPNOTSUPP;
	if (ipt_args_add(a, opt))
		return -ENOMEM;
	return ipt_args_addf(a, "%s%s", i->name, i->wild ? "+" : "");
}

static int encode_proto(struct ipt_args *a, const struct match *m)
{
	uint8_t proto = m->proto;

	if (!proto)
		return m->not_tcp ? WORDS(a, "!", "-p", "tcp") : 0;
	for (size_t i = 0; i < ARRAY_SIZE(proto_names); i++)
		if (proto_names[i].proto == proto)
			return WORDS(a, "-p", proto_names[i].name);
	if (ipt_args_add(a, "-p"))
		return -ENOMEM;
	return ipt_args_addf(a, "%u", proto);
}

/*
 * -m multiport serves every protocol with ports, one port or many alike: one
 * form for one meaning.
 */
static int encode_ports(struct ipt_args *a, const char *opt,
			const struct port_set *s)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	size_t slots = 0;

	if (!s->n)
		return 0;
	for (size_t i = 0; i < s->n; i++) {
		const struct port_range *r = &s->v[i];

		strbuf_printf(&b, "%s%u", i ? "," : "", r->first);
		if (r->last != r->first)
			strbuf_printf(&b, ":%u", r->last);
		slots += r->last != r->first ? 2 : 1;
	}
	if (slots > IPT_PORTS_MAX)
		return -EOPNOTSUPP;
	if (strbuf_status(&b))
		return -ENOMEM;
	return WORDS(a, "-m", "multiport", opt, strbuf_str(&b));
}

static int encode_icmp(struct ipt_args *a, const struct match *m,
		       uint8_t family)
{
	bool v4 = family == NFPROTO_IPV4;
	int err;

	if (!m->n_icmp)
		return 0;
	if (m->n_icmp > 1 || m->icmp[0].first != m->icmp[0].last)
		return -EOPNOTSUPP;
	err = WORDS(a, "-m", v4 ? "icmp" : "icmp6",
		    v4 ? "--icmp-type" : "--icmpv6-type");
	return err ? err : ipt_args_addf(a, "%u", m->icmp[0].first);
}

/*
 * ip6tables cannot say "not the first fragment". A chain returns its first
 * fragments, and what then still has a fragment header is a tail.
 */
static int encode_fragment(struct ipt_args *a, const struct image_rule *r,
			   uint8_t family)
{
	if (!r->match.fragment_tail)
		return 0;
	if (family == NFPROTO_IPV4)
		return WORDS(a, "-f");
	if (r->verdict == VERDICT_RETURN)
		return WORDS(a, "-m", "frag", "--fragfirst");
	return WORDS(a, "-m", "frag");
}

static int encode_lookups(struct ipt_args *a, const struct image_rule *r)
{
	for (size_t i = 0; i < r->n_lookups; i++) {
		const struct lookup *l = &r->lookup[i];
		_cleanup_(strbuf_release) struct strbuf b = { 0 };

		bool ports = l->part[0] == KEY_SPORT || l->part[0] == KEY_DPORT;

		for (unsigned int j = 0; j < l->n_parts; j++) {
			enum key_part p =
				l->part[ipt_set_field(ports, l->n_parts, j)];

			strbuf_printf(&b, "%s%s", j ? "," : "",
				      p == KEY_SADDR || p == KEY_SPORT ?
					      "src" : "dst");
		}
		if (strbuf_status(&b) ||
		    WORDS(a, "-m", "set", "--match-set", l->set,
			  strbuf_str(&b)))
			return -ENOMEM;
	}
	return 0;
}

/*
 * ip6tables takes several types for "all at once" as soon as multicast is
 * among them: it needs two matches where iptables has one.
 */
static int encode_transit(struct ipt_args *a, uint8_t family)
{
	if (family == NFPROTO_IPV4)
		return WORDS(a, "-m", "addrtype", "!", "--dst-type",
			     "LOCAL,BROADCAST,ANYCAST,MULTICAST");
	return WORDS(a, "-m", "addrtype", "!", "--dst-type", "MULTICAST",
		     "-m", "addrtype", "!", "--dst-type", "LOCAL,ANYCAST");
}

static int encode_dst(struct ipt_args *a, enum dst_kind dst, uint8_t family)
{
	switch (dst) {
	case DST_LOCAL:
		return WORDS(a, "-m", "addrtype", "--dst-type", "LOCAL");
	case DST_LOCAL_OR_GROUP:
		/* IPv4 alone, see ipt_split.h */
		return WORDS(a, "-m", "addrtype", "--dst-type",
			     "LOCAL,BROADCAST,MULTICAST");
	case DST_TRANSIT:
		return encode_transit(a, family);
	case DST_AWAY:
		return WORDS(a, "-m", "addrtype", "!", "--dst-type",
			     "LOCAL,ANYCAST");
	case DST_ANY:
	case DST_MAX_:
		break;
	}
	return 0;
}

static int encode_state(struct ipt_args *a, const struct match *m)
{
	int err = 0;

	if (m->ct != CT_ANY)
		err = WORDS(a, "-m", "conntrack", "--ctstate",
			    m->ct == CT_UNTRACKED ? "UNTRACKED" :
						    "INVALID,UNTRACKED");
	if (!err && m->socket != SOCKET_ANY)
		err = WORDS(a, "-m", "socket");
	if (!err && m->socket == SOCKET_OPEN)
		err = ipt_args_add(a, "--nowildcard");
	return err;
}

static int encode_verdict(struct ipt_args *a, const struct image_rule *r)
{
	if (r->comment && WORDS(a, "-m", "comment", "--comment", r->comment))
		return -ENOMEM;
	switch (r->verdict) {
	case VERDICT_NOTRACK:
		return r->ends ? WORDS(a, "-g", r->target) :
				 WORDS(a, "-j", "CT", "--notrack");
	case VERDICT_ACCEPT:
		return WORDS(a, "-j", "ACCEPT");
	case VERDICT_RETURN:
		return WORDS(a, "-j", "RETURN");
	case VERDICT_JUMP:
		return WORDS(a, "-j", r->target);
	case VERDICT_TIMERS:
		return WORDS(a, "-j", "CT", "--timeout", r->target);
	case VERDICT_WORDS:
	case VERDICT_UNKNOWN:
	case VERDICT_MAX_:
		break;
	}
	return -EOPNOTSUPP;
}

static int encode(const struct image_rule *r, uint8_t family,
		  struct ipt_args *a)
{
	const struct match *m = &r->match;
	int err;

	if ((err = encode_addr(a, "-s", &m->saddr)) ||
	    (err = encode_addr(a, "-d", &m->daddr)) ||
	    (err = encode_iface(a, "-i", &m->iif)) ||
	    (err = encode_iface(a, "-o", &m->oif)) ||
	    (err = encode_proto(a, m)) ||
	    (err = encode_fragment(a, r, family)) ||
	    (err = encode_ports(a, "--sports", &m->sport)) ||
	    (err = encode_ports(a, "--dports", &m->dport)) ||
	    (err = encode_icmp(a, m, family)) ||
	    (err = encode_lookups(a, r)))
		return err;
	if (m->not_syn && (err = WORDS(a, "-m", "tcp", "!", "--tcp-flags",
				       "FIN,SYN,RST,ACK", "SYN")))
		return err;
	if (m->src_local &&
	    (err = WORDS(a, "-m", "addrtype", "--src-type", "LOCAL")))
		return err;
	if ((err = encode_dst(a, m->dst, family)) ||
	    (err = encode_state(a, m)))
		return err;
	return encode_verdict(a, r);
}

int ipt_args_encode(const struct image_rule *r, uint8_t family,
		    struct ipt_args *ret)
{
	_cleanup_(ipt_args_release) struct ipt_args a = { 0 };
	int err;

	/* An unknown rule is its own text. */
	if (r->verdict == VERDICT_UNKNOWN || r->verdict == VERDICT_WORDS)
		err = r->unknown ? ipt_args_split(r->unknown,
						  strlen(r->unknown), &a) :
				   -EOPNOTSUPP;
	else
		err = encode(r, family, &a);
	if (err)
		return err;
	*ret = a;
	memset(&a, 0, sizeof(a));
	return 0;
}
