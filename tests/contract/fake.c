/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/contract/fake.h"

#include <linux/netfilter.h>
#include <string.h>

#include "backends/lower/fuse.h"
#include "backends/lower/timers.h"
#include "core/intern.h"
#include "core/mem.h"
#include "rules/image_copy.h"

struct fake_kernel {
	struct image *image;
	uint64_t generation;
};

static struct fake_kernel kernels[2];
static size_t fail_at;
static int fail_with;

void fake_fail_at(size_t n, int err)
{
	fail_at = n;
	fail_with = err;
}

void fake_reset(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(kernels); i++) {
		image_free(&kernels[i].image);
		kernels[i].generation = 1;
	}
	fake_fail_at(0, 0);
}

void fake_disturb(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(kernels); i++)
		kernels[i].generation++;
}

/* ---- copies ---- */

static int table_copy(struct image *img, const struct image_table *from)
{
	struct image_table *t = image_copy_table(img, from);
	int err = t ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < from->n_chains; i++) {
		struct image_chain *c = image_copy_chain(t, &from->chains[i]);

		err = c ? image_copy_rules(img, c, &from->chains[i]) : -ENOMEM;
	}
	for (size_t i = 0; !err && i < from->n_sets; i++) {
		struct image_set *set = image_copy_set(t, &from->sets[i]);

		err = set ? image_copy_elems(img, set, &from->sets[i]) :
			    -ENOMEM;
	}
	return err;
}

static int image_copy(const struct image *from, struct image **ret)
{
	_cleanup_(image_free) struct image *img = image_new();
	int err = img ? 0 : -ENOMEM;

	for (size_t i = 0; !err && from && i < from->n_tables; i++)
		err = table_copy(img, &from->tables[i]);
	if (!err)
		err = image_normalize(img);
	if (!err)
		*ret = TAKE_PTR(img);
	return err;
}

/* ---- steps, as strict as a kernel ---- */

static bool set_in_use(const struct image_table *t, const char *name)
{
	for (size_t i = 0; i < t->n_chains; i++)
		for (size_t k = 0; k < t->chains[i].n_rules; k++) {
			const struct image_rule *r = &t->chains[i].rules[k];

			for (unsigned int j = 0; j < r->n_lookups; j++)
				if (!strcmp(name, r->lookup[j].set))
					return true;
			if (r->verdict == VERDICT_TIMERS &&
			    !strcmp(name, r->target))
				return true;
		}
	return false;
}

static int step_table(struct image *img, const struct step *s)
{
	struct image_table *t = image_find_table(img, s->table->family,
						 s->table->name);

	if (s->add) {
		if (t)
			return -EEXIST;
		t = image_add_table(img, s->table->family, s->table->name);
		if (t)
			t->owned = true;
		return t ? 0 : -ENOMEM;
	}
	if (!t || t->n_chains || t->n_sets)
		return t ? -EBUSY : -ENOENT;
	free(t->chains);
	free(t->sets);
	name_index_release(&t->chain_at);
	name_index_release(&t->set_at);
	name_index_release(&img->table_at);
	memmove(t, t + 1, (size_t)(img->tables + --img->n_tables - t) *
				  sizeof(*t));
	return 0;
}

static int step_set(struct image_table *t, const struct step *s)
{
	struct image_set *set = image_find_set(t, s->set->name);

	if (s->add) {
		if (set)
			return -EEXIST;
		set = image_add_set(t, s->set->name);
		if (!set)
			return -ENOMEM;
		*set = *s->set;
		elems_init(&set->elems, s->set->elems.field,
			   s->set->elems.n_fields);
		return 0;
	}
	if (!set || set_in_use(t, set->name))
		return set ? -EBUSY : -ENOENT;
	image_set_release(set);
	name_index_release(&t->set_at);
	memmove(set, set + 1, (size_t)(t->sets + --t->n_sets - set) *
				      sizeof(*set));
	return 0;
}

static size_t find_elem(const struct elems *e, const struct elems *of, size_t k)
{
	for (size_t i = 0; i < e->n; i++)
		if (!elems_cmp(e, i, of, k))
			return i;
	return SIZE_MAX;
}

static void drop_elem(struct elems *e, size_t at)
{
	size_t behind = e->n - at - 1, size = elems_stride(e);

	memmove(e->key + at * size, e->key + (at + 1) * size, behind * size);
	if (e->origins)
		memmove(e->origins + at, e->origins + at + 1,
			behind * sizeof(*e->origins));
	e->n--;
}

static int step_element(struct image *img, struct image_table *t,
			const struct step *s)
{
	const struct elems *from = &s->set->elems;
	struct image_set *set = image_find_set(t, s->set->name);
	char comment[COMMENT_MAX + 1];
	size_t at;

	if (!set)
		return -ENOENT;
	at = find_elem(&set->elems, from, s->elem);
	if (s->add && at != SIZE_MAX && !s->replaces)
		return -EEXIST;
	if (!s->add && at == SIZE_MAX)
		return -ENOENT;
	if (at != SIZE_MAX)
		drop_elem(&set->elems, at);
	if (!s->add)
		return 0;
	origin_comment(elems_origin(from, s->elem), comment, COMMENT_MAX);
	return elems_add(&set->elems, elems_first(from, s->elem),
			 elems_last(from, s->elem), image_origin(img, comment));
}

