/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/worlds.c: which backend, and what the others hold. */
#include "engine/worlds.h"

#include <errno.h>
#include <string.h>

#include "core/mem.h"
#include "engine/originals.h"
#include "engine/reading.h"

/* What one backend found on the host. */
struct candidate {
	const struct backend *backend;
	struct backend_ctx *ctx;
	struct snapshot snap;
	struct diags diags;
	int err;
};

int worlds_unknown(struct plan *p, const char *name)
{
	_cleanup_(strbuf_release) struct strbuf names = { 0 };

	for (size_t i = 0; backends[i]; i++)
		strbuf_printf(&names, ", %s", backends[i]->name);
	diag_add(&p->diags, DIAG_ERROR, 0, ID_NO_SUCH_BACKEND, NOPOS,
		 "no backend '%s' in this build", name);
	diag_help(&p->diags, "built in: auto%s",
		  strbuf_text(&names, &p->diags.lost));
	return -FAULT_USAGE;
}

/* What a plan before this one has read of it; false: nothing. */
static bool take_read(struct plan *p, struct candidate *c)
{
	for (size_t i = 0; p->read && i < p->read->n; i++) {
		struct part *m = &p->read->v[i];

		if (m->backend != c->backend || !m->live.image)
			continue;
		c->ctx = TAKE_PTR(m->ctx);
		c->snap = m->live;
		m->live = (struct snapshot){ 0 };
		return true;
	}
	return false;
}

static void look(struct plan *p, struct candidate *c, const struct backend *b)
{
	bool read;

	c->backend = b;
	read = take_read(p, c);
	if (!read)
		c->err = b->open(&c->ctx, &c->diags);
	if (!c->err)
		c->err = originals_tell(p, b, c->ctx);
	if (!c->err && !read)
		c->err = reading_take(p, b, c->ctx, NULL, false, &c->snap,
				      &c->diags);
}

static void candidate_release(struct candidate *c)
{
	if (c->ctx)
		c->backend->close(&c->ctx);
	snapshot_release(&c->snap);
	diags_release(&c->diags);
}

static int ask(struct plan *p, const struct candidate *a,
	       const struct candidate *b)
{
	diag_add(&p->diags, DIAG_ERROR, 0, ID_BOTH_WORLDS, NOPOS,
		 "both %s and %s have rules here", a->backend->name,
		 b->backend->name);
	diag_help(&p->diags,
		  "choose with --backend; a choice is refused where the other one's rules drop packets of these services");
	return -FAULT_CONFLICT;
}

/*
 * What holds our rules already, else what the host already uses, else the
 * first in the table that works.
 */
static int pick(struct plan *p, struct candidate *c, size_t n,
		struct candidate **ret)
{
	struct candidate *first = NULL, *used = NULL;

	for (size_t i = 0; i < n; i++) {
		if (c[i].err || !c[i].snap.survey.ours)
			continue;
		p->why = "ctpolicy's rules are already there";
		*ret = &c[i];
		return 0;
	}
	for (size_t i = 0; i < n; i++) {
		if (c[i].err)
			continue;
		if (!first)
			first = &c[i];
		if (!c[i].snap.survey.in_use)
			continue;
		if (used)
			return ask(p, used, &c[i]);
		used = &c[i];
	}
	p->why = used ? "this host already has rules there" :
			"this host has no rules yet";
	*ret = used ? used : first;
	return 0;
}

static int refuse_second_home(struct plan *p, const struct candidate *c,
			      const struct candidate *chosen)
{
	diag_add(&p->diags, DIAG_ERROR, 0, ID_OTHER_BACKEND, NOPOS,
		 "ctpolicy's rules are already in %s, and this would add them to %s",
		 c->backend->name, chosen->backend->name);
	diag_help(&p->diags, "first: ctpolicy remove --backend %s",
		  c->backend->name);
	return -FAULT_CONFLICT;
}

/* The named one, or auto's choice. */
static int elect(struct plan *p, struct candidate *c, size_t n,
		 const char *name, struct candidate **ret)
{
	struct candidate *chosen = NULL;
	int err = 0;

	if (!name) {
		err = pick(p, c, n, &chosen);
		if (!err && !chosen) {
			diags_append(&p->diags, &c[0].diags);
			err = c[0].err;
		}
	} else {
		for (size_t i = 0; i < n; i++)
			if (!strcmp(c[i].backend->name, name))
				chosen = &c[i];
		if (!chosen)
			return worlds_unknown(p, name);
		diags_append(&p->diags, &chosen->diags);
		err = chosen->err;
	}
	if (!err)
		*ret = chosen;
	return err;
}

