/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rules/packet.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <netinet/in.h>
#include <string.h>

#include "core/inet.h"
#include "core/mem.h"

static void set_bytes(struct packet *p, enum packet_field x, const void *value,
		      size_t n)
{
	struct packet_value *f = &p->field[x];

	*f = (struct packet_value){ .there = TRUTH_YES };
	memcpy(f->v, value, n);
	memset(f->known, 0xff, sizeof(f->known));
}

void packet_set(struct packet *p, enum packet_field x, const void *value)
{
	bool v4 = p->family == NFPROTO_IPV4 &&
		  (x == FIELD_SADDR || x == FIELD_DADDR);

	set_bytes(p, x, value, v4 ? 4 : packet_field_bytes(x));
}

void packet_set_number(struct packet *p, enum packet_field x, uint32_t n)
{
	uint32_t be = htonl(n);
	size_t width = packet_field_bytes(x);

	set_bytes(p, x, (const uint8_t *)&be + sizeof(be) - width, width);
}

void packet_set_iface(struct packet *p, enum packet_field x, const char *name)
{
	char padded[16] = "";

	memcpy(padded, name, strnlen(name, sizeof(padded) - 1));
	set_bytes(p, x, padded, sizeof(padded));
}

void packet_forget(struct packet *p, enum packet_field x)
{
	p->field[x] = (struct packet_value){ .there = TRUTH_YES };
}

void packet_lose(struct packet *p, enum packet_field x)
{
	p->field[x] = (struct packet_value){ .there = TRUTH_NO };
}

/*
 * To nft's quickest way of loading one, two or four bytes, the payload of a
 * later fragment is a header like any other (nft_payload_fast_eval() in the
 * kernel's net/netfilter/nf_tables_core.c; nft_payload_eval(), which loads all
 * else, has the rule fail). So a port may be there, and may be any.
 */
void packet_cut(struct packet *p)
{
	static const enum packet_field behind[] = {
		FIELD_SPORT, FIELD_DPORT, FIELD_TCP_FLAGS, FIELD_ICMP_TYPE,
		FIELD_ICMP_CODE,
	};

	for (size_t i = 0; i < ARRAY_SIZE(behind); i++)
		if (p->field[behind[i]].there != TRUTH_NO)
			p->field[behind[i]] = (struct packet_value){
				.there = TRUTH_MAYBE,
			};
	packet_set_number(p, FIELD_FRAGMENT, 1);
}

static void lose_what_others_have(struct packet *p, uint8_t proto)
{
	uint8_t icmp = p->family == NFPROTO_IPV4 ? IPPROTO_ICMP :
						   IPPROTO_ICMPV6;

	if (!protocol_has_ports(proto)) {
		packet_lose(p, FIELD_SPORT);
		packet_lose(p, FIELD_DPORT);
	}
	if (proto != IPPROTO_TCP)
		packet_lose(p, FIELD_TCP_FLAGS);
	if (proto != icmp) {
		packet_lose(p, FIELD_ICMP_TYPE);
		packet_lose(p, FIELD_ICMP_CODE);
	}
}

void packet_init(struct packet *p, uint8_t family, uint8_t proto,
		 enum packet_path path)
{
	*p = (struct packet){
		.family = family, .path = path, .tracking = TRUTH_YES,
		.ct_states = NF_CT_STATE_INVALID_BIT |
			     NF_CT_STATE_BIT(IP_CT_NEW) |
			     NF_CT_STATE_BIT(IP_CT_ESTABLISHED) |
			     NF_CT_STATE_BIT(IP_CT_RELATED),
	};
	for (size_t i = 0; i < FIELD_MAX_; i++)
		packet_forget(p, (enum packet_field)i);
	lose_what_others_have(p, proto);
	packet_set(p, FIELD_NFPROTO, &family);
	packet_set(p, FIELD_L4PROTO, &proto);
	packet_set_number(p, FIELD_MARK, 0);
	packet_set_number(p, FIELD_FRAGMENT, 0);
	/* a field of the socket: there need not be one */
	p->field[FIELD_TRANSPARENT].there = TRUTH_MAYBE;
	p->field[FIELD_WILDCARD].there = TRUTH_MAYBE;
	if (path == PATH_LOOPBACK) {
		packet_set_iface(p, FIELD_IIF, "lo");
		packet_set_iface(p, FIELD_OIF, "lo");
	}
}

const char *packet_path_name(enum packet_path path)
{
	static const char *const names[] = {
		[PATH_TO_HOST] = "to this host",
		[PATH_FROM_HOST] = "from this host",
		[PATH_FORWARDED] = "forwarded",
		[PATH_LOOPBACK] = "loopback",
	};
	_Static_assert(ARRAY_SIZE(names) == PATH_MAX_, "a path has no name");

	return names[path];
}
