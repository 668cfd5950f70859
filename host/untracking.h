/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host/untracking.h: what takes packets out of tracking without any rule.
 *
 * Source: ip_vs_notrack() in net/netfilter/ipvs/ip_vs_xmit.c, and
 *         vrf_nf_set_untracked() in drivers/net/vrf.c; with the first VRF the
 *         kernel adds a routing rule of its own (vrf.rst), which stays.
 */
#ifndef CTPOLICY_HOST_UNTRACKING_H
#define CTPOLICY_HOST_UNTRACKING_H

#include <stdbool.h>

/*
 * Does this network namespace send untracked packets that are from addresses
 * of others? IPVS passes on those of clients, and each packet to a VRF is
 * untracked on its first way through OUTPUT. Where it can't be told: yes.
 * -ENOMEM.
 */
int untracking_sends(bool *ret);

#endif