/* A kernel that lacks a world has no rules in it. */
static void add_elsewhere(struct part *m, const struct candidate *c)
{
	m->elsewhere.tracks |= !c->err && c->snap.survey.tracks;
	m->elsewhere.translates |= !c->err && c->snap.survey.translates;
	m->elsewhere.in_use |= !c->err && c->snap.survey.in_use;
	m->elsewhere.unseen |= c->err ? c->err != -EOPNOTSUPP :
					c->snap.survey.unseen;
}

/* Its rules, ctpolicy's too, are not to be taken for missing. */
static int refuse_unread(struct plan *p, const struct candidate *c, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (c[i].err != -EIO)
			continue;
		diags_append(&p->diags, &c[i].diags);
		return c[i].err;
	}
	return 0;
}

static int choose(struct plan *p, struct candidate *c, size_t n,
		  const char *name)
{
	struct candidate *chosen = NULL;
	struct part *m;
	int err = refuse_unread(p, c, n);

	if (!err)
		err = elect(p, c, n, name, &chosen);
	if (err)
		return err;
	for (size_t i = 0; i < n; i++)
		if (&c[i] != chosen && !c[i].err && c[i].snap.survey.ours)
			return refuse_second_home(p, &c[i], chosen);
	err = change_add(&p->change, chosen->backend, &m);
	if (err)
		return err;
	for (size_t i = 0; i < n; i++)
		if (&c[i] != chosen)
			add_elsewhere(m, &c[i]);
	m->ctx = TAKE_PTR(chosen->ctx);
	m->live = chosen->snap;
	chosen->snap = (struct snapshot){ 0 };
	return 0;
}

int worlds_choose(struct plan *p, const char *name)
{
	_cleanup_free_ struct candidate *c = NULL;
	size_t n = 0;
	int err = 0;

	while (backends[n])
		n++;
	c = calloc(n + 1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		look(p, &c[i], backends[i]);
		/* a world that was not seen is not one that is not there */
		if (c[i].err == -ENOMEM)
			err = -ENOMEM;
	}
	if (!err)
		err = n ? choose(p, c, n, name) :
			  worlds_unknown(p, name ? name : "auto");
	for (size_t i = 0; i < n; i++)
		candidate_release(&c[i]);
	return err;
}

static int open_one(struct plan *p, const struct backend *b, bool named)
{
	size_t said = p->diags.n;
	struct part *m;
	int err = change_add(&p->change, b, &m);

	if (!err)
		err = b->open(&m->ctx, &p->diags);
	if (!err)
		err = originals_tell(p, b, m->ctx);
	if (!err)
		err = reading_take(p, b, m->ctx, NULL, false, &m->live,
				   &p->diags);
	if (err != -EOPNOTSUPP || named)
		return err;
	diags_truncate(&p->diags, said);
	part_release(m);
	p->change.n--;
	return 0;
}

/* Leave the last part out; what was said since then warns. */
static void leave_out(struct plan *p, size_t said)
{
	_cleanup_(diags_release) struct diags reasons = { 0 };

	for (size_t i = said; i < p->diags.n; i++)
		diag_soften(&reasons, &p->diags.v[i]);
	diags_truncate(&p->diags, said);
	diags_append(&p->diags, &reasons);
	part_release(&p->change.v[--p->change.n]);
}

static int open_each(struct plan *p, const char *name, bool *blind)
{
	bool found = false;
	size_t said;
	int err = 0;

	for (size_t i = 0; !err && backends[i]; i++) {
		if (name && strcmp(name, backends[i]->name))
			continue;
		found = true;
		said = p->diags.n;
		err = open_one(p, backends[i], name);
		if (err != -EIO || !blind)
			continue;
		*blind = true;
		leave_out(p, said);
		err = 0;
	}
	return found ? err : worlds_unknown(p, name ? name : "auto");
}

int worlds_open(struct plan *p, const char *name)
{
	return open_each(p, name, NULL);
}

int worlds_look(struct plan *p, const char *name, bool *blind)
{
	return open_each(p, name, blind);
}
