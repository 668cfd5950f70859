/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/off_commit.c: load and unload, and what stands in the way. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "backends/backend.h"
#include "core/fault.h"
#include "core/mem.h"
#include "engine/off_holders.h"
#include "engine/off_state.h"
#include "host/conntrack/flush.h"
#include "host/conntrack/settings.h"
#include "host/kmod.h"

/* Rules that were removed let go of their modules a little later. */
#define RELEASE_MS 2000
#define PAUSE_MS 20

static int say_failed(const struct item_step *s, int err, struct diags *d)
{
	_cleanup_(strbuf_release) struct strbuf what = { 0 };

	item_print_step(s, &what);
	diag_add(d, DIAG_ERROR, 0, ID_MODULE_REFUSED, NOPOS,
		 "cannot %s: %s",
		 strbuf_text(&what, &d->lost), fault_text(err));
	if (err == -EPERM)
		diag_help(d, "run as root, or with CAP_SYS_MODULE");
	return err;
}

int off_bring_back(const struct off *o, unsigned int *begun, struct diags *d)
{
	int err = 0;

	for (size_t i = 0; !err && o->at.there && i < o->at.steps.n; i++) {
		const struct item_step *s = &o->at.steps.v[i];

		if (!s->add)
			continue;
		err = s->item.kind == ITEM_MODULE ?
			      kmod_load(s->item.key, s->item.value) :
			      ct_setting_write(&ct_settings_host, s->item.key,
				       s->item.value);
		*begun |= BEGUN_TOLD;
		if (err)
			say_failed(s, err, d);
	}
	return err;
}

static int read_root(struct modules *ret)
{
	_cleanup_(modules_release) struct modules all = { 0 };
	int err = modules_read(MODULES_SYS, &all);

	modules_release(ret);
	return err ? err : modules_of_root(&all, ret);
}

static int wait_for_release(struct modules *m)
{
	const struct timespec pause = { .tv_nsec = PAUSE_MS * 1000000 };
	int err = read_root(m);

	for (int i = 0; !err && modules_are_held(m) &&
			i < RELEASE_MS / PAUSE_MS; i++) {
		(void)nanosleep(&pause, NULL);
		err = read_root(m);
	}
	return err;
}

static int say_not_empty(int err, const char *where, size_t left,
			 struct diags *d)
{
	if (err == -EBUSY) {
		diag_add(d, DIAG_ERROR, 0, ID_PACKETS_IN_FLIGHT, NOPOS,
			 "%zu conntrack %s still in use in %s%s: packets of %s wait in a queue",
			 left, left == 1 ? "entry is" : "entries are",
			 where ? "network namespace " :
				 "this network namespace",
			 where ? where : "",
			 left == 1 ? "this connection" : "these connections");
		diag_help(d, "run it again once the queues (tc, NFQUEUE) are empty");
		return -FAULT_CONFLICT;
	}
	diag_add(d, DIAG_ERROR, 0, ID_PACKETS_IN_FLIGHT, NOPOS,
		 "cannot empty the connection table%s: %s",
		 err == -EPERM ? " of every network namespace without CAP_SYS_ADMIN" :
				 "", strerror(-err));
	return err;
}

static int unload(const struct modules *m, unsigned int *begun,
		  struct diags *d)
{
	int err = 0;

	for (size_t i = 0; !err && i < m->n; i++) {
		const struct item_step s = {
			false, { ITEM_MODULE, m->v[i].name, "" },
		};

		err = kmod_unload(m->v[i].name);
		if (err)
			say_failed(&s, err, d);
		else
			*begun |= BEGUN_UNDONE;
	}
	return err;
}

static bool has_removal(const struct off *o)
{
	for (size_t i = 0; i < o->at.steps.n; i++)
		if (!o->at.steps.v[i].add)
			return true;
	return false;
}

static int take_out(unsigned int *begun, struct diags *d)
{
	_cleanup_(modules_release) struct modules m = { 0 };
	const char *where = NULL;
	size_t left = 0;
	int err = wait_for_release(&m);

	if (!err)
		err = off_holders_say(&m, d);
	if (err)
		return err;
	*begun |= BEGUN_TOLD;
	err = conntrack_flush_all(&where, &left);
	if (err)
		return say_not_empty(err, where, left, d);
	/* Emptying the table may have loaded one more. */
	err = read_root(&m);
	return err ? err : unload(&m, begun, d);
}

static int give_up(struct off *o, const struct diags *why, struct diags *d)
{
	enum modules_state state;
	int err;

	o->gave_up = true;
	items_release(&o->at.want);
	err = off_state_read(&state, &o->at.want);
	for (size_t i = 0; i < why->n; i++)
		diag_soften(d, &why->v[i]);
	return err;
}

int off_take_out(struct off *o, unsigned int *begun, struct diags *d)
{
	_cleanup_(diags_release) struct diags said = { 0 };
	int err;

	if (!o->at.there || !has_removal(o))
		return 0;
	err = take_out(begun, &said);
	if (err && err != -ENOMEM && o->yields)
		return give_up(o, &said, d);
	diags_append(d, &said);
	return err;
}
