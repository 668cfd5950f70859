/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/iptables/ipset_wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

#include "backends/iptables/ipt_group.h"
#include "backends/xtables/ipt_rule_args.h"

struct nlmsghdr *ipset_wire_head(void *buf, uint8_t cmd, uint16_t flags,
				 const char *set)
{
	struct nlmsghdr *nlh = netlink_put_nf(buf, NFNL_SUBSYS_IPSET, cmd,
					      flags, AF_UNSPEC, 0);

	/* All that is asked here every kernel has had since. */
	mnl_attr_put_u8(nlh, IPSET_ATTR_PROTOCOL, IPSET_PROTOCOL_MIN);
	if (set)
		mnl_attr_put_strz(nlh, IPSET_ATTR_SETNAME, set);
	return nlh;
}

void ipset_wire_flags(struct nlmsghdr *nlh, uint32_t flags)
{
	mnl_attr_put_u32(nlh, IPSET_ATTR_FLAGS | NLA_F_NET_BYTEORDER,
			 htonl(flags));
}

void ipset_wire_init(struct ipset_wire *w, const struct image_set *s)
{
	const struct ipt_set_kind *k = ipt_set_kind_find(s->kind);
	const struct elems *e = &s->elems;

	*w = (struct ipset_wire){ .n = e->n_fields };
	for (unsigned int i = 0; i < w->n && i < IPT_SET_DIMS; i++) {
		unsigned int f = ipt_set_field(e->field[0] == FIELD_PORT,
					       e->n_fields, i);

		w->dim[i] = (struct ipset_dim){
			.port = e->field[f] == FIELD_PORT,
			.net = k && k->net[i],
			.at = elems_offset(e, f),
			.width = field_width(e->field[f]),
		};
	}
}

/* As mnl_attr_put(), where the compiler sees the length. */
static inline void put(struct nlmsghdr *nlh, uint16_t type, const void *v,
		       size_t len)
{
	struct nlattr *a = mnl_nlmsg_get_payload_tail(nlh);

	a->nla_type = type;
	a->nla_len = (uint16_t)(NLA_HDRLEN + len);
	memcpy((char *)a + NLA_HDRLEN, v, len);
	memset((char *)a + a->nla_len, 0, NLA_ALIGN(len) - len);
	nlh->nlmsg_len += (uint32_t)NLA_ALIGN(a->nla_len);
}

static inline struct nlattr *begin(struct nlmsghdr *nlh, uint16_t type)
{
	struct nlattr *nest = mnl_nlmsg_get_payload_tail(nlh);

	put(nlh, type | NLA_F_NESTED, "", 0);
	return nest;
}

static inline void end(struct nlmsghdr *nlh, struct nlattr *nest)
{
	nest->nla_len = (uint16_t)((char *)mnl_nlmsg_get_payload_tail(nlh) -
				   (char *)nest);
}

static void put_addr(struct nlmsghdr *nlh, const struct ipset_dim *dim,
		     bool second, const uint8_t *first, const uint8_t *last)
{
	struct nlattr *nest = begin(nlh, second ? IPSET_ATTR_IP2 :
						  IPSET_ATTR_IP);
	uint8_t len;

	if (dim->width == 4)
		put(nlh, IPSET_ATTR_IPADDR_IPV4 | NLA_F_NET_BYTEORDER, first,
		    4);
	else
		put(nlh, IPSET_ATTR_IPADDR_IPV6 | NLA_F_NET_BYTEORDER, first,
		    16);
	end(nlh, nest);
	if (!dim->net)
		return;
	len = (uint8_t)ipt_range_len(first, last, dim->width);
	put(nlh, second ? IPSET_ATTR_CIDR2 : IPSET_ATTR_CIDR, &len, 1);
}

