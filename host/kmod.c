/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/kmod.h"

#include <errno.h>
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
