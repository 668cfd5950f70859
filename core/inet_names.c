/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/inet_names.c: protocols by name, see core/inet.h. */
#include <string.h>

#include "core/inet.h"
#include "core/mem.h"
#include "core/strbuf.h"

static const struct {
	const char *name;
	uint8_t number;
	bool ports;
} protocols[] = {
	{ "tcp", IPPROTO_TCP, true },
	{ "udp", IPPROTO_UDP, true },
	{ "sctp", IPPROTO_SCTP, true },
	{ "udplite", IPPROTO_UDPLITE, true },
	{ "dccp", IPPROTO_DCCP, true },
	{ "gre", IPPROTO_GRE, false },
	{ "esp", IPPROTO_ESP, false },
	{ "ah", IPPROTO_AH, false },
	{ "ipip", IPPROTO_IPIP, false },
	{ "ipv6", IPPROTO_IPV6, false },
	{ "igmp", IPPROTO_IGMP, false },
	{ "ospf", 89, false },
	{ "pim", IPPROTO_PIM, false },
	{ "vrrp", 112, false },
	{ "l2tp", 115, false },
	{ "icmp", IPPROTO_ICMP, false },
	{ "ipv6-icmp", IPPROTO_ICMPV6, false },
};

int protocol_number(const char *name)
{
	unsigned int v = 0;

	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++)
		if (!strcmp(name, protocols[i].name))
			return protocols[i].number;
	if (!*name || (name[0] == '0' && name[1]))
		return -EINVAL;
	for (const char *s = name; *s; s++) {
		if (*s < '0' || *s > '9')
			return -EINVAL;
		if (v <= 255)
			v = v * 10 + (unsigned int)(*s - '0');
	}
	return v >= 1 && v <= 255 ? (int)v : -ERANGE;
}

const char *protocol_name(uint8_t proto)
{
	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++)
		if (protocols[i].number == proto)
			return protocols[i].name;
	return NULL;
}

bool protocol_has_ports(uint8_t proto)
{
	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++)
		if (protocols[i].number == proto)
			return protocols[i].ports;
	return false;
}

bool protocol_is_icmp(uint8_t proto)
{
	return proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6;
}

void protocol_print(uint8_t proto, struct strbuf *out)
{
	const char *name = protocol_name(proto);

	/* What else reads our text takes "ipip" for 94 (/etc/protocols). */
	if (proto == PROTOCOL_ANY)
		strbuf_puts(out, "any");
	else if (name && proto != IPPROTO_IPIP)
		strbuf_puts(out, name);
	else
		strbuf_printf(out, "%u", proto);
}

const char *protocol_name_at(size_t i)
{
	return i < ARRAY_SIZE(protocols) ? protocols[i].name : NULL;
}
