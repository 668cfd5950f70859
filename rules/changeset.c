/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rules/changeset.h"

#include <string.h>

#include "core/mem.h"
#include "rules/chain_diff.h"

struct build {
	struct changeset *cs;
	const struct image *want, *live;
	const struct image_table *table;	/* of live for deletions */
	int err;
};

static enum phase phase_of(enum stage stage, bool add)
{
	static const enum phase out[] = {
		[STAGE_ACCEPT] = PHASE_DEL_ACCEPT,
		[STAGE_NOTRACK_REQUEST] = PHASE_DEL_NOTRACK_REQUEST,
		[STAGE_NOTRACK_REPLY] = PHASE_DEL_NOTRACK_REPLY,
		[STAGE_NOTRACK_BOTH] = PHASE_DEL_NOTRACK_REQUEST,
	};
	_Static_assert(ARRAY_SIZE(out) == STAGE_MAX_, "a stage has no phase");

	if (!add)
		return out[stage];
	return stage == STAGE_ACCEPT ? PHASE_ADD_ACCEPT : PHASE_ADD_NOTRACK;
}

static struct step *push(struct build *b, enum step_kind kind, bool add,
			 enum phase phase)
{
	struct changeset *cs = b->cs;
	struct step *s;

	if (b->err)
		return NULL;
	b->err = mem_grow(&cs->steps, &cs->cap, cs->n + 1);
	if (b->err)
		return NULL;
	s = &cs->steps[cs->n++];
	*s = (struct step){
		.kind = kind, .add = add, .phase = phase, .table = b->table,
		.n = 1,
	};
	return s;
}

static void push_set(struct build *b, const struct image_set *set, bool add,
		     enum phase phase)
{
	struct step *s = push(b, STEP_SET, add, phase);

	if (s)
		s->set = set;
}

/* Is element i of the set the next one of the step? */
static bool goes_on(const struct step *s, const struct image_set *set,
		    size_t i, bool add, bool replaces)
{
	const struct elems *e = &set->elems;

	return s->kind == STEP_ELEMENT && s->set == set && s->add == add &&
	       s->replaces == replaces && s->elem + s->n == i &&
	       elems_origin(e, s->elem) == elems_origin(e, i);
}

static void push_elem(struct build *b, const struct image_set *set, size_t i,
		      bool add, bool replaces)
{
	struct step *last = b->cs->n ? &b->cs->steps[b->cs->n - 1] : NULL;
	struct step *s;

	if (last && goes_on(last, set, i, add, replaces)) {
		last->n++;
		return;
	}
	s = push(b, STEP_ELEMENT, add, phase_of(set->stage, add));
	if (s) {
		s->set = set;
		s->elem = (uint32_t)i;
		s->replaces = replaces;
	}
}

static void add_set(struct build *b, const struct image_set *set)
{
	push_set(b, set, true, phase_of(set->stage, true));
	for (size_t i = 0; i < set->elems.n; i++)
		push_elem(b, set, i, true, false);
}

/* Both sides are sorted: one walk. */
static void diff_elems(struct build *b, const struct image_set *want,
		       const struct image_set *live)
{
	const struct elems *w = &want->elems, *l = &live->elems;
	const struct origin *last_w = NULL, *last_l = NULL;
	bool same = true;	/* no origin on either side */
	size_t i = 0, k = 0;

	while (!b->err && (i < w->n || k < l->n)) {
		int c = i == w->n ? 1 : k == l->n ? -1 :
			elems_cmp(w, i, l, k);

		if (c < 0) {
			push_elem(b, want, i++, true, false);
		} else if (c > 0) {
			push_elem(b, live, k++, false, false);
		} else {
			const struct origin *now_w = elems_origin(w, i);
			const struct origin *now_l = elems_origin(l, k);

			if (now_w != last_w || now_l != last_l) {
				last_w = now_w;
				last_l = now_l;
				same = origin_same_comment(last_w, last_l);
			}
			if (!same)
				push_elem(b, want, i, true, true);
			i++;
			k++;
		}
	}
}

