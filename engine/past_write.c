/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/past_write.c: undo data, written down and read back. */
#include <errno.h>
#include <string.h>

#include "core/mem.h"
#include "engine/past.h"
#include "engine/past_loss.h"
#include "rules/image_copy.h"
#include "rules/image_delta.h"

/* An image of this size is kept whole: it can be restored from any state. */
#define SMALL_IMAGE 2000

static void text_release(struct rules_text *t)
{
	free(t->s);
	*t = (struct rules_text){ 0 };
}

static int render(const struct backend *b, const struct image *img,
		  struct rules_text *ret)
{
	_cleanup_(text_release) struct rules_text t = { 0 };
	FILE *f = open_memstream(&t.s, &t.len);
	int err, cut;

	if (!f)
		return -ENOMEM;
	err = b->render(img, f);
	cut = ferror(f);
	if ((fclose(f) || cut || !t.s) && !err)
		err = -ENOMEM;
	if (err)
		return err;
	*ret = t;
	t = (struct rules_text){ 0 };
	return 0;
}

/* Any failure but -ENOMEM: the text does not hold all of the image. */
static int read_back(const struct backend *b, const struct image *img,
		     const struct rules_text *text)
{
	_cleanup_(diags_release) struct diags unsaid = { 0 };
	_cleanup_(image_free) struct image *again = NULL;
	int err = b->parse("record", text->s, text->len, &again, &unsaid);

	if (!err && image_digest(again) != image_digest(img))
		err = -EBADMSG;
	return err;
}

static int render_checked(const struct backend *b, const struct image *img,
			  struct rules_text *ret)
{
	_cleanup_(text_release) struct rules_text t = { 0 };
	int err = render(b, img, &t);

	if (!err)
		err = read_back(b, img, &t);
	if (err)
		return err;
	*ret = t;
	t = (struct rules_text){ 0 };
	return 0;
}

/* One set, or one chain (or one of its rules), with what it needs around it. */
struct probe {
	const struct backend *b;
	const struct image *of;
	const struct image_set *set;
	const struct image_chain *chain;
	size_t rule;			/* SIZE_MAX: all of them */
};

static int probe_chain(const struct probe *p, struct image *img,
		       struct image_table *t, const struct image_chain *from)
{
	struct image_chain *c = image_copy_chain(t, from);

	if (!c)
		return -ENOMEM;
	return p->rule == SIZE_MAX ?
		       image_copy_rules(img, c, from) :
		       image_copy_rule(img, c, &from->rules[p->rule]);
}

/* Sets are empty: rules only need them to be there. */
static int probe_table(const struct probe *p, struct image *img,
		       const struct image_table *from)
{
	struct image_table *t = image_copy_table(img, from);
	int err = t ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < from->n_sets; i++) {
		struct image_set *s;

		if (p->set && p->set != &from->sets[i])
			continue;
		s = image_copy_set(t, &from->sets[i]);
		err = !s ? -ENOMEM :
		      p->set ? image_copy_elems(img, s, p->set) : 0;
	}
	for (size_t i = 0; !err && i < from->n_chains; i++)
		if (p->chain == &from->chains[i])
			err = probe_chain(p, img, t, p->chain);
	return err;
}

/* *ret: what is read back is not the same. */
static int probe(const struct probe *p, bool *ret)
{
	_cleanup_(image_free) struct image *img = image_new();
	_cleanup_(text_release) struct rules_text text = { 0 };
	int err = img ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < p->of->n_tables; i++)
		err = probe_table(p, img, &p->of->tables[i]);
	if (!err)
		err = image_normalize(img);
	if (!err)
		err = render_checked(p->b, img, &text);
	if (err == -ENOMEM)
		return err;
	*ret = err != 0;
	return 0;
}

static int weed_sets(struct probe *p, struct image_table *t,
		     struct image_losses *lost)
{
	int err = 0;

	for (size_t i = t->n_sets; !err && i--;) {
		bool bad = false;

		p->set = &t->sets[i];
		err = probe(p, &bad);
		if (!err && bad)
			err = image_prune_set(t, i, lost);
	}
	p->set = NULL;
	return err;
}

static int weed_rules(struct probe *p, const struct image_table *t,
		      struct image_chain *c, struct image_losses *lost)
{
	int err = 0;

	for (p->rule = c->n_rules; !err && p->rule--;) {
		bool bad = false;

		err = probe(p, &bad);
		if (!err && bad)
			err = image_prune_rule(t, c, p->rule, lost);
	}
	p->rule = SIZE_MAX;
	return err;
}

