/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/cmd_confirm.c: keep the change that waits for this word. */
#include <errno.h>
#include <time.h>

#include "cli/report.h"
#include "core/mem.h"
#include "engine/recovery.h"

/* Nothing is waiting: how did it end when something last was? */
static int say_ending(struct plan *p, struct state *state)
{
	struct ending_note e;
	int r = ending_read(state, &e, &p->diags);

	if (r == -ENOENT || (!r && e.ending == ENDING_CONFIRMED)) {
		report(p, "confirm", "unchanged", NULL);
		report_talk("nothing waits for a confirmation");
		return EXIT_DONE;
	}
	if (r)
		return report_failure(p, "confirm", r);
	diag_add(&p->diags, DIAG_ERROR, 0, ID_CONFIRM_TOO_LATE, NOPOS,
		 e.ending == ENDING_FAILED ?
		 "change %u was not confirmed in time, and could not be taken back" :
		 "change %u was not confirmed in time: it is taken back, and the rules from before it are verified",
		 e.id);
	if (e.ending == ENDING_FAILED)
		diag_help(&p->diags, "run 'ctpolicy recover'");
	report(p, "confirm", e.ending == ENDING_FAILED ? "failed" :
							 "rolled_back", NULL);
	return e.ending == ENDING_FAILED ? EXIT_NOT_RESTORED :
					   EXIT_UNCONFIRMED;
}

/* First the word that it was kept, then what would take it back goes. */
static int keep(struct plan *p, struct state *state, uint32_t id)
{
	const struct ending_note e = {
		.id = id, .ending = ENDING_CONFIRMED,
		.time = (int64_t)time(NULL),
	};
	int r = ending_write(state, &e, &p->diags);

	if (!r)
		r = pending_drop(state, &p->diags);
	if (r)
		return report_failure(p, "confirm", r);
	report(p, "confirm", "changed", NULL);
	report_talk("change %u is confirmed and stays", id);
	return EXIT_DONE;
}

static int run(const struct options *o)
{
	_cleanup_(state_close) struct state *state = NULL;
	_cleanup_(plan_release) struct plan p = { .rq = &o->request };
	enum recovered what = RECOVERED_NOTHING;
	struct waiting w = { 0 };
	int r;

	r = recovery_open(&o->request, &state, &p.diags);
	p.state = state;
	/* What is half done or too late is rolled back instead. */
	if (!r)
		r = recovery_before(&p, &what);
	if (!r)
		r = waiting_read(state, &w, &p.diags);
	if (r)
		return report_failure(&p, "confirm", r);
	return w.there ? keep(&p, state, w.pending.id) :
			 say_ending(&p, state);
}

const struct command cmd_confirm = {
	.name = "confirm",
	.summary = "keep the change that is on trial (apply --confirm)",
	.takes = OPT_JSON | OPT_TRACE | OPT_STATE_DIR,
	.min_args = 0,
	.max_args = 0,
	.run = run,
	.help =
"Example:  ctpolicy apply --confirm 60s policy.yaml\n"
"          ctpolicy confirm            # in a new login\n"
"\n"
"Usage: ctpolicy confirm [OPTION...]\n"
"\n"
"Keeps the change that apply --confirm put on trial. If it is too late, says\n"
"that the change has been undone.\n"
"\n"
"  --state-dir DIR      where undo data is kept (/var/lib/ctpolicy)\n"
"  --json               one JSON object on standard output\n"
"  --trace              every kernel call on standard error\n"
"  --color=WHEN         auto, always or never\n"
"  -q, -v, --help       errors only; more detail; this text\n"
"\n"
"Exit code: 0 confirmed, or nothing is on trial; 12 too late, the previous\n"
"rules are restored and verified; 11 too late, and restoring them failed.\n",
};
