/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/sources.h"

#include <linux/netfilter.h>
#include <net/if.h>
#include <string.h>
#include <strings.h>

#include "engine/moves.h"

/* Addresses to ask, where what was asked first tells nothing. */
#define SERVERS_MAX 16

static const char *device_of(const struct flow_sample *s)
{
	return (const char *)s->key[FLOW_OUT];
}

static bool knows_source(const struct sources *x, const struct flow_space *sp,
			 const struct flow_sample *s, uint8_t ret[16])
{
	return leaving_source(x->leaving, sp->family, s->key[FLOW_SERVER],
			      device_of(s), ret) &&
	       (!sp->clients->n ||
		prefix_set_contains(sp->clients, sp->family, ret));
}

/* True: the sample got the source that such a connection has. */
static bool put_source(const struct sources *x, const struct flow_space *sp,
		       struct flow_sample *s)
{
	uint8_t source[16] = { 0 };

	if (!knows_source(x, sp, s, source) ||
	    !memcmp(s->key[FLOW_CLIENT], source, addr_bytes(sp->family)))
		return false;
	memcpy(s->key[FLOW_CLIENT], source, addr_bytes(sp->family));
	return true;
}

/* True: it got the device by which one leaves that has its source. */
static bool put_device(const struct sources *x, const struct flow_space *sp,
		       struct flow_sample *s)
{
	const uint8_t *client = s->key[FLOW_CLIENT];
	uint8_t source[16] = { 0 };
	struct flow_sample other = *s;
	char name[16] = "";

	if (sp->way != WAY_OUT ||
	    !leaving_device(x->leaving, sp->family, client, name) ||
	    !flow_space_has_device(sp, name) || !strcmp(name, "lo"))
		return false;
	memcpy(other.key[FLOW_OUT], name, sizeof(name));
	if (!knows_source(x, sp, &other, source) ||
	    memcmp(client, source, addr_bytes(sp->family)))
		return false;
	*s = other;
	return true;
}

/*
 * Over loopback one address of this host's takes the place of another; and
 * what goes back to who asked has the address that was asked.
 */
static enum truth masquerades(const struct sources *x,
			      const struct flow_space *sp,
			      const struct flow_sample *s, bool answers)
{
	const uint8_t *from = s->key[FLOW_CLIENT];
	uint8_t to[16] = { 0 };

	if (sp->way != WAY_OUT || answers ||
	    !leaving_masqueraded(x->leaving, sp->family, s->key[FLOW_SERVER],
				 device_of(s), from, to))
		return TRUTH_NO;
	return memcmp(from, to, addr_bytes(sp->family)) ? TRUTH_YES : TRUTH_NO;
}

static bool is_masquerade(const struct foreign *f, uint32_t rule)
{
	const char *target = f->rules[rule].target;

	return target && !strcasecmp(target, "masquerade");
}

/* Does the rule give the packet the address of another? */
static enum truth moves(const struct sources *x, const struct flow_space *sp,
			const struct flow_sample *s,
			const struct judged_source *m, bool destination)
{
	const uint8_t *from = s->key[m->answers ? FLOW_SERVER : FLOW_CLIENT];
	const struct moved who = { s, sp, m->answers, destination };
	bool some = false, all = true;
	struct moves moves;
	struct move one;

	if (is_masquerade(x->f, m->rule))
		return masquerades(x, sp, s, m->answers);
	moves_begin(&moves, x->f, m->rule, &who);
	if (!moves.t)
		return TRUTH_MAYBE;
	while (moves_next(&moves, &one)) {
		bool leaves = moves_leaves(&one, sp->family, from);

		if (one.unknown)
			return TRUTH_MAYBE;
		some |= !leaves;
		all &= !leaves;
	}
	return !some ? TRUTH_NO : all ? TRUTH_YES : TRUTH_MAYBE;
}

/* The port of who asked, which the service may look at, or the far end. */
static bool moves_port(const struct sources *x, const struct flow_space *sp,
		       const struct flow_sample *s,
		       const struct judged_source *m, bool destination)
{
	const struct moved who = { s, sp, m->answers, destination };
	struct moves moves;
	struct move one;

	if (m->answers)
		return false;
	moves_begin(&moves, x->f, m->rule, &who);
	while (moves_next(&moves, &one))
		if (one.port && (one.port > sp->ephemeral.first ||
				 one.last_port < sp->ephemeral.last))
			return true;
	return false;
}

/* By the device, with the route's address, or one that the device has. */
static bool has_source(const struct sources *x, const struct flow_space *sp,
		       const struct flow_sample *s)
{
	const uint8_t *client = s->key[FLOW_CLIENT];
	uint8_t source[16] = { 0 };

	return (leaving_source(x->leaving, sp->family, s->key[FLOW_SERVER],
			       device_of(s), source) &&
		!memcmp(client, source, addr_bytes(sp->family))) ||
	       leaving_has(x->leaving, sp->family, device_of(s), client);
}

