/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/plan.h"
#include "engine/within.h"
#include "engine/worlds.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "core/intern.h"
#include "core/mem.h"
#include "engine/facts.h"
#include "engine/forbidden.h"
#include "engine/originals.h"
#include "engine/placing.h"
#include "engine/plan_text.h"
#include "engine/reading.h"
#include "host/host.h"
#include "host/modules.h"
#include "host/privilege.h"

const char *plan_backend_name(const struct plan *p)
{
	if (p->rq->backend)
		return strcmp(p->rq->backend, "auto") ? p->rq->backend : NULL;
	return p->policy ? p->policy->backend : NULL;
}

static void narrow_families(struct plan *p)
{
	if (!p->rq->family)
		return;
	p->policy->ipv4 &= p->rq->family == AF_INET;
	p->policy->ipv6 &= p->rq->family == AF_INET6;
}

static int generate_rules(struct plan *p)
{
	int err = facts_read(&p->facts);

	return err ? err : generate(p->policy, &p->facts, &p->rules,
				    &p->diags);
}

int plan_file_fault(int err)
{
	static const struct {
		int err;
		enum fault fault;
	} meanings[] = {
		{ EINVAL, FAULT_POLICY },
		{ ENOENT, FAULT_INPUT },
		{ ENOTDIR, FAULT_INPUT },
		{ EACCES, FAULT_INPUT },
		{ EISDIR, FAULT_INPUT },
		{ ELOOP, FAULT_INPUT },
	};

	for (size_t i = 0; i < ARRAY_SIZE(meanings); i++)
		if (meanings[i].err == -err)
			return -(int)meanings[i].fault;
	return err;
}

static bool says(const struct plan *p, const char *word)
{
	return memmem(p->text, p->len, word, strlen(word)) != NULL;
}

/*
 * What the text may ask for, before it is parsed: a policy without these words
 * unloads nothing, and asks for no size that must be as large as the fullest
 * namespace's table. Modules that an earlier policy unloaded come back with one
 * that does not, and go again if that fails. A kernel that could have legacy
 * tables, and has none yet, needs a module for the first.
 */
static unsigned int privilege_of(const struct plan *p)
{
	bool applies = p->rq->command && !strcmp(p->rq->command, "apply");
	unsigned int looks = says(p, "max") ? PRIVILEGE_LOOK : PRIVILEGE_RULES;

	/* another text may take its place */
	if (p->rq->falls_back || says(p, "unload"))
		return PRIVILEGE_MODULES;
	if (applies && modules_root_state(MODULES_SYS) == MODULES_ABSENT)
		return PRIVILEGE_MODULES;
	return looks | (applies && host_lacks_tables() ? PRIVILEGE_LOAD :
							 PRIVILEGE_RULES);
}

static int parse(struct plan *p)
{
	int err = policy_parse(p->file, p->text, p->len, &p->policy,
			       &p->diags);

	if (err)
		return plan_file_fault(err);
	narrow_families(p);
	return generate_rules(p);
}

/* `check --kernel` makes namespaces; all others parse unprivileged. */
static int parse_without_powers(struct plan *p)
{
	if (!p->rq->private_kernel && privilege_drop(privilege_of(p)))
		return diag_add(&p->diags, DIAG_ERROR, -EPERM, ID_CAPS_KEPT,
				NOPOS,
				"capabilities that are not needed cannot be given up");
	return parse(p);
}

int plan_load(struct plan *p, const struct request *rq, const char *file)
{
	int err;

	*p = (struct plan){ .rq = rq, .file = file ? file : policy_default };
	err = policy_read(file, &p->text, &p->len, &p->diags);
	return err ? plan_file_fault(err) : parse_without_powers(p);
}

int plan_load_text(struct plan *p, const struct request *rq, const char *name,
		   char *text, size_t len)
{
	*p = (struct plan){ .rq = rq, .file = name, .text = text, .len = len };
	return parse_without_powers(p);
}

static int ask_as(struct request *rq, const struct record *r)
{
	rq->family = r->family;
	rq->force |= r->force;
	if (r->backend)
		rq->backend = intern(r->backend);
	return rq->backend || !r->backend ? 0 : -ENOMEM;
}

int plan_load_kept(struct plan *p, struct request *rq,
		   const struct record *r)
{
	*p = (struct plan){ .rq = rq };
	if (!r->policy || !r->policy_text.s)
		return -ENOENT;
	if (ask_as(rq, r))
		return -ENOMEM;
	p->file = intern(r->policy);
	p->len = r->policy_text.len;
	p->text = malloc(p->len + 1);
	if (!p->file || !p->text)
		return -ENOMEM;
	memcpy(p->text, r->policy_text.s, p->len + 1);
	return parse(p);
}

