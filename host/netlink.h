/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host/netlink.h: message heads, and the loop that reads answers.
 *
 * Shape:  a request has a sequence number of its own, and only messages with
 *         it are answers. A dump ends with NLMSG_DONE; any other request ends
 *         with its first message, or with NLMSG_ERROR, which is also the
 *         acknowledgement.
 * Owner:  netlink_open() opens what netlink_close() closes.
 * Errors: -errno, of the socket, of the kernel's answer, or of `take`. After
 *         an error from `take` the rest of the answer is read and ignored, so
 *         the socket stays usable. -EINTR: the dump is inconsistent because
 *         its objects changed meanwhile; read it again.
 * Source: netlink(7), linux/netlink.h, linux/netfilter/nfnetlink.h.
 */
#ifndef CTPOLICY_HOST_NETLINK_H
#define CTPOLICY_HOST_NETLINK_H

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The kernel builds no larger message for a dump. */
#define NETLINK_DUMP_SIZE 32768

struct netlink {
	struct mnl_socket *nl;
	uint32_t seq;		/* of the last request */
};

struct netlink_answer {
	int (*take)(const struct nlmsghdr *nlh, void *arg);
	void *arg;
	uint32_t seq;
	bool dump;
	bool many;	/* any number of messages, then NLMSG_ERROR */
	/* Called with each answer before it is read; may be NULL. */
	void (*watch)(const struct nlmsghdr *nlh);
	/* Of netlink_receive() alone. */
	bool done, interrupted;
	int err;
};

/*
 * libmnl's loops cast const away, which clang does not take, and call a
 * function for each step, which shows where there are millions of them.
 */
static inline bool netlink_attr_ok(const struct nlattr *a, const char *end)
{
	ptrdiff_t left = end - (const char *)a;

	return left >= (ptrdiff_t)sizeof(*a) && a->nla_len >= sizeof(*a) &&
	       a->nla_len <= left;
}

static inline const struct nlattr *netlink_attr_next(const struct nlattr *a)
{
	return (const void *)((const char *)a + NLA_ALIGN(a->nla_len));
}

static inline uint16_t netlink_attr_type(const struct nlattr *a)
{
	return a->nla_type & NLA_TYPE_MASK;
}

static inline size_t netlink_attr_size(const struct nlattr *a)
{
	return a->nla_len - sizeof(*a);
}

static inline const void *netlink_attr_data(const struct nlattr *a)
{
	return a + 1;
}

/* NULL: it does not end in the attribute. */
static inline const char *netlink_attr_text(const struct nlattr *a)
{
	const char *s = netlink_attr_data(a);

	return memchr(s, '\0', netlink_attr_size(a)) ? s : NULL;
}

#define netlink_for_each_nested(a, nest)				\
	for ((a) = netlink_attr_data(nest);				\
	     netlink_attr_ok((a), (const char *)(nest) +		\
				  (nest)->nla_len);			\
	     (a) = netlink_attr_next(a))
#define netlink_for_each_attr(a, nlh, offset)				\
	for ((a) = (const void *)((const char *)(nlh) + NLMSG_HDRLEN +	\
				  NLMSG_ALIGN(offset));			\
	     netlink_attr_ok((a), (const char *)(nlh) +			\
				  (nlh)->nlmsg_len);			\
	     (a) = netlink_attr_next(a))

/* bus: NETLINK_ROUTE, ... */
int netlink_open(struct netlink *n, int bus);
void netlink_close(struct netlink *n);

/* NLM_F_REQUEST is added to the flags. */
struct nlmsghdr *netlink_put(void *buf, uint16_t type, uint16_t flags,
			     uint32_t seq);
/* The same with the head of nfnetlink; subsys: NFNL_SUBSYS_*. */
struct nlmsghdr *netlink_put_nf(void *buf, uint8_t subsys, uint8_t type,
				uint16_t flags, uint8_t family, uint32_t seq);

/* Asks which way packets to an address of AF_* go; attributes may follow. */
struct nlmsghdr *netlink_put_route_query(void *buf, uint8_t family,
					 const uint8_t *to);

/*
 * Room for so many bytes to be sent, or received, at once. Without
 * CAP_NET_ADMIN it ends at net.core.wmem_max and rmem_max (socket(7)).
 */
void netlink_send_room(int fd, int bytes);
void netlink_receive_room(int fd, int bytes);

int netlink_receive(struct mnl_socket *nl, void *buf, size_t size,
		    struct netlink_answer *a);
/*
 * The same where each message has a packet of its own, of at most NETLINK_SMALL
 * bytes (-EMSGSIZE: a longer one): some dozens of them with one call.
 */
#define NETLINK_SMALL 1024
int netlink_receive_many(struct mnl_socket *nl, void *buf, size_t size,
			 struct netlink_answer *a);
/*
 * Send one request and read its answer; an interrupted dump is requested
 * again, so `take` must tolerate objects that it has seen.
 */
int netlink_ask(struct netlink *n, struct nlmsghdr *nlh,
		int (*take)(const struct nlmsghdr *nlh, void *arg), void *arg);

#endif
