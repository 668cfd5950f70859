/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/modules.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/files.h"
#include "core/intern.h"
#include "core/mem.h"

#define SMALL 4096

static void close_dir(DIR **d)
{
	if (*d)
		closedir(*d);
}

static const char *path_of(const char *sys, const char *module,
			   const char *file)
{
	return intern_printf("%s/%s%s%s", sys, module, *file ? "/" : "", file);
}

static int read_refs(const char *sys, const char *name, uint32_t *ret)
{
	const char *path = path_of(sys, name, "refcnt");
	_cleanup_free_ char *text = NULL;
	size_t len;
	long n;
	int err = path ? file_read(path, SMALL, &text, &len) : -ENOMEM;

	if (err)
		return err;
	n = strtol(text, NULL, 10);
	/* It is -1 while the module is on its way in or out. */
	*ret = n > 0 ? (uint32_t)n : 0;
	return 0;
}

static int add_holder(struct module *m, const char *name)
{
	const char *kept = intern(name);

	if (!kept || mem_grow(&m->holders, &m->cap_holders, m->n_holders + 1))
		return -ENOMEM;
	m->holders[m->n_holders++] = kept;
	return 0;
}

/* A folder may be missing: then nothing is in it. */
static int each_name(const char *path, int (*take)(void *arg, const char *name),
		     void *arg)
{
	_cleanup_(close_dir) DIR *d = path ? opendir(path) : NULL;
	struct dirent *e;
	int err = 0;

	if (!path)
		return -ENOMEM;
	if (!d)
		return errno == ENOENT ? 0 : -errno;
	while (!err && (e = readdir(d)))
		if (e->d_name[0] != '.')
			err = take(arg, e->d_name);
	return err;
}

static int take_holder(void *arg, const char *name)
{
	return add_holder(arg, name);
}

struct reading {
	const char *sys;
	struct modules *m;
};

/* What has no refcnt is built in. */
static int take_module(void *arg, const char *name)
{
	struct reading *r = arg;
	struct module *m;
	uint32_t refs;
	int err = read_refs(r->sys, name, &refs);

	if (err)
		return err == -ENOMEM ? err : 0;
	if (mem_grow(&r->m->v, &r->m->cap, r->m->n + 1))
		return -ENOMEM;
	m = &r->m->v[r->m->n++];
	*m = (struct module){ .name = intern(name), .refs = refs };
	err = m->name ? each_name(path_of(r->sys, name, "holders"),
				  take_holder, m) : -ENOMEM;
	if (!err && m->refs > m->n_holders)
		m->excess = m->refs - (uint32_t)m->n_holders;
	return err;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct module *)a)->name,
		      ((const struct module *)b)->name);
}

enum modules_state modules_root_state(const char *sys)
{
	char path[PATH_MAX];

	/* Without an allocation: one that failed would look like no module. */
	snprintf(path, sizeof(path), "%s/%s", sys, MODULES_ROOT);
	if (access(path, F_OK))
		return MODULES_ABSENT;
	snprintf(path, sizeof(path), "%s/%s/refcnt", sys, MODULES_ROOT);
	return access(path, F_OK) ? MODULES_BUILTIN : MODULES_LOADED;
}

const char *modules_state_name(enum modules_state s)
{
	static const char *const names[] = {
		[MODULES_ABSENT] = "absent",
		[MODULES_LOADED] = "loaded",
		[MODULES_BUILTIN] = "builtin",
	};

	return names[s];
}

int modules_read(const char *sys, struct modules *ret)
{
	_cleanup_(modules_release) struct modules m = {
		.state = modules_root_state(sys),
	};
	struct reading r = { sys, &m };
	int err = each_name(intern(sys), take_module, &r);

	if (err)
		return err;
	if (m.n)
		qsort(m.v, m.n, sizeof(*m.v), by_name);
	*ret = m;
	m = (struct modules){ 0 };
	return 0;
}

const struct module *modules_find(const struct modules *m, const char *name)
{
	for (size_t i = 0; i < m->n; i++)
		if (!strcmp(m->v[i].name, name))
			return &m->v[i];
	return NULL;
}

bool modules_are_held(const struct modules *m)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->v[i].excess)
			return true;
	return false;
}

static int add_copy(struct modules *to, const struct module *m)
{
	struct module *copy;
	int err = mem_grow(&to->v, &to->cap, to->n + 1);

	if (err)
		return err;
	copy = &to->v[to->n++];
	*copy = (struct module){ .name = m->name, .refs = m->refs,
				 .excess = m->excess };
	for (size_t i = 0; !err && i < m->n_holders; i++)
		err = add_holder(copy, m->holders[i]);
	return err;
}

/* Its users first; the kernel allows no circle. */
static int add_with_users(const struct modules *all, const struct module *m,
			  struct modules *to)
{
	int err = 0;

	if (modules_find(to, m->name))
		return 0;
	for (size_t i = 0; !err && i < m->n_holders; i++) {
		const struct module *h = modules_find(all, m->holders[i]);

		if (h)
			err = add_with_users(all, h, to);
	}
	return err ? err : add_copy(to, m);
}

int modules_of_root(const struct modules *all, struct modules *ret)
{
	_cleanup_(modules_release) struct modules m = { .state = all->state };
	const struct module *root = modules_find(all, MODULES_ROOT);
	int err = root ? add_with_users(all, root, &m) : 0;

	if (err)
		return err;
	*ret = m;
	m = (struct modules){ 0 };
	return 0;
}

bool modules_may_unload(const char *folder)
{
	static const char *const filters[] = {
		"net/netfilter", "net/ipv4/netfilter", "net/ipv6/netfilter",
		"net/bridge/netfilter",
	};

	for (size_t i = 0; i < ARRAY_SIZE(filters); i++)
		if (!strcmp(folder, filters[i]))
			return true;
	return false;
}

void modules_release(struct modules *m)
{
	for (size_t i = 0; i < m->n; i++)
		free(m->v[i].holders);
	free(m->v);
	*m = (struct modules){ 0 };
}
