/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/flow_space.h"

#include <arpa/inet.h>
#include <string.h>

#include "core/mem.h"

size_t flow_part_bytes(const struct flow_space *sp, enum flow_part p)
{
	static const size_t bytes[] = {
		[FLOW_CPORT] = 2, [FLOW_SPORT] = 2,
		[FLOW_IN] = 16, [FLOW_OUT] = 16,
	};

	return p == FLOW_CLIENT || p == FLOW_SERVER ? addr_bytes(sp->family) :
						      bytes[p];
}

enum flow_part flow_part_of(enum packet_field field, bool answer)
{
	static const struct {
		enum packet_field field;
		enum flow_part asked, answered;
	} rows[] = {
		{ FIELD_SADDR, FLOW_CLIENT, FLOW_SERVER },
		{ FIELD_DADDR, FLOW_SERVER, FLOW_CLIENT },
		{ FIELD_SPORT, FLOW_CPORT, FLOW_SPORT },
		{ FIELD_DPORT, FLOW_SPORT, FLOW_CPORT },
		{ FIELD_IIF, FLOW_IN, FLOW_OUT },
		{ FIELD_OIF, FLOW_OUT, FLOW_IN },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].field == field)
			return answer ? rows[i].answered : rows[i].asked;
	return FLOW_PART_MAX_;
}

/* The lowest address of the range that is also one of the set. */
static bool meet_prefixes(const struct flow_space *sp,
			  const struct prefix_set *s,
			  const struct key_range *r, uint8_t ret[16])
{
	size_t n = addr_bytes(sp->family);

	if (!s || !s->n) {
		memcpy(ret, r->first, 16);
		return true;
	}
	for (size_t i = 0; i < s->n; i++) {
		struct prefix p = prefix_set_at(s, i);
		uint8_t last[16] = { 0 };

		if (p.family != sp->family)
			continue;
		prefix_last(&p, last);
		if (memcmp(r->last, p.addr, n) < 0 ||
		    memcmp(r->first, last, n) > 0)
			continue;
		memcpy(ret, memcmp(r->first, p.addr, n) > 0 ? r->first : p.addr,
		       16);
		return true;
	}
	return false;
}

static bool meet_ports(const struct port_set *s, const struct key_range *r,
		       uint8_t ret[16])
{
	uint16_t first, last, port;

	memcpy(&first, r->first, 2);
	memcpy(&last, r->last, 2);
	first = ntohs(first);
	last = ntohs(last);
	for (size_t i = 0; i < s->n; i++) {
		if (s->v[i].last < first || s->v[i].first > last)
			continue;
		port = htons(first > s->v[i].first ? first : s->v[i].first);
		memset(ret, 0, 16);
		memcpy(ret, &port, 2);
		return true;
	}
	return false;
}

bool flow_space_has_device(const struct flow_space *sp, const char *name)
{
	const struct iface_set *s = sp->ifaces;

	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].wild ?
			    !strncmp(name, s->v[i].name,
				     strlen(s->v[i].name)) :
			    !strncmp(name, s->v[i].name, 15))
			return true;
	return !s->n;
}

/* "eth0" of eth0, and of every name that begins with eth. */
static bool meet_ifaces(const struct flow_space *sp, enum flow_part p,
			const struct key_range *r, uint8_t ret[16])
{
	bool here = sp->way == WAY_WITHIN ||
		    (sp->way == WAY_IN && p == FLOW_OUT) ||
		    (sp->way == WAY_OUT && p == FLOW_IN);
	size_t n = strnlen((const char *)r->first, 15);

	/* No other device, or none at all; by "lo" comes what stays within. */
	if (here || !n || !strcmp((const char *)r->first, "lo"))
		return false;
	memset(ret, 0, 16);
	memcpy(ret, r->first, n);
	if (memcmp(r->first, r->last, 16) != 0 && n < 15)
		ret[n] = '0';
	return flow_space_has_device(sp, (const char *)ret);
}

/* Is it this host's own address? */
static bool own_end(const struct flow_space *sp, enum flow_part p)
{
	switch (sp->way) {
	case WAY_IN:
		return p == FLOW_SERVER;
	case WAY_OUT:
		return p == FLOW_CLIENT;
	case WAY_WITHIN:
		return true;
	case WAY_THROUGH:
	case WAY_MAX_:
		break;
	}
	return false;
}

