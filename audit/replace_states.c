/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit/replace_states.c: what stands for one state.
 *
 * ESTABLISHED of TCP in INPUT is a connected socket; elsewhere, and for what
 * has no connections, it is whatever may begin, and the mirror image of what
 * may begin the other way.
 */
#include <errno.h>
#include <string.h>

#include <linux/netfilter.h>

#include "audit/replace_parts.h"
#include "audit/replace_places.h"
#include "core/mem.h"

#define PROTOS_MAX 8

static int admit(struct job *j, const struct rule_list *l, size_t before,
		 uint32_t admits)
{
	if (l->added > before)
		j->e.admits |= admits;
	return 0;
}

/*
 * nft tells listeners alone from others: those that are half open, or closing,
 * have no word for it. So listeners leave first.
 */
static int call_socket(struct job *j, struct rule_list *l,
		       struct stateless_rule call)
{
	_cleanup_(list_release) struct rule_list inner = { 0 };
	struct stateless_rule r = { .zone = j->e.own, .asks = ASK_LISTENER,
				    .does = DO_RETURN };
	int err = list_put(j, &inner, r);

	r.asks = ASK_LOCAL;
	r.does = DO_TARGET;
	if (!err)
		err = list_put(j, &inner, r);
	if (!err)
		err = list_chain(j, &inner, &call.chain);
	call.asks = ASK_NOT_SYN;
	call.does = DO_CALL;
	return err ? err : list_put(j, l, call);
}

/*
 * From there no rule can leave its own chain: then what is half open is told by
 * what may begin, and what is closing by nothing.
 */
static int leave_socket(struct job *j, struct rule_list *l,
			struct stateless_rule r)
{
	const struct begin_want half_open = {
		NF_INET_LOCAL_IN, PROTO_TCP, false, 0, ASK_NOT_SYN | ASK_LOCAL,
		LO_TOO,
	};
	int err = list_put(j, l, r);

	j->e.loses |= LOSES(CLOSING);
	return err ? err : begin_put(j, l, DO_TARGET, &half_open, 1);
}

/* In a chain that the established leave: listeners meet its target at once. */
static int pass_socket(struct job *j, struct rule_list *l,
		       struct stateless_rule r)
{
	int err = 0;

	r.asks = ASK_NOT_SYN | ASK_LISTENER;
	r.does = DO_TARGET;
	if (!j->asked.limited)		/* which counts initial SYNs alone */
		err = list_put(j, l, r);
	r.asks = ASK_NOT_SYN | ASK_LOCAL;
	r.does = DO_RETURN;
	return err ? err : list_put(j, l, r);
}

static int put_socket(struct job *j, struct rule_list *l,
		      struct stateless_rule r)
{
	if (!job_has_sets(j))
		return list_put(j, l, r);
	if (r.does != DO_TARGET)
		return pass_socket(j, l, r);
	return job_leaves(j) ? leave_socket(j, l, r) : call_socket(j, l, r);
}

/*
 * On loopback what begins passes OUTPUT first and INPUT then: where one of them
 * keeps something from beginning there, only the job's own hook tells what
 * does, and the other one is asked for all but loopback.
 */
static int cut_lo(struct job *j, uint32_t proto, struct begin_want *w)
{
	bool open = true;
	int err = begin_lo_is_open(j, j->hook, proto, &open);

	if (!open)
		w->lo = LO_CUT;
	return err;
}

int tcp_put(struct job *j, struct rule_list *l, enum stateless_does does)
{
	struct begin_want out[] = {
		{ NF_INET_LOCAL_OUT, PROTO_TCP, false, 0, ASK_NOT_SYN, 0 },
		{ NF_INET_LOCAL_IN, PROTO_TCP, true, 0, ASK_NOT_SYN,
		  LO_NOT },
		{ NF_INET_LOCAL_OUT, PROTO_TCP, true, 0, ASK_NOT_SYN,
		  LO_ONLY },
	};
	const struct begin_want forward[] = {
		{ NF_INET_FORWARD, PROTO_TCP, false, 0, ASK_NOT_SYN, 0 },
		{ NF_INET_FORWARD, PROTO_TCP, true, 0, ASK_NOT_SYN, 0 },
	};
	struct stateless_rule own = {
		.own = does == DO_TARGET, .does = does,
		.asks = ASK_NOT_SYN | ASK_SOCKET,
	};
	size_t before = l->added;
	int err;

	if (j->hook == NF_INET_LOCAL_IN) {
		err = job_proto(j, PROTO_TCP, &own.zone);
		if (!err)
			err = put_socket(j, l, own);
	} else if (j->hook == NF_INET_FORWARD) {
		err = begin_put(j, l, does, forward, ARRAY_SIZE(forward));
	} else {
		err = cut_lo(j, PROTO_TCP, &out[1]);
		if (!err)
			err = begin_put(j, l, does, out, ARRAY_SIZE(out));
	}
	return err ? err : admit(j, l, before, ADMITS(TCP) | ADMITS(FLAGS));
}

