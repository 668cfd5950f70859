/* SPDX-License-Identifier: GPL-2.0-or-later */
/* audit/import_read.c: NOTRACK rules as legs, or what keeps them from it. */
#include <netinet/in.h>
#include <linux/netfilter.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "audit/import_parts.h"
#include "audit/import_spared.h"
#include "audit/inet_sets.h"
#include "audit/notrack_parts.h"
#include "audit/own.h"
#include "core/mem.h"
#include "rules/own_names.h"

#define BOXES_BUDGET 200000	/* of all rules together */
#define PROTOCOLS_MAX 32	/* of one rule */

static const struct port_range ephemeral = { 32768, 60999 };
static const struct port_range unprivileged = { 1024, 65535 };

struct reader {
	const struct foreign *f;
	const struct import_request *rq;
	struct import *im;
	struct import_legs legs;
	struct spared spared;
	size_t boxes;
};

static int leave(struct reader *rd, const struct use *x,
		 enum import_reason reason, const struct box *b,
		 uint32_t other)
{
	return import_leave(rd->im, &(struct import_left){
		.rule = x->rule, .other = other, .reason = reason,
		.unsaid = b ? b->unsaid : SAID, .word = b ? b->word : NULL });
}

static int leave_plain(struct reader *rd, const struct use *x,
		       enum import_reason reason, const char *word)
{
	return import_leave(rd->im, &(struct import_left){
		.rule = x->rule, .other = FOREIGN_NOWHERE, .reason = reason,
		.word = word });
}

static bool covers(const struct port_set *s, struct port_range r)
{
	const struct port_set all = { &r, 1, 1 };

	return s->n && ports_within(&all, s);
}

/* Which of the ports are the server's? False: of both ends. */
static bool find_sides(struct import_leg *g)
{
	struct box *b = &g->box;

	if (b->sport.n && b->dport.n) {
		bool s = covers(&b->sport, ephemeral);
		bool d = covers(&b->dport, ephemeral);

		if (s == d)
			return false;
		port_set_release(s ? &b->sport : &b->dport);
		g->notes |= IMPORT_CLIENT_PORTS;
	}
	g->sides = b->dport.n ? LEG_REQUESTS :
		   b->sport.n ? LEG_REPLIES : LEG_REQUESTS | LEG_REPLIES;
	g->wide = g->sides == (LEG_REQUESTS | LEG_REPLIES) ||
		  covers(&b->dport, unprivileged) ||
		  covers(&b->sport, unprivileged);
	return true;
}

/* No socket has port 0, and no policy names it. */
static bool drop_port_zero(struct port_set *s)
{
	if (s->n && !s->v[0].first && !s->v[0].last) {
		memmove(s->v, s->v + 1, (s->n - 1) * sizeof(*s->v));
		s->n--;
		return s->n;
	}
	return true;
}

static void find_loopback(struct import_leg *g)
{
	const struct box *b = &g->box;
	uint16_t local = 1 << RTN_LOCAL | 1 << RTN_BROADCAST |
			 1 << RTN_MULTICAST;

	g->on_lo = iface_set_is_lo(g->leaves ? &b->oif : &b->iif) ||
		   prefixes_are_loopback(&b->src) ||
		   prefixes_are_loopback(&b->dst) ||
		   (g->leaves && !(b->dst_types & ~local)) ||
		   (!g->leaves && b->src_local);
}

/* IPv6 extension headers: between the header and the payload */
static const struct {
	uint8_t number;
	const char *text;
} headers[] = {
	{ 43, "43" }, { 44, "44" }, { 51, "51" }, { 60, "60" },
	{ 135, "135" }, { 139, "139" }, { 140, "140" },
};

