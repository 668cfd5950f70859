/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_commit.c: one batch to the kernel, and its verdict; or two,
 * the first with sets that the rules of the second find filled.
 *
 * Source: nfnetlink_rcv_batch() in the kernel's net/netfilter/nfnetlink.c. The
 *         answers are there when sendmsg() returns. A batch without its end
 *         message is checked in full and then dropped: the dry run.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "backends/nft/nft_exchange.h"
#include "backends/nft/nft_kernel.h"
#include "core/mem.h"
#include "host/trace.h"

#define SETTLE_MIN 10000	/* steps that leave the kernel work to do */

struct verdict_of {
	const struct nft_plan *plan;
	const struct nft_batch *batch;
	struct diags *d;
	int err;		/* the first one */
};

static int send_batch(struct backend_ctx *ctx, const struct nft_batch *b)
{
	for (size_t i = 0; host_tracing() && i < b->n_sent; i++)
		nft_trace_msg("send", b->sent[i].nlh);
	return nft_batch_send(ctx->nl, b);
}

/* What the kernel adds to an error: its words, and where it stopped. */
struct extack {
	const char *msg;
	uint32_t offset;
};

static struct extack read_extack(const struct nlmsghdr *nlh)
{
	struct extack x = { .msg = "" };
	const struct nlattr *a;

	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS))
		return x;
	netlink_for_each_attr(a, nlh, sizeof(struct nlmsgerr)) {
		if (mnl_attr_get_type(a) == NLMSGERR_ATTR_MSG)
			x.msg = nft_attr_str(a);
		else if (mnl_attr_get_type(a) == NLMSGERR_ATTR_OFFS &&
			 mnl_attr_get_payload_len(a) >= 4)
			x.offset = mnl_attr_get_u32(a);
	}
	return x;
}

/* How many elements begin before `offset`; the end of a pair is none. */
static size_t elements_before(const struct nlmsghdr *nlh, uint32_t offset)
{
	const struct nlattr *v[NFTA_SET_ELEM_LIST_MAX + 1];
	const struct nlattr *a, *flags[NFTA_SET_ELEM_FLAGS + 1];
	size_t n = 0;

	if (nft_msg_attrs(nlh, v, NFTA_SET_ELEM_LIST_MAX) ||
	    !v[NFTA_SET_ELEM_LIST_ELEMENTS])
		return 0;
	netlink_for_each_nested(a, v[NFTA_SET_ELEM_LIST_ELEMENTS]) {
		if (nft_nest_attrs(a, flags, NFTA_SET_ELEM_FLAGS))
			return 0;
		if (!(nft_attr_u32(flags[NFTA_SET_ELEM_FLAGS]) &
		      NFT_SET_ELEM_INTERVAL_END))
			n++;
		if ((size_t)((const uint8_t *)a - (const uint8_t *)nlh) >=
		    offset)
			break;
	}
	return n ? n - 1 : 0;
}

/* Of elements, the one that it is about. */
static struct step failing_step(const struct verdict_of *v,
				const struct nft_sent *s,
				const struct extack *x)
{
	struct step step = *v->plan->steps[s->first];
	size_t k = s->elem;

	if (step.kind == STEP_ELEMENT && x->offset)
		k += elements_before(s->nlh, x->offset);
	for (size_t i = s->first + 1; k >= step.n && i < v->plan->n; i++) {
		k -= step.n;
		step = *v->plan->steps[i];
	}
	step.elem += k < step.n ? (uint32_t)k : 0;
	return step;
}

static bool is_mark(const struct nft_sent *s)
{
	return !s || s->nlh->nlmsg_type == NFNL_MSG_BATCH_BEGIN ||
	       s->nlh->nlmsg_type == NFNL_MSG_BATCH_END;
}

