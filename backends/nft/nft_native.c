/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/nft/nft_native.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/lower/edits.h"
#include "backends/nft/nft_original.h"
#include "core/digest.h"
#include "core/intern.h"
#include "core/mem.h"
#include "rules/walk.h"

static const struct origin nobody;

struct editing {
	struct foreign *f;
	struct stateless *s;
	struct image *img;
	struct diags *d;
};

bool nft_table_is_native(const struct foreign_table *t)
{
	return t->world == WORLD_NFT && !t->ranked &&
	       nft_family_matters(t->family);
}

static const struct foreign_table *table_of(const struct editing *x,
					    uint32_t chain)
{
	return &x->f->tables[x->f->chains[chain].table];
}

static int refuse(struct editing *x, uint32_t chain,
		  const struct foreign_rule *r, const char *why)
{
	return lower_refuse_edit(x->f, chain, r, why, x->d);
}

/* Whatever else that rule says than its words do; 0: it has no form. */
static uint64_t digest_of(const struct foreign_rule *r)
{
	uint64_t h = 0;

	return r->original && !nft_original_digest(r->original, &h) ? h : 0;
}

static bool is_same(const struct foreign_rule *a, const struct foreign_rule *b)
{
	return digest_of(a) == digest_of(b);
}

static uint32_t number(const struct foreign *f, uint32_t chain, uint64_t h,
		       uint32_t nth)
{
	const char *name = f->chains[chain].name;

	h = digest_add(h, name, strlen(name) + 1);
	return digest_fold(digest_add(h, &nth, sizeof(nth)));
}

/* As often as there are rules of the same kind ahead of it, others. */
static uint32_t number_of(const struct foreign *f, const struct foreign_rule *r,
			  uint32_t nth)
{
	return number(f, r->chain, digest_of(r), nth);
}

bool nft_native_stands_for(const char *stand_in, const struct foreign *f,
			   const struct foreign_rule *r)
{
	return r->original && lower_stands_for(stand_in, f, r, number_of);
}

static const char *name_of(uint8_t hook, char kind, uint32_t number)
{
	return intern_printf("%s%s.%c%08x", NFT_OWN_PREFIX,
			     walk_hook_name(hook), kind, number);
}

static int name_chain(void *arg, uint32_t chain, uint8_t hook,
		      const struct foreign_rule *r, uint32_t nth,
		      const char **ret)
{
	const struct editing *x = arg;

	if (!nft_table_is_native(table_of(x, chain)))
		return 0;
	*ret = name_of(hook, 'c', r ? number_of(x->f, r, nth) :
				      number(x->f, chain, 0, nth));
	return *ret ? 0 : -ENOMEM;
}

static struct image_table *image_table_of(struct editing *x, uint32_t chain)
{
	const struct foreign_table *t = table_of(x, chain);
	struct image_table *it = image_find_table(x->img, t->family, t->name);

	return it ? it : image_add_table(x->img, t->family, t->name);
}

/* In the table of a chain, the host's or one of ctpolicy's; NULL: no memory. */
static struct image_chain *chain_in(struct editing *x, uint32_t chain,
				    const char *name)
{
	struct image_table *t = image_table_of(x, chain);
	struct image_chain *c = t ? image_find_chain(t, name) : NULL;

	return t && !c ? image_add_chain(t, name, HOOK_MAX_) : c;
}

static struct image_chain *host_chain(struct editing *x, uint32_t chain)
{
	struct image_chain *c = chain_in(x, chain, x->f->chains[chain].name);

	if (c)
		c->foreign = true;
	return c;
}

static int put_rules(struct editing *x, uint32_t chain, const char *name,
		     const struct nft_native_rules *l, size_t n)
{
	struct image_chain *c = chain_in(x, chain, name);
	int err = c ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < n; i++)
		err = nft_raw_add_rule(c, &l->v[i].raw);
	return err;
}

