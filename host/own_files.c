/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/own_files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/files.h"
#include "core/intern.h"
#include "core/mem.h"
#include "host/trace.h"

#define OWN_MAX (1u << 20)
#define FRESH ".ctpolicy-new"

static const char *const paths[] = {
	[OWN_FILE_OPTIONS] = "/etc/modprobe.d/ctpolicy.conf",
	[OWN_FILE_SYSCTLS] = "/etc/sysctl.d/90-ctpolicy.conf",
	[OWN_FILE_RULE] = "/etc/udev/rules.d/90-ctpolicy.rules",
};
_Static_assert(ARRAY_SIZE(paths) == OWN_FILE_MAX_, "a file has no path");

const char *own_file_path(enum own_file f)
{
	return paths[f];
}

bool own_file_is_path(const char *path)
{
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		if (!strcmp(paths[i], path))
			return true;
	return false;
}

bool own_file_has_mark(const char *text)
{
	size_t n = strlen(OWN_FILE_MARK);

	return !strncmp(text, OWN_FILE_MARK, n) && text[n] == '\n';
}

const char *own_file_space(const char *text)
{
	const char *line = strchr(text, '\n');
	size_t n = strlen(OWN_FILE_SPACE);

	if (!line || strncmp(line + 1, OWN_FILE_SPACE, n) != 0)
		return "";
	line += 1 + n;
	return intern_n(line, strcspn(line, "\n"));
}

/* Neither a link nor a pipe is ours. */
int own_file_read(const char *path, char **ret)
{
	_cleanup_(fd_close) int fd = -1;
	_cleanup_free_ char *text = NULL;
	struct stat st;
	size_t len;
	int err;

	*ret = NULL;
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY |
		  O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 :
		       errno == ELOOP ? -EEXIST : -errno;
	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EEXIST;
	err = fd_read(fd, OWN_MAX, &text, &len);
	if (err == -EFBIG || (!err && strlen(text) != len))
		return -EEXIST;
	if (!err)
		*ret = TAKE_PTR(text);
	return err;
}

/* What is there must be ours, or nothing. */
static int check_owner(const char *path)
{
	_cleanup_free_ char *text = NULL;
	int err = own_file_read(path, &text);

	return err ? err : text && !own_file_has_mark(text) ? -EEXIST : 0;
}

static const char *folder_of(const char *path)
{
	return intern_n(path, (size_t)(strrchr(path, '/') - path));
}

/* The folder, or what it would be made in, can be written. */
int own_file_check(const char *path)
{
	const char *at = folder_of(path);
	int err = check_owner(path);

	while (!err && at && faccessat(AT_FDCWD, at, W_OK, AT_EACCESS)) {
		if (errno != ENOENT)
			return -errno;
		if (strrchr(at, '/') == at)
			return -ENOENT;
		at = folder_of(at);
	}
	return err ? err : at ? 0 : -ENOMEM;
}

/* For everybody to read, whatever this process makes its files for. */
static int make_folder(const char *at)
{
	if (mkdir(at, 0755))
		return errno == EEXIST ? 0 : -errno;
	return chmod(at, 0755) ? -errno : 0;
}

static int make_folders(const char *at)
{
	int err = at ? make_folder(at) : -ENOMEM;

	if (err != -ENOENT || strrchr(at, '/') == at)
		return err;
	err = make_folders(folder_of(at));
	return err ? err : make_folder(at);
}

static int fill(int fd, const void *text)
{
	int err = fd_write(fd, text, strlen(text));

	if (!err && fchmod(fd, 0644))
		err = -errno;
	return err ? err : fd_sync(fd);
}

/* What a writer that died left behind goes as well. */
static int drop(int dir, const char *fresh, const char *name)
{
	(void)unlinkat(dir, fresh, 0);
	return unlinkat(dir, name, 0) && errno != ENOENT ? -errno : 0;
}

int own_file_write(const char *path, const char *text)
{
	const char *folder = folder_of(path);
	const char *name = strrchr(path, '/') + 1;
	const char *fresh = intern_printf(".%s" FRESH, name);
	_cleanup_(fd_close) int dir = -1;
	int err = folder && fresh ? check_owner(path) : -ENOMEM;

	if (!err && *text)
		err = make_folders(folder);
	if (err)
		return err;
	dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return errno == ENOENT && !*text ? 0 : -errno;
	err = *text ? file_put_at(dir, fresh, name, fill, text) :
		      drop(dir, fresh, name);
	if (!err && fsync(dir))
		err = -errno;
	host_trace("%s(%s) = %d", *text ? "rename" : "unlink", path, err);
	return err;
}

const char *own_file_sysctl_tool(void)
{
	static const char *const tools[][2] = {
		{ "/usr/lib/systemd/systemd-sysctl",
		  "/usr/lib/systemd/systemd-sysctl --prefix=/net/netfilter" },
		{ "/lib/systemd/systemd-sysctl",
		  "/lib/systemd/systemd-sysctl --prefix=/net/netfilter" },
		{ "/usr/sbin/sysctl",
		  "/usr/sbin/sysctl -q -p /etc/sysctl.d/90-ctpolicy.conf" },
		{ "/sbin/sysctl",
		  "/sbin/sysctl -q -p /etc/sysctl.d/90-ctpolicy.conf" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(tools); i++)
		if (!access(tools[i][0], X_OK))
			return tools[i][1];
	return NULL;
}
