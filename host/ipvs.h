/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host/ipvs.h: virtual services of IPVS's that conntrack takes part in.
 *
 * IPVS has connections of its own, and by default takes its packets out of
 * tracking. With net.ipv4.vs.conntrack it keeps their entries instead, and
 * tells conntrack where the answers come from: then rules that ask for states,
 * and masquerading, go by these.
 *
 * Shape:  a service by firewall mark alone has neither protocol nor address.
 * Units:  addresses in network byte order, ports in host byte order.
 * Errors: -errno. A kernel or a namespace without IPVS has no service.
 * Source: ip_vs_info_seq_show() in net/netfilter/ipvs/ip_vs_ctl.c;
 *         Documentation/networking/ipvs-sysctl.rst of Linux.
 */
#ifndef CTPOLICY_HOST_IPVS_H
#define CTPOLICY_HOST_IPVS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ipvs_service {
	uint8_t proto;			/* IPPROTO_*; 0: by mark */
	uint8_t family;			/* AF_* */
	uint8_t address[16];
	uint16_t port;			/* 0: any */
	char text[64];			/* as people write it */
};

/* Is there any, whether it keeps entries or not? */
int ipvs_serves(bool *ret);
/* All that keep entries; to be freed. */
int ipvs_tracked(struct ipvs_service **ret, size_t *ret_n);
/* From a text like /proc/net/ip_vs. */
int ipvs_parse(const char *text, struct ipvs_service **ret, size_t *ret_n);

#endif
