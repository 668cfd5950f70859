/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * prove/call_parts.h: what the calls of all protocols share.
 *
 * Errors: -errno; where a count or descriptor is returned, that is negative.
 */
#ifndef CTPOLICY_PROVE_CALL_PARTS_H
#define CTPOLICY_PROVE_CALL_PARTS_H

#include "prove/call.h"

/* A packet of the connection, in one direction. */
struct frame call_frame(const struct call *t, bool reply);
/* Put it on the wire, as if it came from afar. */
int call_send(const struct wire *w, const struct frame *f);
/*
 * The next packet of the connection in this direction that left by the wire,
 * with the flags `must`. False: none comes.
 */
bool call_wait(const struct call *t, const struct wire *w, bool reply,
	       uint8_t must, struct frame *ret);
/* Until there is something to read, or a place to write. False: there isn't. */
bool call_ready(int fd, short events);
/* A socket with one end of the connection as its own address. */
int call_socket(const struct call *t, int type, int proto, bool server);
/* To the other end. That it is dropped at once is no error: 0. */
int call_connect(const struct call *t, int fd);
bool call_is_dropped(int err);
void call_close(const int *fd);	/* for _cleanup_(); negative: there is none */

int call_tcp(const struct call *t, bool *ret);
int call_datagram(const struct call *t, bool *ret);	/* udp */
int call_raw(const struct call *t, bool *ret);	/* all others */

#endif
