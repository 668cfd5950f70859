/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules/walk.c: the path of a packet, hook by hook. */
#include "rules/walk.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "rules/walk_parts.h"

static struct walk_phase *begin_phase(struct walking *x,
				      const struct stop *stop,
				      const struct walk_state *s)
{
	struct walk *out = x->out;

	if (x->mute)
		return NULL;
	if (mem_grow(&out->phases, &out->cap_phases, out->n_phases + 1)) {
		x->err = -ENOMEM;
		return NULL;
	}
	out->phases[out->n_phases] = (struct walk_phase){
		.chain = stop->chain, .hook = x->hook,
		.priority = stop->priority, .before = *s, .after = *s,
		.reached = x->doubt || x->dropped ? TRUTH_MAYBE : TRUTH_YES,
		.first = out->n_steps,
	};
	return &out->phases[out->n_phases++];
}

static void end_phase(struct walking *x, struct walk_phase *phase,
		      uint8_t outcome, const struct walk_state *s)
{
	if (!phase)
		return;
	phase->outcome = outcome;
	phase->after = *s;
	phase->n = x->out->n_steps - phase->first;
}

/* Neighbour discovery and MLD are never tracked. */
static bool is_never_tracked(const struct packet *p)
{
	const struct packet_value *type = &p->field[FIELD_ICMP_TYPE];
	uint8_t t = type->v[0];

	if (p->family != NFPROTO_IPV6 || type->there != TRUTH_YES ||
	    type->known[0] != 0xff)
		return false;
	return (t >= MLD_LISTENER_QUERY && t <= ND_NEIGHBOR_ADVERT) ||
	       t == 143 || t == 151;	/* MLDv2 reports, MRD */
}

/* What had no entry gets one, or is invalid; the rest is left alone. */
static void track(const struct walking *x, struct walk_state *s)
{
	uint8_t open = s->ct & (NF_CT_STATE_INVALID_BIT | CT_TEMPLATE);
	uint8_t becomes = x->seen ? open & NF_CT_STATE_INVALID_BIT :
			  is_never_tracked(x->p) ?
				  (uint8_t)NF_CT_STATE_UNTRACKED_BIT :
				  walk_zone_states(x->p, s);

	if (x->p->tracking == TRUTH_NO || !open)
		return;
	if (x->p->tracking == TRUTH_YES)
		s->ct &= (uint8_t)~open;
	s->ct |= becomes;
}

static bool walk_conntrack(struct walking *x, const struct stop *stop,
			   struct walk_state *s)
{
	struct walk_phase *phase;

	if (x->p->tracking == TRUTH_NO)
		return true;
	phase = begin_phase(x, stop, s);
	track(x, s);
	end_phase(x, phase, WALK_ACCEPTED, s);
	return true;
}

static void drop(struct walking *x, const struct walk_state *s)
{
	if (x->dropped)
		walk_join(&x->gone, s);
	else
		x->gone = *s;
	x->dropped = true;
}

static bool walk_chain(struct walking *x, const struct stop *stop,
		       struct walk_state *s)
{
	struct walk_phase *phase = begin_phase(x, stop, s);
	size_t at = phase ? (size_t)(phase - x->out->phases) : 0;
	struct ending e = { 0 };

	if (x->err)
		return true;
	walk_base_chain(x, stop, s, &e);
	if (walk_is_over(x))
		ending_add(&e, END_ACCEPT | END_DROP, s);
	end_phase(x, phase ? &x->out->phases[at] : NULL,
		  (uint8_t)((e.how & END_ACCEPT ? WALK_ACCEPTED : 0) |
			    (e.how & END_DROP ? WALK_DROPPED : 0)),
		  e.how & END_ACCEPT ? &e.accept : s);
	if (e.how & END_DROP)
		drop(x, &e.drop);
	if (e.how & END_ACCEPT)
		*s = e.accept;
	return e.how & END_ACCEPT;
}

/* The packet meets nat chains until one has translated it. */
static bool is_moved(const struct walking *x, const struct walk_state *s)
{
	uint8_t not_yet = x->hook == NF_INET_PRE_ROUTING ||
			  x->hook == NF_INET_LOCAL_OUT ?
				  MOVED_NOT_DESTINATION : MOVED_NOT_SOURCE;

	return !(s->moved & not_yet);
}

static bool walk_nat_chains(struct walking *x, struct walk_state *s)
{
	const struct stops *v =
		&x->w->nat[x->p->family == NFPROTO_IPV6][x->hook];
	bool alive = true;

	for (size_t i = 0; alive && i < v->n && !is_moved(x, s); i++)
		alive = walk_chain(x, &v->v[i], s);
	return alive;
}

