/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "prove/witness.h"

#include <string.h>

#include "core/mem.h"

static int ignore(const struct trace_event *e, void *arg)
{
	(void)e;
	(void)arg;
	return 0;
}

int witness_begin(struct witness *w, const struct call *t)
{
	w->call = t;
	w->next = 0;
	memset(w->leg, 0, sizeof(w->leg));
	memset(w->ids, 0, sizeof(w->ids));
	return packet_trace_read(&w->trace, ignore, NULL);
}

static uint8_t known_direction(const struct witness *w, uint32_t id)
{
	for (size_t i = 0; i < ARRAY_SIZE(w->ids); i++) {
		size_t at = (w->next + ARRAY_SIZE(w->ids) - 1 - i) %
			    ARRAY_SIZE(w->ids);

		if (w->ids[at].id == id)
			return w->ids[at].direction;
	}
	return 0;
}

/*
 * An id may belong to several packets, one after the other; a packet that was
 * translated looks like none of the connection, and keeps its direction.
 */
static uint8_t direction_of(struct witness *w, const struct trace_event *e)
{
	struct frame f;
	bool reply;

	if (!e->head)
		return known_direction(w, e->id);
	if (!frame_read_parts(e->head, e->head_len, e->transport,
			      e->transport_len, &f))
		return 0;
	if (!call_has(w->call, &f, &reply))
		return e->place == TRACE_BEGIN ? 0 :
						 known_direction(w, e->id);
	w->ids[w->next].id = e->id;
	w->ids[w->next].direction = reply ? 2 : 1;
	w->next = (w->next + 1) % ARRAY_SIZE(w->ids);
	return reply ? 2 : 1;
}

/* Where packets that pass go to in the end. */
static enum trace_place end_of(const struct call *t, bool reply)
{
	bool comes_here = t->way == WAY_WITHIN ||
			  t->way == (reply ? WAY_OUT : WAY_IN);

	return comes_here ? TRACE_INPUT_END : TRACE_POSTROUTING_END;
}

static void note_drop(struct seen_leg *l, const struct trace_event *e)
{
	l->dropped_by_nft = true;
	l->by = (struct seen_rule){ .family = e->table_family,
				    .handle = e->handle };
	snprintf(l->by.table, sizeof(l->by.table), "%s", e->table);
	snprintf(l->by.chain, sizeof(l->by.chain), "%s", e->chain);
}

static int take(const struct trace_event *e, void *arg)
{
	struct witness *w = arg;
	uint8_t direction = direction_of(w, e);
	struct seen_leg *l;

	if (!direction)
		return 0;
	l = &w->leg[direction - 1];
	l->begun += e->place == TRACE_BEGIN;
	l->untracked += e->place == TRACE_UNTRACKED;
	l->tracked += e->place == TRACE_TRACKED;
	l->passed += e->place == end_of(w->call, direction == 2);
	if (e->place == TRACE_ELSEWHERE && e->drops)
		note_drop(l, e);
	return 0;
}

int witness_end(struct witness *w)
{
	return packet_trace_read(&w->trace, take, w);
}

bool seen_loss(const struct call *t, const struct seen_leg *l)
{
	unsigned int ways = t->way == WAY_WITHIN ? 2 : 1;

	return l->begun != l->passed * ways;
}
