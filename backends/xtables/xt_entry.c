/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/xtables/xt_entry.c: the built-in part of an entry: addresses,
 * interfaces, protocol.
 */
#include "backends/xtables/xt.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "backends/xtables/xt_guard.h"

#include "core/inet.h"
#include "core/mem.h"

size_t xt_head_size(uint8_t family)
{
	return family == NFPROTO_IPV4 ? sizeof(struct ipt_entry) :
					sizeof(struct ip6t_entry);
}

bool xt_next_match(uint8_t family, const void *entry, size_t *at,
		   struct xt_blob *ret)
{
	const struct ipt_entry *v4 = entry;
	const struct ip6t_entry *v6 = entry;
	size_t end = family == NFPROTO_IPV4 ? v4->target_offset :
					      v6->target_offset;
	const struct xt_entry_match *m;

	if (!*at)
		*at = xt_head_size(family);
	if (*at >= end)
		return false;
	m = (const struct xt_entry_match *)(const void *)
		((const uint8_t *)entry + *at);
	*at += m->u.match_size;
	*ret = (struct xt_blob){ m->u.user.name, m->u.user.revision, m->data,
				 m->u.match_size - sizeof(*m) };
	return true;
}

/* The fields that both families have, by pointer. */
struct fields {
	uint8_t *src, *smsk, *dst, *dmsk;
	size_t width;
	char *iniface, *outiface;
	unsigned char *iniface_mask, *outiface_mask;
	uint16_t proto;
	uint8_t flags, invflags;
};

static struct fields fields_of(const struct xt_head *h)
{
	if (h->family == NFPROTO_IPV4) {
		struct ipt_ip *ip = &h->v4->ip;

		return (struct fields){
			(uint8_t *)&ip->src, (uint8_t *)&ip->smsk,
			(uint8_t *)&ip->dst, (uint8_t *)&ip->dmsk, 4,
			ip->iniface, ip->outiface, ip->iniface_mask,
			ip->outiface_mask, ip->proto, ip->flags, ip->invflags,
		};
	} else {
		struct ip6t_ip6 *ip = &h->v6->ipv6;

		return (struct fields){
			(uint8_t *)&ip->src, (uint8_t *)&ip->smsk,
			(uint8_t *)&ip->dst, (uint8_t *)&ip->dmsk, 16,
			ip->iniface, ip->outiface, ip->iniface_mask,
			ip->outiface_mask,
			ip->flags & IP6T_F_PROTO ? ip->proto : 0,
			ip->flags, ip->invflags,
		};
	}
}

static int take_addr(uint8_t *addr, uint8_t *mask, size_t width,
		     const char *arg)
{
	struct prefix p;

	if (prefix_parse(arg, &p) || (p.family == AF_INET) != (width == 4))
		return -EINVAL;
	memcpy(addr, p.addr, width);
	for (size_t i = 0; i < p.len; i++)
		mask[i / 8] |= (uint8_t)(0x80 >> i % 8);
	return 0;
}

/* "eth0" matches with its NUL, "wan+" up to the plus. */
static int take_iface(char *name, unsigned char *mask, const char *arg)
{
	size_t n = strlen(arg);
	bool wild = n && arg[n - 1] == '+';

	if (!n || n >= IFNAMSIZ)
		return -EINVAL;
	memcpy(name, arg, n);
	memset(mask, 0xff, n - wild + !wild);
	return 0;
}

static int take_proto(struct xt_head *h, const char *arg)
{
	int n = protocol_number(arg);

	if (n <= 0)
		return -EINVAL;
	if (h->family == NFPROTO_IPV4) {
		h->v4->ip.proto = (uint16_t)n;
	} else {
		h->v6->ipv6.proto = (uint16_t)n;
		h->v6->ipv6.flags |= IP6T_F_PROTO;
	}
	return 0;
}

/* "!" ahead of an option; IPv6 has the same bits. */
static void negate(struct xt_head *h, char option)
{
	static const struct {
		char option;
		uint8_t flag;
	} rows[] = {
		{ 's', IPT_INV_SRCIP }, { 'd', IPT_INV_DSTIP },
		{ 'i', IPT_INV_VIA_IN }, { 'o', IPT_INV_VIA_OUT },
		{ 'p', XT_INV_PROTO }, { 'f', IPT_INV_FRAG },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (rows[i].option != option)
			continue;
		if (h->family == NFPROTO_IPV4)
			h->v4->ip.invflags |= rows[i].flag;
		else
			h->v6->ipv6.invflags |= rows[i].flag;
	}
}

int xt_head_take(struct xt_head *h, const struct ipt_args *a, size_t *i,
		 bool negated)
{
	struct fields f = fields_of(h);
	const char *opt = a->v[*i], *arg = a->v[*i + 1];

	if (!strcmp(opt, "-f") && h->family == NFPROTO_IPV4) {
		h->v4->ip.flags |= IPT_F_FRAG;
		if (negated)
			negate(h, 'f');
		++*i;
		return 0;
	}
	if (strlen(opt) != 2 || !strchr("sdiop", opt[1]))
		return -ENOENT;
	if (!arg)
		return -EINVAL;
	if (negated)
		negate(h, opt[1]);
	*i += 2;
	switch (opt[1]) {
	case 's':
		return take_addr(f.src, f.smsk, f.width, arg);
	case 'd':
		return take_addr(f.dst, f.dmsk, f.width, arg);
	case 'i':
		return take_iface(f.iniface, f.iniface_mask, arg);
	case 'o':
		return take_iface(f.outiface, f.outiface_mask, arg);
	default:
		return take_proto(h, arg);
	}
}

