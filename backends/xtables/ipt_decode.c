/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/xtables/ipt_decode.c: arguments to image rule. It takes what
 * iptables-save prints of a rule with our meaning, in whichever spelling: one
 * rule, one decoded form.
 */
#include <stdlib.h>
#include <string.h>

#include "backends/xtables/ipt_decode.h"
#include "backends/xtables/ipt_rule_args.h"
#include "core/intern.h"
#include "core/mem.h"
#include "core/strbuf.h"
#include "rules/own_names.h"

/* In this order: the C library has its own interface flags. */
#include <net/if.h>
#include <linux/netfilter.h>

struct decoder {
	const struct ipt_args *a;
	size_t i;			/* the next argument */
	uint8_t family;
	const struct image_table *sets;
	bool (*is_chain)(const char *name);
	struct image *img;
	struct image_rule *r;
	bool ct_target, has_target;
	bool no_group;			/* "! --dst-type MULTICAST" */
	bool bare;			/* a -m whose options are to come */
};

/* 0, -ENOMEM, or -EINVAL: not ours to say. */
typedef int option_fn(struct decoder *d, const char *arg, bool negated);

static int opt_addr(struct prefix_set *set, uint8_t family, const char *arg,
		    bool negated)
{
	struct prefix p;

	if (negated || set->n || prefix_parse(arg, &p) ||
	    (p.family == AF_INET) != (family == NFPROTO_IPV4))
		return -EINVAL;
	return p.len ? prefix_set_add(set, &p) : 0;
}

static int opt_source(struct decoder *d, const char *arg, bool negated)
{
	return opt_addr(&d->r->match.saddr, d->family, arg, negated);
}

static int opt_destination(struct decoder *d, const char *arg, bool negated)
{
	return opt_addr(&d->r->match.daddr, d->family, arg, negated);
}

static int opt_iface(struct iface_set *set, const char *arg, bool negated)
{
	size_t n = strlen(arg);
	struct iface i = { 0 };

	if (negated || set->n || !n || n >= sizeof(i.name))
		return -EINVAL;
	i.wild = arg[n - 1] == '+';
	memcpy(i.name, arg, n - i.wild);
	return iface_set_add(set, &i);
}

static int opt_in(struct decoder *d, const char *arg, bool negated)
{
	return opt_iface(&d->r->match.iif, arg, negated);
}

static int opt_out(struct decoder *d, const char *arg, bool negated)
{
	return opt_iface(&d->r->match.oif, arg, negated);
}

static int opt_proto(struct decoder *d, const char *arg, bool negated)
{
	int n;

	if (d->r->match.proto || d->r->match.not_tcp)
		return -EINVAL;
	if (negated) {
		d->r->match.not_tcp = true;
		return protocol_number(arg) == IPPROTO_TCP ? 0 : -EINVAL;
	}
	if (!strcmp(arg, "all") || !strcmp(arg, "0"))
		return 0;
	if (!strcmp(arg, "icmpv6") || !strcmp(arg, "ipv6-icmp"))
		n = IPPROTO_ICMPV6;
	else
		n = protocol_number(arg);
	if (n <= 0)
		return -EINVAL;
	d->r->match.proto = (uint8_t)n;
	return 0;
}

static int opt_fragment(struct decoder *d, const char *arg, bool negated)
{
	(void)arg;
	if (negated || d->family != NFPROTO_IPV4)
		return -EINVAL;
	d->r->match.fragment_tail = true;
	return 0;
}

static int opt_ports(struct port_set *set, const char *arg, bool negated)
{
	return negated || set->n ? -EINVAL : ipt_decode_ports(arg, set);
}

static int opt_sport(struct decoder *d, const char *arg, bool negated)
{
	return opt_ports(&d->r->match.sport, arg, negated);
}

static int opt_dport(struct decoder *d, const char *arg, bool negated)
{
	return opt_ports(&d->r->match.dport, arg, negated);
}

static int opt_tcp_flags(struct decoder *d, const char *arg, bool negated)
{
	if (!negated || d->i >= d->a->n || ipt_decode_flags(arg) != 0x17 ||
	    ipt_decode_flags(d->a->v[d->i]) != 0x02)
		return -EINVAL;
	d->i++;
	d->r->match.not_syn = true;
	return 0;
}

