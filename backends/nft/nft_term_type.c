/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/nft/nft_term_type.c: nft's data types, and the names of values. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <linux/netfilter.h>

#include "backends/nft/nft_term.h"
#include "core/mem.h"

static const struct {
	const char *name;		/* in `type ...` */
	uint8_t bytes;
	bool flags;
} types[] = {
	[TYPE_OPAQUE] = { "", 0, false },
	[TYPE_ADDR4] = { "ipv4_addr", 4, false },
	[TYPE_ADDR6] = { "ipv6_addr", 16, false },
	[TYPE_PORT] = { "inet_service", 2, false },
	[TYPE_PROTO] = { "inet_proto", 1, false },
	[TYPE_NEXTHDR] = { "", 1, false },
	[TYPE_NFPROTO] = { "nf_proto", 1, false },
	[TYPE_ETHERTYPE] = { "ether_type", 1, false },	/* as a family */
	[TYPE_IFNAME] = { "ifname", 16, false },
	[TYPE_IFINDEX] = { "iface_index", 16, false },	/* by name */
	[TYPE_TCP_FLAG] = { "tcp_flag", 1, true },
	[TYPE_ICMP] = { "icmp_type", 1, false },
	[TYPE_ICMP6] = { "icmpv6_type", 1, false },
	[TYPE_ICMP_CODE] = { "icmp_code", 1, false },
	[TYPE_ICMP6_CODE] = { "icmpv6_code", 1, false },
	[TYPE_STATE] = { "ct_state", 4, true },
	[TYPE_STATUS] = { "ct_status", 4, true },
	[TYPE_MARK] = { "mark", 4, false },
	[TYPE_ADDRTYPE] = { "fib_addrtype", 4, false },
	[TYPE_BOOL] = { "boolean", 1, false },
	[TYPE_FRAG_OFF] = { "", 1, false },
	[TYPE_FRAG_OFF6] = { "", 1, false },
	[TYPE_NO_FRAGMENT] = { "", 1, false },
};
_Static_assert(ARRAY_SIZE(types) == TYPE_MAX_, "types misses a row");