/* In the host's chain, behind so many of its rules that stay. */
static int put_jump(struct editing *x, const struct foreign_rule *of,
		    uint32_t behind, const char *name)
{
	struct image_chain *c = host_chain(x, of->chain);
	struct image_rule *r = c ? image_add_rule(c) : NULL;

	if (!r)
		return -ENOMEM;
	r->verdict = VERDICT_JUMP;
	r->origin = &nobody;
	r->match.family = nft_table_af(table_of(x, of->chain)->family);
	r->target = name;
	r->place = behind;
	r->original = of->original;
	r->comment = strdup(NFT_JUMP_COMMENT);
	return r->comment ? 0 : -ENOMEM;
}

/* A rule that itself leads to one of ctpolicy's chains, at the same place. */
static int put_in_place(struct editing *x, uint32_t chain, uint32_t behind,
			const struct nft_raw *raw)
{
	struct image_chain *c = host_chain(x, chain);
	int err = c ? nft_raw_add_rule(c, raw) : -ENOMEM;
	struct image_rule *r = err ? NULL : &c->rules[c->n_rules - 1];

	if (err)
		return err;
	r->place = behind;
	r->match.family = nft_table_af(table_of(x, chain)->family);
	return nft_raw_in_place(r);
}

static int put_ends(struct editing *x, const struct nft_native_job *j)
{
	uint32_t chain = x->f->rules[j->rule].chain;
	int err = 0;

	for (size_t i = 0; !err && i < j->ends->n; i++) {
		_cleanup_(nft_raw_release) struct nft_raw raw = { 0 };
		struct image_chain *c = chain_in(x, chain,
						 j->ends->v[i].name);

		err = nft_native_end(j, &j->ends->v[i], &raw);
		if (!err)
			err = c ? nft_raw_add_rule(c, &raw) : -ENOMEM;
	}
	return err;
}

/*
 * From the first rule on that leaves the chain, all stand in the chain itself;
 * those ahead of it, in the chain that the jump leads to.
 */
static int put_stand_in(struct editing *x, const struct nft_native_job *j,
			uint32_t behind, const struct nft_native_rules *l)
{
	const struct foreign_rule *r = &x->f->rules[j->rule];
	size_t n = 0;
	int err;

	while (n < l->n && !l->v[n].leaves)
		n++;
	err = put_rules(x, r->chain, r->stand_in, l, n);
	if (!err)
		err = put_jump(x, r, behind, r->stand_in);
	for (; !err && n < l->n; n++)
		err = put_in_place(x, r->chain, behind, &l->v[n].raw);
	return err || !j->ends ? err : put_ends(x, j);
}

/* Of its maps one that others may fill, and lead to a chain with a copy. */
static bool is_led_by_name(const struct editing *x,
			   const struct foreign_rule *r, uint8_t hook)
{
	for (uint32_t i = 0; i < r->n_terms; i++) {
		const struct term *t = &x->f->terms[r->terms + i];

		if (t->kind == TERM_VMAP && x->f->sets[t->set].name)
			return stateless_leads(x->s, x->f, r, hook);
	}
	return false;
}

/* Why the rule can't be another one in the hook. */
static const char *why_not(const struct editing *x,
			   const struct foreign_rule *r, uint8_t hook)
{
	const char *flags = table_of(x, r->chain)->flags;

	if (flags && strstr(flags, "owner"))
		return "only the program that owns the table may change it";
	if (!r->original)
		return "the kernel's own form of it is not known";
	if (is_led_by_name(x, r, hook))
		return "it looks for a chain in a map that has a name, and that chain needs a copy for each hook";
	return NULL;
}

static int add_plain(const struct nft_native_job *j,
		     struct nft_native_rules *ret)
{
	_cleanup_(nft_raw_release) struct nft_raw raw = { 0 };
	bool leaves = j->ends != NULL, led;
	int err = nft_native_plain(j, &raw, &led);

	if (!err && leaves)
		err = nft_native_mark(&raw);
	if (err)
		return err;
	if (mem_grow(&ret->v, &ret->cap, ret->n + 1))
		return -ENOMEM;
	ret->v[ret->n++] = (struct nft_native_rule){ raw, leaves };
	raw = (struct nft_raw){ 0 };
	return 0;
}

