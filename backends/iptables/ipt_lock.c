/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/iptables/ipt_lock.h"
#include "host/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "backends/backend.h"
#include "core/fault.h"
#include "host/lock_holder.h"

#define LOCK_FILE "/run/xtables.lock"
#define WAIT_MS 5000
#define POLL_MS 50

static const char *lock_path(void)
{
	const char *path = getenv("XTABLES_LOCKFILE");

	return path && *path ? path : LOCK_FILE;
}

/* Polling, since an alarm would belong to the whole process. */
static int wait_for(int fd)
{
	const struct timespec pause = { 0, POLL_MS * 1000000L };

	for (int ms = 0; ms <= WAIT_MS; ms += POLL_MS) {
		if (!flock(fd, LOCK_EX | LOCK_NB))
			return 0;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		nanosleep(&pause, NULL);
	}
	return -EWOULDBLOCK;
}

int ipt_lock_take(int *ret_fd, struct diags *d)
{
	const char *path = lock_path();
	pid_t pid;
	int err, fd = open(path, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW |
			   O_NONBLOCK, 0600);

	if (fd < 0) {
		err = -errno;
		return diag_add(d, DIAG_ERROR, err, ID_XTABLES_LOCK, NOPOS,
				"the lock file %s cannot be opened: %s", path,
				strerror(-err));
	}
	err = wait_for(fd);
	host_trace("flock(%s) = %d", path, err);
	if (!err) {
		*ret_fd = fd;
		return 0;
	}
	pid = err == -EWOULDBLOCK ? lock_holder(fd) : 0;
	close(fd);
	if (err != -EWOULDBLOCK)
		return diag_add(d, DIAG_ERROR, err, ID_XTABLES_LOCK, NOPOS,
				"the lock %s cannot be taken: %s", path,
				strerror(-err));
	if (pid)
		diag_add(d, DIAG_ERROR, 0, ID_XTABLES_LOCK_HELD, NOPOS,
			 "process %d holds the lock %s; nothing was done",
			 (int)pid, path);
	else
		diag_add(d, DIAG_ERROR, 0, ID_XTABLES_LOCK_HELD, NOPOS,
			 "another program holds the lock %s; nothing was done",
			 path);
	diag_help(d, "try again when it is done");
	return -FAULT_BUSY;
}

void ipt_lock_release(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}