static void diff_sets(struct build *b, const struct image_table *want,
		      const struct image_table *live)
{
	for (size_t i = 0; want && i < want->n_sets; i++) {
		const struct image_set *w = &want->sets[i];
		const struct image_set *l =
			live ? image_find_set(live, w->name) : NULL;

		b->table = want;
		if (l && image_set_fits(w, l)) {
			diff_elems(b, w, l);
			continue;
		}
		/*
		 * Names spell the shape, so another shape under the name is
		 * somebody's handiwork: it makes way before anything is added.
		 */
		if (l) {
			b->table = live;
			push_set(b, l, false, PHASE_ADD_ACCEPT);
			b->table = want;
		}
		add_set(b, w);
	}
	b->table = live;
	for (size_t i = 0; live && i < live->n_sets; i++)
		if (!want || !image_find_set(want, live->sets[i].name))
			push_set(b, &live->sets[i], false,
				 phase_of(live->sets[i].stage, false));
}

static void push_rule(struct build *b, const struct image_chain *c,
		      const struct image_rule *r, bool add,
		      const struct image_rule *before)
{
	enum phase phase = phase_of(r->stage, add);
	struct step *s;

	/*
	 * What rules of both directions lead to, or what leads to them, waits
	 * for the last of these.
	 */
	if ((r->verdict == VERDICT_JUMP || r->verdict == VERDICT_WORDS) &&
	    phase == PHASE_DEL_NOTRACK_REQUEST)
		phase = PHASE_DEL_NOTRACK_REPLY;
	s = push(b, STEP_RULE, add, phase);
	if (s) {
		s->chain = c;
		s->rule = r;
		s->before = before;
	}
}

static void push_chain(struct build *b, const struct image_chain *c, bool add)
{
	struct step *s;

	if (c->foreign)
		return;
	s = push(b, STEP_CHAIN, add, add ? phase_of(c->stage, true) :
		 c->stage == STAGE_ACCEPT ? PHASE_DEL_ACCEPT :
					    PHASE_DEL_NOTRACK_REPLY);
	if (s)
		s->chain = c;
}

static bool set_is_reshaped(const struct image_table *want,
			    const struct image_table *live, const char *name)
{
	const struct image_set *w = image_find_set(want, name);
	const struct image_set *l = image_find_set(live, name);

	return w && l && !image_set_fits(w, l);
}

static bool is_reshaped(const struct image_table *want,
			const struct image_table *live,
			const struct image_rule *r)
{
	if (!want || !live)
		return false;
	for (unsigned int i = 0; i < r->n_lookups; i++)
		if (set_is_reshaped(want, live, r->lookup[i].set))
			return true;
	return r->verdict == VERDICT_TIMERS &&
	       set_is_reshaped(want, live, r->target);
}

/* A rule in the way of a set's new shape leaves before anything is added. */
static void drop_rule(struct build *b, const struct image_chain *c,
		      const struct image_rule *r, bool in_the_way)
{
	push_rule(b, c, r, false, NULL);
	if (!b->err && in_the_way)
		b->cs->steps[b->cs->n - 1].phase = PHASE_ADD_ACCEPT;
}

/* Is there a rule that no live one serves as? */
static bool is_any_added(const struct image_chain *want, const size_t *kept)
{
	for (size_t i = 0; i < want->n_rules; i++)
		if (kept[i] == SIZE_MAX)
			return true;
	return false;
}

/* A rule of the host's comes back: what is counted behind it comes after. */
static void drop_rules(struct build *b, const struct image_table *wt,
		       const struct image_chain *want,
		       const struct image_chain *live, const size_t *kept)
{
	bool adds = is_any_added(want, kept);

	for (size_t k = 0, i = 0; k < live->n_rules; k++) {
		const struct image_rule *r = &live->rules[k];

		while (i < want->n_rules && kept[i] == SIZE_MAX)
			i++;
		if (i < want->n_rules && kept[i] == k)
			i++;
		else
			drop_rule(b, live, r, is_reshaped(wt, b->table, r) ||
					      (r->original && adds));
	}
}

