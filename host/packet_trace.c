/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/packet_trace.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <limits.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "core/mem.h"

#define TABLE "ctpolicy-test"
#define UNTRACKED "untracked"
#define TRACKED "tracked"
/* Ahead of all; behind conntrack (-200); at the very end. */
#define AT_FIRST INT_MIN
#define BEHIND_CONNTRACK (-199)
#define AT_LAST INT_MAX
#define BUFFER (8 * 1024 * 1024)

static const struct {
	const char *name;
	uint32_t hook;
	int32_t priority;
	enum { SETS_TRACE, ASKS_STATE, IS_END } does;
	enum trace_place place;
} chains[] = {
	{ "first-in", NF_INET_PRE_ROUTING, AT_FIRST, SETS_TRACE,
	  TRACE_BEGIN },
	{ "first-out", NF_INET_LOCAL_OUT, AT_FIRST, SETS_TRACE,
	  TRACE_BEGIN },
	{ "state-in", NF_INET_PRE_ROUTING, BEHIND_CONNTRACK, ASKS_STATE,
	  TRACE_ELSEWHERE },
	{ "state-out", NF_INET_LOCAL_OUT, BEHIND_CONNTRACK, ASKS_STATE,
	  TRACE_ELSEWHERE },
	{ "end-in", NF_INET_LOCAL_IN, AT_LAST, IS_END, TRACE_INPUT_END },
	{ "end-out", NF_INET_POST_ROUTING, AT_LAST, IS_END,
	  TRACE_POSTROUTING_END },
};

/* A batch that is being written. */
struct writing {
	char buf[8192];
	size_t at;
	uint32_t seq;
};

static struct nlmsghdr *begin(struct writing *w, uint8_t type, uint16_t flags)
{
	return netlink_put_nf(w->buf + w->at, NFNL_SUBSYS_NFTABLES, type,
			      NLM_F_ACK | flags, NFPROTO_INET, w->seq++);
}

static void end(struct writing *w, const struct nlmsghdr *nlh)
{
	w->at += MNL_ALIGN(nlh->nlmsg_len);
}

static void put_mark(struct writing *w, uint16_t type)
{
	struct nlmsghdr *nlh = netlink_put(w->buf + w->at, type, 0, w->seq++);
	struct nfgenmsg *nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));

	nfg->res_id = htons(NFNL_SUBSYS_NFTABLES);
	end(w, nlh);
}

static void put_chain(struct writing *w, const char *name, uint32_t hook,
		      int32_t priority, bool is_base)
{
	struct nlmsghdr *nlh = begin(w, NFT_MSG_NEWCHAIN, NLM_F_CREATE);
	struct nlattr *nest;

	mnl_attr_put_strz(nlh, NFTA_CHAIN_TABLE, TABLE);
	mnl_attr_put_strz(nlh, NFTA_CHAIN_NAME, name);
	if (is_base) {
		nest = mnl_attr_nest_start(nlh, NFTA_CHAIN_HOOK);
		mnl_attr_put_u32(nlh, NFTA_HOOK_HOOKNUM, htonl(hook));
		mnl_attr_put_u32(nlh, NFTA_HOOK_PRIORITY,
				 htonl((uint32_t)priority));
		mnl_attr_nest_end(nlh, nest);
		mnl_attr_put_strz(nlh, NFTA_CHAIN_TYPE, "filter");
	}
	end(w, nlh);
}

static struct nlattr *begin_expr(struct nlmsghdr *nlh, const char *name,
				 struct nlattr **ret_data)
{
	struct nlattr *e = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);

	mnl_attr_put_strz(nlh, NFTA_EXPR_NAME, name);
	*ret_data = mnl_attr_nest_start(nlh, NFTA_EXPR_DATA);
	return e;
}

static void end_expr(struct nlmsghdr *nlh, struct nlattr *e,
		     struct nlattr *data)
{
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, e);
}

static void put_value(struct nlmsghdr *nlh, uint16_t type, const void *v,
		      size_t n)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, type);

	mnl_attr_put(nlh, NFTA_DATA_VALUE, n, v);
	mnl_attr_nest_end(nlh, nest);
}

