/* SPDX-License-Identifier: GPL-2.0-or-later */
/* audit/box_terms.c: boxes, narrowed down to what a rule's terms match. */
#include <netinet/in.h>
#include <linux/netfilter.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "audit/box.h"
#include "audit/inet_sets.h"
#include "core/mem.h"

#define BOXES_MAX 20000		/* of one rule */

/* One field of a term: its ranges, and what is done with them. */
struct part {
	const struct term *term;
	enum packet_field field;
	const struct key_range *r;
	size_t n, stride;
};

static void unsay(struct box *b, enum box_unsaid why, const char *word)
{
	if (b->unsaid == SAID) {
		b->unsaid = why;
		b->word = word;
	}
}

static uint32_t number_of(const uint8_t *v, size_t bytes)
{
	uint32_t x = 0;

	for (size_t i = 0; i < bytes; i++)
		x = x << 8 | v[i];
	return x;
}

/* A bit for each number that the part lists. */
static void list_numbers(const struct part *p, unsigned int max, uint64_t *bits)
{
	size_t bytes = packet_field_bytes(p->field);

	for (size_t i = 0; i < p->n; i++) {
		const struct key_range *r = &p->r[i * p->stride];
		uint32_t last = number_of(r->last, bytes);

		for (uint32_t x = number_of(r->first, bytes);
		     x <= last && x < max; x++)
			bits[x / 64] |= UINT64_C(1) << x % 64;
	}
	if (p->term->negated)
		for (size_t i = 0; i < (max + 63) / 64; i++)
			bits[i] = ~bits[i];
}

static int narrow_family(const struct part *p, struct box *b)
{
	uint64_t bits[1] = { 0 };

	list_numbers(p, 16, bits);
	if (!(bits[0] >> NFPROTO_IPV4 & 1))
		b->families &= (uint8_t)~BOX_IPV4;
	if (!(bits[0] >> NFPROTO_IPV6 & 1))
		b->families &= (uint8_t)~BOX_IPV6;
	return 0;
}

static int narrow_protocol(const struct part *p, struct box *b)
{
	uint64_t bits[4] = { 0 }, any = 0;

	list_numbers(p, 256, bits);
	for (size_t i = 0; i < ARRAY_SIZE(bits); i++) {
		b->protos[i] &= bits[i];
		any |= b->protos[i];
	}
	b->is_empty |= !any;
	return 0;
}

static bool has_bit(const uint64_t *bits, unsigned int n)
{
	return bits[n / 64] >> n % 64 & 1;
}

/* Echoes of the one ICMP that the box holds (RFC 792, RFC 4443). */
static int narrow_icmp(const struct part *p, struct box *b)
{
	bool v6 = box_has_proto(b, IPPROTO_ICMPV6);
	unsigned int request = v6 ? 128 : 8, reply = v6 ? 129 : 0, n = 0;
	uint64_t bits[4] = { 0 };
	uint8_t echo = 0;

	list_numbers(p, BOX_PROTOCOLS, bits);
	for (unsigned int i = 0; i < BOX_PROTOCOLS; i++)
		n += has_bit(bits, i);
	echo |= has_bit(bits, request) ? BOX_ECHO_REQUEST : 0;
	echo |= has_bit(bits, reply) ? BOX_ECHO_REPLY : 0;
	if (b->echo)
		echo &= b->echo;
	else if (box_count_protos(b) != 1 ||
		 (!v6 && !box_has_proto(b, IPPROTO_ICMP)) || !echo ||
		 n != (echo & 1u) + (echo >> 1))
		unsay(b, UNSAID_FIELD, packet_field_name(p->field));
	b->is_empty |= b->echo && !echo;
	b->echo = echo;
	return 0;
}

static int narrow_types(const struct part *p, struct box *b)
{
	uint64_t bits[1] = { 0 };

	list_numbers(p, 16, bits);
	b->dst_types &= (uint16_t)bits[0];
	b->is_empty |= !b->dst_types;
	return 0;
}

