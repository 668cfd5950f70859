/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/saved.h"

#include <errno.h>
#include <stdlib.h>

#include "audit/keepers.h"
#include "audit/own.h"
#include "core/fault.h"
#include "core/mem.h"
#include "engine/saved_survey.h"

static int choose(struct plan *p, const char *text)
{
	const struct backend *b = plan_backend_name(p) ? NULL :
							 backend_of_text(text);
	struct part *m;

	if (!b)
		return plan_choose_offline(p);
	plan_note_translation(p);
	return change_add(&p->change, b, &m);
}

/* The saved ruleset is at fault, and not the policy. */
static int unreadable(struct plan *p)
{
	diag_help(&p->diags,
		  "--against takes what 'ctpolicy render', 'nft list ruleset' or iptables-save prints");
	return -FAULT_DATA;
}

/* Rules or policies of the host's, of which none needs connection tracking. */
static bool is_idle(const struct foreign *f)
{
	bool host = false;

	for (size_t i = 0; i < f->n_rules; i++) {
		const struct foreign_rule *r = &f->rules[i];

		if (foreign_is_gone(r) || !own_is_host(f, r))
			continue;
		if (keepers_has(f, r))
			return false;
		host = true;
	}
	for (size_t i = 0; i < f->n_chains && !host; i++)
		host = f->chains[i].policy && !own_is_chain(f, i);
	return host;
}

/* As a live host is looked at. What is not understood may need tracking. */
static int note_idle(struct plan *p, const struct backend *b,
		     const char *file, struct foreign *f)
{
	_cleanup_(diags_release) struct diags unsaid = { 0 };
	int err = b->read_foreign(file, f, &unsaid);

	if (err)
		return err == -ENOMEM ? err : 0;
	return is_idle(f) ? plan_make_stateless(p) : 0;
}

/* What the text says of ctpolicy's rules, and of the place of its accepts. */
static int look(struct plan *p, const char *file, const char *text, size_t len)
{
	struct part *m;
	int err = choose(p, text);

	if (err)
		return err;
	m = p->change.v;
	err = m->backend->parse(file, text, len, &m->live.image, &p->diags);
	if (err == -EINVAL)
		return unreadable(p);
	return err ? err : survey_of_image(m->live.image, &m->live.survey);
}

static int compare(struct plan *p, const char *file, struct foreign *f)
{
	int err = look(p, file, f->text, f->len);
	struct part *m;

	if (err)
		return err;
	m = p->change.v;
	err = note_idle(p, m->backend, file, f);
	if (!err)
		err = plan_lower(p, m, &m->live.survey);
	return err ? err :
		     changeset_diff(m->want, m->live.image, &m->changes);
}

int saved_compare(struct plan *p, const char *file)
{
	_cleanup_(foreign_free) struct foreign *f = calloc(1, sizeof(*f));
	int err = f ? policy_read_saved(file, &f->text, &f->len, &p->diags) :
		      -ENOMEM;

	return err ? plan_file_fault(err) : compare(p, file, f);
}

int saved_want(struct plan *p, const char *file, const struct foreign *f)
{
	int err = look(p, file, f->text, f->len);
	struct part *m;

	if (err)
		return err;
	m = p->change.v;
	if (!m->live.survey.n_filters)
		err = saved_survey_add(f, &m->live.survey);
	if (!err && is_idle(f))
		err = plan_make_stateless(p);
	return err ? err : plan_lower(p, m, &m->live.survey);
}