/* Errors of the batch as a whole. */
static int say_batch(struct diags *d, int err)
{
	if (err == -ERESTART)
		return diag_add(d, DIAG_ERROR, -FAULT_STALE,
				ID_NFT_CHANGED_MEANWHILE, NOPOS,
				"the nft rules were changed by somebody else");
	if (err == -EPERM)
		return diag_add(d, DIAG_ERROR, err, ID_NFT_WRITE_CAP, NOPOS,
				"changing nft rules needs CAP_NET_ADMIN");
	if (err == -EMSGSIZE) {
		diag_add(d, DIAG_ERROR, err, ID_BATCH_TOO_LARGE, NOPOS,
			 "the changes are too large for one nft batch");
		diag_help(d, "run with CAP_NET_ADMIN, or raise the sysctl "
			  "net.core.wmem_max");
		return err;
	}
	return diag_add(d, DIAG_ERROR, err, ID_BATCH_REFUSED, NOPOS,
			"the kernel refuses the nft batch: %s", strerror(-err));
}

/* All that a step needs was added before: the kernel lacks what is missing. */
static bool is_lacking(int err)
{
	return err == -ENOENT || err == -EPROTONOSUPPORT ||
	       err == -EAFNOSUPPORT || err == -EOPNOTSUPP;
}

static int say_step(const struct verdict_of *v, const struct nft_sent *s,
		    const struct nlmsghdr *nlh, int err)
{
	struct extack x = read_extack(nlh);
	const struct step step = failing_step(v, s, &x);
	_cleanup_(strbuf_release) struct strbuf text = { 0 };

	nft_print_step(&step, &text);
	return diag_add(v->d, DIAG_ERROR,
			step.add && is_lacking(err) ? -FAULT_LACKING : err,
			ID_STEP_REFUSED, step_origin(&step)->at,
			"the kernel refuses '%s': %s%s%s",
			strbuf_text(&text, &v->d->lost),
			strerror(-err), *x.msg ? ": " : "", x.msg);
}

static void take_answer(struct verdict_of *v, const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);
	const struct nft_sent *s = nft_batch_find(v->batch, nlh->nlmsg_seq);

	nft_trace_msg("recv", nlh);
	if (nlh->nlmsg_type != NLMSG_ERROR || v->err ||
	    mnl_nlmsg_get_payload_len(nlh) < sizeof(*e) || !e->error)
		return;
	v->err = is_mark(s) ? say_batch(v->d, e->error) :
			      say_step(v, s, nlh, e->error);
}

static int read_answers(struct backend_ctx *ctx, struct verdict_of *v)
{
	int fd = mnl_socket_get_fd(ctx->nl);

	for (;;) {
		ssize_t n = recv(fd, ctx->buf, NFT_RECV_SIZE, MSG_DONTWAIT);
		const struct nlmsghdr *nlh = (const void *)ctx->buf;
		int left = (int)n;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return v->err;
		if (n < 0)
			return say_batch(v->d, -errno);
		for (; mnl_nlmsg_ok(nlh, left);
		     nlh = mnl_nlmsg_next(nlh, &left))
			take_answer(v, nlh);
	}
}

/* What is sent at once. */
struct errand {
	struct nft_plan plan;
	struct nft_batch batch;
};

static void errand_release(struct errand *e)
{
	nft_batch_release(&e->batch);
	nft_plan_release(&e->plan);
}

/* `generation` 0: whichever it is. */
static int write_errand(struct backend_ctx *ctx, struct errand *e,
			const struct nft_exchanges *x, uint32_t generation,
			bool check_only, struct diags *d)
{
	struct nft_batch *b = &e->batch;
	int err;

	b->base = ctx->seq + 1;
	err = nft_batch_begin(b, generation);
	if (!err)
		err = nft_plan_write(&e->plan, &ctx->world, x, b, d);
	if (!err && !check_only)
		err = nft_batch_end(b);
	ctx->seq += (uint32_t)b->n_sent;
	return err;
}

