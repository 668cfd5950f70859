/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_timers.c: timers as nft's objects, `ct timeout`.
 *
 * Source: nft_ct_timeout_obj_init() in net/netfilter/nft_ct.c; nft(8), "ct
 *         timeout". A number without a unit is seconds to every nft.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "backends/nft/nft_netlink.h"
#include "core/digest.h"
#include "core/intern.h"
#include "core/mem.h"
#include "host/timer_attrs.h"

static const char *name_of(const struct timers *t, const char *words,
			   uint8_t family)
{
	uint64_t h = digest_add(DIGEST_START, words, strlen(words));

	return intern_printf(NFT_OWN_PREFIX "%s%s-%x-%08x",
			     protocol_name(t->proto),
			     family == AF_INET ? "4" : "6", timers_mask(t),
			     digest_fold(h));
}

/* Of others nft lists what it could not load again: no rules at next boot. */
static bool nft_has_words(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP;
}

int nft_need_timers(struct image_table *t, const char *words, uint8_t family,
		    const char **ret)
{
	struct timers timers;
	struct image_set *s;
	int err = timers_parse(words, &timers);

	if (!err && !nft_has_words(timers.proto))
		err = -FAULT_LACKING;
	if (err)
		return err;
	*ret = name_of(&timers, words, family);
	s = *ret ? timers_set(t, *ret) : NULL;
	return s ? timers_take(s, family, &timers, timers_mask(&timers)) :
		   -ENOMEM;
}

/* "ctpolicy-udp4-3-1a2b3c4d" */
static bool read_mask(const char *name, uint32_t *ret)
{
	static const char hex[] = "0123456789abcdef";
	size_t prefix = strlen(NFT_OWN_PREFIX);
	const char *s = nft_name_is_own(name) ? strchr(name + prefix, '-') :
						NULL;
	size_t n = s ? strspn(s + 1, hex) : 0;

	if (!n || n > 3 || s[1] == '0' || s[n + 1] != '-' ||
	    strspn(s + n + 2, hex) != 8 || s[n + 10])
		return false;
	*ret = (uint32_t)strtoul(s + 1, NULL, 16);
	return true;
}

int nft_take_timers(struct image_set *s, uint8_t family, struct timers *t)
{
	uint32_t mask = UINT32_MAX;

	if (!t || !read_mask(s->name, &mask))
		image_set_mark_unknown(s);
	if (t)
		return timers_take(s, family, t, mask);
	s->timers = intern("");
	return s->timers ? 0 : -ENOMEM;
}

static uint8_t l3_of(uint8_t family)
{
	return family == AF_INET6 ? NFPROTO_IPV6 : NFPROTO_IPV4;
}

void nft_print_timers(const struct image_set *s, const char *indent,
		      const char *eol, struct strbuf *out)
{
	struct timers t = { 0 };
	const char *key, *comma = "";

	if (timers_parse(s->timers, &t))
		return;
	strbuf_printf(out, "%sprotocol %s%s%sl3proto %s%s%spolicy = {", indent,
		      protocol_name(t.proto), eol, indent,
		      nfproto_name(l3_of(s->family)), eol, indent);
	for (unsigned int i = 1; (key = timers_key(t.proto, i)); i++) {
		if (!t.v[i])
			continue;
		strbuf_printf(out, "%s %s : %u", comma, key, t.v[i]);
		comma = ",";
	}
	strbuf_printf(out, " }%s", eol);
}

void nft_put_timers(struct nlmsghdr *nlh, const struct image_table *t,
		    const struct image_set *s, bool drop)
{
	struct timers timers = { 0 };
	struct nlattr *data;

	mnl_attr_put_strz(nlh, NFTA_OBJ_TABLE, t->name);
	mnl_attr_put_strz(nlh, NFTA_OBJ_NAME, s->name);
	mnl_attr_put_u32(nlh, NFTA_OBJ_TYPE, htonl(NFT_OBJECT_CT_TIMEOUT));
	if (drop || timers_parse(s->timers, &timers))
		return;
	data = mnl_attr_nest_start(nlh, NFTA_OBJ_DATA);
	mnl_attr_put_u16(nlh, NFTA_CT_TIMEOUT_L3PROTO,
			 htons(l3_of(s->family)));
	mnl_attr_put_u8(nlh, NFTA_CT_TIMEOUT_L4PROTO, timers.proto);
	timer_attrs_put(nlh, NFTA_CT_TIMEOUT_DATA, &timers);
	mnl_attr_nest_end(nlh, data);
}

static uint16_t attr_u16(const struct nlattr *a)
{
	return a && mnl_attr_get_payload_len(a) >= 2 ?
		       ntohs(mnl_attr_get_u16(a)) : 0;
}

static uint8_t attr_u8(const struct nlattr *a)
{
	return a && mnl_attr_get_payload_len(a) ? mnl_attr_get_u8(a) : 0;
}

int nft_timers_decode(const struct nlattr *const *attr, struct image_set *s)
{
	const struct nlattr *v[NFTA_CT_TIMEOUT_MAX + 1] = { NULL };
	struct timers t = { 0 };
	int err = attr[NFTA_OBJ_DATA] ?
			  nft_nest_attrs(attr[NFTA_OBJ_DATA], v,
					 NFTA_CT_TIMEOUT_MAX) : 0;
	uint16_t l3 = attr_u16(v[NFTA_CT_TIMEOUT_L3PROTO]);

	if (err)
		return err;
	if (nft_attr_u32(attr[NFTA_OBJ_TYPE]) != NFT_OBJECT_CT_TIMEOUT ||
	    (l3 != NFPROTO_IPV4 && l3 != NFPROTO_IPV6) ||
	    !timer_attrs_get(v[NFTA_CT_TIMEOUT_DATA],
			     attr_u8(v[NFTA_CT_TIMEOUT_L4PROTO]), &t))
		return nft_take_timers(s, AF_UNSPEC, NULL);
	return nft_take_timers(s, l3 == NFPROTO_IPV4 ? AF_INET : AF_INET6, &t);
}

int nft_timers_take(const struct nlmsghdr *nlh, struct image *img)
{
	const struct nlattr *v[NFTA_OBJ_DATA + 1];
	uint8_t family = nft_msg_family(nlh);
	const char *table;
	struct image_table *t;
	struct image_set *s;
	int err = nft_msg_attrs(nlh, v, NFTA_OBJ_DATA);

	if (err || nft_attr_u32(v[NFTA_OBJ_TYPE]) != NFT_OBJECT_CT_TIMEOUT)
		return err;
	table = nft_attr_str(v[NFTA_OBJ_TABLE]);
	t = nft_table_is_own(family, table) ?
		    image_find_table(img, family, table) : NULL;
	if (!t)
		return 0;
	s = image_add_set(t, nft_attr_str(v[NFTA_OBJ_NAME]));
	return s ? nft_timers_decode(v, s) : -ENOMEM;
}
