/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/placing.h"

#include "audit/places.h"

int placing_of(struct plan *p, const struct part *m, const struct foreign *f)
{
	int err;

	stands_release(&p->stands);
	err = places_find(f, p->rules, &p->stands);
	/* A text does not say whose kernel it is for. */
	for (size_t i = 0; i < p->stands.n; i++)
		p->stands.v[i].world = m->backend->world;
	return err;
}

int placing_live(struct plan *p, const struct part *m)
{
	int err;

	stands_release(&p->stands);
	host_rules_release(&p->host);
	/* Rules that are replaced do for untracked packets what they did. */
	if (!p->rules || !p->rules->wants_accepts || !m->backend->read_live ||
	    edits_are_wanted(p))
		return 0;
	err = host_rules_read(&p->host, m, false, &p->diags);
	return err ? err : places_find(p->host.f, p->rules, &p->stands);
}
