/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/host_rules.h"

#include <errno.h>
#include <stdlib.h>

#include "audit/own.h"
#include "core/mem.h"
#include "engine/live_rules.h"
#include "rules/image_foreign.h"

void host_rules_release(struct host_rules *h)
{
	foreign_free(&h->f);
	free(h->position);
	*h = (struct host_rules){ 0 };
}

static int begin(struct host_rules *h)
{
	h->f = calloc(1, sizeof(*h->f));
	if (!h->f)
		return -ENOMEM;
	h->f->wants_terms = true;
	h->f->without_own = true;
	return 0;
}

/* Of the rules that were read last: a kernel lists them in their order. */
static int note_positions(struct host_rules *h)
{
	_cleanup_free_ uint32_t *seen = calloc(h->f->n_chains + 1,
					       sizeof(*seen));

	if (!seen || mem_grow(&h->position, &h->cap, h->f->n_rules + 1))
		return -ENOMEM;
	for (; h->n < h->f->n_rules; h->n++) {
		const struct foreign_rule *r = &h->f->rules[h->n];

		h->position[h->n] = foreign_is_gone(r) ? 0 : ++seen[r->chain];
	}
	return 0;
}

static int end(struct host_rules *h)
{
	int err = note_positions(h);

	if (!err)
		own_take_out(h->f);
	return err;
}

int host_rules_read(struct host_rules *h, const struct part *m,
		    bool originals, struct diags *d)
{
	int err;

	host_rules_release(h);
	err = begin(h);
	if (!err) {
		h->f->wants_originals = originals;
		err = m->backend->read_live(m->ctx, h->f, d);
	}
	if (!err)
		err = end(h);
	if (err)
		host_rules_release(h);
	else
		h->only = m->backend;
	return err;
}

/* Where the text says no places, they stand in their chains' order. */
static int note_places(struct host_rules *h)
{
	int err = note_positions(h);

	for (size_t i = 0; !err && i < h->n; i++) {
		uint32_t at = foreign_position(h->f, &h->f->rules[i]);

		if (at)
			h->position[i] = at;
	}
	return err;
}

int host_rules_of_text(struct host_rules *h, const struct backend *b,
		       const char *file, struct foreign **f)
{
	_cleanup_(diags_release) struct diags unsaid = { 0 };
	int err;

	host_rules_release(h);
	h->f = TAKE_PTR(*f);
	h->f->wants_terms = true;
	err = b->read_foreign(file, h->f, &unsaid);
	if (err == -ENOMEM)
		return err;
	err = note_places(h);
	if (!err)
		err = foreign_set_world(h->f, b->world);
	own_take_out(h->f);
	return err;
}

int host_rules_complete(struct host_rules *h, struct diags *d)
{
	bool read = h->f;
	int err = 0;

	if (read && !h->only)
		return 0;
	if (!read)
		err = begin(h);
	if (!err)
		err = live_rules_read_but(h->only, h->f, d);
	if (!err)
		err = end(h);
	if (err)
		host_rules_release(h);
	else
		h->only = NULL;
	return err;
}

static bool is_replaced(const struct foreign *f, const struct foreign_rule *r)
{
	(void)f;
	return r->stand_in;
}

int host_rules_put_wanted(struct host_rules *h, const struct change *c)
{
	int err = 0;

	foreign_take_out(h->f, is_replaced);
	for (size_t i = 0; !err && i < c->n; i++)
		err = image_add_to_foreign(c->v[i].want, c->v[i].backend->world,
					   c->v[i].backend->add_words,
					   h->f);
	return err;
}

bool host_rules_exist(const struct host_rules *h)
{
	for (uint32_t i = 0; i < h->f->n_chains; i++)
		if (h->f->chains[i].n_rules ||
		    foreign_drops_rest(&h->f->chains[i]))
			return true;
	return false;
}
