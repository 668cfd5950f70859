/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * prove/call.h: one connection through this host, with real packets.
 *
 * What is on this host has sockets: the kernel itself shakes hands, answers
 * echoes and waits for replies. What is elsewhere is this process, at the far
 * end of a wire.
 *
 * Shape:  the client asks, the server answers; tcp shakes hands, sends data in
 *         both directions and closes. A step that is not answered ends it:
 *         whoever watches the packets knows why.
 * Units:  as in prove/frame.h; of echoes cport is the identifier.
 * Errors: -errno of a socket that should work here: nothing is known then.
 *         That packets are dropped is no error.
 */
#ifndef CTPOLICY_PROVE_CALL_H
#define CTPOLICY_PROVE_CALL_H

#include "audit/flow_space.h"
#include "host/private_net.h"
#include "prove/frame.h"

struct call {
	enum flow_way way;
	uint8_t family, proto;
	uint8_t client[16], server[16];
	uint16_t cport, sport;
	struct wire *in, *out;	/* to the client's and server's side, or NULL */
	bool only_first;	/* the first packet, and no more */
	int patience;		/* milliseconds, for each step */
};

/* *ret: every step was answered. */
int call_run(const struct call *t, bool *ret);
/* A packet of the connection: is it the server's? False: it is none. */
bool call_has(const struct call *t, const struct frame *f, bool *ret_reply);

#endif