/* Of the hook, where a packet comes from that this one may answer. */
static uint8_t other_hook(uint8_t hook)
{
	return hook == NF_INET_LOCAL_IN	 ? NF_INET_LOCAL_OUT :
	       hook == NF_INET_LOCAL_OUT ? NF_INET_LOCAL_IN :
					   NF_INET_FORWARD;
}

/* What answers a protocol without connections. */
static int put_answers(struct job *j, struct rule_list *l,
		       enum stateless_does does, uint32_t proto,
		       uint8_t request, uint8_t asks)
{
	struct begin_want w[] = {
		{ other_hook(j->hook), proto, true, request, asks, LO_TOO },
		{ j->hook, proto, true, request, asks, LO_ONLY },
	};
	int err = 0;

	if (j->hook == NF_INET_LOCAL_OUT)
		w[0].lo = LO_NOT;
	if (j->hook != NF_INET_FORWARD)
		err = cut_lo(j, proto, &w[0]);
	return err ? err : begin_put(j, l, does, w, w[0].lo ? 2 : 1);
}

static int put_peers(struct job *j, struct rule_list *l,
		     enum stateless_does does)
{
	size_t before = l->added;
	int err = put_answers(j, l, does, PROTO_UDP, 0, ASK_PEER | ASK_LOCAL);

	if (err || l->added == before)
		return err;
	j->x->part->peers |= !job_has_sets(j);
	j->e.loses |= job_has_sets(j) ? LOSES(NOTES) : LOSES(PEERS);
	return admit(j, l, before, ADMITS(WILDCARD));
}

static int put_udp(struct job *j, struct rule_list *l, enum stateless_does does)
{
	struct stateless_rule own = {
		.own = does == DO_TARGET, .does = does, .asks = ASK_SOCKET,
	};
	size_t before = l->added;
	int err;

	if (j->hook == NF_INET_LOCAL_IN) {
		err = job_proto(j, PROTO_UDP, &own.zone);
		if (!err)
			err = list_put(j, l, own);
		if (!err)
			err = put_peers(j, l, does);
	} else if (j->hook == NF_INET_FORWARD && job_has_sets(j)) {
		err = put_answers(j, l, does, PROTO_UDP, 0, ASK_FLOW);
		j->e.loses |= l->added > before ? LOSES(NOTES) : 0;
	} else {
		err = put_answers(j, l, does, PROTO_UDP, 0, 0);
	}
	return err ? err : admit(j, l, before, ADMITS(UDP));
}

/* With tracking, and for all hooks: a fragment alone may pass another one. */
static int reassembly_goes(struct job *j)
{
	j->e.admits |= ADMITS(FRAGMENT);
	return 0;
}

/*
 * Where nothing puts datagrams together before the rules. IPv4 does so before
 * INPUT by itself. The first fragment is judged by its ports.
 */
static int put_fragments(struct job *j, struct rule_list *l,
			 enum stateless_does does)
{
	static const enum zone_dim kept[] = {
		ZONE_SRC, ZONE_DST, ZONE_IIF, ZONE_OIF, ZONE_PROTO,
	};
	const struct zone *own = &j->e.own;
	struct stateless_rule r = {
		.does = does, .asks = ASK_FRAGMENT,
		.zone = zone_all(own->family),
	};
	size_t before = l->added;
	bool header = own->dim[ZONE_SPORT].limited ||
		      own->dim[ZONE_DPORT].limited ||
		      own->dim[ZONE_ICMP].limited || j->asked.flags;
	int err;

	if (!job_has_sets(j))
		return 0;
	if (j->hook != NF_INET_FORWARD &&
	    (j->hook != NF_INET_LOCAL_IN || own->family == NFPROTO_IPV4))
		return reassembly_goes(j);
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		r.zone.dim[kept[i]] = own->dim[kept[i]];
	r.own = does == DO_TARGET && !header;
	err = list_add(j, l, r);
	if (!err && j->x->rejects)
		j->e.loses |= LOSES(REJECT);
	return err ? err : admit(j, l, before, ADMITS(FRAGMENT));
}

/* Of ICMP: echo, timestamp and mask; echo and node information. */
static const uint8_t requests[2][3] = { { 8, 13, 17 }, { 128, 139 } };

int replies_put(struct job *j, struct rule_list *l, enum stateless_does does)
{
	const uint8_t *types = requests[j->x->family != NFPROTO_IPV4];
	size_t before = l->added;
	int err = 0;

	for (size_t i = 0; !err && i < 3 && types[i]; i++)
		err = put_answers(j, l, does, job_icmp(j), types[i], 0);
	return err ? err : admit(j, l, before, ADMITS(ECHO));
}

static void note_protos(const struct zone *z, uint8_t *v, size_t max,
			size_t *n, bool *any)
{
	const struct spans *s = &z->dim[ZONE_PROTO];

	*any |= !s->limited;
	for (size_t i = 0; i < s->n; i++) {
		unsigned int first = s->v[i].first[0];
		unsigned int last = s->v[i].last[0];

		/* what a negation leaves; to iptables 0 is any protocol */
		if (last - first >= max || !first) {
			*any = true;
			continue;
		}
		for (unsigned int p = first; p <= last; p++)
			if (*n < max && !memchr(v, (int)p, *n) &&
			    p != PROTO_TCP && p != PROTO_UDP &&
			    p != PROTO_ICMP && p != PROTO_ICMPV6)
				v[(*n)++] = (uint8_t)p;
	}
}

