/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_kernel.h: the netlink socket, dumps and batches.
 *
 * Owner:  a batch owns its messages; pages are sent as they lie.
 * Errors: -errno. nft_dump() gives -EINTR when the rules changed under it.
 */
#ifndef CTPOLICY_BACKENDS_NFT_NFT_KERNEL_H
#define CTPOLICY_BACKENDS_NFT_NFT_KERNEL_H

#include <sys/uio.h>

#include "backends/nft/nft_netlink.h"
#include "backends/nft/nft_world.h"
#include "rules/originals.h"

#define NFT_RECV_SIZE (64 * 1024)

struct backend_ctx {
	struct mnl_socket *nl;
	uint32_t seq;
	uint8_t *buf;			/* NFT_RECV_SIZE bytes */
	bool settling;			/* large sets were written just now */
	uint32_t generation;		/* at which is being read */
	uint32_t written;		/* that the last commit made; 0: none */
	const struct expectation *expected;	/* NULL: none */
	struct nft_world world;		/* the host's, at the last snapshot */
	const struct originals *originals;	/* NULL: none are known */
	struct nft_kept *kept;		/* rules for the next reader; or NULL */
};

/* nft_kernel.c */
int nft_open(struct backend_ctx **ret, struct diags *d);
void nft_close(struct backend_ctx **ctx);
void nft_know(struct backend_ctx *ctx, const struct originals *o);
int nft_generation(struct backend_ctx *ctx, uint32_t *ret);
/*
 * Dump all things of one NFT_MSG_GET* type; with a set's table and name, its
 * elements; with a chain's, its rules (an old kernel gives all rules). cb gets
 * each message and may fail; the dump is then still read to its end.
 */
struct nft_dump_of {
	uint16_t type;			/* NFT_MSG_GETTABLE... */
	uint8_t family;
	const char *table, *set;	/* NULL: all */
	const char *chain;
};
int nft_dump(struct backend_ctx *ctx, const struct nft_dump_of *what,
	     int (*cb)(const struct nlmsghdr *nlh, void *arg), void *arg);
/*
 * The head of a question for single elements, in `buf` of at least 512 bytes,
 * to which the caller adds NFTA_SET_ELEM_LIST_ELEMENTS; then the question, its
 * answers and the kernel's verdict: -ENOENT, one is not there. Any error may
 * come after some answers.
 */
struct nlmsghdr *nft_elems_question(struct backend_ctx *ctx,
				    const struct image_table *t,
				    const char *set, void *buf);
int nft_ask_elems(struct backend_ctx *ctx, const struct nlmsghdr *nlh,
		  int (*cb)(const struct nlmsghdr *nlh, void *arg), void *arg);
void nft_trace_msg(const char *dir, const struct nlmsghdr *nlh);

/* nft_batch.c */
struct nft_sent {
	const struct nlmsghdr *nlh;
	size_t first;			/* of the steps that it carries */
	uint32_t elem;			/* from this element of it on */
};
struct nft_batch {
	struct iovec *page;
	size_t n_pages, cap_pages, bytes;
	struct nft_sent *sent;		/* [seq - base] */
	size_t n_sent, cap_sent;
	uint32_t base;			/* first sequence number */
	uint8_t *at;			/* where the next message goes */
	size_t room;
};
/* A place for a message of at most `size` bytes; NULL: out of memory. */
void *nft_batch_reserve(struct nft_batch *b, size_t size);
uint32_t nft_batch_seq(const struct nft_batch *b);
/* The head of a message there; NULL: out of memory. */
struct nlmsghdr *nft_batch_put(struct nft_batch *b, uint16_t msg,
			       uint16_t flags, uint8_t family, size_t size);
/* The message in the place reserved last is complete. */
int nft_batch_add(struct nft_batch *b, const struct nlmsghdr *nlh,
		  size_t first_step);
int nft_batch_begin(struct nft_batch *b, uint32_t generation);
int nft_batch_end(struct nft_batch *b);
/* The message with that number, or NULL. */
const struct nft_sent *nft_batch_find(const struct nft_batch *b, uint32_t seq);
/* Buffers as large as the batch; without CAP_NET_ADMIN the limit applies. */
void nft_batch_size_buffers(struct mnl_socket *nl, const struct nft_batch *b);
/* A buffer for so many answers, each in a message of its own. */
void nft_size_answers(struct mnl_socket *nl, size_t n);
/* All of it at once; what the kernel answers is there then. -errno */
int nft_batch_send(struct mnl_socket *nl, const struct nft_batch *b);
void nft_batch_release(struct nft_batch *b);

/*
 * nft_plan.c: the steps in the order that one batch needs, deletions first.
 * AHEAD: new interval sets and what is in them, where nothing looks into them
 * yet; they may all be none. Source: what is new in such a set is seen only
 * when the batch's other changes are, one set after the other; see
 * nft_set_commit_update() in the kernel's net/netfilter/nf_tables_api.c.
 */
enum nft_portion { NFT_PLAN_ALL, NFT_PLAN_AHEAD, NFT_PLAN_REST };
struct nft_plan {
	const struct step **steps;
	bool *drop;			/* steps[i]: its deletion */
	size_t n, items;		/* items: each element counts */
	/* Deleted jumps whose rules come back, in the order of their chains. */
	size_t put_back, n_put_back;
};
int nft_plan_make(const struct changeset *cs, enum nft_portion portion,
		  struct nft_plan *ret);
void nft_plan_release(struct nft_plan *p);
struct nft_exchanges;
/* `host`: the chains in which ctpolicy's jumps find their places. */
int nft_plan_write(const struct nft_plan *p, struct nft_world *host,
		   const struct nft_exchanges *x, struct nft_batch *b,
		   struct diags *d);

/* nft_commit.c */
int nft_commit(struct backend_ctx *ctx, const struct changeset *cs,
	       struct stamp stamp, bool check_only,
	       unsigned int *begun, struct diags *d);

/* nft_snapshot.c */
typedef int nft_read_fn(struct backend_ctx *ctx, void *arg);
/*
 * Read until no rule changed meanwhile: `read` starts over each time, and may
 * return -EINTR itself.
 */
int nft_read_steady(struct backend_ctx *ctx, nft_read_fn *read, void *arg,
		    uint32_t *ret_generation, struct diags *d);
int nft_snapshot(struct backend_ctx *ctx, struct snapshot *ret,
		 struct diags *d);

/* nft_set_read.c */
/* NFTA_SET_COUNT, of kernels from 6.16 on; headers may be older. */
#define NFT_SET_COUNT 20
void nft_expect(struct backend_ctx *ctx, const struct expectation *e);
/* Is this the generation at which what is expected was written? */
bool nft_is_as_written(const struct backend_ctx *ctx, uint32_t generation);
/* All elements of the image's sets, whose definitions were read. */
int nft_read_sets(struct backend_ctx *ctx, struct image *img);
/*
 * What a dump would give of a large set of ctpolicy's that the kernel counts so
 * many elements in: of each that is expected, in their order. Any error but
 * -ENOMEM: it cannot be done so, dump it; some may have been given.
 */
int nft_take_by_key(struct backend_ctx *ctx, const struct image_table *t,
		    const char *set, size_t count,
		    int (*take)(const struct nlmsghdr *nlh, void *arg),
		    void *arg);

/* nft_glance.c */
int nft_glance(struct backend_ctx *ctx, uint64_t *ret, struct diags *d);

/* nft_live.c */
int nft_read_live(struct backend_ctx *ctx, struct foreign *f,
		  struct diags *d);

#endif
