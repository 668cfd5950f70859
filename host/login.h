/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host/login.h: the SSH connections by which people reach this host, the one
 * behind this very command first of all.
 *
 * They are found from this process up its parents, through sudo, su and shells,
 * to an SSH server; the connection it was made for is the socket it was given
 * first. Where no server is among the parents (a terminal multiplexer, cron,
 * a console) it may be any connection of any SSH server. SSH_CONNECTION is
 * looked at as well: it can be missing, stale or made up.
 *
 * Shape:  `own`: v[0] is the connection of this command. Otherwise all that
 *         were found, in no order. A connection in SSH_CONNECTION alone comes
 *         last, and has no inode. Only connections of this network namespace.
 * Errors: -ENOMEM. What cannot be read is not known, and is no error: see
 *         `hidden`. Reading another user's process takes CAP_SYS_PTRACE, so
 *         look before that is given up.
 * Source: /proc/PID/stat, comm and fd in proc(5); SSH_CONNECTION in ssh(1).
 */
#ifndef CTPOLICY_HOST_LOGIN_H
#define CTPOLICY_HOST_LOGIN_H

#include <sys/types.h>

#include "rules/flow.h"

struct strbuf;

struct login {
	struct flow flow;	/* as the client's packets come in */
	uint64_t inode;		/* of its socket; 0: from SSH_CONNECTION */
	pid_t pid;		/* of the server's process; 0: unknown */
};

struct logins {
	struct login *v;
	size_t n, cap;
	bool own;
	bool hidden;		/* a server is among our parents, but cannot
				 * be read */
	bool shared;		/* in a tmux, screen or the like, which
				 * outlives the connections it is used over */
	bool garbled;		/* SSH_CONNECTION is not what sshd sets */
};

/*
 * `proc` is an open folder: /proc, or a tree of its form. `environment`:
 * SSH_CONNECTION; NULL: not set.
 */
int logins_read(int proc, const char *environment, struct logins *ret);
/* Of this process. */
int logins_find(struct logins *ret);
/* Of a daemon, to which nobody is logged in: all that there are. */
int logins_find_all(struct logins *ret);
void logins_release(struct logins *l);

/* "192.0.2.50 50123 192.0.2.1 22", as sshd sets it. */
bool login_parse(const char *text, struct flow *ret);
/* "192.0.2.50 -> port 22" */
void login_print(const struct login *l, struct strbuf *out);

/*
 * What a later command needs in order to tell whether it is given over one of
 * these connections: one line of text, "" where there is none to remember; of
 * many as many as fit.
 */
void logins_remember(const struct logins *l, char *ret, size_t size);
/* Does anything show that this is not given over a remembered connection? */
bool logins_are_new(const struct logins *l, const char *remembered);

#endif
