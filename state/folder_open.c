/* SPDX-License-Identifier: GPL-2.0-or-later */
/* state/folder_open.c: walk to a folder, one name at a time. */
#include "state/folder_open.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/mem.h"
#include "core/strbuf.h"

#define LINKS_MAX 40		/* as in path_resolution(7) */

struct walk {
	int fd;			/* where we stand */
	struct strbuf path;	/* of it; "" is / */
	struct strbuf rest;	/* names still to go, from byte `at` on */
	size_t at;
	unsigned int links;
	struct folder *ret;	/* for `why` */
};

/*
 * In a user namespace that maps one user alone, root's folders seem to belong
 * to the overflow user, and nobody else can be told from root.
 */
static bool owner_unknown(uid_t uid)
{
	char text[64] = "";
	uid_t overflow = 65534;
	int fd = open("/proc/sys/kernel/overflowuid", O_RDONLY | O_CLOEXEC);

	if (fd >= 0) {
		if (read(fd, text, sizeof(text) - 1) > 0)
			overflow = (uid_t)strtoul(text, NULL, 10);
		close(fd);
	}
	if (uid != overflow)
		return false;
	fd = open("/proc/self/uid_map", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	memset(text, 0, sizeof(text));
	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	close(fd);
	return !strstr(text, "4294967295");
}

static int unsafe(struct folder *ret, const char *path, const struct stat *s,
		  const char *what)
{
	_cleanup_(strbuf_release) struct strbuf why = { 0 };

	strbuf_printf(&why, "%s %s (owner %u, mode %03o)", path, what,
		      (unsigned int)s->st_uid,
		      (unsigned int)s->st_mode & 07777);
	free(ret->why);
	ret->why = strbuf_take(&why);
	return -EPERM;
}

/* May somebody else rename or replace what stands in this folder? */
static int check_on_the_way(struct walk *w)
{
	const char *path = w->path.n ? strbuf_str(&w->path) : "/";
	struct stat s;

	if (fstat(w->fd, &s))
		return -errno;
	if (s.st_uid && s.st_uid != geteuid() && !owner_unknown(s.st_uid))
		return unsafe(w->ret, path, &s, "belongs to another user");
	if ((s.st_mode & 022) && !(s.st_mode & S_ISVTX))
		return unsafe(w->ret, path, &s, "can be written by others");
	return 0;
}

static void stand_on(struct walk *w, int fd)
{
	if (w->fd >= 0)
		close(w->fd);
	w->fd = fd;
}

/* The next name, without slashes; "" when none is left. */
static int next_name(struct walk *w, char *ret)
{
	const char *rest = strbuf_str(&w->rest) + w->at;
	size_t skip = strspn(rest, "/"), len = strcspn(rest + skip, "/");

	if (len > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(ret, rest + skip, len);
	ret[len] = '\0';
	w->at += skip + len;
	return 0;
}

static bool is_last(const struct walk *w)
{
	const char *rest = strbuf_str(&w->rest) + w->at;

	return rest[strspn(rest, "/")] == '\0';
}

static int go_to_root(struct walk *w)
{
	int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	stand_on(w, fd);
	strbuf_clear(&w->path);
	return 0;
}

/* The link's target goes ahead of the names still to go. */
static int follow(struct walk *w, const char *name)
{
	_cleanup_(strbuf_release) struct strbuf rest = { 0 };
	char target[PATH_MAX];
	ssize_t n = readlinkat(w->fd, name, target, sizeof(target) - 1);
	int err = 0;

	if (n < 0)
		return -errno;
	if (++w->links > LINKS_MAX)
		return -ELOOP;
	target[n] = '\0';
	strbuf_printf(&rest, "%s/%s", target,
		      strbuf_text(&w->rest, &rest.lost) + w->at);
	if (*target == '/')
		err = go_to_root(w);
	if (!err)
		err = strbuf_status(&rest);
	if (err)
		return err;
	strbuf_release(&w->rest);
	w->rest = rest;
	rest = (struct strbuf){ 0 };
	w->at = 0;
	return 0;
}

static int step_up(struct walk *w)
{
	int fd = openat(w->fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char *slash;

	if (fd < 0)
		return -errno;
	stand_on(w, fd);
	slash = w->path.n ? strrchr(w->path.s, '/') : NULL;
	if (slash) {
		w->path.n = (size_t)(slash - w->path.s);
		*slash = '\0';
	}
	return 0;
}

static int step_down(struct walk *w, const char *name)
{
	int fd = openat(w->fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW |
			O_CLOEXEC);

	if (fd < 0 && errno == ENOTDIR)
		return follow(w, name);
	if (fd < 0)
		return -errno;
	stand_on(w, fd);
	strbuf_printf(&w->path, "/%s", name);
	return strbuf_status(&w->path);
}

int folder_open_in(int at, const char *name, bool make, int *ret)
{
	bool made = make && !mkdirat(at, name, 0700);
	int fd;

	if (make && !made && errno != EEXIST && errno != EROFS)
		return -errno;
	fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	/* The umask may have taken our own rights. */
	if (made && fchmod(fd, 0700)) {
		int err = errno;

		close(fd);
		return -err;
	}
	*ret = fd;
	return 0;
}

static int check_own(struct folder *f)
{
	struct stat s;

	if (fstat(f->fd, &s))
		return -errno;
	if (s.st_uid != geteuid())
		return unsafe(f, f->path, &s, "belongs to another user");
	if (s.st_mode & 022)
		return unsafe(f, f->path, &s, "can be written by others");
	return 0;
}

static int arrive(struct walk *w, const char *name, bool make,
		  struct folder *ret)
{
	struct stat s;
	int err = folder_open_in(w->fd, *name ? name : ".", make && *name,
				 &ret->fd);

	if ((err == -ENOTDIR || err == -ELOOP) &&
	    !fstatat(w->fd, name, &s, AT_SYMLINK_NOFOLLOW) &&
	    S_ISLNK(s.st_mode)) {
		strbuf_printf(&w->path, "/%s", name);
		return unsafe(ret, strbuf_str(&w->path), &s,
			      "is a symbolic link");
	}
	if (err)
		return err;
	if (*name || !w->path.n)
		strbuf_printf(&w->path, "/%s", name);
	err = strbuf_status(&w->path);
	ret->path = err ? NULL : strbuf_take(&w->path);
	return err ? err : ret->path ? check_own(ret) : -ENOMEM;
}

static int walk_on(struct walk *w, bool make, struct folder *ret)
{
	char name[NAME_MAX + 1];
	int err = go_to_root(w);

	while (!err) {
		err = check_on_the_way(w);
		if (!err)
			err = next_name(w, name);
		if (err)
			break;
		if (!strcmp(name, "..")) {
			err = step_up(w);
			continue;
		}
		if (is_last(w))
			return arrive(w, strcmp(name, ".") ? name : "", make,
				      ret);
		if (strcmp(name, "."))
			err = step_down(w, name);
	}
	return err;
}

int folder_open(const char *path, bool make, struct folder *ret)
{
	_cleanup_free_ char *here = NULL;
	struct folder f = FOLDER_CLOSED;
	struct walk w = { .fd = -1, .ret = &f };
	int err = 0;

	if (*path != '/') {
		here = getcwd(NULL, 0);
		err = here ? 0 : -errno;
		strbuf_printf(&w.rest, "%s/", here ? here : "");
	}
	strbuf_puts(&w.rest, path);
	if (!err)
		err = strbuf_status(&w.rest);
	if (!err)
		err = walk_on(&w, make, &f);
	stand_on(&w, -1);
	strbuf_release(&w.rest);
	strbuf_release(&w.path);
	if (err == -EPERM && f.why)
		ret->why = TAKE_PTR(f.why);
	if (!err) {
		*ret = f;
		f = FOLDER_CLOSED;
	}
	folder_release(&f);
	return err;
}

void folder_release(struct folder *f)
{
	if (f->fd >= 0)
		close(f->fd);
	free(f->path);
	free(f->why);
	*f = FOLDER_CLOSED;
}
