/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/tune_files.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "core/intern.h"
#include "core/mem.h"
#include "generators/table_size.h"
#include "host/conntrack/settings.h"
#include "host/own_files.h"
#include "host/own_lines.h"
#include "state/state_space.h"

int tune_know_space(struct tune *t)
{
	struct space now;
	int err = t->space ? 0 : space_read(&now);

	if (!err && !t->space)
		t->space = space_is_main(&now) ? "" : intern(now.folder);
	return err ? err : t->space ? 0 : -ENOMEM;
}

bool tune_owns(const struct tune *t, const char *text)
{
	const char *of = own_file_space(text);
	struct space now;

	/* No boot brings back another namespace than that of process 1. */
	return own_file_has_mark(text) && of &&
	       (!*t->space || !strcmp(of, t->space) ||
		(!space_read(&now) && space_is_past(&now, of)));
}

/* Whose it is, for people and for tune_owns(). */
static void put_head(const struct plan *p, struct strbuf *out)
{
	const char *space = p->change.tune.space;

	strbuf_puts(out, OWN_FILE_MARK "\n");
	if (*space)
		strbuf_printf(out, OWN_FILE_SPACE "%s\n", space);
}

static const char *asked_for(const struct plan *p, const char *key)
{
	for (size_t i = 0; i < p->rules->n_sysctls; i++)
		if (!strcmp(p->rules->sysctls[i].key, key))
			return p->rules->sysctls[i].value;
	return NULL;
}

static void put_options(const struct plan *p, struct strbuf *out)
{
	const char *buckets = asked_for(p, CT_BUCKETS);

	if (!buckets)
		return;
	put_head(p, out);
	strbuf_printf(out, OWN_LINE_OPTION "%s\n", buckets);
}

/* The option would change it: it stays as it is, or would be without us. */
static void put_same_max(const struct plan *p, struct strbuf *out)
{
	_cleanup_free_ char *now = NULL;
	const char *was = items_value(&p->change.tune.was, ITEM_SYSCTL, CT_MAX);

	if (was)
		strbuf_printf(out, CT_MAX " = %s\n", was);
	else if (!ct_setting_read(&ct_settings_host, CT_MAX, &now))
		strbuf_printf(out, CT_MAX " = %s\n", now);
	else if (p->facts.memory)
		strbuf_printf(out, CT_MAX " = %" PRIu64 "\n",
			      table_size_kernel(p->facts.memory).max);
}

static void put_sysctls(const struct plan *p, struct strbuf *out)
{
	put_head(p, out);
	for (size_t i = 0; i < p->rules->n_sysctls; i++)
		strbuf_printf(out, "%s = %s\n", p->rules->sysctls[i].key,
			      p->rules->sysctls[i].value);
	if (asked_for(p, CT_BUCKETS) && !asked_for(p, CT_MAX))
		put_same_max(p, out);
}

static void put_rule(const struct plan *p, struct strbuf *out)
{
	const char *tool = own_file_sysctl_tool();

	if (!tool)
		return;
	put_head(p, out);
	strbuf_printf(out, OWN_LINE_RULE "\"%s\"\n", tool);
}

static void (*const put[])(const struct plan *p, struct strbuf *out) = {
	[OWN_FILE_OPTIONS] = put_options,
	[OWN_FILE_SYSCTLS] = put_sysctls,
	[OWN_FILE_RULE] = put_rule,
};
_Static_assert(ARRAY_SIZE(put) == OWN_FILE_MAX_, "a file has no text");

static bool persists(const struct plan *p)
{
	return p->policy && p->policy->persist && p->rules->n_sysctls;
}

/* A file that is not ours is none. Where whose it is is not known, it stays. */
static int find_there(struct plan *p, const char *path, bool wanted,
		      bool *ret)
{
	_cleanup_free_ char *text = NULL;
	int err = own_file_read(path, &text);

	*ret = !err && text && tune_owns(&p->change.tune, text);
	if (err && err != -EEXIST && err != -ENOMEM && !wanted)
		diag_add(&p->diags, DIAG_WARNING, 0, ID_FILE_NOT_EDITED,
			 (struct srcpos){ path, 0, 0, 0 },
			 "this file of ctpolicy's cannot be removed: %s",
			 strerror(-err));
	return err == -ENOMEM ? err : 0;
}

static int want_file(struct plan *p, enum own_file f)
{
	_cleanup_(strbuf_release) struct strbuf text = { 0 };
	const char *path = own_file_path(f);
	bool there = false;
	int err;

	if (persists(p))
		put[f](p, &text);
	err = find_there(p, path, text.n, &there);
	if (!err)
		err = strbuf_status(&text);
	if (err || (!text.n && !there))
		return err;
	return items_put(&p->change.tune.at.want, ITEM_FILE, path,
			 strbuf_str(&text));
}

int tune_want_files(struct plan *p)
{
	int err = 0;

	for (unsigned int f = 0; !err && f < OWN_FILE_MAX_; f++)
		err = want_file(p, (enum own_file)f);
	return err;
}
