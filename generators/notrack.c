/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * generators/notrack.c: every leg of every service, out of tracking.
 *
 *   role    request leg              reply leg
 *   server  PREROUTING, local dst    OUTPUT, local src
 *   client  OUTPUT, local src        PREROUTING, local dst, own socket
 *                                    (any, with `reply_guard: none`)
 *   router  PREROUTING, transit dst  the same
 *   server and client, on loopback:  OUTPUT -o lo, both legs: a packet to an
 *   own address is judged in OUTPUT, and PREROUTING can't undo that. The
 *   addresses are as they are for the network.
 */
#include "core/diag_ids.h"
#include "core/mem.h"
#include "core/strbuf.h"
#include "generators/generators.h"
#include "generators/legs.h"

/*
 * Replies to hosts behind a masquerading one are addressed to it as well: only
 * a socket tells them apart, and only for these two does the kernel look.
 */
static bool socket_can_tell(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP;
}

static enum hook leg_hook(const struct leg_visit *v)
{
	if (v->role == ROLE_ROUTER)
		return HOOK_PREROUTING;
	return leg_enters(v) && !v->loopback ? HOOK_PREROUTING : HOOK_OUTPUT;
}

static int notrack_leg(const struct leg_visit *v, void *arg)
{
	enum hook hook = leg_hook(v);
	struct rule *r;

	if (v->loopback && leg_covers_loopback(v, hook))
		return 0;
	r = leg_rule(v, arg, hook, ACTION_NOTRACK);
	if (!r)
		return -ENOMEM;
	if (v->role == ROLE_CLIENT && hook == HOOK_PREROUTING &&
	    socket_can_tell(v->proto) && !v->service->replies_unguarded)
		r->match.socket = SOCKET_OPEN;
	return 0;
}

static bool any_ephemeral(const struct port_set *s, struct port_range range)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].first <= range.last && s->v[i].last >= range.first)
			return true;
	return false;
}

/* What comes to a local port of the kernel's choice may be anybody's reply. */
static void warn_ephemeral(const struct generator_input *in,
			   const struct service *s)
{
	struct port_range range = in->facts->ephemeral;

	if (!(s->roles & ROLE_SERVER) || !any_ephemeral(&s->ports, range))
		return;
	diag_add(in->diags, DIAG_WARNING, 0, ID_EPHEMERAL_SERVER, s->at,
		 "service '%s' has ephemeral ports (%u-%u): replies to this host's own connections, and to hosts that it masquerades, lose their tracking there",
		 s->name, range.first, range.last);
	diag_help(in->diags,
		  "keep net.ipv4.ip_local_port_range clear of the service's ports, and do not masquerade on this host");
}

/* Only tcp and udp sockets can be asked for what is this host's own. */
static void warn_masquerade(const struct generator_input *in,
			    const struct service *s)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };

	for (size_t i = 0; i < s->n_protocols; i++) {
		uint8_t proto = s->protocols[i];
		unsigned int taking = protocol_has_ports(proto) ?
				      ROLE_CLIENT : ROLE_CLIENT | ROLE_SERVER;

		if (socket_can_tell(proto) || !(s->roles & taking))
			continue;
		strbuf_puts(&b, b.n ? ", " : "");
		protocol_print(proto, &b);
	}
	if (!b.n)
		return;
	diag_add(in->diags, DIAG_WARNING, 0, ID_MASQUERADED_REPLIES, s->at,
		 "service '%s' (%s) breaks masquerading: replies to hosts behind this one would become untracked too",
		 s->name, strbuf_str(&b));
	diag_help(in->diags,
		  "ignore this where the host does not masquerade; else name the far end, in `servers` for a client, which the hosts behind must not use");
}

int generate_notrack(const struct generator_input *in, struct ruleset *rs)
{
	/* NOTRACK itself needs the module that is to go. */
	if (in->policy->unload_modules)
		return 0;
	for (size_t i = 0; i < in->policy->n_services; i++) {
		warn_ephemeral(in, &in->policy->services[i]);
		warn_masquerade(in, &in->policy->services[i]);
	}
	return legs_walk(in->policy, notrack_leg, rs);
}