static int narrow_ports(const struct part *p, struct port_set *old,
			struct box *b)
{
	_cleanup_(port_set_release) struct port_set s = { 0 }, rest = { 0 };
	struct port_set both = { 0 };
	int err = ports_of_keys(p->r, p->n, p->stride, &s);

	if (!err && p->term->negated)
		err = ports_complement(&s, &rest);
	if (!err && old->n)
		err = ports_meet(old, p->term->negated ? &rest : &s, &both);
	else if (!err)
		err = port_set_copy(p->term->negated ? &rest : &s, &both);
	if (err)
		return err;
	b->is_empty |= !both.n;
	port_set_release(old);
	*old = both;
	return 0;
}

static int narrow_dport(const struct part *p, struct box *b)
{
	return narrow_ports(p, &b->dport, b);
}

static int narrow_sport(const struct part *p, struct box *b)
{
	return narrow_ports(p, &b->sport, b);
}

/* Ones, then zeros. */
static bool is_prefix_mask(const uint8_t *mask, size_t bytes)
{
	bool ended = false;

	for (size_t i = 0; i < bytes * 8; i++) {
		bool one = mask[i / 8] & 0x80 >> i % 8;

		if (one && ended)
			return false;
		ended |= !one;
	}
	return true;
}

static int narrow_addresses(const struct part *p, struct prefix_set *old,
			    struct box *b)
{
	_cleanup_(prefix_set_release) struct prefix_set s = { 0 }, rest = { 0 };
	struct prefix_set both = { 0 };
	bool is_ipv4 = p->term->family == NFPROTO_IPV4;
	uint8_t family = is_ipv4 ? AF_INET : AF_INET6;
	int err;

	b->families &= is_ipv4 ? BOX_IPV4 : BOX_IPV6;
	if (p->term->masked && !is_prefix_mask(p->term->mask,
					       addr_bytes(family))) {
		unsay(b, UNSAID_MASK, packet_field_name(p->field));
		return 0;
	}
	err = prefixes_of_keys(p->r, p->n, p->stride, family,
			       p->term->masked ? p->term->mask : NULL, &s);
	if (!err && p->term->negated && prefixes_are_loopback(&s)) {
		b->spares_lo = true;
		return 0;
	}
	/* no role takes those but where they are named */
	if (!err && p->term->negated && p->field == FIELD_DADDR &&
	    prefixes_are_multicast(&s)) {
		b->dst_types &= (uint16_t)~(1 << RTN_MULTICAST);
		return 0;
	}
	if (!err && p->term->negated)
		err = prefixes_complement(&s, family, &rest);
	if (!err && old->n)
		err = prefixes_meet(old, p->term->negated ? &rest : &s, &both);
	else if (!err)
		err = prefix_set_copy(p->term->negated ? &rest : &s, AF_UNSPEC,
				      &both);
	if (err)
		return err;
	b->is_empty |= !both.n;
	prefix_set_release(old);
	*old = both;
	return 0;
}

static int narrow_src(const struct part *p, struct box *b)
{
	return narrow_addresses(p, &b->src, b);
}

static int narrow_dst(const struct part *p, struct box *b)
{
	return narrow_addresses(p, &b->dst, b);
}

/* "eth0", or all that begins with "eth"; false: no policy can name it. */
static bool iface_of(const struct key_range *r, struct iface *ret)
{
	char text[TERM_KEY_MAX + 2] = "";
	size_t n = 0;

	while (n < TERM_KEY_MAX && r->first[n] && r->first[n] == r->last[n])
		n++;
	memcpy(text, r->first, n);
	if (memcmp(r->first, r->last, TERM_KEY_MAX)) {
		for (size_t i = n; i < TERM_KEY_MAX; i++)
			if (r->first[i] || r->last[i] != 0xff)
				return false;
		text[n] = '*';
	} else if (n && text[n - 1] == '*') {
		return false;
	}
	return *text != '!' && !strchr(text, ':') && !iface_parse(text, ret);
}

static int narrow_ifaces(const struct part *p, struct iface_set *old,
			 struct box *b)
{
	_cleanup_(iface_set_release) struct iface_set s = { 0 };
	struct iface_set both = { 0 };
	struct iface x;
	int err = 0;

