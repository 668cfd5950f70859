/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/waiter.c: watching over a change on trial, until that is over. */
#include "engine/waiter.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/file_match.h"
#include "core/mem.h"
#include "engine/unsettled.h"
#include "state/kept.h"

/* How often it checks whether the trial is still on. */
#define LOOK_MS 500
/* Between tries to roll back, at most. */
#define RETRY_MAX_MS 30000
/* How long it tries after it was told to end. */
#define LAST_TRIES_S 10
/* How long a service manager may take to start its own waiter. */
#define OTHER_WAITER_S 5
#define SHORT_MS 100

struct watch {
	const struct request *rq;
	struct waiting seen;	/* when it could last be read */
	struct kept kept;	/* of it */
	int guard;		/* held shared by each waiter; -1: not yet */
	struct waiter command;	/* asks for a look, is answered; -1: gone */
	bool asked;
	bool ending;		/* SIGTERM came */
	uint64_t give_up;	/* CLOCK_BOOTTIME; when ending */
	uint64_t alone_from;	/* no other waiter is expected then */
	bool is_commands;	/* no service of its own */
	unsigned int failures;	/* in a row */
};

enum sight {
	SIGHT_NOTHING,		/* no change is on trial */
	SIGHT_TRIAL,
	SIGHT_SPOILT,		/* one is; files are missing or damaged */
	SIGHT_OTHERS,		/* another version's, which this cannot read */
	SIGHT_UNKNOWN,		/* cannot be determined now */
};

/* No note of a trial is there. Did ctpolicy end it, or somebody delete it? */
static enum sight sight_without(const struct watch *w)
{
	if (w->seen.there && kept_is_on(&w->kept))
		return SIGHT_SPOILT;
	if (w->seen.there && w->kept.pending < 0)
		syslog(LOG_WARNING, "change %u is not on trial any more",
		       w->seen.pending.id);
	return SIGHT_NOTHING;
}

/* Takes no lock. */
static enum sight look(struct watch *w)
{
	_cleanup_(state_close) struct state *state = NULL;
	_cleanup_(diags_release) struct diags said = { 0 };
	struct waiting now;
	int err = state_open_reading(w->rq->state_dir, &state, &said);

	if (err == -ENOENT)
		return sight_without(w);
	if (!err)
		err = waiting_read(state, &now, &said);
	if (err)
		return err == -FAULT_LACKING ? SIGHT_OTHERS : SIGHT_UNKNOWN;
	if (!now.there)
		return sight_without(w);
	if (w->guard < 0)
		w->guard = state_watch(state);
	w->seen = now;
	if (now.pending.id && !kept_hold(&w->kept, state, now.pending.id))
		return SIGHT_SPOILT;
	return SIGHT_TRIAL;
}

/*
 * Whoever put it there has a waiter of his own. Until its own trial's end this
 * one stays, in case the file goes again.
 */
static void say_others(const struct watch *w)
{
	syslog(LOG_CRIT,
	       "a file of the trial of change %u was written by another version of ctpolicy: that version must end it, this one stops waiting [%s]",
	       w->seen.pending.id, diag_id_name(ID_RECORD_VERSION));
}

static bool is_due(const struct watch *w)
{
	return w->ending || (w->seen.there &&
			     (w->seen.expired ||
			      clock_boot_ns() >= w->seen.pending.deadline));
}

/*
 * Another waiter watches over the same trial: it may go on. One that comes
 * later must find the file free to share.
 */
static bool is_watched_by_others(const struct watch *w)
{
	bool others = w->guard >= 0 && flock(w->guard, LOCK_EX | LOCK_NB) &&
		      errno == EWOULDBLOCK;

	if (w->guard >= 0)
		(void)flock(w->guard, LOCK_SH | LOCK_NB);
	return others;
}

static int is_there(void *arg, const char *path)
{
	(void)arg;
	(void)path;
	return 1;
}

/*
 * Does systemd begin to wait, too, because ctpolicy-confirm.path is enabled?
 * Then whoever ends the service that began the trial does not end the trial.
 */
static bool expects_another(const struct watch *w)
{
	if (!w->is_commands || clock_boot_ns() >= w->alone_from)
		return false;
	return file_match("/etc/systemd/system/*.wants/ctpolicy-confirm.path",
			  is_there, NULL) > 0 &&
	       !access("/run/systemd/system", F_OK);
}

/* Sleep until the command asks for something, or is gone. */
static void listen_to_command(struct watch *w, uint64_t ms)
{
	struct pollfd p = { .fd = w->command.go, .events = POLLIN };
	char word;

	if (poll(&p, 1, (int)ms) <= 0)
		return;
	w->asked = (p.revents & POLLIN) && read(p.fd, &word, 1) == 1;
	if (!w->asked)
		waiter_dismiss(&w->command);
}

static void answer_command(struct watch *w)
{
	if (w->asked && write(w->command.answer, "", 1) != 1)
		waiter_dismiss(&w->command);
	w->asked = false;
}

/* In short naps, since the clock of these calls stops in suspend. */
static void nap(struct watch *w, uint64_t ms)
{
	struct timespec t = { 0 };
	sigset_t term;

	if (w->command.go >= 0 && ms <= LOOK_MS) {
		listen_to_command(w, ms);
	} else {
		t.tv_sec = (time_t)(ms / 1000);
		t.tv_nsec = (long)(ms % 1000) * 1000000;
	}
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	if (sigtimedwait(&term, NULL, &t) != SIGTERM || w->ending)
		return;
	w->ending = true;
	w->alone_from = clock_deadline(OTHER_WAITER_S);
	w->give_up = clock_deadline(LAST_TRIES_S);
}