static void add_rules(struct build *b, const struct image_chain *want,
		      const struct image_chain *live, const size_t *kept)
{
	size_t next = 0;		/* of want's: one that is kept */

	for (size_t i = 0; i < want->n_rules; i++) {
		if (kept[i] != SIZE_MAX)
			continue;
		for (next = next > i ? next : i; next < want->n_rules; next++)
			if (kept[next] != SIZE_MAX)
				break;
		push_rule(b, want, &want->rules[i], true,
			  next < want->n_rules ? &live->rules[kept[next]] :
						 NULL);
	}
}

static void diff_chain(struct build *b, const struct image_table *wt,
		       const struct image_table *lt,
		       const struct image_chain *want,
		       const struct image_chain *live)
{
	_cleanup_free_ size_t *kept = NULL;

	if (!b->err)
		b->err = chain_match(want, live, &kept);
	if (b->err)
		return;
	for (size_t i = 0; i < want->n_rules; i++)
		if (kept[i] != SIZE_MAX && is_reshaped(wt, lt, &want->rules[i]))
			kept[i] = SIZE_MAX;
	b->table = lt;
	drop_rules(b, wt, want, live, kept);
	b->table = wt;
	add_rules(b, want, live, kept);
}

/* Hooked elsewhere, or otherwise, than it must be: somebody's handiwork. */
static bool is_rehooked(const struct image_chain *want,
			const struct image_chain *live)
{
	return !want->foreign && (want->base != live->base ||
				  (want->base && want->hook != live->hook));
}

static void diff_chains(struct build *b, const struct image_table *want,
			const struct image_table *live)
{
	static const struct image_chain none;

	for (size_t i = 0; want && i < want->n_chains; i++) {
		const struct image_chain *c = &want->chains[i];
		const struct image_chain *l =
			live ? image_find_chain(live, c->name) : NULL;

		if (l && is_rehooked(c, l)) {
			diff_chain(b, want, live, &none, l);
			b->table = live;
			push_chain(b, l, false);
			l = NULL;
		}
		b->table = want;
		if (!l)
			push_chain(b, c, true);
		diff_chain(b, want, live, c, l ? l : &none);
	}
	for (size_t i = 0; live && i < live->n_chains; i++) {
		const struct image_chain *c = &live->chains[i];

		if (want && image_find_chain(want, c->name))
			continue;
		diff_chain(b, want, live, &none, c);
		b->table = live;
		push_chain(b, c, false);
	}
}

static void diff_table(struct build *b, const struct image_table *want,
		       const struct image_table *live)
{
	b->table = want ? want : live;
	if (want && want->owned && (!live || live->asleep))
		push(b, STEP_TABLE, true, PHASE_ADD_ACCEPT);
	diff_sets(b, want, live);
	diff_chains(b, want, live);
	b->table = live;
	if (!want && live->owned)
		push(b, STEP_TABLE, false, PHASE_DEL_ACCEPT);
}

/*
 * Inside a phase: tables, sets, elements and chains are there before the
 * rules that use them, and go after them. What leads there from the host's
 * chains comes after the rules of its chain and goes before them.
 */
static int rank_of(const struct step *s)
{
	bool jump = s->kind == STEP_RULE && s->chain->foreign;
	static const int in[] = {
		[STEP_TABLE] = 0, [STEP_SET] = 1, [STEP_ELEMENT] = 2,
		[STEP_CHAIN] = 3, [STEP_RULE] = 4,
	};
	_Static_assert(ARRAY_SIZE(in) == STEP_KIND_MAX_, "a kind has no rank");
	int rank = in[s->kind] + jump;

	return s->add ? rank : -rank;
}