	for (size_t i = 0; !err && i < p->n; i++) {
		if (iface_of(&p->r[i * p->stride], &x))
			err = iface_set_add(&s, &x);
		else
			unsay(b, UNSAID_NAME, NULL);
	}
	iface_set_normalize(&s);
	if (!err && old->n)
		err = ifaces_meet(old, &s, &both);
	else if (!err)
		err = iface_set_copy(&s, &both);
	if (err)
		return err;
	b->is_empty |= !both.n && b->unsaid == SAID;
	iface_set_release(old);
	*old = both;
	return 0;
}

static bool is_lo_only(const struct part *p)
{
	static const uint8_t lo[TERM_KEY_MAX] = "lo";

	for (size_t i = 0; i < p->n; i++)
		if (memcmp(p->r[i * p->stride].first, lo, sizeof(lo)) ||
		    memcmp(p->r[i * p->stride].last, lo, sizeof(lo)))
			return false;
	return p->n;
}

static int narrow_either_iface(const struct part *p, struct iface_set *old,
			       struct box *b)
{
	if (!p->term->negated)
		return narrow_ifaces(p, old, b);
	if (is_lo_only(p))
		b->spares_lo = true;
	else
		unsay(b, UNSAID_NEGATION, "interfaces");
	return 0;
}

static int narrow_iif(const struct part *p, struct box *b)
{
	return narrow_either_iface(p, &b->iif, b);
}

static int narrow_oif(const struct part *p, struct box *b)
{
	return narrow_either_iface(p, &b->oif, b);
}

/* Fragments are put together before the raw hooks. */
static int narrow_fragment(const struct part *p, struct box *b)
{
	uint64_t bits[1] = { 0 };

	list_numbers(p, 2, bits);
	b->is_empty |= !(bits[0] & 1);
	return 0;
}

static int narrow_socket(const struct part *p, struct box *b)
{
	if (p->term->negated)
		unsay(b, UNSAID_FIELD, packet_field_name(p->field));
	b->socket = true;
	return 0;
}

/* What leaves this host has a source address of its own. */
static int narrow_src_type(const struct part *p, struct box *b)
{
	uint64_t bits[1] = { 0 };

	list_numbers(p, 16, bits);
	if (!(bits[0] >> RTN_LOCAL & 1) || p->term->negated)
		unsay(b, UNSAID_FIELD, packet_field_name(p->field));
	b->src_local = true;
	return 0;
}

static int (*const narrow[FIELD_MAX_])(const struct part *, struct box *) = {
	[FIELD_NFPROTO] = narrow_family,
	[FIELD_L4PROTO] = narrow_protocol,
	[FIELD_SADDR] = narrow_src,
	[FIELD_DADDR] = narrow_dst,
	[FIELD_SPORT] = narrow_sport,
	[FIELD_DPORT] = narrow_dport,
	[FIELD_ICMP_TYPE] = narrow_icmp,
	[FIELD_IIF] = narrow_iif,
	[FIELD_OIF] = narrow_oif,
	[FIELD_FRAGMENT] = narrow_fragment,
	[FIELD_SADDR_TYPE] = narrow_src_type,
	[FIELD_DADDR_TYPE] = narrow_types,
	[FIELD_TRANSPARENT] = narrow_socket,
	[FIELD_WILDCARD] = narrow_socket,
};

static bool is_address(enum packet_field x)
{
	return x == FIELD_SADDR || x == FIELD_DADDR;
}

static int narrow_part(const struct part *p, struct box *b)
{
	if (!narrow[p->field]) {
		unsay(b, UNSAID_FIELD, packet_field_name(p->field));
		return 0;
	}
	if (p->term->masked && !is_address(p->field)) {
		unsay(b, UNSAID_MASK, packet_field_name(p->field));
		return 0;
	}
	return narrow[p->field](p, b);
}

