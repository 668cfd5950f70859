/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/originals.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/intern.h"
#include "core/mem.h"
#include "engine/edits.h"
#include "engine/peek.h"
#include "engine/plan.h"
#include "rules/own_names.h"
#include "state/originals.h"

#define NAMED_MAX 4

struct kept_originals {
	struct originals *of;		/* of each row of backends[] */
	size_t n;
	bool other;			/* on disk are another version's... */
	bool said;			/* ... which was said */
};

void originals_free(struct kept_originals **k)
{
	if (!*k)
		return;
	for (size_t i = 0; i < (*k)->n; i++)
		originals_release(&(*k)->of[i]);
	free((*k)->of);
	free(*k);
	*k = NULL;
}

static struct originals *those_of(const struct kept_originals *k,
				  const char *name)
{
	for (size_t i = 0; i < k->n; i++)
		if (!strcmp(backends[i]->name, name))
			return &k->of[i];
	return NULL;
}

/* A backend that this build lacks keeps its own on disk. */
static int take(struct kept_originals *k, const struct saved_originals *s)
{
	int err = 0;

	for (size_t i = 0; !err && i < s->n; i++) {
		struct originals *o = those_of(k, s->v[i].target);
		const struct original x = {
			s->v[i].family, intern(s->v[i].table),
			intern(s->v[i].stand_in), intern(s->v[i].text),
		};

		if (!x.table || !x.stand_in || !x.text)
			return -ENOMEM;
		err = o ? originals_add(o, &x) : 0;
	}
	return err;
}

static int read_saved(struct plan *p, struct saved_originals *ret,
		      struct diags *d)
{
	_cleanup_(state_close) struct state *own = NULL;
	struct state *st = NULL;
	int err = peek_open(p, &own, &st);

	if (!err && st)
		err = saved_originals_read(st, ret, d);
	return err == -ENOMEM || err == -FAULT_LACKING ? err : 0;
}

static int load(struct plan *p)
{
	_cleanup_(originals_free) struct kept_originals *k =
		calloc(1, sizeof(*k));
	_cleanup_(saved_originals_release) struct saved_originals s = { 0 };
	_cleanup_(diags_release) struct diags said = { 0 };
	size_t n = 0;
	int err;

	while (backends[n])
		n++;
	if (k)
		k->of = calloc(n + 1, sizeof(*k->of));
	if (!k || !k->of)
		return -ENOMEM;
	k->n = n;
	err = read_saved(p, &s, &said);
	k->other = err == -FAULT_LACKING &&
		   (p->at_boot || p->rq->falls_back);
	if (k->other)
		err = 0;
	else
		diags_append(&p->diags, &said);
	if (!err)
		err = take(k, &s);
	if (err)
		return err;
	p->originals = TAKE_PTR(k);
	return 0;
}

int originals_tell(struct plan *p, const struct backend *b,
		   struct backend_ctx *ctx)
{
	int err = p->originals ? 0 : load(p);

	if (!err && b->know)
		b->know(ctx, those_of(p->originals, b->name));
	return err;
}

int originals_check_version(struct plan *p, const struct part *m)
{
	_cleanup_(saved_originals_release) struct saved_originals s = { 0 };
	struct kept_originals *k = p->originals;

	if (!k || !k->other)
		return 0;
	if (originals_stand(m->live.image))
		return read_saved(p, &s, &p->diags);
	if (!k->said && !p->recovers)
		diag_add(&p->diags, DIAG_WARNING, 0, ID_RECORD_PASSED_OVER,
			 NOPOS,
			 "the file originals in %s was written by another version of ctpolicy and is passed over: what it keeps of the host's rules cannot be put back",
			 state_path(p->state));
	k->said = true;
	return 0;
}

void originals_complete(struct plan *p, const struct backend *b,
			struct image *want)
{
	struct originals *o = p->originals ? those_of(p->originals, b->name) :
					     NULL;

	if (o)
		originals_attach(o, want);
}

static bool is_lost(const struct image_table *t, const struct image_chain *c)
{
	return !c->foreign && own_names_stand_in(c->name) &&
	       !image_leads_to(t, c->name);
}

static bool any_lost(const struct image *live)
{
	for (size_t i = 0; i < live->n_tables; i++)
		for (size_t k = 0; k < live->tables[i].n_chains; k++)
			if (is_lost(&live->tables[i],
				    &live->tables[i].chains[k]))
				return true;
	return false;
}

/* The host's own reload put it there: it needs nobody to stand in. */
static bool is_back(const struct part *m, const struct foreign *f,
		    const struct image_table *t, const char *stand_in)
{
	for (uint32_t i = 0; m->backend->stands_for && i < f->n_rules; i++) {
		const struct foreign_rule *r = &f->rules[i];
		const struct foreign_table *of =
			&f->tables[f->chains[r->chain].table];

		if (foreign_is_gone(r) ||
		    of->world != m->backend->world ||
		    of->family != t->family || strcmp(of->name, t->name))
			continue;
		if (m->backend->stands_for(stand_in, f, r))
			return true;
	}
	return false;
}

