/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * generators/accept.c: accepts for the legs of services with `accept: open`.
 *
 *   role    request leg   reply leg
 *   server  INPUT         OUTPUT
 *   client  OUTPUT        INPUT, guarded: a source port proves nothing
 *   router  FORWARD       FORWARD
 *   server and client, on loopback: OUTPUT and INPUT, both legs
 *
 * Where state matching is forbidden no rule holds a state match of any kind:
 * UNTRACKED too would switch tracking on.
 */
#include "core/mem.h"
#include "core/strbuf.h"
#include "generators/generators.h"
#include "generators/legs.h"

struct accepts {
	const struct generator_input *in;
	struct ruleset *rs;
};

static struct rule *accept_rule(const struct accepts *a,
				const struct leg_visit *v, enum hook hook)
{
	struct rule *r = leg_rule(v, a->rs, hook, ACTION_ACCEPT);

	if (!r)
		return NULL;
	if (!v->policy->forbid_state)
		r->match.ct = CT_UNTRACKED;
	r->match.not_syn = v->leg == LEG_REPLY && v->proto == IPPROTO_TCP;
	return r;
}

static int limit_to_ephemeral(const struct accepts *a, struct rule *r)
{
	return port_set_add(&r->match.dport, a->in->facts->ephemeral);
}

static void warn_unlimited(const struct accepts *a, const struct leg_visit *v)
{
	const struct service *s = v->service;
	_cleanup_(strbuf_release) struct strbuf b = { 0 };

	if (leg_has_remote(v))
		return;
	protocol_print(v->proto, &b);
	diag_add(a->in->diags, DIAG_WARNING, 0, ID_REPLIES_FROM_ANYWHERE, s->at,
		 "replies of the %s service '%s' are accepted from every address: the kernel cannot tell which local socket they belong to",
		 strbuf_str(&b), s->name);
	diag_help(a->in->diags, "name its `servers`");
}

/*
 * A reply that enters the host: from a spoofed source port anything could
 * come. tcp: an open connection of ours. udp: that, or an unconnected socket
 * on an ephemeral port (a resolver's), where no service of ours listens.
 * Others: the kernel can't tell, so ephemeral ports, where there are ports.
 */
static int accept_guarded(const struct accepts *a, const struct leg_visit *v)
{
	struct rule *r = accept_rule(a, v, HOOK_INPUT);
	int err = 0;

	if (!r)
		return -ENOMEM;
	r->rank = RANK_GUARDED;
	if (v->proto == IPPROTO_TCP || v->proto == IPPROTO_UDP)
		r->match.socket = SOCKET_BOUND;
	else if (protocol_has_ports(v->proto))
		err = limit_to_ephemeral(a, r);
	if (!err && r->match.socket == SOCKET_ANY)
		warn_unlimited(a, v);
	if (err || v->proto != IPPROTO_UDP)
		return err;
	r = accept_rule(a, v, HOOK_INPUT);
	if (!r)
		return -ENOMEM;
	r->rank = RANK_GUARDED;
	r->match.socket = SOCKET_OPEN;
	return limit_to_ephemeral(a, r);
}

static int accept_plain(const struct accepts *a, const struct leg_visit *v,
			enum hook hook)
{
	if (v->loopback && leg_covers_loopback(v, hook))
		return 0;
	return accept_rule(a, v, hook) ? 0 : -ENOMEM;
}

static int accept_leg(const struct leg_visit *v, void *arg)
{
	const struct accepts *a = arg;
	int r;

	if (v->service->accept != ACCEPT_OPEN)
		return 0;
	if (v->role == ROLE_ROUTER)
		return accept_plain(a, v, HOOK_FORWARD);
	if (v->loopback) {
		r = accept_plain(a, v, HOOK_OUTPUT);
		return r ? r : accept_plain(a, v, HOOK_INPUT);
	}
	if (!leg_enters(v))
		return accept_plain(a, v, HOOK_OUTPUT);
	return v->role == ROLE_CLIENT ? accept_guarded(a, v) :
					accept_plain(a, v, HOOK_INPUT);
}

int generate_accept(const struct generator_input *in, struct ruleset *rs)
{
	struct accepts a = { in, rs };

	return legs_walk(in->policy, accept_leg, &a);
}