/* meta nftrace set 1 */
static void put_set_trace(struct nlmsghdr *nlh)
{
	static const uint8_t one[4] = { 1 };
	struct nlattr *e, *data;

	e = begin_expr(nlh, "immediate", &data);
	mnl_attr_put_u32(nlh, NFTA_IMMEDIATE_DREG, htonl(NFT_REG_1));
	put_value(nlh, NFTA_IMMEDIATE_DATA, one, sizeof(one));
	end_expr(nlh, e, data);
	e = begin_expr(nlh, "meta", &data);
	mnl_attr_put_u32(nlh, NFTA_META_KEY, htonl(NFT_META_NFTRACE));
	mnl_attr_put_u32(nlh, NFTA_META_SREG, htonl(NFT_REG_1));
	end_expr(nlh, e, data);
}

/* ct state untracked; or any other */
static void put_state(struct nlmsghdr *nlh, bool untracked)
{
	uint32_t mask = NF_CT_STATE_UNTRACKED_BIT, zero = 0;
	struct nlattr *e, *data;

	e = begin_expr(nlh, "ct", &data);
	mnl_attr_put_u32(nlh, NFTA_CT_KEY, htonl(NFT_CT_STATE));
	mnl_attr_put_u32(nlh, NFTA_CT_DREG, htonl(NFT_REG_1));
	end_expr(nlh, e, data);
	e = begin_expr(nlh, "bitwise", &data);
	mnl_attr_put_u32(nlh, NFTA_BITWISE_SREG, htonl(NFT_REG_1));
	mnl_attr_put_u32(nlh, NFTA_BITWISE_DREG, htonl(NFT_REG_1));
	mnl_attr_put_u32(nlh, NFTA_BITWISE_LEN, htonl(sizeof(mask)));
	put_value(nlh, NFTA_BITWISE_MASK, &mask, sizeof(mask));
	put_value(nlh, NFTA_BITWISE_XOR, &zero, sizeof(zero));
	end_expr(nlh, e, data);
	e = begin_expr(nlh, "cmp", &data);
	mnl_attr_put_u32(nlh, NFTA_CMP_SREG, htonl(NFT_REG_1));
	mnl_attr_put_u32(nlh, NFTA_CMP_OP,
			 htonl(untracked ? NFT_CMP_NEQ : NFT_CMP_EQ));
	put_value(nlh, NFTA_CMP_DATA, &zero, sizeof(zero));
	end_expr(nlh, e, data);
}

static void put_jump(struct nlmsghdr *nlh, const char *to)
{
	struct nlattr *e, *data, *value, *verdict;

	e = begin_expr(nlh, "immediate", &data);
	mnl_attr_put_u32(nlh, NFTA_IMMEDIATE_DREG, htonl(NFT_REG_VERDICT));
	value = mnl_attr_nest_start(nlh, NFTA_IMMEDIATE_DATA);
	verdict = mnl_attr_nest_start(nlh, NFTA_DATA_VERDICT);
	mnl_attr_put_u32(nlh, NFTA_VERDICT_CODE, htonl((uint32_t)NFT_JUMP));
	mnl_attr_put_strz(nlh, NFTA_VERDICT_CHAIN, to);
	mnl_attr_nest_end(nlh, verdict);
	mnl_attr_nest_end(nlh, value);
	end_expr(nlh, e, data);
}

static struct nlmsghdr *begin_rule(struct writing *w, const char *chain,
				   struct nlattr **ret_exprs)
{
	struct nlmsghdr *nlh = begin(w, NFT_MSG_NEWRULE,
				     NLM_F_CREATE | NLM_F_APPEND);

	mnl_attr_put_strz(nlh, NFTA_RULE_TABLE, TABLE);
	mnl_attr_put_strz(nlh, NFTA_RULE_CHAIN, chain);
	*ret_exprs = mnl_attr_nest_start(nlh, NFTA_RULE_EXPRESSIONS);
	return nlh;
}

static void end_rule(struct writing *w, struct nlmsghdr *nlh,
		     struct nlattr *exprs)
{
	mnl_attr_nest_end(nlh, exprs);
	end(w, nlh);
}

