/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit/replace_rule.c: the replacement of one rule, by its states and target.
 *
 *   NEW, accepts          the rule without its state; of ICMP, requests only
 *   NEW, anything else    the same, if the established were accepted before;
 *                         else a chain that they leave
 *   ESTABLISHED, RELATED  what stands for them (replace_states.c)
 *   INVALID, drops        impossible flags, redirects, unasked echo replies
 *   UNTRACKED             neighbour discovery, and what NOTRACK takes out
 *
 * Packets beyond the first must not be counted by a limit: with one, NEW is the
 * initial SYN of TCP.
 */
#include <errno.h>

#include <linux/netfilter.h>

#include "audit/replace_parts.h"
#include "core/mem.h"
#include "rules/walk.h"

static bool has(const struct job *j, uint8_t states)
{
	return j->states & states;
}

static bool takes_proto(const struct job *j, uint32_t proto)
{
	struct zone z;

	return !job_proto(j, proto, &z) && !zone_is_empty(&z);
}

/* A rule of iptables asks for one protocol, or for all but one. */
static bool is_sayable(const struct job *j, const struct zone *z)
{
	return job_has_sets(j) || z->dim[ZONE_PROTO].n < 3;
}

/* All of the rule's packets, TCP by its initial SYN where they are counted. */
static int put_all(struct job *j, struct rule_list *l, const struct zone *z,
		   struct stateless_rule like)
{
	const uint32_t tcp[][2] = { { PROTO_TCP, PROTO_TCP } };
	struct stateless_rule rest = like, syn = like;
	int err;

	rest.zone = *z;
	if (!j->asked.limited)
		return list_put(j, l, rest);
	syn.asks |= ASK_SYN;
	err = zone_limit(j->x->a, z, ZONE_PROTO, tcp, 1, false, &syn.zone);
	if (!err)
		err = list_put(j, l, syn);
	if (!err)
		err = zone_limit(j->x->a, z, ZONE_PROTO, tcp, 1, true,
				 &rest.zone);
	if (err || zone_is_empty(&rest.zone))
		return err;
	j->e.loses |= LOSES(LIMIT);
	if (is_sayable(j, &rest.zone))
		return list_put(j, l, rest);
	/* neither TCP nor ICMP: no rule asks for that; of the rest, UDP */
	j->e.loses |= LOSES(PROTO);
	err = job_proto(j, PROTO_UDP, &rest.zone);
	return err ? err : list_put(j, l, rest);
}

/* In a chain: of ICMP the requests are met, the rest leaves. */
static int put_past_icmp(struct job *j, struct rule_list *l,
			 struct stateless_rule like)
{
	struct stateless_rule other = { .does = DO_RETURN };
	int err = requests_put(j, l, like);

	if (!err)
		err = job_proto(j, job_icmp(j), &other.zone);
	if (!err)
		err = list_put(j, l, other);
	like.zone = j->e.own;
	return err ? err : list_put(j, l, like);
}

/* Where it asks for all but one already, ICMP leaves in a chain. */
static int put_but_icmp(struct job *j, struct rule_list *l,
			struct stateless_rule like)
{
	_cleanup_(list_release) struct rule_list inner = { 0 };
	struct stateless_rule call = like;
	int err = job_leaves(j) ? -E2BIG :
		  put_past_icmp(j, &inner, (struct stateless_rule){
			.does = like.does });

	call.does = DO_CALL;
	call.zone = j->e.own;
	if (!err)
		err = list_chain(j, &inner, &call.chain);
	return err ? err : list_put(j, l, call);
}

/* What a new packet may be: any but ICMP, and of ICMP a request. */
static int put_new(struct job *j, struct rule_list *l,
		   struct stateless_rule like)
{
	struct zone z;
	int err;

	if (has(j, STATE_INVALID) || !takes_proto(j, job_icmp(j)))
		return put_all(j, l, &j->e.own, like);
	err = job_not_proto(j, job_icmp(j), &z);
	if (!err && !j->asked.limited && !is_sayable(j, &z))
		return like.own ? put_but_icmp(j, l, like) :
		       !has(j, STATE_RELATED) ? put_past_icmp(j, l, like) :
						-E2BIG;
	if (!err)
		err = put_all(j, l, &z, like);
	j->e.loses |= j->asked.limited ? LOSES(LIMIT) : 0;
	return err ? err : requests_put(j, l, like);
}

static void admit_new(struct job *j)
{
	if (takes_proto(j, PROTO_TCP) && !j->asked.limited)
		j->e.admits |= ADMITS(TCP) | ADMITS(FLAGS);
}