/* What no policy can name is left over; the other protocols stay. */
static int leave_headers(struct reader *rd, const struct use *x, struct box *b)
{
	int err = 0;

	for (size_t i = 0; !err && i < ARRAY_SIZE(headers); i++) {
		unsigned int proto = headers[i].number;

		if (b->families != BOX_IPV6 || !box_has_proto(b, proto))
			continue;
		b->protos[proto / 64] &= ~(UINT64_C(1) << proto % 64);
		err = leave_plain(rd, x, REASON_IPV6_HEADER, headers[i].text);
	}
	return err;
}

/* Echoes have one name for both families. */
static int leave_icmp(struct reader *rd, const struct use *x, struct box *b)
{
	uint64_t icmp = UINT64_C(1) << IPPROTO_ICMP |
			UINT64_C(1) << IPPROTO_ICMPV6;

	if (!(b->protos[0] & icmp))
		return 0;
	if (b->echo) {
		bool v6 = box_has_proto(b, IPPROTO_ICMPV6);

		/* what no packet of this family has */
		b->protos[0] = v6 == (b->families == BOX_IPV6) ?
				       UINT64_C(1) << IPPROTO_ICMP : 0;
		return 0;
	}
	b->protos[0] &= ~icmp;
	return leave_plain(rd, x, REASON_ICMP, NULL);
}

static void drop_last(struct import_legs *l)
{
	box_release(&l->v[--l->n].box);
}

static int add_leg(struct reader *rd, const struct use *x, const struct box *b,
		   bool leaves, unsigned int notes)
{
	struct import_legs *l = &rd->legs;
	struct import_leg *g;
	int err = mem_grow(&l->v, &l->cap, l->n + 1);

	if (err)
		return err;
	g = &l->v[l->n];
	*g = (struct import_leg){
		.use = (uint32_t)(x - l->uses.v), .rule = x->rule,
		.leaves = leaves, .notes = notes,
	};
	err = box_copy(b, &g->box);
	if (err)
		return err;
	l->n++;
	if (!b->echo && (!drop_port_zero(&g->box.dport) ||
			 !drop_port_zero(&g->box.sport))) {
		drop_last(l);
		return leave_plain(rd, x, REASON_PORT_ZERO, NULL);
	}
	find_loopback(g);
	if (find_sides(g))
		return 0;
	g->sides = LEG_REQUESTS | LEG_REPLIES;
	g->is_ghost = true;
	return leave_plain(rd, x, REASON_PORTS, NULL);
}

/* As if requests were for a port, and replies from it: no other one is 0. */
static int add_echo(struct reader *rd, const struct use *x, const struct box *b,
		    bool leaves, unsigned int notes)
{
	static const struct port_range port;
	_cleanup_(box_release) struct box request = { 0 }, reply = { 0 };
	int err = 0;

	if (b->echo & BOX_ECHO_REQUEST) {
		err = box_copy(b, &request);
		if (!err)
			err = port_set_add(&request.dport, port);
		if (!err)
			err = add_leg(rd, x, &request, leaves, notes);
	}
	if (!err && b->echo & BOX_ECHO_REPLY) {
		err = box_copy(b, &reply);
		if (!err)
			err = port_set_add(&reply.sport, port);
		if (!err)
			err = add_leg(rd, x, &reply, leaves, notes);
	}
	return err;
}

/*
 * A rule that could not be said still is the other direction of another: then
 * that one is left over, too. But not of all that there is.
 */
static int add_ghost(struct reader *rd, const struct use *x,
		     const struct box *b, bool leaves)
{
	size_t n = rd->legs.n;
	bool names = b->sport.n || b->dport.n || b->src.n || b->dst.n;
	int err = names ? add_leg(rd, x, b, leaves, 0) : 0;

	if (!err && rd->legs.n > n)
		rd->legs.v[n].is_ghost = true;
	return err;
}

/*
 * Most protocols: no service, but the other direction of any. All of them may
 * be one yet (audit/import_every.c).
 */
