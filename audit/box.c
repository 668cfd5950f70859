/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/box.h"

#include <string.h>

#include "audit/inet_sets.h"
#include "core/mem.h"

#define ALL_TYPES 0xffff

void box_init(struct box *b)
{
	*b = (struct box){
		.families = BOX_IPV4 | BOX_IPV6,
		.dst_types = ALL_TYPES,
	};
	memset(b->protos, 0xff, sizeof(b->protos));
}

void box_release(struct box *b)
{
	port_set_release(&b->dport);
	port_set_release(&b->sport);
	prefix_set_release(&b->src);
	prefix_set_release(&b->dst);
	iface_set_release(&b->iif);
	iface_set_release(&b->oif);
}

int box_copy(const struct box *b, struct box *ret)
{
	_cleanup_(box_release) struct box c = *b;
	int err;

	c.dport = c.sport = (struct port_set){ 0 };
	c.src = c.dst = (struct prefix_set){ 0 };
	c.iif = c.oif = (struct iface_set){ 0 };
	err = port_set_copy(&b->dport, &c.dport);
	if (!err)
		err = port_set_copy(&b->sport, &c.sport);
	if (!err)
		err = prefix_set_copy(&b->src, AF_UNSPEC, &c.src);
	if (!err)
		err = prefix_set_copy(&b->dst, AF_UNSPEC, &c.dst);
	if (!err)
		err = iface_set_copy(&b->iif, &c.iif);
	if (!err)
		err = iface_set_copy(&b->oif, &c.oif);
	if (err)
		return err;
	*ret = c;
	memset(&c, 0, sizeof(c));
	return 0;
}

bool box_has_proto(const struct box *b, unsigned int proto)
{
	return b->protos[proto / 64] >> proto % 64 & 1;
}

size_t box_count_protos(const struct box *b)
{
	size_t n = 0;

	for (unsigned int i = 0; i < 256; i++)
		n += box_has_proto(b, i);
	return n;
}

/* One function for the sets of a kind, by the place in the box. */
static const struct port_set *ports_of(const struct box *b, enum box_dim dim)
{
	return dim == DIM_DPORT ? &b->dport : &b->sport;
}

static const struct prefix_set *prefixes_of(const struct box *b,
					    enum box_dim dim)
{
	return dim == DIM_SRC ? &b->src : &b->dst;
}

static const struct iface_set *ifaces_of(const struct box *b,
					 enum box_dim dim)
{
	return dim == DIM_IIF ? &b->iif : &b->oif;
}

static bool protos_within(const struct box *a, const struct box *b)
{
	for (size_t i = 0; i < ARRAY_SIZE(a->protos); i++)
		if (a->protos[i] & ~b->protos[i])
			return false;
	return true;
}

bool box_dim_within(const struct box *a, const struct box *b,
		    enum box_dim dim)
{
	switch (dim) {
	case DIM_FAMILY:
		return !(a->families & ~b->families);
	case DIM_PROTOCOL:
		return protos_within(a, b);
	case DIM_DPORT:
	case DIM_SPORT:
		return !ports_of(b, dim)->n ||
		       (ports_of(a, dim)->n &&
			ports_within(ports_of(a, dim), ports_of(b, dim)));
	case DIM_SRC:
	case DIM_DST:
		return !prefixes_of(b, dim)->n ||
		       (prefixes_of(a, dim)->n &&
			prefix_set_within(prefixes_of(a, dim),
					  prefixes_of(b, dim)));
	case DIM_IIF:
	case DIM_OIF:
		return !ifaces_of(b, dim)->n ||
		       (ifaces_of(a, dim)->n &&
			ifaces_within(ifaces_of(a, dim), ifaces_of(b, dim)));
	case DIM_DST_TYPE:
		return !(a->dst_types & ~b->dst_types);
	case DIM_MAX_:
		break;
	}
	return true;
}

static int dim_cmp(const struct box *a, const struct box *b, enum box_dim dim)
{
	switch (dim) {
	case DIM_FAMILY:
		return a->families - b->families;
	case DIM_PROTOCOL:
		return memcmp(a->protos, b->protos, sizeof(a->protos));
	case DIM_DPORT:
	case DIM_SPORT:
		return ports_cmp(ports_of(a, dim), ports_of(b, dim));
	case DIM_SRC:
	case DIM_DST:
		return prefix_set_cmp(prefixes_of(a, dim), prefixes_of(b, dim));
	case DIM_IIF:
	case DIM_OIF:
		return ifaces_cmp(ifaces_of(a, dim), ifaces_of(b, dim));
	case DIM_DST_TYPE:
		return a->dst_types - b->dst_types;
	case DIM_MAX_:
		break;
	}
	return 0;
}

