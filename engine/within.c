/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/within.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "audit/judge.h"
#include "audit/samples.h"
#include "core/mem.h"
#include "engine/ends.h"
#include "engine/sources.h"
#include "generators/legs.h"

/* Connections to try, and rules to look at for them, of one protocol. */
#define SPACE_MAX 64
#define RULES_MAX 1000000

struct search {
	const struct foreign *f;
	struct walker *w;
	struct leaving leaving;
	bool knows_host;		/* else it is a text's */
	struct flow_space space;
	bool moves;
};

static int take_sample(const struct flow_sample *s, void *arg)
{
	struct search *x = arg;
	const struct sources sources = { x->f, x->w, &x->leaving, TRUTH_YES };
	struct flow_sample real = *s;
	struct judged now;
	int err = judge(x->w, x->f, &x->space, s, TRUTH_YES, true, &now);

	if (!err && x->knows_host)
		err = sources_settle(&sources, &x->space, &real, &now);
	x->moves |= !err && judge_works(&now) != TRUTH_NO &&
		    (now.destination_moves != TRUTH_NO ||
		     now.source_lost != TRUTH_NO);
	return err;
}

static int search_family(struct search *x, const struct plan *p,
			 const struct ends *ends, const struct service *s,
			 uint8_t family, bool *ret)
{
	static const struct samples_limit limit = {
		.samples = SPACE_MAX, .rules = RULES_MAX, .nat_alone = true,
	};
	uint8_t protocols[ENDS_PROTOCOLS_MAX];
	size_t n;
	bool all;
	int err = 0;

	x->moves = false;
	if (!service_in_family(p->policy, s, family) ||
	    !ends_meet_within(ends, s, family))
		return 0;
	n = ends_protocols(x->f, s, family, protocols);
	for (size_t i = 0; !err && i < n; i++) {
		x->space = ends_space(ends, s, WAY_WITHIN, family,
				      protocols[i], p->facts.ephemeral);
		err = samples_of(x->f, &x->space, &limit, take_sample, x,
				 &all);
	}
	*ret = x->moves;
	return err;
}

static int search_services(struct search *x, struct plan *p,
			   const struct ends *ends, bool *ret_any)
{
	int err = 0;

	for (size_t i = 0; !err && i < p->policy->n_services; i++) {
		struct service *s = &p->policy->services[i];

		/* The role loopback asks for just this: pre-flight judges it */
		if (s->overrides & OVERRIDE_NAT || ends_are_here(ends, s) ||
		    s->roles & ROLE_LOOPBACK)
			continue;
		err = search_family(x, p, ends, s, AF_INET, &s->keeps_own4);
		if (!err)
			err = search_family(x, p, ends, s, AF_INET6,
					    &s->keeps_own6);
		*ret_any |= s->keeps_own4 || s->keeps_own6;
	}
	return err;
}

/* What is sent to this host itself meets chains of nat as it leaves. */
static bool translates_own(const struct foreign *f)
{
	for (size_t i = 0; i < f->n_chains; i++) {
		const struct host_chain *c = &f->chains[i];

		if (c->type && c->hook && c->n_rules &&
		    !strcmp(c->type, "nat") &&
		    (!strcmp(c->hook, "output") ||
		     !strcmp(c->hook, "postrouting")))
			return true;
	}
	return false;
}

static int search(struct plan *p, const struct foreign *f, bool knows_host,
		  bool *ret_any)
{
	_cleanup_(walker_free) struct walker *w = NULL;
	_cleanup_(ends_release) struct ends ends = { 0 };
	struct search x = { .f = f, .knows_host = knows_host };
	int err = knows_host ? ends_find(&ends) : ends_example(&ends);

	if (!err)
		err = walker_new(f, &w);
	if (!err && knows_host)
		err = leaving_open(&x.leaving);
	x.w = w;
	if (err)
		return err;
	err = search_services(&x, p, &ends, ret_any);
	if (knows_host)
		leaving_close(&x.leaving);
	return err;
}

/* Where all state matching has gone, so has translation. */
static bool looks(const struct plan *p)
{
	return !p->policy->forbid_state || p->policy->keeps & KEEP_NAT;
}

int within_find_in(struct plan *p, const struct foreign *f, bool *ret_any)
{
	return looks(p) && translates_own(f) ?
		       search(p, f, false, ret_any) : 0;
}

int within_find(struct plan *p, bool *ret_any)
{
	_cleanup_(host_rules_release) struct host_rules h = { 0 };
	_cleanup_(diags_release) struct diags said = { 0 };
	const struct part *m = p->change.v;
	int err;

	if (!looks(p) ||
	    (!m->live.survey.translates && !m->elsewhere.translates))
		return 0;
	err = host_rules_complete(&h, &said);
	/* Then pre-flight cannot read them either, and says so. */
	if (err == -FAULT_LACKING)
		return 0;
	if (err) {
		diags_append(&p->diags, &said);
		return err;
	}
	return translates_own(h.f) ? search(p, h.f, true, ret_any) : 0;
}
