/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/placing.h"

#include <errno.h>
#include <stdlib.h>

#include "audit/own.h"
#include "audit/places.h"
#include "core/mem.h"

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
	_cleanup_(foreign_free) struct foreign *f = NULL;
	int err;

	stands_release(&p->stands);
	if (!p->rules || !p->rules->wants_accepts || !m->backend->read_live)
		return 0;
	f = calloc(1, sizeof(*f));
	if (!f)
		return -ENOMEM;
	f->wants_terms = true;
	err = m->backend->read_live(m->ctx, f, &p->diags);
	if (err)
		return err;
	own_take_out(f);
	return places_find(f, p->rules, &p->stands);
}
