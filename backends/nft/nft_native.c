/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/nft/nft_native.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/lower/refuse.h"
#include "backends/nft/nft_original.h"
#include "core/digest.h"
#include "core/intern.h"
#include "core/mem.h"
#include "rules/walk.h"

#define TWINS_MAX 8		/* that anybody keeps of a rule */

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

/* As often as there are rules of the same kind ahead of it, others. */
static uint32_t number_of(const struct foreign *f, const struct foreign_rule *r,
			  uint32_t nth)
{
	const char *name = f->chains[r->chain].name;
	uint64_t h = digest_add(digest_of(r), name, strlen(name) + 1);

	return digest_fold(digest_add(h, &nth, sizeof(nth)));
}

bool nft_native_stands_for(const char *stand_in, const struct foreign *f,
			   const struct foreign_rule *r)
{
	const char *number = strstr(stand_in, ".r");
	char *end;
	unsigned long wanted = number ? strtoul(number + 2, &end, 16) : 0;

	if (!number || *end || end == number + 2 || !r->original)
		return false;
	for (uint32_t nth = 0; nth < TWINS_MAX; nth++)
		if (number_of(f, r, nth) == wanted)
			return true;
	return false;
}

static const char *name_of(const struct editing *x, uint8_t hook, char kind,
			   const struct foreign_rule *r, uint32_t nth)
{
	return intern_printf("%s%s.%c%08x", NFT_OWN_PREFIX,
			     walk_hook_name(hook), kind,
			     number_of(x->f, r, nth));
}

static uint32_t alike_ahead(const struct editing *x, uint32_t rule)
{
	const struct foreign_rule *r = &x->f->rules[rule];
	uint32_t n = 0;

	for (uint32_t i = 0; i < rule; i++) {
		const struct foreign_rule *o = &x->f->rules[i];

		n += o->chain == r->chain && o->raw.n == r->raw.n &&
		     !memcmp(o->raw.s, r->raw.s, r->raw.n) &&
		     digest_of(o) == digest_of(r);
	}
	return n;
}

/* Names by which the chains are known to be ctpolicy's. */
static int rename_chains(struct editing *x)
{
	for (size_t i = 0; i < x->s->n_chains; i++) {
		struct stateless_chain *c = &x->s->chains[i];
		const struct foreign_rule *r = &x->f->rules[c->rule];

		if (!nft_table_is_native(table_of(x, r->chain)))
			continue;
		c->name = name_of(x, c->hook, 'c', r, (uint32_t)i);
		if (!c->name)
			return -ENOMEM;
	}
	return 0;
}

static struct image_table *image_table_of(struct editing *x, uint32_t chain)
{
	const struct foreign_table *t = table_of(x, chain);
	struct image_table *it = image_find_table(x->img, t->family, t->name);

	return it ? it : image_add_table(x->img, t->family, t->name);
}

static int put_rules(struct editing *x, uint32_t chain, const char *name,
		     const struct nft_native_rules *l)
{
	struct image_table *t = image_table_of(x, chain);
	struct image_chain *c = t ? image_find_chain(t, name) : NULL;
	int err = 0;

	if (t && !c)
		c = image_add_chain(t, name, HOOK_MAX_);
	if (!c)
		return -ENOMEM;
	for (size_t i = 0; !err && i < l->n; i++)
		err = nft_raw_add_rule(c, &l->v[i]);
	return err;
}

/* In the host's chain, behind so many of its rules that stay. */
static int put_jump(struct editing *x, const struct foreign_rule *of,
		    uint32_t behind, const char *name)
{
	const char *in = x->f->chains[of->chain].name;
	struct image_table *t = image_table_of(x, of->chain);
	struct image_chain *c = t ? image_find_chain(t, in) : NULL;
	struct image_rule *r;

	if (t && !c)
		c = image_add_chain(t, in, HOOK_MAX_);
	r = c ? image_add_rule(c) : NULL;
	if (!r)
		return -ENOMEM;
	c->foreign = true;
	r->verdict = VERDICT_JUMP;
	r->origin = &nobody;
	r->match.family = nft_table_af(t->family);
	r->target = name;
	r->place = behind;
	r->original = of->original;
	r->comment = strdup(NFT_JUMP_COMMENT);
	return r->comment ? 0 : -ENOMEM;
}

/* The jump to a stand-in returns to the chain; these verdicts must not. */
static bool leaves(const struct foreign_outcome *o)
{
	return o->verdict == FOREIGN_RETURN || o->verdict == FOREIGN_GOTO;
}

