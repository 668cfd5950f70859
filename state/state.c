/* SPDX-License-Identifier: GPL-2.0-or-later */
/* state/state.c: the folder, its locks, and who holds them. */
#include "state/state.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/fault.h"
#include "core/mem.h"
#include "state/folder.h"
#include "state/forget.h"
#include "state/state_file.h"
#include "state/state_io.h"

#define WAIT_S 20

static int cannot(struct diags *d, const char *what, const char *path, int err)
{
	diag_add(d, DIAG_ERROR, 0, ID_STATE_FOLDER, NOPOS, "cannot %s %s: %s", what,
		 path, strerror(-err));
	diag_help(d, "undo data is kept there; name another folder with --state-dir");
	return -EIO;
}

static struct state *state_new(void)
{
	struct state *st = calloc(1, sizeof(*st));

	if (!st)
		return NULL;
	st->top = FOLDER_CLOSED;
	st->claim.fd = st->dir = st->lock = -1;
	return st;
}

static int find_space(struct state *st, struct diags *d)
{
	_cleanup_(strbuf_release) struct strbuf path = { 0 };
	int err = space_read(&st->space);

	if (err)
		return cannot(d, "tell this network namespace by",
			      "/proc/self/ns/net and boot_id", err);
	strbuf_printf(&path, "%s/%s", st->top.path, st->space.folder);
	err = strbuf_status(&path);
	if (!err)
		st->path = strbuf_take(&path);
	return err;
}

/* Another user who can write there could write ctpolicy's rules. */
static int say_unsafe(const char *dir, const char *why, struct diags *d)
{
	diag_add(d, DIAG_ERROR, 0, ID_STATE_FOLDER_UNSAFE, NOPOS,
		 "the state folder %s is not safe: %s", dir, why);
	diag_help(d, "it must belong to user %u and must not be a symbolic link, and no other user may write to it or to a folder above it: chown and chmod 700 it, or name another with --state-dir",
		  (unsigned int)geteuid());
	return -EIO;
}

static int open_top(struct state *st, const char *dir, bool make,
		    struct diags *d)
{
	int err = folder_open(dir, make, &st->top);

	if (err == -EPERM && st->top.why)
		return say_unsafe(dir, st->top.why, d);
	if (err == -ENOMEM || (err == -ENOENT && !make))
		return err;
	return err ? cannot(d, "open the state folder", dir, err) : 0;
}

static int check_own(struct state *st, struct diags *d)
{
	struct stat s;

	if (fstat(st->dir, &s))
		return cannot(d, "look at", st->path, -errno);
	if (s.st_uid == geteuid() && !(s.st_mode & 022))
		return 0;
	return say_unsafe(st->path, s.st_uid == geteuid() ?
			  "it can be written by others" :
			  "it belongs to another user", d);
}

/* On a read-only disk an existing lock file still locks. */
static int open_lock(struct state *st)
{
	static const int flags = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;

	st->lock = openat(st->dir, STATE_LOCK, flags | O_RDWR | O_CREAT, 0600);
	if (st->lock < 0 && (errno == EROFS || errno == EACCES ||
			     errno == ENOSPC || errno == EDQUOT))
		st->lock = openat(st->dir, STATE_LOCK, flags | O_RDONLY);
	return st->lock < 0 ? -errno : 0;
}

static int say_busy(int fd, struct diags *d)
{
	pid_t pid = lock_holder(fd);

	if (pid)
		diag_add(d, DIAG_ERROR, 0, ID_OTHER_AT_WORK, NOPOS,
			 "waited %d s for another ctpolicy (pid %d), giving up; nothing was changed",
			 WAIT_S, (int)pid);
	else
		diag_add(d, DIAG_ERROR, 0, ID_OTHER_AT_WORK, NOPOS,
			 "waited %d s for another ctpolicy, giving up; nothing was changed",
			 WAIT_S);
	diag_help(d, "try again when it has ended");
	return -FAULT_BUSY;
}

/* Anything but a number, as in a new file, counts as none. */
static uint32_t read_number(int fd)
{
	char text[16] = "", *end;
	unsigned long n;

	if (pread(fd, text, sizeof(text) - 1, 0) <= 0)
		return 0;
	n = strtoul(text, &end, 10);
	return *end == '\n' && n < UINT32_MAX ? (uint32_t)n : 0;
}

static int say_claim_version(const struct state *st, struct diags *d)
{
	return state_say_version(CLAIM_FOLDER, st->space.id,
				 "use that version to end what is on trial or unfinished; the file holds until the next boot", d);
}

