/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "prove/asked.h"

#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <string.h>

#include "core/fault.h"
#include "core/inet.h"
#include "prove/frame.h"

int asked_refuse(struct diags *d, const char *why, const char *help)
{
	diag_add(d, DIAG_ERROR, 0, ID_NOT_PROVABLE, NOPOS,
		 "no connection begins with this packet as it is written: %s",
		 why);
	diag_help(d, "%s", help);
	return -FAULT_USAGE;
}

static const char *const whole =
	"write both ends, as in 'tcp 192.0.2.66 > 198.51.100.2:80'";
static const char *const first =
	"write the first packet of the connection: its answers are proved with it";

static int check_kind(const struct packet_spec *spec, struct diags *d)
{
	uint8_t echo = spec->family == AF_INET ? ICMP_ECHO :
						 ICMP6_ECHO_REQUEST;

	if (!frame_knows(spec->proto))
		return asked_refuse(d, "ctpolicy cannot hold a conversation in its protocol",
			      "tcp, udp, udplite, sctp, gre, esp and echoes of ICMP can be proved");
	if (spec->fragment || spec->has_mark)
		return asked_refuse(d, "a fragment, or a packet with a mark, is not sent",
			      "leave it out");
	if (spec->has_flags && spec->flags != TH_SYN)
		return asked_refuse(d, "its flags are not those of a first packet",
			      first);
	if (spec->has_type && spec->type != echo)
		return asked_refuse(d, "its type is no echo request", first);
	return 0;
}

static bool is_own(const struct endpoint *e, const struct prefix_set *local)
{
	return prefix_set_contains(local, e->family, e->addr);
}

/* None, a group, or all of a network: whose mask may not be known here. */
static bool is_no_host(const struct endpoint *e, const struct prefix_set *local)
{
	static const uint8_t none[16];
	size_t n = addr_bytes(e->family);

	if (!memcmp(e->addr, none, n))
		return true;
	if (e->family == AF_INET6)
		return e->addr[0] == 0xff;
	return e->addr[0] >= 224 ||
	       ((e->addr[3] == 255 || !e->addr[3]) && !is_own(e, local));
}

static int check_ends(const struct packet_spec *spec,
		      const struct prefix_set *local, struct diags *d)
{
	if (spec->from.any || spec->to.any)
		return asked_refuse(d, "an address is missing", whole);
	if (is_no_host(&spec->from.at, local) ||
	    is_no_host(&spec->to.at, local))
		return asked_refuse(d, "an address is not one of a single host",
				    "a copy cannot show what a group or a whole network receives, or who answers");
	if (protocol_has_ports(spec->proto) && !spec->to.at.has_port)
		return asked_refuse(d, "the port it goes to is missing", whole);
	return 0;
}

int asked_of_spec(const struct packet_spec *spec, enum packet_path path,
		  const struct prefix_set *local, uint8_t states,
		  struct asked *ret, struct diags *d)
{
	static const enum flow_way ways[PATH_MAX_] = {
		[PATH_TO_HOST] = WAY_IN, [PATH_FROM_HOST] = WAY_OUT,
		[PATH_FORWARDED] = WAY_THROUGH, [PATH_LOOPBACK] = WAY_WITHIN,
	};
	uint8_t said = states | spec->states;
	int err = check_kind(spec, d);

	if (!err && said && said != packet_state_of("new", 3))
		err = asked_refuse(d, "its state is not that of a first packet",
			     first);
	if (!err)
		err = check_ends(spec, local, d);
	if (err)
		return err;
	*ret = (struct asked){
		.way = ways[path], .family = spec->family,
		.proto = spec->proto,
		.cport = spec->from.at.has_port ? spec->from.at.port : 0,
		.sport = spec->to.at.has_port ? spec->to.at.port : 0,
	};
	memcpy(ret->client, spec->from.at.addr, sizeof(ret->client));
	memcpy(ret->server, spec->to.at.addr, sizeof(ret->server));
	return 0;
}