int boxes_add_one(struct boxes *l, const struct box *b)
{
	int err = mem_grow(&l->v, &l->cap, l->n + 1);

	if (!err)
		err = box_copy(b, &l->v[l->n]);
	if (!err)
		l->n++;
	return err;
}

/* A key of several fields, or fields that are alternatives: a box for each. */
static int split(struct boxes *l, const struct term *t,
		 const struct key_range *r, size_t n, size_t stride)
{
	_cleanup_(boxes_release) struct boxes out = { 0 };
	size_t ways = t->either ? t->n_fields : n;
	int err = 0;

	for (size_t i = 0; !err && i < l->n; i++)
		for (size_t k = 0; !err && k < ways; k++) {
			struct part p = { .term = t, .stride = stride };

			err = boxes_add_one(&out, &l->v[i]);
			for (size_t x = 0; !err && x < t->n_fields; x++) {
				if (t->either && x != k)
					continue;
				p.field = (enum packet_field)t->field[x];
				p.r = t->either ? r : r + k * stride + x;
				p.n = t->either ? n : 1;
				err = narrow_part(&p, &out.v[out.n - 1]);
			}
		}
	if (err)
		return err;
	boxes_release(l);
	*l = out;
	out = (struct boxes){ 0 };
	return 0;
}

static void unsay_all(struct boxes *l, enum box_unsaid why, const char *word)
{
	for (size_t i = 0; i < l->n; i++)
		unsay(&l->v[i], why, word);
}

static int narrow_match(struct boxes *l, const struct foreign *f,
			const struct term *t, uint32_t outcome)
{
	const struct key_set *set = &f->sets[t->set];
	const struct key_range *r = &f->ranges[set->first];
	size_t n = set->n, stride = set->n_fields;
	int err = 0;

	if (!set->known) {
		unsay_all(l, UNSAID_SET, set->name);
		return 0;
	}
	if (outcome != FOREIGN_NOWHERE) {
		r += outcome * stride;
		n = 1;
	}
	if (t->n_fields == 1) {
		const struct part p = { t, (enum packet_field)t->field[0], r,
					n, stride };

		for (size_t i = 0; !err && i < l->n; i++)
			err = narrow_part(&p, &l->v[i]);
		return err;
	}
	if (t->negated) {
		unsay_all(l, UNSAID_NEGATION, "combinations");
		return 0;
	}
	if (l->n * (t->either ? t->n_fields : n) > BOXES_MAX) {
		unsay_all(l, UNSAID_MANY, NULL);
		return 0;
	}
	return split(l, t, r, n, stride);
}

int boxes_narrow(struct boxes *l, const struct foreign *f,
		 const struct term *t, uint32_t outcome)
{
	switch (t->kind) {
	case TERM_MATCH:
		return narrow_match(l, f, t, FOREIGN_NOWHERE);
	case TERM_VMAP:
		if (outcome != FOREIGN_NOWHERE)
			return narrow_match(l, f, t, outcome);
		unsay_all(l, UNSAID_MATCH, "vmap");
		return 0;
	case TERM_OPAQUE:
		unsay_all(l, UNSAID_MATCH, t->name);
		return 0;
	case TERM_NOTRACK:
	case TERM_SET_MARK:
	case TERM_LOSE_MARK:
	case TERM_SET_CTMARK:
	case TERM_LOSE_CTMARK:
	case TERM_ZONE:
	case TERM_CT_ZONE:
	case TERM_HELPER:
	case TERM_MOVE:
		break;
	}
	return 0;
}

int boxes_begin(struct boxes *l)
{
	int err = mem_grow(&l->v, &l->cap, l->n + 1);

	if (!err)
		box_init(&l->v[l->n++]);
	return err;
}

int boxes_add(struct boxes *l, const struct boxes *from)
{
	int err = 0;

	for (size_t i = 0; !err && i < from->n; i++)
		err = boxes_add_one(l, &from->v[i]);
	return err;
}

void boxes_release(struct boxes *l)
{
	for (size_t i = 0; i < l->n; i++)
		box_release(&l->v[i]);
	free(l->v);
	*l = (struct boxes){ 0 };
}