/* As `nft describe` lists them. */
static const struct {
	uint8_t type;
	const char *name;
	uint16_t number;
} names[] = {
	{ TYPE_NFPROTO, "ipv4", NFPROTO_IPV4 },
	{ TYPE_NFPROTO, "ipv6", NFPROTO_IPV6 },
	{ TYPE_ETHERTYPE, "ip", 0x0800 }, { TYPE_ETHERTYPE, "arp", 0x0806 },
	{ TYPE_ETHERTYPE, "ip6", 0x86dd }, { TYPE_ETHERTYPE, "vlan", 0x8100 },
	{ TYPE_ETHERTYPE, "8021q", 0x8100 },
	{ TYPE_ETHERTYPE, "8021ad", 0x88a8 },
	{ TYPE_TCP_FLAG, "fin", 1 }, { TYPE_TCP_FLAG, "syn", 2 },
	{ TYPE_TCP_FLAG, "rst", 4 }, { TYPE_TCP_FLAG, "psh", 8 },
	{ TYPE_TCP_FLAG, "ack", 0x10 }, { TYPE_TCP_FLAG, "urg", 0x20 },
	{ TYPE_TCP_FLAG, "ecn", 0x40 }, { TYPE_TCP_FLAG, "cwr", 0x80 },
	{ TYPE_ICMP, "echo-reply", 0 },
	{ TYPE_ICMP, "destination-unreachable", 3 },
	{ TYPE_ICMP, "source-quench", 4 }, { TYPE_ICMP, "redirect", 5 },
	{ TYPE_ICMP, "echo-request", 8 },
	{ TYPE_ICMP, "router-advertisement", 9 },
	{ TYPE_ICMP, "router-solicitation", 10 },
	{ TYPE_ICMP, "time-exceeded", 11 },
	{ TYPE_ICMP, "parameter-problem", 12 },
	{ TYPE_ICMP, "timestamp-request", 13 },
	{ TYPE_ICMP, "timestamp-reply", 14 },
	{ TYPE_ICMP, "info-request", 15 }, { TYPE_ICMP, "info-reply", 16 },
	{ TYPE_ICMP, "address-mask-request", 17 },
	{ TYPE_ICMP, "address-mask-reply", 18 },
	{ TYPE_ICMP6, "destination-unreachable", 1 },
	{ TYPE_ICMP6, "packet-too-big", 2 },
	{ TYPE_ICMP6, "time-exceeded", 3 },
	{ TYPE_ICMP6, "parameter-problem", 4 },
	{ TYPE_ICMP6, "echo-request", 128 }, { TYPE_ICMP6, "echo-reply", 129 },
	{ TYPE_ICMP6, "mld-listener-query", 130 },
	{ TYPE_ICMP6, "mld-listener-report", 131 },
	{ TYPE_ICMP6, "mld-listener-done", 132 },
	{ TYPE_ICMP6, "mld-listener-reduction", 132 },
	{ TYPE_ICMP6, "nd-router-solicit", 133 },
	{ TYPE_ICMP6, "nd-router-advert", 134 },
	{ TYPE_ICMP6, "nd-neighbor-solicit", 135 },
	{ TYPE_ICMP6, "nd-neighbor-advert", 136 },
	{ TYPE_ICMP6, "nd-redirect", 137 },
	{ TYPE_ICMP6, "router-renumbering", 138 },
	{ TYPE_ICMP6, "ind-neighbor-solicit", 141 },
	{ TYPE_ICMP6, "ind-neighbor-advert", 142 },
	{ TYPE_ICMP6, "mld2-listener-report", 143 },
	{ TYPE_ICMP_CODE, "net-unreachable", 0 },
	{ TYPE_ICMP_CODE, "host-unreachable", 1 },
	{ TYPE_ICMP_CODE, "prot-unreachable", 2 },
	{ TYPE_ICMP_CODE, "port-unreachable", 3 },
	{ TYPE_ICMP_CODE, "frag-needed", 4 },
	{ TYPE_ICMP_CODE, "net-prohibited", 9 },
	{ TYPE_ICMP_CODE, "host-prohibited", 10 },
	{ TYPE_ICMP_CODE, "admin-prohibited", 13 },
	{ TYPE_ICMP6_CODE, "no-route", 0 },
	{ TYPE_ICMP6_CODE, "admin-prohibited", 1 },
	{ TYPE_ICMP6_CODE, "addr-unreachable", 3 },
	{ TYPE_ICMP6_CODE, "port-unreachable", 4 },
	{ TYPE_ICMP6_CODE, "policy-fail", 5 },
	{ TYPE_ICMP6_CODE, "reject-route", 6 },
	{ TYPE_STATE, "invalid", 1 }, { TYPE_STATE, "established", 2 },
	{ TYPE_STATE, "related", 4 }, { TYPE_STATE, "new", 8 },
	{ TYPE_STATE, "untracked", 64 },
	{ TYPE_STATUS, "expected", 1 }, { TYPE_STATUS, "seen-reply", 2 },
	{ TYPE_STATUS, "assured", 4 }, { TYPE_STATUS, "confirmed", 8 },
	{ TYPE_STATUS, "snat", 0x10 }, { TYPE_STATUS, "dnat", 0x20 },
	{ TYPE_STATUS, "dying", 0x200 },
	{ TYPE_ADDRTYPE, "unspec", 0 }, { TYPE_ADDRTYPE, "unicast", 1 },
	{ TYPE_ADDRTYPE, "local", 2 }, { TYPE_ADDRTYPE, "broadcast", 3 },
	{ TYPE_ADDRTYPE, "anycast", 4 }, { TYPE_ADDRTYPE, "multicast", 5 },
	{ TYPE_ADDRTYPE, "blackhole", 6 }, { TYPE_ADDRTYPE, "unreachable", 7 },
	{ TYPE_ADDRTYPE, "prohibit", 8 },
	{ TYPE_BOOL, "exists", 1 }, { TYPE_BOOL, "missing", 0 },
	/* /etc/protocols, and nft's own words */
	{ TYPE_PROTO, "tcp", 6 }, { TYPE_PROTO, "udp", 17 },
	{ TYPE_PROTO, "icmp", 1 }, { TYPE_PROTO, "ipv6-icmp", 58 },
	{ TYPE_PROTO, "icmpv6", 58 }, { TYPE_PROTO, "sctp", 132 },
	{ TYPE_PROTO, "dccp", 33 }, { TYPE_PROTO, "udplite", 136 },
	{ TYPE_PROTO, "igmp", 2 }, { TYPE_PROTO, "gre", 47 },
	{ TYPE_PROTO, "esp", 50 }, { TYPE_PROTO, "ah", 51 },
	{ TYPE_PROTO, "comp", 108 }, { TYPE_PROTO, "ipcomp", 108 },
	{ TYPE_PROTO, "ospf", 89 }, { TYPE_PROTO, "pim", 103 },
	{ TYPE_PROTO, "vrrp", 112 }, { TYPE_PROTO, "l2tp", 115 },
	{ TYPE_PROTO, "ipencap", 4 }, { TYPE_PROTO, "ipip", 94 },
	{ TYPE_PROTO, "ipv6", 41 }, { TYPE_PROTO, "ipv6-route", 43 },
	{ TYPE_PROTO, "ipv6-frag", 44 }, { TYPE_PROTO, "ipv6-nonxt", 59 },
	{ TYPE_PROTO, "ipv6-opts", 60 }, { TYPE_PROTO, "hopopt", 0 },
	{ TYPE_PROTO, "eigrp", 88 }, { TYPE_PROTO, "isis", 124 },
	{ TYPE_PROTO, "rsvp", 46 }, { TYPE_PROTO, "etherip", 97 },
	{ TYPE_PROTO, "egp", 8 }, { TYPE_PROTO, "igp", 9 },
	{ TYPE_PROTO, "mobility-header", 135 }, { TYPE_PROTO, "hip", 139 },
	{ TYPE_PROTO, "shim6", 140 }, { TYPE_PROTO, "mpls-in-ip", 137 },
};

