/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * generators/notrack.c: every leg of every service, out of tracking.
 *
 *   role    request leg              reply leg
 *   server  PREROUTING, local dst    OUTPUT, local src
 *   client  OUTPUT, local src        PREROUTING, local dst, own socket
 *                                    (any, with `reply_guard: none`)
 *   router  PREROUTING, transit dst  the same
 *   loopback OUTPUT -o lo            the same
 *   server and client, on loopback:  OUTPUT -o lo, both legs: a packet to an
 *   own address is judged in OUTPUT, and PREROUTING can't undo that. The
 *   addresses are the same as for the network. Where this stays tracked
 *   (service_keeps_own()), nothing at OUTPUT is for an address of this host.
 */
#include "generators/generators.h"
#include "generators/legs.h"

static int notrack_leg(const struct leg_visit *v, void *arg)
{
	enum hook hook = leg_first_hook(v);
	struct rule *r;

	if (v->loopback && leg_covers_loopback(v, hook))
		return 0;
	r = leg_rule(v, arg, hook, ACTION_NOTRACK);
	if (!r)
		return -ENOMEM;
	r->counts = v->policy->counters;
	if (v->role == ROLE_CLIENT && hook == HOOK_PREROUTING &&
	    leg_finds_socket(v->proto) && !v->service->replies_unguarded)
		r->match.socket = SOCKET_OPEN;
	return 0;
}

int generate_notrack(const struct generator_input *in, struct ruleset *rs)
{
	/* NOTRACK itself needs the module that is to go. */
	if (in->policy->unload_modules)
		return 0;
	return legs_walk(in->policy, notrack_leg, rs);
}
