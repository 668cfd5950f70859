/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "prove/hold.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "core/clock.h"
#include "core/fault.h"
#include "core/mem.h"
#include "prove/blame.h"

int hold_begin(struct hold *h)
{
	int err = packet_trace_start(&h->witness.trace);

	if (!err)
		return 0;
	diag_add(h->d, DIAG_ERROR, 0, ID_NO_WITNESS, NOPOS,
		 "packets cannot be watched: this kernel has no trace of nf_tables: %s",
		 strerror(-err));
	diag_help(h->d, "load the module nf_tables");
	return -FAULT_LACKING;
}

void hold_end(struct hold *h)
{
	packet_trace_stop(&h->witness.trace);
}

/* A port that rules tell apart stays as it is. */
static void choose_port(struct hold *h, const struct prove_case *c,
			struct call *t)
{
	struct port_range r = h->scene->ephemeral;

	if ((c->test && t->cport) || c->cport_said)
		return;
	if (protocol_is_icmp(t->proto))
		t->cport = (uint16_t)(1 + h->used++);
	else if (t->cport == r.first && protocol_has_ports(t->proto))
		t->cport = (uint16_t)(r.first + h->used++ %
				      (r.last - r.first + 1u));
}

static bool is_whole(const struct hold *h)
{
	for (int i = 0; i < 2; i++)
		if (!h->witness.leg[i].passed ||
		    seen_loss(h->witness.call, &h->witness.leg[i]))
			return false;
	return true;
}

/* The last packets may still be on their way. */
static int look(struct hold *h, bool answered)
{
	const struct timespec pause = { 0, 5 * 1000 * 1000 };
	int err = witness_end(&h->witness), n = answered ? 20 : 2;

	for (int i = 0; !err && !is_whole(h) && i < n; i++) {
		nanosleep(&pause, NULL);
		err = witness_end(&h->witness);
	}
	return err;
}

/* Nothing is far away, but a busy machine may take its time. */
#define PATIENCE_MS 150
#define TRIES 4

/* Answered, or known why not; otherwise it may only have taken too long. */
static bool is_settled(const struct call *t, const struct outcome_of *o)
{
	return o->answered || seen_loss(t, &o->leg[0]) ||
	       seen_loss(t, &o->leg[1]) ||
	       (t->only_first && o->leg[0].passed);
}

static int try_once(struct hold *h, struct prove_case *c, int patience,
		    struct outcome_of *ret)
{
	int err = scene_place(h->scene, &c->flow, &c->sample, &c->call, h->d);

	if (err)
		return err;
	choose_port(h, c, &c->call);
	c->call.only_first = c->test != NULL;
	c->call.patience = patience;
	err = witness_begin(&h->witness, &c->call);
	if (!err)
		err = call_run(&c->call, &ret->answered);
	if (!err)
		err = look(h, ret->answered);
	ret->tried = !err;
	memcpy(ret->leg, h->witness.leg, sizeof(ret->leg));
	return err == -ENOMEM ? err : 0;
}

static int hold_one(struct hold *h, struct prove_case *c,
		    struct outcome_of *ret)
{
	int err = 0;

	for (int i = 0; !err && i < TRIES; i++) {
		err = try_once(h, c, PATIENCE_MS << i, ret);
		if (!err && (!ret->tried || is_settled(&c->call, ret)))
			break;
	}
	return err;
}

int hold_all(struct hold *h, bool with_policy)
{
	int err = 0;

	for (size_t i = 0; !err && i < h->cases->n; i++) {
		struct prove_case *c = &h->cases->v[i];
		uint64_t began = clock_boot_ns();

		if (frame_knows(c->flow.proto) && (with_policy || !c->test))
			err = hold_one(h, c, with_policy ? &c->now : &c->bare);
		c->ns += clock_boot_ns() - began;
	}
	return err;
}

static int blame_one(struct hold *h, struct blame *b, struct prove_case *c)
{
	_cleanup_(strbuf_release) struct strbuf by = { 0 };
	struct outcome_of again = { 0 };
	int err = blame_note(b, h->d);

	if (!err)
		err = hold_one(h, c, &again);
	for (int i = 0; !err && i < 2; i++) {
		if (!seen_loss(&c->call, &again.leg[i]))
			continue;
		err = blame_find(b, &c->call, i, &again.leg[i], &by, h->d);
		if (!err && strbuf_status(&by))
			err = -ENOMEM;
		if (!err && by.n && !c->now.by[i])
			c->now.by[i] = strbuf_take(&by);
	}
	return err;
}

static bool was_lost(const struct prove_case *c)
{
	return c->now.tried && (seen_loss(&c->call, &c->now.leg[0]) ||
				seen_loss(&c->call, &c->now.leg[1]));
}

/* Of one leg, so many packets' rules are looked for. */
#define BLAMES_MAX 3

int hold_blame(struct hold *h)
{
	_cleanup_(blame_release) struct blame b = { 0 };
	const struct prove_case *last = NULL;
	size_t n = 0;
	int err = 0;

	for (size_t i = 0; !err && i < h->cases->n; i++) {
		struct prove_case *c = &h->cases->v[i];

		if (!was_lost(c))
			continue;
		n = last && cases_are_alike(last, c) ? n + 1 : 0;
		last = c;
		if (n >= BLAMES_MAX)
			continue;
		if (!b.f)
			err = blame_open(&b, h->d);
		if (!err)
			err = blame_one(h, &b, c);
	}
	return err;
}
