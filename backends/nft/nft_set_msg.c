/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/nft/nft_set_msg.c: a set's own message, without its elements. */
#include <arpa/inet.h>
#include <endian.h>
#include <string.h>

#include "backends/nft/nft_netlink.h"
#include "core/mem.h"

#define TYPE_BITS 6

#define TIMED_FLAGS ((uint32_t)(NFT_SET_TIMEOUT | NFT_SET_EVAL))
/*
 * Without a timeout of its own, nothing in such a set ends; but it is no
 * bitmap, which cannot have timeouts. NFT_SET_EVAL would do as well, were
 * there not `nft -s list`, which leaves out what lies in such a set.
 *
 * Source: nft_select_set_ops() in the kernel's net/netfilter/nf_tables_api.c;
 *         do_set_print() in nftables' src/rule.c.
 */
#define HASHED_FLAG ((uint32_t)NFT_SET_TIMEOUT)
static const char timed_kind[] = "timed";

bool nft_set_is_timed(const struct image_set *s)
{
	return !strcmp(s->kind, timed_kind);
}

void nft_set_mark_timed(struct image_set *s)
{
	_Static_assert(sizeof(timed_kind) <= sizeof(s->kind), "does not fit");
	memcpy(s->kind, timed_kind, sizeof(timed_kind));
	s->size = NFT_TIMED_SIZE;
}

static uint32_t padded(enum field_type t)
{
	return ((uint32_t)field_width(t) + 3) & ~3u;
}

static bool is_concat(const struct elems *e)
{
	return e->n_fields > 1;
}

/* A single field has its own length; several are padded to words. */
static uint32_t key_len(const struct elems *e)
{
	uint32_t len = 0;

	if (!is_concat(e))
		return (uint32_t)field_width(e->field[0]);
	for (unsigned int i = 0; i < e->n_fields; i++)
		len += padded(e->field[i]);
	return len;
}

static uint32_t key_type(const struct elems *e)
{
	uint32_t type = 0;

	for (unsigned int i = 0; i < e->n_fields; i++)
		type = type << TYPE_BITS | nft_field(e->field[i])->id;
	return type;
}

static uint32_t set_flags(const struct image_set *s)
{
	uint32_t flags = 0;

	if (s->interval)
		flags |= NFT_SET_INTERVAL;
	if (s->interval && is_concat(&s->elems))
		flags |= NFT_SET_CONCAT;
	if (nft_set_is_timed(s))
		flags |= TIMED_FLAGS;
	if (s->hashed)
		flags |= HASHED_FLAG;
	return flags;
}

/* What the kernel's interval concatenation needs to know of the fields. */
static void put_concat(struct nlmsghdr *nlh, const struct elems *e)
{
	struct nlattr *all = mnl_attr_nest_start(nlh, NFTA_SET_DESC_CONCAT);

	for (unsigned int i = 0; i < e->n_fields; i++) {
		struct nlattr *one = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);

		mnl_attr_put_u32(nlh, NFTA_SET_FIELD_LEN,
				 htonl((uint32_t)field_width(e->field[i])));
		mnl_attr_nest_end(nlh, one);
	}
	mnl_attr_nest_end(nlh, all);
}

static void put_desc(struct nlmsghdr *nlh, const struct image_set *s)
{
	bool concat = s->interval && is_concat(&s->elems);
	struct nlattr *desc;

	if (!concat && !s->size)
		return;
	desc = mnl_attr_nest_start(nlh, NFTA_SET_DESC);
	if (s->size)
		mnl_attr_put_u32(nlh, NFTA_SET_DESC_SIZE, htonl(s->size));
	if (concat)
		put_concat(nlh, &s->elems);
	mnl_attr_nest_end(nlh, desc);
}

