/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/moves.h"

#include <netinet/in.h>
#include <string.h>

const struct term *moves_term(const struct foreign *f, uint32_t rule)
{
	const struct foreign_rule *r = rule == FOREIGN_NOWHERE ?
					       NULL : &f->rules[rule];

	for (uint32_t i = 0; r && i < r->n_terms; i++)
		if (f->terms[r->terms + i].kind == TERM_MOVE)
			return &f->terms[r->terms + i];
	return NULL;
}

static const struct key_range *range_of(const struct foreign *f,
					const struct term *t)
{
	return t && t->n_fields ? &f->ranges[f->sets[t->set].first] : NULL;
}

const uint8_t *moves_address(const struct foreign *f, const struct term *t)
{
	const struct key_range *r = range_of(f, t);

	return r ? r->first : NULL;
}

struct port_range moves_ports(const struct term *t,
			      struct port_range otherwise)
{
	return t && t->port ? (struct port_range){ t->port, t->last_port } :
			      otherwise;
}

static size_t bytes_of(uint8_t family)
{
	return family == AF_INET ? 4 : 16;
}

static bool holds(const struct key_range *r, size_t n, const uint8_t *address)
{
	return memcmp(address, r->first, n) >= 0 &&
	       memcmp(address, r->last, n) <= 0;
}

bool moves_leaves(const struct foreign *f, const struct term *t,
		  uint8_t family, const uint8_t *address)
{
	const struct key_range *r = range_of(f, t);

	return !r || holds(r, bytes_of(family), address);
}

bool moves_is_own(const struct prefix_set *own, uint8_t family,
		  const uint8_t *address)
{
	size_t n = bytes_of(family);
	struct prefix one = { .family = family, .len = (uint8_t)(n * 8) };

	memcpy(one.addr, address, n);
	for (size_t i = 0; i < own->n; i++)
		if (own->v[i].family == family &&
		    prefix_contains(&own->v[i], &one))
			return true;
	return family == AF_INET && address[0] == IN_LOOPBACKNET;
}

/* One of this host's, in the range if there is one; loopback's come last. */
static const uint8_t *find_own(const struct prefix_set *own, uint8_t family,
			       const struct key_range *r)
{
	size_t n = bytes_of(family);

	for (size_t i = own->n; i--;) {
		const struct prefix *p = &own->v[i];

		if (p->family == family && (!r || holds(r, n, p->addr)))
			return p->addr;
	}
	return NULL;
}

bool moves_is_unknown(const struct term *t)
{
	return t && t->port == 1 && t->last_port == UINT16_MAX;
}

size_t moves_targets(const struct foreign *f, const struct term *t,
		     const struct prefix_set *own, uint8_t family,
		     const uint8_t *ret[MOVES_TARGETS])
{
	const struct key_range *r = range_of(f, t);
	const uint8_t *here = r || moves_is_unknown(t) ?
				      find_own(own, family, r) : NULL;
	size_t n = 0;

	if (here)
		ret[n++] = here;
	if (!r)
		ret[n++] = NULL;
	else if (!here || !moves_is_own(own, family, r->first))
		ret[n++] = r->first;
	if (r && memcmp(r->first, r->last, sizeof(r->last)) &&
	    !moves_is_own(own, family, r->last))
		ret[n++] = r->last;
	return n;
}
