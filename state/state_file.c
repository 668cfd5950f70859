/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "state/state_file.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/digest.h"
#include "core/files.h"
#include "core/mem.h"

#define TEMPORARY STATE_FILE_TEMPORARY
#define POLL_MS 20

/* Of what read(2) gave for the bytes from *at on. */
static int advance(ssize_t n, size_t *at)
{
	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	*at += (size_t)n;
	return n ? 0 : -EIO;
}

typedef int (*take_fn)(const char *s, size_t n, void *arg);

static int each_piece(const struct state_piece *p, take_fn take, void *arg)
{
	return p->s ? take(p->s, p->len, arg) :
		      fd_pieces(fileno(p->file), p->len, take, arg);
}

static int take_digest(const char *s, size_t n, void *arg)
{
	uint64_t *digest = arg;

	*digest = digest_add(*digest, s, n);
	return 0;
}

int state_piece_digest(const struct state_piece *p, uint64_t *digest)
{
	return each_piece(p, take_digest, digest);
}

static int take_write(const char *s, size_t n, void *arg)
{
	const int *fd = arg;

	return fd_write(*fd, s, n);
}

struct pieces {
	const struct state_piece *v;
	size_t n;
};

static int fill(int fd, const void *with)
{
	const struct pieces *all = with;
	/* The umask may have taken our own rights to the file. */
	int err = fchmod(fd, 0600) ? -errno : 0;

	for (size_t i = 0; !err && i < all->n; i++)
		err = each_piece(&all->v[i], take_write, &fd);
	return err ? err : fd_sync(fd);
}

int state_file_sync(int dir)
{
	return fd_sync(dir);
}

int state_file_write_pieces(int dir, const char *name,
			    const struct state_piece *v, size_t n)
{
	const struct pieces all = { v, n };
	size_t room = STATE_FILE_MAX;

	for (size_t i = 0; i < n; i++) {
		if (v[i].len > room)
			return -EFBIG;
		room -= v[i].len;
	}
	/* What a writer that died left there goes: we hold the lock. */
	return file_put_at(dir, TEMPORARY, name, fill, &all);
}

int state_file_write(int dir, const char *name, const char *text, size_t len)
{
	const struct state_piece all = { .s = text, .len = len };

	return state_file_write_pieces(dir, name, &all, 1);
}

/* From the start, wherever the file stands. */
static int read_all(int fd, char *text, size_t len)
{
	size_t at = 0;
	int err = 0;

	while (!err && at < len)
		err = advance(pread(fd, text + at, len - at, (off_t)at), &at);
	return err;
}

int state_file_read_open(int fd, char **ret, size_t *ret_len)
{
	_cleanup_free_ char *text = NULL;
	struct stat st;
	int err;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EIO;
	if (st.st_size > (off_t)STATE_FILE_MAX)
		return -EFBIG;
	text = malloc((size_t)st.st_size + 1);
	if (!text)
		return -ENOMEM;
	err = read_all(fd, text, (size_t)st.st_size);
	if (err)
		return err;
	text[st.st_size] = '\0';
	*ret_len = (size_t)st.st_size;
	*ret = TAKE_PTR(text);
	return 0;
}

int state_file_read(int dir, const char *name, char **ret, size_t *ret_len)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW |
			O_NONBLOCK | O_NOCTTY);
	int err;

	if (fd < 0)
		return -errno;
	err = state_file_read_open(fd, ret, ret_len);
	close(fd);
	return err;
}

int state_file_nameless(int dir, const char *text, size_t len, FILE **ret)
{
	int fd = openat(dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	int err = fd < 0 ? -errno : fd_write(fd, text, len);
	FILE *file = fd < 0 || err ? NULL : fdopen(fd, "r");

	if (!file && fd >= 0) {
		err = err ? err : -errno;
		close(fd);
	}
	if (!err)
		*ret = file;
	return err;
}

/* A read-only disk refuses even if there is no such file. */
int state_file_unlink(int dir, const char *name)
{
	int err;

	if (!unlinkat(dir, name, 0) || errno == ENOENT)
		return 0;
	err = errno;
	if (faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) && errno == ENOENT)
		return 0;
	return -err;
}

int state_file_rename(int dir, const char *from, const char *to)
{
	return renameat(dir, from, dir, to) ? -errno : 0;
}

/* Polls, because an alarm would affect the whole process. */
int state_file_lock(int fd, uint64_t end)
{
	for (;;) {
		if (!flock(fd, LOCK_EX | LOCK_NB))
			return 0;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		if (clock_boot_ns() >= end)
			return -EWOULDBLOCK;
		clock_pause_ms(POLL_MS);
	}
}
