/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/watch.c: when to look, and what of it to tell. */
#include "engine/watch.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/mem.h"
#include "engine/watch_pace.h"
#include "host/privilege.h"

#define MS 1000000ULL
/* Transactions of one reload follow each other: look behind them, but soon. */
#define QUIET_MS 100
#define SOON_MS 500
/* Where nobody tells of writes, and where all are told of. */
#define POLL_MS 500
#define SELDOM_MS 60000
/* Until a change is there, or over: only its record is read. */
#define IDLE_MS 1000
/* Looks may take this share of a processor's time, and so much ahead of it. */
#define SHARE 25
#define AHEAD_MS 5000
/* What fails while others write, or are about to, is tried again first. */
#define PATIENCE_MS 1500
struct watcher {
	const struct request *rq;
	watch_say *say;
	void *arg;
	int signals;
	struct rule_events events;
	bool listens, blind;
	struct rule_event writer, last_writer;	/* not ourselves */
	bool written;			/* since the last look */
	uint64_t first_write, due;	/* when to look */
	uint64_t not_before;		/* whatever is written */
	uint64_t owed, owed_at;		/* of work, and when */
	uint64_t seen;			/* when all was found in force... */
	struct watch_seen glance;	/* ... and what it looked like */
	bool glanced, polls;
	bool repaired;			/* just now: our own writes are known */
	uint64_t failing_since;		/* 0: does not */
	struct watch_pace pace;
	uint64_t failures;		/* that lasted */
	struct watch_fresh fresh;
	enum watch_sight last, said;
	int said_err, failed_err;	/* the latter: while it fails */
	uint64_t said_rests;
	uint32_t said_change;
	size_t left;			/* as said last, or fewer since */
};

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static bool is_ours(const struct rule_event *e)
{
	return e && !strcmp(e->name, "ctpolicy");
}

static void take_event(struct watcher *w, const struct rule_event *e)
{
	uint64_t now = clock_boot_ns();

	if (w->repaired && is_ours(e))
		return;
	if (!w->written)
		w->first_write = now;
	w->written = true;
	if (e && !is_ours(e)) {
		if (!*w->writer.name)
			w->writer = *e;
		w->last_writer = *e;
	}
	w->due = sooner(w->due, sooner(now + QUIET_MS * MS,
				       w->first_write + SOON_MS * MS));
	w->due = later(w->due, w->not_before);
}

static void take_events(struct watcher *w)
{
	struct rule_event e;
	int err;

	for (;;) {
		err = rule_events_take(&w->events, &e);
		if (err && err != -ENOBUFS)
			return;
		take_event(w, err ? NULL : &e);
	}
}

/* True: told to end. */
static bool take_signal(struct watcher *w)
{
	struct signalfd_siginfo s;

	if (read(w->signals, &s, sizeof(s)) != sizeof(s))
		return false;
	if (s.ssi_signo != SIGHUP)
		return true;
	w->due = w->not_before = 0;
	w->pace.rests_until = 0;
	w->glanced = false;
	return false;
}

/* Sleep until it is time to look; false: told to end. */
static bool wait_until_due(struct watcher *w)
{
	struct pollfd v[] = {
		{ .fd = w->signals, .events = POLLIN },
		{ .fd = w->listens ? rule_events_fd(&w->events) : -1,
		  .events = POLLIN },
	};

	for (;;) {
		uint64_t now = clock_boot_ns();
		int ms = w->due > now ? (int)((w->due - now) / MS) + 1 : 0;

		if (poll(v, ARRAY_SIZE(v), ms) < 0 && errno != EINTR)
			clock_pause_ms(SOON_MS);
		if (v[0].revents && take_signal(w))
			return false;
		if (v[1].revents)
			take_events(w);
		if (clock_boot_ns() >= w->due)
			return true;
	}
}

/* A change that is over in a moment is none. */
static bool is_news(const struct watcher *w, const struct watch_look *look)
{
	if (look->sight == WATCH_REPAIRED || look->left > w->left)
		return true;
	if (look->sight == WATCH_TRIAL && w->last != WATCH_TRIAL)
		return false;
	/* A pause that is over, and all is as it was before it. */
	if (look->sight == WATCH_FAILED && w->said == WATCH_WAITS &&
	    look->err == w->failed_err && w->said_rests == w->pace.rests_until)
		return look->change != w->said_change;
	if (look->sight == WATCH_WAITS && w->said_rests != w->pace.rests_until)
		return true;
	if (look->sight == WATCH_IN_FORCE && w->said == WATCH_REPAIRED &&
	    look->change == w->said_change)
		return false;
	return look->sight != w->said || look->err != w->said_err ||
	       look->change != w->said_change;
}

