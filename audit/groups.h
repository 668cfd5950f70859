/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit/groups.h: the entries of a table by protocol and port, of a listing
 * that is read once: which services fill it, with what kind of entries.
 *
 * Shape:  groups_add() each entry, groups_finish() once; then v[0..n) are the
 *         groups with at least that share of all entries, most first, then by
 *         protocol and port. A protocol without ports is one group. All counts
 *         are exact but for `sources` (audit/distinct.h), and that too while
 *         sources.zeros is 0.
 * Units:  ports in host byte order, 0: the protocol has none.
 * Owner:  groups_release().
 * Errors: -ENOMEM.
 */
#ifndef CTPOLICY_AUDIT_GROUPS_H
#define CTPOLICY_AUDIT_GROUPS_H

#include <stdbool.h>

#include "audit/distinct.h"

/* Where this host stands, as the first packet's addresses tell. */
enum groups_role {
	GROUPS_SERVER,		/* it went to this host, maybe from itself */
	GROUPS_CLIENT,		/* it came from this host */
	GROUPS_ROUTER,		/* neither */
	GROUPS_ROLE_MAX_
};

struct groups_entry {
	uint8_t family, proto;
	uint16_t port;		/* the first packet's destination */
	const uint8_t *source;	/* its 16 bytes */
	enum groups_role role;
	bool one_way;		/* nobody answered */
	bool half_open;		/* a handshake of which a part was not seen */
	bool translated, helped;
	bool to_group;		/* came to a broadcast or multicast address */
	bool unnamed;		/* of ICMP, no echo: no policy names it */
};

struct group {
	uint8_t proto;
	uint16_t port;
	uint32_t entries, one_way, half_open, translated, helped, to_group;
	uint32_t unnamed;
	uint32_t role[GROUPS_ROLE_MAX_];
	uint32_t bound[GROUPS_ROLE_MAX_];	/* translated or helped */
	/* Neither that, nor to a group, nor unnamed. */
	uint32_t loose[GROUPS_ROLE_MAX_];
	uint32_t sources;
};

struct groups {
	struct group *by_proto[256];	/* of each its ports, or one */
	struct distinct sources;
	uint64_t seed, entries;
	struct group *v;
	size_t n, cap;
};

/* seed: of nobody's choice. */
int groups_init(struct groups *g, uint64_t seed);
int groups_add(struct groups *g, const struct groups_entry *e);
int groups_finish(struct groups *g, double share);
void groups_release(struct groups *g);

#endif
