/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/nft/nft_exchange.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/nft/nft_original.h"
#include "backends/nft/nft_probe.h"
#include "core/fault.h"
#include "core/intern.h"
#include "core/mem.h"

/* The host's rules of one chain, as they are now. */
struct listed {
	struct stamp stamp;			/* when they were looked at */
	const struct image_chain *chain;	/* NULL: none was listed */
	struct {
		uint64_t handle, digest;
		bool goes;
	} *v;
	size_t n, cap;
};

static void listed_release(struct listed *l)
{
	free(l->v);
	*l = (struct listed){ .stamp = l->stamp };
}

static bool is_exchange(const struct step *s)
{
	return s->kind == STEP_RULE && s->add && s->chain->foreign &&
	       s->rule->verdict == VERDICT_JUMP && s->rule->original;
}

bool nft_exchange_puts_back(const struct step *s)
{
	return s->kind == STEP_RULE && s->chain->foreign &&
	       s->rule->verdict == VERDICT_JUMP &&
	       own_names_stand_in(s->rule->target) && !s->rule->lacks;
}

bool nft_step_shares_chain(const struct step *s, const struct step *of)
{
	return s->table->family == of->table->family &&
	       !strcmp(s->table->name, of->table->name) &&
	       !strcmp(s->chain->name, of->chain->name);
}

struct chains_of {
	struct nft_world *world;
	const struct image_table *table;
};

static bool has_chain(void *arg, const char *chain)
{
	const struct chains_of *c = arg;

	return nft_name_is_own(chain) ||
	       nft_world_find(c->world, c->table->family, c->table->name,
			      chain);
}

/* What is no rule is said when it is to be put back. */
int nft_exchange_lacks(void *arg, const struct image_table *t,
		       const char *chain, const char *original,
		       const char **ret)
{
	struct chains_of of = { arg, t };
	const char *to = NULL;
	int err = nft_original_lacks(original, has_chain, &of, &to);

	*ret = NULL;
	if (err)
		return err == -EBADMSG ? 0 : err;
	if (!to)
		return nft_probe(&of.world->named, &(struct nft_probed){
			t->family, t->name, chain, original }, ret);
	*ret = intern_printf("chain %s is not there any more", to);
	return *ret ? 0 : -ENOMEM;
}

struct listing {
	struct listed *to;
	const struct step *step;
	struct nft_anonymous sets;
};

static bool is_there(void *arg, uint8_t family, const char *table)
{
	const struct image_table *t = arg;

	return t->family == family && !strcmp(t->name, table);
}

/* A kernel that knows no chain in the question lists all rules. */
static int take_rule(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *v[NFTA_RULE_EXPRESSIONS + 1];
	const struct listing *x = arg;
	struct listed *l = x->to;
	const char *target;
	int err = nft_msg_attrs(nlh, v, NFTA_RULE_EXPRESSIONS);

	if (err || nft_msg_family(nlh) != x->step->table->family ||
	    strcmp(nft_attr_str(v[NFTA_RULE_TABLE]), x->step->table->name) ||
	    strcmp(nft_attr_str(v[NFTA_RULE_CHAIN]), x->step->chain->name))
		return err;
	target = nft_original_target(v[NFTA_RULE_EXPRESSIONS]);
	if (target && nft_name_is_own(target))
		return 0;
	if (mem_grow(&l->v, &l->cap, l->n + 1))
		return -ENOMEM;
	l->v[l->n].handle = nft_attr_u64(v[NFTA_RULE_HANDLE]);
	l->v[l->n].goes = false;
	err = nft_original_digest_of(nlh, &x->sets, &l->v[l->n].digest);
	l->n += !err;
	return err;
}

static int stale(struct diags *d)
{
	return diag_add(d, DIAG_ERROR, -FAULT_STALE, ID_NFT_CHANGED_MEANWHILE,
			NOPOS, "the nft rules were changed by somebody else");
}