static void tell(struct watcher *w, struct watch_look *look)
{
	uint64_t now = clock_boot_ns();

	/* Of iptables' own tables nobody tells, whoever wrote others. */
	if (*w->writer.name && !look->polls) {
		look->writer = &w->writer;
		look->last_writer = &w->last_writer;
	}
	if (w->pace.rests_until > now)
		look->seconds = (unsigned int)((w->pace.rests_until - now) /
					       (1000 * MS)) + 1;
	look->failing = w->pace.failing;
	look->failures = w->failures;
	if (is_news(w, look)) {
		w->say(look, w->arg);
		w->said = look->sight;
		w->said_err = look->err;
		w->said_change = look->change;
		w->said_rests = w->pace.rests_until;
		if (look->sight != WATCH_WAITS)
			w->failed_err = look->err;
	}
	w->last = look->sight;
	w->left = look->left;
	/* The next one to be blamed is another one. */
	if (look->sight != WATCH_WAITS && look->sight != WATCH_FAILED)
		w->writer = w->last_writer = (struct rule_event){ 0 };
}

/* What was done is paid for by doing nothing, some of it later. */
static void pay(struct watcher *w, uint64_t worked)
{
	uint64_t now = clock_boot_ns(), paid = (now - w->owed_at) / SHARE;

	w->owed = w->owed > paid ? w->owed - paid : 0;
	w->owed += worked;
	w->owed_at = now;
	w->not_before = w->owed > AHEAD_MS * MS ?
				now + (w->owed - AHEAD_MS * MS) * SHARE : now;
}

static void schedule(struct watcher *w, uint64_t ms, uint64_t worked)
{
	pay(w, worked);
	if (w->written)
		ms = QUIET_MS;
	w->due = later(clock_boot_ns() + ms * MS, w->not_before);
}

/* Nothing happened since all was in force that would make a difference. */
static bool is_as_seen(const struct watcher *w, const struct watch_seen *now)
{
	return w->last == WATCH_IN_FORCE && w->glanced &&
	       clock_boot_ns() - w->seen < SELDOM_MS * MS &&
	       now->digest == w->glance.digest;
}

/* What was seen holds for what a glance before and one behind it agree on. */
static void look_between_glances(struct watcher *w,
				 const struct watch_seen *before,
				 struct watch_look *look)
{
	struct watch_seen behind;

	watch_look(look, w->rq, watch_pace_may_try(&w->pace));
	w->glanced = look->sight == WATCH_IN_FORCE && before &&
		     !watch_glance(w->rq, &behind) &&
		     before->digest == behind.digest;
	if (!w->glanced)
		return;
	w->glance = behind;
	w->seen = clock_boot_ns();
}

/* Rules that are half written may fail to be read, or judged, or stay put. */
static bool may_pass(struct watcher *w, const struct watch_look *look)
{
	uint64_t now = clock_boot_ns();

	if (!look->err) {
		w->failing_since = 0;
		return false;
	}
	if (!w->failing_since)
		w->failing_since = now;
	return now - w->failing_since < PATIENCE_MS * MS;
}

static uint64_t pause_behind(const struct watcher *w,
			     const struct watch_look *look)
{
	if (look->sight <= WATCH_TRIAL)
		return IDLE_MS;
	/* A host may have both: what nobody tells of may matter to either. */
	return look->polls || !w->listens || w->glance.silent ? POLL_MS :
								SELDOM_MS;
}

/* What was written by the repair was verified by it, or undone. */
static void take_own_events(struct watcher *w)
{
	w->repaired = true;
	if (w->listens)
		take_events(w);
	w->repaired = false;
}

/* Once: nobody else would notice. */
static void warn_blind(struct watch_look *look, bool blind)
{
	look->blind = blind;
	if (!blind)
		return;
	diag_add(&look->plan.diags, DIAG_WARNING, 0, ID_LOGIN_UNKNOWN, NOPOS,
		 "without CAP_SYS_PTRACE the SSH server's connections cannot be seen: no repair is checked for whether it cuts one of them off");
	diag_help(&look->plan.diags,
		  "give it that capability, as ctpolicy-watch.service does");
}

