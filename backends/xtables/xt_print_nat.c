/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/xtables/xt_print_nat.c: targets that translate, as arguments.
 *
 * libxtables keeps of an extension only what is for the family at hand when it
 * is loaded: in one process it knows those of the other family no more.
 *
 * Source: linux/netfilter/nf_nat.h; libxt_NAT.c of iptables.
 */
#include <arpa/inet.h>
#include <string.h>

#include "backends/xtables/xt.h"
#include "core/inet.h"
#include "core/mem.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/x_tables.h>

static const struct {
	const char *target, *option;
} options[] = {
	{ "SNAT", "--to-source" }, { "DNAT", "--to-destination" },
	{ "REDIRECT", "--to-ports" }, { "MASQUERADE", "--to-ports" },
};

static const char *option_of(const char *target)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (!strcmp(target, options[i].target))
			return options[i].option;
	return NULL;
}

static void print_addresses(uint8_t family, const struct nf_nat_range *r,
			    FILE *out)
{
	int af = family == NFPROTO_IPV4 ? AF_INET : AF_INET6;
	size_t n = addr_bytes(family);
	char text[INET6_ADDRSTRLEN];
	bool bracket = n == 16 && r->flags & NF_NAT_RANGE_PROTO_SPECIFIED;

	fputs(bracket ? "[" : "", out);
	fputs(inet_ntop(af, &r->min_addr, text, sizeof(text)), out);
	if (memcmp(&r->min_addr, &r->max_addr, n) != 0)
		fprintf(out, "-%s", inet_ntop(af, &r->max_addr, text,
					      sizeof(text)));
	fputs(bracket ? "]" : "", out);
}

static void print_range(uint8_t family, const char *option,
			const struct nf_nat_range *r, FILE *out)
{
	bool ports = r->flags & NF_NAT_RANGE_PROTO_SPECIFIED;
	bool ips = r->flags & NF_NAT_RANGE_MAP_IPS &&
		   strcmp(option, "--to-ports") != 0;

	if (ips || ports)
		fprintf(out, " %s ", option);
	if (ips)
		print_addresses(family, r, out);
	if (ports) {
		fprintf(out, "%s%u", ips ? ":" : "",
			ntohs(r->min_proto.all));
		if (r->max_proto.all != r->min_proto.all)
			fprintf(out, "-%u", ntohs(r->max_proto.all));
	}
	if (r->flags & NF_NAT_RANGE_PROTO_RANDOM_FULLY)
		fputs(" --random-fully", out);
	else if (r->flags & NF_NAT_RANGE_PROTO_RANDOM)
		fputs(" --random", out);
	if (r->flags & NF_NAT_RANGE_PERSISTENT)
		fputs(" --persistent", out);
}

/* What IPv4 has in revision 0: one range, written otherwise. */
static bool read_compat(const void *info, size_t n, struct nf_nat_range *ret)
{
	struct nf_nat_ipv4_multi_range_compat m;

	if (n < sizeof(m))
		return false;
	memcpy(&m, info, sizeof(m));
	if (m.rangesize != 1)
		return false;
	*ret = (struct nf_nat_range){ .flags = m.range[0].flags };
	ret->min_addr.ip = m.range[0].min_ip;
	ret->max_addr.ip = m.range[0].max_ip;
	ret->min_proto = m.range[0].min;
	ret->max_proto = m.range[0].max;
	return true;
}

bool xt_print_nat(uint8_t family, const struct xt_entry_target *e, FILE *out)
{
	size_t n = e->u.target_size - sizeof(*e);
	const char *option = option_of(e->u.user.name);
	struct nf_nat_range r;

	if (!option || e->u.target_size < sizeof(*e) ||
	    e->u.user.revision > 2)
		return false;
	if (family == NFPROTO_IPV4 && !e->u.user.revision) {
		if (!read_compat(e->data, n, &r))
			return false;
	} else {
		if (n < sizeof(r))
			return false;
		/* Revision 2 has a base port behind it. */
		memcpy(&r, e->data, sizeof(r));
	}
	if (r.flags & NF_NAT_RANGE_PROTO_OFFSET)
		return false;
	print_range(family, option, &r, out);
	return true;
}