static int accept_new(struct job *j, struct rule_list *l)
{
	const struct stateless_rule like = { .own = true };
	int err = put_new(j, l, like);

	admit_new(j);
	if (!err && has(j, STATE_ESTABLISHED) &&
	    takes_proto(j, job_icmp(j)) && !has(j, STATE_INVALID)) {
		j->e.depends = true;
		err = replies_put(j, l, DO_TARGET);
	}
	/* what counts the first alone must let the others pass */
	if (!err && has(j, STATE_ESTABLISHED) && j->asked.limited)
		err = established_put(j, l, DO_TARGET);
	if (!err && has(j, STATE_RELATED) && !has(j, STATE_INVALID))
		err = related_put(j, l, DO_TARGET);
	return err;
}

static bool is_rest_known(const struct job *j)
{
	struct zone z = j->e.own;
	const uint32_t known[][2] = { { PROTO_TCP, PROTO_TCP },
				      { job_icmp(j), job_icmp(j) } };

	return !zone_limit(j->x->a, &z, ZONE_PROTO, known, 2, true, &z) &&
	       zone_is_empty(&z);
}

/* Where no socket and no list tells the established: the initial SYN is new. */
static int put_syn(struct job *j, struct rule_list *l)
{
	struct stateless_rule r = { .own = true, .asks = ASK_SYN };
	int err;

	if (!is_rest_known(j))
		return -E2BIG;
	err = job_proto(j, PROTO_TCP, &r.zone);
	if (!err)
		err = list_put(j, l, r);
	r.asks = 0;
	j->e.admits |= ADMITS(TCP);
	return err ? err : requests_put(j, l, r);
}

/* Those that a new packet is not leave the chain ahead of the target. */
static int put_behind_others(struct job *j, struct rule_list *l)
{
	_cleanup_(list_release) struct rule_list inner = { 0 };
	struct stateless_rule call = { .zone = j->e.own,
				       .own = !j->asked.limited,
				       .does = DO_CALL };
	struct stateless_rule last = { .own = j->asked.limited };
	int err;

	if (job_leaves(j))
		return -E2BIG;
	err = has(j, STATE_ESTABLISHED) ? 0 :
		      established_put(j, &inner, DO_RETURN);
	if (!err && has(j, STATE_INVALID) && !has(j, STATE_RELATED))
		err = related_put(j, &inner, DO_RETURN);
	if (!err && has(j, STATE_INVALID) && !has(j, STATE_UNTRACKED) &&
	    j->x->family == NFPROTO_IPV6) {
		struct stateless_rule r = { .does = DO_RETURN };

		err = job_icmp_group(j, ICMP_UNTRACKED, &r.zone);
		if (!err)
			err = list_put(j, &inner, r);
	}
	if (!err)
		err = put_new(j, &inner, last);
	if (!err && has(j, STATE_RELATED) && !has(j, STATE_INVALID))
		err = related_put(j, &inner, DO_TARGET);
	if (!err)
		err = list_chain(j, &inner, &call.chain);
	return err ? err : list_put(j, l, call);
}

/*
 * Of protocols that are seldom met, no rule tells the first packet from others:
 * where those of TCP, UDP and ICMP have passed, all of theirs may be new.
 * -EAGAIN: they may.
 */
static int put_apart(struct job *j, struct rule_list *l)
{
	struct stateless *s = j->x->out;
	size_t n_chains = s->n_chains, n_inner = s->n_inner;
	const struct stateless_edit before = j->e;
	int err = put_behind_others(j, l);

	if (err != -E2BIG || !j->common)
		return err;
	s->n_chains = n_chains;
	s->n_inner = n_inner;
	j->e = before;
	j->e.admits |= ADMITS(PROTO);
	j->e.loses |= LOSES(PROTO);
	return -EAGAIN;
}

static int judge_new(struct job *j, struct rule_list *l)
{
	const struct stateless_rule like = { .own = true };
	int err;

	if (strays_are(j))
		return strays_put(j, l);
	if (!job_has_flows(j))
		return put_syn(j, l);
	if (!j->passed && !has(j, STATE_ESTABLISHED)) {
		err = put_apart(j, l);
		if (err != -EAGAIN)
			return err;
	}
	if (has(j, STATE_INVALID) &&
	    (!has(j, STATE_RELATED) ||
	     (j->x->family == NFPROTO_IPV6 && !has(j, STATE_UNTRACKED))))
		return put_behind_others(j, l);
	err = put_new(j, l, like);
	j->e.admits |= j->asked.limited ? ADMITS(TCP) : 0;
	if (!err && has(j, STATE_ESTABLISHED) && !has(j, STATE_INVALID))
		err = replies_put(j, l, DO_TARGET);
	if (!err && has(j, STATE_RELATED) && !has(j, STATE_INVALID))
		err = related_put(j, l, DO_TARGET);
	return err;
}

