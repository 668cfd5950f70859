/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host/author.h: who runs this command, as records tell it.
 *
 * The kernel remembers who logged in, whoever that became by su or sudo
 * later; without such a memory (no audit in the kernel, no pam_loginuid, a
 * daemon) it is the process's own user. What sudo says is taken for how, if it
 * is about the same person, and never for who: anybody can set a variable.
 *
 * Shape:  `user` a name of /etc/passwd, else the number, and NULL only where
 *         that cannot be read; `via` "sudo" or NULL; `tty` of the controlling
 *         terminal, "pts/0"; `unit` of systemd's, a service, not the session
 *         of a login. NULL: there is none.
 * Owner:  author_release() frees.
 * Errors: -ENOMEM. What cannot be read is not known, and is no error.
 * Source: /proc/PID/loginuid, stat (tty_nr) and cgroup in proc(5) and
 *         cgroups(7); passwd(5); SUDO_UID in sudo(8); numbers of terminals in
 *         the kernel's admin-guide/devices.txt.
 */
#ifndef CTPOLICY_HOST_AUTHOR_H
#define CTPOLICY_HOST_AUTHOR_H

#include <sys/types.h>

struct author {
	char *user, *tty, *unit;
	const char *via;	/* static */
};

/*
 * `root` is an open folder: /, or a tree of its form; `sudo_uid` the variable,
 * NULL: not set; `own` the user that the process runs as.
 */
int author_read(int root, const char *sudo_uid, uid_t own, struct author *ret);
/* Of this process. */
int author_find(struct author *ret);
void author_release(struct author *a);

#endif
