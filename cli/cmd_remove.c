/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/cmd_remove.c: remove all ctpolicy rules. */
#include <errno.h>
#include <string.h>

#include "cli/report.h"
#include "core/mem.h"
#include "engine/recovery.h"
#include "engine/transaction.h"

#define BACKENDS_MAX 4

/* What came of it in one backend. */
struct removal {
	struct plan plan;
	struct transaction done;
	bool dry_run;
	const char *result;
	int err;		/* of what failed before that */
	int code;
};

static enum shown shown(const struct removal *m)
{
	return m->dry_run ? SHOW_PLANNED : SHOW_MADE;
}

static void say(const struct removal *m)
{
	static const char *const words[OUTCOME_MAX_] = {
		[OUTCOME_UNCHANGED] = "nothing of ours was there",
		[OUTCOME_CHANGED] = "everything of ours is gone",
		[OUTCOME_STALE] = "the live rules kept changing; nothing done",
		[OUTCOME_NOT_RECORDED] = "failed; the rules are as before, verified",
		[OUTCOME_RESTORED] = "failed; the rules are as before, verified",
	};
	const struct plan *p = &m->plan;
	const char *said = words[m->done.outcome];

	if (m->err) {
		report_failure(p, "remove", m->err);
		return;
	}
	report(p, "remove", m->result, shown(m));
	if (said && !m->dry_run)
		report_talk("%s: %s", p->change.v[0].backend->name, said);
	report_tracking(&m->done);
}

static void take_out(struct removal *m, const struct options *o, bool named)
{
	struct plan *p = &m->plan;
	size_t said = p->diags.n;
	struct part *part = p->change.v;
	int r = part->backend->open(&part->ctx, &p->diags);

	m->result = "unchanged";
	if (!r)
		r = plan_compare(p);
	/* A backend that the kernel lacks cannot hold anything of ours. */
	if (r == -EOPNOTSUPP && !named) {
		diags_truncate(&p->diags, said);
	} else if (r) {
		m->err = r;
		m->result = report_failure_result(r);
		m->code = exit_code_of(r);
	} else if (o->dry_run) {
		if (change_is_empty(&p->change))
			return;
		m->result = "would_change";
		m->code = o->detailed ? EXIT_CHANGED : EXIT_DONE;
	} else {
		transact(p, &m->done);
		m->result = transaction_result(&m->done);
		m->code = transaction_exit_code(&m->done, o->detailed);
	}
}

/* Rules left half way weigh most, then any failure, then a change. */
static int weight(const struct removal *m)
{
	if (m->code == EXIT_NOT_RESTORED)
		return 1000;
	if (m->code >= EXIT_RESTORED)
		return m->code;
	return strcmp(m->result, "unchanged") ? 1 : 0;
}

static int conclude(const struct options *o, struct removal *m, size_t n)
{
	struct report_end ends[BACKENDS_MAX];
	size_t speaker = 0;
	int code;

	for (size_t i = 0; i < n; i++) {
		ends[i] = (struct report_end){
			&m[i].plan, m[i].result, shown(&m[i]),
		};
		if (weight(&m[i]) > weight(&m[speaker]))
			speaker = i;
		if (!o->json)
			say(&m[i]);
	}
	if (o->json)
		report_json("remove", ends, n, speaker);
	code = m[speaker].code;
	for (size_t i = 0; i < n; i++) {
		transaction_release(&m[i].done);
		plan_release(&m[i].plan);
	}
	return code;
}

/*
 * What was interrupted is finished or undone first, so that a rollback of this
 * leads to whole rules. Where that fails, all of ours goes nevertheless.
 */
static int settle_past(struct plan *p, struct state **ret, bool *ret_waits)
{
	enum recovered what = RECOVERED_NOTHING;
	int r = recovery_open(p->rq, ret, &p->diags);

	if (r)
		return r;
	p->state = *ret;
	r = recovery_before(p, &what);
	/* Its rules cannot be seen here: its undo data must stay. */
	if (diags_has(&p->diags, ID_BACKEND_NOT_BUILT))
		return r;
	if (r) {
		diags_truncate(&p->diags, 0);
		diag_add(&p->diags, DIAG_WARNING, 0, ID_UNFINISHED_REMOVED,
			 NOPOS,
			 "an interrupted change can neither be finished nor undone; what there is of it is taken out");
	}
	*ret_waits = what == RECOVERED_WAITS;
	return 0;
}

/* Nothing is left that could be confirmed. */
static int end_waiting(struct removal *m, size_t n, struct state *state)
{
	for (size_t i = 0; i < n; i++)
		if (m[i].code >= EXIT_RESTORED)
			return 0;
	return pending_drop(state, &m[0].plan.diags);
}

static size_t take_all_out(struct removal *m, const struct options *o,
			   struct state *state)
{
	bool named = o->request.backend && strcmp(o->request.backend, "auto");
	struct part *part;
	size_t n = 0;

	for (size_t i = 0; backends[i] && n < BACKENDS_MAX; i++) {
		if (named && strcmp(o->request.backend, backends[i]->name))
			continue;
		m[n].dry_run = o->dry_run;
		m[n].plan.rq = &o->request;
		m[n].plan.state = state;
		if (!change_add(&m[n].plan.change, backends[i], &part))
			take_out(&m[n++], o, named);
	}
	return n;
}

static int run(const struct options *o)
{
	_cleanup_(state_close) struct state *state = NULL;
	struct removal m[BACKENDS_MAX] = { { .plan = { .rq = &o->request } } };
	bool waits = false;
	size_t n;
	int r = 0;

	if (!o->dry_run)
		r = settle_past(&m[0].plan, &state, &waits);
	if (r) {
		r = report_failure(&m[0].plan, "remove", r);
		plan_release(&m[0].plan);
		return r;
	}
	n = take_all_out(m, o, state);
	if (n && waits && end_waiting(m, n, state)) {
		m[0].err = -EIO;
		m[0].result = "failed";
		m[0].code = EXIT_IO;
	}
	if (n)
		return conclude(o, m, n);
	plan_release(&m[0].plan);
	fprintf(stderr, "ctpolicy remove: no backend '%s' in this build\n",
		o->request.backend ? o->request.backend : "auto");
	return EXIT_USAGE;
}

const struct command cmd_remove = {
	.name = "remove",
	.summary = "remove all ctpolicy rules",
	.takes = OPT_BACKEND | OPT_JSON | OPT_TRACE | OPT_DRY_RUN |
		 OPT_DETAILED | OPT_STATE_DIR,
	.min_args = 0,
	.max_args = 0,
	.run = run,
	.help =
"Example:  ctpolicy remove\n"
"\n"
"Usage: ctpolicy remove [OPTION...]\n"
"\n"
"Removes every table, chain, rule and set of ctpolicy, NOTRACK before the\n"
"accept rules. Nothing else is touched.\n"
"\n"
"  --dry-run            show what would go and change nothing\n"
"  --detailed-exitcode  exit 2 when something changed (or would)\n"
"  --backend NAME       only this one (default: all)\n"
"  --state-dir DIR      where undo data is kept (/var/lib/ctpolicy)\n"
"  --json               one JSON object on standard output\n"
"  --trace              every kernel call on standard error\n"
"  --color=WHEN         auto, always or never\n"
"  -q, -v, --help       errors only; show each change; this text\n",
};
