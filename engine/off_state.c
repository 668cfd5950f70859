/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/off_state.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "core/files.h"
#include "core/intern.h"
#include "core/mem.h"
#include "host/conntrack/settings.h"

#define SETTINGS "/proc/sys/net/netfilter"

/* The names in a folder, sorted; one that is missing has none. */
static int names_in(const char *folder, struct dirent ***ret, size_t *ret_n)
{
	int n = scandir(folder, ret, NULL, alphasort);

	if (n < 0 && errno != ENOENT)
		return -errno;
	*ret_n = n < 0 ? 0 : (size_t)n;
	return 0;
}

/* -EINVAL: it is something else. */
static int read_value(const char *path, char **ret)
{
	_cleanup_free_ char *line = NULL;
	int err = file_read_line(path, &line);

	if (!err && !*line)
		err = -EINVAL;
	if (!err)
		*ret = TAKE_PTR(line);
	return err;
}

static bool is_writable(const char *path)
{
	struct stat st;

	return !stat(path, &st) && (st.st_mode & S_IWUSR);
}

static int add_setting(const char *name, struct items *to)
{
	const char *path = intern_printf(SETTINGS "/%s", name);
	const char *key = intern_printf(CT_PREFIX "%s", name);
	_cleanup_free_ char *value = NULL;

	if (!path || !key)
		return -ENOMEM;
	if (strncmp(name, "nf_conntrack_", strlen("nf_conntrack_")) ||
	    !is_writable(path) || read_value(path, &value))
		return 0;
	return items_add(to, ITEM_SYSCTL, key, value);
}

static int add_settings(struct items *to)
{
	struct dirent **v = NULL;
	size_t n = 0;
	int err = names_in(SETTINGS, &v, &n);

	for (size_t i = 0; i < n; i++) {
		if (!err)
			err = add_setting(v[i]->d_name, to);
		free(v[i]);
	}
	free(v);
	return err;
}

/* Whoever loads the module must say it then: it cannot be written later. */
static void add_option(const char *folder, const char *name,
		       struct strbuf *out)
{
	const char *path = intern_printf("%s/%s", folder, name);
	_cleanup_free_ char *value = NULL;

	if (!path || name[0] == '.' || is_writable(path) ||
	    read_value(path, &value) || strpbrk(value, " \t\"'("))
		return;
	strbuf_printf(out, "%s%s=%s", out->n ? " " : "", name, value);
}

static int add_module(const char *name, struct items *to)
{
	const char *folder = intern_printf(MODULES_SYS "/%s/parameters", name);
	_cleanup_(strbuf_release) struct strbuf options = { 0 };
	struct dirent **v = NULL;
	size_t n = 0;
	int err = folder ? names_in(folder, &v, &n) : -ENOMEM;

	for (size_t i = 0; i < n; i++) {
		if (!err)
			add_option(folder, v[i]->d_name, &options);
		free(v[i]);
	}
	free(v);
	if (!err)
		err = strbuf_status(&options);
	return err ? err : items_add(to, ITEM_MODULE, name,
				     strbuf_str(&options));
}

int off_state_read(enum modules_state *ret_state, struct items *ret)
{
	_cleanup_(modules_release) struct modules all = { 0 }, m = { 0 };
	_cleanup_(items_release) struct items items = { 0 };
	int err = modules_read(MODULES_SYS, &all);

	if (!err)
		err = modules_of_root(&all, &m);
	for (size_t i = 0; !err && i < m.n; i++)
		err = add_module(m.v[i].name, &items);
	if (!err && m.n)
		err = add_settings(&items);
	if (err)
		return err;
	*ret_state = all.state;
	*ret = items;
	items = (struct items){ 0 };
	return 0;
}
