/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/nft/nft_live_elems.c: which sets are read, and in which way. */
#include <errno.h>

#include "backends/nft/nft_kernel.h"
#include "backends/nft/nft_live.h"
#include "core/mem.h"

struct live_of {
	struct backend_ctx *ctx;
	const struct foreign *f;
};

static int take_elems(const struct nlmsghdr *nlh, void *arg)
{
	return nft_live_add_elems(arg, nlh);
}

/* They may be large. */
static bool wants_elements(const struct foreign *f, const struct live_set *s)
{
	const char *table = f->tables[s->table].name;

	if (nft_live_set_is_anonymous(s))
		return true;
	return f->wants_terms &&
	       !(f->without_own && (nft_table_is_own(s->family, table) ||
				    nft_name_is_own(s->name)));
}

/* Of ctpolicy's own: a dump of a large one takes the square of its size. */
static int ask_by_key(const struct live_of *l, struct live_set *s)
{
	struct live_elems e = { .set = s };
	bool unsure = s->unsure;
	struct image_table t = {
		.family = s->family, .name = l->f->tables[s->table].name,
	};
	int err = -ENODATA;

	if (nft_table_is_own(t.family, t.name) &&
	    !(s->flags & (NFT_SET_INTERVAL | NFT_SET_MAP)))
		err = nft_take_by_key(l->ctx, &t, s->name, s->count,
				      take_elems, &e);
	if (!err && s->n != s->count)
		err = -ENODATA;
	if (err) {
		s->unsure = unsure;
		s->n = 0;
	}
	return err;
}

static int dump_set(const struct live_of *l, struct live_set *s)
{
	_cleanup_(nft_live_elems_release) struct live_elems e = { .set = s };
	struct nft_dump_of what = {
		.type = NFT_MSG_GETSETELEM, .family = s->family,
		.table = l->f->tables[s->table].name, .set = s->name,
	};
	int err = nft_dump(l->ctx, &what, take_elems, &e);

	return err ? err : nft_live_end_elems(&e);
}

static int read_set(const struct live_of *l, struct live_set *s)
{
	int err;

	if (s->key_len > LIVE_BYTES || !wants_elements(l->f, s))
		return 0;
	err = ask_by_key(l, s);
	return !err || err == -ENOMEM ? err : dump_set(l, s);
}

int nft_live_read_elems(struct backend_ctx *ctx, const struct foreign *f,
			struct live_sets *s)
{
	const struct live_of l = { ctx, f };
	int err = 0;

	for (size_t i = 0; !err && i < s->n; i++)
		err = read_set(&l, &s->v[i]);
	return err;
}