static void print_addr(const uint8_t *addr, const uint8_t *mask, size_t width,
		       const char *opt, bool negated, FILE *out)
{
	int family = width == 4 ? AF_INET : AF_INET6;
	char a[INET6_ADDRSTRLEN], m[INET6_ADDRSTRLEN];
	size_t len = 0, ones = 0;
	uint8_t some = 0;

	while (len < width * 8 && mask[len / 8] & 0x80 >> len % 8)
		len++;
	for (size_t i = 0; i < width; i++)
		ones += (size_t)__builtin_popcount(mask[i]);
	/* An address that no mask lets through matches nothing. */
	for (size_t i = 0; i < width; i++)
		some |= addr[i];
	if (!ones && !some && !negated)
		return;
	inet_ntop(family, addr, a, sizeof(a));
	inet_ntop(family, mask, m, sizeof(m));
	fprintf(out, "%s %s %s", negated ? " !" : "", opt, a);
	if (ones == len)
		fprintf(out, "/%zu", len);
	else
		fprintf(out, "/%s", m);
}

/*
 * Is it a name, or the beginning of one, as iptables writes them? The mask of a
 * name covers its NUL; a name that ends in '+' would read as a beginning.
 */
static bool is_plain_iface(const char *name, const unsigned char *mask,
			   size_t n)
{
	size_t end = n;

	for (size_t i = 0; i < n; i++)
		if (mask[i] != 0xff)
			return false;
	while (end < IFNAMSIZ && mask[end] == 0xff && !name[end])
		end++;
	for (size_t i = end; i < IFNAMSIZ; i++)
		if (mask[i])
			return false;
	return end == n || !n || name[n - 1] != '+';
}

void xt_print_word(const char *s, size_t n, FILE *out)
{
	if (!n)
		fputs("\"\"", out);
	for (size_t i = 0; i < n; i++)
		fprintf(out, "%s%c", strchr(" \t\r\"\\", s[i]) ? "\\" : "",
			s[i]);
}

static void print_iface(const char *name, const unsigned char *mask,
			const char *opt, bool negated, FILE *out)
{
	static const unsigned char no_mask[IFNAMSIZ];
	size_t n = 0;

	while (n < IFNAMSIZ - 1 && mask[n] && name[n])
		n++;
	if (!name[0] && !memcmp(mask, no_mask, sizeof(no_mask)) && !negated)
		return;
	fprintf(out, "%s %s ", negated ? " !" : "", opt);
	if (n || mask[n])
		xt_print_word(name, n, out);
	fputs(mask[n] ? "" : "+", out);
	if (!is_plain_iface(name, mask, n))
		fputs(" --odd-interface", out);
}

const char *xt_proto_name(uint32_t proto)
{
	static const struct {
		uint32_t proto;
		const char *name;
	} names[] = {
		{ IPPROTO_ICMP, "icmp" }, { IPPROTO_TCP, "tcp" },
		{ IPPROTO_UDP, "udp" }, { IPPROTO_GRE, "gre" },
		{ IPPROTO_ESP, "esp" }, { IPPROTO_AH, "ah" },
		{ IPPROTO_ICMPV6, "ipv6-icmp" }, { IPPROTO_SCTP, "sctp" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].proto == proto)
			return names[i].name;
	return NULL;
}

static void print_proto(uint16_t proto, bool negated, FILE *out)
{
	const char *name = xt_proto_name(proto);
	const char *sign = negated ? " !" : "";

	if (name)
		fprintf(out, "%s -p %s", sign, name);
	else
		fprintf(out, "%s -p %u", sign, proto);
}

void xt_head_print(const struct xt_head *h, FILE *out)
{
	struct fields f = fields_of(h);
	bool frag = h->family == NFPROTO_IPV4 &&
		    (f.flags & IPT_F_FRAG || f.invflags & IPT_INV_FRAG);

	print_addr(f.src, f.smsk, f.width, "-s", f.invflags & IPT_INV_SRCIP,
		   out);
	print_addr(f.dst, f.dmsk, f.width, "-d", f.invflags & IPT_INV_DSTIP,
		   out);
	print_iface(f.iniface, f.iniface_mask, "-i",
		    f.invflags & IPT_INV_VIA_IN, out);
	print_iface(f.outiface, f.outiface_mask, "-o",
		    f.invflags & IPT_INV_VIA_OUT, out);
	if (f.proto)
		print_proto(f.proto, f.invflags & XT_INV_PROTO, out);
	if (frag)
		fprintf(out, "%s -f", f.invflags & IPT_INV_FRAG ? " !" : "");
}

void xt_head_go(struct xt_head *h)
{
	if (h->family == NFPROTO_IPV4)
		h->v4->ip.flags |= IPT_F_GOTO;
	else
		h->v6->ipv6.flags |= IP6T_F_GOTO;
}

bool xt_head_goes(const struct xt_head *h)
{
	return h->family == NFPROTO_IPV4 ? h->v4->ip.flags & IPT_F_GOTO :
					   h->v6->ipv6.flags & IP6T_F_GOTO;
}
