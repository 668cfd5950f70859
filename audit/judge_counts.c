/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/judge_counts.h"

#include <linux/netfilter/nf_conntrack_common.h>
#include <netinet/in.h>

#include "audit/echo.h"
#include "core/mem.h"

/* A log with a limit decides nothing. */
static bool may_decide(const struct foreign *f, const struct walk_step *s)
{
	return s->verdict != FOREIGN_NONE &&
	       !(s->verdict == FOREIGN_TARGET &&
		 walk_goes_on(f, &f->rules[s->rule], s->target));
}

static void note(const struct foreign *f, const struct walk *walk,
		 struct judged_counts *ret)
{
	ret->outcome = walk->outcome;
	for (size_t i = 0; i < walk->n_steps && ret->n < JUDGED_COUNTERS; i++) {
		const struct walk_step *s = &walk->steps[i];

		if (s->rule != FOREIGN_NOWHERE && s->matched != TRUTH_NO &&
		    may_decide(f, s) && echo_counts(f, s->rule))
			ret->rule[ret->n++] = s->rule;
	}
}

int judge_counts(struct walker *w, const struct foreign *f,
		 const struct flow_space *sp, const struct flow_sample *s,
		 enum truth tracking, bool has_entry,
		 struct judged_counts *ret)
{
	_cleanup_(walk_release) struct walk walk = { 0 };
	struct packet p;
	int err;

	*ret = (struct judged_counts){ .there = sp->proto != IPPROTO_TCP };
	if (!ret->there ||
	    !conversation_packet(sp, s, TALK_FIRST, has_entry, &p))
		return 0;
	if (has_entry)
		p.ct_states = NF_CT_STATE_BIT(IP_CT_ESTABLISHED);
	p.tracking = tracking;
	err = walk_run(w, &p, &walk);
	if (!err)
		note(f, &walk, ret);
	return err;
}

static bool has(const struct judged_counts *c, uint32_t rule)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->rule[i] == rule)
			return true;
	return false;
}

struct harm_found judge_counts_compare(const struct judged_counts *now,
				       const struct judged_counts *then)
{
	struct harm_found h = { .talk = TALK_LATER, .rule = FOREIGN_NOWHERE,
				.chain = FOREIGN_NOWHERE };

	if (!then->there || now->outcome == WALK_DROPPED ||
	    then->outcome == WALK_ACCEPTED)
		return h;
	for (size_t i = 0; i < then->n; i++)
		if (!has(now, then->rule[i])) {
			h.harm = HARM_LIMIT;
			h.rule = then->rule[i];
			break;
		}
	return h;
}
