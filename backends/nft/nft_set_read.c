/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_set_read.c: the elements of ctpolicy's sets.
 *
 * For each message of a dump, of 32 KiB, the kernel walks the set from its
 * first element on: with n elements that is n * n / 2,000 steps. So a large
 * set is dumped only if there is no better way:
 *
 * - as written: the rules are of the very generation that the last commit made,
 *   and it led to what is expected. Nobody else wrote, and the kernel took each
 *   element: it holds what it held, which was read, and what it was given. Its
 *   own count (from 6.16 on) and a sample, asked for by key, must agree. This
 *   does not show an element that the kernel took, counts and lost; nor what
 *   packets add, which only a rule in this table could let them, and its rules
 *   are read in full.
 * - by key: each expected element is asked for, and what the kernel answers is
 *   what is read. When these are as many as it counts and there is no
 *   catch-all, which it does not count, they are all there are. Where anything
 *   is amiss, or the kernel does not count (before 6.16), the set is dumped.
 *
 * Without one of these proofs what is expected becomes no answer: a wrong guess
 * costs time.
 *
 * Source: nft_hash_walk() in the kernel's net/netfilter/nft_set_hash.c;
 *         nf_tables_getsetelem(), nf_tables_fill_set_info(),
 *         nft_add_set_elem() in net/netfilter/nf_tables_api.c.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "backends/nft/nft_kernel.h"
#include "core/mem.h"
#include "rules/image_copy.h"

/* From here on asking for each element is cheaper than a dump. */
#define BY_KEY_MIN 150000
/* From here on a sample is cheaper. */
#define WRITTEN_MIN 4096
#define SAMPLE 512
/* Answers that fit into a socket's buffer as an unprivileged user has it. */
#define KEYS_MAX 256
/* Nested attributes and a padded key of ELEMS_MAX_FIELDS fields. */
#define KEY_ROOM 96

struct set_read {
	struct backend_ctx *ctx;
	struct image *image;
	const struct image_table *table;
	struct image_set *set;		/* its elements are read; or NULL */
	const char *name;
	const struct image_set *expected;	/* NULL: none like it */
};

/* Who takes what the kernel answers. */
struct taker {
	int (*take)(const struct nlmsghdr *nlh, void *arg);
	void *arg;
};

static int take_elements(const struct nlmsghdr *nlh, void *arg)
{
	return nft_elems_read(arg, nlh);
}

static int dump(struct set_read *s)
{
	_cleanup_(nft_elem_reader_release) struct nft_elem_reader r = {
		.img = s->image, .set = s->set,
	};
	struct nft_dump_of what = {
		.type = NFT_MSG_GETSETELEM, .family = s->table->family,
		.table = s->table->name, .set = s->set->name,
	};
	int err = nft_dump(s->ctx, &what, take_elements, &r);

	return err ? err : nft_elems_finish(&r);
}

/* Every step-th expected element from `from` on, at most KEYS_MAX. */
static int ask_some(struct set_read *s, size_t from, size_t step,
		    const struct taker *to)
{
	_Alignas(struct nlmsghdr) uint8_t msg[512 + KEYS_MAX * KEY_ROOM];
	struct nlmsghdr *nlh = nft_elems_question(s->ctx, s->table, s->name,
						  msg);
	struct nlattr *list = mnl_attr_nest_start(nlh,
						  NFTA_SET_ELEM_LIST_ELEMENTS);

	for (size_t i = 0; i < KEYS_MAX && from < s->expected->elems.n;
	     i++, from += step)
		nft_put_elem(nlh, s->expected, from, NULL);
	mnl_attr_nest_end(nlh, list);
	return nft_ask_elems(s->ctx, nlh, to->take, to->arg);
}

static int ask(struct set_read *s, size_t from, size_t step,
	       const struct taker *to)
{
	int err = 0;

	nft_size_answers(s->ctx->nl, KEYS_MAX);
	for (; !err && from < s->expected->elems.n; from += step * KEYS_MAX)
		err = ask_some(s, from, step, to);
	return err;
}

static int take_nothing(const struct nlmsghdr *nlh, void *arg)
{
	(void)nlh;
	(void)arg;
	return 0;
}

/* 1: there is one; 0: there is none; else -errno. */
static int has_catch_all(struct set_read *s)
{
	_Alignas(struct nlmsghdr) uint8_t msg[512];
	struct nlmsghdr *nlh = nft_elems_question(s->ctx, s->table, s->name,
						  msg);
	struct nlattr *list = mnl_attr_nest_start(nlh,
						  NFTA_SET_ELEM_LIST_ELEMENTS);
	struct nlattr *one = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
	int err;

	mnl_attr_put_u32(nlh, NFTA_SET_ELEM_FLAGS,
			 htonl(NFT_SET_ELEM_CATCHALL));
	mnl_attr_nest_end(nlh, one);
	mnl_attr_nest_end(nlh, list);
	err = nft_ask_elems(s->ctx, nlh, take_nothing, NULL);
	return err == -ENOENT ? 0 : err ? err : 1;
}

