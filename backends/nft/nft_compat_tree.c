/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_compat_tree.c: many ports in a table of iptables-nft.
 *
 * No set may stand in such a table (backends/nft/nft_compat.h), and a rule
 * holds 15 ports. So a packet is led to those near its own: each chain has
 * a rule for each sixteenth of its ports, down to what one rule holds. Which
 * ports are near does not depend on what others there are: a port more changes
 * one chain.
 *
 * Every rule that accepts says all that it asks for. Chains of different
 * groups that had one name would hold more rules, and let in no more.
 */
#include <linux/netfilter/x_tables.h>
#include <string.h>

#include "backends/nft/nft_compat.h"
#include "backends/nft/nft_lower.h"
#include "backends/xtables/ipt_rows.h"
#include "backends/xtables/ipt_rule_args.h"
#include "core/digest.h"
#include "core/intern.h"
#include "core/mem.h"

#define FEW 16		/* rules of one shape in a row */
#define STEP 4		/* bits of a port, from one chain to the next */

/* What a jump of iptables can lead to, less "_459e_01". */
#define STEM_MAX (XT_EXTENSION_MAXNAMELEN - 1 - 8)

/* Ports from `first` on, 1 << bits of them. */
struct block {
	uint16_t first;
	unsigned int bits;
};

struct tree {
	struct image_table *table;
	const char *own;		/* the chain at its root */
	const char *stem;		/* names of those below begin so */
	unsigned int shape;
	bool source;
	const struct ipt_rows *to;
	const struct rule *rule;
};

/* Those that lie in the block; *ret_slots: of a multiport list. */
static int cut(const struct port_set *s, struct block b, struct port_set *ret,
	       size_t *ret_slots)
{
	uint32_t last = b.first + (1u << b.bits) - 1;
	int err = 0;

	*ret_slots = 0;
	for (size_t i = 0; !err && i < s->n; i++) {
		struct port_range r = s->v[i];

		if (r.last < b.first || r.first > last)
			continue;
		if (r.first < b.first)
			r.first = b.first;
		if (r.last > last)
			r.last = (uint16_t)last;
		*ret_slots += r.first == r.last ? 1 : 2;
		err = port_set_add(ret, r);
	}
	return err;
}

/* A rule for these ports, to the end of the chain. */
static int emit(const struct tree *x, const char *chain,
		const struct ipt_rows *as, const struct port_set *ports)
{
	struct ipt_rows rows = *as;
	struct rule r = *x->rule;	/* borrows */

	if (x->source)
		r.match.sport = *ports;
	else
		r.match.dport = *ports;
	rows.chain = image_find_chain(x->table, chain);
	return ipt_rows_emit(&rows, &r);
}

/* To the chain of the block: what else is asked for, its rules ask. */
static int lead(const struct tree *x, const char *chain, struct block b,
		const char *to)
{
	struct ipt_rows rows = *x->to;
	struct match model = *x->to->model;	/* borrows */
	_cleanup_(port_set_release) struct port_set all = { 0 };
	struct port_range r = {
		b.first, (uint16_t)(b.first + (1u << b.bits) - 1),
	};
	int err = port_set_add(&all, r);

	model.dst = DST_ANY;
	model.src_local = model.not_syn = false;
	model.ct = CT_ANY;
	model.socket = SOCKET_ANY;
	rows.model = &model;
	rows.verdict = VERDICT_JUMP;
	rows.timers = to;
	return err ? err : emit(x, chain, &rows, &all);
}

/* "ctpolicy-input_459e_01": a digit for each step below the root. */
static const char *name_of(const struct tree *x, struct block b)
{
	return intern_printf("%s_%04x_%0*x", x->stem, x->shape,
			     (int)(16 - b.bits) / STEP, b.first >> b.bits);
}

/* Of a root whose name is too long, a digest stands for it. */
static const char *stem_of(const char *own)
{
	size_t n = strlen(own);

	return n <= STEM_MAX ? own :
	       intern_printf(NFT_OWN_PREFIX "%08x",
			     digest_fold(digest_add(DIGEST_START, own, n)));
}

static int put_block(const struct tree *x, const char *chain, struct block b,
		     const struct port_set *of);

static int put_below(const struct tree *x, const char *chain, struct block b,
		     const struct port_set *of)
{
	const struct block part = { b.first, b.bits - STEP };
	int err = 0;

	for (unsigned int i = 0; !err && i < 1u << STEP; i++) {
		struct block one = part;

		one.first = (uint16_t)(b.first + (i << part.bits));
		err = put_block(x, chain, one, of);
	}
	return err;
}

static int put_block(const struct tree *x, const char *chain, struct block b,
		     const struct port_set *of)
{
	_cleanup_(port_set_release) struct port_set ports = { 0 };
	const char *name;
	size_t slots;
	int err = cut(of, b, &ports, &slots);

	if (err || !ports.n)
		return err;
	if (slots <= IPT_PORTS_MAX || b.bits <= STEP)
		return emit(x, chain, x->to, &ports);
	name = name_of(x, b);
	if (!name || (!image_find_chain(x->table, name) &&
		      !image_add_chain(x->table, name, HOOK_MAX_)))
		return -ENOMEM;
	err = lead(x, chain, b, name);
	return err ? err : put_below(x, name, b, &ports);
}

int nft_compat_put_tree(const struct fuse_group *g,
			const struct compat_root *root,
			const struct ipt_rows *to, const struct rule *r)
{
	const struct block all = { 0, 16 };
	struct tree x = {
		.table = root->table, .own = root->own,
		.stem = stem_of(root->own), .to = to, .rule = r,
		.source = g->part[0] == KEY_SPORT,
	};
	_cleanup_(strbuf_release) struct strbuf shape = { 0 };

	nft_name_shape(g, &shape);
	if (strbuf_status(&shape) || !x.stem)
		return -ENOMEM;
	x.shape = (unsigned int)digest_add(DIGEST_START, strbuf_str(&shape),
					   shape.n) & 0xffff;
	return put_below(&x, x.own, all,
			 x.source ? &r->match.sport : &r->match.dport);
}

bool nft_compat_is_long(const struct fuse_group *g)
{
	uint64_t rows = 0;

	if (g->n_parts != 1 || g->model.counts || g->model.then ||
	    (g->part[0] != KEY_SPORT && g->part[0] != KEY_DPORT))
		return false;
	for (size_t i = 0; i < g->n_members && rows <= FEW; i++)
		rows += ipt_rows_count(g->members[i]);
	return rows > FEW;
}

int nft_compat_join(const struct fuse_group *g, struct rule *ret)
{
	static const struct origin nobody;
	bool source = g->part[0] == KEY_SPORT;
	struct rule r = *g->members[0];
	struct port_set *to = source ? &r.match.sport : &r.match.dport;
	int err;

	r.match = (struct match){ 0 };
	if (g->n_members > 1)
		r.origin = &nobody;
	err = match_copy(&g->members[0]->match, &r.match);
	for (size_t i = 1; !err && i < g->n_members; i++) {
		const struct match *m = &g->members[i]->match;
		const struct port_set *s = source ? &m->sport : &m->dport;

		for (size_t k = 0; !err && k < s->n; k++)
			err = port_set_add(to, s->v[k]);
	}
	if (err) {
		match_release(&r.match);
		return err;
	}
	port_set_normalize(to);
	*ret = r;
	return 0;
}
