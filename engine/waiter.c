/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/waiter.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/mem.h"
#include "engine/recovery.h"

/* How often it looks whether it is still waited for, in milliseconds. */
#define LOOK_MS 500
/* Tries to take the change back, when the kernel or a lock refuses. */
#define TRIES 60

static void sleep_until(uint64_t when)
{
	uint64_t next = clock_boot_ns() + LOOK_MS * 1000000ULL;
	struct timespec t;

	if (next > when)
		next = when;
	t.tv_sec = (time_t)(next / 1000000000);
	t.tv_nsec = (long)(next % 1000000000);
	clock_nanosleep(CLOCK_BOOTTIME, TIMER_ABSTIME, &t, NULL);
}

/* Is there something to wait for, and until when? Takes no lock. */
static bool look(const struct request *rq, struct waiting *ret)
{
	_cleanup_(state_close) struct state *state = NULL;
	_cleanup_(diags_release) struct diags said = { 0 };

	*ret = (struct waiting){ 0 };
	if (state_open_reading(rq->state_dir, &state, &said) ||
	    waiting_read(state, ret, &said))
		return false;
	return ret->there;
}

static void log_diags(const struct diags *d)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->v[i].level == DIAG_ERROR)
			syslog(LOG_ERR, "%s [%s]", d->v[i].msg,
			       diag_id_name(d->v[i].id));
}

/* 0: no longer pending; else -errno of what stands in the way. */
static int take_back(const struct request *rq)
{
	_cleanup_(state_close) struct state *state = NULL;
	_cleanup_(recovery_release) struct recovery v = {
		.plan = { .rq = rq }
	};
	int r = recovery_open(rq, &state, &v.plan.diags);

	if (!r)
		r = recovery_run(&v, rq, state);
	if (!r)
		r = recovery_error(&v);
	if (r)
		log_diags(&v.plan.diags);
	else if (v.what == RECOVERED_OLD)
		syslog(LOG_WARNING,
		       "change %u was not confirmed in time: it is taken back, and the rules from before it are verified",
		       v.record.id);
	return r;
}

static int note_failure(const struct request *rq, uint32_t id)
{
	_cleanup_(state_close) struct state *state = NULL;
	_cleanup_(diags_release) struct diags said = { 0 };
	const struct ending_note note = {
		.id = id, .ending = ENDING_FAILED,
		.time = (int64_t)time(NULL),
	};
	int r = state_open(rq->state_dir, &state, &said);

	if (!r)
		r = ending_write(state, &note, &said);
	syslog(LOG_CRIT,
	       "change %u was not confirmed in time, and could not be taken back: run 'ctpolicy recover'",
	       id);
	return r;
}

enum waited waiter_wait(const struct request *rq)
{
	const struct timespec pause = { .tv_nsec = 500000000 };
	struct waiting w;
	uint32_t id = 0;

	while (look(rq, &w) && !w.expired)
		sleep_until(w.pending.deadline);
	if (!w.there)
		return WAITED_KEPT;
	id = w.pending.id;
	for (unsigned int i = 0; i < TRIES; i++) {
		if (!take_back(rq))
			return WAITED_UNDONE;
		nanosleep(&pause, NULL);
		if (!look(rq, &w))
			return WAITED_KEPT;
	}
	(void)note_failure(rq, id);
	return WAITED_FAILED;
}

/* Nothing of the caller's is kept: no file, no folder, no signal, no name. */
static int stand_alone(int ready)
{
	sigset_t all;
	int null;

	if (sigfillset(&all) || sigprocmask(SIG_BLOCK, &all, NULL) ||
	    chdir("/"))
		return -errno;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0)
		return -errno;
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (dup2(null, fd) < 0)
			return -errno;
	if (ready > STDERR_FILENO + 1 &&
	    close_range(STDERR_FILENO + 1, (unsigned int)ready - 1, 0))
		return -errno;
	if (close_range((unsigned int)ready + 1, ~0U, 0))
		return -errno;
	openlog("ctpolicy", LOG_PID, LOG_DAEMON);
	return 0;
}

static void be_waiter(const struct request *rq, int ready)
{
	/* Its own folder will be the root. */
	const struct request mine = {
		.command = "recover",
		.state_dir = realpath(rq->state_dir, NULL),
	};
	char ok = 1;

	if (!mine.state_dir || stand_alone(ready) || write(ready, &ok, 1) != 1)
		_exit(EXIT_FAILURE);
	close(ready);
	(void)waiter_wait(&mine);
	_exit(EXIT_SUCCESS);
}

/* The middle one ends at once: the waiter is nobody's child. */
static void be_middle(const struct request *rq, int ready)
{
	pid_t pid;

	if (setsid() < 0)
		_exit(EXIT_FAILURE);
	pid = fork();
	if (!pid)
		be_waiter(rq, ready);
	_exit(pid < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

static int await(int fd)
{
	char ok;
	ssize_t n;

	do
		n = read(fd, &ok, 1);
	while (n < 0 && errno == EINTR);
	return n == 1 ? 0 : n < 0 ? -errno : -ECHILD;
}

static int start(const struct request *rq)
{
	int ends[2], r, status;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	fflush(NULL);
	pid = fork();
	if (!pid) {
		close(ends[0]);
		be_middle(rq, ends[1]);
	}
	r = pid < 0 ? -errno : 0;
	close(ends[1]);
	while (!r && waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			r = -errno;
	if (!r)
		r = await(ends[0]);
	close(ends[0]);
	return r;
}

int waiter_start(const struct request *rq, struct diags *d)
{
	int r = start(rq);

	if (!r)
		return 0;
	diag_add(d, DIAG_ERROR, 0, ID_NO_WAITER, NOPOS,
		 "the process that would take the change back cannot be started: %s",
		 strerror(-r));
	diag_help(d, "nothing was done; without --confirm it is not needed");
	return -EIO;
}
