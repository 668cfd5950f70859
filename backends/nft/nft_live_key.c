/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/nft/nft_live_key.c: registers, read back as fields of a packet. */
#include <endian.h>
#include <net/if.h>
#include <string.h>
#include <linux/if_ether.h>

#include "backends/nft/nft_live.h"
#include "core/mem.h"

#define NET LIVE_NETWORK
#define TRANS LIVE_TRANSPORT
#define IP NFPROTO_IPV4
#define IP6 NFPROTO_IPV6

static const struct live_field fields[] = {
	{ LIVE_META, NFT_META_NFPROTO, 1, false, 0, 0, FIELD_NFPROTO,
	  LIVE_AS_IS, LIVE_FAMILY, "meta nfproto" },
	{ LIVE_META, NFT_META_L4PROTO, 1, false, 0, 0, FIELD_L4PROTO,
	  LIVE_AS_IS, LIVE_PROTO, "meta l4proto" },
	{ LIVE_META, NFT_META_PROTOCOL, 2, false, 0, 0, FIELD_NFPROTO,
	  LIVE_AS_FAMILY, LIVE_ETHERTYPE, "meta protocol" },
	{ LIVE_META, NFT_META_IIF, 4, true, 0, 0, FIELD_IIF,
	  LIVE_AS_IFNAME, LIVE_IFINDEX, "iif" },
	{ LIVE_META, NFT_META_OIF, 4, true, 0, 0, FIELD_OIF,
	  LIVE_AS_IFNAME, LIVE_IFINDEX, "oif" },
	{ LIVE_META, NFT_META_IIFNAME, 16, false, 0, 0, FIELD_IIF,
	  LIVE_AS_IS, LIVE_IFNAME, "iifname" },
	{ LIVE_META, NFT_META_OIFNAME, 16, false, 0, 0, FIELD_OIF,
	  LIVE_AS_IS, LIVE_IFNAME, "oifname" },
	{ LIVE_META, NFT_META_MARK, 4, true, 0, 0, FIELD_MARK,
	  LIVE_AS_IS, LIVE_HEX, "meta mark" },
	{ LIVE_CT, NFT_CT_STATE, 4, true, 0, 0, FIELD_STATE,
	  LIVE_AS_IS, LIVE_STATE, "ct state" },
	{ LIVE_CT, NFT_CT_STATUS, 4, true, 0, 0, FIELD_STATUS,
	  LIVE_AS_IS, LIVE_STATUS, "ct status" },
	{ LIVE_CT, NFT_CT_MARK, 4, true, 0, 0, FIELD_CTMARK,
	  LIVE_AS_IS, LIVE_HEX, "ct mark" },
	{ LIVE_FIB, NFTA_FIB_F_SADDR, 4, true, 0, 0, FIELD_SADDR_TYPE,
	  LIVE_AS_IS, LIVE_RTN, "fib saddr type" },
	{ LIVE_FIB, NFTA_FIB_F_DADDR, 4, true, 0, 0, FIELD_DADDR_TYPE,
	  LIVE_AS_IS, LIVE_RTN, "fib daddr type" },
	{ LIVE_SOCKET, NFT_SOCKET_TRANSPARENT, 1, false, 0, 0,
	  FIELD_TRANSPARENT, LIVE_AS_IS, LIVE_NUMBER, "socket transparent" },
	{ LIVE_SOCKET, NFT_SOCKET_WILDCARD, 1, false, 0, 0,
	  FIELD_WILDCARD, LIVE_AS_IS, LIVE_NUMBER, "socket wildcard" },
	{ NET, 12, 4, false, IP, 0, FIELD_SADDR, LIVE_AS_IS, LIVE_ADDR,
	  "ip saddr" },
	{ NET, 16, 4, false, IP, 0, FIELD_DADDR, LIVE_AS_IS, LIVE_ADDR,
	  "ip daddr" },
	{ NET, 9, 1, false, IP, 0, FIELD_L4PROTO, LIVE_AS_IS, LIVE_PROTO,
	  "ip protocol" },
	{ NET, 6, 2, false, IP, 0, FIELD_FRAGMENT, LIVE_AS_FRAGMENT,
	  LIVE_NUMBER, "ip frag-off" },
	{ NET, 8, 16, false, IP6, 0, FIELD_SADDR, LIVE_AS_IS, LIVE_ADDR,
	  "ip6 saddr" },
	{ NET, 24, 16, false, IP6, 0, FIELD_DADDR, LIVE_AS_IS, LIVE_ADDR,
	  "ip6 daddr" },
	{ NET, 6, 1, false, IP6, 0, FIELD_L4PROTO, LIVE_AS_PROTO, LIVE_PROTO,
	  "ip6 nexthdr" },
	{ LIVE_FRAG, 2, 2, false, IP6, 0, FIELD_FRAGMENT, LIVE_AS_FRAGMENT6,
	  LIVE_NUMBER, "frag frag-off" },
	{ TRANS, 0, 1, false, 0, LIVE_ICMP, FIELD_ICMP_TYPE, LIVE_AS_IS,
	  LIVE_NUMBER, "type" },
	{ TRANS, 1, 1, false, 0, LIVE_ICMP, FIELD_ICMP_CODE, LIVE_AS_IS,
	  LIVE_NUMBER, "code" },
	{ TRANS, 0, 2, false, 0, LIVE_PORTS, FIELD_SPORT, LIVE_AS_IS,
	  LIVE_PORT, "sport" },
	{ TRANS, 2, 2, false, 0, LIVE_PORTS, FIELD_DPORT, LIVE_AS_IS,
	  LIVE_PORT, "dport" },
	{ TRANS, 13, 1, false, 0, LIVE_TCP, FIELD_TCP_FLAGS, LIVE_AS_IS,
	  LIVE_TCP_FLAGS, "flags" },
};

