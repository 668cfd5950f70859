/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/preflight.h"

#include <errno.h>
#include <string.h>

#include "audit/judge_counts.h"
#include "audit/keepers.h"
#include "core/mem.h"
#include "engine/balanced.h"
#include "engine/guard.h"
#include "engine/others.h"
#include "engine/preflight_cases.h"
#include "engine/preflight_say.h"
#include "engine/sources.h"
#include "engine/timed.h"
#include "host/marks.h"

/* Rules to look at, in all: a few seconds. */
#define WALKED_MAX 10000000

struct preflight {
	struct plan *p;
	const struct foreign *f;	/* the host's own rules */
	struct preflight_cases cases;
	struct guard guard;
	struct others others;
	struct leaving leaving;
	enum truth tracking;
	bool knows_host;		/* else the rules are a text's */
	bool untried;			/* some were cut short */
	bool marks_are_read;		/* by others than the rules */
};

static void preflight_release(struct preflight *x)
{
	guard_release(&x->guard);
	others_release(&x->others);
	preflight_cases_release(&x->cases);
	if (x->knows_host)
		leaving_close(&x->leaving);
}

/* Is connection tracking at work today? Or will ctpolicy's rules need it? */
static enum truth find_tracking(const struct preflight *x)
{
	struct keepers k;

	keepers_find(x->f, &k);
	return !x->p->facts.idle || x->p->policy->n_tracked ||
	       k.ipv4.rules || k.ipv6.rules || k.objects ? TRUTH_YES :
							   TRUTH_NO;
}

/* Of what works, and goes on to do so, is each packet counted from then on? */
static int compare_counts(const struct preflight *x, struct walker *w,
			  const struct attempt *c, struct harm_found *h)
{
	struct judged_counts then;
	int err;

	if (h->harm || judge_works(&c->now) == TRUTH_NO)
		return 0;
	err = judge_counts(w, x->f, &x->cases.spaces[c->space].flow, &c->sample,
			   x->tracking, false, &then);
	if (!err)
		*h = judge_counts_compare(&c->counts, &then);
	return err;
}

/* Does the host let somebody use this port today? */
static bool serves_some(const struct preflight *x, const struct space *sp,
			const struct attempt *c)
{
	for (size_t i = sp->first; i < sp->first + sp->n; i++) {
		const struct attempt *other = &x->cases.v[i];

		if (other->tried && judge_works(&other->now) != TRUTH_NO &&
		    !memcmp(other->sample.key[FLOW_SPORT],
			    c->sample.key[FLOW_SPORT],
			    sizeof(c->sample.key[FLOW_SPORT])))
			return true;
	}
	return false;
}

/* Where the host itself lets some in, `open` for all is worth a word. */
static struct harm_found compare_openness(const struct preflight *x,
					  const struct space *sp,
					  const struct attempt *c,
					  const struct judged *then)
{
	struct harm_found h = { 0 };

	if (sp->service->accept == ACCEPT_OPEN)
		h = judge_widens(&c->now, then);
	return h.harm && serves_some(x, sp, c) ? h : (struct harm_found){ 0 };
}

/* What a service loses, or gains, by a change. */
static int compare_case(struct preflight *x, struct accepted_search *accepted,
			const struct attempt *c, struct preflight_said *said)
{
	const struct space *sp = &x->cases.spaces[c->space];
	const struct judge_view view = {
		.open = sp->service->accept == ACCEPT_OPEN,
		.marks = x->marks_are_read,
	};
	const struct judge_watch watch = { accepted_by_passed, accepted };
	bool watched = sp->aspect == ASPECT_TAKEN_OUT &&
		       sp->flow.way != WAY_WITHIN;
	struct judged then;
	struct harm_found h;
	int err;

	accepted_by_service(accepted, sp->service);
	err = judge_watched(accepted->w, x->f, &sp->flow, &c->sample,
			    x->tracking, sp->aspect == ASPECT_KEPT,
			    watched ? &watch : NULL, &then);
	if (err)
		return err;
	switch (sp->aspect) {
	case ASPECT_TIMED:
		err = timed_find(accepted->w, x->f, x->p->host.n, &sp->flow,
				 &c->sample, x->tracking, &h);
		break;
	case ASPECT_TWIN:
		h = judge_loss(&c->now, &then);
		h.harm = h.harm ? HARM_ANSWERS : HARM_NONE;
		break;
	case ASPECT_KEPT:
		h = judge_kept(&c->now, &then);
		break;
	case ASPECT_TAKEN_OUT:
	default:
		h = judge_compare(&c->now, &then, sp->flow.way, &view);
		err = compare_counts(x, accepted->w, c, &h);
		if (!h.harm)
			h = compare_openness(x, sp, c, &then);
	}
	return err ? err : preflight_say(x->p, sp->service, &sp->flow,
					 &c->sample, &h, said);
}

static int find_cases(struct preflight *x)
{
	int err = preflight_cases_find(&x->cases, x->p, x->f, x->knows_host);

	if (!err && x->knows_host)
		err = leaving_open(&x->leaving);
	x->untried |= x->cases.untried;
	return err;
}

