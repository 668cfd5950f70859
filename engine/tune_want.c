/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/tune_want.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/intern.h"
#include "core/mem.h"
#include "engine/tune_files.h"
#include "host/conntrack/settings.h"
#include "host/modules.h"

/* The modules go, and all settings with them. */
static bool goes_with_modules(const struct plan *p)
{
	return p->policy && p->policy->unload_modules &&
	       modules_root_state(MODULES_SYS) == MODULES_LOADED;
}

/*
 * The kernel makes whole pages of buckets, of which one may be larger than the
 * generator, which knows no machine, has it.
 */
static const char *value_of(const struct setting *s)
{
	uint64_t n = (uint64_t)sysconf(_SC_PAGESIZE) / sizeof(void *);
	uint64_t buckets;

	if (strcmp(s->key, CT_BUCKETS) != 0)
		return s->value;
	buckets = strtoull(s->value, NULL, 10);
	return intern_printf("%" PRIu64, (buckets + n - 1) / n * n);
}

static int want_policy(struct plan *p)
{
	struct tune *t = &p->change.tune;
	int err = 0;

	for (size_t i = 0; !err && p->rules && i < p->rules->n_sysctls; i++) {
		const struct setting *s = &p->rules->sysctls[i];
		const char *value = value_of(s);

		err = value ? items_put(&t->at.want, ITEM_SYSCTL, s->key,
					value) :
			      -ENOMEM;
	}
	return err;
}

/*
 * As it is, or as it will be when its module is back; NULL: there is none, or
 * *err: it cannot be read.
 */
static const char *value_now(struct plan *p, const char *key, char **mine,
			     int *err)
{
	const struct beside *modules = &p->change.off.at;

	*err = ct_setting_read(&ct_settings_host, key, mine);
	if (*err == -ENOENT)
		*err = 0;
	if (*mine || *err)
		return *mine;
	return modules->there ?
		       items_value(&modules->want, ITEM_SYSCTL, key) : NULL;
}

static bool is_ours(const struct tune *t, const char *key, const char *now)
{
	for (size_t i = 0; i < t->ours.n; i++)
		if (!strcmp(t->ours.v[i].key, key) &&
		    !strcmp(t->ours.v[i].value, now))
			return true;
	return false;
}

static void say_changed(const char *key, const char *now, const char *was,
			struct diags *d)
{
	diag_add(d, DIAG_WARNING, 0, ID_SETTING_CHANGED, NOPOS,
		 "%s is %s now, which ctpolicy did not set: it is left as it is",
		 key, now);
	diag_help(d, "before ctpolicy it was %s", was);
}

/* Shall it be as it was? *ret: it is to be forgotten. */
static int want_back(struct plan *p, const struct item *was, bool *ret)
{
	struct tune *t = &p->change.tune;
	_cleanup_free_ char *mine = NULL;
	int err;
	const char *now = value_now(p, was->key, &mine, &err);

	*ret = now && (!is_ours(t, was->key, now) ||
		       !strcmp(now, was->value));
	if (!err && (!now || *ret)) {
		if (now && strcmp(now, was->value) != 0)
			say_changed(was->key, now, was->value, &p->diags);
		return 0;
	}
	if (!err && mine)
		err = ct_setting_check(&ct_settings_host, was->key);
	if (err == -ENOMEM)
		return err;
	if (!err)
		return items_put(&t->at.want, ITEM_SYSCTL, was->key,
				 was->value);
	diag_add(&p->diags, DIAG_WARNING, 0, ID_SETTING_CHANGED, NOPOS,
		 "%s cannot be put back to %s: %s", was->key, was->value,
		 strerror(-err));
	return 0;
}

static int want_all_back(struct plan *p)
{
	struct tune *t = &p->change.tune;
	size_t n = 0;
	int err = 0;

	if (goes_with_modules(p))
		return 0;
	for (size_t i = 0; i < t->was.n; i++) {
		const struct item was = t->was.v[i];
		bool forget = false;

		if (!err && !items_value(&t->at.want, ITEM_SYSCTL, was.key))
			err = want_back(p, &was, &forget);
		if (!forget)
			t->was.v[n++] = was;
	}
	t->was.n = n;
	return err;
}

/* What the modules lose by going comes back with them, but for ours. */
static int tell_modules(struct plan *p)
{
	struct beside *modules = &p->change.off.at;
	const struct items *want = &p->change.tune.at.want;
	int err = 0;

	if (!modules->there || !modules->want.n)
		return 0;
	for (size_t i = 0; !err && i < want->n; i++)
		if (want->v[i].kind == ITEM_SYSCTL)
			err = items_put(&modules->want, ITEM_SYSCTL,
					want->v[i].key, want->v[i].value);
	return err;
}

int tune_find_wanted(struct plan *p)
{
	int err = want_policy(p);

	if (!err)
		err = want_all_back(p);
	if (!err)
		err = tune_want_files(p);
	return err ? err : tell_modules(p);
}
