/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/saved.h"

#include <errno.h>
#include <stdlib.h>

#include "audit/keepers.h"
#include "audit/own.h"
#include "core/fault.h"
#include "core/mem.h"
#include "engine/forbidden.h"
#include "engine/placing.h"
#include "engine/preflight.h"
#include "engine/within.h"

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

/* Are there rules or policies of the host's? A text of render has none. */
static bool shows_host(const struct foreign *f)
{
	for (size_t i = 0; i < f->n_chains; i++)
		if (!own_is_chain(f, i) &&
		    (f->chains[i].policy || f->chains[i].n_rules))
			return true;
	return false;
}

/* Of which none needs connection tracking. */
static bool is_idle(const struct foreign *f)
{
	for (size_t i = 0; i < f->n_rules; i++)
		if (own_is_host(f, &f->rules[i]) &&
		    keepers_has(f, &f->rules[i]))
			return false;
	return true;
}

/* As a live host is looked at. What is not understood may need tracking. */
static int look_at_host(struct plan *p, struct part *m,
			const struct foreign *f)
{
	bool kept = false;
	int err;

	if (!shows_host(f))
		return plan_lower(p, m, NULL);
	err = p->policy->forbid_state ? forbidden_check_in(p, f) : 0;
	if (!err && is_idle(f))
		err = plan_make_stateless(p);
	else if (!err)
		err = within_find_in(p, f, &kept);
	if (!err && kept)
		err = plan_make_again(p);
	if (!err)
		err = placing_of(p, m, f);
	return err ? err : plan_lower(p, m, &m->live.survey);
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

/* With accept rules that ask as much as is said. */
static int compare_asking(struct plan *p, struct part *m, bool all)
{
	int err;

	changeset_free(&m->changes);
	p->asks_all = all;
	err = placing_of(p, m, p->host.f);
	if (!err)
		err = plan_lower(p, m, &m->live.survey);
	return err ? err : changeset_diff(m->want, m->live.image, &m->changes);
}

/*
 * A text does not say what else takes packets out of tracking on its host:
 * rules of the other world, IPVS, a VRF. Accept rules that ask all are right
 * there: with these, too, the text may be what is wanted.
 */
static int compare_fairly(struct plan *p, struct part *m)
{
	int err;

	if (!changeset_count(m->changes) || !p->rules ||
	    !shows_host(p->host.f))
		return 0;
	err = compare_asking(p, m, true);
	return err || !changeset_count(m->changes) ?
		       err : compare_asking(p, m, false);
}

static int compare(struct plan *p, const char *file, struct foreign **f)
{
	int err = look(p, file, (*f)->text, (*f)->len);
	struct part *m;

	if (err)
		return err;
	m = p->change.v;
	err = host_rules_of_text(&p->host, m->backend, file, f);
	if (!err)
		err = look_at_host(p, m, p->host.f);
	if (!err)
		err = changeset_diff(m->want, m->live.image, &m->changes);
	if (!err)
		err = compare_fairly(p, m);
	return err || !shows_host(p->host.f) ? err : preflight_check_text(p);
}

int saved_compare(struct plan *p, const char *file)
{
	_cleanup_(foreign_free) struct foreign *f = calloc(1, sizeof(*f));
	int err = f ? policy_read_saved(file, &f->text, &f->len, &p->diags) :
		      -ENOMEM;

	return err ? plan_file_fault(err) : compare(p, file, &f);
}

int saved_want(struct plan *p, const char *file, const struct foreign *f)
{
	int err = look(p, file, f->text, f->len);

	if (err)
		return err;
	return look_at_host(p, p->change.v, f);
}
