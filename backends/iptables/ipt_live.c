/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/iptables/ipt_live.c: the rules of legacy tables as the model has
 * them. Only tables that are there already are read: looking into another one
 * would make it.
 */
#include "backends/iptables/ipt_live.h"

#include <errno.h>
#include <string.h>

#include "backends/iptables/ipt_foreign.h"
#include "backends/iptables/ipt_kernel.h"
#include "backends/iptables/ipt_original.h"
#include "backends/xtables/xt.h"
#include "core/mem.h"
#include "core/strbuf.h"

struct live {
	struct foreign *f;
	struct diags *d;
	struct ipt_live_sets *sets;
	const struct originals *originals;	/* NULL: none */
};

/* What `iptables -A` would be told. */
static int keep_text(struct foreign *f, const char *chain,
		     const struct ipt_args *a, struct foreign_text *ret)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };

	strbuf_printf(&b, "-A %s%s", chain, a->n ? " " : "");
	ipt_args_print(a, &b);
	if (strbuf_status(&b))
		return -ENOMEM;
	ret->s = foreign_keep(f, b.s, b.n);
	ret->n = b.n;
	return ret->s ? 0 : -ENOMEM;
}

static int add_rule(struct live *l, const struct ipt_legacy *t,
		    const char *chain, uint32_t number, const void *entry,
		    const char *target)
{
	_cleanup_(ipt_args_release) struct ipt_args a = { 0 };
	struct xt_set_source sets = { ipt_live_set_fill, l->sets };
	struct ipt_foreign_place at = { .family = t->family, .chain = number };
	int err = xt_print_any(t->family, entry, target, &a);

	if (err)
		return err;
	err = keep_text(l->f, chain, &a, &at.raw);
	return err ? err : ipt_foreign_add(l->f, &at, &a, 0, &sets);
}

/* Rules that others may have to stand in for; some count, in a chain's copy. */
static bool may_be_replaced(const struct foreign *f,
			    const struct foreign_rule *r)
{
	return r->features & FEATURE_BIT(STATE) ||
	       r->verdict == FOREIGN_JUMP || r->verdict == FOREIGN_GOTO ||
	       (!f->chains[r->chain].hook &&
		foreign_has_term(f, r, TERM_OPAQUE));
}

static int note_original(struct live *l, const char *text)
{
	struct foreign_rule *r = &l->f->rules[l->f->n_rules - 1];

	r->original = text;
	return text ? 0 : -ENOMEM;
}

/* *ret: the entry is a jump to what stands in for a rule, which was added. */
static int read_original(struct live *l, const struct ipt_legacy *t,
			 const char *chain, uint32_t number, const char *target,
			 bool *ret)
{
	_cleanup_(ipt_original_release) struct ipt_original o = { 0 };
	const char *text = NULL;
	int err;

	if (l->originals && own_names_stand_in(target))
		text = originals_find(l->originals, t->family, t->name, target);
	if (!text || ipt_chain_is_ours(chain))
		return 0;
	err = ipt_original_read(t->family, text, &o);
	if (err)
		return err == -ENOMEM ? err : 0;
	/* it does not come back */
	if (ipt_original_lacks(&o, t))
		return 0;
	*ret = true;
	err = add_rule(l, t, chain, number, o.entry, o.target);
	return err ? err : note_original(l, text);
}

static int read_rule(struct live *l, const struct ipt_legacy *t,
		     const char *chain, uint32_t number, const void *entry)
{
	const char *target = ipt_legacy_target(t, entry);
	bool is_original = false;
	int err = read_original(l, t, chain, number, target, &is_original);

	if (err || is_original)
		return err;
	err = add_rule(l, t, chain, number, entry, target);
	if (err || !l->f->wants_originals ||
	    !may_be_replaced(l->f, &l->f->rules[l->f->n_rules - 1]))
		return err;
	return note_original(l, ipt_original_write(t, entry));
}

static int read_chain(struct live *l, const struct ipt_legacy *t,
		      uint32_t table, const char *name)
{
	const char *policy = ipt_legacy_policy(t, name);
	uint32_t chain;
	int err = foreign_chain(l->f, table, name, 0, &chain);

	if (err)
		return err;
	if (policy) {
		xt_terms_chain(t->name, &l->f->chains[chain]);
		ipt_foreign_policy(&l->f->chains[chain], policy);
	}
	for (const void *e = ipt_legacy_first_rule(t, name); e && !err;
	     e = ipt_legacy_next_rule(t, e))
		err = read_rule(l, t, name, chain, e);
	return err;
}

static int read_table(struct live *l, uint8_t family, const char *name)
{
	struct ipt_legacy t = { 0 };
	uint32_t table;
	int err = ipt_legacy_open(family, name, &t, l->d);

	if (err)
		return err;
	err = foreign_table_of(l->f, WORLD_LEGACY, family, name, 0, &table);
	if (!err)
		l->f->tables[table].ranked = true;
	for (const char *c = ipt_legacy_first_chain(&t); c && !err;
	     c = ipt_legacy_next_chain(&t))
		err = read_chain(l, &t, table, c);
	ipt_legacy_close(&t);
	return err;
}

int ipt_read_live(struct backend_ctx *ctx, struct foreign *f, struct diags *d)
{
	_cleanup_(ipt_live_sets_free) struct ipt_live_sets *sets =
		ipt_live_sets_new(ctx);
	struct live l = { f, d, sets, ctx->originals };
	int err = sets ? 0 : -ENOMEM;

	for (size_t k = 0; !err && k < ARRAY_SIZE(ipt_families); k++) {
		struct ipt_names names;

		err = ipt_legacy_names(ipt_families[k], &names, d);
		for (size_t i = 0; !err && i < names.n; i++)
			err = read_table(&l, ipt_families[k], names.v[i]);
	}
	return err;
}
