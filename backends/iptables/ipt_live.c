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
#include "backends/xtables/xt.h"
#include "core/mem.h"
#include "core/strbuf.h"

struct live {
	struct foreign *f;
	struct diags *d;
	struct ipt_live_sets *sets;
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

static int read_rule(struct live *l, const struct ipt_legacy *t,
		     const char *chain, uint32_t number, const void *entry)
{
	_cleanup_(ipt_args_release) struct ipt_args a = { 0 };
	struct xt_set_source sets = { ipt_live_set_fill, l->sets };
	struct ipt_foreign_place at = { .family = t->family, .chain = number };
	int err = xt_print_any(t->family, entry, ipt_legacy_target(t, entry),
			       &a);

	if (err)
		return err;
	err = keep_text(l->f, chain, &a, &at.raw);
	return err ? err : ipt_foreign_add(l->f, &at, &a, 0, &sets);
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
	struct live l = { f, d, sets };
	int err = sets ? 0 : -ENOMEM;

	for (size_t k = 0; !err && k < ARRAY_SIZE(ipt_families); k++) {
		struct ipt_names names;

		err = ipt_legacy_names(ipt_families[k], &names, d);
		for (size_t i = 0; !err && i < names.n; i++)
			err = read_table(&l, ipt_families[k], names.v[i]);
	}
	return err;
}
