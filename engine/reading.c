/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/reading.h"

#include "core/mem.h"

struct guess {
	const struct plan *plan;
	const struct backend *backend;
	const struct image *known;
	struct image *made;
};

/* Asked for only where the kernel holds a set so large that it pays. */
static const struct image *find(void *arg)
{
	_cleanup_(diags_release) struct diags unsaid = { 0 };
	struct guess *g = arg;

	if (!g->known && g->plan->rules &&
	    !g->backend->lower(g->plan->rules, NULL, NULL, &g->made, &unsaid))
		g->known = g->made;
	return g->known;
}

int reading_take(struct plan *p, const struct backend *b,
		 struct backend_ctx *ctx, const struct image *known,
		 bool wrote, struct snapshot *ret, struct diags *d)
{
	struct guess g = { p, b, known, NULL };
	struct expectation e = { find, &g, wrote };
	int err;

	if (b->expect)
		b->expect(ctx, &e);
	err = b->snapshot(ctx, ret, d);
	if (b->expect)
		b->expect(ctx, NULL);
	image_free(&g.made);
	return err;
}
