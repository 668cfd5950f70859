/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rules/packet_spec.h: a packet as people write it.
 *
 *     tcp 192.0.2.66:40000 > 198.51.100.2:80 syn
 *     udp [2001:db8::1] > [2001:db8::2]:53
 *     icmp any > 198.51.100.2 echo-request
 *     tcp 192.0.2.66:40000 > 198.51.100.2:80, in by eth0, out by eth1
 *
 * A protocol, two ends, and words: flags of TCP, type and code of ICMP (`8/0`,
 * or a name), states of conntrack, `fragment` (not the first one), `mark=N`,
 * `in by` and `out by` an interface. A comma may end a word: so refusals print
 * a packet.
 * What is not said is not known; `any` says nothing of an address.
 *
 * Units:  family is NFPROTO_*; addresses as in core/endpoint.h; states are
 *         NF_CT_STATE_BITs, 0: none was named.
 * Errors: -FAULT_USAGE, with a diagnostic at the place in the text, whose file
 *         is PACKET_SPEC_FILE.
 */
#ifndef CTPOLICY_RULES_PACKET_SPEC_H
#define CTPOLICY_RULES_PACKET_SPEC_H

#include "core/diag.h"
#include "core/endpoint.h"
#include "rules/packet.h"

#define PACKET_SPEC_FILE "packet"

struct packet_end {
	bool any;			/* no address is given */
	struct endpoint at;
};

struct packet_spec {
	uint8_t family, proto;
	struct packet_end from, to;
	bool has_flags, has_type, has_code, has_mark, fragment;
	uint8_t flags, type, code, states;
	uint32_t mark;
	char in[16], out[16];		/* interfaces; empty: not said */
};

int packet_spec_parse(const char *text, struct packet_spec *ret,
		      struct diags *d);
/* A state's NF_CT_STATE_BIT by its name; 0: none that conntrack gives. */
uint8_t packet_state_of(const char *word, size_t n);
const char *packet_state_name(uint8_t bit);	/* NULL: no state */
/* All of it but the path and what that tells. */
void packet_of_spec(const struct packet_spec *spec, enum packet_path path,
		    struct packet *ret);

#endif
