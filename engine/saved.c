/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/saved.h"

#include <errno.h>

#include "core/fault.h"
#include "core/mem.h"

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

int saved_compare(struct plan *p, const char *file)
{
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	struct part *m;
	int err = policy_read_saved(file, &text, &len, &p->diags);

	if (err)
		return plan_file_fault(err);
	err = choose(p, text);
	if (err)
		return err;
	m = p->change.v;
	err = m->backend->parse(file, text, len, &m->live.image, &p->diags);
	if (err == -EINVAL)
		return unreadable(p);
	if (!err)
		err = survey_of_image(m->live.image, &m->live.survey);
	if (!err)
		err = plan_lower(p, m, &m->live.survey);
	return err ? err :
		     changeset_diff(m->want, m->live.image, &m->changes);
}
