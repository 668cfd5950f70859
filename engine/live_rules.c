/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/live_rules.h"

#include <errno.h>
#include <string.h>

#include "backends/backend.h"
#include "core/mem.h"
#include "engine/reading.h"
#include "host/conntrack/local_addresses.h"
#include "host/host.h"
#include "host/privilege.h"

struct asked {
	const char *name;		/* of one backend; NULL: any */
	const struct backend *but;	/* not this one */
	const char *state_dir;
};

/* A kernel without this world has no rules in it. */
static int read_one(const struct backend *b, const struct asked *a,
		    struct foreign *f, struct diags *d)
{
	struct backend_ctx *ctx = NULL;
	size_t said = d->n;
	int err = b->open(&ctx, d);

	if (!err)
		err = reading_live(a->state_dir, b, ctx, f, d);
	if (ctx)
		b->close(&ctx);
	if (err != -EOPNOTSUPP || a->name)
		return err;
	diags_truncate(d, said);
	return 0;
}

static void warn_unread(const char *name, struct diags *d)
{
	diag_add(d, DIAG_WARNING, 0, ID_WORLD_UNREAD, NOPOS,
		 "rules of %s were not read: this build cannot read them",
		 name);
}

static int read_all(const struct asked *a, struct foreign *f, struct diags *d)
{
	size_t n_read = a->but != NULL, said = d->n;
	int err = 0;

	for (size_t i = 0; !err && backends[i]; i++) {
		if (backends[i] == a->but ||
		    (a->name && strcmp(a->name, backends[i]->name)))
			continue;
		if (!backends[i]->read_live) {
			warn_unread(backends[i]->name, d);
			continue;
		}
		err = read_one(backends[i], a, f, d);
		n_read++;
	}
	if (err || n_read)
		return err;
	diags_truncate(d, said);
	return diag_add(d, DIAG_ERROR, -FAULT_LACKING, ID_WORLD_UNREAD, NOPOS,
			"this build cannot read live rules; name a saved ruleset");
}

static void warn_incomplete(struct diags *d)
{
	if (!backends_are_complete)
		diag_add(d, DIAG_WARNING, 0, ID_WORLD_UNREAD, NOPOS,
			 "this build lacks a backend: rules of the other world were not read");
}

int live_rules_read(const char *name, const char *state_dir,
		    bool keeps_powers, struct foreign *f, struct diags *d)
{
	int err;

	if (name && !strcmp(name, "auto"))
		name = NULL;
	if (name && !backend_find(name))
		return diag_add(d, DIAG_ERROR, -FAULT_USAGE,
				ID_NO_SUCH_BACKEND, NOPOS,
				"no backend '%s' in this build", name);
	err = privilege_require(d);
	if (!err && !keeps_powers && privilege_drop(PRIVILEGE_RULES))
		err = diag_add(d, DIAG_ERROR, -EPERM, ID_CAPS_KEPT, NOPOS,
			       "capabilities that are not needed cannot be given up");
	if (!err)
		err = read_all(&(struct asked){ .name = name,
						.state_dir = state_dir },
			       f, d);
	if (!err && !name)
		warn_incomplete(d);
	return err;
}

int live_rules_read_but(const struct backend *but, struct foreign *f,
			struct diags *d)
{
	int err = read_all(&(struct asked){ .but = but }, f, d);

	if (!err)
		warn_incomplete(d);
	return err;
}

int live_rules_judge(const struct foreign *f, struct flaws *ret,
		     struct diags *d)
{
	_cleanup_(prefix_set_release) struct prefix_set local = { 0 };
	int err = local_addresses(&local);

	return err ? err : notrack_judge(f, host_forwards(), &local, ret, d);
}