int box_cmp(const struct box *a, const struct box *b, enum box_dim but)
{
	for (unsigned int i = 0; i < DIM_MAX_; i++) {
		int c = i == but ? 0 : dim_cmp(a, b, (enum box_dim)i);

		if (c)
			return c;
	}
	if (a->echo != b->echo)
		return a->echo < b->echo ? -1 : 1;
	if (a->socket != b->socket)
		return a->socket ? 1 : -1;
	if (a->spares_lo != b->spares_lo)
		return a->spares_lo ? 1 : -1;
	if (a->src_local != b->src_local)
		return a->src_local ? 1 : -1;
	if (a->unsaid != b->unsaid)
		return a->unsaid < b->unsaid ? -1 : 1;
	return 0;
}

/* "Any" swallows the rest. */
static int widen_ports(struct port_set *a, const struct port_set *b)
{
	int err = 0;

	if (!a->n || !b->n) {
		port_set_release(a);
		return 0;
	}
	for (size_t i = 0; !err && i < b->n; i++)
		err = port_set_add(a, b->v[i]);
	ports_join(a);
	return err;
}

static int widen_prefixes(struct prefix_set *a, const struct prefix_set *b)
{
	int err = 0;

	if (!a->n || !b->n) {
		prefix_set_release(a);
		return 0;
	}
	for (size_t i = 0; !err && i < b->n; i++) {
		struct prefix p = prefix_set_at(b, i);

		err = prefix_set_add(a, &p);
	}
	prefix_set_normalize(a);
	return err;
}

static int widen_ifaces(struct iface_set *a, const struct iface_set *b)
{
	int err = 0;

	if (!a->n || !b->n) {
		iface_set_release(a);
		return 0;
	}
	for (size_t i = 0; !err && i < b->n; i++)
		err = iface_set_add(a, &b->v[i]);
	iface_set_normalize(a);
	return err;
}

int box_widen(struct box *a, const struct box *b, enum box_dim dim)
{
	switch (dim) {
	case DIM_FAMILY:
		a->families |= b->families;
		return 0;
	case DIM_PROTOCOL:
		for (size_t i = 0; i < ARRAY_SIZE(a->protos); i++)
			a->protos[i] |= b->protos[i];
		return 0;
	case DIM_DPORT:
		return widen_ports(&a->dport, &b->dport);
	case DIM_SPORT:
		return widen_ports(&a->sport, &b->sport);
	case DIM_SRC:
		return widen_prefixes(&a->src, &b->src);
	case DIM_DST:
		return widen_prefixes(&a->dst, &b->dst);
	case DIM_IIF:
		return widen_ifaces(&a->iif, &b->iif);
	case DIM_OIF:
		return widen_ifaces(&a->oif, &b->oif);
	case DIM_DST_TYPE:
		a->dst_types |= b->dst_types;
		return 0;
	case DIM_MAX_:
		break;
	}
	return 0;
}

static int meet_ports(const struct port_set *a, const struct port_set *b,
		      bool *ret)
{
	_cleanup_(port_set_release) struct port_set s = { 0 };
	int err = a->n && b->n ? ports_meet(a, b, &s) : 0;

	if (!err)
		*ret &= s.n || !a->n || !b->n;
	return err;
}

static int meet_prefixes(const struct prefix_set *a,
			 const struct prefix_set *b, bool *ret)
{
	_cleanup_(prefix_set_release) struct prefix_set s = { 0 };
	int err = a->n && b->n ? prefixes_meet(a, b, &s) : 0;

	if (!err)
		*ret &= s.n || !a->n || !b->n;
	return err;
}

static int meet_ifaces(const struct iface_set *a, const struct iface_set *b,
		       bool *ret)
{
	_cleanup_(iface_set_release) struct iface_set s = { 0 };
	int err = a->n && b->n ? ifaces_meet(a, b, &s) : 0;

	if (!err)
		*ret &= s.n || !a->n || !b->n;
	return err;
}

