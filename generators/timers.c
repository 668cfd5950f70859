/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * generators/timers.c: the timers of services that stay tracked.
 *
 * Timers are given to an entry that is new and not in the table yet, and a flow
 * may be seen first in either direction: by its answers, where the entry of its
 * request is forgotten already. So both legs have a rule, at the hooks at which
 * NOTRACK takes them out (generators/notrack.c); there addresses and ports are
 * those from before any translation. A router's packets may be for an address
 * of its own there: a port that it publishes, an answer to a masqueraded
 * client. Nothing but the timers depends on it, so any destination will do.
 *
 * Source: nft_ct_timeout_obj_eval() in net/netfilter/nft_ct.c;
 *         init_conntrack() in net/netfilter/nf_conntrack_core.c.
 */
#include "core/intern.h"
#include "core/mem.h"
#include "core/strbuf.h"
#include "generators/generators.h"
#include "generators/legs.h"

static const char *words_of(const struct leg_visit *v)
{
	_cleanup_(strbuf_release) struct strbuf words = { 0 };
	const struct service *s = v->service;
	struct timers t;
	size_t i = 0;

	while (i + 1 < s->n_protocols &&
	       service_protocol(s->protocols[i], v->family) != v->proto)
		i++;
	t = s->timers[i];
	t.proto = v->proto;
	timers_print(&t, &words);
	return strbuf_status(&words) ? NULL : intern(strbuf_str(&words));
}

static int time_leg(const struct leg_visit *v, void *arg)
{
	enum hook hook = leg_first_hook(v);
	struct rule *r;

	if (v->loopback && leg_covers_loopback(v, hook))
		return 0;
	r = leg_rule(v, arg, hook, ACTION_TIMERS);
	if (!r)
		return -ENOMEM;
	r->then = words_of(v);
	return r->then ? 0 : -ENOMEM;
}

int generate_timers(const struct generator_input *in, struct ruleset *rs)
{
	return legs_walk_tracked(in->policy, time_leg, rs);
}
