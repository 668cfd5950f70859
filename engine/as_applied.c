/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/as_applied.h"

#include <errno.h>
#include <string.h>

#include "audit/own.h"
#include "core/mem.h"
#include "engine/saved.h"
#include "rules/image_foreign.h"

int as_applied_load(struct as_applied *a, const struct request *rq,
		    const char *policy)
{
	return plan_load(&a->plan, rq, policy);
}

static int plan_live(struct plan *p)
{
	int err = plan_choose_live(p);

	if (!err)
		err = plan_compare(p);
	if (err || !edits_are_needed(p))
		return err;
	return diag_add(&p->diags, DIAG_ERROR, -FAULT_LACKING, ID_NOT_EDITED,
			NOPOS,
			"this version cannot show what becomes of a packet where rules of the host's are replaced");
}

/* Behind " NAME ", from `text` on. */
static const char *behind(const char *text, const char *name)
{
	size_t n = strlen(name);

	for (const char *s = text; (s = strstr(s, name)); s++)
		if (s > text && s[-1] == ' ' && s[n] == ' ')
			return s + n;
	return text;
}

/* A jump's place in the host's chain: "index 3 ", or the number alone. */
static const char *behind_place(const char *text, const struct image_chain *c)
{
	static const char word[] = "index ";
	const char *s = text;

	if (!c->foreign)
		return text;
	if (!strncmp(s, word, strlen(word)))
		s += strlen(word);
	while (*s >= '0' && *s <= '9')
		s++;
	return s > text && *s == ' ' ? s + 1 : text;
}

/* The text of a rule, without the table and chain that are shown beside it. */
static int name_rule(const struct part *m, const struct image_place *at,
		     struct foreign *f, struct foreign_rule *r)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	const struct step s = {
		.kind = STEP_RULE, .add = true, .table = at->table,
		.chain = at->chain, .rule = at->rule,
	};
	const char *text;

	m->backend->print_step(&s, &b);
	if (strbuf_status(&b))
		return -ENOMEM;
	text = behind(strbuf_str(&b), at->table->name);
	text = behind(text, at->chain->name);
	text += *text == ' ';
	text = behind_place(text, at->chain);
	r->raw.n = strlen(text);
	r->raw.s = foreign_keep(f, text, r->raw.n);
	return r->raw.s ? 0 : -ENOMEM;
}

/* A file is all of one world, whatever its dialect. */
static enum foreign_world world_of(const struct part *m, const char *file,
				   const struct foreign *f)
{
	return file && f->n_tables ? f->tables[0].world : m->backend->world;
}

static int put_part(const struct part *m, const char *file, struct foreign *f)
{
	uint32_t first = (uint32_t)f->n_rules;
	int err = image_add_to_foreign(m->want, world_of(m, file, f),
				       m->backend->add_words, f);

	for (uint32_t i = first; !err && i < f->n_rules; i++) {
		struct image_place at;

		if (image_place_added(m->want, i - first, &at))
			err = name_rule(m, &at, f, &f->rules[i]);
	}
	return err;
}

int as_applied_put(struct as_applied *a, const char *file, struct foreign *f)
{
	struct change *c = &a->plan.change;
	int err = file ? saved_want(&a->plan, file, f) : plan_live(&a->plan);

	a->first = (uint32_t)f->n_rules;
	for (size_t i = 0; !err && i < c->n; i++)
		err = put_part(&c->v[i], file, f);
	return err;
}

static size_t rules_of(const struct image *img)
{
	size_t n = 0;

	for (size_t i = 0; i < img->n_tables; i++)
		for (size_t k = 0; k < img->tables[i].n_chains; k++)
			n += img->tables[i].chains[k].n_rules;
	return n;
}

const struct origin *as_applied_origin(const struct as_applied *a,
				       uint32_t rule)
{
	size_t n = rule - a->first;

	if (rule < a->first)
		return NULL;
	for (size_t i = 0; i < a->plan.change.n; i++) {
		const struct image *want = a->plan.change.v[i].want;
		struct image_place at;

		if (image_place_added(want, n, &at))
			return at.rule->origin;
		n -= rules_of(want);
	}
	return NULL;
}

void as_applied_release(struct as_applied *a)
{
	plan_release(&a->plan);
}
