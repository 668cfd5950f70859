/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/unsettled.h"

#include <errno.h>
#include <inttypes.h>

#include "core/clock.h"
#include "core/mem.h"

#define NS_PER_S 1000000000u

uint64_t trial_seconds_left(const struct waiting *w)
{
	uint64_t now = clock_boot_ns(), end = w->pending.deadline;

	return end > now ? (end - now + NS_PER_S - 1) / NS_PER_S : 0;
}

void trial_say(const struct waiting *w, enum diag_level level,
	       struct diags *d)
{
	diag_add(d, level, 0, ID_ON_TRIAL, NOPOS,
		 "change %u is still on trial for %" PRIu64 " s",
		 w->pending.id, trial_seconds_left(w));
	diag_help(d, "'ctpolicy confirm' keeps it, 'ctpolicy rollback' undoes it");
}

static int note_journal(struct state *state, bool *ret_there,
			struct diags *d)
{
	_cleanup_(record_release) struct record r = { 0 };
	int err = journal_read(state, &r, d);

	if (err == -ENOENT)
		*ret_there = false;
	if (err)
		return err == -ENOENT ? 0 : err;
	*ret_there = true;
	diag_add(d, DIAG_WARNING, 0, ID_UNFINISHED_SEEN, NOPOS,
		 "change %u (%s) is unfinished: it was interrupted, or another ctpolicy is at work on it",
		 r.id, r.command ? r.command : "apply");
	diag_help(d, "'ctpolicy recover' completes or undoes what was interrupted");
	return 0;
}

static int note_trial(struct state *state, struct diags *d)
{
	struct waiting w = { 0 };
	int err = waiting_read(state, &w, d);

	if (err || !w.there)
		return err;
	if (!w.expired) {
		trial_say(&w, DIAG_WARNING, d);
		return 0;
	}
	diag_add(d, DIAG_WARNING, 0, ID_UNFINISHED_SEEN, NOPOS,
		 "change %u was not confirmed in time and is not rolled back yet",
		 w.pending.id);
	diag_help(d, "'ctpolicy recover' rolls it back now");
	return 0;
}

/* Nothing here keeps a command that only looks from looking. */
static void soften(struct diags *d, const struct diags *said)
{
	for (size_t i = 0; i < said->n; i++) {
		const struct diag *s = &said->v[i];
		bool failed = s->level == DIAG_ERROR;

		diag_add(d, failed ? DIAG_NOTE : s->level, 0, s->id, s->at,
			 failed ? "changes on trial cannot be looked up: %s" :
				  "%s", s->msg);
		if (s->help && !failed)
			diag_help(d, "%s", s->help);
	}
}

int unsettled_note(const struct request *rq, struct diags *d)
{
	_cleanup_(state_close) struct state *state = NULL;
	_cleanup_(diags_release) struct diags said = { 0 };
	bool interrupted = false;
	int err = state_open_reading(rq->state_dir, &state, &said);

	if (!err)
		err = note_journal(state, &interrupted, &said);
	if (!err && !interrupted)
		err = note_trial(state, &said);
	soften(d, &said);
	return err == -ENOMEM ? err : 0;
}

int trial_take_end(struct state *state, struct ending_note *ret,
		   struct diags *d)
{
	struct ending_note e;
	int err = ending_read(state, &e, d);

	if (!err && !ending_is_undone(e.ending))
		err = -ENOENT;
	if (err)
		return err;
	ending_forget(state);
	*ret = e;
	return 0;
}

const char *trial_end_words(enum ending e)
{
	return e == ENDING_ROLLED_BACK_BUT ?
		       "has been rolled back, except for rules of the host's that could not be put back: what they refer to is gone" :
		       "has been rolled back and verified";
}

bool trial_tell_end(struct state *state, bool is_told, struct diags *d)
{
	_cleanup_(diags_release) struct diags said = { 0 };
	struct ending_note e;

	if (trial_take_end(state, &e, &said) || e.ending == ENDING_TAKEN_BACK)
		return false;
	if (!is_told)
		diag_add(d, DIAG_WARNING, 0, ID_CONFIRM_TOO_LATE, NOPOS,
			 "change %u was not confirmed in time and %s", e.id,
			 trial_end_words(e.ending));
	return true;
}
