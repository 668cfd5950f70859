/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_snapshot.c: the kernel's state at one generation.
 *
 * The order of the dumps is that in which things refer to each other: tables,
 * chains, sets with their elements, rules. When the generation has moved
 * between the first and the last, all is read again.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "backends/nft/nft_chains.h"
#include "backends/nft/nft_compat.h"
#include "backends/nft/nft_exchange.h"
#include "backends/nft/nft_kernel.h"
#include "backends/nft/nft_native.h"
#include "backends/nft/nft_original.h"
#include "backends/nft/nft_world.h"
#include "core/intern.h"
#include "core/mem.h"

#define TRIES_MAX 20
#define PAUSE_US 5000
#define SETTLE_US 20000

struct scan {
	struct backend_ctx *ctx;
	struct image *image;
	struct nft_world world;
	struct nft_chains chains;
	struct nft_anonymous sets;	/* of rules that stand in for others */
	struct survey *survey;
};

static void scan_release(struct scan *s)
{
	nft_anonymous_release(&s->sets);
	nft_chains_release(&s->chains);
	image_free(&s->image);
	nft_world_release(&s->world);
}

static int take_table(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *v[NFTA_TABLE_FLAGS + 1];
	uint8_t family = nft_msg_family(nlh);
	struct scan *s = arg;
	struct image_table *t;
	int err = nft_msg_attrs(nlh, v, NFTA_TABLE_FLAGS);

	if (err || !nft_family_matters(family))
		return err;
	if (!nft_table_is_own(family, nft_attr_str(v[NFTA_TABLE_NAME])))
		return nft_world_add_table(&s->world, nlh);
	t = image_add_table(s->image, family, NFT_OWN_TABLE);
	if (!t)
		return -ENOMEM;
	t->owned = true;
	t->asleep = nft_attr_u32(v[NFTA_TABLE_FLAGS]) & NFT_TABLE_F_DORMANT;
	return 0;
}

/* The table that one of ctpolicy's things is in, made for the first one. */
static struct image_table *our_table(struct scan *s, uint8_t family,
				     const char *name)
{
	struct image_table *t = image_find_table(s->image, family, name);

	return t ? t : image_add_table(s->image, family, name);
}

static enum hook base_hook(const struct nlattr *const *v)
{
	const struct image_chain c = {
		.name = nft_attr_str(v[NFTA_CHAIN_NAME]),
	};
	bool notes = own_names_edit(c.name);
	const struct nlattr *h[NFTA_HOOK_PRIORITY + 1];
	uint32_t policy = nft_attr_u32(v[NFTA_CHAIN_POLICY]);
	uint32_t number;

	if (nft_nest_attrs(v[NFTA_CHAIN_HOOK], h, NFTA_HOOK_PRIORITY) ||
	    policy != NF_ACCEPT ||
	    strcmp(nft_attr_str(v[NFTA_CHAIN_TYPE]), "filter") ||
	    (int)nft_attr_u32(h[NFTA_HOOK_PRIORITY]) !=
		    nft_chain_priority(&c))
		return HOOK_MAX_;
	number = nft_attr_u32(h[NFTA_HOOK_HOOKNUM]);
	if (notes && number == NF_INET_FORWARD)
		return HOOK_FORWARD;
	if (!notes && number == NF_INET_PRE_ROUTING)
		return HOOK_PREROUTING;
	return number == NF_INET_LOCAL_OUT ? HOOK_OUTPUT : HOOK_MAX_;
}

/* A base chain with a hook that ctpolicy never uses counts as none. */
static int take_own_chain(struct scan *s, uint8_t family,
			  const struct nlattr *const *v)
{
	const char *name = nft_attr_str(v[NFTA_CHAIN_NAME]);
	struct image_table *t = our_table(s, family,
					  nft_attr_str(v[NFTA_CHAIN_TABLE]));
	struct image_chain *c;

	if (!t)
		return -ENOMEM;
	c = image_add_chain(t, name, v[NFTA_CHAIN_HOOK] ? base_hook(v) :
							  HOOK_MAX_);
	if (!c)
		return -ENOMEM;
	c->base = c->hook != HOOK_MAX_;
	c->odd = v[NFTA_CHAIN_HOOK] && !c->base;
	return 0;
}

