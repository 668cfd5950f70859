/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/tracking.h"

#include "audit/keepers.h"
#include "core/mem.h"
#include "engine/host_rules.h"
#include "engine/plan.h"
#include "engine/tracking_cuts.h"
#include "host/host.h"

/*
 * Where state matching is forbidden, conntrack is not queried: it would have
 * nothing to tell, and the query would load its module.
 */
static bool leaves_alone(const struct plan *p)
{
	return p->policy && p->policy->forbid_state;
}

/* Does anything leave tracking, or (add: false) return to it? */
static bool moves(const struct changeset *cs, bool add)
{
	for (size_t i = 0; cs && i < cs->n; i++)
		if (step_is_notrack(&cs->steps[i], add))
			return true;
	return false;
}

static bool any_moves(const struct plan *p, bool add)
{
	for (size_t i = 0; i < p->change.n; i++)
		if (moves(p->change.v[i].changes, add))
			return true;
	return false;
}

static void evict(struct plan *p, const struct image *out,
		  const struct image *but, struct tracking *t)
{
	size_t n = 0;

	(void)conntrack_evict(out, but, &n, &p->diags);
	t->evicted += n;
}

/* A survey knows no helpers, zones and declared objects. */
static bool has_keepers(void)
{
	_cleanup_(host_rules_release) struct host_rules h = { 0 };
	_cleanup_(diags_release) struct diags said = { 0 };
	struct keepers k;

	/* What cannot be read may be one. */
	if (host_rules_complete(&h, &said))
		return true;
	keepers_find(h.f, &k);
	return k.ipv4.rules || k.ipv6.rules || k.objects;
}

/*
 * Nothing is cut off unless a rule of the host's own needs tracking. The rules
 * are read for that: a probe packet would show in their counters.
 */
static bool is_tracked_by_host(const struct plan *p)
{
	for (size_t i = 0; i < p->change.n; i++)
		if (p->change.v[i].live.survey.tracks ||
		    p->change.v[i].elsewhere.tracks)
			return true;
	return has_keepers();
}

static void warn(struct plan *p)
{
	struct tracking_cuts cut = { 0 };

	for (size_t i = 0; i < p->change.n; i++)
		tracking_cuts_find(p->change.v[i].changes, &cut);
	if ((!cut.forwarded && !cut.sctp) || !is_tracked_by_host(p))
		return;
	if (cut.forwarded) {
		diag_add(&p->diags, DIAG_WARNING, 0, ID_FORWARDED_CUT, NOPOS,
			 "forwarded connections of services that are tracked again have no conntrack entry and may be cut off");
		diag_help(&p->diags,
			  "a connection survives if its next packet comes from the side that may open connections, and nf_conntrack_tcp_loose is 1");
	}
	if (cut.sctp) {
		diag_add(&p->diags, DIAG_WARNING, 0, ID_SCTP_CUT, NOPOS,
			 "open SCTP associations of services that are tracked again have no conntrack entry and may be cut off");
		diag_help(&p->diags,
			  "an association that the host's rules drop as invalid must be opened again");
	}
}

static bool any_timers(const struct plan *p)
{
	for (size_t i = 0; i < p->change.n; i++) {
		const struct changeset *cs = p->change.v[i].changes;

		for (size_t k = 0; cs && k < cs->n; k++)
			if (cs->steps[k].kind == STEP_SET &&
			    cs->steps[k].add && cs->steps[k].set->timers)
				return true;
	}
	return false;
}

/*
 * Entries of forwarded flows that were left in the table have stale windows,
 * which would cut the flows off: they are dropped. conntrack_adopt() takes care
 * of the flows that have a socket here.
 */
void tracking_before(struct plan *p, struct tracking *t)
{
	t->timers = any_timers(p);
	t->takes_out = any_moves(p, true);
	if (t->prepared || leaves_alone(p) || !any_moves(p, false))
		return;
	t->prepared = true;
	warn(p);
	for (size_t i = 0; i < p->change.n; i++) {
		struct part *m = &p->change.v[i];

		if (!moves(m->changes, false))
			continue;
		if (host_forwards())
			evict(p, m->live.image, m->want, t);
		(void)conntrack_adopt(m->live.image, m->want, true,
				      &t->adopted, &p->diags);
	}
}

/*
 * Untracked packets never refresh an old entry, so it would outlive its
 * connection. So would an entry made for a family that turns out not to be
 * tracked now that ctpolicy's own rules are gone.
 */
void tracking_after(struct plan *p, struct tracking *t)
{
	bool flush = t->takes_out && !leaves_alone(p) &&
		     (!p->policy || p->policy->flush_services);

	for (size_t i = 0; i < p->change.n; i++) {
		struct part *m = &p->change.v[i];

		if (m->steps && flush)
			evict(p, m->want, NULL, t);
		if (m->steps && t->prepared)
			(void)conntrack_adopt(m->before, m->want, false,
					      &t->adopted, &p->diags);
	}
	if (t->prepared)
		(void)conntrack_keep_tracked(&t->adopted, &p->diags);
}

void tracking_undone(struct plan *p, struct tracking *t)
{
	(void)conntrack_disown(&t->adopted, &p->diags);
	tracking_release(t);
	*t = (struct tracking){ 0 };
}

void tracking_release(struct tracking *t)
{
	adopted_release(&t->adopted);
}
