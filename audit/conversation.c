/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/conversation.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/rtnetlink.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <string.h>

#include "core/mem.h"

#define IS_NEW NF_CT_STATE_BIT(IP_CT_NEW)
#define IS_ESTABLISHED NF_CT_STATE_BIT(IP_CT_ESTABLISHED)
#define IS_RELATED NF_CT_STATE_BIT(IP_CT_RELATED)

static const struct {
	bool answers;		/* goes the way of the answer */
	bool error;
	uint8_t flags;		/* of tcp */
	uint8_t state, alone;	/* with an entry, and without */
	const char *name;
} talks[] = {
	[TALK_FIRST] = { false, false, TH_SYN, IS_NEW, IS_NEW,
			 "first packets" },
	[TALK_ANSWER] = { true, false, TH_SYN | TH_ACK, IS_ESTABLISHED,
			  IS_NEW | NF_CT_STATE_INVALID_BIT, "answers" },
	/* as nf_conntrack_tcp_loose says */
	[TALK_LATER] = { false, false, TH_ACK, IS_ESTABLISHED,
			 IS_NEW | NF_CT_STATE_INVALID_BIT, "later packets" },
	[TALK_ERROR_BACK] = { true, true, 0, IS_RELATED,
			      NF_CT_STATE_INVALID_BIT,
			      "ICMP errors about its requests" },
	[TALK_ERROR_ON] = { false, true, 0, IS_RELATED,
			    NF_CT_STATE_INVALID_BIT,
			    "ICMP errors about its answers" },
};

_Static_assert(ARRAY_SIZE(talks) == TALK_MAX_, "talks lacks a row");

const char *talk_name(enum talk talk)
{
	return talks[talk].name;
}

bool talk_is_error(enum talk talk)
{
	return talks[talk].error;
}

static enum packet_path path_of(enum flow_way way, bool answers)
{
	switch (way) {
	case WAY_IN:
		return answers ? PATH_FROM_HOST : PATH_TO_HOST;
	case WAY_OUT:
		return answers ? PATH_TO_HOST : PATH_FROM_HOST;
	case WAY_WITHIN:
		return PATH_LOOPBACK;
	case WAY_THROUGH:
	case WAY_MAX_:
		break;
	}
	return PATH_FORWARDED;
}

/* Too big, which path MTU discovery needs, is one of these. */
static void put_error(struct packet *p)
{
	packet_set_number(p, FIELD_ICMP_TYPE, p->family == NFPROTO_IPV4 ?
						      ICMP_DEST_UNREACH :
						      ICMP6_PACKET_TOO_BIG);
	packet_set_number(p, FIELD_ICMP_CODE, p->family == NFPROTO_IPV4 ?
						      ICMP_FRAG_NEEDED : 0);
}

/* Of ICMP, conntrack follows little but echoes. */
static void put_echo(struct packet *p, bool answers)
{
	uint8_t v4 = answers ? ICMP_ECHOREPLY : ICMP_ECHO;
	uint8_t v6 = answers ? ICMP6_ECHO_REPLY : ICMP6_ECHO_REQUEST;

	packet_set_number(p, FIELD_ICMP_TYPE, p->family == NFPROTO_IPV4 ? v4 :
									  v6);
	packet_set_number(p, FIELD_ICMP_CODE, 0);
}

static void put_parts(struct packet *p, const struct flow_sample *s,
		      bool answers, bool error)
{
	static const enum packet_field fields[] = {
		FIELD_SADDR, FIELD_DADDR, FIELD_SPORT, FIELD_DPORT, FIELD_IIF,
		FIELD_OIF,
	};

	bool here = p->path == PATH_FROM_HOST || p->path == PATH_LOOPBACK;

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		const uint8_t *v = s->key[flow_part_of(fields[i], answers)];
		bool port = fields[i] == FIELD_SPORT ||
			    fields[i] == FIELD_DPORT;

		/* Any router on the way may send an error. */
		if (port ? error || p->field[fields[i]].there == TRUTH_NO :
			   error && fields[i] == FIELD_SADDR && !here)
			continue;
		packet_set(p, fields[i], v);
	}
}