/* For `nft list`: 0 is none (a concatenation), 1 the host's, 2 big endian. */
static void put_byteorder(struct nlmsghdr *nlh, const struct elems *e)
{
	uint32_t order = is_concat(e) ? 0 :
			 nft_field(e->field[0])->host_order ? 1 : 2;
	uint8_t u[6] = { NFT_UDATA_SET_KEYBYTEORDER, sizeof(order) };

	memcpy(u + 2, &order, sizeof(order));
	mnl_attr_put(nlh, NFTA_SET_USERDATA, sizeof(u), u);
}

void nft_put_set(struct nlmsghdr *nlh, const struct image_table *t,
		 const struct image_set *s, uint32_t id)
{
	mnl_attr_put_strz(nlh, NFTA_SET_TABLE, t->name);
	mnl_attr_put_strz(nlh, NFTA_SET_NAME, s->name);
	mnl_attr_put_u32(nlh, NFTA_SET_FLAGS, htonl(set_flags(s)));
	mnl_attr_put_u32(nlh, NFTA_SET_KEY_TYPE, htonl(key_type(&s->elems)));
	mnl_attr_put_u32(nlh, NFTA_SET_KEY_LEN, htonl(key_len(&s->elems)));
	mnl_attr_put_u32(nlh, NFTA_SET_ID, htonl(id));
	if (nft_set_is_timed(s))
		mnl_attr_put_u64(nlh, NFTA_SET_TIMEOUT,
				 htobe64(NFT_TIMED_SECONDS * 1000));
	put_desc(nlh, s);
	put_byteorder(nlh, &s->elems);
}

static int read_fields(uint32_t type, enum field_type *field, size_t *n)
{
	enum field_type back[ELEMS_MAX_FIELDS];
	size_t k = 0;
	int err = 0;

	for (; !err && type; type >>= TYPE_BITS) {
		if (k == ELEMS_MAX_FIELDS)
			return -EINVAL;
		err = nft_field_by_id(type & ((1u << TYPE_BITS) - 1),
				      &back[k++]);
	}
	for (size_t i = 0; i < k; i++)
		field[i] = back[k - 1 - i];
	*n = k;
	return k ? err : -EINVAL;
}

static uint32_t read_size(const struct nlattr *desc)
{
	const struct nlattr *a;

	if (desc)
		netlink_for_each_nested(a, desc)
			if (mnl_attr_get_type(a) == NFTA_SET_DESC_SIZE)
				return nft_attr_u32(a);
	return 0;
}

int nft_set_decode(const struct nlattr *const *attr, struct image_set *s)
{
	enum field_type field[ELEMS_MAX_FIELDS];
	uint32_t flags = nft_attr_u32(attr[NFTA_SET_FLAGS]);
	size_t n;
	int err;

	bool timed = flags == TIMED_FLAGS &&
		     nft_attr_u64(attr[NFTA_SET_TIMEOUT]) ==
			     NFT_TIMED_SECONDS * 1000;
	bool hashed = flags == HASHED_FLAG && !attr[NFTA_SET_TIMEOUT];

	if ((!timed && !hashed &&
	     flags & ~(uint32_t)(NFT_SET_INTERVAL | NFT_SET_CONCAT)) ||
	    attr[NFTA_SET_DATA_TYPE] || attr[NFTA_SET_EXPR] ||
	    attr[NFTA_SET_EXPRESSIONS])
		return -EINVAL;
	err = read_fields(nft_attr_u32(attr[NFTA_SET_KEY_TYPE]), field, &n);
	if (err)
		return err;
	elems_init(&s->elems, field, n);
	if (key_len(&s->elems) != nft_attr_u32(attr[NFTA_SET_KEY_LEN]))
		return -EINVAL;
	s->interval = flags & NFT_SET_INTERVAL;
	s->hashed = hashed;
	s->size = read_size(attr[NFTA_SET_DESC]);
	s->family = nft_fields_family(&s->elems);
	if (timed && s->size != NFT_TIMED_SIZE)
		return -EINVAL;
	if (timed)
		nft_set_mark_timed(s);
	return 0;
}