/* The trace tells of the policy of a chain without rules, too. */
static void put_rules(struct writing *w, size_t i)
{
	struct nlattr *exprs;
	struct nlmsghdr *nlh;

	if (chains[i].does == SETS_TRACE) {
		nlh = begin_rule(w, chains[i].name, &exprs);
		put_set_trace(nlh);
		end_rule(w, nlh, exprs);
	}
	for (int k = 0; chains[i].does == ASKS_STATE && k < 2; k++) {
		nlh = begin_rule(w, chains[i].name, &exprs);
		put_state(nlh, !k);
		put_jump(nlh, k ? TRACKED : UNTRACKED);
		end_rule(w, nlh, exprs);
	}
}

static void put_table(struct writing *w, uint8_t type, uint16_t flags)
{
	struct nlmsghdr *nlh = begin(w, type, flags);

	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, TABLE);
	end(w, nlh);
}

/* The answers are there when the batch was taken. */
static int send_batch(struct writing *w)
{
	_Alignas(struct nlmsghdr) char buf[NETLINK_DUMP_SIZE];
	struct netlink n;
	ssize_t got;
	int err = netlink_open(&n, NETLINK_NETFILTER);

	if (err)
		return err;
	if (mnl_socket_sendto(n.nl, w->buf, w->at) < 0)
		err = -errno;
	while (!err && (got = recv(mnl_socket_get_fd(n.nl), buf, sizeof(buf),
				   MSG_DONTWAIT)) > 0) {
		const struct nlmsghdr *nlh = (const void *)buf;
		int left = (int)got;

		for (; mnl_nlmsg_ok(nlh, left);
		     nlh = mnl_nlmsg_next(nlh, &left)) {
			const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);

			if (!err && nlh->nlmsg_type == NLMSG_ERROR)
				err = e->error;
		}
	}
	netlink_close(&n);
	return err;
}

static int make_table(void)
{
	struct writing w = { .seq = 1 };

	put_mark(&w, NFNL_MSG_BATCH_BEGIN);
	put_table(&w, NFT_MSG_NEWTABLE, NLM_F_CREATE);
	put_chain(&w, UNTRACKED, 0, 0, false);
	put_chain(&w, TRACKED, 0, 0, false);
	for (size_t i = 0; i < ARRAY_SIZE(chains); i++) {
		put_chain(&w, chains[i].name, chains[i].hook,
			  chains[i].priority, true);
		put_rules(&w, i);
	}
	put_mark(&w, NFNL_MSG_BATCH_END);
	return send_batch(&w);
}

static int drop_table(void)
{
	struct writing w = { .seq = 1 };

	put_mark(&w, NFNL_MSG_BATCH_BEGIN);
	put_table(&w, NFT_MSG_DELTABLE, 0);
	put_mark(&w, NFNL_MSG_BATCH_END);
	return send_batch(&w);
}

static int listen_to(struct packet_trace *t)
{
	int group = NFNLGRP_NFTRACE;
	int err = netlink_open(&t->link, NETLINK_NETFILTER);

	if (err)
		return err;
	netlink_receive_room(mnl_socket_get_fd(t->link.nl), BUFFER);
	return mnl_socket_setsockopt(t->link.nl, NETLINK_ADD_MEMBERSHIP,
				     &group, sizeof(group)) < 0 ? -errno : 0;
}

int packet_trace_start(struct packet_trace *t)
{
	int err = listen_to(t);

	if (!err)
		err = make_table();
	if (err)
		netlink_close(&t->link);
	t->started = !err;
	return err;
}

int packet_trace_stop(struct packet_trace *t)
{
	if (!t->started)
		return 0;
	netlink_close(&t->link);
	t->started = false;
	return drop_table();
}

static const char *text(const struct nlattr *a)
{
	const char *s = a ? netlink_attr_data(a) : "";

	return a && memchr(s, '\0', netlink_attr_size(a)) ? s : "";
}

static uint32_t number(const struct nlattr *a)
{
	uint32_t v = 0;

	if (a && netlink_attr_size(a) == sizeof(v))
		memcpy(&v, netlink_attr_data(a), sizeof(v));
	return ntohl(v);
}