static int step_chain(struct image_table *t, const struct step *s)
{
	struct image_chain *c = image_find_chain(t, s->chain->name);

	if (s->add) {
		if (c)
			return -EEXIST;
		c = image_add_chain(t, s->chain->name, s->chain->hook);
		if (c)
			c->base = s->chain->base;
		return c ? 0 : -ENOMEM;
	}
	if (!c || c->n_rules)
		return c ? -EBUSY : -ENOENT;
	free(c->rules);
	name_index_release(&t->chain_at);
	memmove(c, c + 1, (size_t)(t->chains + --t->n_chains - c) * sizeof(*c));
	return 0;
}

static size_t find_rule(const struct image_chain *c,
			const struct image_rule *r)
{
	for (size_t i = 0; i < c->n_rules; i++)
		if (image_rule_equal(&c->rules[i], r))
			return i;
	return SIZE_MAX;
}

static int needs_are_there(const struct image_table *t,
			   const struct image_rule *r)
{
	for (unsigned int i = 0; i < r->n_lookups; i++)
		if (!image_find_set(t, r->lookup[i].set))
			return -ENOENT;
	if (r->verdict == VERDICT_JUMP && !image_find_chain(t, r->target))
		return -ENOENT;
	if (r->verdict == VERDICT_TIMERS && !image_find_set(t, r->target))
		return -ENOENT;
	return 0;
}

static int step_rule(struct image *img, struct image_table *t,
		     const struct step *s)
{
	struct image_chain *c = image_find_chain(t, s->chain->name);
	struct image_rule copy;
	size_t at;
	int err;

	if (!c)
		return -ENOENT;
	if (!s->add) {
		at = find_rule(c, s->rule);
		if (at == SIZE_MAX)
			return -ENOENT;
		image_rule_release(&c->rules[at]);
		memmove(&c->rules[at], &c->rules[at + 1],
			(--c->n_rules - at) * sizeof(*c->rules));
		return 0;
	}
	err = needs_are_there(t, s->rule);
	if (err)
		return err;
	at = s->before ? find_rule(c, s->before) : c->n_rules;
	if (at == SIZE_MAX)
		return -ENOENT;
	err = image_copy_rule(img, c, s->rule);
	if (err)
		return err;
	copy = c->rules[c->n_rules - 1];
	memmove(&c->rules[at + 1], &c->rules[at],
		(c->n_rules - 1 - at) * sizeof(*c->rules));
	c->rules[at] = copy;
	return 0;
}

static int take_step(struct image *img, const struct step *s)
{
	struct image_table *t;

	if (s->kind == STEP_TABLE)
		return step_table(img, s);
	t = image_find_table(img, s->table->family, s->table->name);
	if (!t)
		return -ENOENT;
	switch (s->kind) {
	case STEP_CHAIN:
		return step_chain(t, s);
	case STEP_SET:
		return step_set(t, s);
	case STEP_ELEMENT:
		return step_element(img, t, s);
	case STEP_RULE:
		return step_rule(img, t, s);
	case STEP_TABLE:
	case STEP_KIND_MAX_:
		break;
	}
	return -EINVAL;
}

/* ---- the vtable ---- */

static int lower_timers(struct image_table *t, const struct fuse_group *g,
			struct image_rule *r)
{
	const char *name = intern_printf("%s %u", g->model.then, g->family);
	struct image_set *s = name ? timers_set(t, name) : NULL;

	if (!s)
		return -ENOMEM;
	s->family = g->family;
	s->timers = g->model.then;
	r->target = s->name;
	return 0;
}

static int lower_group(struct image *img, struct image_table *t,
		       const struct fuse_group *g, size_t index)
{
	char chain[32], name[32];
	struct image_chain *c;
	struct image_rule *r;
	struct image_set *s;
	int err = 0;

	/* As everywhere, NOTRACK and accepts never share a chain. */
	snprintf(chain, sizeof(chain), "%s-%s", action_name(g->model.action),
		 hook_name(g->model.hook));
	c = image_find_chain(t, chain);
	if (!c)
		c = image_add_chain(t, chain, g->model.hook);
	r = c ? image_add_rule(c) : NULL;
	if (!r)
		return -ENOMEM;
	r->verdict = g->model.action == ACTION_NOTRACK ? VERDICT_NOTRACK :
		     g->model.action == ACTION_TIMERS ? VERDICT_TIMERS :
							VERDICT_ACCEPT;
	r->comment = strdup("ctpolicy");
	r->origin = image_origin(img, "ctpolicy");
	err = match_copy(&g->model.match, &r->match);
	if (!err && r->verdict == VERDICT_TIMERS)
		err = lower_timers(t, g, r);
	if (err || !g->n_parts)
		return err;
	snprintf(name, sizeof(name), "set%zu", index);
	s = image_add_set(t, name);
	if (!s)
		return -ENOMEM;
	fuse_init_elems(g, g->part, g->n_parts, &s->elems);
	s->interval = true;
	for (size_t i = 0; !err && i < g->n_members; i++)
		err = fuse_expand(g->members[i], g->part, g->n_parts,
				  &s->elems);
	r->lookup[0].set = s->name;
	memcpy(r->lookup[0].part, g->part, sizeof(g->part));
	r->lookup[0].n_parts = g->n_parts;
	r->n_lookups = 1;
	return err;
}

