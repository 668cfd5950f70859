/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * prove/frame.h: a packet as bytes, and back.
 *
 * Shape:  an IP head without options, and behind it what the protocol has: tcp
 *         and udp whole, of ICMP an echo, of others their ports, if they have
 *         any, and a beginning that conntrack takes for the first of a flow.
 * Units:  ports, seq and ack in host byte order; addresses in network byte
 *         order, IPv4 in the first four bytes. Of an echo `sport` is the
 *         identifier, and `reply` tells an answer from a request.
 * Source: RFC 791, 8200, 9293, 768, 792, 4443, 4960, 2784; RFC 1071 for sums.
 */
#ifndef CTPOLICY_PROVE_FRAME_H
#define CTPOLICY_PROVE_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_MAX 256
#define FRAME_DATA_MAX 64

struct frame {
	uint8_t family, proto;		/* AF_*, IPPROTO_* */
	uint8_t src[16], dst[16];
	uint16_t sport, dport;
	bool reply;
	uint8_t flags;			/* TH_* */
	uint32_t seq, ack;
	size_t len;			/* of tcp's or udp's data */
	uint8_t data[FRAME_DATA_MAX];
};

/* Is it a protocol that frames are made of? */
bool frame_knows(uint8_t proto);
size_t frame_write(const struct frame *f, uint8_t buf[static FRAME_MAX]);
/* What is behind the IP head, as a raw socket sends it. */
size_t frame_write_payload(const struct frame *f,
			   uint8_t buf[static FRAME_MAX]);
/* False: no such packet. Data beyond FRAME_DATA_MAX is left out. */
bool frame_read(const uint8_t *v, size_t n, struct frame *ret);
/* The same of a head and, as far as it is there, what is behind it. */
bool frame_read_parts(const uint8_t *head, size_t head_len,
		      const uint8_t *rest, size_t rest_len,
		      struct frame *ret);

#endif
