/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/conntrack/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/files.h"
#include "core/intern.h"
#include "core/mem.h"
#include "host/host.h"
#include "host/netns.h"
#include "host/trace.h"

const struct ct_settings ct_settings_host = {
	.sysctls = "/proc/sys/net/netfilter",
	.parameters = "/sys/module/nf_conntrack/parameters",
};

bool ct_settings_exist(const struct ct_settings *s)
{
	const char *path = intern_printf("%s/nf_conntrack_max", s->sysctls);

	return path && !access(path, F_OK);
}

bool ct_setting_is_global(const char *key)
{
	return !strcmp(key, CT_MAX) || !strcmp(key, CT_BUCKETS) ||
	       !strcmp(key, CT_EXPECT_MAX);
}

/* Interned; -EINVAL: no key of ours. */
static int path_of(const struct ct_settings *s, const char *key,
		   const char **ret)
{
	if (strncmp(key, CT_PREFIX, strlen(CT_PREFIX)) || strchr(key, '/'))
		return -EINVAL;
	*ret = intern_printf("%s/%s", s->sysctls, key + strlen(CT_PREFIX));
	return *ret ? 0 : -ENOMEM;
}

/* The other way to the same number; NULL: there is none. */
static const char *parameter_of(const struct ct_settings *s, const char *key)
{
	return strcmp(key, CT_BUCKETS) ? NULL :
	       intern_printf("%s/hashsize", s->parameters);
}

int ct_setting_read(const struct ct_settings *s, const char *key, char **ret)
{
	const char *path, *other = parameter_of(s, key);
	int err = path_of(s, key, &path);

	if (!err)
		err = file_read_line(path, ret);
	return err == -ENOENT && other ? file_read_line(other, ret) : err;
}

/*
 * Elsewhere the kernel shows it, and lets nobody write it; the parameter takes
 * a number there, too, and then refuses it.
 */
static bool is_elsewhere(const struct ct_settings *s, const char *key)
{
	const char *path;
	struct stat st;

	return ct_setting_is_global(key) && !path_of(s, CT_MAX, &path) &&
	       !stat(path, &st) && !(st.st_mode & S_IWUSR);
}

static int open_one(const char *path, int *ret)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	*ret = fd;
	return 0;
}

static int open_for(const struct ct_settings *s, const char *key,
		    const char **ret_path, int *ret)
{
	const char *other = parameter_of(s, key);
	int err = path_of(s, key, ret_path);

	if (!err && is_elsewhere(s, key))
		err = -EXDEV;
	if (err)
		return err;
	err = open_one(*ret_path, ret);
	if (!err || !other || open_one(other, ret))
		return err;
	*ret_path = other;
	return 0;
}

int ct_setting_check(const struct ct_settings *s, const char *key)
{
	const char *path;
	int fd = -1, err = open_for(s, key, &path, &fd);

	if (!err)
		close(fd);
	return err;
}

int ct_setting_write(const struct ct_settings *s, const char *key,
		     const char *value)
{
	const char *path;
	size_t len = strlen(value);
	int fd = -1, err = open_for(s, key, &path, &fd);
	ssize_t n;

	if (err)
		return err;
	n = write(fd, value, len);
	if (n != (ssize_t)len)
		err = n < 0 ? -errno : -EIO;
	host_trace("write(%s, %s) = %d", path, value, err);
	close(fd);
	return err;
}

static int count_here(void *arg)
{
	return host_conntrack_count(arg);
}

uint64_t ct_settings_fullest(const char **ret_where)
{
	_cleanup_(netns_release) struct netns_list l = { 0 };
	size_t most = 0;

	*ret_where = NULL;
	(void)host_conntrack_count(&most);
	if (netns_list(&l))
		return most;
	for (size_t i = 0; i < l.n; i++) {
		size_t n = 0;

		if (netns_visit(&l.v[i], count_here, &n) || n <= most)
			continue;
		most = n;
		*ret_where = l.v[i].name;
	}
	return most;
}