/* Beside TCP, UDP and ICMP those that may begin; *ret_any: any may. */
static int find_protos(struct job *j, uint8_t hook, uint8_t *ret, size_t max,
		       size_t *ret_n, bool *ret_any)
{
	struct replacing *x = j->x;
	uint32_t chain = replace_main_chain(
		x, x->f->chains[j->r->chain].table, hook);
	struct view *v = NULL;
	int err = chain == FOREIGN_NOWHERE ? 0 : replace_view(x, chain, &v);

	*ret_n = 0;
	*ret_any = !v;
	for (size_t i = 0; v && !err && i < v->fresh.n; i++) {
		struct zone z, own = zone_all(x->family);

		if (!v->fresh.v[i].accepts)
			continue;
		/* of each alone, whether the rule itself names it */
		own.dim[ZONE_PROTO] = j->e.own.dim[ZONE_PROTO];
		err = zone_intersect(x->a, &v->fresh.v[i].z, &own, &z);
		if (!err)
			note_protos(&z, ret, max, ret_n, ret_any);
	}
	return err;
}

static int put_protos(struct job *j, struct rule_list *l,
		      enum stateless_does does)
{
	uint8_t protos[PROTOS_MAX];
	bool any = false;
	size_t n = 0, before = l->added;
	int err = find_protos(j, other_hook(j->hook), protos, PROTOS_MAX, &n,
			      &any);

	if (!err && any)
		j->e.loses |= LOSES(PROTO);
	for (size_t i = 0; !err && i < n; i++)
		err = put_answers(j, l, does, protos[i], 0, 0);
	return err ? err : admit(j, l, before, ADMITS(PROTO));
}

int established_put(struct job *j, struct rule_list *l,
		    enum stateless_does does)
{
	static put_fn *const parts[] = {
		tcp_put, put_udp, replies_put, put_protos, put_fragments,
	};
	int err = 0;

	j->e.depends = true;
	for (size_t i = 0; !err && i < ARRAY_SIZE(parts); i++)
		err = parts[i](j, l, does);
	return err;
}

/*
 * Whom errors may go to. What comes to this host may be about whatever it says,
 * by loopback about what a rule of its own refused; what it sends itself, about
 * any packet that it was to forward, and could not.
 */
static int error_receivers(struct job *j, struct zone *anybody,
			   struct zones *ret)
{
	int err = 0;

	*anybody = zone_all(j->x->family);
	if (j->hook != NF_INET_LOCAL_OUT)
		err = begin_receivers(j, ret);
	if (err || j->hook == NF_INET_FORWARD)
		return err;
	if (j->hook == NF_INET_LOCAL_IN && begin_is_of_lo(ret)) {
		if (!ret->n && !(j->x->refuses >> NF_INET_LOCAL_OUT & 1))
			return 0;
		err = begin_lo_only(j, anybody);
	}
	*ret = (struct zones){ anybody, 1 };
	return err;
}

/* Errors by their types. */
int errors_put(struct job *j, struct rule_list *l, enum stateless_does does)
{
	struct stateless_rule r = { .own = does == DO_TARGET, .does = does };
	size_t before = l->added;
	struct zone errors, anybody;
	struct zones to = { 0 };
	int err = error_receivers(j, &anybody, &to);

	if (!err)
		err = job_icmp_group(j, ICMP_ERRORS, &errors);
	for (size_t i = 0; !err && i < to.n; i++) {
		if (!zone_meets(&errors, &to.v[i]))
			continue;
		err = zone_intersect(j->x->a, &errors, &to.v[i], &r.zone);
		if (!err)
			err = list_put(j, l, r);
	}
	return err ? err : admit(j, l, before, ADMITS(ERROR));
}

/* And in OUTPUT the resets that a rule of ours sends. */
int related_put(struct job *j, struct rule_list *l, enum stateless_does does)
{
	struct stateless_rule r = { .own = does == DO_TARGET, .does = does,
				    .asks = ASK_FLAGS };
	int err = errors_put(j, l, does);
	size_t before = l->added;
	uint8_t resets = 0;

	if (!err && j->hook == NF_INET_LOCAL_OUT)
		err = replace_resets(j->x, &resets);
	if (err || !resets)
		return err;
	r.mask = 0x07;
	r.flags = 0x04;
	err = job_proto(j, PROTO_TCP, &r.zone);
	/* of what this host itself says: to itself */
	if (!err && resets == 1 << NF_INET_LOCAL_OUT)
		err = begin_lo_only(j, &r.zone);
	if (!err)
		err = list_put(j, l, r);
	j->e.depends = true;
	return err ? err : admit(j, l, before, ADMITS(TCP));
}

/* Of ICMP what begins something, as `like` says. */
int requests_put(struct job *j, struct rule_list *l, struct stateless_rule like)
{
	int err = job_icmp_group(j, ICMP_REQUESTS, &like.zone);

	return err ? err : list_put(j, l, like);
}
