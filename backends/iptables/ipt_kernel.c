/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/iptables/ipt_kernel.c: kernel to image. Reading makes no table: a
 * table that is not in /proc yet has no rules of anybody's.
 */
#include "backends/iptables/ipt_kernel.h"

#include <errno.h>
#include <string.h>

#include "backends/iptables/ipt_original.h"
#include "backends/xtables/ipt_rule_args.h"
#include "backends/iptables/ipt_survey.h"
#include "backends/iptables/ipt_timers.h"
#include "backends/xtables/xt.h"
#include "core/intern.h"
#include "core/mem.h"
#include "host/nft_probe.h"

const uint8_t ipt_families[2] = { NFPROTO_IPV4, NFPROTO_IPV6 };

int ipt_open(struct backend_ctx **ret, struct diags *d)
{
	struct backend_ctx *ctx;
	int err = xt_init(d);

	if (err)
		return err;
	ctx = calloc(1, sizeof(*ctx));
	if (!ctx)
		return -ENOMEM;
	*ret = ctx;
	return 0;
}

void ipt_close(struct backend_ctx **ctx)
{
	if (!*ctx)
		return;
	ipset_close(&(*ctx)->sets);
	free(*ctx);
	*ctx = NULL;
}

void ipt_know(struct backend_ctx *ctx, const struct originals *o)
{
	ctx->originals = o;
}

void ipt_expect(struct backend_ctx *ctx, const struct expectation *e)
{
	ctx->expected = e;
}

struct reader {
	struct image *img;
	struct survey *survey;
	struct diags *d;
	uint64_t digest;
};

static int read_rule(struct reader *r, const struct ipt_legacy *t,
		     struct image_chain *c, const void *entry, size_t at)
{
	_cleanup_(ipt_args_release) struct ipt_args a = { 0 };
	const struct image_table *sets =
		image_find_table(r->img, NFPROTO_UNSPEC, IPT_SET_TABLE);
	const char *target = ipt_legacy_target(t, entry);
	struct image_rule *rule = image_add_rule(c);
	int err;

	if (!rule)
		return -ENOMEM;
	if (own_names_echo(c->name) || own_names_led_to(target)) {
		err = xt_print_any(t->family, entry, target, &a);
		if (!err)
			err = ipt_args_words(&a, rule);
	} else {
		err = xt_print(t->family, entry, target, &a, r->d);
		if (!err)
			err = ipt_args_decode(&a, t->family, sets,
					      ipt_chain_is_ours, r->img, rule);
	}
	if (err)
		return err;
	rule->handle = at + 1;
	rule->counted = true;
	ipt_legacy_counters(t, entry, &rule->packets, &rule->bytes);
	rule->place = c->foreign ? (uint32_t)at : 0;
	return 0;
}

static struct image_chain *chain_of(struct reader *r,
				    const struct ipt_legacy *t,
				    const char *name)
{
	struct image_table *it = image_find_table(r->img, t->family, t->name);
	bool ours = ipt_chain_is_ours(name);
	struct image_chain *c;

	if (!it)
		it = image_add_table(r->img, t->family, t->name);
	c = it ? image_find_chain(it, name) : NULL;
	if (c || !it)
		return c;
	c = image_add_chain(it, name, ours ? HOOK_MAX_ :
					     ipt_builtin_hook(name));
	if (c)
		c->foreign = !ours;
	return c;
}

static void note_raw(struct reader *r, const struct ipt_legacy *t,
		     const char *chain)
{
	enum hook hook = strcmp(t->name, "raw") ? HOOK_MAX_ :
						  ipt_builtin_hook(chain);

	if (hook != HOOK_MAX_)
		r->survey->raw_rules[t->family == NFPROTO_IPV6][hook]++;
}

static bool is_commented(const struct ipt_args *a)
{
	for (size_t i = 1; i < a->n; i++)
		if (!strcmp(a->v[i - 1], "--comment") &&
		    !strcmp(a->v[i], IPT_JUMP_COMMENT))
			return true;
	return false;
}

/* By its comment the rule is ours, by where it leads it is not. */
static int note_renamed(struct reader *r, const struct ipt_legacy *t,
			const char *chain, const void *entry)
{
	_cleanup_(ipt_args_release) struct ipt_args a = { 0 };
	const char *target = ipt_legacy_target(t, entry);
	struct renamed_jump j = { .family = t->family };
	int err;

	if (!ipt_legacy_has_chain(t, target) || ipt_builtin_hook(target) !=
						       HOOK_MAX_)
		return 0;
	err = xt_print_any(t->family, entry, target, &a);
	if (err || !is_commented(&a))
		return err;
	j.table = intern(t->name);
	j.chain = intern(chain);
	j.target = intern(target);
	/* -m comment --comment ctpolicy -j X */
	j.plain = a.n == 6 && !strcmp(a.v[4], "-j");
	return j.table && j.chain && j.target ?
		       survey_add_renamed(r->survey, r->img, &j) : -ENOMEM;
}