size_t nft_type_bytes(enum nft_type type)
{
	return types[type].bytes;
}

bool nft_type_has_flags(enum nft_type type)
{
	return types[type].flags;
}

enum nft_type nft_type_named(const struct nft_word *t)
{
	for (size_t i = 1; t->kind == WORD_NAME && i < ARRAY_SIZE(types); i++)
		if (t->n && strlen(types[i].name) == t->n &&
		    !memcmp(types[i].name, t->s, t->n))
			return (enum nft_type)i;
	return TYPE_OPAQUE;
}

/* What kind of header follows IPv6's own is not always the protocol. */
static bool is_extension(uint64_t nexthdr)
{
	return nexthdr == 0 || nexthdr == 43 || nexthdr == 44 ||
	       nexthdr == 51 || nexthdr == 60 || nexthdr == 135;
}

/* Packets at the hooks of ip and ip6 have no other type. */
static uint64_t family_of_ethertype(uint64_t type)
{
	if (type == 0x0800)
		return NFPROTO_IPV4;
	return type == 0x86dd ? NFPROTO_IPV6 : NFPROTO_UNSPEC;
}

static int take_number(enum nft_type type, uint64_t v, uint8_t *ret)
{
	size_t bytes = types[type].bytes;

	if (type == TYPE_ETHERTYPE && v <= UINT16_MAX)
		v = family_of_ethertype(v);
	if (!bytes || bytes > 4 || v >> (8 * bytes) || type == TYPE_ADDR4 ||
	    (type == TYPE_NEXTHDR && is_extension(v)))
		return NFT_OPAQUE;
	nft_value_put(type, v, ret);
	return 0;
}

static int take_port(struct nft_reader *r, const char *name, uint8_t *ret)
{
	struct nft_terms *t = r->terms;
	int port;

	if (!t->ports_read) {
		int err = port_names_read(SERVICES_FILE, &t->ports);

		if (err)
			return err;
		t->ports_read = true;
	}
	port = port_names_find(&t->ports, name, NULL, 0);
	if (port == -ENOENT)
		port = port_names_builtin(name);
	return port < 0 ? NFT_OPAQUE :
			  take_number(TYPE_PORT, (uint64_t)port, ret);
}

static int take_name(struct nft_reader *r, enum nft_type type,
		     const struct nft_word *t, uint8_t *ret)
{
	enum nft_type of = type == TYPE_NEXTHDR ? TYPE_PROTO : type;
	char name[64];

	if (t->n >= sizeof(name))
		return NFT_OPAQUE;
	memcpy(name, t->s, t->n);
	name[t->n] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].type == of && !strcasecmp(names[i].name, name))
			return take_number(type, names[i].number, ret);
	return type == TYPE_PORT ? take_port(r, name, ret) : NFT_OPAQUE;
}

static int take_address(enum nft_type type, const struct nft_word *t,
			uint8_t *ret)
{
	char text[INET6_ADDRSTRLEN + 1];
	uint8_t addr[16] = { 0 };

	if ((type != TYPE_ADDR4 && type != TYPE_ADDR6) || t->n >= sizeof(text))
		return NFT_OPAQUE;
	memcpy(text, t->s, t->n);
	text[t->n] = '\0';
	if (inet_pton(type == TYPE_ADDR4 ? AF_INET : AF_INET6, text, addr) != 1)
		return NFT_OPAQUE;
	memcpy(ret, addr, sizeof(addr));
	return 0;
}

int nft_type_value(struct nft_reader *r, enum nft_type type,
		   const struct nft_word *t, uint8_t *ret)
{
	char number[24];

	if (t->kind == WORD_ADDRESS)
		return take_address(type, t, ret);
	if (t->kind == WORD_NAME || t->kind == WORD_STRING)
		return take_name(r, type, t, ret);
	if (t->kind != WORD_NUMBER || t->n >= sizeof(number))
		return NFT_OPAQUE;
	memcpy(number, t->s, t->n);
	number[t->n] = '\0';
	return take_number(type, strtoull(number, NULL, 0), ret);
}