/* It logs or counts. A jump to what is no chain calls an extension. */
static bool only_goes_on(const struct job *j)
{
	const struct foreign *f = j->x->f;
	uint32_t table = f->chains[j->r->chain].table;

	if (j->verdict == FOREIGN_NONE)
		return true;
	return j->target &&
	       foreign_find_chain(f, table, j->target) == FOREIGN_NOWHERE &&
	       walk_goes_on(f, j->r, j->target);
}

static int without_new(struct job *j, struct rule_list *l)
{
	int err = 0;

	if (has(j, STATE_ESTABLISHED))
		err = job_has_flows(j) ? established_put(j, l, DO_TARGET) :
					 -E2BIG;
	if (!err && has(j, STATE_RELATED))
		err = related_put(j, l, DO_TARGET);
	if (err || !has(j, STATE_INVALID))
		return err;
	if (only_goes_on(j)) {
		j->e.loses |= LOSES(LOG);
		return 0;
	}
	return invalid_put(j, l);
}

static int replace_states(struct job *j, struct rule_list *l)
{
	int err;

	if (!has(j, STATES_ALL))
		return 0;
	err = job_find_end(j);
	if (err)
		return err;
	if (j->states == STATES_ALL)
		return put_all(j, l, &j->e.own,
			       (struct stateless_rule){ .own = true });
	if (!has(j, STATE_NEW))
		err = without_new(j, l);
	else if (j->verdict == FOREIGN_ACCEPT)
		err = accept_new(j, l);
	else
		err = judge_new(j, l);
	if (err || !has(j, STATE_UNTRACKED) ||
	    (has(j, STATE_NEW) && has(j, STATE_INVALID)))
		return err;
	return untracked_put(j, l);
}

static bool is_same_verdict(const struct foreign_outcome *a,
			    const struct foreign_outcome *b)
{
	return a->verdict == b->verdict && a->target == b->target;
}

/* Of a verdict map, all states that share the verdict of this one. */
static uint8_t states_like(const struct job *j, const struct term *map,
			   uint8_t state, struct foreign_outcome *ret)
{
	const struct foreign *f = j->x->f;
	const struct key_set *set = &f->sets[map->set];
	const struct foreign_outcome *v = f->outcomes + set->outcome;
	uint8_t states = 0;
	bool found = false;

	for (uint32_t i = 0; i < set->n && !found; i++)
		if (zone_states_in(f, map, i) & state) {
			*ret = v[i];
			found = true;
		}
	for (uint32_t i = 0; found && i < set->n; i++)
		if (is_same_verdict(&v[i], ret))
			states |= zone_states_in(f, map, i);
	return states;
}

/* Nothing that has met it comes to what is behind. */
static bool ends(enum foreign_verdict v)
{
	return foreign_decides(v) || foreign_leaves(v);
}

/*
 * A verdict map is a rule for each verdict. What is told by flags goes ahead
 * of what is told by sockets, and new packets last: they are all that is left.
 */
static int replace_map(struct job *j, struct rule_list *l,
		       const struct term *map)
{
	static const uint8_t order[] = {
		STATE_INVALID, STATE_ESTABLISHED, STATE_RELATED,
		STATE_UNTRACKED, STATE_NEW,
	};
	uint8_t left = j->states;
	int err = 0;

	j->mapped = true;
	for (size_t i = 0; !err && i < ARRAY_SIZE(order); i++) {
		struct foreign_outcome v = { 0 };
		uint8_t states = states_like(j, map, order[i], &v) & left;
		bool last = true;

		for (size_t k = i + 1; k < ARRAY_SIZE(order); k++)
			last &= !(states & order[k]);
		if (!(states & order[i]) || !last)
			continue;
		j->states = states;
		j->verdict = v.verdict;
		j->target = v.target;
		err = replace_states(j, l);
		left &= (uint8_t)~states;
		j->passed |= states & STATE_ESTABLISHED && ends(v.verdict);
	}
	return err;
}

int replace_rule(struct job *j, struct rule_list *l)
{
	const struct term *map = zone_state_map(j->x->f, j->r);
	int err;

	if (!j->asked.takes)
		return 0;
	err = map ? replace_map(j, l, map) : replace_states(j, l);
	return err ? err : limit_share(j, l);
}