/* The namespace's lock first, then the folder's: always in this order. */
static int take_locks(struct state *st, struct diags *d)
{
	uint64_t end = clock_deadline(WAIT_S);
	int err = claim_open(st->space.id, true, &st->claim);

	if (!err)
		err = claim_lock(&st->claim, end);
	if (err == -EWOULDBLOCK)
		return say_busy(st->claim.fd, d);
	if (err == -EPROTO)
		return say_claim_version(st, d);
	if (err == -ENOMEM)
		return err;
	/* If the namespace's lock cannot be had, nothing is guarded. */
	err = open_lock(st);
	if (!err)
		err = state_file_lock(st->lock, end);
	if (err == -EWOULDBLOCK)
		return say_busy(st->lock, d);
	st->last = err ? 0 : read_number(st->lock);
	return err ? cannot(d, "lock", st->path, err) : 0;
}

static bool holds(const char *folder, const char *name)
{
	_cleanup_(strbuf_release) struct strbuf path = { 0 };

	strbuf_printf(&path, "%s/%s", folder, name);
	return !strbuf_status(&path) &&
	       !faccessat(AT_FDCWD, strbuf_str(&path), F_OK,
			  AT_SYMLINK_NOFOLLOW);
}

/* Rules have one past: two folders must not each hold undo data. */
static int check_claim(struct state *st, struct diags *d)
{
	const char *other = st->claim.folder;
	bool trial;
	int len;

	if (!other || !strcmp(other, st->path))
		return 0;
	trial = holds(other, STATE_PENDING) && !st->claim.over.id;
	if (!trial && !holds(other, STATE_JOURNAL))
		return 0;
	len = (int)(strrchr(other, '/') - other);
	diag_add(d, DIAG_ERROR, 0, ID_OTHER_FOLDER, NOPOS, trial ?
		 "a change of these rules is on trial, and its undo data is in another folder, %.*s" :
		 "a change of these rules is unfinished, and its undo data is in another folder, %.*s",
		 len, other);
	diag_help(d, "first: ctpolicy %s --state-dir %.*s",
		  trial ? "confirm (or rollback)" : "recover", len, other);
	return -FAULT_BUSY;
}

static int open_to_write(struct state *st, const char *dir, struct diags *d)
{
	int err = open_top(st, dir, true, d);

	if (!err)
		err = find_space(st, d);
	if (err)
		return err;
	err = folder_open_in(st->top.fd, st->space.folder, true, &st->dir);
	if (err)
		return cannot(d, "open the state folder", st->path, err);
	err = check_own(st, d);
	if (!err)
		err = take_locks(st, d);
	if (!err)
		err = check_claim(st, d);
	if (!err)
		forget_the_past(st->top.fd, &st->space);
	return err;
}

int state_open(const char *dir, struct state **ret, struct diags *d)
{
	_cleanup_(state_close) struct state *st = state_new();
	int err = st ? open_to_write(st, dir, d) : -ENOMEM;

	if (err)
		return err;
	trial_tidy(st);
	*ret = TAKE_PTR(st);
	return 0;
}

static int open_to_read(struct state *st, const char *dir, struct diags *d)
{
	int err = open_top(st, dir, false, d);

	if (!err)
		err = find_space(st, d);
	if (err)
		return err;
	err = folder_open_in(st->top.fd, st->space.folder, false, &st->dir);
	if (err == -ENOENT)
		return err;
	if (err)
		return cannot(d, "open the state folder", st->path, err);
	err = claim_open(st->space.id, false, &st->claim);
	if (!err)
		err = claim_read(&st->claim);
	return err == -EPROTO ? say_claim_version(st, d) : err;
}

int state_open_reading(const char *dir, struct state **ret, struct diags *d)
{
	_cleanup_(state_close) struct state *st = state_new();
	int err = st ? open_to_read(st, dir, d) : -ENOMEM;

	if (err)
		return err;
	*ret = TAKE_PTR(st);
	return 0;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

static bool has(const struct state *st, const char *name)
{
	return !faccessat(st->dir, name, F_OK, AT_SYMLINK_NOFOLLOW) ||
	       errno != ENOENT;
}

/* Nothing is unfinished here, so any folder may come next. */
static void drop_claim(struct state *st)
{
	if (!st->claim.locked || st->dir < 0 || !st->path ||
	    !st->claim.folder || strcmp(st->claim.folder, st->path) ||
	    has(st, STATE_JOURNAL) || has(st, STATE_PENDING))
		return;
	free(st->claim.folder);
	st->claim.folder = NULL;
	(void)claim_write(&st->claim);
}

void state_close(struct state **st)
{
	if (!*st)
		return;
	drop_claim(*st);
	close_fd((*st)->lock);
	close_fd((*st)->dir);
	claim_release(&(*st)->claim);
	folder_release(&(*st)->top);
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
