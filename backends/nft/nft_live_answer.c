/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/nft/nft_live_answer.c: maps to addresses and ports. */
#include <arpa/inet.h>
#include <string.h>

#include "backends/nft/nft_live.h"

/* enum datatypes of nft, TYPE_BITS each, the last field lowest */
#define TYPE_BITS 6
#define TYPE_IPADDR 7
#define TYPE_IP6ADDR 8
#define TYPE_INET_SERVICE 13

static bool set_field(uint32_t type, struct live_layout *l)
{
	if (type == TYPE_INET_SERVICE)
		return l->has_port = true;
	l->family = type == TYPE_IPADDR ? NFPROTO_IPV4 :
		    type == TYPE_IP6ADDR ? NFPROTO_IPV6 : 0;
	l->port = addr_bytes(l->family);
	return l->family != 0;
}

/* An address, a port, or both; of an interval twice: the first, the last. */
struct live_layout nft_live_layout(const struct live_set *s)
{
	uint32_t first = s->data_type >> TYPE_BITS;
	uint32_t last = s->data_type & ((1u << TYPE_BITS) - 1);
	struct live_layout l = { 0 };
	bool both = first != 0;
	uint8_t len;

	if ((both && (!set_field(first, &l) || l.has_port ||
		      last != TYPE_INET_SERVICE)) ||
	    !set_field(last, &l))
		return (struct live_layout){ 0 };
	if (!l.family)
		l.port = 0;
	len = both ? l.port + 4 : l.family ? l.port : 2;
	if (s->data_len == len)
		return l;
	len = (len + 3) & ~3;
	if (s->data_len != len * 2)
		return (struct live_layout){ 0 };
	l.last = len;
	return l;
}

bool nft_live_has_answers(const struct live_set *s)
{
	struct live_layout l = nft_live_layout(s);

	return s->data_len && !(s->flags & NFT_SET_EVAL) &&
	       (l.family || l.has_port);
}

static uint16_t port_at(const uint8_t *v)
{
	return (uint16_t)(v[0] << 8 | v[1]);
}

void nft_live_answer(const struct live_set *s, const uint8_t *data,
		     struct foreign_answer *ret)
{
	struct live_layout l = nft_live_layout(s);
	struct foreign_answer a = { .family = l.family };
	size_t n = l.family ? l.port : 0;

	memcpy(a.address.first, data, n);
	memcpy(a.address.last, data + l.last, n);
	if (l.has_port) {
		a.port = port_at(data + l.port);
		a.last_port = port_at(data + l.last + l.port);
	}
	*ret = a;
}

void nft_live_say_answer(const struct foreign_answer *a, struct strbuf *out)
{
	size_t n = addr_bytes(a->family);

	if (a->family) {
		nft_live_say_value(LIVE_ADDR, a->address.first, n, out);
		if (memcmp(a->address.first, a->address.last, n) != 0) {
			strbuf_puts(out, "-");
			nft_live_say_value(LIVE_ADDR, a->address.last, n, out);
		}
	}
	if (!a->port)
		return;
	strbuf_printf(out, "%s%u", a->family ? " . " : "", a->port);
	if (a->last_port != a->port)
		strbuf_printf(out, "-%u", a->last_port);
}

int nft_live_any_answer(struct live_rule *r, const struct live_set *set,
			uint32_t *ret_key)
{
	const struct key_range v = { 0 };
	int err = foreign_begin_set(r->f, NULL, 1, false, ret_key);

	for (size_t i = 0; !err && i < set->n + set->rest; i++) {
		err = foreign_add_key(r->f, &v, NULL);
		if (!err)
			err = foreign_add_answer(r->f, i < set->n ?
						 &set->answers[i] :
						 &set->rest_answer);
	}
	if (!err)
		r->f->sets[*ret_key].known = false;
	return err;
}
