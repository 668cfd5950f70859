/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit/explain.h: a packet somebody asks about, ready for the walk.
 *
 * The path follows from the addresses where this host's are known, and else
 * from the interfaces: one that comes in is for this host, one that goes out is
 * from it, and with both it is forwarded.
 *
 * Shape:  `local` is normalized; without `knows_local` only those of loopback
 *         are known, and `assumed` tells that the path was not certain.
 * Units:  states are NF_CT_STATE_BITs, 0: not said.
 * Owner:  borrows names and addresses.
 * Errors: -FAULT_USAGE, with a diagnostic: a packet that no host would see.
 */
#ifndef CTPOLICY_AUDIT_EXPLAIN_H
#define CTPOLICY_AUDIT_EXPLAIN_H

#include "core/inet.h"
#include "rules/foreign.h"
#include "rules/packet_spec.h"
#include "rules/walk.h"

struct explain_host {
	const char *in, *out;		/* interfaces; NULL: not said */
	const struct prefix_set *local;
	bool knows_local;
	uint8_t states;			/* that conntrack gives the packet */
	enum truth tracking;
};

/* Do the rules keep connection tracking on, for this NFPROTO_*? */
enum truth explain_tracking(const struct foreign *f, uint8_t family);
int explain_packet(const struct packet_spec *spec,
		   const struct explain_host *host, struct packet *ret,
		   bool *ret_assumed, struct diags *d);
/*
 * The answer to it, by the way back, after its walk: has it an entry, and in
 * which zone? False: such a packet has no answer.
 */
bool explain_reply(const struct packet_spec *spec,
		   const struct explain_host *host, enum packet_path path,
		   const struct walk *there, struct packet *ret);

#endif
