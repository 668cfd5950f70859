/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_copy.c: the kernel's messages about its tables, to be sent
 * to another namespace.
 *
 * A message of a dump says what the one that makes the thing says, and a few
 * things that the kernel finds out by itself. Sets without a name keep the one
 * that the kernel gave them: they must go into the batch of their rule.
 *
 * Source: nf_tables_fill_*_info() and nf_tables_new*() in the kernel's
 *         net/netfilter/nf_tables_api.c.
 */
#include "backends/nft/nft_copy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "backends/nft/nft_chains.h"
#include "backends/nft/nft_copied.h"
#include "backends/nft/nft_load.h"
#include "backends/nft/nft_load_text.h"
#include "backends/nft/nft_original.h"
#include "core/fault.h"
#include "core/mem.h"

enum kind { TABLES, CHAINS, OBJECTS, SETS, ELEMENTS, RULES, KINDS };

struct rules_copy {
	/*
	 * Messages, each at a multiple of four. Among ELEMENTS each set stands
	 * again, ahead of what is in it.
	 */
	struct nft_bytes v[KINDS];
	const char *refused;		/* interned, or NULL: what can't be */
};

/* Beyond this the rest goes into another batch; less than any send buffer. */
#define BATCH_BYTES (96 * 1024)
#define MESSAGE_ROOM (64 * 1024 + 1024)

#define BIT(attr) (UINT32_C(1) << (attr))

static const struct {
	uint16_t get, new;
	uint16_t table, name;		/* attributes */
	uint32_t but;			/* attributes that are left out */
	const char *word;
} kinds[KINDS] = {
	[TABLES] = { NFT_MSG_GETTABLE, NFT_MSG_NEWTABLE, NFTA_TABLE_NAME,
		     NFTA_TABLE_NAME,
		     BIT(NFTA_TABLE_USE) | BIT(NFTA_TABLE_HANDLE) |
			     BIT(NFTA_TABLE_PAD) | BIT(NFTA_TABLE_FLAGS) |
			     BIT(NFTA_TABLE_OWNER), "table" },
	[CHAINS] = { NFT_MSG_GETCHAIN, NFT_MSG_NEWCHAIN, NFTA_CHAIN_TABLE,
		     NFTA_CHAIN_NAME,
		     BIT(NFTA_CHAIN_USE) | BIT(NFTA_CHAIN_HANDLE) |
			     BIT(NFTA_CHAIN_PAD) | BIT(NFTA_CHAIN_COUNTERS) |
			     BIT(NFTA_CHAIN_FLAGS) | BIT(NFTA_CHAIN_ID),
		     "chain" },
	[OBJECTS] = { NFT_MSG_GETOBJ, NFT_MSG_NEWOBJ, NFTA_OBJ_TABLE,
		      NFTA_OBJ_NAME,
		      BIT(NFTA_OBJ_USE) | BIT(NFTA_OBJ_HANDLE) |
			      BIT(NFTA_OBJ_PAD), "object" },
	[SETS] = { NFT_MSG_GETSET, NFT_MSG_NEWSET, NFTA_SET_TABLE,
		   NFTA_SET_NAME,
		   BIT(NFTA_SET_HANDLE) | BIT(NFTA_SET_PAD) | BIT(NFTA_SET_ID) |
			   ~(BIT(NFTA_SET_EXPRESSIONS + 1) - 1), "set" },
	[ELEMENTS] = { NFT_MSG_GETSETELEM, NFT_MSG_NEWSETELEM,
		       NFTA_SET_ELEM_LIST_TABLE, NFTA_SET_ELEM_LIST_SET, 0,
		       "set" },
	[RULES] = { NFT_MSG_GETRULE, NFT_MSG_NEWRULE, NFTA_RULE_TABLE,
		    NFTA_RULE_CHAIN,
		    BIT(NFTA_RULE_HANDLE) | BIT(NFTA_RULE_POSITION) |
			    BIT(NFTA_RULE_PAD) | BIT(NFTA_RULE_ID),
		    "rule of chain" },
};

struct taking {
	struct rules_copy *copy;
	enum kind kind;
};

