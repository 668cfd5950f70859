/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/waiter_process.c: a process that outlives whoever started it. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "core/files.h"
#include "core/mem.h"
#include "core/strbuf.h"
#include "engine/waiter.h"
#include "host/privilege.h"

/* The ends of two pipes: the command's word, and the waiter's answer. */
struct pipes {
	int go[2], answer[2];
};

/* How long the command waits for a look. */
#define LOOK_MS_MAX 1000

#define PIPES_NONE ((struct pipes){ { -1, -1 }, { -1, -1 } })

static void close_pipes(struct pipes *p)
{
	for (int i = 0; i < 2; i++) {
		fd_close(&p->go[i]);
		fd_close(&p->answer[i]);
	}
}

/* Keep nothing of the caller's: no file, folder, signal or capability. */
static int stand_alone(struct pipes *p)
{
	int keep[2] = { p->go[0], p->answer[1] }, null;
	unsigned int from = STDERR_FILENO + 1;
	sigset_t all;

	if (sigfillset(&all) || sigprocmask(SIG_BLOCK, &all, NULL) ||
	    chdir("/"))
		return -errno;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0)
		return -errno;
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (dup2(null, fd) < 0)
			return -errno;
	if (keep[0] > keep[1]) {
		keep[0] = p->answer[1];
		keep[1] = p->go[0];
	}
	for (int i = 0; i < 2; from = (unsigned int)keep[i++] + 1)
		if ((unsigned int)keep[i] > from &&
		    close_range(from, (unsigned int)keep[i] - 1, 0))
			return -errno;
	if (close_range(from, ~0U, 0))
		return -errno;
	return privilege_drop(PRIVILEGE_MODULES);
}

static int read_byte(int fd, char *ret)
{
	ssize_t n;

	do
		n = read(fd, ret, 1);
	while (n < 0 && errno == EINTR);
	return n == 1 ? 0 : n < 0 ? -errno : -ECHILD;
}

static int write_byte(int fd, char byte)
{
	ssize_t n;

	do
		n = write(fd, &byte, 1);
	while (n < 0 && errno == EINTR);
	return n == 1 ? 0 : -errno;
}

/* Until the command says that a change is on trial; it may end before that. */
static void be_waiter(const char *state_dir, struct pipes *p)
{
	const struct request rq = {
		.command = "recover", .state_dir = state_dir,
	};
	char modules;

	if (stand_alone(p) || write_byte(p->answer[1], 0) ||
	    read_byte(p->go[0], &modules) ||
	    privilege_drop(modules ? PRIVILEGE_MODULES : PRIVILEGE_RULES) ||
	    write_byte(p->answer[1], 0))
		_exit(EXIT_FAILURE);
	openlog("ctpolicy", LOG_PID, LOG_DAEMON);
	(void)waiter_wait(&rq, &(struct waiter){ p->go[0], p->answer[1] });
	_exit(EXIT_SUCCESS);
}

/* The middle one ends at once: the waiter is nobody's child. */
static void be_middle(const char *state_dir, struct pipes *p)
{
	pid_t pid;

	if (setsid() < 0)
		_exit(EXIT_FAILURE);
	pid = fork();
	if (!pid)
		be_waiter(state_dir, p);
	_exit(pid < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

/* The waiter's own folder will be the root. */
static int make_absolute(const char *path, struct strbuf *out)
{
	_cleanup_free_ char *here = NULL;

	if (*path != '/') {
		here = getcwd(NULL, 0);
		if (!here)
			return -errno;
		strbuf_printf(out, "%s/", here);
	}
	strbuf_puts(out, path);
	return strbuf_status(out);
}

static int start(const char *state_dir, struct pipes *p)
{
	int err = 0, status;
	char ready;
	pid_t pid;

	if (pipe2(p->go, O_CLOEXEC) || pipe2(p->answer, O_CLOEXEC))
		return -errno;
	fflush(NULL);
	pid = fork();
	if (!pid) {
		fd_close(&p->go[1]);
		fd_close(&p->answer[0]);
		be_middle(state_dir, p);
	}
	err = pid < 0 ? -errno : 0;
	fd_close(&p->go[0]);
	fd_close(&p->answer[1]);
	while (!err && waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			err = -errno;
	return err ? err : read_byte(p->answer[0], &ready);
}

static int cannot_start(int err, struct diags *d)
{
	diag_add(d, DIAG_ERROR, 0, ID_NO_WAITER, NOPOS,
		 "cannot start the rollback timer process: %s", strerror(-err));
	diag_help(d, "nothing was changed; without --confirm it is not needed");
	return -EIO;
}

int waiter_prepare(const char *state_dir, struct waiter *ret, struct diags *d)
{
	_cleanup_(strbuf_release) struct strbuf path = { 0 };
	struct pipes p = PIPES_NONE;
	int err = make_absolute(state_dir, &path);

	if (!err)
		err = start(strbuf_str(&path), &p);
	if (err) {
		close_pipes(&p);
		return cannot_start(err, d);
	}
	*ret = (struct waiter){ p.go[1], p.answer[0] };
	return 0;
}

int waiter_start(const struct request *rq, bool modules, struct diags *d)
{
	char ready;
	int err = write_byte(rq->waiter->go, modules);

	if (!err)
		err = read_byte(rq->waiter->answer, &ready);
	return err ? cannot_start(err, d) : 0;
}

void waiter_look_again(const struct waiter *w)
{
	struct pollfd p = { .fd = w->answer, .events = POLLIN };
	char seen;

	if (w->go >= 0 && !write_byte(w->go, 0) &&
	    poll(&p, 1, LOOK_MS_MAX) > 0)
		(void)read_byte(w->answer, &seen);
}

void waiter_dismiss(struct waiter *w)
{
	fd_close(&w->go);
	fd_close(&w->answer);
}
