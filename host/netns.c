/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/netns.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include "core/intern.h"
#include "core/mem.h"

#define OWN "/proc/self/ns/net"
#define NAMED "/run/netns"

static void close_dir(DIR **d)
{
	if (*d)
		closedir(*d);
}

/*
 * What cannot be looked at has ended, or is not ours to see; a file that is no
 * namespace is what `ip netns` leaves of one after a reboot.
 */
static int add(struct netns_list *l, const char *path, const char *name)
{
	struct stat st;
	struct statfs fs;

	if (!path)
		return -ENOMEM;
	if (stat(path, &st) || statfs(path, &fs) || fs.f_type != NSFS_MAGIC)
		return 0;
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].inode == st.st_ino)
			return 0;
	if (mem_grow(&l->v, &l->cap, l->n + 1))
		return -ENOMEM;
	l->v[l->n++] = (struct netns){ st.st_ino, path, name };
	return 0;
}

static int add_named(struct netns_list *l)
{
	_cleanup_(close_dir) DIR *d = opendir(NAMED);
	struct dirent *e;
	int err = 0;

	while (d && !err && (e = readdir(d))) {
		const char *name = intern(e->d_name);

		if (e->d_name[0] == '.')
			continue;
		err = name ? add(l, intern_printf(NAMED "/%s", name), name) :
			     -ENOMEM;
	}
	return err;
}

static int add_processes(struct netns_list *l)
{
	_cleanup_(close_dir) DIR *d = opendir("/proc");
	struct dirent *e;
	int err = d ? 0 : -errno;

	while (!err && (e = readdir(d))) {
		const char *name;

		if (e->d_name[0] < '1' || e->d_name[0] > '9')
			continue;
		name = intern_printf("process %s", e->d_name);
		err = name ? add(l, intern_printf("/proc/%s/ns/net",
						  e->d_name), name) :
			     -ENOMEM;
	}
	return err;
}

int netns_list(struct netns_list *ret)
{
	_cleanup_(netns_release) struct netns_list l = { 0 };
	int err = add(&l, intern(OWN), NULL);

	if (!err && !l.n)
		err = -ENOENT;
	if (!err)
		err = add_named(&l);
	if (!err)
		err = add_processes(&l);
	if (err)
		return err;
	*ret = l;
	l = (struct netns_list){ 0 };
	return 0;
}

int netns_visit(const struct netns *n, int (*fn)(void *arg), void *arg)
{
	int own, other, err;

	if (!n->name)
		return fn(arg);
	own = open(OWN, O_RDONLY | O_CLOEXEC);
	other = open(n->path, O_RDONLY | O_CLOEXEC);
	if (own < 0 || other < 0 || setns(other, CLONE_NEWNET)) {
		err = -errno;
	} else {
		err = fn(arg);
		if (setns(own, CLONE_NEWNET))
			abort();
	}
	if (own >= 0)
		close(own);
	if (other >= 0)
		close(other);
	return err;
}

void netns_release(struct netns_list *l)
{
	free(l->v);
	*l = (struct netns_list){ 0 };
}
