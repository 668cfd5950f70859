/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/fuzz/fuzz_ipt_kernel.h: a kernel whose iptables rules an input chooses,
 * and what those rules do to packets.
 *
 * Shape:  an entry is a struct ipt_entry or ip6t_entry with its matches and its
 *         target behind it, as the kernel hands it out: sizes, offsets and
 *         names are right, the payload is whatever the input says.
 * Source: net/ipv4/netfilter/ip_tables.c, net/netfilter/xt_*.c.
 */
#ifndef CTPOLICY_TESTS_FUZZ_IPT_KERNEL_H
#define CTPOLICY_TESTS_FUZZ_IPT_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/netfilter/x_tables.h>

#include "tests/fuzz/fuzz_input.h"

/* fuzz_ipt_kernel_match.c: a match or target of any kind, with its payload. */
struct fuzz_extension {
	char name[29];
	uint8_t revision;
	size_t size;			/* of the payload */
	_Alignas(8) uint8_t payload[512];
};

#define FUZZ_SETS 4
extern const char *const fuzz_sets[FUZZ_SETS];

void fuzz_match(struct fuzz_input *in, bool v4, uint8_t *proto,
		struct fuzz_extension *ret);
void fuzz_target(struct fuzz_input *in, struct fuzz_extension *ret);
/* Does this kernel have the match or target? */
bool fuzz_has_revision(const char *name, uint8_t revision, bool target);

/* fuzz_ipt_kernel_table.c: one table; from then on the kernel holds it. */
void fuzz_table(struct fuzz_input *in, uint8_t *ret_family,
		const char **ret_name);
void fuzz_table_free(void);

/* fuzz_ipt_kernel_packet.c: what an entry's head and matches look at. */
struct fuzz_packet {
	uint8_t src[16], dst[16];
	uint16_t src_type, dst_type;	/* 1 << RTN_... */
	char iif[16], oif[16];
	uint8_t proto;
	bool fragmented, tail;
	uint16_t sport, dport;
	uint8_t tcp_flags, icmp_type, icmp_code;
	uint16_t state;			/* a bit of IP_CT_..., 0: no entry */
	bool untracked;
	bool socket, wildcard, transparent;
	uint32_t luck;			/* of what is not modelled */
};

void fuzz_packet(struct fuzz_input *in, bool v4, const void *entry,
		 struct fuzz_packet *ret);
bool fuzz_matches(bool v4, const void *entry, const struct fuzz_packet *p);
struct xt_entry_target *fuzz_target_of(bool v4, void *entry);
/* Does its target keep packets from being tracked? */
bool fuzz_untracks(bool v4, void *entry);

#endif
