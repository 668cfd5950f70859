/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/flow_space.h"

#include <arpa/inet.h>
#include <string.h>

#include "core/mem.h"

static size_t address_bytes(const struct flow_space *sp)
{
	return sp->family == AF_INET ? 4 : 16;
}

size_t flow_part_bytes(const struct flow_space *sp, enum flow_part p)
{
	static const size_t bytes[] = {
		[FLOW_CPORT] = 2, [FLOW_SPORT] = 2,
		[FLOW_IN] = 16, [FLOW_OUT] = 16,
	};

	return p == FLOW_CLIENT || p == FLOW_SERVER ? address_bytes(sp) :
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
	size_t n = address_bytes(sp);

	if (!s || !s->n) {
		memcpy(ret, r->first, 16);
		return true;
	}
	for (size_t i = 0; i < s->n; i++) {
		uint8_t last[16] = { 0 };

		if (s->v[i].family != sp->family)
			continue;
		prefix_last(&s->v[i], last);
		if (memcmp(r->last, s->v[i].addr, n) < 0 ||
		    memcmp(r->first, last, n) > 0)
			continue;
		memcpy(ret, memcmp(r->first, s->v[i].addr, n) > 0 ?
				    r->first : s->v[i].addr, 16);
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

	/* No other device, or none at all. */
	if (here || !n)
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

/* A value of the part that lies in the range and that the service can have. */
bool flow_space_meet(const struct flow_space *sp, enum flow_part p,
		 const struct key_range *r, uint8_t ret[16])
{
	struct port_set client = { .v = (struct port_range[]){ sp->ephemeral },
				   .n = 1 };

	switch (p) {
	case FLOW_CLIENT:
		return meet_prefixes(sp, own_end(sp, p) && !sp->clients->n ?
					sp->local : sp->clients, r, ret);
	case FLOW_SERVER:
		return meet_prefixes(sp, own_end(sp, p) && !sp->servers->n ?
					sp->local : sp->servers, r, ret);
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

