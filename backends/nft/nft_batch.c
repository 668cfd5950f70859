/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_batch.c: messages gathered page by page for one sendmsg().
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "backends/nft/nft_kernel.h"
#include "core/mem.h"

#define PAGE_BYTES (256 * 1024)
#define ACK_SPACE 2048		/* what a queued answer weighs in the kernel */

static int add_page(struct nft_batch *b)
{
	void *p;

	if (mem_grow(&b->page, &b->cap_pages, b->n_pages + 1))
		return -ENOMEM;
	p = malloc(PAGE_BYTES);
	if (!p)
		return -ENOMEM;
	b->page[b->n_pages++] = (struct iovec){ .iov_base = p };
	b->at = p;
	b->room = PAGE_BYTES;
	return 0;
}

void *nft_batch_reserve(struct nft_batch *b, size_t size)
{
	if (size > PAGE_BYTES || (b->room < size && add_page(b)))
		return NULL;
	return b->at;
}

uint32_t nft_batch_seq(const struct nft_batch *b)
{
	return b->base + (uint32_t)b->n_sent;
}

int nft_batch_add(struct nft_batch *b, const struct nlmsghdr *nlh,
		  size_t first_step)
{
	size_t len = MNL_ALIGN(nlh->nlmsg_len);

	if (mem_grow(&b->sent, &b->cap_sent, b->n_sent + 1))
		return -ENOMEM;
	b->sent[b->n_sent++] = (struct nft_sent){ nlh, first_step, 0 };
	b->page[b->n_pages - 1].iov_len += len;
	b->at += len;
	b->room -= len;
	b->bytes += len;
	return 0;
}

static struct nlmsghdr *put_mark(struct nft_batch *b, uint16_t type)
{
	struct nlmsghdr *nlh = nft_batch_reserve(b, 128);
	struct nfgenmsg *nfg;

	if (!nlh)
		return NULL;
	nft_msg_put(nlh, type, 0, NFPROTO_UNSPEC, nft_batch_seq(b));
	nfg = mnl_nlmsg_get_payload(nlh);
	nfg->res_id = htons(NFNL_SUBSYS_NFTABLES);
	return nlh;
}

struct nlmsghdr *nft_batch_put(struct nft_batch *b, uint16_t msg,
			       uint16_t flags, uint8_t family, size_t size)
{
	void *at = nft_batch_reserve(b, size);

	return at ? nft_msg_put(at, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | msg),
				NLM_F_ACK | flags, family, nft_batch_seq(b)) :
		    NULL;
}

/* The kernel takes the batch only if its rules are still of that generation. */
int nft_batch_begin(struct nft_batch *b, uint32_t generation)
{
	struct nlmsghdr *nlh = put_mark(b, NFNL_MSG_BATCH_BEGIN);

	if (!nlh)
		return -ENOMEM;
	mnl_attr_put_u32(nlh, NFNL_BATCH_GENID, htonl(generation));
	return nft_batch_add(b, nlh, 0);
}

int nft_batch_end(struct nft_batch *b)
{
	struct nlmsghdr *nlh = put_mark(b, NFNL_MSG_BATCH_END);

	return nlh ? nft_batch_add(b, nlh, 0) : -ENOMEM;
}

const struct nft_sent *nft_batch_find(const struct nft_batch *b, uint32_t seq)
{
	size_t i = seq - b->base;

	return i < b->n_sent ? &b->sent[i] : NULL;
}

void nft_size_answers(struct mnl_socket *nl, size_t n)
{
	netlink_receive_room(mnl_socket_get_fd(nl), (int)n * ACK_SPACE + 65536);
}

void nft_batch_size_buffers(struct mnl_socket *nl, const struct nft_batch *b)
{
	netlink_send_room(mnl_socket_get_fd(nl), (int)b->bytes + 65536);
	nft_size_answers(nl, b->n_sent);
}

int nft_batch_send(struct mnl_socket *nl, const struct nft_batch *b)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct msghdr msg = {
		.msg_name = &kernel, .msg_namelen = sizeof(kernel),
		.msg_iov = b->page, .msg_iovlen = b->n_pages,
	};

	return sendmsg(mnl_socket_get_fd(nl), &msg, 0) < 0 ? -errno : 0;
}

void nft_batch_release(struct nft_batch *b)
{
	for (size_t i = 0; i < b->n_pages; i++)
		free(b->page[i].iov_base);
	free(b->page);
	free(b->sent);
	*b = (struct nft_batch){ 0 };
}
