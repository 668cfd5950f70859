/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit/conversation.h: the packets of one connection, as this host sees them.
 *
 * Shape:  a service works if all its packets pass: the first one, the answer,
 *         what follows, and ICMP errors about either direction, without which
 *         path MTU discovery and "connection refused" are gone.
 * Units:  as in rules/packet.h. ct_states is what conntrack says of the packet
 *         if it looks at it, with and without an entry of the connection.
 * Source: ICMP types RFC 792, RFC 4443; tcp flags RFC 9293.
 */
#ifndef CTPOLICY_AUDIT_CONVERSATION_H
#define CTPOLICY_AUDIT_CONVERSATION_H

#include "audit/flow_space.h"
#include "rules/packet.h"

enum talk {
	TALK_FIRST,
	TALK_ANSWER,
	TALK_LATER,		/* of who asked */
	TALK_ERROR_BACK,	/* about a packet of who asked */
	TALK_ERROR_ON,		/* about an answer */
	TALK_MAX_
};

/* False: no such packet passes this host's rules. */
bool conversation_packet(const struct flow_space *sp,
			 const struct flow_sample *s, enum talk talk,
			 bool has_entry, struct packet *ret);
/*
 * What a server sends behind this SYN-ACK. Where no entry knows of that, it may
 * begin one, as nf_conntrack_tcp_loose says. False: none but TCP's differs.
 */
bool conversation_next(const struct flow_space *sp, const struct packet *answer,
		       struct packet *ret);
bool talk_is_error(enum talk talk);
/* Words for messages: "first packets". */
const char *talk_name(enum talk talk);

#endif