unsigned int nft_live_at(uint32_t reg)
{
	if (reg >= NFT_REG_1 && reg <= NFT_REG_4)
		return (reg - NFT_REG_1) * 16;
	if (reg >= NFT_REG32_00 && reg <= NFT_REG32_15)
		return (reg - NFT_REG32_00) * 4;
	return LIVE_BYTES;
}

bool nft_live_fits(unsigned int at, uint32_t len)
{
	return at <= LIVE_BYTES && len <= LIVE_BYTES - at;
}

void nft_live_lose(struct live_rule *r, unsigned int at, unsigned int len)
{
	for (; len-- && at < LIVE_BYTES; at++)
		r->byte[at] = (struct live_byte){ .load = LIVE_LOST };
}

/* The rest of the last word is zero. */
void nft_live_load(struct live_rule *r, uint32_t reg, struct live_load l)
{
	unsigned int at = nft_live_at(reg);

	if (!nft_live_fits(at, l.len) || r->n_loads == LIVE_LOADS) {
		nft_live_lose(r, at, LIVE_BYTES);
		return;
	}
	r->loads[r->n_loads] = l;
	for (unsigned int i = 0; i < l.len; i++)
		r->byte[at + i] = (struct live_byte){
			.load = (uint8_t)r->n_loads, .at = (uint8_t)i,
			.mask = 0xff,
		};
	for (unsigned int i = l.len; i % 4; i++)
		r->byte[at + i] = (struct live_byte){ .load = LIVE_CONST };
	r->n_loads++;
}

/* Can only these protocols have come so far? */
static bool among(const struct live_rule *r, const uint8_t *v, size_t n)
{
	uint64_t left[4];

	memcpy(left, r->protos, sizeof(left));
	for (size_t i = 0; i < n; i++)
		left[v[i] / 64] &= ~(UINT64_C(1) << v[i] % 64);
	return !(left[0] | left[1] | left[2] | left[3]);
}

static bool allows(const struct live_rule *r, const struct live_field *f)
{
	static const uint8_t tcp[] = { IPPROTO_TCP };
	static const uint8_t icmp[] = { IPPROTO_ICMP, IPPROTO_ICMPV6 };

	if (f->family && f->family != r->family)
		return false;
	if (f->proto == LIVE_TCP)
		return among(r, tcp, sizeof(tcp));
	return f->proto != LIVE_ICMP || among(r, icmp, sizeof(icmp));
}

/* Of a header, byte by byte; of anything else, the whole load. */
static bool covers(const struct live_field *f, const struct live_load *l,
		   unsigned int at)
{
	if (f->from != l->from)
		return false;
	if (f->from != NET && f->from != TRANS && f->from != LIVE_FRAG)
		return f->key == l->key && f->width == l->len;
	return l->key + at >= f->key && l->key + at < f->key + f->width;
}

const struct live_field *nft_live_field(const struct live_rule *r,
					const struct live_load *l,
					unsigned int at)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (covers(&fields[i], l, at) && allows(r, &fields[i]))
			return &fields[i];
	return NULL;
}