static void nap_until_due(struct watch *w)
{
	uint64_t now = clock_boot_ns(), ms = LOOK_MS;

	if (w->seen.there && w->seen.pending.deadline > now &&
	    w->seen.pending.deadline - now < LOOK_MS * 1000000ULL)
		ms = (w->seen.pending.deadline - now) / 1000000 + 1;
	nap(w, ms);
}

static void nap_after_failure(struct watch *w)
{
	uint64_t ms = LOOK_MS;

	for (unsigned int i = 0; i + 10 < w->failures && ms < RETRY_MAX_MS; i++)
		ms *= 2;
	nap(w, ms < RETRY_MAX_MS && !w->ending ? ms : w->ending ? LOOK_MS :
						      RETRY_MAX_MS);
}

/* The first time, and then more and more rarely. */
static void log_failure(struct watch *w, const char *what,
			const struct diags *d)
{
	w->failures++;
	if (w->failures & (w->failures - 1))
		return;
	for (size_t i = 0; i < d->n; i++)
		if (d->v[i].level == DIAG_ERROR)
			syslog(LOG_ERR, "%s [%s]", d->v[i].msg,
			       diag_id_name(d->v[i].id));
	syslog(LOG_CRIT, "change %u %s; trying again", w->seen.pending.id,
	       what);
}

/* Told to end: the trial's time is over now. */
static int end_early(struct recovery *v, const struct request *rq,
		     struct state *state)
{
	if (v->what != RECOVERED_WAITS)
		return 0;
	recovery_release(v);
	return recovery_take_back(v, rq, state);
}

/* True: the trial is over, one way or the other. */
static bool roll_back(struct watch *w, enum waited *ret)
{
	_cleanup_(state_close) struct state *state = NULL;
	_cleanup_(recovery_release) struct recovery v = {
		.plan = { .rq = w->rq },
	};
	int err = recovery_open(w->rq, &state, &v.plan.diags);

	if (!err)
		err = recovery_run(&v, w->rq, state);
	if (!err && w->ending)
		err = end_early(&v, w->rq, state);
	if (!err)
		err = recovery_error(&v);
	if (err) {
		log_failure(w, "was not confirmed, and cannot be rolled back yet",
			    &v.plan.diags);
		return false;
	}
	if (v.what == RECOVERED_OLD) {
		syslog(LOG_WARNING,
		       "change %u was not confirmed %s; it %s", v.record.id,
		       w->ending ? "before its waiter was ended" : "in time",
		       trial_end_words(recovery_ending(&v)));
		*ret = WAITED_UNDONE;
		return true;
	}
	w->failures = 0;
	return false;
}

/* Whoever deletes or damages the files of a trial does not confirm it. */
static bool put_back(struct watch *w)
{
	_cleanup_(state_close) struct state *state = NULL;
	_cleanup_(diags_release) struct diags said = { 0 };
	int err;

	kept_make_way(w->rq->state_dir);
	err = recovery_open(w->rq, &state, &said);
	/* It may have ended while this waited for the lock. */
	if (!err && !kept_is_on(&w->kept))
		return true;
	if (!err)
		err = kept_put_back(&w->kept, state, &said);
	if (err) {
		log_failure(w, "is on trial, and its deleted or damaged files cannot be put back yet",
			    &said);
		return false;
	}
	syslog(LOG_WARNING,
	       "files of change %u were deleted or damaged while it was on trial; they are restored, and the trial goes on",
	       w->kept.id);
	/* The file that it locked may be gone, too. */
	if (w->guard >= 0)
		close(w->guard);
	w->guard = -1;
	w->failures = 0;
	return true;
}

enum waited waiter_wait(const struct request *rq, struct waiter *command)
{
	struct watch w = {
		.rq = rq, .kept = KEPT_NONE, .guard = -1,
		.command = command ? *command : WAITER_NONE,
		.is_commands = command,
	};
	enum waited ret = WAITED_KEPT;
	sigset_t term;

	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, NULL);
	for (;;) {
		enum sight sight = look(&w);

		answer_command(&w);
		if (sight == SIGHT_NOTHING ||
		    (w.ending && is_watched_by_others(&w)))
			break;
		if (sight == SIGHT_OTHERS && (!w.seen.there || is_due(&w))) {
			say_others(&w);
			ret = WAITED_FAILED;
			break;
		}
		if (sight == SIGHT_SPOILT) {
			if (!put_back(&w))
				nap_after_failure(&w);
			if (!w.ending || clock_boot_ns() < w.give_up)
				continue;
			ret = WAITED_FAILED;
			break;
		}
		if (w.ending && expects_another(&w)) {
			nap(&w, SHORT_MS);
			continue;
		}
		if (!is_due(&w)) {
			nap_until_due(&w);
			continue;
		}
		if (roll_back(&w, &ret))
			break;
		if (w.ending && clock_boot_ns() >= w.give_up) {
			ret = WAITED_FAILED;
			break;
		}
		nap_after_failure(&w);
	}
	if (w.guard >= 0)
		close(w.guard);
	kept_release(&w.kept);
	waiter_dismiss(&w.command);
	return ret;
}