/* Ours whole; of the others only jumps to us, the rest shows in the survey. */
static int read_chain(struct reader *r, const struct ipt_legacy *t,
		      const char *name)
{
	bool matters = ipt_table_matters(t->name);
	bool ours = matters && ipt_chain_is_ours(name);
	const char *policy = ipt_legacy_policy(t, name);
	size_t at = 0;
	int err = 0;

	if (policy && strcmp(policy, "ACCEPT"))
		r->survey->in_use = true;
	if (ours && !chain_of(r, t, name))
		return -ENOMEM;
	for (const void *e = ipt_legacy_first_rule(t, name); e && !err;
	     e = ipt_legacy_next_rule(t, e), at++) {
		struct image_chain *c;

		if (!ours && (!matters ||
			      !ipt_chain_is_ours(ipt_legacy_target(t, e)))) {
			r->survey->in_use = true;
			note_raw(r, t, name);
			err = matters ? note_renamed(r, t, name, e) : 0;
			continue;
		}
		c = chain_of(r, t, name);
		err = c ? read_rule(r, t, c, e, at) : -ENOMEM;
	}
	return err;
}

static int read_table(struct reader *r, uint8_t family, const char *name)
{
	struct ipt_legacy t = { 0 };
	int err = ipt_legacy_open(family, name, &t, r->d);

	if (err)
		return err;
	r->digest = ipt_legacy_digest(&t, r->digest);
	for (const char *c = ipt_legacy_first_chain(&t); c && !err && r->img;
	     c = ipt_legacy_next_chain(&t))
		err = read_chain(r, &t, c);
	if (!err && r->img)
		err = ipt_survey_table(&t, r->survey);
	ipt_legacy_close(&t);
	return err;
}

static int read_tables(struct reader *r)
{
	int err = 0;

	for (size_t f = 0; !err && f < ARRAY_SIZE(ipt_families); f++) {
		struct ipt_names names;

		err = ipt_legacy_names(ipt_families[f], &names, r->d);
		if (!err && r->survey)
			r->survey->unseen |= names.assumed;
		for (size_t i = 0; !err && i < names.n; i++)
			err = read_table(r, ipt_families[f], names.v[i]);
	}
	return err;
}

int ipt_read_stamp(struct stamp *ret, struct diags *d)
{
	struct reader r = { .d = d };
	int err = read_tables(&r);

	if (!err)
		ret->generation = r.digest;
	return err;
}

/* A new session: what the old one remembers of sets may be past. */
static int read_sets(struct backend_ctx *ctx, struct reader *r)
{
	struct image_table *t =
		image_add_table(r->img, NFPROTO_UNSPEC, IPT_SET_TABLE);
	int err;

	ipset_close(&ctx->sets);
	err = t ? ipset_open(&ctx->sets, r->d) : -ENOMEM;
	if (!err)
		err = ipset_list_ours(ctx->sets, r->img, t, ctx->expected,
				      r->d);
	return err ? err : ipt_timers_list(t, r->d);
}

int ipt_glance(struct backend_ctx *ctx, uint64_t *ret, struct diags *d)
{
	struct stamp tables = { 0 };
	int err = ipt_read_stamp(&tables, d);

	/* Without tables nobody looks into sets. */
	if (err || !tables.generation) {
		*ret = 0;
		return err;
	}
	*ret = tables.generation;
	ipset_close(&ctx->sets);
	err = ipset_open(&ctx->sets, d);
	return err ? err : ipset_glance(ctx->sets, ret, d);
}

struct looking {
	struct ipt_legacy t;
	struct diags *d;
};

/* originals_lacks_fn; what is no rule is said when it is to be put back */
static int lacks(void *arg, const struct image_table *t, const char *in,
		 const char *original, const char **ret)
{
	_cleanup_(ipt_original_release) struct ipt_original o = { 0 };
	struct looking *l = arg;
	const char *chain;
	int err = ipt_original_read(t->family, original, &o);

	(void)in;
	if (err)
		return err == -EBADMSG ? 0 : err;
	if (l->t.h && (l->t.family != t->family ||
		       strcmp(l->t.name, t->name) != 0))
		ipt_legacy_close(&l->t);
	if (!l->t.h)
		err = ipt_legacy_open(t->family, t->name, &l->t, l->d);
	if (err)
		return err;
	chain = ipt_original_lacks(&o, &l->t);
	*ret = chain ? intern_printf("chain %s is not there any more", chain) :
		       NULL;
	return chain && !*ret ? -ENOMEM : 0;
}

/* What others change meanwhile is not of the snapshot's stamp. */
static int find_originals(const struct backend_ctx *ctx, struct image *img,
			  struct diags *d)
{
	struct looking l = { .d = d };
	int err = 0;

	if (ctx->originals) {
		originals_attach(ctx->originals, img);
		err = originals_note_lacks(img, lacks, &l);
	}
	if (l.t.h)
		ipt_legacy_close(&l.t);
	return err;
}

int ipt_snapshot(struct backend_ctx *ctx, struct snapshot *ret, struct diags *d)
{
	_cleanup_(snapshot_release) struct snapshot s = {
		.image = image_new(),
	};
	struct reader r = { .img = s.image, .survey = &s.survey, .d = d };
	int err;

	if (!s.image)
		return -ENOMEM;
	err = read_sets(ctx, &r);
	if (!err)
		err = read_tables(&r);
	if (!err)
		err = image_normalize(s.image);
	if (!err)
		err = nft_probe_iptables(&s.survey.iptables_nft);
	if (!err)
		err = find_originals(ctx, s.image, d);
	if (err)
		return err;
	s.survey.ours = !image_is_empty(s.image);
	s.stamp.generation = r.digest;
	*ret = s;
	s = (struct snapshot){ 0 };
	return 0;
}
