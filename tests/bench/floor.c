/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/bench/floor.c: what the kernel itself needs for N set elements.
 *
 * One nftables batch, a table with one set of N `address . port` elements,
 * written straight to the socket: no library, no read-back, no verification.
 * Nothing that loads as many elements can be faster.
 *
 * Units:  attributes in network byte order where nf_tables.h says so.
 * Source: linux/netfilter/nf_tables.h, linux/netfilter/nfnetlink.h.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ELEMS_PER_MESSAGE 2048	/* a nested attribute holds 64 KiB */
#define TYPE_IPADDR 7
#define TYPE_INET_SERVICE 13

static char *buf;
static size_t used;
static uint32_t seq;

static void *room(size_t n)
{
	void *p = buf + used;

	memset(p, 0, NLMSG_ALIGN(n));
	used += NLMSG_ALIGN(n);
	return p;
}

static struct nlmsghdr *begin(uint16_t type, uint16_t flags, uint8_t family,
			      uint16_t res_id)
{
	struct nlmsghdr *h = room(NLMSG_HDRLEN);
	struct nfgenmsg *g = room(sizeof(*g));

	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST | flags;
	h->nlmsg_seq = ++seq;
	g->nfgen_family = family;
	g->version = NFNETLINK_V0;
	g->res_id = htons(res_id);
	return h;
}

static void end(struct nlmsghdr *h)
{
	h->nlmsg_len = (uint32_t)(buf + used - (char *)h);
}

static struct nlattr *open_attr(uint16_t type)
{
	struct nlattr *a = room(NLA_HDRLEN);

	a->nla_type = type;
	return a;
}

static void close_attr(struct nlattr *a)
{
	a->nla_len = (uint16_t)(buf + used - (char *)a);
}

static void put(uint16_t type, const void *data, size_t n)
{
	struct nlattr *a = open_attr(type);

	memcpy(room(n), data, n);
	a->nla_len = (uint16_t)(NLA_HDRLEN + n);
}

static void put_u32(uint16_t type, uint32_t v)
{
	uint32_t be = htonl(v);

	put(type, &be, sizeof(be));
}

static uint16_t nft(uint16_t message)
{
	return (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | message);
}

static void put_set(void)
{
	struct nlmsghdr *h;

	h = begin(nft(NFT_MSG_NEWTABLE), NLM_F_CREATE, NFPROTO_INET, 0);
	put(NFTA_TABLE_NAME, "floor", 6);
	end(h);
	h = begin(nft(NFT_MSG_NEWSET), NLM_F_CREATE, NFPROTO_INET, 0);
	put(NFTA_SET_TABLE, "floor", 6);
	put(NFTA_SET_NAME, "s", 2);
	put_u32(NFTA_SET_KEY_TYPE, TYPE_IPADDR << 6 | TYPE_INET_SERVICE);
	put_u32(NFTA_SET_KEY_LEN, 8);
	put_u32(NFTA_SET_ID, 1);
	end(h);
}

static void put_elements(uint32_t first, uint32_t n, bool last)
{
	struct nlattr *list, *elem, *key;
	struct nlmsghdr *h;
	uint32_t value[2];

	h = begin(nft(NFT_MSG_NEWSETELEM),
		  NLM_F_CREATE | (last ? NLM_F_ACK : 0), NFPROTO_INET, 0);
	put(NFTA_SET_ELEM_LIST_TABLE, "floor", 6);
	put(NFTA_SET_ELEM_LIST_SET, "s", 2);
	put_u32(NFTA_SET_ELEM_LIST_SET_ID, 1);
	list = open_attr(NFTA_SET_ELEM_LIST_ELEMENTS | NLA_F_NESTED);
	for (uint32_t i = first; i < first + n; i++) {
		value[0] = htonl(0x0a000000 + i * 2);
		value[1] = 0;
		memcpy(&value[1], &(uint16_t){ htons(53) }, 2);
		elem = open_attr(NFTA_LIST_ELEM | NLA_F_NESTED);
		key = open_attr(NFTA_SET_ELEM_KEY | NLA_F_NESTED);
		put(NFTA_DATA_VALUE, value, sizeof(value));
		close_attr(key);
		close_attr(elem);
	}
	close_attr(list);
	end(h);
}

/* The batch is refused as a whole: the first answer says it all. */
static int answer(int fd)
{
	char reply[8192];
	struct nlmsghdr *h = (void *)reply;
	ssize_t n = recv(fd, reply, sizeof(reply), 0);

	if (n < (ssize_t)NLMSG_SPACE(sizeof(struct nlmsgerr)) ||
	    h->nlmsg_type != NLMSG_ERROR)
		return -EIO;
	return ((struct nlmsgerr *)NLMSG_DATA(h))->error;
}

static int load(uint32_t n)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
	int size, err;

	if (fd < 0)
		return -errno;
	end(begin(NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES));
	put_set();
	for (uint32_t i = 0; i < n; i += ELEMS_PER_MESSAGE) {
		uint32_t now = n - i < ELEMS_PER_MESSAGE ?
			n - i : ELEMS_PER_MESSAGE;

		put_elements(i, now, i + now == n);
	}
	end(begin(NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES));
	size = (int)(used + 65536);
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	if (sendto(fd, buf, used, 0, (void *)&kernel, sizeof(kernel)) < 0)
		err = -errno;
	else
		err = answer(fd);
	close(fd);
	return err;
}

int main(int argc, char **argv)
{
	unsigned long n = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
	int err;

	if (n < 1 || n > 4000000) {
		fprintf(stderr, "usage: floor ELEMENTS\n");
		return 64;
	}
	buf = malloc(n * 24 + (n / ELEMS_PER_MESSAGE + 8) * 256);
	err = buf ? load((uint32_t)n) : -ENOMEM;
	free(buf);
	if (err) {
		fprintf(stderr, "floor: %s\n", strerror(-err));
		return 1;
	}
	return 0;
}