static int read_by_key(struct set_read *s, bool *ret)
{
	struct nft_elem_reader r = { .img = s->image, .set = s->set };
	struct elems *e = &s->set->elems;
	int err = ask(s, 0, 1, &(struct taker){ take_elements, &r });

	if (err == -ENOMEM)
		return err;
	*ret = !err && !r.strange && e->n == s->set->count &&
	       has_catch_all(s) == 0;
	if (!*ret)
		e->n = 0;
	return 0;
}

/* Does the kernel hold some of the expected elements as they should be? */
static int sample_agrees(struct set_read *s, bool *ret)
{
	const struct elems *e = &s->expected->elems;
	_cleanup_(image_set_release) struct image_set some = { 0 };
	struct nft_elem_reader r = { .img = s->image, .set = &some };
	size_t step = e->n / SAMPLE, from = s->ctx->seq % step;
	int err;

	elems_init(&some.elems, e->field, e->n_fields);
	err = ask(s, from, step, &(struct taker){ take_elements, &r });
	*ret = !err && !r.strange;
	for (size_t i = 0; *ret && i < some.elems.n; i++, from += step)
		*ret = from < e->n &&
		       !elems_cmp(&some.elems, i, e, from) &&
		       origin_same_comment(elems_origin(&some.elems, i),
					   elems_origin(e, from));
	*ret = *ret && from >= e->n;
	return err == -ENOMEM ? err : 0;
}

static int take_as_written(struct set_read *s, bool *ret)
{
	int err;

	if (s->set->counted && s->set->count != s->expected->elems.n)
		return 0;
	err = sample_agrees(s, ret);
	return !err && *ret ?
		       image_copy_elems(s->image, s->set, s->expected) : err;
}

/* The set that is expected by this name. */
static const struct image_set *find_expected(const struct set_read *s)
{
	const struct expectation *x = s->ctx->expected;
	const struct image *img = x->find(x->arg);
	const struct image_table *t = img ?
		image_find_table(img, s->table->family, s->table->name) : NULL;

	return t ? image_find_set(t, s->name) : NULL;
}

bool nft_is_as_written(const struct backend_ctx *ctx, uint32_t generation)
{
	return ctx->expected && ctx->expected->wrote && ctx->written &&
	       ctx->written == generation;
}

/* Keys in a bitmap lie in a list, too, which each question would walk. */
static int read_expected(struct set_read *s, bool *ret)
{
	const struct expectation *x = s->ctx->expected;
	bool written = nft_is_as_written(s->ctx, s->ctx->generation);
	bool by_key = s->set->counted && s->set->count >= BY_KEY_MIN;
	size_t n;
	int err = 0;

	if (!x || s->set->interval || (!written && !by_key) ||
	    (s->set->elems.width <= 2 && !s->set->hashed))
		return 0;
	s->expected = find_expected(s);
	if (s->expected && !image_set_fits(s->expected, s->set))
		s->expected = NULL;
	n = s->expected ? s->expected->elems.n : 0;
	if (written && n >= WRITTEN_MIN)
		err = take_as_written(s, ret);
	if (!err && !*ret && by_key && s->set->count == n)
		err = read_by_key(s, ret);
	return err;
}

static int read_set(struct set_read *s)
{
	bool done = false;
	int err = read_expected(s, &done);

	return err || done ? err : dump(s);
}

int nft_read_sets(struct backend_ctx *ctx, struct image *img)
{
	int err = 0;

	for (size_t i = 0; i < img->n_tables; i++) {
		const struct image_table *t = &img->tables[i];

		for (size_t k = 0; !err && k < t->n_sets; k++) {
			struct set_read s = {
				.ctx = ctx, .image = img, .table = t,
				.set = &t->sets[k],
				.name = t->sets[k].name,
			};

			if (s.set->elems.n_fields &&
			    !nft_set_is_timed(s.set))
				err = read_set(&s);
		}
	}
	return err;
}

/* What does not fit the set's keys the kernel refuses. */
int nft_take_by_key(struct backend_ctx *ctx, const struct image_table *t,
		    const char *set, size_t count,
		    int (*take)(const struct nlmsghdr *nlh, void *arg),
		    void *arg)
{
	struct set_read s = { .ctx = ctx, .table = t, .name = set };
	int err;

	if (!ctx->expected || count < BY_KEY_MIN)
		return -ENODATA;
	s.expected = find_expected(&s);
	if (!s.expected || s.expected->interval ||
	    s.expected->elems.n != count)
		return -ENODATA;
	err = ask(&s, 0, 1, &(struct taker){ take, arg });
	return err ? err : has_catch_all(&s) ? -ENODATA : 0;
}

void nft_expect(struct backend_ctx *ctx, const struct expectation *e)
{
	ctx->expected = e;
}