static int take_chain(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *v[NFTA_CHAIN_TYPE + 1];
	uint8_t family = nft_msg_family(nlh);
	struct scan *s = arg;
	int err = nft_msg_attrs(nlh, v, NFTA_CHAIN_TYPE);

	if (err || !nft_family_matters(family))
		return err;
	err = nft_chains_add(&s->chains, nlh);
	if (err)
		return err;
	if (nft_table_is_own(family, nft_attr_str(v[NFTA_CHAIN_TABLE])) ||
	    nft_name_is_own(nft_attr_str(v[NFTA_CHAIN_NAME])))
		return take_own_chain(s, family, v);
	return nft_world_add_chain(&s->world, nlh);
}

/* Before their rules are read: those of iptables-nft are of its dialect. */
static void mark_iptables(struct scan *s)
{
	for (size_t i = 0; i < s->image->n_tables; i++) {
		struct image_table *t = &s->image->tables[i];

		t->iptables = nft_compat_works &&
			      nft_world_is_iptables(&s->world, t->family,
						    t->name);
	}
}

static int take_set(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *v[NFT_SET_COUNT + 1];
	uint8_t family = nft_msg_family(nlh);
	const char *table, *name;
	struct scan *s = arg;
	struct image_table *t;
	struct image_set *set;
	int err = nft_msg_attrs(nlh, v, NFT_SET_COUNT);

	if (err || !nft_family_matters(family))
		return err;
	table = nft_attr_str(v[NFTA_SET_TABLE]);
	name = nft_attr_str(v[NFTA_SET_NAME]);
	if (!nft_table_is_own(family, table) && !nft_name_is_own(name))
		return nft_named_take(&s->world.named, nlh);
	if (nft_attr_u32(v[NFTA_SET_FLAGS]) & NFT_SET_ANONYMOUS)
		return 0;
	t = our_table(s, family, table);
	set = t ? image_add_set(t, name) : NULL;
	if (!set)
		return -ENOMEM;
	if (nft_set_decode(v, set))
		image_set_mark_unknown(set);
	set->counted = v[NFT_SET_COUNT];
	set->count = nft_attr_u32(v[NFT_SET_COUNT]);
	return 0;
}

static int take_object(const struct nlmsghdr *nlh, void *arg)
{
	struct scan *s = arg;

	return nft_timers_take(nlh, s->image);
}

/* The table of one of ctpolicy's chains whose rules are read as they lie. */
static bool has_raw(void *arg, uint8_t family, const char *table)
{
	const struct scan *s = arg;
	const struct image_table *t = image_find_table(s->image, family,
						       table);

	for (size_t i = 0; t && !t->iptables && i < t->n_chains; i++)
		if (own_names_edit(t->chains[i].name))
			return true;
	return false;
}

static int read_anonymous(struct scan *s)
{
	bool any = false;

	for (size_t i = 0; !any && i < s->image->n_tables; i++)
		any = has_raw(s, s->image->tables[i].family,
			      s->image->tables[i].name);
	return any ? nft_anonymous_read(s->ctx, has_raw, s, &s->sets) : 0;
}

/* With `target` in a chain of the host's: the chain that it leads to. */
static int decode_rule(struct scan *s, const struct nlmsghdr *nlh,
		       const struct image_table *t, struct image_chain *c,
		       size_t place, const char *target)
{
	struct image_rule *r = image_add_rule(c);
	bool raw = !t->iptables && own_names_edit(c->name), in_place;
	int err;

	if (!r)
		return -ENOMEM;
	in_place = target && !t->iptables && own_names_led_to(target);
	err = raw || in_place ? nft_raw_decode(nlh, t, &s->sets, r) :
				nft_rule_decode(s->image, t, nlh, r);
	r->place = (uint32_t)place;
	return err || !in_place ? err : nft_raw_in_place(r);
}

