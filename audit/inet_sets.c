/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/inet_sets.h"

#include <string.h>

#include "core/mem.h"

#define PORT_MAX 65535u

static int add_ports(struct port_set *s, unsigned int first, unsigned int last)
{
	return port_set_add(s, (struct port_range){ (uint16_t)first,
						    (uint16_t)last });
}

static uint16_t port_of(const uint8_t *key)
{
	return (uint16_t)(key[0] << 8 | key[1]);
}

int ports_of_keys(const struct key_range *r, size_t n, size_t stride,
		  struct port_set *ret)
{
	_cleanup_(port_set_release) struct port_set s = { 0 };

	for (size_t i = 0; i < n; i++)
		if (add_ports(&s, port_of(r[i * stride].first),
			      port_of(r[i * stride].last)))
			return -ENOMEM;
	ports_join(&s);
	*ret = s;
	s = (struct port_set){ 0 };
	return 0;
}

int ports_meet(const struct port_set *a, const struct port_set *b,
	       struct port_set *ret)
{
	_cleanup_(port_set_release) struct port_set s = { 0 };
	size_t i = 0, k = 0;

	while (i < a->n && k < b->n) {
		const struct port_range *x = &a->v[i], *y = &b->v[k];
		uint16_t first = x->first > y->first ? x->first : y->first;
		uint16_t last = x->last < y->last ? x->last : y->last;

		if (first <= last && add_ports(&s, first, last))
			return -ENOMEM;
		if (x->last < y->last)
			i++;
		else
			k++;
	}
	*ret = s;
	s = (struct port_set){ 0 };
	return 0;
}

int ports_complement(const struct port_set *s, struct port_set *ret)
{
	_cleanup_(port_set_release) struct port_set c = { 0 };
	unsigned int next = 0;

	for (size_t i = 0; i < s->n; i++) {
		if (s->v[i].first > next &&
		    add_ports(&c, next, s->v[i].first - 1u))
			return -ENOMEM;
		next = s->v[i].last + 1u;
	}
	if (next <= PORT_MAX && add_ports(&c, next, PORT_MAX))
		return -ENOMEM;
	*ret = c;
	c = (struct port_set){ 0 };
	return 0;
}

void ports_join(struct port_set *s)
{
	size_t k = 0;

	port_set_normalize(s);
	for (size_t i = 0; i < s->n; i++) {
		if (k && s->v[i].first == s->v[k - 1].last + 1u)
			s->v[k - 1].last = s->v[i].last;
		else
			s->v[k++] = s->v[i];
	}
	s->n = k;
}

bool ports_within(const struct port_set *a, const struct port_set *b)
{
	size_t k = 0;

	for (size_t i = 0; i < a->n; i++) {
		unsigned int at = a->v[i].first;

		while (k < b->n && b->v[k].last < at)
			k++;
		while (k < b->n && b->v[k].first <= at &&
		       b->v[k].last < a->v[i].last)
			at = b->v[k++].last + 1u;
		if (k == b->n || b->v[k].first > at)
			return false;
	}
	return true;
}

int ports_cmp(const struct port_set *a, const struct port_set *b)
{
	for (size_t i = 0; i < a->n && i < b->n; i++) {
		const struct port_range *x = &a->v[i], *y = &b->v[i];
		int c = x->first != y->first ? x->first - y->first :
					       x->last - y->last;

		if (c)
			return c;
	}
	return (a->n > b->n) - (a->n < b->n);
}

/* Sorted, and none inside another: two runs that are merged. */
static int merge_prefixes(const struct prefix_set *a,
			  const struct prefix_set *b, bool apart,
			  struct prefix_set *out)
{
	size_t i = 0, k = 0;
	int err = 0;

	while (!err && i < a->n) {
		struct prefix x = prefix_set_at(a, i), y = { 0 };
		bool more = k < b->n, in, around;

		if (more)
			y = prefix_set_at(b, k);
		in = more && prefix_contains(&y, &x);
		around = more && !in && prefix_contains(&x, &y);

		if (apart && (in || around)) {
			i++;
		} else if (in) {
			err = prefix_set_add(out, &x);
			i++;
		} else if (around) {
			err = prefix_set_add(out, &y);
			k++;
		} else if (more && prefix_cmp(&y, &x) < 0) {
			k++;
		} else {
			err = apart ? prefix_set_add(out, &x) : 0;
			i++;
		}
	}
	return err;
}

int prefixes_meet(const struct prefix_set *a, const struct prefix_set *b,
		  struct prefix_set *ret)
{
	_cleanup_(prefix_set_release) struct prefix_set s = { 0 };
	int err = merge_prefixes(a, b, false, &s);

	if (err)
		return err;
	*ret = s;
	s = (struct prefix_set){ 0 };
	return 0;
}

int prefixes_apart(const struct prefix_set *a, const struct prefix_set *b,
		   struct prefix_set *ret)
{
	_cleanup_(prefix_set_release) struct prefix_set s = { 0 };
	int err = merge_prefixes(a, b, true, &s);

	if (err)
		return err;
	*ret = s;
	s = (struct prefix_set){ 0 };
	return 0;
}