/* The first packet of a flow alone; of a related one, the helper's word. */
static bool walk_nat(struct walking *x, struct walk_state *s)
{
	uint8_t first = s->ct & NF_CT_STATE_BIT(IP_CT_NEW);
	uint8_t related = s->ct & NF_CT_STATE_BIT(IP_CT_RELATED);
	struct walk_state met = *s, missed = *s;
	bool alive, doubt = x->doubt;

	if (x->seen || !(first | related))
		return true;
	met.ct = first | related;
	missed.ct = (uint8_t)(s->ct & ~first);
	x->doubt |= missed.ct != 0;
	alive = walk_nat_chains(x, &met);
	x->doubt = doubt;
	if (alive && missed.ct)
		walk_join(&met, &missed);
	else if (missed.ct)
		met = missed;
	*s = met;
	return alive || missed.ct;
}

bool walk_stop(struct walking *x, const struct stop *stop,
	       struct walk_state *s)
{
	switch (stop->kind) {
	case STOP_CONNTRACK:
		return walk_conntrack(x, stop, s);
	case STOP_NAT:
		return walk_nat(x, s);
	case STOP_CHAIN:
		break;
	}
	return walk_chain(x, stop, s);
}

_Static_assert(WALK_HOOKS == NF_INET_NUMHOOKS, "the kernel has more hooks");

static void note_mark(struct walk *out, uint8_t hook,
		      const struct walk_state *s)
{
	struct walk_mark *m = &out->mark[hook];
	uint32_t known = s->mark_known;

	if (m->met)
		known &= m->known & ~(m->value ^ s->mark);
	*m = (struct walk_mark){ true, s->mark & known, known };
}

static bool walk_hook(struct walking *x, uint8_t hook, struct walk_state *s)
{
	bool alive;

	x->hook = hook;
	alive = walk_stops(x, &x->w->stops[x->p->family == NFPROTO_IPV6][hook],
			   s);
	if (alive)
		note_mark(x->out, hook, s);
	return alive;
}

static bool walk_hooks(struct walking *x, const uint8_t *hooks, size_t n,
		       struct walk_state *s)
{
	bool alive = true;

	for (size_t i = 0; alive && i < n && !walk_is_over(x); i++)
		alive = walk_hook(x, hooks[i], s);
	return alive;
}

static const uint8_t to_host[] = { NF_INET_LOCAL_IN };
static const uint8_t through[] = { NF_INET_FORWARD, NF_INET_POST_ROUTING };
static const uint8_t out[] = { NF_INET_POST_ROUTING };
static const uint8_t back_in[] = { NF_INET_PRE_ROUTING, NF_INET_LOCAL_IN };

/* Two ways on, of which either may be the packet's. */
static bool walk_either(struct walking *x, const struct walk_state *s,
			const uint8_t *a, size_t n_a, const uint8_t *b,
			size_t n_b, struct walk_state *ret)
{
	struct walk_state one = *s, other = *s;
	bool alive, alive_other, doubt = x->doubt;

	x->doubt = true;
	alive = walk_hooks(x, a, n_a, &one);
	alive_other = walk_hooks(x, b, n_b, &other);
	x->doubt = doubt;
	*ret = alive ? one : other;
	if (alive && alive_other)
		walk_join(ret, &other);
	return alive || alive_other;
}

/* A new destination has a new route. */
static bool walk_behind_prerouting(struct walking *x, bool forwarded,
				   struct walk_state *s)
{
	uint8_t moved = s->moved & (MOVED_NOT_DESTINATION |
				    MOVED_DESTINATION | MOVED_HERE);

	if (moved == MOVED_HERE || (!forwarded && !(moved & MOVED_DESTINATION)))
		return walk_hooks(x, to_host, ARRAY_SIZE(to_host), s);
	if (moved == MOVED_NOT_DESTINATION)
		return walk_hooks(x, through, ARRAY_SIZE(through), s);
	s->lost |= 1U << FIELD_OIF;
	return walk_either(x, s, to_host, ARRAY_SIZE(to_host), through,
			   ARRAY_SIZE(through), s);
}

static bool walk_back_in(struct walking *x, struct walk_state *s)
{
	x->seen = true;
	return walk_hooks(x, back_in, ARRAY_SIZE(back_in), s);
}

/* Translated, what was sent out may come back by loopback, and the reverse. */
static bool walk_behind_output(struct walking *x, bool loopback,
			       struct walk_state *s)
{
	bool moved = s->moved & (MOVED_DESTINATION | MOVED_HERE);
	struct walk_state stays = *s;
	bool doubt = x->doubt, alive;

	if (moved)
		s->lost |= 1U << FIELD_OIF;
	if (!walk_hooks(x, out, ARRAY_SIZE(out), s))
		return false;
	if (!moved && !loopback)
		return true;
	if (!moved)
		return walk_back_in(x, s);
	stays = *s;
	s->lost |= 1U << FIELD_IIF;
	x->doubt = true;
	alive = walk_back_in(x, s);
	x->doubt = doubt;
	if (alive)
		walk_join(&stays, s);
	*s = stays;
	return true;
}