/* A rule of ctpolicy's in a chain of the host's. */
static int take_jump(struct scan *s, const struct nlmsghdr *nlh,
		     const struct nft_foreign *f, const struct nlattr *exprs)
{
	struct image_table *t = our_table(s, f->family, f->table);
	struct image_chain *c;

	if (!t)
		return -ENOMEM;
	c = image_find_chain(t, f->chain);
	if (!c)
		c = image_add_chain(t, f->chain, f->hook);
	if (!c)
		return -ENOMEM;
	c->foreign = true;
	return decode_rule(s, nlh, t, c, f->n_rules + c->n_rules,
			   nft_original_target(exprs));
}

static int take_foreign_rule(struct scan *s, const struct nlmsghdr *nlh,
			     const struct nlattr *const *v)
{
	struct nft_foreign *f = nft_world_find(&s->world, nft_msg_family(nlh),
					nft_attr_str(v[NFTA_RULE_TABLE]),
					nft_attr_str(v[NFTA_RULE_CHAIN]));
	bool ours;
	int err;

	if (!f)
		return 0;
	err = nft_world_add_rule(f, v[NFTA_RULE_EXPRESSIONS], &ours);
	if (err)
		return err;
	if (ours)
		return take_jump(s, nlh, f, v[NFTA_RULE_EXPRESSIONS]);
	err = nft_note_renamed(s->survey, f, s->image, v);
	return err ? err :
		     nft_world_count_rule(f, nft_attr_u64(v[NFTA_RULE_HANDLE]));
}

static int take_rule(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *v[NFTA_RULE_USERDATA + 1];
	uint8_t family = nft_msg_family(nlh);
	struct image_table *t;
	struct image_chain *c;
	struct scan *s = arg;
	int err = nft_msg_attrs(nlh, v, NFTA_RULE_USERDATA);

	if (err || !nft_family_matters(family))
		return err;
	t = image_find_table(s->image, family,
			     nft_attr_str(v[NFTA_RULE_TABLE]));
	c = t ? image_find_chain(t, nft_attr_str(v[NFTA_RULE_CHAIN])) : NULL;
	if (c && !c->foreign)
		return decode_rule(s, nlh, t, c, 0, NULL);
	return take_foreign_rule(s, nlh, v);
}

static int read_foreign_set(const struct nft_foreign *f, const char *set,
			    nft_take_fn *take, void *taker, void *arg)
{
	const struct scan *s = arg;
	struct nft_dump_of what = {
		.type = NFT_MSG_GETSETELEM, .family = f->family,
		.table = f->table, .set = set,
	};

	return nft_dump(s->ctx, &what, take, taker);
}

static int dump_all(struct scan *s, uint16_t type,
		    int (*take)(const struct nlmsghdr *nlh, void *arg))
{
	struct nft_dump_of what = { .type = type, .family = NFPROTO_UNSPEC };

	return nft_dump(s->ctx, &what, take, s);
}

static int scan_kernel(struct scan *s, struct survey *ret)
{
	int err;

	s->survey = ret;
	/* nobody reads the host's rules behind the look that verifies */
	s->chains.keeps = !s->ctx->expected || !s->ctx->expected->wrote;
	s->image = image_new();
	if (!s->image)
		return -ENOMEM;
	err = dump_all(s, NFT_MSG_GETTABLE, take_table);
	if (!err)
		err = dump_all(s, NFT_MSG_GETCHAIN, take_chain);
	if (!err)
		err = dump_all(s, NFT_MSG_GETSET, take_set);
	if (!err)
		err = dump_all(s, NFT_MSG_GETOBJ, take_object);
	if (!err)
		err = nft_read_sets(s->ctx, s->image);
	nft_world_sort(&s->world);
	mark_iptables(s);
	if (!err)
		err = read_anonymous(s);
	if (!err)
		err = nft_chains_dump_rules(s->ctx, &s->chains, take_rule, s);
	if (!err)
		err = nft_survey(&s->world, read_foreign_set, s, ret);
	return err;
}

