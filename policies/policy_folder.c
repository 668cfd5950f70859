/* SPDX-License-Identifier: GPL-2.0-or-later */
/* policies/policy_folder.c: a policy's files in a folder, in order of names. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "core/fault.h"
#include "core/files.h"
#include "core/intern.h"
#include "core/mem.h"
#include "policies/policy_files.h"
#include "policies/policy_read.h"
#include "policies/yaml_node.h"

struct names {
	char **v;
	size_t n, cap;
};

static void names_release(struct names *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i]);
	free(s->v);
}

static void close_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

/* Root's own group is root, as to sudo; a list may name anybody (acl(5)). */
static bool has_others(int fd, const struct stat *st)
{
	return st->st_gid ||
	       fgetxattr(fd, "system.posix_acl_access", NULL, 0) > 0;
}

/*
 * What stands at the place that root reads unasked is as sshd and sudo have it:
 * of an access list the mask shows as the group's rights.
 */
int folder_trusts(int fd, const char *path, bool strict, struct diags *d)
{
	const char *why, *cure;
	struct stat st;
	int err;

	if (fstat(fd, &st))
		return read_refuse(d, path, -errno, ID_UNREADABLE,
				   strerror(errno));
	if (st.st_mode & S_IWOTH) {
		why = "anybody may write here";
		cure = "chmod o-w";
	} else if (strict && st.st_uid && st.st_uid != geteuid()) {
		why = "this belongs to another user";
		cure = "chown root:";
	} else if (strict && st.st_mode & S_IWGRP && has_others(fd, &st)) {
		why = "its group may write here";
		cure = "chmod g-w";
	} else {
		return 0;
	}
	err = read_refuse(d, path, -FAULT_INPUT, ID_OTHERS_WRITE, why);
	diag_help(d, "%s %s", cure, path);
	return err;
}

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), k = strlen(end);

	return n > k && !strcmp(s + n - k, end);
}

/* policy_files_put() keeps a name in one line. */
static int line_break(const char *path, struct diags *d)
{
	return read_refuse(d, path, -FAULT_INPUT, ID_NOT_A_FILE,
			   "the name of a folder or file has a line break");
}

/* Editors' leftovers begin with a dot, or end with something else. */
static int take_name(const char *name, const char *path, struct names *to,
		     struct diags *d)
{
	if (*name == '.')
		return 0;
	if (ends_with(name, ".yml")) {
		diag_add(d, DIAG_WARNING, 0, ID_NOT_READ, NOPOS,
			 "%s/%s is not read: its name does not end with .yaml",
			 path, name);
		return 0;
	}
	if (!ends_with(name, ".yaml"))
		return 0;
	if (to->n == POLICY_FILES_MAX)
		return read_refuse(d, path, -FAULT_INPUT, ID_FILE_TOO_LARGE,
				   "more than 1000 files");
	if (strchr(name, '\n'))
		return line_break(path, d);
	if (mem_grow(&to->v, &to->cap, to->n + 1))
		return -ENOMEM;
	to->v[to->n] = strdup(name);
	return to->v[to->n] ? (int)(to->n++, 0) : -ENOMEM;
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list(int fd, const char *path, struct names *ret, struct diags *d)
{
	int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(close_dir) DIR *dir = own < 0 ? NULL : fdopendir(own);
	const struct dirent *e;
	int err = 0;

	if (!dir) {
		err = -errno;
		fd_close(&own);
		return read_refuse(d, path, err, ID_UNREADABLE,
				   strerror(-err));
	}
	errno = 0;
	while (!err && (e = readdir(dir))) {
		err = take_name(e->d_name, path, ret, d);
		errno = 0;
	}
	if (!err && errno)
		err = read_refuse(d, path, -errno, ID_UNREADABLE,
				  strerror(errno));
	if (ret->n > 1)
		qsort(ret->v, ret->n, sizeof(*ret->v), by_bytes);
	return err;
}

static int read_one(int folder, const char *path, const char *name,
		    bool strict, struct strbuf *to, struct diags *d)
{
	_cleanup_(fd_close) int fd = openat(folder, name, O_RDONLY | O_CLOEXEC |
					    O_NONBLOCK | O_NOCTTY);
	/* diagnostics borrow it */
	const char *full = intern_printf("%s/%s", path, name);
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	int err;

	if (!full)
		return -ENOMEM;
	if (fd < 0)
		return read_refuse(d, full, -errno, ID_UNREADABLE,
				   strerror(errno));
	err = folder_trusts(fd, full, strict, d);
	if (!err)
		err = read_regular(fd, full, to->n < YAML_FILE_MAX ?
				   YAML_FILE_MAX - to->n : 0, &text, &len, d);
	if (!err)
		policy_files_put(full, text, len, to);
	return err ? err : strbuf_status(to);
}

int folder_read(int fd, const char *path, bool strict, struct strbuf *to,
		size_t *files, struct diags *d)
{
	_cleanup_(names_release) struct names names = { 0 };
	int err = folder_trusts(fd, path, strict, d);

	if (!err && strchr(path, '\n'))
		err = line_break(path, d);
	if (!err)
		err = list(fd, path, &names, d);
	for (size_t i = 0; !err && i < names.n; i++)
		err = read_one(fd, path, names.v[i], strict, to, d);
	*files += names.n;
	return err;
}