static bool leaves_chain(const struct foreign *f, const struct foreign_rule *r)
{
	const struct foreign_outcome own = { .verdict = r->verdict };

	for (uint32_t i = 0; i < r->n_terms; i++) {
		const struct term *t = &f->terms[r->terms + i];
		const struct key_set *s = &f->sets[t->set];

		if (t->kind != TERM_VMAP || s->outcome == FOREIGN_NOWHERE)
			continue;
		for (uint32_t k = 0; k < s->n; k++)
			if (leaves(&f->outcomes[s->outcome + k]))
				return true;
	}
	return leaves(&own);
}

static const char *why_not(const struct editing *x,
			   const struct foreign_rule *r)
{
	const char *flags = table_of(x, r->chain)->flags;

	if (flags && strstr(flags, "owner"))
		return "only the program that owns the table may change it";
	if (!r->original)
		return "the kernel's own form of it is not known";
	return leaves_chain(x->f, r) ?
		       "what ends the chain cannot stand in a chain of its own" :
		       NULL;
}

static int edit_rule(struct editing *x, uint32_t rule, uint32_t *behind)
{
	_cleanup_(nft_native_rules_release) struct nft_native_rules l = { 0 };
	struct foreign_rule *r = &x->f->rules[rule];
	uint8_t hook = x->s->hooks[r->chain];
	const char *why;
	bool gone = false;
	int err;

	if (!stateless_find(x->s, rule, hook)) {
		++*behind;
		return 0;
	}
	why = why_not(x, r);
	if (why)
		return refuse(x, r->chain, r, why);
	err = nft_native_rule(x->f, x->s, rule, hook, &l, &gone);
	*behind += !gone;
	if (err || !gone)
		return err;
	r->stand_in = name_of(x, hook, 'r', r, alike_ahead(x, rule));
	err = r->stand_in ? put_rules(x, r->chain, r->stand_in, &l) : -ENOMEM;
	return err ? err : put_jump(x, r, *behind, r->stand_in);
}

static int edit_chains(struct editing *x, uint32_t rule)
{
	const struct foreign_rule *r = &x->f->rules[rule];
	uint8_t hook = x->s->hooks[r->chain];
	size_t n = r->stand_in ? stateless_chains(x->s, rule, hook) : 0;
	int err = 0;

	for (size_t i = 0; !err && i < n; i++) {
		_cleanup_(nft_native_rules_release)
			struct nft_native_rules l = { 0 };
		const char *name = NULL;

		err = nft_native_chain(x->f, x->s, rule, hook, i, &name, &l);
		if (!err && name)
			err = put_rules(x, r->chain, name, &l);
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

		if (foreign_is_gone(r) ||
		    !nft_table_is_native(table_of(x, r->chain)))
			continue;
		err = edit_rule(x, i, &behind[r->chain]);
		if (!err)
			err = edit_chains(x, i);
		if (err == -EOPNOTSUPP || err == -EBADMSG)
			err = refuse(x, r->chain, r,
				     "it has an expression that this version does not carry over");
	}
	return err;
}

static int check_copies(struct editing *x)
{
	for (size_t i = 0; i < x->s->n_copies; i++)
		if (nft_table_is_native(table_of(x, x->s->copies[i].chain)))
			return refuse(x, x->s->copies[i].chain, NULL,
				      "several hooks reach the chain, and this version copies none");
	return 0;
}

static int put_all(struct editing *x)
{
	int err = check_copies(x);

	if (!err)
		err = rename_chains(x);
	if (!err)
		err = edit_rules(x);
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

		nft_raw_print(&l->v[i], &raw);
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
	size_t n = stateless_chains(s, e->rule, e->hook);
	bool gone;
	int err;

	if (is_second(s, e))
		return 0;
	err = nft_native_rule(f, s, e->rule, e->hook, &l, &gone);
	if (!err)
		err = say_rules(t, &l, "\n", out);
	for (size_t k = 0; !err && k < n; k++) {
		_cleanup_(nft_native_rules_release)
			struct nft_native_rules in = { 0 };
		const char *name = NULL;

		err = nft_native_chain(f, s, e->rule, e->hook, k, &name, &in);
		if (err || !name)
			continue;
		strbuf_printf(out, "chain %s { ", name);
		err = say_rules(t, &in, "; ", out);
		strbuf_puts(out, "}\n");
	}
	return err ? err : strbuf_status(out);
}