static unsigned int byte_of(const struct live_field *f,
			    const struct live_load *l, unsigned int at)
{
	if (f->from == NET || f->from == TRANS || f->from == LIVE_FRAG)
		return l->key + at - f->key;
	return f->host && BYTE_ORDER == LITTLE_ENDIAN ? f->width - 1u - at :
							at;
}

static struct live_part *part_for(struct live_key *k, uint8_t load,
				  const struct live_field *f)
{
	for (unsigned int i = 0; i < k->n; i++)
		if (k->part[i].load == load && k->part[i].field == f)
			return &k->part[i];
	if (k->n == TERM_FIELDS_MAX)
		return NULL;
	k->part[k->n] = (struct live_part){ .field = f, .load = load };
	return &k->part[k->n++];
}

static const char *take_byte(const struct live_rule *r, unsigned int at,
			     unsigned int pos, struct live_key *k)
{
	const struct live_byte *b = &r->byte[at];
	const struct live_field *f;
	struct live_part *p;
	unsigned int i;

	if (b->load == LIVE_CONST) {
		k->fixed[k->n_fixed].pos = (uint8_t)pos;
		k->fixed[k->n_fixed++].value = b->flip;
		return NULL;
	}
	if (b->load == LIVE_LOST)
		return "expression";
	f = nft_live_field(r, &r->loads[b->load], b->at);
	p = f ? part_for(k, b->load, f) : NULL;
	if (!p)
		return r->loads[b->load].name;
	i = byte_of(f, &r->loads[b->load], b->at);
	if (p->pos[i])
		return r->loads[b->load].name;
	p->pos[i] = (uint8_t)(pos + 1);
	p->mask[i] = b->mask;
	p->flip[i] = b->flip;
	return NULL;
}

/* Ones, then zeros: what a prefix leaves. */
static void find_shape(struct live_part *p)
{
	bool zero = false, gap = false, missing = false;

	p->ordered = true;
	for (unsigned int i = 0; i < p->field->width; i++) {
		if (missing && p->pos[i])
			p->ordered = false;
		missing |= !p->pos[i];
		if (i && p->pos[i] && p->pos[i] != p->pos[i - 1] + 1)
			p->ordered = false;
		for (unsigned int bit = 0x80; bit; bit >>= 1) {
			gap |= zero && p->mask[i] & bit;
			zero |= !(p->mask[i] & bit);
		}
	}
	p->shape = gap ? LIVE_MASKED : zero ? LIVE_PREFIX : LIVE_WHOLE;
}

static const char *check_part(const struct live_part *p)
{
	enum live_as as = p->field->as;
	bool whole = p->shape == LIVE_WHOLE;

	if (as == LIVE_AS_FRAGMENT && (p->mask[0] != 0x1f ||
				       p->mask[1] != 0xff))
		return p->field->words;
	if (as == LIVE_AS_FRAGMENT6 && (p->mask[0] != 0xff ||
					p->mask[1] != 0xf8))
		return p->field->words;
	if (as != LIVE_AS_IS && as != LIVE_AS_FRAGMENT &&
	    as != LIVE_AS_FRAGMENT6 && !whole)
		return p->field->words;
	return NULL;
}

void nft_live_key(const struct live_rule *r, unsigned int at, unsigned int len,
		  struct live_key *ret)
{
	*ret = (struct live_key){ .len = (uint8_t)len };
	if (!nft_live_fits(at, len))
		ret->opaque = "expression";
	for (unsigned int i = 0; i < len && !ret->opaque; i++)
		ret->opaque = take_byte(r, at + i, i, ret);
	for (unsigned int i = 0; i < ret->n && !ret->opaque; i++) {
		find_shape(&ret->part[i]);
		ret->opaque = check_part(&ret->part[i]);
	}
}

/* One value: bit by bit. */
static enum live_fit exact_range(const struct live_part *p, const uint8_t *v,
				 struct key_range *ret)
{
	for (unsigned int i = 0; i < p->field->width; i++) {
		uint8_t b = p->pos[i] ? v[p->pos[i] - 1] ^ p->flip[i] : 0;
		uint8_t open = p->shape == LIVE_MASKED ?
				       0 : (uint8_t)~p->mask[i];

		if (b & ~p->mask[i])
			return LIVE_NEVER;
		ret->first[i] = b;
		ret->last[i] = b | open;
	}
	return LIVE_FITS;
}

