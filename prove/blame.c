/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "prove/blame.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/backend.h"
#include "core/mem.h"
#include "engine/live_rules.h"

#define RULE_SHOWN 200

int blame_open(struct blame *b, struct diags *d)
{
	int err;

	*b = (struct blame){ .f = calloc(1, sizeof(*b->f)) };
	if (!b->f)
		return -ENOMEM;
	b->f->wants_terms = true;
	err = live_rules_read_but(NULL, b->f, d);
	if (err)
		return err;
	b->packets = calloc(b->f->n_rules + b->f->n_chains + 1,
			    sizeof(*b->packets));
	return b->packets ? rule_order_make(b->f, &b->order) : -ENOMEM;
}

void blame_release(struct blame *b)
{
	foreign_free(&b->f);
	free(b->packets);
	rule_order_release(&b->order);
	*b = (struct blame){ 0 };
}

static uint32_t find_chain(const struct foreign *f, enum foreign_world world,
			   uint8_t family, const char *table,
			   const char *chain)
{
	for (uint32_t i = 0; i < f->n_tables; i++) {
		const struct foreign_table *t = &f->tables[i];

		if (t->world == world && t->family == family &&
		    !strcmp(t->name, table))
			return foreign_find_chain(f, i, chain);
	}
	return FOREIGN_NOWHERE;
}

static uint32_t find_rule(const struct blame *b, uint32_t chain,
			  uint32_t position)
{
	const struct rule_order *o = &b->order;
	uint32_t begin = o->first[chain], n = o->first[chain + 1] - begin;

	return position && position <= n ? o->rules[begin + position - 1] :
					   FOREIGN_NOWHERE;
}

static void say(const struct foreign *f, uint32_t chain, uint32_t rule,
		uint32_t position, struct strbuf *ret)
{
	const struct host_chain *c = &f->chains[chain];
	const struct foreign_table *t = &f->tables[c->table];

	strbuf_clear(ret);
	strbuf_printf(ret, "chain %s of table %s %s, ", c->name,
		      foreign_family_name(t->family), t->name);
	if (rule == FOREIGN_NOWHERE) {
		strbuf_puts(ret, "by its policy");
		return;
	}
	strbuf_printf(ret, "rule %u: ", position);
	foreign_text_line(&f->rules[rule].raw, RULE_SHOWN, ret);
}

struct counting {
	struct blame *b;
	const char *path;		/* the hooks that the packet meets */
	struct strbuf *ret;		/* NULL: numbers are noted */
};

/* Other packets go by other hooks meanwhile. */
static const char *path_of(const struct call *t, bool reply)
{
	switch (t->way) {
	case WAY_IN:
	case WAY_OUT:
		return reply == (t->way == WAY_OUT) ? "prerouting input" :
						      "output postrouting";
	case WAY_THROUGH:
		return "prerouting forward postrouting";
	case WAY_WITHIN:
	case WAY_MAX_:
		break;
	}
	return "output postrouting prerouting input";
}

static bool is_met(const struct host_chain *c, const char *path)
{
	return !c->hook || strstr(path, c->hook);
}

static bool drops(const struct foreign *f, uint32_t chain, uint32_t rule)
{
	if (rule == FOREIGN_NOWHERE)
		return foreign_drops_rest(&f->chains[chain]);
	return foreign_drops(f->rules[rule].verdict);
}

/* rules_count_fn */
static int take_count(const struct rule_count *n, void *arg)
{
	const struct counting *x = arg;
	const struct foreign *f = x->b->f;
	uint32_t chain = find_chain(f, WORLD_LEGACY, n->family, n->table,
				    n->chain);
	uint32_t rule = FOREIGN_NOWHERE;
	uint64_t *at;

	if (chain == FOREIGN_NOWHERE)
		return 0;
	if (n->position)
		rule = find_rule(x->b, chain, n->position);
	if (n->position && rule == FOREIGN_NOWHERE)
		return 0;
	at = &x->b->packets[n->position ? rule : f->n_rules + chain];
	if (x->ret && n->packets > *at && drops(f, chain, rule) &&
	    is_met(&f->chains[chain], x->path))
		say(f, chain, rule, n->position, x->ret);
	*at = n->packets;
	return 0;
}

static int count(struct blame *b, const char *path, struct strbuf *ret,
		 struct diags *d)
{
	struct counting x = { b, path, ret };
	int err = 0;

	for (size_t i = 0; !err && backends[i]; i++) {
		struct backend_ctx *ctx = NULL;

		if (!backends[i]->copier || !backends[i]->copier->count)
			continue;
		err = backends[i]->open(&ctx, d);
		if (!err)
			err = backends[i]->copier->count(ctx, take_count, &x,
							 d);
		if (ctx)
			backends[i]->close(&ctx);
	}
	return err;
}

int blame_note(struct blame *b, struct diags *d)
{
	return count(b, NULL, NULL, d);
}

static int find_place(const struct seen_rule *r, uint32_t *ret,
		      struct diags *d)
{
	struct rule_handle h = { r->family, r->table, r->chain, r->handle };
	int err = -ENOENT;

	for (size_t i = 0; err == -ENOENT && backends[i]; i++) {
		struct backend_ctx *ctx = NULL;

		if (!backends[i]->copier || !backends[i]->copier->place)
			continue;
		err = backends[i]->open(&ctx, d);
		if (!err)
			err = backends[i]->copier->place(ctx, &h, ret);
		if (ctx)
			backends[i]->close(&ctx);
	}
	return err;
}

static int find_traced(struct blame *b, const struct seen_rule *r,
		       struct strbuf *ret, struct diags *d)
{
	uint32_t chain = find_chain(b->f, WORLD_NFT, r->family, r->table,
				    r->chain);
	uint32_t position = 0, rule = FOREIGN_NOWHERE;
	int err = r->handle ? find_place(r, &position, d) : 0;

	if (err || chain == FOREIGN_NOWHERE)
		return err == -ENOENT ? 0 : err;
	if (position)
		rule = find_rule(b, chain, position);
	if (!position || rule != FOREIGN_NOWHERE)
		say(b->f, chain, rule, position, ret);
	return 0;
}

int blame_find(struct blame *b, const struct call *t, bool reply,
	       const struct seen_leg *l, struct strbuf *ret, struct diags *d)
{
	return l->dropped_by_nft ? find_traced(b, &l->by, ret, d) :
				   count(b, path_of(t, reply), ret, d);
}
