/* SPDX-License-Identifier: GPL-2.0-or-later */
/* state/state.c: the folder, its lock, and who holds it. */
#include "state/state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/mem.h"
#include "state/folder.h"
#include "state/state_file.h"

#define WAIT_MS 20000
#define POLL_MS 20

static int cannot(struct diags *d, const char *what, const char *path, int err)
{
	diag_add(d, DIAG_ERROR, 0, ID_STATE_FOLDER, NOPOS, "cannot %s %s: %s",
		 what, path, strerror(-err));
	diag_help(d, "the way back from a change is kept there; name another folder with --state-dir");
	return -EIO;
}

static struct state *state_new(const char *dir)
{
	struct state *st = calloc(1, sizeof(*st));
	_cleanup_(strbuf_release) struct strbuf path = { 0 };

	if (!st)
		return NULL;
	st->top = st->dir = st->lock = -1;
	strbuf_puts(&path, dir);
	st->path = strbuf_take(&path);
	if (!st->path)
		state_close(&st);
	return st;
}

static int find_space(struct state *st, struct diags *d)
{
	_cleanup_(strbuf_release) struct strbuf path = { 0 };
	int r = space_read(&st->space);

	if (r)
		return cannot(d, "tell this network namespace by",
			      "/proc/self/ns/net and boot_id", r);
	strbuf_printf(&path, "%s/%s", st->path, st->space.folder);
	r = strbuf_status(&path);
	if (r)
		return r;
	free(st->path);
	st->path = strbuf_take(&path);
	return 0;
}

static int open_folder(int at, const char *name, int *ret)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC |
			(at == AT_FDCWD ? 0 : O_NOFOLLOW));

	if (fd < 0)
		return -errno;
	*ret = fd;
	return 0;
}

static int make_folder(int at, const char *name, int *ret)
{
	int r = mkdirat(at, name, 0700);

	if (r && errno != EEXIST)
		return -errno;
	if (!r && fchmodat(at, name, 0700, 0))
		return -errno;
	return open_folder(at, name, ret);
}

/* Whoever else may write here could write our rules. */
static int check_folder(struct state *st, int fd, struct diags *d)
{
	struct stat s;

	if (fstat(fd, &s))
		return cannot(d, "look at", st->path, -errno);
	if (s.st_uid == geteuid() && !(s.st_mode & 022))
		return 0;
	diag_add(d, DIAG_ERROR, 0, ID_STATE_FOLDER_UNSAFE, NOPOS,
		 "the state folder %s belongs to user %u with mode %03o", st->path,
		 (unsigned int)s.st_uid, (unsigned int)s.st_mode & 0777);
	diag_help(d, "it must be writable by nobody but user %u: chown and chmod 700, or name another with --state-dir",
		  (unsigned int)geteuid());
	return -EIO;
}

static int open_lock(struct state *st)
{
	static const int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW |
				 O_NONBLOCK;

	st->lock = openat(st->dir, "lock", flags);
	if (st->lock < 0 && errno == ENOENT)
		st->lock = openat(st->dir, "lock", flags | O_CREAT, 0600);
	return st->lock < 0 ? -errno : 0;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Polling: an alarm would belong to the whole process. */
static int wait_for_lock(int fd)
{
	const struct timespec pause = { 0, POLL_MS * 1000000L };
	int64_t end = now_ms() + WAIT_MS;

	for (;;) {
		if (!flock(fd, LOCK_EX | LOCK_NB))
			return 0;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		if (now_ms() >= end)
			return -EBUSY;
		nanosleep(&pause, NULL);
	}
}

static int say_busy(const struct state *st, struct diags *d)
{
	pid_t pid = lock_holder(st->lock);

	if (pid)
		diag_add(d, DIAG_ERROR, 0, ID_OTHER_AT_WORK, NOPOS,
			 "another ctpolicy, process %d, has been changing rules for over %d seconds",
			 (int)pid, WAIT_MS / 1000);
	else
		diag_add(d, DIAG_ERROR, 0, ID_OTHER_AT_WORK, NOPOS,
			 "another ctpolicy has been changing rules for over %d seconds",
			 WAIT_MS / 1000);
	diag_help(d, "nothing was done; try again when it has ended");
	return -EBUSY;
}

static int take_lock(struct state *st, struct diags *d)
{
	int r = open_lock(st);

	if (!r)
		r = wait_for_lock(st->lock);
	if (r == -EBUSY)
		return say_busy(st, d);
	return r ? cannot(d, "lock", st->path, r) : 0;
}

static void remove_folder(int top, const char *name)
{
	int fd, r = open_folder(top, name, &fd);
	struct dirent *e;
	DIR *dir;

	if (r)
		return;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return;
	}
	while ((e = readdir(dir)))
		(void)unlinkat(fd, e->d_name, 0);
	closedir(dir);
	(void)unlinkat(top, name, AT_REMOVEDIR);
}

/*
 * Namespaces of earlier boots are gone, and their rules with them. What cannot
 * be cleared away is in nobody's way.
 */
static void forget_the_past(const struct state *st)
{
	int fd, r = open_folder(st->top, ".", &fd);
	struct dirent *e;
	DIR *dir = r ? NULL : fdopendir(fd);

	if (!dir) {
		if (!r)
			close(fd);
		return;
	}
	while ((e = readdir(dir)))
		if (space_is_past(&st->space, e->d_name))
			remove_folder(st->top, e->d_name);
	closedir(dir);
}

static int open_to_write(struct state *st, const char *dir, struct diags *d)
{
	int r = make_folder(AT_FDCWD, dir, &st->top);

	if (r)
		return cannot(d, "open the state folder", dir, r);
	r = check_folder(st, st->top, d);
	if (!r)
		r = find_space(st, d);
	if (r)
		return r;
	r = make_folder(st->top, st->space.folder, &st->dir);
	if (r)
		return cannot(d, "open the state folder", st->path, r);
	r = check_folder(st, st->dir, d);
	if (!r)
		r = take_lock(st, d);
	if (!r)
		forget_the_past(st);
	return r;
}

int state_open(const char *dir, struct state **ret, struct diags *d)
{
	_cleanup_(state_close) struct state *st = state_new(dir);
	int r = st ? open_to_write(st, dir, d) : -ENOMEM;

	if (r)
		return r;
	*ret = TAKE_PTR(st);
	return 0;
}

static int open_to_read(struct state *st, const char *dir, struct diags *d)
{
	int r = open_folder(AT_FDCWD, dir, &st->top);

	if (r == -ENOENT)
		return r;
	if (r)
		return cannot(d, "open the state folder", dir, r);
	r = find_space(st, d);
	if (r)
		return r;
	r = open_folder(st->top, st->space.folder, &st->dir);
	if (r && r != -ENOENT)
		return cannot(d, "open the state folder", st->path, r);
	return r;
}

int state_open_reading(const char *dir, struct state **ret, struct diags *d)
{
	_cleanup_(state_close) struct state *st = state_new(dir);
	int r = st ? open_to_read(st, dir, d) : -ENOMEM;

	if (r)
		return r;
	*ret = TAKE_PTR(st);
	return 0;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void state_close(struct state **st)
{
	if (!*st)
		return;
	close_fd((*st)->lock);
	close_fd((*st)->dir);
	close_fd((*st)->top);
	free((*st)->path);
	free(*st);
	*st = NULL;
}

const char *state_space(const struct state *st)
{
	return st->space.id;
}

const char *state_path(const struct state *st)
{
	return st->path;
}