/* As the hook has it: replaced, or the rule itself. */
static int compose(struct editing *x, const struct nft_native_job *j,
		   struct nft_native_rules *ret)
{
	const struct foreign_rule *r = &x->f->rules[j->rule];
	const char *why = why_not(x, r, j->hook);
	bool replaced = false;
	int err;

	if (why)
		return refuse(x, r->chain, r, why);
	if (x->s->hooks[r->chain] == j->hook && !nft_native_may_split(x->f, r))
		return nft_native_refuse_map(x->f, r, x->d);
	err = nft_native_rule(j, ret, &replaced);
	if (!err && !replaced)
		err = add_plain(j, ret);
	return err == -EOPNOTSUPP || err == -EBADMSG ?
		       nft_native_refuse_odd(x->f, r, x->d) : err;
}

static int edit_rule(struct editing *x, uint32_t rule, uint32_t *behind)
{
	_cleanup_(nft_native_rules_release) struct nft_native_rules l = { 0 };
	_cleanup_(nft_native_ends_release) struct nft_native_ends ends = { 0 };
	struct foreign_rule *r = &x->f->rules[rule];
	uint8_t hook = x->s->hooks[r->chain];
	uint32_t nth = lower_alike_ahead(x->f, rule, is_same);
	struct nft_native_job j = {
		.f = x->f, .s = x->s, .rule = rule, .hook = hook,
		.ends = foreign_leaves_chain(x->f, r) ? &ends : NULL,
	};
	int err;

	ends.name = name_of(hook, 'g', number_of(x->f, r, nth));
	r->stand_in = name_of(hook, 'r', number_of(x->f, r, nth));
	err = ends.name && r->stand_in ? compose(x, &j, &l) : -ENOMEM;
	return err ? err : put_stand_in(x, &j, *behind, &l);
}

/* The chains that were made for the rule, in that hook. */
static int edit_chains(struct editing *x, uint32_t rule, uint8_t hook)
{
	const struct nft_native_job j = { .f = x->f, .s = x->s, .rule = rule,
					  .hook = hook };
	size_t n = stateless_chains(x->s, rule, hook);
	int err = 0;

	for (size_t i = 0; !err && i < n; i++) {
		_cleanup_(nft_native_rules_release)
			struct nft_native_rules l = { 0 };
		const char *name = NULL;

		err = nft_native_chain(&j, i, &name, &l);
		if (!err && name)
			err = put_rules(x, x->f->rules[rule].chain, name, &l,
					l.n);
	}
	return err;
}

/* A kernel lists rules in their order, chain by chain. */
static int edit_rules(struct editing *x)
{
	_cleanup_free_ uint32_t *behind = calloc(x->f->n_chains + 1,
						 sizeof(*behind));
	int err = behind ? 0 : -ENOMEM;

	for (uint32_t i = 0; !err && i < x->f->n_rules; i++) {
		const struct foreign_rule *r = &x->f->rules[i];
		uint8_t hook;

		if (foreign_is_gone(r) ||
		    !nft_table_is_native(table_of(x, r->chain)))
			continue;
		hook = x->s->hooks[r->chain];
		if (!stateless_find(x->s, i, hook) &&
		    !stateless_leads(x->s, x->f, r, hook)) {
			++behind[r->chain];
			continue;
		}
		err = edit_rule(x, i, &behind[r->chain]);
		if (!err)
			err = edit_chains(x, i, hook);
	}
	return err;
}

/* All of the chain's rules, as another hook has them. */
static int put_copy(struct editing *x, const struct stateless_copy *c)
{
	int err = chain_in(x, c->chain, c->name) ? 0 : -ENOMEM;

	lower_tell_copy(x->f, c, x->d);
	for (uint32_t i = 0; !err && i < x->f->n_rules; i++) {
		_cleanup_(nft_native_rules_release)
			struct nft_native_rules l = { 0 };
		const struct nft_native_job j = { .f = x->f, .s = x->s,
						  .rule = i, .hook = c->hook };
		const struct foreign_rule *r = &x->f->rules[i];

		if (r->chain != c->chain || foreign_is_gone(r))
			continue;
		err = compose(x, &j, &l);
		if (!err)
			err = put_rules(x, c->chain, c->name, &l, l.n);
		if (!err)
			err = edit_chains(x, i, c->hook);
	}
	return err;
}