int plan_choose_offline(struct plan *p)
{
	const char *name = plan_backend_name(p);
	const struct backend *b = name ? backend_find(name) : backends[0];
	struct part *m;

	if (!b)
		return worlds_unknown(p, name);
	plan_note_translation(p);
	return change_add(&p->change, b, &m);
}

void plan_note_translation(struct plan *p)
{
	translation_note(p->policy, &p->facts, &p->diags);
}

int plan_make_again(struct plan *p)
{
	_cleanup_(diags_release) struct diags said_before = { 0 };

	ruleset_free(&p->rules);
	return generate(p->policy, &p->facts, &p->rules, &said_before);
}

int plan_make_stateless(struct plan *p)
{
	p->facts.idle = true;
	return plan_make_again(p);
}

int plan_choose_live(struct plan *p)
{
	int err = worlds_choose(p, plan_backend_name(p));
	bool kept = false;

	if (!err && p->policy)
		err = facts_add_rules(p->change.v, &p->facts, &p->diags);
	if (!err && p->policy)
		p->facts.idle &= !edits_are_undone(p);
	if (!err && p->policy)
		plan_note_translation(p);
	if (!err && p->policy)
		err = within_find(p, &kept);
	if (!err && (p->facts.idle || kept))
		err = plan_make_again(p);
	return err;
}

static int want_nothing(struct part *m)
{
	m->want = image_new();
	return m->want ? 0 : -ENOMEM;
}

/* The steps that were made point into it. */
static void drop_want(struct part *m)
{
	if (m->made && m->made->want == m->want) {
		image_free(&m->made_want);
		m->made_want = TAKE_PTR(m->want);
	}
	image_free(&m->want);
}

/* What was reported the first time is not repeated, unless it fails now. */
int plan_lower(struct plan *p, struct part *m, const struct survey *host)
{
	_cleanup_(diags_release) struct diags said = { 0 };
	bool again = m->lowered;
	int err;

	drop_want(m);
	if (m->past) {
		err = past_aim(m->past, &m->live, &m->want, &p->diags);
		if (!err)
			originals_complete(p, m->backend, m->want);
		return err;
	}
	if (!p->rules)
		return want_nothing(m);
	m->lowered = true;
	err = m->backend->lower(p->rules, host, host ? &p->stands : NULL,
				&m->want, again ? &said : &p->diags);
	if (err && again)
		diags_append(&p->diags, &said);
	return err;
}

/* After a commit, what was wanted; else what was wanted before. */
static int look(struct plan *p, struct part *m)
{
	bool wrote = m->wrote;

	snapshot_release(&m->live);
	m->wrote = false;
	return reading_take(p, m->backend, m->ctx, m->want, wrote, &m->live,
			    &p->diags);
}

/* Lowered for a host that nobody but ctpolicy has changed since. */
static bool want_stands(const struct plan *p, const struct part *m)
{
	return m->want && m->live.untouched && !m->past &&
	       !edits_are_wanted(p);
}

int plan_compare_part(struct plan *p, struct part *m)
{
	bool fresh = m->live.image && !m->changes;
	int err = 0;

	changeset_free(&m->changes);
	if (!fresh)
		err = look(p, m);
	if (!err)
		err = originals_check_version(p, m);
	if (!err && m->live.image && !m->said_lost) {
		m->said_lost = true;
		err = originals_say_lost(p, m);
	}
	if (!err)
		err = originals_say_renamed(p, m);
	if (!err)
		err = originals_say_lacking(p, m);
	/* What the host writes from now on makes the snapshot stale. */
	if (!err && !m->past)
		err = placing_live(p, m);
	if (!err && !m->past)
		err = forbidden_check(p, m);
	if (!err && !m->past)
		err = placing_kept(p);
	if (!err && !want_stands(p, m))
		err = plan_lower(p, m, &m->live.survey);
	if (!err && !m->past && edits_are_wanted(p))
		err = edits_put(p, m);
	return err ? err : changeset_diff(m->want, m->live.image, &m->changes);
}

int plan_compare(struct plan *p)
{
	size_t said = p->diags.n;
	int err = 0;

	for (size_t i = 0; !err && i < p->change.n; i++)
		err = plan_compare_part(p, &p->change.v[i]);
	if (!err && p->change.off.at.there)
		err = off_compare(&p->change.off);
	if (!err && p->change.tune.at.there)
		err = tune_compare(&p->change.tune);
	if (!err && p->change.boot.there)
		err = boot_compare(&p->change.boot, &p->diags);
	if (p->compared)
		diags_drop_repeated(&p->diags, said);
	p->compared = true;
	return err;
}

void plan_release(struct plan *p)
{
	change_release(&p->change);
	stands_release(&p->stands);
	host_rules_release(&p->host);
	edits_release(&p->edits);
	accepted_by_release(&p->accepted);
	originals_free(&p->originals);
	ruleset_free(&p->rules);
	policy_free(&p->policy);
	plan_drop_text(p);
	diags_release(&p->diags);
}