static int list(struct backend_ctx *ctx, const struct step *s,
		struct listed *ret, struct diags *d)
{
	struct listing x = { .to = ret, .step = s };
	struct image_table of = { .family = s->table->family,
				  .name = s->table->name };
	struct nft_dump_of what = {
		.type = NFT_MSG_GETRULE, .family = s->table->family,
		.table = s->table->name, .chain = s->chain->name,
	};
	int err;

	if (ret->chain == s->chain)
		return 0;
	listed_release(ret);
	err = s->table->iptables ? 0 :
		nft_anonymous_read(ctx, is_there, &of, &x.sets);
	if (!err)
		err = nft_dump(ctx, &what, take_rule, &x);
	nft_anonymous_release(&x.sets);
	if (err == -EINTR)
		return stale(d);
	if (!err || err == -ENOENT)
		ret->chain = s->chain;
	return err == -ENOENT ? 0 : err;
}

/*
 * The same rule behind as many that stay as it stood when it was looked at,
 * else the nearest one: l->n where there is none.
 */
static size_t find(const struct listed *l, const struct step *s,
		   uint64_t digest)
{
	size_t want = image_rule_behind(s->chain, s->rule);
	size_t ahead = 0, best = l->n, off = SIZE_MAX;

	for (size_t i = 0; i < l->n; i++) {
		size_t by = ahead > want ? ahead - want : want - ahead;

		if (l->v[i].goes)
			continue;
		if (by < off && l->v[i].digest == digest) {
			best = i;
			off = by;
		}
		ahead++;
	}
	return best;
}

static void leave_out(struct nft_world *w, const struct step *s,
		      uint64_t handle)
{
	struct nft_foreign *f = nft_world_find(w, s->table->family,
					       s->table->name,
					       s->chain->name);

	for (size_t i = 0; f && i < f->n_rules; i++)
		if (f->handles[i] == handle) {
			memmove(&f->handles[i], &f->handles[i + 1],
				(--f->n_rules - i) * sizeof(*f->handles));
			return;
		}
}

static int not_on_record(const struct step *s, struct diags *d)
{
	diag_add(d, DIAG_ERROR, 0, ID_ORIGINAL_LOST, NOPOS,
		 "chain %s of table %s %s: the rule for which %s stands is not on record; it cannot be put back",
		 s->chain->name, nfproto_name(s->table->family),
		 s->table->name, s->rule->target);
	diag_help(d, "the rules of chain %s show what it asked for and did: put it back by hand, and delete the jump to %s there",
		  s->rule->target, s->rule->target);
	return -FAULT_CONFLICT;
}

/* One that somebody took out meanwhile is a reason to look again. */
static int gone(struct backend_ctx *ctx, struct stamp stamp,
		const struct step *s, struct diags *d)
{
	uint32_t now = 0;
	int err = nft_generation(ctx, &now);

	if (err || now != (uint32_t)stamp.generation)
		return err ? err : stale(d);
	diag_add(d, DIAG_ERROR, 0, ID_ORIGINAL_GONE, NOPOS,
		 "chain %s of table %s %s no longer has the rule for which %s would stand",
		 s->chain->name, nfproto_name(s->table->family),
		 s->table->name, s->rule->target);
	return -FAULT_CONFLICT;
}

bool nft_exchange_hands_over(const struct nft_exchanges *x,
			     const struct step *s)
{
	for (size_t i = 0; i < x->n; i++)
		if (x->v[i].from == s)
			return true;
	return false;
}

/*
 * A twin of a replaced rule, put ahead of it, takes its jump's name: the rule
 * of the next one is what the old jump stood for, and not in the chain.
 */
static const struct step *find_jump(const struct changeset *cs,
				    const struct nft_exchanges *x,
				    const struct step *s, uint64_t digest)
{
	for (size_t i = 0; i < cs->n; i++) {
		const struct step *o = &cs->steps[i];
		uint64_t other;

		if (!o->add && nft_exchange_puts_back(o) &&
		    nft_step_shares_chain(o, s) &&
		    o->rule->original &&
		    !nft_original_digest(o->rule->original, &other) &&
		    other == digest && !nft_exchange_hands_over(x, o))
			return o;
	}
	return NULL;
}

