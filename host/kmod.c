/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/kmod.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <libkmod.h>

#include "core/intern.h"
#include "core/mem.h"
#include "host/trace.h"

static void unref_ctx(struct kmod_ctx **c)
{
	kmod_unref(*c);
}

static void unref_module(struct kmod_module **m)
{
	kmod_module_unref(*m);
}

static void say_nothing(void *data, int priority, const char *file, int line,
			const char *fn, const char *format, va_list args)
{
	(void)data, (void)priority, (void)file, (void)line, (void)fn;
	(void)format, (void)args;
}

static int find(const char *name, struct kmod_ctx **ret_ctx,
		struct kmod_module **ret)
{
	int err;

	*ret_ctx = kmod_new(NULL, NULL);
	if (!*ret_ctx)
		return -ENOMEM;
	kmod_set_log_fn(*ret_ctx, say_nothing, NULL);
	err = kmod_module_new_from_name(*ret_ctx, name, ret);
	return err < 0 ? err : 0;
}

/* "/lib/modules/6.1.0/kernel/net/netfilter/xt_CT.ko.xz" */
static const char *folder_of(const char *path)
{
	static const char word[] = "/kernel/";
	const char *from = path ? strstr(path, word) : NULL, *to;

	if (!from)
		return intern("");
	from += strlen(word);
	to = strrchr(from, '/');
	return intern_n(from, to ? (size_t)(to - from) : 0);
}

int kmod_folder(const char *name, const char **ret)
{
	_cleanup_(unref_ctx) struct kmod_ctx *ctx = NULL;
	_cleanup_(unref_module) struct kmod_module *m = NULL;
	int err = find(name, &ctx, &m);
	const char *folder;

	if (err)
		return err;
	folder = folder_of(kmod_module_get_path(m));
	if (!folder)
		return -ENOMEM;
	*ret = folder;
	return 0;
}

static void unref_list(struct kmod_list **l)
{
	kmod_module_unref_list(*l);
}

/* What is built in, or not of this kernel, has no file and loads nothing. */
static bool is_or_needs(struct kmod_module *m, const char *other)
{
	_cleanup_(unref_list) struct kmod_list *needs = NULL;
	struct kmod_list *at;
	bool found = !strcmp(kmod_module_get_name(m), other);

	if (!kmod_module_get_path(m))
		return false;
	needs = kmod_module_get_dependencies(m);
	kmod_list_foreach(at, needs) {
		struct kmod_module *d = kmod_module_get_module(at);

		found |= !strcmp(kmod_module_get_name(d), other);
		kmod_module_unref(d);
	}
	return found;
}

struct kmod_known {
	struct kmod_ctx *ctx;
	bool empty;		/* a kernel without an index has no modules */
};

void kmod_known_close(struct kmod_known **x)
{
	if (*x)
		unref_ctx(&(*x)->ctx);
	free(*x);
	*x = NULL;
}

/*
 * Without modprobe.d: what it says of how modules are loaded does not count.
 * That, and an index which is not mapped, libkmod reads through stdio, without
 * end if that gets no memory.
 */
int kmod_known_open(struct kmod_known **ret)
{
	static const char *const nowhere[] = { NULL };
	_cleanup_(kmod_known_close) struct kmod_known *x =
		calloc(1, sizeof(*x));
	int err;

	if (x)
		x->ctx = kmod_new(NULL, nowhere);
	if (!x || !x->ctx)
		return -ENOMEM;
	kmod_set_log_fn(x->ctx, say_nothing, NULL);
	err = kmod_load_resources(x->ctx);
	if (err == -ENOMEM)
		return err;
	x->empty = err != 0;
	*ret = TAKE_PTR(x);
	return 0;
}

int kmod_needs(struct kmod_known *x, const char *name, const char *other,
	       bool *ret)
{
	_cleanup_(unref_list) struct kmod_list *found = NULL;
	struct kmod_list *at;
	int err;

	*ret = false;
	if (x->empty)
		return 0;
	err = kmod_module_new_from_lookup(x->ctx, name, &found);
	kmod_list_foreach(at, found) {
		struct kmod_module *m = kmod_module_get_module(at);

		*ret |= is_or_needs(m, other);
		kmod_module_unref(m);
	}
	return err == -ENOMEM ? err : 0;
}

int kmod_load(const char *name, const char *options)
{
	_cleanup_(unref_ctx) struct kmod_ctx *ctx = NULL;
	_cleanup_(unref_module) struct kmod_module *m = NULL;
	int err = find(name, &ctx, &m);

	if (!err)
		err = kmod_module_probe_insert_module(
			m, KMOD_PROBE_IGNORE_COMMAND,
			options && *options ? options : NULL, NULL, NULL, NULL);
	host_trace("init_module(%s) = %d", name, err);
	return err < 0 ? err : 0;
}

int kmod_unload(const char *name)
{
	_cleanup_(unref_ctx) struct kmod_ctx *ctx = NULL;
	_cleanup_(unref_module) struct kmod_module *m = NULL;
	int err = find(name, &ctx, &m);

	if (!err)
		err = kmod_module_remove_module(m, KMOD_REMOVE_NOLOG);
	host_trace("delete_module(%s) = %d", name, err);
	return err == -ENOENT || err >= 0 ? 0 : err;
}