static int say_lost(struct plan *p, const struct part *m,
		    const struct foreign *f)
{
	const struct image *live = m->live.image;
	int err = 0;

	for (size_t i = 0; i < live->n_tables; i++) {
		const struct image_table *t = &live->tables[i];

		for (size_t k = 0; !err && k < t->n_chains; k++) {
			const char *chain = t->chains[k].name;

			if (!is_lost(t, &t->chains[k]) ||
			    is_back(m, f, t, chain))
				continue;
			err = diag_add(&p->diags, DIAG_WARNING, 0,
				       ID_ORIGINAL_GONE, NOPOS,
				       "%s, table %s %s: somebody deleted the jump to chain %s, and with it the rule that it stood for, which is not put back",
				       m->backend->name,
				       nfproto_name(t->family), t->name,
				       chain);
		}
	}
	return err;
}

/* With what names of stand-ins are made of. */
static int read_rules(struct plan *p, const struct part *m,
		      struct foreign **ret)
{
	*ret = calloc(1, sizeof(**ret));
	if (!*ret)
		return -ENOMEM;
	(*ret)->wants_originals = true;
	return m->backend->read_live ?
		       m->backend->read_live(m->ctx, *ret, &p->diags) : 0;
}

int originals_say_lost(struct plan *p, const struct part *m)
{
	_cleanup_(foreign_free) struct foreign *f = NULL;
	int err = 0;

	if (!any_lost(m->live.image))
		return 0;
	err = read_rules(p, m, &f);
	return err ? err : say_lost(p, m, f);
}

static bool is_said(const struct diags *d, const char *msg)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->v[i].id == ID_ORIGINAL_GONE && !strcmp(d->v[i].msg, msg))
			return true;
	return false;
}

static void say_cure(struct plan *p, const char *words, bool refused)
{
	if (refused)
		diag_help(&p->diags,
			  "nothing was done: make what is missing and try again; or run 'ctpolicy remove', then make it and add the rule: %s",
			  words);
	else
		diag_help(&p->diags,
			  "without its stand-in, nothing accepts or drops what that rule did: make what is missing, then add the rule: %s",
			  words);
}

static int say_lacking(struct plan *p, const struct backend *b,
		       const struct image_table *t, const char *chain,
		       const struct image_rule *r, bool refuse)
{
	_cleanup_(strbuf_release) struct strbuf words = { 0 };
	_cleanup_(strbuf_release) struct strbuf msg = { 0 };
	int err = -EBADMSG;

	if (b->print_original)
		err = b->print_original(t, chain, r->original, &words);
	if (err == -ENOMEM)
		return err;
	if (err)
		strbuf_printf(&words, "-A %s ...", chain);
	strbuf_printf(&msg,
		      "%s, table %s %s: the rule '%s', for which chain %s stands, cannot be put back: %s",
		      b->name, nfproto_name(t->family), t->name,
		      strbuf_text(&words, &msg.lost), r->target, r->lacks);
	if (strbuf_status(&msg))
		return -ENOMEM;
	if (is_said(&p->diags, strbuf_str(&msg)))
		return 0;
	diag_add(&p->diags, refuse ? DIAG_ERROR : DIAG_WARNING, 0,
		 ID_ORIGINAL_GONE, NOPOS, "%s",
		 strbuf_text(&msg, &p->diags.lost));
	say_cure(p, strbuf_str(&words), refuse);
	return 0;
}

int originals_say_lacking(struct plan *p, const struct part *m)
{
	const struct image *live = m->live.image;
	bool refuse = !m->past && edits_are_wanted(p), any = false;
	int err = 0;

	for (size_t i = 0; live && i < live->n_tables; i++) {
		const struct image_table *t = &live->tables[i];

		for (size_t k = 0; k < t->n_chains; k++) {
			const struct image_chain *c = &t->chains[k];

			for (size_t r = 0; !err && r < c->n_rules; r++) {
				if (!c->rules[r].lacks)
					continue;
				any = true;
				err = say_lacking(p, m->backend, t, c->name,
						  &c->rules[r], refuse);
			}
		}
	}
	return err || !any || !refuse ? err : -FAULT_CONFLICT;
}

/*
 * Of rules on record in the table, those that are not there and for which no
 * chain stands: as many as a message holds, the last ones first.
 */
static int list_missing(const struct part *m, const struct foreign *f,
			const struct originals *o,
			const struct renamed_jump *j, struct strbuf *out,
			const char **ret_only)
{
	const struct image_table named = { .family = j->family,
					   .name = j->table };
	const struct image_table *t = image_find_table(m->live.image,
						       j->family, j->table);
	size_t n = 0;

	for (size_t i = o->n; i-- && n < NAMED_MAX;) {
		const struct original *x = &o->v[i];
		_cleanup_(strbuf_release) struct strbuf words = { 0 };

		if (x->family != j->family || strcmp(x->table, j->table) ||
		    (t && image_find_chain(t, x->stand_in)) ||
		    is_back(m, f, &named, x->stand_in))
			continue;
		if (m->backend->print_original)
			(void)m->backend->print_original(&named, j->chain,
							 x->text, &words);
		strbuf_printf(out, "%s%s%s%s", n++ ? "; " : "", x->stand_in,
			      words.n ? " for: " : "",
			      strbuf_text(&words, &out->lost));
		*ret_only = n == 1 ? x->stand_in : NULL;
	}
	return strbuf_status(out);
}

