/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit/flow_space.h: the connections that a service may have.
 *
 * Shape:  a space is all of them in one family and protocol; empty sets are
 *         "any". `local` (this host's own addresses) limits the end that is
 *         this host. A sample is one of them.
 * Units:  as in core/inet.h; keys as in rules/term.h. Interfaces are named as
 *         the request sees them: it comes in by FLOW_IN and leaves by FLOW_OUT;
 *         zero: that end is this host.
 * Owner:  a space borrows all its sets.
 */
#ifndef CTPOLICY_AUDIT_FLOW_SPACE_H
#define CTPOLICY_AUDIT_FLOW_SPACE_H

#include "core/inet.h"
#include "rules/term.h"

/* Where a request goes, seen from this host. */
enum flow_way { WAY_IN, WAY_OUT, WAY_THROUGH, WAY_WITHIN, WAY_MAX_ };

struct flow_space {
	enum flow_way way;
	uint8_t family, proto;		/* AF_*, IPPROTO_* */
	const struct prefix_set *clients, *servers;
	const struct prefix_set *local;
	const struct port_set *ports;
	const struct iface_set *ifaces;	/* that the service is limited to */
	const struct iface_set *devices; /* that this host has, without lo */
	struct port_range ephemeral;	/* of the client */
};

/* What tells connections of one space apart. */
enum flow_part {
	FLOW_CLIENT, FLOW_SERVER,	/* addresses */
	FLOW_CPORT, FLOW_SPORT,		/* zero: the protocol has none */
	FLOW_IN, FLOW_OUT,		/* interfaces */
	FLOW_PART_MAX_
};

struct flow_sample {
	uint8_t key[FLOW_PART_MAX_][TERM_KEY_MAX];
};

/* What the field of a packet shows of it, in the request or in the answer. */
enum flow_part flow_part_of(enum packet_field field, bool answer);
size_t flow_part_bytes(const struct flow_space *sp, enum flow_part p);
/* False: the service is limited to other interfaces. */
bool flow_space_has_device(const struct flow_space *sp, const char *name);
/*
 * A value of the part that lies in the range and that some connection of the
 * service has; false: there is none.
 */
bool flow_space_meet(const struct flow_space *sp, enum flow_part p,
		     const struct key_range *r, uint8_t ret[TERM_KEY_MAX]);

#endif