static int opt_syn(struct decoder *d, const char *arg, bool negated)
{
	(void)arg;
	if (!negated)
		return -EINVAL;
	d->r->match.not_syn = true;
	return 0;
}

static int opt_icmp(struct decoder *d, const char *arg, bool negated)
{
	struct match *m = &d->r->match;
	int type = negated || m->n_icmp ? -EINVAL : ipt_decode_icmp(arg);

	if (type < 0)
		return type;
	m->icmp[m->n_icmp++] = (struct icmp_range){ (uint8_t)type,
						    (uint8_t)type };
	return 0;
}

static int opt_fragfirst(struct decoder *d, const char *arg, bool negated)
{
	(void)arg;
	if (negated)
		return -EINVAL;
	/* Only the return that goes before the tails says this. */
	d->r->verdict = VERDICT_RETURN;
	return 0;
}

static int opt_fragid(struct decoder *d, const char *arg, bool negated)
{
	(void)d;
	return negated || strcmp(arg, "0:4294967295") ? -EINVAL : 0;
}

static int opt_src_type(struct decoder *d, const char *arg, bool negated)
{
	if (negated || strcmp(arg, "LOCAL") || d->r->match.src_local)
		return -EINVAL;
	d->r->match.src_local = true;
	return 0;
}

/* In IPv6 DST_TRANSIT is said in two steps, see encode_transit(). */
static int opt_dst_type(struct decoder *d, const char *arg, bool negated)
{
	static const struct {
		const char *text;
		bool negated, no_group;
		enum dst_kind dst;
	} kinds[] = {
		{ "LOCAL", false, false, DST_LOCAL },
		{ "LOCAL,BROADCAST,MULTICAST", false, false,
		  DST_LOCAL_OR_GROUP },
		{ "LOCAL,BROADCAST,ANYCAST,MULTICAST", true, false,
		  DST_TRANSIT },
		{ "LOCAL,ANYCAST", true, true, DST_TRANSIT },
		{ "LOCAL,ANYCAST", true, false, DST_AWAY },
	};

	if (d->r->match.dst != DST_ANY)
		return -EINVAL;
	if (negated && d->family == NFPROTO_IPV6 && !d->no_group &&
	    !strcmp(arg, "MULTICAST")) {
		d->no_group = true;
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (strcmp(kinds[i].text, arg) || kinds[i].negated != negated ||
		    kinds[i].no_group != d->no_group)
			continue;
		d->r->match.dst = kinds[i].dst;
		return 0;
	}
	return -EINVAL;
}

static int opt_state(struct decoder *d, const char *arg, bool negated)
{
	if (negated || d->r->match.ct != CT_ANY)
		return -EINVAL;
	if (!strcmp(arg, "UNTRACKED"))
		d->r->match.ct = CT_UNTRACKED;
	else if (!strcmp(arg, "INVALID,UNTRACKED") ||
		 !strcmp(arg, "UNTRACKED,INVALID"))
		d->r->match.ct = CT_INVALID_OR_UNTRACKED;
	else
		return -EINVAL;
	return 0;
}

static int opt_nowildcard(struct decoder *d, const char *arg, bool negated)
{
	(void)arg;
	if (negated || d->r->match.socket != SOCKET_BOUND)
		return -EINVAL;
	d->r->match.socket = SOCKET_OPEN;
	return 0;
}

/* "src,dst" against the dimensions of the set. */
static int lookup_parts(struct lookup *l, const struct image_set *s,
			const char *dirs)
{
	char text[32], *rest = text, *part;
	bool ports = s->elems.field[0] == FIELD_PORT;

	if (snprintf(text, sizeof(text), "%s", dirs) >= (int)sizeof(text))
		return -EINVAL;
	while ((part = strsep(&rest, ","))) {
		bool src = !strcmp(part, "src");
		unsigned int f = ipt_set_field(ports, s->elems.n_fields,
					       l->n_parts);

		if ((!src && strcmp(part, "dst")) ||
		    l->n_parts++ >= s->elems.n_fields)
			return -EINVAL;
		l->part[f] = s->elems.field[f] == FIELD_PORT ?
				     (src ? KEY_SPORT : KEY_DPORT) :
				     (src ? KEY_SADDR : KEY_DADDR);
	}
	return l->n_parts == s->elems.n_fields ? 0 : -EINVAL;
}