static uint64_t long_number(const struct nlattr *a)
{
	uint64_t v = 0;

	if (a && netlink_attr_size(a) == sizeof(v))
		memcpy(&v, netlink_attr_data(a), sizeof(v));
	return be64toh(v);
}

static void read_verdict(const struct nlattr *nest, struct trace_event *e,
			 const char **ret_chain)
{
	const struct nlattr *a;

	if (!nest)
		return;
	netlink_for_each_nested(a, nest) {
		if (netlink_attr_type(a) == NFTA_VERDICT_CODE)
			e->drops = number(a) == NF_DROP;
		if (netlink_attr_type(a) == NFTA_VERDICT_CHAIN)
			*ret_chain = text(a);
	}
}

/* Of an event of the table's own. False: it tells nothing. */
static bool find_place(struct trace_event *e, uint32_t type, const char *to)
{
	if (e->table_family != NFPROTO_INET || strcmp(e->table, TABLE) != 0)
		return type == NFT_TRACETYPE_RULE ||
		       type == NFT_TRACETYPE_POLICY;
	for (size_t i = 0; i < ARRAY_SIZE(chains); i++) {
		if (strcmp(e->chain, chains[i].name) != 0)
			continue;
		if (chains[i].does != ASKS_STATE &&
		    type == NFT_TRACETYPE_POLICY)
			e->place = chains[i].place;
		if (chains[i].does == ASKS_STATE && *to)
			e->place = strcmp(to, UNTRACKED) ? TRACE_TRACKED :
							   TRACE_UNTRACKED;
	}
	e->drops = false;
	return true;
}

static bool read_event(const struct nlmsghdr *nlh, struct trace_event *e)
{
	const struct nlattr *v[NFTA_TRACE_MAX + 1] = { 0 }, *a;
	const char *to = "";

	netlink_for_each_attr(a, nlh, sizeof(struct nfgenmsg))
		if (netlink_attr_type(a) <= NFTA_TRACE_MAX)
			v[netlink_attr_type(a)] = a;
	*e = (struct trace_event){
		.id = number(v[NFTA_TRACE_ID]),
		.table = text(v[NFTA_TRACE_TABLE]),
		.chain = text(v[NFTA_TRACE_CHAIN]),
		.handle = long_number(v[NFTA_TRACE_RULE_HANDLE]),
		.drops = v[NFTA_TRACE_POLICY] &&
			 number(v[NFTA_TRACE_POLICY]) == NF_DROP,
	};
	e->table_family =
		((const struct nfgenmsg *)mnl_nlmsg_get_payload(nlh))
			->nfgen_family;
	read_verdict(v[NFTA_TRACE_VERDICT], e, &to);
	if (v[NFTA_TRACE_NETWORK_HEADER]) {
		e->head = netlink_attr_data(v[NFTA_TRACE_NETWORK_HEADER]);
		e->head_len = (uint16_t)netlink_attr_size(
				v[NFTA_TRACE_NETWORK_HEADER]);
		e->family = e->head_len && *e->head >> 4 == 6 ? AF_INET6 :
								AF_INET;
	}
	if (v[NFTA_TRACE_TRANSPORT_HEADER]) {
		e->transport = netlink_attr_data(
				v[NFTA_TRACE_TRANSPORT_HEADER]);
		e->transport_len = (uint16_t)netlink_attr_size(
				v[NFTA_TRACE_TRANSPORT_HEADER]);
	}
	return find_place(e, number(v[NFTA_TRACE_TYPE]), to);
}

int packet_trace_read(struct packet_trace *t,
		      int (*take)(const struct trace_event *e, void *arg),
		      void *arg)
{
	_Alignas(struct nlmsghdr) char buf[NETLINK_DUMP_SIZE];
	int fd = mnl_socket_get_fd(t->link.nl), err = 0;

	for (;;) {
		ssize_t n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
		const struct nlmsghdr *nlh = (const void *)buf;
		int left = (int)n;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err || errno == EAGAIN ? err : -errno;
		for (; mnl_nlmsg_ok(nlh, left);
		     nlh = mnl_nlmsg_next(nlh, &left)) {
			struct trace_event e;

			if (!err && read_event(nlh, &e))
				err = take(&e, arg);
		}
	}
}
