/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_elem_put.c: elements as netlink attributes.
 *
 * By hand, since libnftnl makes an object of each element, which costs more
 * than the kernel's own work. A set of one field with intervals takes a start
 * and the first value behind it; a concatenation takes a key and its end.
 */
#include <arpa/inet.h>
#include <string.h>

#include "backends/nft/nft_netlink.h"
#include "core/mem.h"

/* One end of element i as the kernel has it; returns its length. */
static size_t wire_key(const struct elems *e, const uint8_t *key, uint8_t *out)
{
	size_t at = 0;

	for (unsigned int i = 0; i < e->n_fields; i++) {
		const struct nft_field_type *t = nft_field(e->field[i]);
		uint32_t n;

		memset(out + at, 0, (t->width + 3u) & ~3u);
		memcpy(out + at, key, t->width);
		if (e->field[i] == FIELD_ADDRTYPE) {
			memcpy(&n, key, sizeof(n));
			n = ntohl(n);
			memcpy(out + at, &n, sizeof(n));
		}
		key += t->width;
		at += e->n_fields > 1 ? (t->width + 3u) & ~3u : t->width;
	}
	return at;
}

/* An attribute that holds one other, the value; both heads at once. */
static void put_key(struct nlmsghdr *nlh, uint16_t attr, const struct elems *e,
		    const uint8_t *key)
{
	struct nlattr *nest = mnl_nlmsg_get_payload_tail(nlh);
	struct nlattr *value = nest + 1;
	uint8_t *wire = (uint8_t *)(value + 1);
	size_t n = wire_key(e, key, wire), padded = MNL_ALIGN(n);

	memset(wire + n, 0, padded - n);
	value->nla_type = NFTA_DATA_VALUE;
	value->nla_len = (uint16_t)(sizeof(*value) + n);
	nest->nla_type = NLA_F_NESTED | attr;
	nest->nla_len = (uint16_t)(2 * sizeof(*nest) + padded);
	nlh->nlmsg_len += nest->nla_len;
}

/* What an origin says is the same for most neighbours. */
static size_t put_comment(uint8_t *u, const struct origin *o,
			  struct nft_comment *said)
{
	if (said->of != o) {
		origin_comment(o, said->text, COMMENT_MAX);
		said->len = strlen(said->text) + 1;
		said->of = o;
	}
	u[0] = NFT_UDATA_COMMENT;
	u[1] = (uint8_t)said->len;
	memcpy(u + 2, said->text, said->len);
	return 2 + said->len;
}

/* `open`: nft's mark of a range that goes on to the last value. */
static void put_udata(struct nlmsghdr *nlh, const struct origin *o, bool open,
		      struct nft_comment *said)
{
	uint8_t u[2 + COMMENT_MAX + 1 + 6];
	uint32_t flags = 1;
	size_t n = o ? put_comment(u, o, said) : 0;

	if (open) {
		u[n] = NFT_UDATA_ELEM_FLAGS;
		u[n + 1] = sizeof(flags);
		memcpy(u + n + 2, &flags, sizeof(flags));
		n += 2 + sizeof(flags);
	}
	if (n)
		mnl_attr_put(nlh, NFTA_SET_ELEM_USERDATA, n, u);
}

static void put_end(struct nlmsghdr *nlh, const struct elems *e,
		    const uint8_t *after)
{
	struct nlattr *one = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);

	mnl_attr_put_u32(nlh, NFTA_SET_ELEM_FLAGS,
			 htonl(NFT_SET_ELEM_INTERVAL_END));
	put_key(nlh, NFTA_SET_ELEM_KEY, e, after);
	mnl_attr_nest_end(nlh, one);
}

void nft_put_elem(struct nlmsghdr *nlh, const struct image_set *s, size_t i,
		  struct nft_comment *said)
{
	const struct elems *e = &s->elems;
	struct nlattr *one = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
	bool pair = s->interval && e->n_fields == 1;
	uint8_t after[16];
	bool ends = pair && key_next(elems_last(e, i), e->width, after);

	put_key(nlh, NFTA_SET_ELEM_KEY, e, elems_first(e, i));
	if (s->interval && !pair)
		put_key(nlh, NFTA_SET_ELEM_KEY_END, e, elems_last(e, i));
	if (said)
		put_udata(nlh, elems_origin(e, i), pair && !ends, said);
	mnl_attr_nest_end(nlh, one);
	if (ends)
		put_end(nlh, e, after);
}