int box_meets(const struct box *a, const struct box *b, bool *ret)
{
	bool meets = !a->is_empty && !b->is_empty &&
		     a->families & b->families && a->dst_types & b->dst_types;
	uint64_t protos = 0;
	int err;

	for (size_t i = 0; i < ARRAY_SIZE(a->protos); i++)
		protos |= a->protos[i] & b->protos[i];
	meets &= protos != 0;
	err = meet_ports(&a->dport, &b->dport, &meets);
	if (!err && meets)
		err = meet_ports(&a->sport, &b->sport, &meets);
	if (!err && meets)
		err = meet_prefixes(&a->src, &b->src, &meets);
	if (!err && meets)
		err = meet_prefixes(&a->dst, &b->dst, &meets);
	if (!err && meets)
		err = meet_ifaces(&a->iif, &b->iif, &meets);
	if (!err && meets)
		err = meet_ifaces(&a->oif, &b->oif, &meets);
	if (!err)
		*ret = meets;
	return err;
}

static int cut_ports(struct port_set *a, const struct port_set *b,
		     bool *is_empty)
{
	_cleanup_(port_set_release) struct port_set rest = { 0 }, s = { 0 };
	int err = ports_complement(b, &rest);

	if (!err)
		err = a->n ? ports_meet(a, &rest, &s) :
			     port_set_copy(&rest, &s);
	if (err)
		return err;
	*is_empty |= !s.n;
	port_set_release(a);
	*a = s;
	s = (struct port_set){ 0 };
	return 0;
}

static int cut_prefixes(struct box *box, struct prefix_set *a,
			const struct prefix_set *b)
{
	_cleanup_(prefix_set_release) struct prefix_set rest = { 0 }, s = { 0 };
	uint8_t family = prefix_set_at(b, 0).family;
	int err = prefixes_complement(b, family, &rest);

	if (!err)
		err = a->n ? prefixes_meet(a, &rest, &s) :
			     prefix_set_copy(&rest, AF_UNSPEC, &s);
	if (err)
		return err;
	box->is_empty |= !s.n;
	prefix_set_release(a);
	*a = s;
	s = (struct prefix_set){ 0 };
	return 0;
}

int box_cut(struct box *a, const struct box *b, enum box_dim dim)
{
	switch (dim) {
	case DIM_FAMILY:
		a->families &= (uint8_t)~b->families;
		a->is_empty |= !a->families;
		return 0;
	case DIM_PROTOCOL:
		for (size_t i = 0; i < ARRAY_SIZE(a->protos); i++)
			a->protos[i] &= ~b->protos[i];
		a->is_empty |= !box_count_protos(a);
		return 0;
	case DIM_DPORT:
		return cut_ports(&a->dport, &b->dport, &a->is_empty);
	case DIM_SPORT:
		return cut_ports(&a->sport, &b->sport, &a->is_empty);
	case DIM_SRC:
		return cut_prefixes(a, &a->src, &b->src);
	case DIM_DST:
		return cut_prefixes(a, &a->dst, &b->dst);
	case DIM_DST_TYPE:
		a->dst_types &= (uint16_t)~b->dst_types;
		a->is_empty |= !a->dst_types;
		return 0;
	case DIM_IIF:
	case DIM_OIF:
	case DIM_MAX_:
		break;
	}
	a->unsaid = UNSAID_NEGATION;
	a->word = "interfaces";
	return 0;
}

static int keep_ports(struct port_set *a, const struct port_set *b)
{
	struct port_set s = { 0 };
	int err = a->n ? ports_meet(a, b, &s) : port_set_copy(b, &s);

	if (err)
		return err;
	port_set_release(a);
	*a = s;
	return 0;
}

static int keep_prefixes(struct prefix_set *a, const struct prefix_set *b)
{
	struct prefix_set s = { 0 };
	int err = a->n ? prefixes_meet(a, b, &s) :
			 prefix_set_copy(b, AF_UNSPEC, &s);

	if (err)
		return err;
	prefix_set_release(a);
	*a = s;
	return 0;
}

int box_keep(struct box *a, const struct box *b, enum box_dim dim)
{
	switch (dim) {
	case DIM_FAMILY:
		a->families &= b->families;
		return 0;
	case DIM_PROTOCOL:
		for (size_t i = 0; i < ARRAY_SIZE(a->protos); i++)
			a->protos[i] &= b->protos[i];
		return 0;
	case DIM_DPORT:
		return keep_ports(&a->dport, &b->dport);
	case DIM_SPORT:
		return keep_ports(&a->sport, &b->sport);
	case DIM_SRC:
		return keep_prefixes(&a->src, &b->src);
	case DIM_DST:
		return keep_prefixes(&a->dst, &b->dst);
	case DIM_DST_TYPE:
		a->dst_types &= b->dst_types;
		return 0;
	case DIM_IIF:
	case DIM_OIF:
	case DIM_MAX_:
		break;
	}
	return 0;
}
