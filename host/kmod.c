/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/kmod.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <libkmod.h>

#include "core/intern.h"
#include "core/mem.h"
#include "host/library.h"
#include "host/trace.h"

/* Of the only ABI that libkmod ever had. */
#define LIBRARY "libkmod.so.2"

#define FUNCTIONS(X) \
	X(kmod_list_next) \
	X(kmod_load_resources) \
	X(kmod_module_get_dependencies) \
	X(kmod_module_get_module) \
	X(kmod_module_get_name) \
	X(kmod_module_get_path) \
	X(kmod_module_new_from_lookup) \
	X(kmod_module_new_from_name) \
	X(kmod_module_probe_insert_module) \
	X(kmod_module_remove_module) \
	X(kmod_module_unref) \
	X(kmod_module_unref_list) \
	X(kmod_new) \
	X(kmod_set_log_fn) \
	X(kmod_unref)

/*
 * Opened where modules are looked at: it brings a library of cryptography
 * along, whose relocations would take a quarter of the time of every command.
 */
LIBRARY_FUNCTIONS(FUNCTIONS);

static int open_library(void)
{
	return lib.kmod_new ? 0 : library_open(LIBRARY, functions,
					       ARRAY_SIZE(functions));
}

static void unref_ctx(struct kmod_ctx **c)
{
	if (*c)
		lib.kmod_unref(*c);
}

static void unref_module(struct kmod_module **m)
{
	if (*m)
		lib.kmod_module_unref(*m);
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
	int err = open_library();

	if (err)
		return err;
	*ret_ctx = lib.kmod_new(NULL, NULL);
	if (!*ret_ctx)
		return -ENOMEM;
	lib.kmod_set_log_fn(*ret_ctx, say_nothing, NULL);
	err = lib.kmod_module_new_from_name(*ret_ctx, name, ret);
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
	folder = folder_of(lib.kmod_module_get_path(m));
	if (!folder)
		return -ENOMEM;
	*ret = folder;
	return 0;
}

static void unref_list(struct kmod_list **l)
{
	if (*l)
		lib.kmod_module_unref_list(*l);
}

/* What is built in, or not of this kernel, has no file and loads nothing. */
static bool is_or_needs(struct kmod_module *m, const char *other)
{
	_cleanup_(unref_list) struct kmod_list *needs = NULL;
	struct kmod_list *at;
	bool found = !strcmp(lib.kmod_module_get_name(m), other);

	if (!lib.kmod_module_get_path(m))
		return false;
	needs = lib.kmod_module_get_dependencies(m);
	for (at = needs; at; at = lib.kmod_list_next(needs, at)) {
		struct kmod_module *d = lib.kmod_module_get_module(at);

		found |= !strcmp(lib.kmod_module_get_name(d), other);
		lib.kmod_module_unref(d);
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
	int err = open_library();

	if (err)
		return err;
	if (x)
		x->ctx = lib.kmod_new(NULL, nowhere);
	if (!x || !x->ctx)
		return -ENOMEM;
	lib.kmod_set_log_fn(x->ctx, say_nothing, NULL);
	err = lib.kmod_load_resources(x->ctx);
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
	err = lib.kmod_module_new_from_lookup(x->ctx, name, &found);
	for (at = found; at; at = lib.kmod_list_next(found, at)) {
		struct kmod_module *m = lib.kmod_module_get_module(at);

		*ret |= is_or_needs(m, other);
		lib.kmod_module_unref(m);
	}
	return err == -ENOMEM ? err : 0;
}

int kmod_load(const char *name, const char *options)
{
	_cleanup_(unref_ctx) struct kmod_ctx *ctx = NULL;
	_cleanup_(unref_module) struct kmod_module *m = NULL;
	int err = find(name, &ctx, &m);

	if (!err)
		err = lib.kmod_module_probe_insert_module(
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
		err = lib.kmod_module_remove_module(m, KMOD_REMOVE_NOLOG);
	host_trace("delete_module(%s) = %d", name, err);
	return err == -ENOENT || err >= 0 ? 0 : err;
}
