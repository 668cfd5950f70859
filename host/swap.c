/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/swap.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "core/files.h"
#include "core/intern.h"
#include "core/mem.h"
#include "host/trace.h"

#define NEW "ctpolicy-new"
#define KEPT "ctpolicy-orig"

/* Its folder and its names there; names are interned. */
struct place {
	int dir;
	const char *name, *fresh, *kept;
};

static void place_release(struct place *p)
{
	if (p->dir >= 0)
		close(p->dir);
}

static int find(const char *path, struct place *ret)
{
	const char *slash = strrchr(path, '/');
	const char *folder = slash ? intern_n(path, (size_t)(slash - path)) :
				     NULL;

	if (!slash)
		return -EINVAL;
	ret->name = slash + 1;
	ret->fresh = intern_printf(".%s." NEW, ret->name);
	ret->kept = intern_printf(".%s." KEPT, ret->name);
	if (!folder || !ret->fresh || !ret->kept)
		return -ENOMEM;
	ret->dir = open(*folder ? folder : "/",
			O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return ret->dir < 0 ? -errno : 0;
}

static int open_at(int dir, const char *name, int *ret, struct stat *st)
{
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
			O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	*ret = fd;
	if (fstat(fd, st))
		return -errno;
	return S_ISREG(st->st_mode) ? 0 : -EINVAL;
}

static int read_at(int dir, const char *name, char **ret, size_t *ret_len)
{
	_cleanup_(fd_close) int fd = -1;
	struct stat st;
	int err = open_at(dir, name, &fd, &st);

	return err ? err : fd_read(fd, SWAP_MAX, ret, ret_len);
}

int swap_read(const char *path, char **ret, size_t *ret_len)
{
	return read_at(AT_FDCWD, path, ret, ret_len);
}

/* What the new file has already (a label that its folder gives) is right. */
static bool has_same(int fd, const char *name, const char *value, size_t n)
{
	_cleanup_free_ char *now = malloc(n + 1);

	return now && fgetxattr(fd, name, now, n + 1) == (ssize_t)n &&
	       !memcmp(now, value, n);
}

static int copy_one(int from, int to, const char *name)
{
	ssize_t n = fgetxattr(from, name, NULL, 0);
	_cleanup_free_ char *value = NULL;

	if (n < 0)
		return -errno;
	value = malloc((size_t)n + 1);
	if (!value)
		return -ENOMEM;
	n = fgetxattr(from, name, value, (size_t)n);
	if (n < 0)
		return -errno;
	if (has_same(to, name, value, (size_t)n) ||
	    !fsetxattr(to, name, value, (size_t)n, 0))
		return 0;
	return -errno;
}

/* A folder's default ACL would let in whom the file keeps out. */
static int drop_inherited(int from, int to)
{
	static const char acl[] = "system.posix_acl_access";

	if (fgetxattr(from, acl, NULL, 0) >= 0 || !fremovexattr(to, acl) ||
	    errno == ENODATA || errno == EOPNOTSUPP)
		return 0;
	return -errno;
}

static int copy_attributes(int from, int to)
{
	ssize_t n = flistxattr(from, NULL, 0);
	_cleanup_free_ char *names = NULL;
	int err = 0;

	if (n < 0)
		return errno == EOPNOTSUPP ? 0 : -errno;
	names = calloc(1, (size_t)n + 1);
	if (!names)
		return -ENOMEM;
	n = flistxattr(from, names, (size_t)n);
	if (n < 0)
		return -errno;
	for (const char *s = names; !err && s < names + n; s += strlen(s) + 1)
		err = copy_one(from, to, s);
	return err ? err : drop_inherited(from, to);
}

static int copy_owner(const struct stat *st, int to)
{
	struct stat now;

	if (fstat(to, &now))
		return -errno;
	if ((now.st_uid != st->st_uid || now.st_gid != st->st_gid) &&
	    fchown(to, st->st_uid, st->st_gid))
		return -errno;
	return fchmod(to, st->st_mode & 07777) ? -errno : 0;
}

/* An open file whose place the new one takes, and the new text. */
struct swap {
	int from;
	const struct stat *st;
	const char *text;
	size_t len;
};

static int fill(int to, const void *with)
{
	const struct swap *s = with;
	int err = fd_write(to, s->text, s->len);

	if (!err)
		err = fd_sync(to);
	if (!err)
		err = copy_owner(s->st, to);
	if (!err)
		err = copy_attributes(s->from, to);
	/* Once more, for the mode and the attributes. */
	return err ? err : fd_sync(to);
}

/* A file like `from`, with this text, that takes the name `as`. */
static int put(const struct place *p, int from, const struct stat *st,
	       const char *as, const char *text, size_t len)
{
	const struct swap s = { from, st, text, len };

	return file_put_at(p->dir, p->fresh, as, fill, &s);
}

static int keep(const struct place *p, int from, const struct stat *st)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int err;

	if (!faccessat(p->dir, p->kept, F_OK, AT_SYMLINK_NOFOLLOW))
		return 0;
	err = read_at(p->dir, p->name, &text, &len);
	return err ? err : put(p, from, st, p->kept, text, len);
}