static int fake_lower(const struct ruleset *rs, const struct survey *host,
		      const struct stands *stands, struct image **ret,
		      struct diags *d)
{
	_cleanup_(image_free) struct image *img = image_new();
	_cleanup_(fuse_release) struct fuse f = { 0 };
	struct image_table *t = NULL;
	int err = img ? fuse_rules(rs, &f) : -ENOMEM;

	(void)host;
	(void)stands;
	(void)d;
	if (!err && f.n) {
		t = image_add_table(img, NFPROTO_INET, "fake");
		if (!t)
			return -ENOMEM;
		t->owned = true;
	}
	for (size_t i = 0; !err && i < f.n; i++)
		err = lower_group(img, t, &f.v[i], i);
	if (!err)
		err = image_normalize(img);
	if (!err)
		*ret = TAKE_PTR(img);
	return err;
}

static int fake_render(const struct image *img, FILE *out)
{
	image_dump(img, out);
	return ferror(out) ? -EIO : 0;
}

static void fake_print_step(const struct step *s, struct strbuf *out)
{
	strbuf_printf(out, "%s %s", step_kind_name(s->kind), s->table->name);
}

struct backend_ctx {
	struct fake_kernel *kernel;
};

static int open_kernel(struct fake_kernel *k, struct backend_ctx **ret)
{
	struct backend_ctx *ctx = calloc(1, sizeof(*ctx));

	if (!ctx)
		return -ENOMEM;
	ctx->kernel = k;
	*ret = ctx;
	return 0;
}

static int fake_open(struct backend_ctx **ret, struct diags *d)
{
	(void)d;
	return open_kernel(&kernels[0], ret);
}

static int fake_open_other(struct backend_ctx **ret, struct diags *d)
{
	(void)d;
	return open_kernel(&kernels[1], ret);
}

static int fake_snapshot(struct backend_ctx *ctx, struct snapshot *ret,
			 struct diags *d)
{
	struct snapshot s = { .stamp.generation = ctx->kernel->generation };
	int err = image_copy(ctx->kernel->image, &s.image);

	(void)d;
	if (err)
		return err;
	s.survey.ours = !image_is_empty(s.image);
	*ret = s;
	return 0;
}

static int fake_commit(struct backend_ctx *ctx, const struct changeset *cs,
		       struct stamp stamp, bool check_only,
		       unsigned int *begun, struct diags *d)
{
	_cleanup_(image_free) struct image *copy = NULL;
	struct fake_kernel *k = ctx->kernel;
	struct step_walk w = { 0 };
	int err;

	if (stamp.generation != k->generation)
		return diag_add(d, DIAG_ERROR, -FAULT_STALE,
				ID_NFT_CHANGED_MEANWHILE, NOPOS,
				"the rules moved on");
	err = image_copy(k->image, &copy);
	if (!err && !check_only)
		*begun |= BEGUN_TOLD;
	for (size_t i = 0; !err && changeset_next(cs, &w); i++) {
		err = fail_at && i + 1 == fail_at ? fail_with :
						    take_step(copy, &w.now);
		if (err)
			diag_add(d, DIAG_ERROR, 0, ID_STEP_REFUSED,
				 step_origin(&w.now)->at,
				 "step %zu: %s", i, fault_text(err));
	}
	if (err || check_only || !cs->n)
		return err;
	err = image_normalize(copy);
	if (err)
		return err;
	image_free(&k->image);
	k->image = TAKE_PTR(copy);
	k->generation++;
	return 0;
}

static void fake_close(struct backend_ctx **ctx)
{
	free(*ctx);
	*ctx = NULL;
}

const struct backend backend_fake = {
	.name = "fake",
	.lower = fake_lower,
	.render = fake_render,
	.print_step = fake_print_step,
	.print_inner = fake_print_step,
	.open = fake_open,
	.snapshot = fake_snapshot,
	.commit = fake_commit,
	.close = fake_close,
};

const struct backend backend_fake_other = {
	.name = "other",
	.lower = fake_lower,
	.render = fake_render,
	.print_step = fake_print_step,
	.print_inner = fake_print_step,
	.open = fake_open_other,
	.snapshot = fake_snapshot,
	.commit = fake_commit,
	.close = fake_close,
};