static int opt_match_set(struct decoder *d, const char *arg, bool negated)
{
	struct image_rule *r = d->r;
	const struct image_set *s;
	struct lookup *l;

	if (negated || d->i >= d->a->n || r->n_lookups == IMAGE_LOOKUPS_MAX)
		return -EINVAL;
	s = d->sets ? image_find_set(d->sets, arg) : NULL;
	if (!s)
		return -EINVAL;
	l = &r->lookup[r->n_lookups];
	memset(l, 0, sizeof(*l));
	if (lookup_parts(l, s, d->a->v[d->i++]))
		return -EINVAL;
	l->set = s->name;
	r->n_lookups++;
	return 0;
}

static int opt_comment(struct decoder *d, const char *arg, bool negated)
{
	if (negated || d->r->comment)
		return -EINVAL;
	d->r->comment = strdup(arg);
	if (!d->r->comment)
		return -ENOMEM;
	d->r->origin = image_origin(d->img, arg);
	return d->r->origin ? 0 : -ENOMEM;
}

/* -m frag: its RETURN is one of first fragments. */
static bool is_frag(const struct decoder *d)
{
	return d->family == NFPROTO_IPV6 && d->r->match.fragment_tail;
}

static int opt_jump(struct decoder *d, const char *arg, bool negated)
{
	struct image_rule *r = d->r;

	if (negated || d->has_target || d->bare)
		return -EINVAL;
	d->has_target = true;
	if (r->verdict == VERDICT_RETURN)	/* --fragfirst */
		return strcmp(arg, "RETURN") ? -EINVAL : 0;
	if (!strcmp(arg, "ACCEPT"))
		r->verdict = VERDICT_ACCEPT;
	else if (!strcmp(arg, "RETURN") && !is_frag(d))
		r->verdict = VERDICT_RETURN;
	else if (!strcmp(arg, "NOTRACK"))
		r->verdict = VERDICT_NOTRACK;
	else if (!strcmp(arg, "CT"))
		d->ct_target = true;
	else if (d->is_chain(arg)) {
		r->verdict = VERDICT_JUMP;
		r->target = intern(arg);
		return r->target ? 0 : -ENOMEM;
	} else
		return -EINVAL;
	return 0;
}

/* To a chain of NOTRACK alone, back from which this one is left. */
static int opt_goto(struct decoder *d, const char *arg, bool negated)
{
	if (negated || d->has_target || d->bare || !own_names_end(arg) ||
	    d->r->verdict == VERDICT_RETURN)
		return -EINVAL;
	d->has_target = d->r->ends = true;
	d->r->verdict = VERDICT_NOTRACK;
	d->r->target = intern(arg);
	return d->r->target ? 0 : -ENOMEM;
}

static int opt_notrack(struct decoder *d, const char *arg, bool negated)
{
	(void)arg;
	if (negated || !d->ct_target)
		return -EINVAL;
	d->r->verdict = VERDICT_NOTRACK;
	return 0;
}

/* Those of the host's own are another matter. */
static int opt_timeout(struct decoder *d, const char *arg, bool negated)
{
	const struct image_set *s =
		d->sets ? image_find_set(d->sets, arg) : NULL;

	if (negated || !d->ct_target || !s || !s->timers)
		return -EINVAL;
	d->r->verdict = VERDICT_TIMERS;
	d->r->target = s->name;
	return 0;
}

static int opt_match(struct decoder *d, const char *arg, bool negated)
{
	static const char *const known[] = {
		"tcp", "udp", "sctp", "dccp", "udplite", "multiport", "icmp",
		"icmp6", "addrtype", "conntrack", "state", "set", "comment",
	};

	if (negated || d->bare)
		return -EINVAL;
	if (!strcmp(arg, "socket")) {
		/* Two of them hold both, whatever the second one allows. */
		if (d->r->match.socket != SOCKET_ANY)
			return -EINVAL;
		d->r->match.socket = SOCKET_BOUND;
		return 0;
	}
	/* By itself it matches whatever has a fragment header. */
	if (!strcmp(arg, "frag")) {
		d->r->match.fragment_tail = true;
		return 0;
	}
	/*
	 * Without an option most match all the same: what is no fragment's
	 * tail, what has an entry.
	 */
	d->bare = true;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (!strcmp(known[i], arg))
			return 0;
	return -EINVAL;
}