static int run_errand(struct backend_ctx *ctx, const struct errand *e,
		      bool check_only, unsigned int *begun, struct diags *d)
{
	struct verdict_of v = { .plan = &e->plan, .batch = &e->batch, .d = d };
	int err;

	nft_batch_size_buffers(ctx->nl, &e->batch);
	err = send_batch(ctx, &e->batch);
	if (err)
		return say_batch(d, err);
	if (!check_only)
		*begun |= BEGUN_TOLD;
	return read_answers(ctx, &v);
}

/* Each transaction counts for one; none leads to 0. */
static uint32_t generation_after(uint32_t g)
{
	return g + 1 ? g + 1 : 1;
}

/* A set that nothing looks into, whatever else changed meanwhile. */
static int take_out(struct backend_ctx *ctx, const struct nft_plan *set,
		    unsigned int *begun)
{
	_cleanup_(diags_release) struct diags aside = { 0 };
	struct errand e = { .plan = *set };
	int err = write_errand(ctx, &e, NULL, 0, false, &aside);

	if (!err)
		err = run_errand(ctx, &e, false, begun, &aside);
	nft_batch_release(&e.batch);
	/* not there: it went with the table, when that was loaded again */
	return err == -FAULT_LACKING ? 0 : err;
}

static int take_back(struct backend_ctx *ctx, const struct errand *ahead,
		     unsigned int *begun, struct diags *d)
{
	const struct nft_plan *p = &ahead->plan;
	int err = 0;

	for (size_t i = 0; !err && i < p->n; i++) {
		bool drop = true;
		struct nft_plan one = { .steps = p->steps + i, .drop = &drop,
					.n = 1 };

		if (p->steps[i]->kind == STEP_SET)
			err = take_out(ctx, &one, begun);
	}
	return !err ? 0 : diag_add(d, DIAG_ERROR, -FAULT_HALF,
				   ID_TABLES_NOT_RESTORED, NOPOS,
				   "the previous rules could not be restored");
}

/* The dry run is one batch: its second could not look into the first's sets. */
static int plan_both(const struct changeset *cs, bool check_only,
		     struct nft_plan *ahead, struct nft_plan *rest)
{
	int err = nft_plan_make(cs, NFT_PLAN_AHEAD, ahead);

	if (!err && (!ahead->n || check_only))
		nft_plan_release(ahead);
	return err ? err : nft_plan_make(cs, ahead->n ? NFT_PLAN_REST :
							NFT_PLAN_ALL, rest);
}

int nft_commit(struct backend_ctx *ctx, const struct changeset *cs,
	       struct stamp stamp, bool check_only,
	       unsigned int *begun, struct diags *d)
{
	_cleanup_(errand_release) struct errand ahead = { 0 }, rest = { 0 };
	_cleanup_(nft_exchanges_release) struct nft_exchanges x = { 0 };
	uint32_t g = (uint32_t)stamp.generation;
	int err, undone = 0;

	if (changeset_is_empty(cs))
		return 0;
	err = plan_both(cs, check_only, &ahead.plan, &rest.plan);
	if (!err)
		err = nft_exchanges_find(ctx, cs, stamp, &x, d);
	if (!err && ahead.plan.n) {
		err = write_errand(ctx, &ahead, &x, g, false, d);
		g = generation_after(g);
	}
	if (!err)
		err = write_errand(ctx, &rest, &x, g, check_only, d);
	if (err)
		return err;
	ctx->settling = ahead.plan.items + rest.plan.items > SETTLE_MIN;
	ctx->written = 0;
	if (ahead.plan.n)
		err = run_errand(ctx, &ahead, false, begun, d);
	if (err)
		return err;
	err = run_errand(ctx, &rest, check_only, begun, d);
	if (err && ahead.plan.n)
		undone = take_back(ctx, &ahead, begun, d);
	if (!err && !check_only)
		ctx->written = generation_after(g);
	return undone ? undone : err;
}