void ipset_wire_put(struct nlmsghdr *nlh, const struct ipset_wire *w,
		    const struct image_set *s, size_t i, const char *comment)
{
	const uint8_t *first = elems_first(&s->elems, i);
	const uint8_t *last = elems_last(&s->elems, i);
	struct nlattr *nest = begin(nlh, IPSET_ATTR_DATA);

	for (size_t k = 0; k < w->n; k++) {
		const struct ipset_dim *dim = &w->dim[k];

		if (!dim->port) {
			put_addr(nlh, dim, k > 0, first + dim->at,
				 last + dim->at);
			continue;
		}
		put(nlh, IPSET_ATTR_PORT | NLA_F_NET_BYTEORDER,
		    first + dim->at, 2);
		if (s->proto)
			put(nlh, IPSET_ATTR_PROTO, &s->proto, 1);
	}
	if (comment)
		put(nlh, IPSET_ATTR_COMMENT, comment, strlen(comment) + 1);
	end(nlh, nest);
}

int ipset_wire_read(const struct nlmsghdr *nlh, struct ipset_said *ret)
{
	struct ipset_said s = { 0 };
	const struct nlattr *a;

	netlink_for_each_attr(a, nlh, sizeof(struct nfgenmsg)) {
		switch (netlink_attr_type(a)) {
		case IPSET_ATTR_SETNAME:
			s.name = netlink_attr_text(a);
			break;
		case IPSET_ATTR_TYPENAME:
			s.kind = netlink_attr_text(a);
			break;
		case IPSET_ATTR_FAMILY:
			if (netlink_attr_size(a) == 1)
				s.family = mnl_attr_get_u8(a);
			break;
		case IPSET_ATTR_DATA:
			s.made = a;
			break;
		case IPSET_ATTR_ADT:
			s.elems = a;
			break;
		default:
			break;
		}
	}
	if (!s.name)
		return -EBADMSG;
	*ret = s;
	return 0;
}

static bool number_of(const struct nlattr *a, uint32_t *ret)
{
	if (netlink_attr_size(a) != sizeof(*ret))
		return false;
	*ret = ntohl(mnl_attr_get_u32(a));
	return true;
}

static bool is_port(const struct nlattr *a, uint16_t port)
{
	return netlink_attr_size(a) == 2 && ntohs(mnl_attr_get_u16(a)) == port;
}

/*
 * Ours have comments; a timeout, counters or a netmask make a set another
 * thing.
 */
bool ipset_wire_is_ours(const struct nlattr *made, uint32_t *ret_max)
{
	uint32_t flags = 0, max = 0;
	const struct nlattr *a;

	netlink_for_each_nested(a, made) {
		switch (netlink_attr_type(a)) {
		case IPSET_ATTR_HASHSIZE:
		case IPSET_ATTR_INITVAL:
		case IPSET_ATTR_BUCKETSIZE:
		case IPSET_ATTR_REFERENCES:
		case IPSET_ATTR_MEMSIZE:
		case IPSET_ATTR_ELEMENTS:
			break;
		case IPSET_ATTR_MAXELEM:
			if (!number_of(a, &max))
				return false;
			break;
		case IPSET_ATTR_CADT_FLAGS:
			if (!number_of(a, &flags))
				return false;
			break;
		case IPSET_ATTR_PORT:
			if (!is_port(a, 0))
				return false;
			break;
		case IPSET_ATTR_PORT_TO:
			if (!is_port(a, 65535))
				return false;
			break;
		default:
			return false;
		}
	}
	*ret_max = max;
	return flags == IPSET_FLAG_WITH_COMMENT;
}

uint32_t ipset_wire_count(const struct nlattr *made)
{
	uint32_t count = 0;
	const struct nlattr *a;

	netlink_for_each_nested(a, made)
		if (netlink_attr_type(a) == IPSET_ATTR_ELEMENTS &&
		    !number_of(a, &count))
			return 0;
	return count;
}

/* The attributes of one element; NULL where there is none. */
struct element {
	const struct nlattr *addr[2], *len[2], *port, *proto, *flags, *comment;
};

