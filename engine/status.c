/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/status.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/mem.h"
#include "engine/drift.h"
#include "engine/live_rules.h"
#include "engine/worlds.h"

int status_read_table(struct status *s)
{
	int err = ct_table_now(&s->table);

	s->table_read = clock_boot_ns();
	s->has_table = !err;
	if (err == -ENOMEM)
		return err;
	if (err && err != -ENOENT)
		diag_add(&s->diags, DIAG_WARNING, 0, ID_TABLE_UNKNOWN, NOPOS,
			 "the connection table's figures cannot be read: %s",
			 strerror(-err));
	return 0;
}

static int read_host(const struct request *rq, struct status *s)
{
	int err;

	s->f = calloc(1, sizeof(*s->f));
	if (!s->f)
		return -ENOMEM;
	err = live_rules_read(rq->backend, rq->state_dir, false, s->f,
			      &s->diags);
	if (err)
		foreign_free(&s->f);
	else
		keepers_find(s->f, &s->keepers);
	return err;
}

/* Where nothing is tracked at all, no rule has to take a service out. */
static int find_services(const struct plan *p, struct status *s)
{
	enum verdict out = s->module == MODULES_ABSENT ? VERDICT_MAX_ :
							 VERDICT_NOTRACK;
	int err = 0;

	for (size_t i = 0; !err && i < p->change.n; i++) {
		const struct image *live = p->change.v[i].live.image;

		err = live_services_add(&s->services, live, out);
		if (!err)
			err = live_services_add(&s->tracked, live,
						VERDICT_TIMERS);
	}
	live_services_finish(&s->services);
	live_services_finish(&s->tracked);
	return err;
}

static int read_history(struct state *state, struct status *s,
			struct diags *d)
{
	uint32_t ids[STATE_KEPT + 1];
	size_t n = ARRAY_SIZE(ids);
	int err = state_list(state, ids, &n, d);

	while (!err && n) {
		err = state_record(state, ids[--n], &s->history[s->n_history],
				   d);
		s->n_history += !err;
		/* One that is damaged hides no others. */
		if (err == -EIO || err == -ENOENT)
			err = 0;
	}
	return err;
}

/* What a command that only looks cannot read keeps it from nothing. */
static int read_state(const struct request *rq, struct state **ret,
		      struct status *s)
{
	_cleanup_(diags_release) struct diags said = { 0 };
	int err = state_open_reading(rq->state_dir, ret, &said);

	if (!err)
		err = journal_read(*ret, &s->unfinished, &said);
	if (!err || (err == -ENOENT && *ret))
		err = waiting_read(*ret, &s->waiting, &said);
	if (!err)
		err = read_history(*ret, s, &said);
	for (size_t i = 0; i < said.n; i++)
		diag_soften(&s->diags, &said.v[i]);
	return err == -ENOMEM ? err : 0;
}

int status_read(const struct request *rq, struct status *ret)
{
	_cleanup_(state_close) struct state *state = NULL;
	_cleanup_(plan_release) struct plan p = { .rq = rq };
	int err = read_state(rq, &state, ret);

	ret->module = modules_root_state(MODULES_SYS);
	if (!err)
		err = status_read_table(ret);
	if (!err)
		err = read_host(rq, ret);
	p.state = state;
	if (!err)
		err = worlds_look(&p, rq->backend, &ret->blind);
	if (!err)
		err = find_services(&p, ret);
	if (!err)
		err = drift_find(&p, ret);
	if (err || ret->blind)
		diags_append(&ret->diags, &p.diags);
	return err;
}

void status_release(struct status *s)
{
	diags_release(&s->diags);
	foreign_free(&s->f);
	live_services_release(&s->services);
	live_services_release(&s->tracked);
	record_release(&s->unfinished);
	for (size_t i = 0; i < s->n_history; i++)
		record_release(&s->history[i]);
	*s = (struct status){ 0 };
}