/* The largest network that begins at `first` and does not go beyond `last`. */
static struct prefix largest(uint8_t family, const uint8_t *first,
			     const uint8_t *last)
{
	size_t bytes = addr_bytes(family);
	struct prefix p = prefix_of_one(family, first);

	while (p.len) {
		struct prefix wider = p;
		uint8_t end[16];
		unsigned int bit = p.len - 1u;

		if (p.addr[bit / 8] & 0x80 >> bit % 8)
			break;
		wider.len--;
		prefix_last(&wider, end);
		if (memcmp(end, last, bytes) > 0)
			break;
		p = wider;
	}
	return p;
}

int prefixes_add_range(struct prefix_set *s, uint8_t family,
		       const uint8_t *first, const uint8_t *last)
{
	size_t bytes = addr_bytes(family);
	uint8_t at[16] = { 0 }, end[16];

	memcpy(at, first, bytes);
	while (memcmp(at, last, bytes) <= 0) {
		struct prefix p = largest(family, at, last);
		int err = prefix_set_add(s, &p);

		if (err)
			return err;
		prefix_last(&p, end);
		if (!key_next(end, bytes, at))
			break;
	}
	return 0;
}

int prefixes_of_keys(const struct key_range *r, size_t n, size_t stride,
		     uint8_t family, const uint8_t *mask,
		     struct prefix_set *ret)
{
	_cleanup_(prefix_set_release) struct prefix_set s = { 0 };
	size_t bytes = addr_bytes(family);

	for (size_t i = 0; i < n; i++) {
		struct key_range x = r[i * stride];

		for (size_t k = 0; mask && k < bytes; k++)
			x.last[k] |= (uint8_t)~mask[k];
		if (prefixes_add_range(&s, family, x.first, x.last))
			return -ENOMEM;
	}
	prefix_set_normalize(&s);
	*ret = s;
	s = (struct prefix_set){ 0 };
	return 0;
}

int prefixes_complement(const struct prefix_set *s, uint8_t family,
			struct prefix_set *ret)
{
	_cleanup_(prefix_set_release) struct prefix_set c = { 0 };
	size_t bytes = addr_bytes(family);
	uint8_t next[16] = { 0 }, before[16], end[16];
	bool more = true;

	for (size_t i = 0; more && i < s->n; i++) {
		struct prefix p = prefix_set_at(s, i);

		if (p.family != family)
			continue;
		if (memcmp(next, p.addr, bytes) < 0 &&
		    key_previous(p.addr, bytes, before) &&
		    prefixes_add_range(&c, family, next, before))
			return -ENOMEM;
		prefix_last(&p, end);
		more = key_next(end, bytes, next);
	}
	memset(end, 0xff, sizeof(end));
	if (more && prefixes_add_range(&c, family, next, end))
		return -ENOMEM;
	prefix_set_normalize(&c);
	*ret = c;
	c = (struct prefix_set){ 0 };
	return 0;
}

/* Are there any, and all in one of the two networks? */
static bool are_in(const struct prefix_set *s, const struct prefix nets[2])
{
	bool all = s->n;

	for (size_t i = 0; i < s->n; i++) {
		struct prefix p = prefix_set_at(s, i);

		all &= prefix_contains(&nets[0], &p) ||
		       prefix_contains(&nets[1], &p);
	}
	return all;
}

bool prefixes_are_loopback(const struct prefix_set *s)
{
	static const struct prefix nets[] = {
		{ AF_INET, 8, { 127 } }, { AF_INET6, 128, { [15] = 1 } },
	};

	return are_in(s, nets);
}

bool prefixes_are_multicast(const struct prefix_set *s)
{
	static const struct prefix nets[] = {
		{ AF_INET, 4, { 224 } }, { AF_INET6, 8, { 0xff } },
	};

	return are_in(s, nets);
}

static bool is_in_ifaces(const struct iface_set *s, const struct iface *x)
{
	for (size_t i = 0; i < s->n; i++)
		if (iface_covers(&s->v[i], x))
			return true;
	return false;
}

int ifaces_meet(const struct iface_set *a, const struct iface_set *b,
		struct iface_set *ret)
{
	_cleanup_(iface_set_release) struct iface_set s = { 0 };
	int err = 0;

	for (size_t i = 0; !err && i < a->n; i++)
		if (is_in_ifaces(b, &a->v[i]))
			err = iface_set_add(&s, &a->v[i]);
	for (size_t i = 0; !err && i < b->n; i++)
		if (is_in_ifaces(a, &b->v[i]))
			err = iface_set_add(&s, &b->v[i]);
	if (err)
		return err;
	iface_set_normalize(&s);
	*ret = s;
	s = (struct iface_set){ 0 };
	return 0;
}

bool ifaces_within(const struct iface_set *a, const struct iface_set *b)
{
	for (size_t i = 0; i < a->n; i++)
		if (!is_in_ifaces(b, &a->v[i]))
			return false;
	return true;
}

int ifaces_cmp(const struct iface_set *a, const struct iface_set *b)
{
	for (size_t i = 0; i < a->n && i < b->n; i++) {
		int c = iface_cmp(&a->v[i], &b->v[i]);

		if (c)
			return c;
	}
	return (a->n > b->n) - (a->n < b->n);
}