/* A chain of a device, whose packets this host's stack has not seen yet. */
static bool has_device(const struct nlmsghdr *nlh)
{
	const struct nlattr *v[NFTA_HOOK_DEVS + 1];
	const struct nlattr *hook = nft_copied_attr(nlh, NFTA_CHAIN_HOOK);

	return hook && !nft_nest_attrs(hook, v, NFTA_HOOK_DEVS) &&
	       (v[NFTA_HOOK_DEV] || v[NFTA_HOOK_DEVS]);
}

static int keep(const struct nlmsghdr *nlh, void *arg)
{
	const struct taking *t = arg;
	struct nft_bytes *to = &t->copy->v[t->kind];
	static const uint8_t fill[MNL_ALIGNTO];
	int err;

	if (!nft_family_matters(nft_msg_family(nlh)))
		return 0;
	if (t->kind == CHAINS && has_device(nlh))
		t->copy->refused = "a chain that hooks a device";
	err = nft_bytes_add(to, nlh, nlh->nlmsg_len);
	return err ? err : nft_bytes_add(to, fill, MNL_ALIGN(nlh->nlmsg_len) -
					 nlh->nlmsg_len);
}

static int take_elements(struct backend_ctx *ctx, struct rules_copy *c)
{
	struct taking t = { c, ELEMENTS };
	const struct nlmsghdr *nlh;
	int err = 0;

	nft_for_each_copied(nlh, &c->v[SETS]) {
		struct nft_dump_of what = {
			.type = NFT_MSG_GETSETELEM,
			.family = nft_msg_family(nlh),
			.table = nft_copied_text(nlh, NFTA_SET_TABLE),
			.set = nft_copied_text(nlh, NFTA_SET_NAME),
		};

		if (!err)
			err = keep(nlh, &t);
		if (!err)
			err = nft_dump(ctx, &what, keep, &t);
	}
	return err;
}

static int note_flowtable(const struct nlmsghdr *nlh, void *arg)
{
	struct rules_copy *c = arg;

	(void)nlh;
	c->refused = "a flowtable";
	return 0;
}

static int take_flowtables(struct backend_ctx *ctx, struct rules_copy *c)
{
	struct nft_dump_of what = { .type = NFT_MSG_GETFLOWTABLE };
	int err = nft_dump(ctx, &what, note_flowtable, c);

	/* a kernel without them has none */
	return err == -EOPNOTSUPP || err == -EINVAL ? 0 : err;
}

static int take_rules(struct backend_ctx *ctx, struct rules_copy *c)
{
	_cleanup_(nft_chains_release) struct nft_chains chains = { 0 };
	struct taking t = { c, RULES };
	const struct nlmsghdr *nlh;
	int err = 0;

	nft_for_each_copied(nlh, &c->v[CHAINS])
		if (!err)
			err = nft_chains_add(&chains, nlh);
	return err ? err : nft_chains_dump_rules(ctx, &chains, keep, &t);
}

static void clear(struct rules_copy *c)
{
	for (size_t i = 0; i < KINDS; i++)
		c->v[i].n = 0;
	c->refused = NULL;
}

/* nft_read_fn */
static int take_all(struct backend_ctx *ctx, void *arg)
{
	struct rules_copy *c = arg;
	int err = 0;

	clear(c);
	for (size_t i = 0; !err && i < KINDS; i++) {
		struct nft_dump_of what = { .type = kinds[i].get };
		struct taking t = { c, (enum kind)i };

		err = i == ELEMENTS ? take_elements(ctx, c) :
		      i == RULES    ? take_rules(ctx, c) :
				      nft_dump(ctx, &what, keep, &t);
	}
	return err ? err : take_flowtables(ctx, c);
}

static void copy_free(struct rules_copy **c)
{
	for (size_t i = 0; *c && i < KINDS; i++)
		nft_bytes_release(&(*c)->v[i]);
	free(*c);
	*c = NULL;
}

static int take(struct backend_ctx *ctx, struct rules_copy **ret,
		struct diags *d)
{
	_cleanup_(copy_free) struct rules_copy *c = calloc(1, sizeof(*c));
	uint32_t generation;
	int err = c ? nft_read_steady(ctx, take_all, c, &generation, d) :
		      -ENOMEM;

