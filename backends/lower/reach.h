/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/lower/reach.h: which packets the host's own rules may drop.
 *
 * Only what a rule says plainly about protocol and ports counts; its other
 * conditions are taken to hold. So a reach is never too small, and a chain that
 * drops port 23 alone affects only port 23.
 *
 * Shape:  a reach_set of many different reaches becomes "any packet".
 * Units:  IPPROTO_*, 0 is any protocol; ports as in core/inet.h, 0-65535 is
 *         any port, and portless packets too.
 * Source: linux/netfilter/xt_tcpudp.h, xt_multiport.h.
 */
#ifndef CTPOLICY_BACKENDS_LOWER_REACH_H
#define CTPOLICY_BACKENDS_LOWER_REACH_H

#include "rules/ruleset.h"

struct reach {
	uint8_t proto;
	struct port_range sport, dport;
};

extern const struct reach reach_any;

#define REACH_SET_MAX 12

struct reach_set {
	struct reach v[REACH_SET_MAX];
	uint8_t n;
	bool any;		/* and then n is 0 */
};

/* Keep what both reach; false: they have no packet in common. */
bool reach_narrow(struct reach *r, const struct reach *by);
bool reach_narrow_proto(struct reach *r, uint8_t proto);
bool reach_narrow_ports(struct port_range *r, struct port_range by);
/* False: the set already held all of r. */
bool reach_set_add(struct reach_set *s, const struct reach *r);
/* May a packet that the rule is for be among them? */
bool reach_set_meets(const struct reach_set *s, const struct rule *r);
/*
 * What a match of iptables narrows, by its name and the kernel's struct of
 * `len` bytes; matches that are not known narrow nothing. False: no packet is
 * left.
 */
bool reach_narrow_xt(struct reach *r, const char *name, const void *info,
		     size_t len);
/* Does a match or target of that name need connection tracking? */
bool reach_xt_tracks(const char *name);
/* Does it give packets another address? Masquerading gives one's own. */
bool reach_xt_translates(const char *name);
/* Of a chain of iptables' filter table; HOOK_MAX_: it is not built in. */
enum hook reach_xt_hook(const char *chain);

/*
 * Chains of one table that jump to each other.
 *
 * Shape:  load() fills `drops` and `jumps` of a chain when a packet can first
 *         come there; before, both are empty.
 * Owner:  reach_chain_release() frees the jumps.
 */
struct reach_jump {
	size_t to;
	struct reach when;
};

struct reach_chain {
	struct reach_set drops, entered;
	struct reach_jump *jumps;
	size_t n_jumps, cap_jumps;
	bool loaded;
};

struct reach_graph {
	struct reach_chain *v;
	size_t n;
	int (*load)(struct reach_graph *g, size_t i, void *arg);
	void *arg;
};

int reach_chain_add_jump(struct reach_chain *c, size_t to,
			 const struct reach *when);
/* What a packet that enters at `base` may be dropped for, wherever it goes. */
int reach_search(struct reach_graph *g, size_t base, struct reach_set *ret);
void reach_chain_release(struct reach_chain *c);

#endif