static const struct option_row {
	const char *name;
	bool arg;
	bool of_match;
	option_fn *fn;
} options[] = {
	{ "-s", true, false, opt_source },
	{ "--source", true, false, opt_source },
	{ "-d", true, false, opt_destination },
	{ "--destination", true, false, opt_destination },
	{ "-i", true, false, opt_in },
	{ "--in-interface", true, false, opt_in },
	{ "-o", true, false, opt_out },
	{ "--out-interface", true, false, opt_out },
	{ "-p", true, false, opt_proto },
	{ "--protocol", true, false, opt_proto },
	{ "-f", false, false, opt_fragment },
	{ "--fragment", false, false, opt_fragment },
	{ "-m", true, false, opt_match },
	{ "--match", true, false, opt_match },
	{ "--sport", true, true, opt_sport },
	{ "--sports", true, true, opt_sport },
	{ "--source-port", true, true, opt_sport },
	{ "--source-ports", true, true, opt_sport },
	{ "--dport", true, true, opt_dport },
	{ "--dports", true, true, opt_dport },
	{ "--destination-port", true, true, opt_dport },
	{ "--destination-ports", true, true, opt_dport },
	{ "--tcp-flags", true, true, opt_tcp_flags },
	{ "--syn", false, true, opt_syn },
	{ "--icmp-type", true, true, opt_icmp },
	{ "--icmpv6-type", true, true, opt_icmp },
	{ "--fragfirst", false, true, opt_fragfirst },
	{ "--fragid", true, true, opt_fragid },
	{ "--src-type", true, true, opt_src_type },
	{ "--dst-type", true, true, opt_dst_type },
	{ "--ctstate", true, true, opt_state },
	{ "--state", true, true, opt_state },
	{ "--nowildcard", false, true, opt_nowildcard },
	{ "--match-set", true, true, opt_match_set },
	{ "--comment", true, true, opt_comment },
	{ "-j", true, false, opt_jump },
	{ "--jump", true, false, opt_jump },
	{ "-g", true, false, opt_goto },
	{ "--goto", true, false, opt_goto },
	{ "--notrack", false, false, opt_notrack },
	{ "--timeout", true, false, opt_timeout },
};

static int decode_option(struct decoder *d)
{
	const char *name = d->a->v[d->i++], *arg = NULL;
	bool negated = !strcmp(name, "!");

	if (negated) {
		if (d->i >= d->a->n)
			return -EINVAL;
		name = d->a->v[d->i++];
	}
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		if (strcmp(options[i].name, name))
			continue;
		if (options[i].arg) {
			if (d->i >= d->a->n)
				return -EINVAL;
			arg = d->a->v[d->i++];
		}
		if (options[i].of_match)
			d->bare = false;
		return options[i].fn(d, arg, negated);
	}
	return -EINVAL;
}

/* The kernel looks at ports of whatever protocol, where a rule names none. */
static bool has_protocol(const struct match *m)
{
	if ((m->sport.n || m->dport.n) && !protocol_has_ports(m->proto))
		return false;
	if (m->n_icmp && m->proto != IPPROTO_ICMP &&
	    m->proto != IPPROTO_ICMPV6)
		return false;
	return !m->not_syn || m->proto == IPPROTO_TCP;
}

int ipt_args_decode(const struct ipt_args *a, uint8_t family,
		    const struct image_table *sets,
		    bool (*is_chain)(const char *name), struct image *img,
		    struct image_rule *r)
{
	struct decoder d = {
		.a = a, .family = family, .sets = sets, .is_chain = is_chain,
		.img = img, .r = r,
	};
	int err = 0;

	if (ipt_args_lead_off(a))
		return ipt_args_words(a, r);
	r->verdict = VERDICT_UNKNOWN;
	r->match.family = family == NFPROTO_IPV4 ? AF_INET : AF_INET6;
	while (!err && d.i < a->n)
		err = decode_option(&d);
	if (err == -ENOMEM)
		return err;
	if (err || r->verdict == VERDICT_UNKNOWN || !d.has_target ||
	    !has_protocol(&r->match) ||
	    (d.no_group && r->match.dst != DST_TRANSIT))
		return ipt_args_text(a, VERDICT_UNKNOWN, r);
	return 0;
}
