/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/iptables/ipt_load.c: the tables of a saved ruleset, as
 * iptables-restore would make them in a namespace without rules.
 *
 * Shape:  a rule's text is the line of the file: counters, -4 or -6, the
 *         command and its chain, and then what xt_build() takes.
 */
#include "backends/iptables/ipt_copy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libiptc/libip6tc.h>
#include <libiptc/libiptc.h>

#include "backends/iptables/ipt_kernel.h"
#include "backends/xtables/xt.h"
#include "core/mem.h"

struct loading {
	const char *file;
	const struct foreign *f;
	struct ipt_legacy t;
	struct diags *d;
};

static int set_policy(const struct loading *l, const struct host_chain *c)
{
	xt_chainlabel chain = "", policy = "";
	int ok;

	snprintf(chain, sizeof(chain), "%s", c->name);
	snprintf(policy, sizeof(policy), "%s",
		 foreign_drops_rest(c) ? "DROP" : "ACCEPT");
	ok = l->t.family == NFPROTO_IPV4 ?
		     iptc_set_policy(chain, policy, NULL, l->t.h) :
		     ip6tc_set_policy(chain, policy, NULL, l->t.h);
	return ok ? 0 : -errno;
}

static int add_chain(struct loading *l, const struct host_chain *c)
{
	if (ipt_legacy_policy(&l->t, c->name))
		return set_policy(l, c);
	return ipt_legacy_create_chain(&l->t, c->name, l->d);
}

/* The words behind "-A CHAIN", or "-I CHAIN 3". */
static size_t find_words(const struct ipt_args *a)
{
	size_t i = 0;

	while (i < a->n && strcmp(a->v[i], "-A") && strcmp(a->v[i], "-I") &&
	       strcmp(a->v[i], "--append") && strcmp(a->v[i], "--insert"))
		i++;
	i += 2;
	if (i < a->n && !a->v[i][strspn(a->v[i], "0123456789")])
		i++;
	return i < a->n ? i : a->n;
}

static int add_rule(struct loading *l, const char *chain,
		    const struct foreign_rule *r)
{
	_cleanup_(ipt_args_release) struct ipt_args all = { 0 }, words = { 0 };
	const struct srcpos at = { .file = l->file, .line = r->line };
	_cleanup_free_ void *entry = NULL;
	int err = ipt_args_split(r->raw.s, r->raw.n, &all);

	for (size_t i = find_words(&all); !err && i < all.n; i++)
		err = ipt_args_add(&words, all.v[i]);
	if (!err)
		err = xt_build(l->t.family, &words, NULL, at, &entry, l->d);
	return err ? err : ipt_legacy_insert(&l->t, chain, SIZE_MAX, entry,
					     l->d);
}

static int add_rules(struct loading *l, const struct host_chain *c)
{
	int err = 0;

	for (uint32_t i = c->first; !err && i != UINT32_MAX;
	     i = l->f->rules[i].next)
		if (!foreign_is_gone(&l->f->rules[i]))
			err = add_rule(l, c->name, &l->f->rules[i]);
	return err;
}

/* All chains are there before a rule jumps to one. */
static int load_table(struct loading *l, uint32_t table)
{
	const struct foreign_table *t = &l->f->tables[table];
	int err = ipt_legacy_open(t->family, t->name, &l->t, l->d);

	for (size_t i = 0; !err && i < l->f->n_chains; i++)
		if (l->f->chains[i].table == table)
			err = add_chain(l, &l->f->chains[i]);
	for (size_t i = 0; !err && i < l->f->n_chains; i++)
		if (l->f->chains[i].table == table)
			err = add_rules(l, &l->f->chains[i]);
	if (!err)
		err = ipt_legacy_commit(&l->t, NOPOS, l->d);
	ipt_legacy_close(&l->t);
	return err;
}

int ipt_load(struct backend_ctx *ctx, const char *file,
	     const struct foreign *f, struct diags *d)
{
	struct loading l = { .file = file, .f = f, .d = d };
	int err = xt_init(d);

	(void)ctx;
	for (uint32_t i = 0; !err && i < f->n_tables; i++)
		err = load_table(&l, i);
	return err;
}