static void read_element(const struct nlattr *nest, struct element *e)
{
	const struct nlattr *a;

	netlink_for_each_nested(a, nest) {
		switch (netlink_attr_type(a)) {
		case IPSET_ATTR_IP:
			e->addr[0] = a;
			break;
		case IPSET_ATTR_IP2:
			e->addr[1] = a;
			break;
		case IPSET_ATTR_CIDR:
			e->len[0] = a;
			break;
		case IPSET_ATTR_CIDR2:
			e->len[1] = a;
			break;
		case IPSET_ATTR_PORT:
			e->port = a;
			break;
		case IPSET_ATTR_PROTO:
			e->proto = a;
			break;
		case IPSET_ATTR_CADT_FLAGS:
			e->flags = a;
			break;
		case IPSET_ATTR_COMMENT:
			e->comment = a;
			break;
		default:
			break;
		}
	}
}

static const uint8_t *address_in(const struct nlattr *nest, size_t width)
{
	const struct nlattr *a;

	netlink_for_each_nested(a, nest)
		if (netlink_attr_size(a) == width)
			return netlink_attr_data(a);
	return NULL;
}

static bool take_addr(const struct ipset_dim *dim, const struct nlattr *addr,
		      const struct nlattr *len, uint8_t *first, uint8_t *last)
{
	const uint8_t *from = addr ? address_in(addr, dim->width) : NULL;
	unsigned int bits = 8 * (unsigned int)dim->width;

	if (!from)
		return false;
	memcpy(first, from, dim->width);
	memcpy(last, from, dim->width);
	if (!len)
		return true;
	if (netlink_attr_size(len) != 1 || mnl_attr_get_u8(len) > bits)
		return false;
	for (unsigned int i = mnl_attr_get_u8(len); i < bits; i++)
		last[i / 8] |= (uint8_t)(0x80 >> i % 8);
	return true;
}

static bool take_port(const struct nlattr *port, uint8_t *first, uint8_t *last)
{
	if (!port || netlink_attr_size(port) != 2)
		return false;
	memcpy(first, netlink_attr_data(port), 2);
	memcpy(last, netlink_attr_data(port), 2);
	return true;
}

/* Ports of another protocol, and exceptions: only somebody else put them in. */
static int take_protocol(struct image_set *s, const struct element *e)
{
	uint32_t flags = 0;
	uint8_t proto;

	if (e->flags && (!number_of(e->flags, &flags) ||
			 flags & IPSET_FLAG_NOMATCH))
		return -ENOENT;
	if (!e->proto)
		return 0;
	if (netlink_attr_size(e->proto) != 1)
		return -EBADMSG;
	proto = mnl_attr_get_u8(e->proto);
	if (!ipt_fused_knows(proto, true))
		return -ENOENT;
	if (!s->elems.n)
		s->proto = proto;
	return s->proto == proto ? 0 : -ENOENT;
}

static int take_comment(struct ipset_taker *t, const struct nlattr *a,
			const struct origin **ret)
{
	const char *comment = a ? netlink_attr_text(a) : NULL;

	*ret = NULL;
	if (!a)
		return 0;
	if (!comment || netlink_attr_size(a) > sizeof(t->comment))
		return -EBADMSG;
	if (!t->origin || strcmp(comment, t->comment) != 0) {
		t->origin = image_origin(t->img, comment);
		memcpy(t->comment, comment, strlen(comment) + 1);
	}
	*ret = t->origin;
	return t->origin ? 0 : -ENOMEM;
}

int ipset_wire_take(struct ipset_taker *t, const struct nlattr *elem)
{
	uint8_t first[ELEMS_MAX_FIELDS * 16], last[ELEMS_MAX_FIELDS * 16];
	const struct origin *origin;
	struct element e = { 0 };
	int err;

	read_element(elem, &e);
	for (size_t i = 0; i < t->wire.n; i++) {
		const struct ipset_dim *d = &t->wire.dim[i];
		uint8_t *from = first + d->at, *to = last + d->at;

		if (d->port ? !take_port(e.port, from, to) :
			      !take_addr(d, e.addr[i > 0], e.len[i > 0], from,
					 to))
			return -EBADMSG;
	}
	err = take_protocol(t->set, &e);
	if (!err)
		err = take_comment(t, e.comment, &origin);
	return err ? err : elems_add(&t->set->elems, first, last, origin);
}