static void look_once(struct watcher *w)
{
	struct watch_look look = { .quiet = w->listens && w->written,
				   .fresh = &w->fresh };
	uint64_t worked = clock_worked_ns(), next;
	bool seldom = !w->written && !w->polls, told;
	struct watch_seen now;

	w->written = false;
	told = !watch_glance(w->rq, &now);
	if (told && is_as_seen(w, &now)) {
		w->writer = w->last_writer = (struct rule_event){ 0 };
		schedule(w, w->polls ? POLL_MS : SELDOM_MS,
			 clock_worked_ns() - worked);
		w->due = sooner(w->due, w->seen + SELDOM_MS * MS);
		return;
	}
	look_between_glances(w, told ? &now : NULL, &look);
	if (w->said == WATCH_MAX_)
		warn_blind(&look, w->blind);
	if (look.sight == WATCH_REPAIRED)
		watch_pace_note(&w->pace, false, seldom);
	next = pause_behind(w, &look);
	w->polls = next == POLL_MS;
	if (may_pass(w, &look)) {
		next = SOON_MS;
	} else {
		w->failures += look.err != 0;
		if (look.sight == WATCH_FAILED && look.tried)
			watch_pace_note(&w->pace, true, seldom);
		tell(w, &look);
	}
	if (look.sight == WATCH_REPAIRED || look.tried)
		take_own_events(w);
	schedule(w, next, clock_worked_ns() - worked);
	if (look.sight == WATCH_WAITS)
		w->due = sooner(w->due, w->pace.rests_until);
	watch_look_release(&look);
}

static int begin(struct watcher *w, struct diags *d)
{
	sigset_t set;
	int err;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	err = privilege_require(d);
	if (err)
		return err;
	w->blind = !privilege_sees_processes();
	w->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (w->signals < 0)
		return -errno;
	/* A kernel without nf_tables has nobody who tells. */
	w->listens = !rule_events_open(&w->events);
	return privilege_drop(PRIVILEGE_MODULES);
}

int watch_run(const struct request *rq, watch_say *say, void *arg)
{
	struct watcher w = { .rq = rq, .say = say, .arg = arg, .signals = -1,
			     .last = WATCH_MAX_, .said = WATCH_MAX_ };
	struct watch_look first = { .sight = WATCH_UNKNOWN };

	first.err = begin(&w, &first.plan.diags);
	first.failures = first.err != 0;
	if (first.err)
		say(&first, arg);
	else
		do
			look_once(&w);
		while (wait_until_due(&w));
	if (w.listens)
		rule_events_close(&w.events);
	if (w.signals >= 0)
		close(w.signals);
	originals_release(&w.fresh.rules);
	watch_look_release(&first);
	return first.err;
}

static int look_patiently(struct watch_look *look, const struct request *rq)
{
	uint64_t began = clock_boot_ns();

	watch_look(look, rq, true);
	while (look->err && clock_boot_ns() - began < PATIENCE_MS * MS) {
		struct watch_fresh *fresh = look->fresh;

		watch_look_release(look);
		look->fresh = fresh;
		clock_pause_ms(SOON_MS);
		watch_look(look, rq, true);
	}
	return look->err;
}

int watch_once(const struct request *rq, watch_say *say, void *arg)
{
	struct watch_fresh fresh = { 0 };
	struct watch_look look = { .fresh = &fresh };
	int err = privilege_require(&look.plan.diags);

	if (err) {
		look.sight = WATCH_UNKNOWN;
		look.err = err;
	} else {
		bool blind = !privilege_sees_processes();

		err = look_patiently(&look, rq);
		/* Of a look that repairs nothing it makes no difference. */
		warn_blind(&look, blind && look.sight > WATCH_IN_FORCE);
	}
	look.failures = err != 0;
	say(&look, arg);
	watch_look_release(&look);
	originals_release(&fresh.rules);
	return err;
}

const char *watch_sight_name(enum watch_sight s)
{
	static const char *const names[] = {
#define X(id, word) [WATCH_##id] = (word),
		WATCH_SIGHTS(X)
#undef X
	};

	return names[s];
}