static int put_copies(struct editing *x)
{
	int err = 0;

	for (size_t i = 0; !err && i < x->s->n_copies; i++)
		if (nft_table_is_native(table_of(x, x->s->copies[i].chain)))
			err = put_copy(x, &x->s->copies[i]);
	return err;
}

static int put_all(struct editing *x)
{
	int err = lower_name_chains(x->f, x->s, name_chain, x);

	if (!err)
		err = edit_rules(x);
	if (!err)
		err = put_copies(x);
	return err ? err : nft_native_memory(x->f, x->s, x->img);
}

static bool is_edited(const struct editing *x, const struct image_table *t)
{
	for (size_t i = 0; i < x->f->n_tables; i++) {
		const struct foreign_table *of = &x->f->tables[i];

		if (nft_table_is_native(of) && of->family == t->family &&
		    !strcmp(of->name, t->name))
			return true;
	}
	return false;
}

int nft_native_put(struct foreign *f, struct stateless *s, struct image *img,
		   struct diags *d)
{
	struct editing x = { .f = f, .s = s, .img = img, .d = d };
	int err = put_all(&x);

	for (size_t i = 0; !err && i < img->n_tables; i++) {
		struct image_table *t = &img->tables[i];

		for (size_t k = 0; is_edited(&x, t) && k < t->n_chains; k++)
			if (t->chains[k].foreign)
				image_settle_chain(&t->chains[k]);
	}
	return err ? err : image_normalize(img);
}

static int say_rules(const struct foreign_table *t,
		     const struct nft_native_rules *l, const char *end,
		     struct strbuf *out)
{
	int err = 0;

	for (size_t i = 0; !err && i < l->n; i++) {
		_cleanup_(strbuf_release) struct strbuf raw = { 0 };

		nft_raw_print(&l->v[i].raw, &raw);
		err = strbuf_status(&raw);
		if (!err)
			err = nft_raw_say(t->family, t->name, strbuf_str(&raw),
					  out);
		strbuf_puts(out, end);
	}
	return err;
}

/* Those of both families are printed with the first. */
static bool is_second(const struct stateless *s, const struct stateless_edit *e)
{
	size_t n;
	const struct stateless_edit *v = stateless_edits(s, e->rule, &n);

	for (size_t i = 0; i < n && &v[i] != e; i++)
		if (v[i].hook == e->hook && !v[i].left &&
		    v[i].kind != STATELESS_NONE)
			return true;
	return false;
}

int nft_native_print(const struct foreign *f, const struct stateless *s,
		     const struct stateless_edit *e, struct strbuf *out)
{
	_cleanup_(nft_native_rules_release) struct nft_native_rules l = { 0 };
	const struct foreign_table *t = &f->tables[f->chains[e->chain].table];
	const struct nft_native_job j = { .f = f, .s = s, .rule = e->rule,
					  .hook = e->hook };
	size_t n = stateless_chains(s, e->rule, e->hook);
	bool gone;
	int err;

	if (is_second(s, e))
		return 0;
	err = nft_native_rule(&j, &l, &gone);
	if (!err)
		err = say_rules(t, &l, "\n", out);
	for (size_t k = 0; !err && k < n; k++) {
		_cleanup_(nft_native_rules_release)
			struct nft_native_rules in = { 0 };
		const char *name = NULL;

		err = nft_native_chain(&j, k, &name, &in);
		if (err || !name)
			continue;
		strbuf_printf(out, "chain %s { ", name);
		err = say_rules(t, &in, "; ", out);
		strbuf_puts(out, "}\n");
	}
	return err ? err : strbuf_status(out);
}