/* Does such a connection leave this host today? */
static bool is_there(const struct sources *x, const struct flow_space *sp,
		     const struct flow_sample *s)
{
	return sp->way != WAY_OUT ||
	       (if_nametoindex(device_of(s)) &&
		leaving_reaches(x->leaving, sp->family, s->key[FLOW_SERVER]) &&
		has_source(x, sp, s));
}

static void note_lost(struct judged *now, uint32_t rule, enum truth lost)
{
	if (lost == TRUTH_NO)
		return;
	if (now->lost_by == FOREIGN_NOWHERE)
		now->lost_by = rule;
	now->source_lost = now->source_moves == TRUTH_YES &&
			   now->n_source == 1 ? lost : TRUTH_MAYBE;
}

static void find_lost(const struct sources *x, const struct flow_space *sp,
		      const struct flow_sample *s, struct judged *now)
{
	bool there = is_there(x, sp, s);
	bool moved = now->destination_moves != TRUTH_NO;

	for (size_t i = 0; i < now->n_source; i++) {
		const struct judged_source *m = &now->source[i];
		enum truth lost = moves(x, sp, s, m, moved);

		if (lost != TRUTH_NO && !there)
			now->lost_maybe_by = m->rule;
		else if (lost != TRUTH_NO)
			note_lost(now, m->rule, lost);
		else if (sp->way == WAY_IN && moves_port(x, sp, s, m, moved))
			note_lost(now, m->rule, TRUTH_YES);
		else if (sp->way == WAY_OUT && moves_port(x, sp, s, m, moved))
			now->ports_by = m->rule;
	}
}

static bool is_worse(const struct judged *a, const struct judged *b)
{
	if (a->source_lost != TRUTH_NO || b->source_lost != TRUTH_NO)
		return b->source_lost == TRUTH_NO;
	return a->lost_maybe_by != FOREIGN_NOWHERE ||
	       a->ports_by != FOREIGN_NOWHERE;
}

/* One that there is, instead of the sample; kept if there is more to say. */
static int try_real(const struct sources *x, const struct flow_space *sp,
		    const struct flow_sample *real, struct flow_sample *sample,
		    struct judged *now)
{
	struct judged really;
	int err = judge(x->w, x->f, sp, real, x->tracking, true, &really);

	if (err)
		return err;
	find_lost(x, sp, real, &really);
	if (!is_worse(&really, now))
		return 0;
	*sample = *real;
	*now = really;
	return 0;
}

/* The n-th own address that the service may have at both ends. */
static bool put_own(const struct flow_space *sp, size_t n,
		    struct flow_sample *s)
{
	struct prefix p = prefix_set_at(sp->local, n);
	struct key_range one = { 0 };

	if (p.family != sp->family || !prefix_is_host(&p))
		return false;
	memcpy(one.first, p.addr, addr_bytes(sp->family));
	memcpy(one.last, p.addr, addr_bytes(sp->family));
	return flow_space_meet(sp, FLOW_SERVER, &one, s->key[FLOW_SERVER]);
}

/* One whom the device leads to, where nothing leads to the sample's. */
static bool put_neighbour(const struct sources *x, const struct flow_space *sp,
			  size_t n, struct flow_sample *s)
{
	struct key_range r = { 0 };
	struct prefix p;

	if (!leaving_neighbours(x->leaving, sp->family, device_of(s), n, &p))
		return false;
	memcpy(r.first, p.addr, addr_bytes(sp->family));
	prefix_last(&p, r.last);
	return flow_space_meet(sp, FLOW_SERVER, &r, s->key[FLOW_SERVER]);
}

/* Whose source stays, asking one address, may have another, asking others. */
static int try_servers(const struct sources *x, const struct flow_space *sp,
		       struct flow_sample *sample, struct judged *now)
{
	bool within = sp->way == WAY_WITHIN;
	struct flow_sample other = *sample;
	int err = 0;

	if (!within && is_there(x, sp, sample))
		return 0;
	for (size_t i = 0; !err && now->source_lost == TRUTH_NO &&
			   i < SERVERS_MAX && (!within || i < sp->local->n);
	     i++) {
		if (within ? !put_own(sp, i, &other) :
			     !put_neighbour(x, sp, i, &other))
			continue;
		put_source(x, sp, &other);
		err = try_real(x, sp, &other, sample, now);
	}
	return err;
}

static int try_sample(const struct sources *x, const struct flow_space *sp,
		      struct flow_sample *sample, struct judged *now)
{
	struct flow_sample real = *sample;

	if (put_source(x, sp, &real))
		return try_real(x, sp, &real, sample, now);
	find_lost(x, sp, sample, now);
	return 0;
}

int sources_settle(const struct sources *x, const struct flow_space *sp,
		   struct flow_sample *sample, struct judged *now)
{
	struct flow_sample there = *sample;
	int err;

	if (now->source_moves == TRUTH_NO || sp->way == WAY_THROUGH)
		return 0;
	if (sp->way == WAY_IN) {
		find_lost(x, sp, sample, now);
		return 0;
	}
	err = try_sample(x, sp, sample, now);
	if (!err && now->source_lost == TRUTH_NO && put_device(x, sp, &there))
		err = try_real(x, sp, &there, sample, now);
	return err ? err : try_servers(x, sp, sample, now);
}
