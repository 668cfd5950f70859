/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * core/timers.h: how long connection tracking remembers a flow of a protocol
 * that it has heard nothing of.
 *
 * Shape:  v[] by the kernel's number of the timer, from 1 on; 0: not named, the
 *         kernel's own default applies. Written as words, "udp unreplied 2
 *         replied 3": the protocol, then what is named, by number.
 *         A mask has a bit for each timer, the lowest for number 1. An object
 *         of the kernel's has a value for every timer: only its name can tell
 *         which of them were asked for.
 * Units:  seconds.
 * Errors: timers_parse(): -EINVAL, *ret is untouched.
 * Source: linux/netfilter/nfnetlink_cttimeout.h (CTA_TIMEOUT_*): the names are
 *         its own, in lower case, and `nfct timeout` and nft have them too.
 *         Protocols that it leaves out have one timer for all of them,
 *         nf_conntrack_generic_timeout. `unreplied` of TCP is not the
 *         kernel's: the states of a handshake that is not complete,
 *         net/netfilter/nf_conntrack_proto_tcp.c.
 */
#ifndef CTPOLICY_CORE_TIMERS_H
#define CTPOLICY_CORE_TIMERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct strbuf;

#define TIMERS_MAX 11

struct timers {
	uint8_t proto;			/* IPPROTO_* */
	uint32_t v[TIMERS_MAX + 1];	/* v[0] is unused */
};

/* Has the protocol timers of its own? */
bool timers_known(uint8_t proto);
/* How many; they are numbered 1 to that. */
unsigned int timers_count(uint8_t proto);
/* "replied"; NULL: there is none of this number. */
const char *timers_key(uint8_t proto, unsigned int number);
/*
 * The numbers that a key stands for: one, or all of a group. 0: the protocol
 * has no such timer. ret has room for TIMERS_MAX.
 */
size_t timers_find(uint8_t proto, const char *key, uint8_t *ret);
/* The group of number i, from 0 on; NULL: there is none. */
const char *timers_group(uint8_t proto, size_t i);
void timers_print(const struct timers *t, struct strbuf *out);
int timers_parse(const char *words, struct timers *ret);
/* Which are named. */
uint32_t timers_mask(const struct timers *t);
/* Drop what the mask has no bit for. */
void timers_keep(struct timers *t, uint32_t mask);

#endif
