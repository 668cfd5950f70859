/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_waiter.c: the process that looks after a trial, and the
 * signals that a change holds back.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/mem.h"
#include "engine/signals.h"
#include "engine/waiter.h"

/* A folder that is not there: nothing is on trial. */
#define NOWHERE "/nonexistent/ctpolicy"

/* An orphan becomes this process's child: its status can be read. */
static int adopt_orphans(void **state)
{
	(void)state;
	return prctl(PR_SET_CHILD_SUBREAPER, 1);
}

static int next_status(void)
{
	int status;

	while (waitpid(-1, &status, 0) < 0)
		assert_int_equal(errno, EINTR);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void assert_nobody_left(void)
{
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

/* Its command ended before anything was on trial. */
static void dismissed(void **state)
{
	_cleanup_(diags_release) struct diags d = { 0 };
	struct waiter w = WAITER_NONE;

	(void)state;
	assert_int_equal(waiter_prepare(NOWHERE, &w, &d), 0);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), 0);
	waiter_dismiss(&w);
	assert_int_equal(w.go, -1);
	assert_int_equal(w.answer, -1);
	assert_int_equal(next_status(), EXIT_FAILURE);
	assert_nobody_left();
}

static void started(void **state)
{
	_cleanup_(diags_release) struct diags d = { 0 };
	struct waiter w = WAITER_NONE;
	const struct request rq = { .waiter = &w };

	(void)state;
	assert_int_equal(waiter_prepare(NOWHERE, &w, &d), 0);
	assert_int_equal(waiter_start(&rq, false, &d), 0);
	waiter_dismiss(&w);
	assert_int_equal(next_status(), EXIT_SUCCESS);
	assert_nobody_left();
}

/* A waiter that was killed cannot be told to begin. */
static void dead(void **state)
{
	_cleanup_(diags_release) struct diags d = { 0 };
	struct waiter w = WAITER_NONE;
	const struct request rq = { .waiter = &w };
	char path[64], line[64] = "";
	pid_t pid;
	FILE *f;

	(void)state;
	signals_endure();
	assert_int_equal(waiter_prepare(NOWHERE, &w, &d), 0);
	snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	f = fopen(path, "re");
	if (!f)
		skip();
	assert_non_null(fgets(line, sizeof(line), f));
	fclose(f);
	pid = (pid_t)strtol(line, NULL, 10);
	assert_true(pid > 1);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(waiter_start(&rq, false, &d), -EIO);
	assert_int_equal(d.n, 1);
	assert_int_equal(d.v[0].id, ID_NO_WAITER);
	waiter_dismiss(&w);
	assert_nobody_left();
}

static void nothing_on_trial(void **state)
{
	const struct request rq = {
		.command = "recover", .state_dir = NOWHERE,
	};

	(void)state;
	assert_int_equal(waiter_wait(&rq, NULL), WAITED_KEPT);
}

static volatile sig_atomic_t came;

static void note(int signal)
{
	came = signal;
}

static void held_signals(void **state)
{
	static const int signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM,
				       SIGTSTP };
	sigset_t before;

	(void)state;
	sigemptyset(&before);
	sigprocmask(SIG_SETMASK, &before, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		struct sigaction action = { .sa_handler = note }, old;

		came = 0;
		sigaction(signals[i], &action, &old);
		signals_hold(&before);
		raise(signals[i]);
		assert_int_equal(came, 0);
		signals_release(&before);
		assert_int_equal(came, signals[i]);
		sigaction(signals[i], &old, NULL);
	}
}

/* What the caller had blocked stays blocked. */
static void callers_mask(void **state)
{
	sigset_t mask, before;

	(void)state;
	sigemptyset(&mask);
	sigaddset(&mask, SIGHUP);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	signals_hold(&before);
	signals_release(&before);
	sigprocmask(SIG_SETMASK, NULL, &mask);
	assert_int_equal(sigismember(&mask, SIGHUP), 1);
	assert_int_equal(sigismember(&mask, SIGTERM), 0);
	sigemptyset(&mask);
	sigprocmask(SIG_SETMASK, &mask, NULL);
}

static void reader_gone(void **state)
{
	struct sigaction action;
	int p[2];

	(void)state;
	signals_endure();
	assert_int_equal(pipe(p), 0);
	close(p[0]);
	assert_int_equal(write(p[1], "x", 1), -1);
	assert_int_equal(errno, EPIPE);
	close(p[1]);
	sigaction(SIGXFSZ, NULL, &action);
	assert_true(action.sa_handler == SIG_IGN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(held_signals),
		cmocka_unit_test(callers_mask),
		cmocka_unit_test(nothing_on_trial),
		cmocka_unit_test(dismissed),
		cmocka_unit_test(started),
		cmocka_unit_test(dead),
		cmocka_unit_test(reader_gone),
	};

	return cmocka_run_group_tests(tests, adopt_orphans, NULL);
}