static size_t count_exact(const struct image *img)
{
	size_t n = 0;

	for (size_t i = 0; i < img->n_tables; i++)
		for (size_t k = 0; k < img->tables[i].n_sets; k++)
			if (!img->tables[i].sets[k].interval)
				n += img->tables[i].sets[k].elems.n;
	return n;
}

/*
 * A large hash set goes on growing its table for a while after a commit, and
 * a dump during that time misses elements and gives others twice. A key is
 * in such a set once, so twins give it away.
 */
static int normalize(struct image *img)
{
	size_t n = count_exact(img);
	int err = image_normalize(img);

	return err || count_exact(img) == n ? err : -EINTR;
}

static int try_snapshot(struct backend_ctx *ctx, void *arg)
{
	_cleanup_(scan_release) struct scan s = { .ctx = ctx };
	_cleanup_(snapshot_release) struct snapshot snap = { 0 };
	struct snapshot *ret = arg;
	int err = scan_kernel(&s, &snap.survey);

	if (!err)
		err = normalize(s.image);
	if (err)
		return err;
	if (ctx->originals)
		originals_attach(ctx->originals, s.image);
	err = originals_note_lacks(s.image, nft_exchange_lacks, &s.world);
	if (err)
		return err;
	snap.survey.ours = !image_is_empty(s.image);
	snap.image = TAKE_PTR(s.image);
	nft_world_release(&ctx->world);
	ctx->world = s.world;
	s.world = (struct nft_world){ 0 };
	snapshot_release(ret);
	*ret = snap;
	snap = (struct snapshot){ 0 };
	return 0;
}

/* -EINTR: the rules changed while they were read. */
static int try_read(struct backend_ctx *ctx, nft_read_fn *read, void *arg,
		    uint32_t *ret_generation)
{
	uint32_t before = 0, after = 0;
	int err = nft_generation(ctx, &before);

	ctx->generation = before;
	if (!err)
		err = read(ctx, arg);
	if (!err || err == -ENOENT) {
		int failed = nft_generation(ctx, &after);

		err = failed ? failed : before != after ? -EINTR : err;
	}
	if (!err)
		*ret_generation = before;
	return err;
}

int nft_read_steady(struct backend_ctx *ctx, nft_read_fn *read, void *arg,
		    uint32_t *ret_generation, struct diags *d)
{
	int err = -EINTR;

	/* cheaper than to find out from a dump: see normalize() */
	if (ctx->settling)
		usleep(SETTLE_US);
	ctx->settling = false;
	for (useconds_t i = 0; err == -EINTR && i < TRIES_MAX; i++) {
		if (i)
			usleep(i * PAUSE_US);
		err = try_read(ctx, read, arg, ret_generation);
	}
	if (!err)
		return err;
	if (err == -EINTR)
		return diag_add(d, DIAG_ERROR, -FAULT_STALE, ID_NFT_UNSTEADY,
				NOPOS,
				"the nft rules change too fast to be read");
	if (err == -EPERM)
		return diag_add(d, DIAG_ERROR, err, ID_NFT_READ_CAP, NOPOS,
				"reading nft rules needs CAP_NET_ADMIN");
	return diag_add(d, DIAG_ERROR, err, ID_NFT_UNREADABLE, NOPOS,
			"the nft rules cannot be read: %s", strerror(-err));
}

int nft_snapshot(struct backend_ctx *ctx, struct snapshot *ret,
		 struct diags *d)
{
	_cleanup_(snapshot_release) struct snapshot snap = { 0 };
	uint32_t generation = 0;
	int err = nft_read_steady(ctx, try_snapshot, &snap, &generation, d);

	if (err)
		return err;
	*ret = snap;
	ret->stamp.generation = generation;
	ret->untouched = nft_is_as_written(ctx, generation);
	snap = (struct snapshot){ 0 };
	return 0;
}
