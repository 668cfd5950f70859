/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/reading.h"

#include <errno.h>

#include "core/mem.h"
#include "engine/peek.h"

struct guess {
	const struct plan *plan;
	const struct backend *backend;
	const struct image *known;
	struct image *made;
	bool tried;
	struct plan kept;	/* by the policy that was applied last */
	struct request asked;	/* ... and as it was to be applied */
};

static int find_newest(const struct plan *p, struct record *ret)
{
	_cleanup_(diags_release) struct diags unsaid = { 0 };
	_cleanup_(state_close) struct state *own = NULL;
	struct state *state = NULL;
	int err = peek_open(p, &own, &state);

	if (err || !state)
		return err ? err : -ENOENT;
	return state_newest(state, ret, &unsaid);
}

/* Where no rules are asked for: those that most likely are there. */
static const struct ruleset *find_kept(struct guess *g)
{
	_cleanup_(record_release) struct record newest = { 0 };

	if (find_newest(g->plan, &newest) ||
	    plan_load_kept(&g->kept, &g->asked, &newest))
		return NULL;
	return g->kept.rules;
}

/* Asked for only where the kernel holds a set so large that it pays. */
static const struct image *find(void *arg)
{
	_cleanup_(diags_release) struct diags unsaid = { 0 };
	const struct ruleset *rules;
	struct guess *g = arg;

	if (g->known || g->tried)
		return g->known;
	g->tried = true;
	rules = g->plan->rules ? g->plan->rules : find_kept(g);
	if (rules && !g->backend->lower(rules, NULL, NULL, &g->made, &unsaid))
		g->known = g->made;
	return g->known;
}

int reading_take(struct plan *p, const struct backend *b,
		 struct backend_ctx *ctx, const struct image *known,
		 bool wrote, struct snapshot *ret, struct diags *d)
{
	struct guess g = {
		.plan = p, .backend = b, .known = known,
		.asked = { .command = "diff", .state_dir = p->rq->state_dir },
	};
	struct expectation e = { find, &g, wrote };
	int err;

	if (b->expect)
		b->expect(ctx, &e);
	err = b->snapshot(ctx, ret, d);
	if (b->expect)
		b->expect(ctx, NULL);
	image_free(&g.made);
	plan_release(&g.kept);
	return err;
}

int reading_live(const char *state_dir, const struct backend *b,
		 struct backend_ctx *ctx, struct foreign *f, struct diags *d)
{
	const struct request rq = { .state_dir = state_dir };
	const struct plan nothing = { .rq = &rq };
	struct guess g = {
		.plan = &nothing, .backend = b,
		.asked = { .command = "diff", .state_dir = state_dir },
	};
	struct expectation e = { find, &g, false };
	int err;

	if (b->expect && state_dir)
		b->expect(ctx, &e);
	err = b->read_live(ctx, f, d);
	if (b->expect && state_dir)
		b->expect(ctx, NULL);
	image_free(&g.made);
	plan_release(&g.kept);
	return err;
}