/* What no other file may take the place of, as rename(2) would say. */
static int check_fixed(int fd)
{
	struct statx st;

	if (statx(fd, "", AT_EMPTY_PATH, 0, &st))
		return -errno;
	if (st.stx_attributes & STATX_ATTR_MOUNT_ROOT)
		return -EBUSY;
	return st.stx_attributes &
	       (STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND) ? -EPERM : 0;
}

/* -EMLINK: another name of the file would keep the old text. */
static int find_alone(const char *path, struct place *p, int *ret,
		      struct stat *st)
{
	int err = find(path, p);

	if (!err)
		err = open_at(p->dir, p->name, ret, st);
	if (!err)
		err = check_fixed(*ret);
	return !err && st->st_nlink > 1 ? -EMLINK : err;
}

/* Only who has the power to give files away can keep another owner. */
int swap_check(const char *path)
{
	_cleanup_(place_release) struct place p = { .dir = -1 };
	_cleanup_(fd_close) int from = -1;
	struct stat st;
	int err = find_alone(path, &p, &from, &st);

	if (err)
		return err;
	if (st.st_uid != geteuid() || st.st_gid != getegid())
		return -EPERM;
	return faccessat(p.dir, ".", W_OK, AT_EACCESS) ? -errno : 0;
}

static int check_same(int fd, const char *was, size_t was_len)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int err = fd_read(fd, SWAP_MAX, &text, &len);

	if (err)
		return err;
	return len == was_len && !memcmp(text, was, len) ? 0 : -ESTALE;
}

int swap_write_over(const char *path, const char *was, size_t was_len,
		    const char *text, size_t len)
{
	_cleanup_(place_release) struct place p = { .dir = -1 };
	_cleanup_(fd_close) int from = -1;
	struct stat st;
	int err = find_alone(path, &p, &from, &st);

	if (!err && was)
		err = check_same(from, was, was_len);
	if (!err)
		err = keep(&p, from, &st);
	if (!err)
		err = put(&p, from, &st, p.name, text, len);
	if (!err && fsync(p.dir))
		err = -errno;
	host_trace("rename(%s) = %d", path, err);
	return err;
}

int swap_write(const char *path, const char *text, size_t len)
{
	return swap_write_over(path, NULL, 0, text, len);
}

void swap_tidy(const char *path)
{
	_cleanup_(place_release) struct place p = { .dir = -1 };

	if (!find(path, &p))
		(void)unlinkat(p.dir, p.fresh, 0);
}

void swap_drop_kept(const char *path)
{
	_cleanup_(place_release) struct place p = { .dir = -1 };

	if (!find(path, &p))
		(void)unlinkat(p.dir, p.kept, 0);
}