#define ENDS_MAX 8		/* verdicts of one map of states */

/*
 * What stands in a rule's place leads to a chain with the rule's own number;
 * the first of these that is not there. *ret NULL: all are.
 */
static int find_end(const struct part *m, const struct renamed_jump *j,
		    const char **ret)
{
	const struct image_table *t = image_find_table(m->live.image,
						       j->family, j->table);
	const char *dot = j->behind ? strchr(j->behind, '.') : NULL;

	*ret = NULL;
	for (unsigned int i = 0; dot && i < ENDS_MAX; i++) {
		const char *name = intern_printf(
			"%.*s.g%s", (int)(dot - j->behind), j->behind, dot + 2);

		if (name && i)
			name = intern_printf("%s-%u", name, i);
		if (!name)
			return -ENOMEM;
		if (t && image_find_chain(t, name))
			continue;
		*ret = name;
		return 0;
	}
	return 0;
}

static int say_renamed(struct plan *p, const struct part *m,
		       const struct foreign *f, const struct originals *o,
		       const struct renamed_jump *j)
{
	_cleanup_(strbuf_release) struct strbuf names = { 0 };
	const char *only = NULL;
	int err = j->plain ? list_missing(m, f, o, j, &names, &only) :
			     find_end(m, j, &only);

	if (err || (!names.n && !only))
		return err;
	diag_add(&p->diags, DIAG_ERROR, 0, ID_ORIGINAL_GONE, NOPOS,
		 "%s, table %s %s, chain %s: somebody renamed the chain of ctpolicy's that is called %s now: which rule the jump to it stands for is not known",
		 m->backend->name, nfproto_name(j->family), j->table, j->chain,
		 j->target);
	if (only)
		diag_help(&p->diags,
			  "nothing was done: rename chain %s of table %s %s to %s again and repeat this",
			  j->target, nfproto_name(j->family), j->table, only);
	else
		diag_help(&p->diags,
			  "nothing was done: give it its name again and repeat this; by its rules it is one of these: %s",
			  strbuf_text(&names, &p->diags.lost));
	return -FAULT_CONFLICT;
}

int originals_say_renamed(struct plan *p, const struct part *m)
{
	const struct originals *o = p->originals ?
		those_of(p->originals, m->backend->name) : NULL;
	const struct survey *s = &m->live.survey;
	_cleanup_(foreign_free) struct foreign *f = NULL;
	int err = 0;

	if (!o || !s->n_renamed)
		return 0;
	err = read_rules(p, m, &f);
	if (err)
		return err;
	for (size_t i = 0; i < s->n_renamed; i++) {
		int one = say_renamed(p, m, f, o, &s->renamed[i]);

		if (one && err != -ENOMEM)
			err = one;
	}
	return err;
}

static int give(const struct originals *o, const char *target,
		struct saved_originals *s)
{
	int err = 0;

	for (size_t i = 0; !err && i < o->n; i++)
		err = saved_originals_add(s, &(struct saved_original){
			.target = target, .family = o->v[i].family,
			.table = o->v[i].table,
			.stand_in = o->v[i].stand_in,
			.text = o->v[i].text,
		});
	return err;
}

static int set_aside(struct plan *p)
{
	int err = p->originals->other ?
			  saved_originals_set_aside(p->state, &p->diags) : 0;

	if (!err)
		p->originals->other = false;
	return err;
}

static int write_all(struct plan *p)
{
	_cleanup_(saved_originals_release) struct saved_originals s = { 0 };
	int err = set_aside(p);

	for (size_t i = 0; !err && i < p->originals->n; i++)
		err = give(&p->originals->of[i], backends[i]->name, &s);
	return err ? err : saved_originals_write(p->state, &s, &p->diags);
}

bool originals_know(const struct plan *p, const struct backend *b,
		    uint8_t family, const char *table, const char *stand_in)
{
	const struct originals *o = p->originals ?
		those_of(p->originals, b->name) : NULL;

	return o && originals_find(o, family, table, stand_in);
}

int originals_keep(struct plan *p)
{
	size_t n = 0;
	int err = 0;

	for (size_t i = 0; p->originals && !err && i < p->change.n; i++) {
		const struct part *m = &p->change.v[i];
		struct originals *o = those_of(p->originals, m->backend->name);
		size_t more = 0;

		if (o && m->changes && m->changes->n)
			err = originals_learn(o, m->want, &more);
		n += more;
	}
	if (err || !n || !p->state)
		return err;
	return write_all(p);
}