/* The rules that are at fault; the chain itself when none is, or all are. */
static int weed_chains(struct probe *p, struct image_table *t,
		       struct image_losses *lost)
{
	int err = 0;

	for (size_t i = t->n_chains; !err && i--;) {
		bool bad = false;

		p->chain = &t->chains[i];
		err = probe(p, &bad);
		if (!err && bad)
			err = weed_rules(p, t, &t->chains[i], lost);
		if (!err && bad)
			err = probe(p, &bad);
		if (!err && bad)
			err = image_prune_chain(t, i, lost);
	}
	p->chain = NULL;
	return err;
}

static int weed(const struct backend *b, struct image *img,
		struct image_losses *lost)
{
	struct probe p = { .b = b, .of = img, .rule = SIZE_MAX };
	int err = 0;

	for (size_t i = 0; !err && i < img->n_tables; i++) {
		err = weed_sets(&p, &img->tables[i], lost);
		if (!err)
			err = weed_chains(&p, &img->tables[i], lost);
	}
	return err ? err : image_prune_dangling(img, lost);
}

/* The cause is not known: better no undo data than no change. */
static int prune_all(struct image *img, struct image_losses *lost)
{
	int err = 0;

	for (size_t i = 0; i < img->n_tables; i++) {
		struct image_table *t = &img->tables[i];

		while (!err && t->n_chains)
			err = image_prune_chain(t, t->n_chains - 1, lost);
		while (!err && t->n_sets)
			err = image_prune_set(t, t->n_sets - 1, lost);
	}
	return err;
}

/* The image as text, without what text cannot express. */
static int write_image(const struct backend *b, struct image *img,
		       struct rules_text *ret, struct image_losses *lost)
{
	int err = image_prune_unknown(img, lost);

	if (!err)
		err = image_prune_dangling(img, lost);
	if (!err)
		err = render_checked(b, img, ret);
	if (!err || err == -ENOMEM)
		return err;
	err = weed(b, img, lost);
	if (!err)
		err = render_checked(b, img, ret);
	if (!err || err == -ENOMEM)
		return err;
	err = prune_all(img, lost);
	return err ? err : render_checked(b, img, ret);
}

static bool is_small(const struct image *img)
{
	size_t n = 0;

	for (size_t i = 0; i < img->n_tables; i++) {
		const struct image_table *t = &img->tables[i];

		for (size_t k = 0; k < t->n_chains; k++)
			n += t->chains[k].n_rules;
		for (size_t k = 0; k < t->n_sets; k++)
			n += t->sets[k].elems.n;
	}
	return n <= SMALL_IMAGE;
}

/* What undoing leads to: the rules without those that were left out. */
static int digest_before(const struct image_delta *delta,
			 const struct image *live, bool left_out,
			 uint64_t *ret)
{
	_cleanup_(image_free) struct image *img = NULL;
	int err;

	if (!left_out) {
		*ret = image_digest(live);
		return 0;
	}
	err = image_delta_apply(delta, live, &img);
	if (!err)
		*ret = image_digest(img);
	return err;
}

/* Undo data for `want`; for any state, when that is an empty image. */
static int write_from(const struct backend *b, const struct image *live,
		      const struct image *want, struct record_part *part,
		      struct image_losses *lost)
{
	_cleanup_(image_delta_release) struct image_delta delta = { 0 };
	_cleanup_(text_release) struct rules_text before = { 0 }, after = { 0 };
	int err = image_delta_make(live, want, &delta);

	if (!err)
		err = write_image(b, delta.before, &before, lost);
	if (!err)
		err = render_checked(b, delta.after, &after);
	if (!err)
		err = digest_before(&delta, live, lost->n,
				    &part->digest_before);
	if (err)
		return err;
	part->before = before;
	part->after = after;
	before = after = (struct rules_text){ 0 };
	return 0;
}

int past_write(const struct backend *b, const struct image *live,
	       const struct image *want, struct record_part *part,
	       struct diags *d)
{
	static const struct image none;
	_cleanup_(losses_release) struct image_losses lost = { 0 };
	bool small = is_small(live);
	int err = write_from(b, live, small ? &none : want, part, &lost);

	if (err && err != -ENOMEM && !small) {
		losses_release(&lost);
		err = write_from(b, live, &none, part, &lost);
	}
	if (err == -ENOMEM)
		return err;
	if (err)
		return diag_add(d, DIAG_ERROR, -EIO, ID_NOT_RECORDABLE, NOPOS,
				"the live %s rules cannot be recorded",
				b->name);
	part->digest_after = image_digest(want);
	past_say_not_recorded(&lost, d);
	past_say_asleep(live, d);
	return 0;
}
