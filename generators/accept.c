/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * generators/accept.c: accept rules for services, unless with `accept: none`.
 *
 *   role    request leg   reply leg
 *   server  INPUT         OUTPUT
 *   client  OUTPUT        INPUT, guarded: anybody can send from any port
 *   router  FORWARD       FORWARD
 *   server and client, on loopback: OUTPUT and INPUT, both legs
 *   loopback                        the same
 *
 * `protocol: any` is two rules, one for tcp: of its packets the flags tell
 * which begin a connection, and no reply of it does.
 *
 * Where state matching is forbidden, or nothing on the host needs tracking, no
 * rule holds a state match of any kind: UNTRACKED too would switch it on.
 */
#include "core/mem.h"
#include "core/strbuf.h"
#include "generators/generators.h"
#include "generators/legs.h"

struct accepts {
	const struct generator_input *in;
	struct ruleset *rs;
	const struct service *warned;	/* the last one, and its protocol */
	uint8_t warned_proto;
};

static struct rule *accept_rule(const struct accepts *a,
				const struct leg_visit *v, enum hook hook)
{
	struct rule *r = leg_rule(v, a->rs, hook, ACTION_ACCEPT);

	if (!r)
		return NULL;
	if (!a->in->stateless)
		r->match.ct = CT_UNTRACKED;
	r->open = v->service->accept == ACCEPT_OPEN;
	r->match.not_tcp = v->proto == PROTOCOL_ANY;
	r->match.not_syn = v->leg == LEG_REPLY && v->proto == IPPROTO_TCP;
	return r;
}

static int limit_to_ephemeral(const struct accepts *a, struct rule *r)
{
	return port_set_add(&r->match.dport, a->in->facts->ephemeral);
}

/* What can be reached by forging the source of a reply. */
static const char *exposed_to_replies(const struct leg_visit *v)
{
	if (v->role == ROLE_ROUTER)
		return "every port of the hosts behind this router";
	if (v->proto == IPPROTO_UDP)
		return "every socket of this host on an ephemeral port";
	return "this host: the kernel cannot tell which socket they belong to";
}

/* Once for all families of the service. */
static void warn_unlimited(struct accepts *a, const struct leg_visit *v)
{
	const struct service *s = v->service;
	uint8_t proto = service_protocol(v->proto, AF_UNSPEC);
	_cleanup_(strbuf_release) struct strbuf b = { 0 };

	if (v->proto == IPPROTO_TCP || s->has_servers ||
	    (a->warned == s && a->warned_proto == proto))
		return;
	a->warned = s;
	a->warned_proto = proto;
	service_protocol_print(v->proto, &b);
	diag_add(a->in->diags, DIAG_WARNING, 0, ID_REPLIES_FROM_ANYWHERE, s->at,
		 "replies of the %s service '%s' are accepted from every address to %s",
		 strbuf_text(&b, &a->in->diags->lost), s->name,
		 exposed_to_replies(v));
	diag_help(a->in->diags, "name its `servers`");
}

/*
 * A reply that enters the host: with a forged source port anything could come.
 * tcp: for an open connection. udp: for an open socket, which may have any
 * port where the policy names the servers, else an ephemeral one, where no
 * service listens. Others: the kernel can't tell, so ephemeral ports, where
 * there are ports.
 */
static int accept_guarded(struct accepts *a, const struct leg_visit *v)
{
	bool udp = v->proto == IPPROTO_UDP;
	struct rule *r = accept_rule(a, v, HOOK_INPUT);

	if (!r)
		return -ENOMEM;
	if (!udp)
		r->rank = RANK_GUARDED;
	r->match.socket = udp ? SOCKET_OPEN :
			  v->proto == IPPROTO_TCP ? SOCKET_BOUND : SOCKET_ANY;
	warn_unlimited(a, v);
	if (!protocol_has_ports(v->proto) || v->proto == IPPROTO_TCP ||
	    (udp && v->service->has_servers))
		return 0;
	return limit_to_ephemeral(a, r);
}

static int accept_plain(const struct accepts *a, const struct leg_visit *v,
			enum hook hook)
{
	if (v->loopback && leg_covers_loopback(v, hook))
		return 0;
	return accept_rule(a, v, hook) ? 0 : -ENOMEM;
}

/* Both legs of a protocol without ports look alike: neither is a reply. */
static int accept_forwarded(struct accepts *a, const struct leg_visit *v)
{
	if (v->leg == LEG_REPLY && protocol_has_ports(v->proto))
		warn_unlimited(a, v);
	return accept_rule(a, v, HOOK_FORWARD) ? 0 : -ENOMEM;
}

static int accept_one(struct accepts *a, const struct leg_visit *v)
{
	int err;

	if (v->role == ROLE_ROUTER)
		return accept_forwarded(a, v);
	if (v->loopback) {
		err = accept_plain(a, v, HOOK_OUTPUT);
		return err ? err : accept_plain(a, v, HOOK_INPUT);
	}
	if (!leg_enters(v))
		return accept_plain(a, v, HOOK_OUTPUT);
	return v->role == ROLE_CLIENT ? accept_guarded(a, v) :
					accept_plain(a, v, HOOK_INPUT);
}

static int accept_leg(const struct leg_visit *v, void *arg)
{
	struct accepts *a = arg;
	struct leg_visit tcp = *v;
	int err = 0;

	if (v->service->accept == ACCEPT_NONE)
		return 0;
	tcp.proto = IPPROTO_TCP;
	if (v->proto == PROTOCOL_ANY)
		err = accept_one(a, &tcp);
	return err ? err : accept_one(a, v);
}

int generate_accept(const struct generator_input *in, struct ruleset *rs)
{
	struct accepts a = { .in = in, .rs = rs };

	return legs_walk(in->policy, accept_leg, &a);
}
