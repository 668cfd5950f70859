/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/passed.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include "audit/conversation.h"
#include "audit/samples.h"
#include "core/mem.h"

#define SAMPLES_MAX 64		/* of one space */
#define RULES_MAX 200000	/* to look at for them */
#define CALLS_MAX 64		/* the kernel's own limit is 16 (nf_tables) */

/* What chains are being followed, and how far. */
struct place {
	uint32_t chain, position;
};

struct count {
	struct walker *w;
	struct place v[CALLS_MAX];
	size_t n, total;
};

static void enter(struct count *c, uint32_t chain)
{
	if (chain != FOREIGN_NOWHERE && c->n < CALLS_MAX)
		c->v[c->n++] = (struct place){ chain, 0 };
}

/* To the end of the chain at hand, and out of it. */
static void leave(struct count *c)
{
	const struct place *p = &c->v[--c->n];
	uint32_t n;

	walker_rules(c->w, p->chain, &n);
	c->total += n - p->position;
}

/* False: the step may decide, and is the last one. */
static bool follow(struct count *c, const struct walk_step *s)
{
	while (c->n > 1 && c->v[c->n - 1].chain != s->chain)
		leave(c);
	if (s->rule == FOREIGN_NOWHERE)
		return false;
	c->total += s->position - c->v[c->n - 1].position;
	c->v[c->n - 1].position = s->position;
	if (s->verdict == FOREIGN_GOTO || s->verdict == FOREIGN_RETURN)
		c->n--;
	if (s->verdict == FOREIGN_GOTO || s->verdict == FOREIGN_JUMP)
		enter(c, s->to);
	return c->n && !foreign_decides(s->verdict);
}

static size_t count_phase(struct walker *w, const struct walk *x,
			  const struct walk_phase *p)
{
	struct count c = { .w = w };
	bool goes_on = true;

	enter(&c, p->chain);
	for (size_t i = p->first; goes_on && i < p->first + p->n; i++)
		goes_on = x->steps[i].matched == TRUTH_NO ||
			  follow(&c, &x->steps[i]);
	/* The policy stands behind all rules, and is no rule itself. */
	while (c.n && (goes_on || x->steps[p->first + p->n - 1].rule ==
					  FOREIGN_NOWHERE))
		leave(&c);
	return c.total;
}

struct counting {
	struct walker *before, *after;
	struct flow_space space;
	struct passed *ret;
};

/* Of a packet, by hook; *ret_accepted: no rule may keep it out. */
static int count(struct walker *w, const struct packet *p,
		 size_t ret[WALK_HOOKS], bool *ret_accepted)
{
	_cleanup_(walk_release) struct walk x = { 0 };
	int err = walk_run(w, p, &x);

	*ret_accepted = x.outcome == WALK_ACCEPTED;
	for (size_t i = 0; !err && i < x.n_phases; i++)
		if (x.phases[i].chain != FOREIGN_NOWHERE)
			ret[x.phases[i].hook] += count_phase(w, &x,
							     &x.phases[i]);
	return err;
}

/* Where the original lets it through. */
static int compare(struct counting *c, const struct packet *p)
{
	size_t before[WALK_HOOKS] = { 0 }, after[WALK_HOOKS] = { 0 };
	bool accepted, ignored;
	int err = count(c->before, p, before, &accepted);

	if (!err && accepted)
		err = count(c->after, p, after, &ignored);
	if (err || !accepted)
		return err;
	for (size_t h = 0; h < WALK_HOOKS; h++) {
		struct passed *x = &c->ret[h];

		if (after[h] > x->after || (after[h] == x->after &&
					    before[h] > x->before)) {
			x->before = before[h];
			x->after = after[h];
		}
		x->met |= before[h] || after[h];
	}
	return 0;
}

static int take_sample(const struct flow_sample *s, void *arg)
{
	static const enum talk later[] = { TALK_ANSWER, TALK_LATER };
	size_t ignored[WALK_HOOKS] = { 0 };
	struct counting *c = arg;
	struct packet p;
	bool begins = false;
	int err = 0;

	if (conversation_packet(&c->space, s, TALK_FIRST, true, &p)) {
		p.tracking = TRUTH_YES;
		err = count(c->before, &p, ignored, &begins);
	}
	for (size_t i = 0; !err && begins && i < ARRAY_SIZE(later); i++) {
		if (!conversation_packet(&c->space, s, later[i], true, &p))
			continue;
		p.tracking = TRUTH_YES;
		err = compare(c, &p);
	}
	return err;
}

static int try_space(struct counting *c, const struct foreign *f,
		     enum flow_way way, uint8_t family)
{
	static const struct samples_limit limit = { .samples = SAMPLES_MAX,
						    .rules = RULES_MAX };
	static const struct prefix_set everybody;
	static const struct port_set every_port;
	static const struct iface_set every_device;
	bool all;

	c->space = (struct flow_space){
		.way = way, .family = family, .proto = IPPROTO_TCP,
		.clients = &everybody, .servers = &everybody,
		.local = &everybody, .ports = &every_port,
		.ifaces = &every_device, .devices = &every_device,
		/* net.ipv4.ip_local_port_range, as it is by default */
		.ephemeral = { 32768, 60999 },
	};
	return samples_of(f, &c->space, &limit, take_sample, c, &all);
}

int passed_count(const struct foreign *before, const struct foreign *after,
		 struct passed ret[WALK_HOOKS])
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	static const enum flow_way ways[] = { WAY_IN, WAY_OUT, WAY_THROUGH };
	_cleanup_(walker_free) struct walker *a = NULL, *b = NULL;
	struct counting c = { .ret = ret };
	int err = walker_new(before, &a);

	if (!err)
		err = walker_new(after, &b);
	for (size_t h = 0; h < WALK_HOOKS; h++)
		ret[h] = (struct passed){ 0 };
	c.before = a;
	c.after = b;
	for (size_t i = 0; i < ARRAY_SIZE(ways) * ARRAY_SIZE(families); i++)
		if (!err)
			err = try_space(&c, before, ways[i / 2],
					families[i % 2]);
	return err;
}
