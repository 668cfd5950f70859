/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/off.c: states of the modules, and their difference. */
#include "engine/off.h"

#include <errno.h>
#include <string.h>

#include "core/mem.h"
#include "engine/off_state.h"

/* A module's options are only how it is loaded. */
static bool holds(const struct items *live, const struct item *wanted)
{
	const char *now = items_value(live, wanted->kind, wanted->key);

	return now && (wanted->kind == ITEM_MODULE ||
		       !strcmp(now, wanted->value));
}

static int steps_out(const struct items *live, struct item_steps *s)
{
	int err = 0;

	for (size_t i = 0; !err && i < live->n; i++)
		if (live->v[i].kind == ITEM_MODULE)
			err = item_steps_add(s, false, &live->v[i]);
	return err;
}

/* What others use is loaded first: the order of unloading, from its end. */
static int steps_back(const struct items *live, const struct items *want,
		      struct item_steps *s)
{
	int err = 0;

	for (size_t i = want->n; !err && i--;)
		if (want->v[i].kind == ITEM_MODULE && !holds(live, &want->v[i]))
			err = item_steps_add(s, true, &want->v[i]);
	for (size_t i = 0; !err && i < want->n; i++)
		if (want->v[i].kind == ITEM_SYSCTL && !holds(live, &want->v[i]))
			err = item_steps_add(s, true, &want->v[i]);
	return err;
}

static int diff(const struct items *live, const struct items *want,
		struct item_steps *ret)
{
	struct item_steps s = { 0 };
	int err = want->n ? steps_back(live, want, &s) : steps_out(live, &s);

	if (err) {
		free(s.v);
		return err;
	}
	free(ret->v);
	*ret = s;
	return 0;
}

int off_holds(const struct items *live, const struct items *want, bool *ret)
{
	struct item_steps s = { 0 };
	int err = diff(live, want, &s);

	if (!err)
		*ret = !s.n;
	free(s.v);
	return err;
}

int off_compare(struct off *o)
{
	struct items live = { 0 };
	enum modules_state state;
	int err = off_state_read(&state, &live);

	if (err)
		return err;
	items_release(&o->at.live);
	o->at.live = live;
	o->state = state;
	return diff(&o->at.live, &o->at.want, &o->at.steps);
}

void off_release(struct off *o)
{
	beside_release(&o->at);
	free(o->note_before);
	*o = (struct off){ 0 };
}
