/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/judge_entry.h"

#include <arpa/inet.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <string.h>

#define SEEN NF_CT_STATE_BIT(IP_CT_ESTABLISHED)

void judge_entry_put(const struct judge_entry *e, enum talk t,
		     struct packet *p)
{
	uint32_t value = htonl(e->mark.value), known = htonl(e->mark.known);

	packet_set(p, FIELD_CTMARK, &value);
	memcpy(p->field[FIELD_CTMARK].known, &known, sizeof(known));
	p->ctmark_new = e->mark.unset;
	p->zone = e->zone;
	p->in_zone = e->there;
	if (t == TALK_LATER && e->there && e->later)
		p->ct_states = e->later;
}

/* After the first packet; then it may, or may not, be what it was. */
static void next_mark(struct judge_entry *e, bool first,
		      const struct walk_state *s)
{
	uint32_t known = s->ctmark_known;

	if (!first)
		known &= e->mark.known & ~(s->ctmark ^ e->mark.value);
	e->mark.unset = first ? s->ctmark_new :
				e->mark.unset & s->ctmark_new;
	e->mark.known = known;
	e->mark.value = s->ctmark & known;
}

static bool is_id(const struct ct_zone *z, unsigned int way, uint16_t id)
{
	return z->known >> way & 1 && z->id[way] == id;
}

/*
 * Is a new entry, that of answers which the first is hidden from, the same as
 * the first one turned round? The kernel drops what would make it.
 * (__nf_conntrack_confirm() in nf_conntrack_core.c)
 */
static bool clashes(const struct ct_zone *first, const struct ct_zone *answer)
{
	return first->known == CT_ZONE_KNOWN &&
	       is_id(answer, 0, first->id[0]) &&
	       is_id(answer, 1, first->id[0]);
}

/*
 * An entry that saw no answer has no use for an acknowledgement of TCP. The
 * server's next segment may begin an entry: nf_conntrack_tcp_loose.
 */
static void miss_answer(struct judge_entry *e, const struct walk_state *after,
			struct judged *j)
{
	struct judged_talk *talk = &j->talk[TALK_ANSWER];
	enum truth drop = after->ct & NF_CT_STATE_INVALID_BIT ? TRUTH_MAYBE :
								TRUTH_YES;

	e->later = NF_CT_STATE_INVALID_BIT;
	j->hidden = !(after->ct & NF_CT_STATE_UNTRACKED_BIT) &&
		    !is_id(&after->zone, 1, e->zone.id[1]);
	if (talk->passes == TRUTH_NO || !clashes(&e->zone, &after->zone) ||
	    after->ct & NF_CT_STATE_UNTRACKED_BIT)
		return;
	talk->passes = truth_and(talk->passes, truth_not(drop));
	talk->rule = j->zone;
	talk->chain = talk->base = FOREIGN_NOWHERE;
	talk->by_default = talk->by_ctmark = false;
}

void judge_entry_next(struct judge_entry *e, enum talk t,
		      const struct walk_state *after, struct judged *j)
{
	next_mark(e, t == TALK_FIRST, after);
	if (t == TALK_FIRST) {
		/* Half of a connection makes no entry to go by. */
		e->there = j->tracked == TRUTH_YES ||
			   (e->there && j->tracked == TRUTH_MAYBE);
		e->zone = after->zone;
	} else if (t == TALK_ANSWER && e->there && !(after->ct & SEEN)) {
		miss_answer(e, after, j);
	} else if (t == TALK_ANSWER && after->ct != SEEN) {
		e->later = SEEN | NF_CT_STATE_INVALID_BIT;
	}
}
