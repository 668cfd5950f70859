/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/files.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/mem.h"
#include "core/strbuf.h"

#define FIRST_READ 4096
#define LINE_FILE_MAX 4096
#define PIECE 16384

int fd_read(int fd, size_t max, char **ret_text, size_t *ret_len)
{
	_cleanup_free_ char *text = NULL;
	size_t n = 0, cap = 0;
	ssize_t got;

	do {
		/* One more for the NUL. What is full doubles. */
		if (mem_grow(&text, &cap, n ? n + 2 : FIRST_READ))
			return -ENOMEM;
		got = read(fd, text + n, cap - n - 1);
		if (got < 0 && errno != EINTR)
			return -errno;
		n += got > 0 ? (size_t)got : 0;
		if (n > max)
			return -EFBIG;
	} while (got);
	text[n] = '\0';
	*ret_text = TAKE_PTR(text);
	*ret_len = n;
	return 0;
}

int file_read(const char *path, size_t max, char **ret_text, size_t *ret_len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), r;

	if (fd < 0)
		return -errno;
	r = fd_read(fd, max, ret_text, ret_len);
	close(fd);
	return r;
}

int file_read_line(const char *path, char **ret)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int err = file_read(path, LINE_FILE_MAX, &text, &len);

	if (err)
		return err;
	text[strcspn(text, "\n")] = '\0';
	*ret = TAKE_PTR(text);
	return 0;
}

void fd_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

int fd_pieces(int fd, size_t len,
	      int (*take)(const char *s, size_t n, void *arg), void *arg)
{
	char piece[PIECE];
	int err = 0;

	for (size_t at = 0; !err && at < len;) {
		size_t most = len - at < PIECE ? len - at : PIECE;
		ssize_t n = pread(fd, piece, most, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		err = take(piece, (size_t)n, arg);
		at += (size_t)n;
	}
	return err;
}

int fd_write(int fd, const char *text, size_t len)
{
	for (size_t at = 0; at < len;) {
		ssize_t n = write(fd, text + at, len - at);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (!n)
			return -EIO;
		at += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

int fd_sync(int fd)
{
	int err;

	do
		err = fsync(fd);
	while (err && errno == EINTR);
	return err ? -errno : 0;
}

int file_put_at(int dir, const char *fresh, const char *name,
		int (*fill)(int fd, const void *with), const void *with)
{
	int fd, err;

	if (unlinkat(dir, fresh, 0) && errno != ENOENT)
		return -errno;
	fd = openat(dir, fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW |
		    O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	err = fill(fd, with);
	/* A failed close() of what was synced loses nothing. */
	close(fd);
	if (!err && renameat(dir, fresh, dir, name))
		err = -errno;
	if (err)
		(void)unlinkat(dir, fresh, 0);
	return err;
}

/* A name that was written is there after a power cut, too. */
static int sync_folder(const char *path)
{
	_cleanup_free_ char *copy = strdup(path);
	int fd, err;

	if (!copy)
		return -ENOMEM;
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = fd_sync(fd);
	close(fd);
	return err;
}

/* rename(2) would put a file in the place of /dev/null as well. */
static int check_replaceable(const char *path)
{
	struct stat st;

	return lstat(path, &st) || S_ISREG(st.st_mode) ? 0 :
	       S_ISDIR(st.st_mode) ? -EISDIR : -EEXIST;
}

/* Who shall have it. */
struct owned {
	mode_t mode;
	bool given;			/* to an owner and a group, too */
	uid_t user;
	gid_t group;
};

static int give(int fd, const struct owned *to)
{
	struct stat st;

	if (!to->given)
		return 0;
	if (fstat(fd, &st))
		return -errno;
	if (st.st_uid == to->user && st.st_gid == to->group)
		return 0;
	return fchown(fd, to->user, to->group) ? -errno : 0;
}

/* Whose it is first: that takes rights away. */
static int fill(int fd, const struct owned *to, const char *text, size_t len)
{
	int err = give(fd, to);

	if (!err && fchmod(fd, to->mode))
		err = -errno;
	if (!err)
		err = fd_write(fd, text, len);
	return err ? err : fd_sync(fd);
}

static int replace(const char *path, const struct owned *to, const char *text,
		   size_t len)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	_cleanup_free_ char *beside = NULL;
	int fd, err = check_replaceable(path);

	if (err)
		return err;
	strbuf_printf(&b, "%s.XXXXXX", path);
	beside = strbuf_take(&b);
	if (!beside)
		return -ENOMEM;
	fd = mkostemp(beside, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = fill(fd, to, text, len);
	close(fd);
	if (!err && rename(beside, path))
		err = -errno;
	if (err) {
		(void)unlink(beside);
		return err;
	}
	err = sync_folder(path);
	/* It is in its place; who cannot read the folder cannot sync it. */
	return err == -EACCES ? 0 : err;
}

int file_replace(const char *path, mode_t mode, const char *text, size_t len)
{
	const struct owned to = { .mode = mode };

	return replace(path, &to, text, len);
}

int file_rewrite(const char *path, const char *text, size_t len)
{
	struct owned to = { 0 };
	struct stat st;

	if (!lstat(path, &st)) {
		to = (struct owned){ .mode = st.st_mode & 0777, .given = true,
				     .user = st.st_uid, .group = st.st_gid };
	} else {
		mode_t mask = umask(0);

		(void)umask(mask);
		to.mode = 0666 & ~mask;
	}
	return replace(path, &to, text, len);
}