#define RANKS 11	/* -5 to 5, as rank_of() gives them */

static size_t place_of(const struct step *s)
{
	return (size_t)s->phase * RANKS + (size_t)(rank_of(s) + RANKS / 2);
}

/* Where each of them goes: to[i] says it of step i. */
static void move_steps(struct step *v, uint32_t *to, size_t n)
{
	for (size_t i = 0; i < n; i++)
		while (to[i] != i) {
			uint32_t at = to[i];
			struct step other = v[at];

			v[at] = v[i];
			v[i] = other;
			to[i] = to[at];
			to[at] = at;
		}
}

/* By phase, then rank, else as found: many steps, few places. */
static int order_steps(struct changeset *cs)
{
	_cleanup_free_ uint32_t *to = calloc(cs->n + 1, sizeof(*to));
	uint32_t next[PHASE_MAX_ * RANKS + 1] = { 0 };

	if (!to)
		return -ENOMEM;
	for (size_t i = 0; i < cs->n; i++)
		next[place_of(&cs->steps[i]) + 1]++;
	for (size_t i = 1; i < ARRAY_SIZE(next); i++)
		next[i] += next[i - 1];
	for (size_t i = 0; i < cs->n; i++)
		to[i] = next[place_of(&cs->steps[i])]++;
	move_steps(cs->steps, to, cs->n);
	return 0;
}

static void diff_images(struct build *b)
{
	for (size_t i = 0; i < b->want->n_tables; i++) {
		const struct image_table *t = &b->want->tables[i];

		diff_table(b, t, image_find_table(b->live, t->family, t->name));
	}
	for (size_t i = 0; i < b->live->n_tables; i++) {
		const struct image_table *t = &b->live->tables[i];

		if (!image_find_table(b->want, t->family, t->name))
			diff_table(b, NULL, t);
	}
}

int changeset_diff(const struct image *want, const struct image *live,
		   struct changeset **ret)
{
	_cleanup_(changeset_free) struct changeset *cs = calloc(1, sizeof(*cs));
	struct build b = { .cs = cs, .want = want, .live = live };

	if (!cs)
		return -ENOMEM;
	cs->want = want;
	cs->live = live;
	diff_images(&b);
	if (!b.err)
		b.err = order_steps(cs);
	if (b.err)
		return b.err;
	*ret = TAKE_PTR(cs);
	return 0;
}

bool changeset_is_empty(const struct changeset *cs)
{
	return cs->n == 0;
}

size_t changeset_count(const struct changeset *cs)
{
	size_t n = 0;

	for (size_t i = 0; i < cs->n; i++)
		n += cs->steps[i].n;
	return n;
}

const struct step *changeset_next(const struct changeset *cs,
				  struct step_walk *w)
{
	if (w->i < cs->n && w->k == cs->steps[w->i].n) {
		w->i++;
		w->k = 0;
	}
	if (w->i == cs->n)
		return NULL;
	w->now = cs->steps[w->i];
	w->now.elem += w->k++;
	w->now.n = 1;
	return &w->now;
}

bool step_is_notrack(const struct step *s, bool add)
{
	return add ? s->phase == PHASE_ADD_NOTRACK :
		     s->phase == PHASE_DEL_NOTRACK_REQUEST ||
		     s->phase == PHASE_DEL_NOTRACK_REPLY;
}

const struct origin *step_origin(const struct step *s)
{
	static const struct origin nobody;
	const struct origin *o = NULL;

	if (s->kind == STEP_RULE)
		o = s->rule->origin;
	else if (s->kind == STEP_ELEMENT)
		o = elems_origin(&s->set->elems, s->elem);
	return o ? o : &nobody;
}

void changeset_free(struct changeset **cs)
{
	if (!*cs)
		return;
	free((*cs)->steps);
	free(*cs);
	*cs = NULL;
}