static void put_types(struct packet *p)
{
	bool here = p->path == PATH_FROM_HOST || p->path == PATH_LOOPBACK;
	bool to = p->path == PATH_TO_HOST || p->path == PATH_LOOPBACK;

	packet_set_number(p, FIELD_SADDR_TYPE, here ? RTN_LOCAL : RTN_UNICAST);
	packet_set_number(p, FIELD_DADDR_TYPE, to ? RTN_LOCAL : RTN_UNICAST);
}

/* Who waits for an answer, or has a connection, has a socket. */
static void put_socket(struct packet *p, uint8_t proto, enum talk talk)
{
	if (p->path != PATH_TO_HOST && p->path != PATH_LOOPBACK) {
		packet_lose(p, FIELD_TRANSPARENT);
		packet_lose(p, FIELD_WILDCARD);
		return;
	}
	if (talks[talk].error)
		return;
	packet_set_number(p, FIELD_TRANSPARENT, 0);
	if (proto == IPPROTO_TCP && talk != TALK_FIRST)
		packet_set_number(p, FIELD_WILDCARD, 0);
}

/* A connection that the host translates is a finding by itself. */
static void put_status(struct packet *p)
{
	uint32_t be_nat = htonl(IPS_SRC_NAT | IPS_DST_NAT);

	memcpy(p->field[FIELD_STATUS].known, &be_nat, sizeof(be_nat));
}

/* What conntrack makes of a packet whose connection it does not know. */
static uint8_t alone_of(enum talk talk, uint8_t proto)
{
	if (talk != TALK_ANSWER)
		return talks[talk].alone;
	switch (proto) {
	case IPPROTO_TCP:		/* a SYN-ACK begins nothing */
	case IPPROTO_ICMP:		/* nor does an echo reply */
	case IPPROTO_ICMPV6:
		return NF_CT_STATE_INVALID_BIT;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		return IS_NEW;
	default:
		return talks[talk].alone;
	}
}

bool conversation_packet(const struct flow_space *sp,
			 const struct flow_sample *s, enum talk talk,
			 bool has_entry, struct packet *ret)
{
	uint8_t family = sp->family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6;
	uint8_t icmp = sp->family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	bool error = talks[talk].error, answers = talks[talk].answers;

	/* Of the others, what is later is no different from what is first. */
	if (talk == TALK_LATER && sp->proto != IPPROTO_TCP)
		return false;
	packet_init(ret, family, error ? icmp : sp->proto,
		    path_of(sp->way, answers));
	put_parts(ret, s, answers, error);
	put_types(ret);
	put_socket(ret, sp->proto, talk);
	put_status(ret);
	packet_set_number(ret, FIELD_FRAGMENT, 0);
	packet_set_number(ret, FIELD_MARK, 0);
	ret->ctmark_new = UINT32_MAX;
	if (error)
		put_error(ret);
	else if (sp->proto == icmp)
		put_echo(ret, answers);
	else if (sp->proto == IPPROTO_TCP)
		packet_set_number(ret, FIELD_TCP_FLAGS, talks[talk].flags);
	ret->answers = answers;
	ret->ct_alone = alone_of(talk, sp->proto);
	ret->ct_states = has_entry ? talks[talk].state : ret->ct_alone;
	return true;
}

bool conversation_next(const struct flow_space *sp, const struct packet *answer,
		       struct packet *ret)
{
	if (sp->proto != IPPROTO_TCP)
		return false;
	*ret = *answer;
	packet_set_number(ret, FIELD_TCP_FLAGS, TH_ACK);
	ret->ct_alone = IS_NEW | NF_CT_STATE_INVALID_BIT;
	if (answer->ct_states == answer->ct_alone)
		ret->ct_states = ret->ct_alone;
	return true;
}
