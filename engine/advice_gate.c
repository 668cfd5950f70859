/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/advice_gate.c: what of the advice would an apply refuse here? */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/fault.h"
#include "core/mem.h"
#include "engine/advice_parts.h"
#include "engine/plan.h"
#include "engine/preflight.h"

/* Each one refuses more; a host where more are needed is told about. */
#define ROUNDS_MAX 6

/* Refusals that translation, or a helper, is the reason of. */
static const struct {
	enum diag_id id;
	bool nat, helper;
} kinds[] = {
	{ ID_NEEDS_NAT, true, false },
	{ ID_EPHEMERAL_SERVER, true, false },
	{ ID_MASQUERADED_REPLIES, true, false },
	{ ID_UNGUARDED_REPLIES, true, false },
	{ ID_STAYS_TRACKED, false, true },
};

static int try_apply(struct plan *p, const struct request *rq,
		     const struct advice *a)
{
	char *text = strdup(a->policy);
	int err;

	if (!text)
		return -ENOMEM;
	err = plan_load_text(p, rq, "suggestion", text, strlen(text));
	if (!err)
		err = plan_choose_live(p);
	if (!err)
		err = plan_compare(p);
	return err ? err : preflight_check(p);
}

static struct suggestion *of_line(struct advice *a, uint32_t line)
{
	struct suggestion *found = NULL;

	for (size_t i = 0; line && i < a->n; i++)
		if (a->v[i].why == ADVICE_ALLOWED && a->v[i].line <= line)
			found = &a->v[i];
	return found;
}

static bool refuse_one(struct advice *a, const struct diag *d,
		       struct suggestion *s)
{
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++)
		if (kinds[k].id == d->id) {
			s->nat |= kinds[k].nat;
			s->helper |= kinds[k].helper;
		}
	diag_add(&a->diags, DIAG_NOTE, 0, d->id, NOPOS, "%s", d->msg);
	return true;
}

/* Lines are those of the policy that was judged: none goes before the end. */
static bool refuse(struct advice *a, const struct diags *said)
{
	_cleanup_free_ bool *gone = calloc(a->n, sizeof(*gone));
	bool any = false;

	for (size_t i = 0; gone && i < said->n; i++) {
		struct suggestion *s = of_line(a, said->v[i].at.line);

		if (said->v[i].level == DIAG_ERROR && s)
			gone[s - a->v] = refuse_one(a, &said->v[i], s);
	}
	for (size_t i = 0; gone && i < a->n; i++)
		if (gone[i]) {
			a->v[i].why = ADVICE_REFUSED;
			any = true;
		}
	return any;
}

/* It is advice all the same: 'ctpolicy diff' says what is in its way. */
static void warn_unjudged(struct advice *a, const struct diags *said)
{
	const char *why = "";

	for (size_t i = 0; i < said->n; i++)
		if (said->v[i].level == DIAG_ERROR)
			why = said->v[i].msg;
	diag_add(&a->diags, DIAG_WARNING, 0, ID_ADVICE_UNJUDGED, NOPOS,
		 "cannot tell whether this host's rules allow it: %s",
		 why);
	diag_help(&a->diags, "'ctpolicy diff' of such a policy says more");
}

static bool has_allowed(const struct advice *a)
{
	for (size_t i = 0; i < a->n; i++)
		if (a->v[i].why == ADVICE_ALLOWED)
			return true;
	return false;
}

/* An apply takes out of force what its policy does not name. */
static void note_others(struct advice *a, const struct plan *p)
{
	bool ours = false;

	for (size_t i = 0; i < p->change.n; i++)
		ours |= p->change.v[i].live.survey.ours;
	if (ours)
		diag_add(&a->diags, DIAG_NOTE, 0, ID_ADVICE_MERGE, NOPOS,
			 "ctpolicy's rules are in force here: add these services to their policy, since one that names no others would put those back into tracking");
}

/* Without their places, which are in no file. */
static void tell_errors(struct advice *a, const struct diags *said)
{
	for (size_t i = 0; i < said->n; i++)
		if (said->v[i].level == DIAG_ERROR)
			diag_add(&a->diags, DIAG_ERROR, 0, said->v[i].id,
				 NOPOS, "%s", said->v[i].msg);
}

/* Any other error says nothing of the policy. */
static bool is_judgement(int err)
{
	enum fault f = fault_of(err);

	return f == FAULT_CONFLICT || f == FAULT_LACKING || f == FAULT_POLICY;
}

int advice_gate(struct advice *a, const struct request *rq)
{
	for (unsigned int round = 0; has_allowed(a); round++) {
		_cleanup_(plan_release) struct plan p = { 0 };
		int err = advice_write(a->v, a->n, &a->policy);

		if (!err)
			err = try_apply(&p, rq, a);
		if (!err)
			note_others(a, &p);
		if (!err)
			return 0;
		if (!is_judgement(err)) {
			tell_errors(a, &p.diags);
			return err;
		}
		if (round == ROUNDS_MAX || !refuse(a, &p.diags)) {
			warn_unjudged(a, &p.diags);
			return 0;
		}
	}
	free(a->policy);
	a->policy = NULL;
	return 0;
}