	if (!err && c->refused)
		err = diag_add(d, DIAG_ERROR, -FAULT_LACKING,
			       ID_RULES_NOT_COPIED, NOPOS,
			       "the nft rules of this host have %s, which cannot be copied",
			       c->refused);
	if (!err)
		*ret = TAKE_PTR(c);
	return err;
}

/* What is being sent, and what the kernel said of it. */
struct sending {
	struct backend_ctx *ctx;
	const struct rules_copy *copy;
	struct nft_batch batch;
	uint32_t n_sets;
	struct nft_copied_sets own;	/* of one rule each */
	struct diags *d;
};

/* The whole of a table's flags would make this process its owner. */
static void put_dormant(struct nlmsghdr *to, const struct nlmsghdr *nlh)
{
	uint32_t flags = nft_attr_u32(nft_copied_attr(nlh, NFTA_TABLE_FLAGS));

	mnl_attr_put_u32(to, NFTA_TABLE_FLAGS,
			 htonl(flags & NFT_TABLE_F_DORMANT));
}

static int put_compat(struct nlmsghdr *to, const struct nlmsghdr *rule)
{
	_cleanup_(nft_bytes_release) struct nft_bytes exprs = { 0 };
	const struct nlattr *list = nft_copied_attr(rule,
						    NFTA_RULE_EXPRESSIONS);
	int err = !list ? 0 : nft_bytes_add(&exprs, netlink_attr_data(list),
					    netlink_attr_size(list));

	if (!err)
		nft_original_put_compat(to, &exprs);
	return err;
}

static int put_message(struct sending *s, enum kind kind,
		       const struct nlmsghdr *nlh)
{
	uint16_t flags = NLM_F_CREATE | (kind == RULES ? NLM_F_APPEND : 0);
	struct nlmsghdr *to = nft_batch_put(&s->batch, kinds[kind].new, flags,
					    nft_msg_family(nlh), MESSAGE_ROOM);
	const struct nlattr *a;

	if (!to)
		return -ENOMEM;
	netlink_for_each_attr(a, nlh, sizeof(struct nfgenmsg)) {
		uint16_t type = netlink_attr_type(a);

		if (type > 31 || kinds[kind].but & BIT(type))
			continue;
		memcpy(mnl_nlmsg_get_payload_tail(to), a, a->nla_len);
		to->nlmsg_len += MNL_ALIGN(a->nla_len);
	}
	if (kind == TABLES)
		put_dormant(to, nlh);
	if (kind == SETS)
		mnl_attr_put_u32(to, NFTA_SET_ID, htonl(++s->n_sets));
	if (kind == RULES && put_compat(to, nlh))
		return -ENOMEM;
	return nft_batch_add(&s->batch, to, kind);
}

static int refused(struct sending *s, uint32_t seq, int err)
{
	const struct nft_sent *sent = nft_batch_find(&s->batch, seq);
	enum kind kind = sent ? (enum kind)sent->first : TABLES;

	if (!sent || sent->nlh->nlmsg_type == NFNL_MSG_BATCH_BEGIN ||
	    sent->nlh->nlmsg_type == NFNL_MSG_BATCH_END)
		return diag_add(s->d, DIAG_ERROR, -FAULT_LACKING,
				ID_RULES_NOT_COPIED, NOPOS,
				"the nft rules of this host cannot be copied: %s",
				strerror(-err));
	return diag_add(s->d, DIAG_ERROR, -FAULT_LACKING, ID_RULES_NOT_COPIED,
			NOPOS, "a copy of the nft rules cannot have %s %s of table %s: %s",
			kinds[kind].word,
			nft_copied_text(sent->nlh, kinds[kind].name),
			nft_copied_text(sent->nlh, kinds[kind].table),
			strerror(-err));
}

static int read_answers(struct sending *s)
{
	int fd = mnl_socket_get_fd(s->ctx->nl);

	for (;;) {
		ssize_t n = recv(fd, s->ctx->buf, NFT_RECV_SIZE, MSG_DONTWAIT);
		const struct nlmsghdr *nlh = (const void *)s->ctx->buf;
		int left = (int)n;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0;
		/* -ENOBUFS: an answer was lost, which may have been an error */
		if (n < 0)
			return refused(s, s->batch.base, -errno);
		for (; mnl_nlmsg_ok(nlh, left);
		     nlh = mnl_nlmsg_next(nlh, &left)) {
			const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);

			if (nlh->nlmsg_type == NLMSG_ERROR && e->error)
				return refused(s, nlh->nlmsg_seq, e->error);
		}
	}
}