static int add_exchange(struct nft_exchanges *to, struct nft_exchange x)
{
	if (mem_grow(&to->v, &to->cap, to->n + 1))
		return -ENOMEM;
	to->v[to->n++] = x;
	return 0;
}

static int find_one(struct backend_ctx *ctx, const struct changeset *cs,
		    const struct step *s, struct listed *l,
		    struct nft_exchanges *ret, struct diags *d)
{
	const struct step *from = NULL;
	const char *lacks = NULL;
	uint64_t digest = 0;
	size_t at;
	int err = nft_original_digest(s->rule->original, &digest);

	if (err)
		return err == -EBADMSG ? not_on_record(s, d) : err;
	err = list(ctx, s, l, d);
	if (err)
		return err;
	at = find(l, s, digest);
	if (at == l->n)
		from = find_jump(cs, ret, s, digest);
	if (from)
		return add_exchange(ret, (struct nft_exchange){
			.step = s, .from = from });
	if (at == l->n)
		err = nft_exchange_lacks(&ctx->world, s->table, s->chain->name,
					 s->rule->original, &lacks);
	if (err || lacks)
		return err;
	if (at == l->n)
		return gone(ctx, l->stamp, s, d);
	l->v[at].goes = true;
	return add_exchange(ret, (struct nft_exchange){ s, l->v[at].handle,
							at, NULL });
}

int nft_exchanges_find(struct backend_ctx *ctx, const struct changeset *cs,
		       struct stamp stamp, struct nft_exchanges *ret,
		       struct diags *d)
{
	_cleanup_(nft_exchanges_release) struct nft_exchanges x = { 0 };
	_cleanup_(listed_release) struct listed l = { 0 };
	int err = 0;

	l.stamp = stamp;
	for (size_t i = 0; !err && i < cs->n; i++)
		if (is_exchange(&cs->steps[i]))
			err = find_one(ctx, cs, &cs->steps[i], &l, &x, d);
	if (err)
		return err;
	for (size_t i = 0; i < x.n; i++)
		leave_out(&ctx->world, x.v[i].step, x.v[i].handle);
	*ret = x;
	x = (struct nft_exchanges){ 0 };
	return 0;
}

void nft_exchanges_release(struct nft_exchanges *x)
{
	free(x->v);
	*x = (struct nft_exchanges){ 0 };
}

uint64_t nft_exchange_of(const struct nft_exchanges *x, const struct step *s)
{
	for (size_t i = 0; i < x->n; i++)
		if (x->v[i].step == s)
			return x->v[i].handle;
	return 0;
}

uint64_t nft_exchange_behind(const struct nft_exchanges *x,
			     const struct step *s)
{
	uint32_t behind = image_rule_behind(s->chain, s->rule);

	for (size_t i = 0; i < x->n; i++) {
		const struct step *o = x->v[i].step;

		if (x->v[i].handle && o->chain == s->chain &&
		    o->rule > s->rule &&
		    image_rule_behind(o->chain, o->rule) == behind)
			return x->v[i].handle;
	}
	return 0;
}

uint32_t nft_exchanges_ahead(const struct nft_exchanges *x,
			     const struct step *s)
{
	uint32_t behind = image_rule_behind(s->chain, s->rule), n = 0;

	for (size_t i = 0; i < x->n; i++)
		n += x->v[i].handle && x->v[i].at < behind &&
		     nft_step_shares_chain(x->v[i].step, s);
	return n;
}

int nft_exchange_write(const struct step *s, size_t first,
		       struct nft_batch *b, struct diags *d)
{
	_cleanup_(nft_raw_release) struct nft_raw r = { 0 };
	int err = s->rule->original ? nft_raw_parse(s->rule->original, &r) :
				      -EBADMSG;

	if (!err)
		err = nft_original_send(&r, s, s->rule->handle, first, b);
	return err == -EBADMSG ? not_on_record(s, d) : err;
}