static int add_blanket(struct reader *rd, const struct use *x,
		       const struct box *b, bool leaves)
{
	bool every = box_count_protos(b) == BOX_PROTOCOLS &&
		     !b->sport.n && !b->dport.n;
	size_t n = rd->legs.n;
	int err = every ? 0 : leave_plain(rd, x, REASON_PROTOCOL, NULL);

	if (!err)
		err = add_leg(rd, x, b, leaves, 0);
	if (err)
		return err;
	if (rd->legs.n > n) {
		rd->legs.v[n].is_blanket = true;
		rd->legs.v[n].is_every = every;
	}
	return 0;
}

static int read_said(struct reader *rd, const struct use *x,
		     const struct box *b, bool leaves, unsigned int notes)
{
	_cleanup_(boxes_release) struct boxes l = { 0 };
	struct spared_by by;
	int err = boxes_add_one(&l, b);

	if (!err)
		err = spared_cut(&rd->spared, &rd->legs.uses, x, leaves, &l,
				 &by);
	if (err)
		return err;
	if (by.how == SPARED_ALL)
		return leave(rd, x, REASON_SHADOWED, NULL, by.rule);
	if (by.how == SPARED_SOME) {
		err = leave(rd, x, REASON_SPARED, NULL, by.rule);
		return err ? err : add_ghost(rd, x, b, leaves);
	}
	if (by.loopback)
		notes |= IMPORT_SPARED_LO;
	for (size_t i = 0; !err && i < l.n; i++)
		err = b->echo ? add_echo(rd, x, &l.v[i], leaves, notes) :
				add_leg(rd, x, &l.v[i], leaves, notes);
	return err;
}

/* For other types than echoes. */
static bool asks_icmp(const struct box *b)
{
	return b->unsaid == UNSAID_FIELD &&
	       !strcmp(b->word, packet_field_name(FIELD_ICMP_TYPE));
}

/* What a box of one family may hold for a policy to say it. */
static int read_family(struct reader *rd, const struct use *x, struct box *b,
		       unsigned int notes)
{
	bool leaves = !strcmp(rd->f->chains[x->base].hook, "output");
	int err;

	if (b->unsaid != SAID) {
		err = leave(rd, x, asks_icmp(b) ? REASON_ICMP : REASON_BOX, b,
			    FOREIGN_NOWHERE);
		return err ? err : add_ghost(rd, x, b, leaves);
	}
	if (box_count_protos(b) > PROTOCOLS_MAX)
		return add_blanket(rd, x, b, leaves);
	err = leave_icmp(rd, x, b);
	if (!err)
		err = leave_headers(rd, x, b);
	if (err || !box_count_protos(b))
		return err;
	if (leaves && b->spares_lo)
		notes |= IMPORT_SPARED_LO;
	return read_said(rd, x, b, leaves, notes);
}

static int read_box(struct reader *rd, const struct use *x, const struct box *b,
		    unsigned int notes)
{
	static const uint8_t families[] = { BOX_IPV4, BOX_IPV6 };
	int err = 0;

	for (size_t i = 0; !err && i < ARRAY_SIZE(families); i++) {
		_cleanup_(box_release) struct box one = { 0 };

		if (!(b->families & rd->rq->families & families[i]))
			continue;
		err = box_copy(b, &one);
		one.families = families[i];
		if (!err)
			err = read_family(rd, x, &one, notes);
	}
	return err;
}

static uint8_t families_of(uint8_t nfproto)
{
	return nfproto == NFPROTO_IPV4 ? BOX_IPV4 :
	       nfproto == NFPROTO_IPV6 ? BOX_IPV6 :
	       nfproto == NFPROTO_INET ? BOX_IPV4 | BOX_IPV6 : 0;
}

static int narrow_use(struct reader *rd, const struct use *x, uint8_t families,
		      struct boxes *l)
{
	const struct foreign *f = rd->f;
	int err = boxes_begin(l);

