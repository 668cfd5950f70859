/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * prove/asked.h: the connection that a packet somebody asks about begins.
 *
 * Shape:  what both ends are must be said; the client's port need not be.
 * Units:  as in audit/flow_space.h. cport 0: not said.
 * Owner:  borrows the names of interfaces; NULL: not said.
 * Errors: -FAULT_USAGE, with a diagnostic: no connection begins with it.
 */
#ifndef CTPOLICY_PROVE_ASKED_H
#define CTPOLICY_PROVE_ASKED_H

#include "audit/flow_space.h"
#include "core/diag.h"
#include "rules/packet_spec.h"

struct asked {
	enum flow_way way;
	uint8_t family, proto;
	uint8_t client[16], server[16];
	uint16_t cport, sport;
	const char *in, *out;
};

/*
 * `local`: addresses of this host, as far as they are known. `states`:
 * NF_CT_STATE_BITs that the packet was said to have, beside the spec's.
 */
int asked_of_spec(const struct packet_spec *spec, enum packet_path path,
		  const struct prefix_set *local, uint8_t states,
		  struct asked *ret, struct diags *d);
/* The same, for other reasons. */
int asked_refuse(struct diags *d, const char *why, const char *help);

#endif
