/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/nft/nft_kernel.c: the socket, and what is read from it. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "backends/nft/nft_kernel.h"
#include "backends/nft/nft_kept.h"
#include "core/mem.h"
#include "host/netlink.h"
#include "host/trace.h"

static const char *const msg_name[] = {
	[NFT_MSG_NEWTABLE] = "NEWTABLE", [NFT_MSG_GETTABLE] = "GETTABLE",
	[NFT_MSG_DELTABLE] = "DELTABLE", [NFT_MSG_NEWCHAIN] = "NEWCHAIN",
	[NFT_MSG_GETCHAIN] = "GETCHAIN", [NFT_MSG_DELCHAIN] = "DELCHAIN",
	[NFT_MSG_NEWRULE] = "NEWRULE", [NFT_MSG_GETRULE] = "GETRULE",
	[NFT_MSG_DELRULE] = "DELRULE", [NFT_MSG_NEWSET] = "NEWSET",
	[NFT_MSG_GETSET] = "GETSET", [NFT_MSG_DELSET] = "DELSET",
	[NFT_MSG_NEWSETELEM] = "NEWSETELEM",
	[NFT_MSG_GETSETELEM] = "GETSETELEM",
	[NFT_MSG_DELSETELEM] = "DELSETELEM", [NFT_MSG_NEWGEN] = "NEWGEN",
	[NFT_MSG_GETGEN] = "GETGEN", [NFT_MSG_NEWOBJ] = "NEWOBJ",
	[NFT_MSG_GETOBJ] = "GETOBJ", [NFT_MSG_DELOBJ] = "DELOBJ",
};

static const char *type_name(uint16_t type)
{
	const char *name = NULL;

	switch (type) {
	case NLMSG_ERROR:
		return "ERROR";
	case NLMSG_DONE:
		return "DONE";
	case NFNL_MSG_BATCH_BEGIN:
		return "BATCH_BEGIN";
	case NFNL_MSG_BATCH_END:
		return "BATCH_END";
	default:
		break;
	}
	if (NFNL_SUBSYS_ID(type) == NFNL_SUBSYS_NFTABLES &&
	    NFNL_MSG_TYPE(type) < ARRAY_SIZE(msg_name))
		name = msg_name[NFNL_MSG_TYPE(type)];
	return name ? name : "?";
}

void nft_trace_msg(const char *dir, const struct nlmsghdr *nlh)
{
	if (host_tracing())
		host_trace("nft: %s %s seq %u, %u bytes", dir,
			      type_name(nlh->nlmsg_type), nlh->nlmsg_seq,
			      nlh->nlmsg_len);
}

static int open_socket(struct backend_ctx *ctx)
{
	int on = 1;

	ctx->buf = malloc(NFT_RECV_SIZE);
	if (!ctx->buf)
		return -ENOMEM;
	ctx->nl = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (!ctx->nl || mnl_socket_bind(ctx->nl, 0, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	/* old kernels lack these: errors then merely say less */
	mnl_socket_setsockopt(ctx->nl, NETLINK_EXT_ACK, &on, sizeof(on));
	mnl_socket_setsockopt(ctx->nl, NETLINK_CAP_ACK, &on, sizeof(on));
	return 0;
}

int nft_open(struct backend_ctx **ret, struct diags *d)
{
	struct backend_ctx *ctx = calloc(1, sizeof(*ctx));
	int err = ctx ? open_socket(ctx) : -ENOMEM;

	if (err) {
		nft_close(&ctx);
		return diag_add(d, DIAG_ERROR, err, ID_NO_NETLINK, NOPOS,
				"no netlink socket to nf_tables: %s",
				strerror(-err));
	}
	host_trace("nft: open netlink socket");
	*ret = ctx;
	return 0;
}

void nft_know(struct backend_ctx *ctx, const struct originals *o)
{
	ctx->originals = o;
}

void nft_close(struct backend_ctx **ctx)
{
	if (!*ctx)
		return;
	if ((*ctx)->nl)
		mnl_socket_close((*ctx)->nl);
	free((*ctx)->buf);
	nft_world_release(&(*ctx)->world);
	nft_kept_free(&(*ctx)->kept);
	free(*ctx);
	*ctx = NULL;
}

static int send_request(struct backend_ctx *ctx, const struct nlmsghdr *nlh)
{
	nft_trace_msg("send", nlh);
	return mnl_socket_sendto(ctx->nl, nlh, nlh->nlmsg_len) < 0 ? -errno : 0;
}

static void watch(const struct nlmsghdr *nlh)
{
	nft_trace_msg("recv", nlh);
}

static int receive(struct backend_ctx *ctx, struct netlink_answer *a)
{
	a->watch = watch;
	return netlink_receive(ctx->nl, ctx->buf, NFT_RECV_SIZE, a);
}

static uint16_t nft_type(uint16_t msg)
{
	return (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | msg);
}

struct nlmsghdr *nft_elems_question(struct backend_ctx *ctx,
				    const struct image_table *t,
				    const char *set, void *buf)
{
	struct nlmsghdr *nlh = nft_msg_put(buf, nft_type(NFT_MSG_GETSETELEM),
					   NLM_F_ACK, t->family, ++ctx->seq);

	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, t->name);
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, set);
	return nlh;
}

/* Each answer is a message of its own in the socket's buffer. */
int nft_ask_elems(struct backend_ctx *ctx, const struct nlmsghdr *nlh,
		  int (*cb)(const struct nlmsghdr *nlh, void *arg), void *arg)
{
	struct netlink_answer a = { .take = cb, .arg = arg,
				    .seq = nlh->nlmsg_seq, .many = true,
				    .watch = watch };
	int err = send_request(ctx, nlh);

	return err ? err : netlink_receive_many(ctx->nl, ctx->buf,
						NFT_RECV_SIZE, &a);
}

static int read_generation(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *v[NFTA_GEN_ID + 1];
	uint32_t *gen = arg;
	int err = nft_msg_attrs(nlh, v, NFTA_GEN_ID);

	*gen = err ? 0 : nft_attr_u32(v[NFTA_GEN_ID]);
	return err;
}

int nft_generation(struct backend_ctx *ctx, uint32_t *ret)
{
	uint8_t msg[MNL_NLMSG_HDRLEN + 64];
	uint32_t gen = 0;
	struct netlink_answer a = { .take = read_generation, .arg = &gen,
				    .seq = ++ctx->seq };
	int err;

	err = send_request(ctx, nft_msg_put(msg, nft_type(NFT_MSG_GETGEN), 0,
					    NFPROTO_UNSPEC, a.seq));
	if (!err)
		err = receive(ctx, &a);
	if (!err)
		*ret = gen;
	return err;
}

int nft_dump(struct backend_ctx *ctx, const struct nft_dump_of *what,
	     int (*cb)(const struct nlmsghdr *nlh, void *arg), void *arg)
{
	uint8_t msg[1024];
	struct netlink_answer a = { .take = cb, .arg = arg, .seq = ++ctx->seq,
				    .dump = true };
	struct nlmsghdr *nlh = nft_msg_put(msg, nft_type(what->type),
					   NLM_F_DUMP, what->family, a.seq);
	int err;

	if (what->table && what->set) {
		mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, what->table);
		mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, what->set);
	} else if (what->table && what->chain) {
		mnl_attr_put_strz(nlh, NFTA_RULE_TABLE, what->table);
		mnl_attr_put_strz(nlh, NFTA_RULE_CHAIN, what->chain);
	}
	err = send_request(ctx, nlh);
	return err ? err : receive(ctx, &a);
}