static bool is_exact(const struct live_part *p, const uint8_t *first,
		     const uint8_t *last)
{
	for (unsigned int i = 0; i < p->field->width; i++)
		if (p->pos[i] && first[p->pos[i] - 1] != last[p->pos[i] - 1])
			return false;
	return true;
}

enum live_fit nft_live_range(const struct live_part *p, const uint8_t *first,
			     const uint8_t *last, struct key_range *ret)
{
	*ret = (struct key_range){ 0 };
	if (is_exact(p, first, last))
		return exact_range(p, first, ret);
	if (!p->ordered)
		return LIVE_UNSURE;
	for (unsigned int i = 0; i < p->field->width; i++) {
		uint8_t open = p->shape == LIVE_MASKED ?
				       0 : (uint8_t)~p->mask[i];

		if (p->flip[i])
			return LIVE_UNSURE;
		if (p->pos[i]) {
			ret->first[i] = first[p->pos[i] - 1];
			ret->last[i] = last[p->pos[i] - 1];
		}
		if (ret->first[i] & open)
			return LIVE_UNSURE;
		ret->last[i] |= open;
	}
	return LIVE_FITS;
}

/* No name has anything behind its NUL: "lo" as 3 bytes is "lo" as 16. */
static enum live_fit as_name(struct key_range *v)
{
	size_t n = strnlen((const char *)v->first, sizeof(v->first));

	if (n < sizeof(v->first) && !memcmp(v->first, v->last, n + 1))
		memset(v->last + n, 0, sizeof(v->last) - n);
	return LIVE_FITS;
}

static enum live_fit as_family(struct key_range *v)
{
	unsigned int first = v->first[0] << 8 | v->first[1];
	unsigned int last = v->last[0] << 8 | v->last[1];
	bool v4 = first <= ETH_P_IP && ETH_P_IP <= last;
	bool v6 = first <= ETH_P_IPV6 && ETH_P_IPV6 <= last;

	*v = (struct key_range){ { v4 ? NFPROTO_IPV4 : NFPROTO_IPV6 },
				 { v6 ? NFPROTO_IPV6 : NFPROTO_IPV4 } };
	return v4 || v6 ? LIVE_FITS : LIVE_NEVER;
}

static enum live_fit as_interface(struct key_range *v)
{
	uint32_t index;
	char name[IF_NAMESIZE] = { 0 };

	if (memcmp(v->first, v->last, sizeof(index)))
		return LIVE_UNSURE;
	memcpy(&index, v->first, sizeof(index));
	index = be32toh(index);
	if (index && !if_indextoname(index, name))
		return LIVE_UNSURE;
	*v = (struct key_range){ 0 };
	memcpy(v->first, name, strnlen(name, sizeof(name)));
	memcpy(v->last, v->first, sizeof(v->last));
	return LIVE_FITS;
}

/* Those that stand ahead of the protocol itself hide it. */
static enum live_fit as_protocol(const struct key_range *v)
{
	static const uint8_t ahead[] = {
		IPPROTO_HOPOPTS, IPPROTO_ROUTING, IPPROTO_FRAGMENT, IPPROTO_AH,
		IPPROTO_DSTOPTS, IPPROTO_MH,
	};

	for (size_t i = 0; i < sizeof(ahead); i++)
		if (v->first[0] <= ahead[i] && ahead[i] <= v->last[0])
			return LIVE_UNSURE;
	return LIVE_FITS;
}

static enum live_fit as_fragment(struct key_range *v)
{
	unsigned int first = v->first[0] << 8 | v->first[1];
	unsigned int last = v->last[0] << 8 | v->last[1];

	if ((first && (first != 1 || last < 0x1fff)) ||
	    (!first && last && last < 0x1fff))
		return LIVE_UNSURE;
	*v = (struct key_range){ { first ? 1 : 0 }, { last ? 1 : 0 } };
	return LIVE_FITS;
}

enum live_fit nft_live_convert(const struct live_part *p, struct key_range *v)
{
	switch (p->field->as) {
	case LIVE_AS_IS:
		return p->field->type == LIVE_IFNAME ? as_name(v) : LIVE_FITS;
	case LIVE_AS_FAMILY:
		return as_family(v);
	case LIVE_AS_IFNAME:
		return as_interface(v);
	case LIVE_AS_PROTO:
		return as_protocol(v);
	case LIVE_AS_FRAGMENT:
		return as_fragment(v);
	case LIVE_AS_FRAGMENT6:
		break;
	}
	return LIVE_UNSURE;
}
