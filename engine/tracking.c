/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/tracking.h"

#include "host/conntrack/conntrack.h"

/* Does anything begin to be tracked? */
static bool gives_back(const struct changeset *cs)
{
	for (size_t i = 0; i < cs->n; i++)
		if (cs->steps[i].phase == PHASE_DEL_NOTRACK_REQUEST ||
		    cs->steps[i].phase == PHASE_DEL_NOTRACK_REPLY)
			return true;
	return false;
}

static void evict(struct plan *p, const struct image *out,
		  const struct image *but, struct transaction *t)
{
	size_t n = 0;

	(void)conntrack_evict(out, but, &n, &p->diags);
	t->evicted += n;
}

static void adopt(struct plan *p, const struct image *out,
		  const struct image *but, struct transaction *t)
{
	size_t n = 0;

	(void)conntrack_adopt(out, but, &n, &p->diags);
	t->adopted += n;
}

/* What an entry from before the rules knows of the windows is long past. */
void tracking_before(struct plan *p, struct transaction *t)
{
	t->gives_back = gives_back(p->changes);
	if (!t->gives_back)
		return;
	evict(p, p->live.image, p->want, t);
	adopt(p, p->live.image, p->want, t);
}

/*
 * An entry from before is never refreshed by packets that are not tracked any
 * more; it would outlive its connection.
 */
void tracking_after(struct plan *p, const struct image *before,
		    struct transaction *t)
{
	if (!p->policy || p->policy->flush_services)
		evict(p, p->want, NULL, t);
	if (t->gives_back)
		adopt(p, before, p->want, t);
}

void tracking_undone(struct plan *p, const struct image *before,
		     struct transaction *t)
{
	if (t->adopted && before)
		evict(p, before, NULL, t);
	t->evicted = t->adopted = 0;
}
