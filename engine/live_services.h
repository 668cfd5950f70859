/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/live_services.h: which services ctpolicy's rules in a kernel are for,
 * and how much of each they counted.
 *
 * Shape:  services by name. `counted`: each of the service's rules counts, and
 *         for no other service, so that packets and bytes are all of it; a
 *         packet counts at each hook that takes it out, on loopback at two.
 *         counts[] are what these came from, summed up by chain and family;
 *         those of services that are not counted are not among them.
 * Units:  bytes of whole packets from the IP header on, as the kernel counts;
 *         family AF_*, AF_UNSPEC: a rule for both.
 * Owner:  live_services_release() frees; names are interned.
 * Errors: -ENOMEM.
 * Source: nft_counter_do_eval(), ADD_COUNTER() in linux/netfilter/x_tables.h.
 */
#ifndef CTPOLICY_ENGINE_LIVE_SERVICES_H
#define CTPOLICY_ENGINE_LIVE_SERVICES_H

#include "rules/image.h"
#include "rules/name_index.h"

struct live_service {
	const char *name;
	bool counted;
	uint64_t packets, bytes;
};

struct live_count {
	const char *service, *chain;
	uint8_t family;
	uint64_t packets, bytes;
};

struct live_services {
	struct live_service *v;
	size_t n, cap;
	struct live_count *counts;
	size_t n_counts, cap_counts;
	struct name_index at, counts_at;	/* live_services.c's own */
};

/* Those of the rules with that verdict; VERDICT_MAX_: of all rules. */
int live_services_add(struct live_services *s, const struct image *img,
		      enum verdict verdict);
/* When all images were added. */
void live_services_finish(struct live_services *s);
void live_services_release(struct live_services *s);

#endif