static int begin(struct sending *s)
{
	uint32_t generation = 0;
	int err = nft_generation(s->ctx, &generation);

	s->batch.base = s->ctx->seq + 1;
	return err ? err : nft_batch_begin(&s->batch, generation);
}

static int flush(struct sending *s)
{
	int err = nft_batch_end(&s->batch);

	if (err)
		return err;
	s->ctx->seq += (uint32_t)s->batch.n_sent;
	nft_batch_size_buffers(s->ctx->nl, &s->batch);
	err = nft_batch_send(s->ctx->nl, &s->batch);
	err = err ? refused(s, 0, err) : read_answers(s);
	nft_batch_release(&s->batch);
	return err;
}

/* Between two things of which neither needs the other in its batch. */
static int pause_batch(struct sending *s)
{
	int err;

	if (s->batch.bytes < BATCH_BYTES)
		return 0;
	err = flush(s);
	return err ? err : begin(s);
}

/* `set`: one of v[ELEMENTS]. */
static int put_set(struct sending *s, const struct nlmsghdr *set)
{
	const struct nft_bytes *b = &s->copy->v[ELEMENTS];
	size_t at = nft_copied_behind(set,
				      (size_t)((const uint8_t *)set - b->v));
	const struct nlmsghdr *nlh;
	int err = put_message(s, SETS, set);

	for (; !err && (nlh = nft_copied_at(b, at)) && !nft_copied_is_set(nlh);
	     at = nft_copied_behind(nlh, at)) {
		err = put_message(s, ELEMENTS, nlh);
		if (!err && !nft_copied_is_anonymous(set))
			err = pause_batch(s);
	}
	return err;
}

static int put_rule(struct sending *s, const struct nlmsghdr *rule)
{
	const struct nlattr *exprs = nft_copied_attr(rule,
						     NFTA_RULE_EXPRESSIONS);
	const struct nlattr *a;
	int err = 0;

	if (exprs)
		netlink_for_each_nested(a, exprs) {
			const struct nlmsghdr *set =
				nft_copied_set_of(&s->own, rule, a);

			if (!err && set)
				err = put_set(s, set);
		}
	return err ? err : put_message(s, RULES, rule);
}

static int put_kind(struct sending *s, enum kind kind)
{
	const struct nlmsghdr *nlh;
	int err = 0;

	nft_for_each_copied(nlh, &s->copy->v[kind == SETS ? ELEMENTS : kind]) {
		if (err)
			return err;
		if (kind == SETS)
			err = !nft_copied_is_set(nlh) ||
			      nft_copied_is_anonymous(nlh) ?
				      0 : put_set(s, nlh);
		else
			err = kind == RULES ? put_rule(s, nlh) :
					      put_message(s, kind, nlh);
		if (!err)
			err = pause_batch(s);
	}
	return err;
}

static int put(struct backend_ctx *ctx, const struct rules_copy *c,
	       struct diags *d)
{
	static const enum kind order[] = { TABLES, CHAINS, OBJECTS, SETS,
					   RULES };
	struct sending s = { .ctx = ctx, .copy = c, .d = d };
	int err = nft_copied_sets_find(&c->v[ELEMENTS], &s.own);

	if (!err && c->v[TABLES].n)
		err = begin(&s);

	for (size_t i = 0; !err && c->v[TABLES].n && i < ARRAY_SIZE(order);
	     i++)
		err = put_kind(&s, order[i]);
	if (!err && c->v[TABLES].n)
		err = flush(&s);
	nft_batch_release(&s.batch);
	nft_copied_sets_release(&s.own);
	return err;
}

const struct rules_copier nft_copier = {
	.take = take, .put = put, .load = nft_load, .loads_text = true,
	.devices = nft_text_devices,
	.place = nft_place_of, .free = copy_free,
};