/* One of this host's own addresses, if the service may have it there. */
static bool meet_own(const struct flow_space *sp, const struct prefix_set *s,
		     const struct key_range *r, uint8_t ret[16])
{
	for (size_t i = 0; i < sp->local->n; i++) {
		struct prefix_set one = {
			.n = 1, .one = prefix_set_at(sp->local, i),
		};
		struct key_range part = *r;

		if (!meet_prefixes(sp, &one, r, part.first))
			continue;
		if (prefix_set_contains(s, sp->family, part.first)) {
			memcpy(ret, part.first, 16);
			return true;
		}
	}
	return false;
}

struct span {
	uint8_t family, first[16], last[16];
};

/* No host sends from these, and none answers from them, by any interface. */
static const struct span nobodys[] = {
	{ AF_INET, { 127 }, { 127, 255, 255, 255 } },
	{ AF_INET, { 224 }, { 255, 255, 255, 255 } },
	{ AF_INET6, { [15] = 1 }, { [15] = 1 } },
	{ AF_INET6, { 0xff },
	  { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	    0xff, 0xff, 0xff, 0xff, 0xff } },
};

static const struct span *span_of(const struct flow_space *sp,
				  const uint8_t *v)
{
	size_t n = addr_bytes(sp->family);

	for (size_t i = 0; i < ARRAY_SIZE(nobodys); i++)
		if (nobodys[i].family == sp->family &&
		    memcmp(v, nobodys[i].first, n) >= 0 &&
		    memcmp(v, nobodys[i].last, n) <= 0)
			return &nobodys[i];
	return NULL;
}

/* The last address of the local prefix that holds v. */
static void local_last(const struct flow_space *sp, const uint8_t *v,
		       uint8_t ret[16])
{
	struct prefix one = prefix_of_one(sp->family, v);

	for (size_t i = 0; i < sp->local->n; i++) {
		struct prefix p = prefix_set_at(sp->local, i);

		if (prefix_contains(&p, &one)) {
			memset(ret, 0, 16);
			prefix_last(&p, ret);
			return;
		}
	}
}

/* What has one of this host's own addresses does not come from elsewhere. */
static bool meet_others(const struct flow_space *sp,
			const struct prefix_set *s, const struct key_range *r,
			uint8_t ret[16])
{
	struct key_range rest = *r;
	uint8_t v[16] = { 0 }, last[16];

	for (size_t i = 0; i <= sp->local->n + ARRAY_SIZE(nobodys); i++) {
		const struct span *nobody;

		if (!meet_prefixes(sp, s, &rest, v))
			return false;
		/* Named in the policy, it is meant. */
		nobody = s->n ? NULL : span_of(sp, v);
		if (!nobody &&
		    !prefix_set_contains(sp->local, sp->family, v)) {
			memcpy(ret, v, 16);
			return true;
		}
		if (nobody)
			memcpy(last, nobody->last, sizeof(last));
		else
			local_last(sp, v, last);
		if (!key_next(last, addr_bytes(sp->family), rest.first))
			return false;
	}
	return false;
}

/* An address that is to come, of a failover say, is as good as one of today. */
static bool meet_addresses(const struct flow_space *sp, enum flow_part p,
			   const struct prefix_set *s,
			   const struct key_range *r, uint8_t ret[16])
{
	if (!own_end(sp, p))
		return meet_others(sp, s, r, ret);
	if (!s->n)
		return meet_prefixes(sp, sp->local, r, ret);
	return meet_own(sp, s, r, ret) || meet_prefixes(sp, s, r, ret);
}

bool flow_space_meet(const struct flow_space *sp, enum flow_part p,
		     const struct key_range *r, uint8_t ret[16])
{
	struct port_set client = { .v = (struct port_range[]){ sp->ephemeral },
				   .n = 1 };

	switch (p) {
	case FLOW_CLIENT:
		return meet_addresses(sp, p, sp->clients, r, ret);
	case FLOW_SERVER:
		return meet_addresses(sp, p, sp->servers, r, ret);
	case FLOW_CPORT:
		return meet_ports(&client, r, ret);
	case FLOW_SPORT:
		return meet_ports(sp->ports, r, ret);
	case FLOW_IN:
	case FLOW_OUT:
		return meet_ifaces(sp, p, r, ret);
	case FLOW_PART_MAX_:
		break;
	}
	return false;
}