static int judge_now(struct preflight *x, struct walker *w,
		     const struct space *sp, struct attempt *c)
{
	const struct sources sources = { x->f, w, &x->leaving, x->tracking };
	int err = judge(w, x->f, &sp->flow, &c->sample, x->tracking, true,
			&c->now);

	c->tried = true;
	if (!err && x->knows_host)
		err = sources_settle(&sources, &sp->flow, &c->sample, &c->now);
	if (!err && sp->aspect == ASPECT_TAKEN_OUT)
		err = judge_counts(w, x->f, &sp->flow, &c->sample,
				   x->tracking, true, &c->counts);
	x->untried |= c->now.n_source == JUDGED_MOVERS;
	return err;
}

/* Case number k of each space. */
static int judge_each(struct preflight *x, struct walker *w, size_t k)
{
	int err = 0;

	for (size_t i = 0; !err && i < x->cases.n_spaces; i++) {
		const struct space *sp = &x->cases.spaces[i];
		struct attempt *c = &x->cases.v[sp->first + k];

		if (k >= sp->n)
			continue;
		if (walker_visits(w) > WALKED_MAX) {
			x->untried = true;
			break;
		}
		err = judge_now(x, w, sp, c);
	}
	return err;
}

/* The first of each, then the second of each, as far as it goes. */
static int judge_cases(struct preflight *x, struct walker *w)
{
	int err = 0;

	for (size_t k = 0; !err && k < x->cases.limit.samples; k++)
		err = judge_each(x, w, k);
	return err;
}

static int compare_cases(struct preflight *x, struct walker *w)
{
	struct preflight_said said = { 0 };
	struct accepted_search accepted;
	int err = 0;

	accepted_by_begin(x->p, w, &accepted);
	for (size_t i = 0; !err && i < x->cases.n; i++)
		if (x->cases.v[i].tried)
			err = compare_case(x, &accepted, &x->cases.v[i], &said);
	accepted_by_sort(&accepted);
	err = err ? err : others_then(x->p, w, &x->others, &said);
	err = err ? err : preflight_say_unmet(x->p, &said);
	if (!err && said.refused)
		err = -FAULT_CONFLICT;
	preflight_said_release(&said);
	return err;
}

/* With the rules as they are. */
static int judge_today(struct preflight *x, const struct guard_host *host)
{
	_cleanup_(walker_free) struct walker *w = NULL;
	const struct others_host all = {
		.outside = &x->cases.ends.outside, .all = &x->cases.ends.all,
		.devices = &x->cases.ends.devices, .tracking = x->tracking,
	};
	int err = walker_new(x->f, &w);

	if (!err && x->knows_host)
		err = guard_today(x->p, host, w, &x->guard);
	if (!err)
		err = judge_cases(x, w);
	if (!err)
		err = others_today(x->p, &all, w, &x->others);
	x->untried |= x->others.untried;
	return err;
}

/* With the rules as they would be. */
static int compare_all(struct preflight *x, const struct guard_host *host)
{
	_cleanup_(walker_free) struct walker *w = NULL;
	int err = walker_new(x->f, &w);

	if (!err && x->knows_host)
		err = guard_then(x->p, host, w, &x->guard);
	return err ? err : compare_cases(x, w);
}

static void note_untried(const struct preflight *x)
{
	if (!x->untried)
		return;
	diag_add(&x->p->diags, DIAG_WARNING, 0, ID_NOT_ALL_TRIED, NOPOS,
		 "this host's rules tell more connections apart than were tried (at most %zu for each service and direction)",
		 x->cases.limit.samples);
}

static int check(struct preflight *x)
{
	struct guard_host host = {
		.local = &x->cases.ends.all, .devices = &x->cases.ends.devices,
	};
	int err;

	if (x->knows_host)
		guard_note_unknown(x->p);
	err = host_rules_complete(&x->p->host, &x->p->diags);
	/* Where there are no rules, nothing stands in anybody's way. */
	if (err || !host_rules_exist(&x->p->host))
		return err;
	x->f = x->p->host.f;
	host.tracking = x->tracking = find_tracking(x);
	err = find_cases(x);
	if (!err)
		err = judge_today(x, &host);
	/* where no rule does, all have the same mark, today and then */
	if (!err && x->knows_host && foreign_sets_marks(x->f))
		err = host_reads_marks(&x->marks_are_read);
	if (!err)
		err = host_rules_put_wanted(&x->p->host, &x->p->change);
	if (!err)
		err = compare_all(x, &host);
	note_untried(x);
	return err;
}

static int run(struct plan *p, bool knows_host)
{
	struct preflight x = { .p = p, .knows_host = knows_host };
	int err = p->policy && p->rules ? check(&x) : 0;
	bool goes_on = !err || err == -FAULT_CONFLICT;
	int more = knows_host && goes_on && x.tracking != TRUTH_NO ?
			   balanced_check(p) : 0;

	if (more)
		err = more;
	preflight_release(&x);
	host_rules_release(&p->host);
	return err;
}

int preflight_check(struct plan *p)
{
	return run(p, true);
}

int preflight_check_text(struct plan *p)
{
	return run(p, false);
}