	if (!err)
		l->v[0].families = families;
	for (uint32_t i = 0; !err && i < x->n_steps; i++) {
		const struct use_step *s = &rd->legs.uses.steps[x->step + i];
		uint32_t terms = f->rules[s->rule].terms;

		for (uint32_t k = 0; !err && k < s->n_terms; k++)
			err = boxes_narrow(l, f, &f->terms[terms + k],
					   k + 1 == s->n_terms ?
						   s->outcome :
						   FOREIGN_NOWHERE);
	}
	return err;
}

static int read_use(struct reader *rd, const struct use *x)
{
	_cleanup_(boxes_release) struct boxes l = { 0 };
	const struct host_chain *c = &rd->f->chains[x->base];
	uint8_t families = families_of(rd->f->tables[c->table].family);
	unsigned int notes = inspect_is_late(c) ? IMPORT_LATE : 0;
	int err;

	if (!families)
		return leave_plain(rd, x, REASON_FAMILY, foreign_family_name(
			rd->f->tables[c->table].family));
	if (!(families & rd->rq->families))
		return 0;
	if (strcmp(c->hook, "prerouting") && strcmp(c->hook, "output"))
		return leave_plain(rd, x, REASON_HOOK, c->hook);
	err = narrow_use(rd, x, families, &l);
	if (!err)
		err = boxes_join(&l);
	if (!err && !l.n)
		return leave_plain(rd, x, REASON_NOTHING, NULL);
	rd->boxes += l.n;
	if (!err && rd->boxes > BOXES_BUDGET) {
		rd->im->cut = true;
		return 0;
	}
	for (size_t i = 0; !err && i < l.n; i++)
		err = read_box(rd, x, &l.v[i], notes);
	return err;
}

/* Several may go to a chain that takes their packets out. */
static bool is_own_notrack(const struct foreign *f,
			   const struct foreign_rule *r)
{
	if (r->verdict == FOREIGN_GOTO && r->target &&
	    own_names_end(r->target))
		return true;
	return r->features & FEATURE_BIT(NOTRACK) && own_is_rule(f, r) &&
	       !own_names_end(f->chains[r->chain].name);
}

static int read_unreached(struct reader *rd)
{
	const struct foreign *f = rd->f;
	_cleanup_free_ bool *used = calloc(f->n_rules + 1, sizeof(*used));
	int err = used ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < rd->legs.uses.n; i++)
		used[rd->legs.uses.v[i].rule] = true;
	for (uint32_t i = 0; !err && i < f->n_rules; i++) {
		const struct foreign_rule *r = &f->rules[i];

		if (foreign_is_gone(r))
			continue;
		rd->im->own += is_own_notrack(f, r);
		if (!(r->features & FEATURE_BIT(NOTRACK)))
			continue;
		if (used[i] || (!rd->rq->with_own && own_is_rule(f, r)))
			continue;
		if (!rd->im->cut)
			err = import_leave(rd->im, &(struct import_left){
				.rule = i, .other = FOREIGN_NOWHERE,
				.reason = REASON_UNREACHED });
	}
	return err;
}

static int read_uses(struct reader *rd)
{
	int err = 0;

	for (size_t i = 0; !err && i < rd->legs.uses.n; i++) {
		const struct use *x = &rd->legs.uses.v[i];

		if (!x->own || rd->rq->with_own)
			err = read_use(rd, x);
	}
	rd->im->cut |= rd->legs.uses.cut;
	return err ? err : read_unreached(rd);
}

static void reader_release(struct reader *rd)
{
	import_legs_release(&rd->legs);
	spared_release(&rd->spared);
}

int import_read(const struct foreign *f, const struct import_request *rq,
		struct import *im, struct import_legs *ret)
{
	_cleanup_(reader_release) struct reader rd = {
		.f = f, .rq = rq, .im = im,
	};
	int err = uses_find(f, USE_NOTRACK, &rd.legs.uses);

	if (!err)
		err = spared_find(f, &rd.spared);
	if (!err)
		err = read_uses(&rd);
	if (err)
		return err;
	*ret = rd.legs;
	rd.legs = (struct import_legs){ 0 };
	return 0;
}
