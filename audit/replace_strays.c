/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit/replace_strays.c: a rule for what is new and no initial SYN.
 *
 * It takes what belongs to no connection. Without states it goes, since later
 * segments of connections would meet it as well. But where another rule keeps
 * initial SYNs alone from beginning, what it keeps out would come in by all
 * other segments, and be refused by nothing: there those that may be of a
 * connection leave a chain, and the rest meets the target.
 */
#include <errno.h>

#include "audit/replace_parts.h"
#include "core/mem.h"

/* Of a rule for initial SYNs alone: do others of its packets fare otherwise? */
static int find_syns(struct replacing *x, const struct foreign_rule *r)
{
	struct zone_asked asked;
	struct zone z;
	int err;

	if (r->verdict == FOREIGN_NONE || r->verdict == FOREIGN_ACCEPT ||
	    foreign_is_gone(r))
		return 0;
	err = zone_of_rule(x->a, x->f, r, NFPROTO_IPV4, &z, &asked);
	if (!err && asked.flags && asked.takes_syn)
		x->syns |= x->reach[r->chain];
	return err;
}

int strays_find(struct replacing *x)
{
	int err = 0;

	for (uint32_t i = 0; !err && i < x->f->n_rules; i++)
		err = find_syns(x, &x->f->rules[i]);
	return err;
}

bool strays_are(const struct job *j)
{
	return j->asked.flags && !j->asked.takes_syn &&
	       !(j->states & STATE_ESTABLISHED);
}

/* Of listeners what may begin, too: half of it may be known by no socket. */
static int put_known(struct job *j, struct rule_list *l)
{
	const struct begin_want begun = {
		NF_INET_LOCAL_IN, PROTO_TCP, false, 0, ASK_NOT_SYN, LO_TOO,
	};
	int err = j->hook == NF_INET_LOCAL_IN ?
			  begin_put(j, l, DO_RETURN, &begun, 1) : 0;

	if (!err && !(j->hook == NF_INET_LOCAL_IN && j->passed))
		err = tcp_put(j, l, DO_RETURN);
	return err;
}

int strays_put(struct job *j, struct rule_list *l)
{
	_cleanup_(list_release) struct rule_list inner = { 0 };
	const uint32_t admits = j->e.admits | ADMITS(TCP);
	struct stateless_rule call = { .own = true, .does = DO_CALL };
	struct stateless_rule last = { .zone = j->e.own };
	int err = 0;

	j->e.admits = admits;
	if (!(j->x->syns >> j->hook & 1) || !job_has_flows(j) ||
	    j->asked.limited || j->verdict == FOREIGN_NONE)
		return 0;
	if (job_leaves(j))
		return -E2BIG;
	err = put_known(j, &inner);
	j->e.admits = admits;
	if (!err)
		err = list_put(j, &inner, last);
	if (!err)
		err = list_chain(j, &inner, &call.chain);
	if (!err)
		err = job_proto(j, PROTO_TCP, &call.zone);
	j->e.depends = true;
	return err ? err : list_put(j, l, call);
}