static bool walk_path(struct walking *x, struct walk_state *s)
{
	static const uint8_t pre[] = { NF_INET_PRE_ROUTING };
	static const uint8_t local_out[] = { NF_INET_LOCAL_OUT };
	enum packet_path path = x->p->path;

	if (path == PATH_TO_HOST || path == PATH_FORWARDED)
		return walk_hooks(x, pre, 1, s) &&
		       walk_behind_prerouting(x, path == PATH_FORWARDED, s);
	return walk_hooks(x, local_out, 1, s) &&
	       walk_behind_output(x, path == PATH_LOOPBACK, s);
}

static enum truth any_of(uint8_t bits, uint8_t yes, uint8_t no)
{
	if (!(bits & yes))
		return TRUTH_NO;
	return bits & no ? TRUTH_MAYBE : TRUTH_YES;
}

static enum truth tracked(const struct walk_state *s)
{
	uint8_t yes = NF_CT_STATE_BIT(IP_CT_NEW) | CT_TEMPLATE |
		      NF_CT_STATE_BIT(IP_CT_ESTABLISHED) |
		      NF_CT_STATE_BIT(IP_CT_RELATED);

	return any_of(s->ct, yes, (uint8_t)~yes);
}

static enum truth translated(const struct walk_state *s)
{
	return truth_or(any_of(s->moved, MOVED_SOURCE, MOVED_NOT_SOURCE),
			any_of(s->moved, MOVED_DESTINATION | MOVED_HERE,
			       MOVED_NOT_DESTINATION));
}

static uint32_t number(const uint8_t *v)
{
	uint32_t n;

	memcpy(&n, v, sizeof(n));
	return ntohl(n);
}

static struct walk_state at_first(const struct packet *p)
{
	const struct packet_value *mark = &p->field[FIELD_MARK];
	const struct packet_value *ctmark = &p->field[FIELD_CTMARK];
	struct walk_state s = {
		.ct = NF_CT_STATE_INVALID_BIT,
		.moved = MOVED_NOT_SOURCE | MOVED_NOT_DESTINATION,
		.mark_known = number(mark->known),
		.ctmark_known = number(ctmark->known),
		.ctmark_new = p->ctmark_new, .zone.known = CT_ZONE_KNOWN,
	};

	s.mark = number(mark->v) & s.mark_known;
	s.ctmark = number(ctmark->v) & s.ctmark_known;
	return s;
}

int walk_run(struct walker *w, const struct packet *p, struct walk *ret)
{
	_cleanup_(walk_release) struct walk o = { 0 };
	struct walking x = { .w = w, .p = p, .out = &o,
			     .skip = FOREIGN_NOWHERE, .budget = WALK_BUDGET };
	struct walk_state s = at_first(p);
	bool alive = walk_path(&x, &s);

	if (x.err)
		return x.err;
	if (!alive)
		s = x.gone;
	else if (x.dropped)
		walk_join(&s, &x.gone);
	o.outcome = o.too_long ? WALK_UNKNOWN :
		    !alive ? WALK_DROPPED :
		    x.dropped ? WALK_UNKNOWN : WALK_ACCEPTED;
	o.tracked = o.too_long ? TRUTH_MAYBE : tracked(&s);
	o.translated = o.too_long ? TRUTH_MAYBE : translated(&s);
	o.after = s;
	*ret = o;
	o = (struct walk){ 0 };
	return 0;
}

const struct walk_step *walk_decider(const struct walk *w,
				     const struct walk_phase *phase)
{
	const struct walk_step *last;

	if (!phase->n)
		return NULL;
	last = &w->steps[phase->first + phase->n - 1];
	return last->matched == TRUTH_YES ? last : NULL;
}

int walk_never_reached(struct walker *w, const struct packet *p,
		       const struct walk *from, size_t at, struct walk *ret)
{
	const struct walk_phase *phase = &from->phases[at];
	const struct walk_step *decider = walk_decider(from, phase);
	_cleanup_(walk_release) struct walk o = { 0 };
	struct walking x = { .w = w, .p = p, .out = &o, .hook = phase->hook,
			     .budget = WALK_BUDGET };
	struct stop stop = { STOP_CHAIN, phase->priority, phase->chain };
	struct ending e = { 0 };

	if (phase->chain != FOREIGN_NOWHERE && decider &&
	    decider->rule != FOREIGN_NOWHERE) {
		x.skip = decider->rule;
		walk_base_chain(&x, &stop, &phase->before, &e);
	}
	if (x.err)
		return x.err;
	*ret = o;
	o = (struct walk){ 0 };
	return 0;
}

void walk_release(struct walk *w)
{
	free(w->phases);
	free(w->steps);
	*w = (struct walk){ 0 };
}
