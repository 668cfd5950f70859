/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_change.c: a change of two parts. They take turns, phase by
 * phase, and whichever commit fails, both kernels are as before.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/mem.h"
#include "engine/transaction.h"
#include "tests/contract/fake.h"

#define HEAD "version: 1\nstate_matching: allowed\nuntracked:\n"
#define BEFORE HEAD \
	"- {name: dns, role: server, protocol: udp, ports: [53], accept: open}\n"
#define AFTER HEAD \
	"- {name: web, role: server, protocol: tcp, ports: [80], accept: open}\n"

/* Accepts in, NOTRACK in, NOTRACK out, accepts out. */
#define TURNS 4
#define COMMITS_MAX 64

/* Each commit, in the order in which they came. */
static struct {
	size_t part;
	enum phase first, last;
} seen[COMMITS_MAX];
static size_t n_seen;

/* What goes wrong; commits count from 1. */
static struct {
	size_t at, to;		/* these commits fail */
	int err;
	bool unbegun;		/* before the kernel hears of it */
} wrong;

static int commit(size_t part, const struct backend *b,
		  struct backend_ctx *ctx, const struct changeset *cs,
		  struct stamp stamp, unsigned int *begun, struct diags *d)
{
	assert_in_range(n_seen, 0, COMMITS_MAX - 1);
	assert_true(cs->n > 0);
	seen[n_seen].part = part;
	seen[n_seen].first = cs->steps[0].phase;
	seen[n_seen].last = cs->steps[cs->n - 1].phase;
	n_seen++;
	if (n_seen < wrong.at || n_seen > wrong.to)
		return b->commit(ctx, cs, stamp, false, begun, d);
	if (!wrong.unbegun)
		*begun |= BEGUN_TOLD;
	return diag_add(d, DIAG_ERROR, wrong.err, ID_STEP_REFUSED, NOPOS,
			"no");
}

static int commit_one(struct backend_ctx *ctx, const struct changeset *cs,
		      struct stamp stamp, bool check_only,
		      unsigned int *begun, struct diags *d)
{
	(void)check_only;
	return commit(0, &backend_fake, ctx, cs, stamp, begun, d);
}

static int commit_two(struct backend_ctx *ctx, const struct changeset *cs,
		      struct stamp stamp, bool check_only,
		      unsigned int *begun, struct diags *d)
{
	(void)check_only;
	return commit(1, &backend_fake_other, ctx, cs, stamp, begun, d);
}

static struct backend one, two;
const struct backend *const backends[] = { &one, &two, NULL };
const bool backends_are_complete = true;

static const struct request request = { .command = "apply" };

static void add_part(struct plan *p, const struct backend *b)
{
	struct part *m;

	assert_int_equal(change_add(&p->change, b, &m), 0);
	assert_int_equal(b->open(&m->ctx, &p->diags), 0);
}

static void plan_text(struct plan *p, const char *text, bool both)
{
	*p = (struct plan){ .rq = &request };
	add_part(p, &one);
	if (both)
		add_part(p, &two);
	assert_int_equal(policy_parse("p.yaml", text, strlen(text), &p->policy,
				      &p->diags), 0);
	assert_int_equal(generate(p->policy, &host_facts_default, &p->rules,
				  &p->diags), 0);
	assert_int_equal(plan_compare(p), 0);
}

/* Do both kernels hold just what this policy says? */
static bool kernels_are(const char *text)
{
	_cleanup_(plan_release) struct plan p = { 0 };

	plan_text(&p, text, true);
	return change_is_empty(&p.change);
}

static struct transaction apply(const char *text, bool both)
{
	_cleanup_(plan_release) struct plan p = { 0 };
	struct transaction t;

	n_seen = 0;
	plan_text(&p, text, both);
	transact(&p, &t);
	return t;
}

static int setup(void **state)
{
	(void)state;
	one = backend_fake;
	one.commit = commit_one;
	two = backend_fake_other;
	two.commit = commit_two;
	memset(&wrong, 0, sizeof(wrong));
	fake_reset();
	assert_int_equal(apply(BEFORE, true).outcome, OUTCOME_CHANGED);
	assert_true(kernels_are(BEFORE));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fake_reset();
	return 0;
}

static size_t turn_of(enum phase p)
{
	return p <= PHASE_ADD_ACCEPT ? 0 : p == PHASE_ADD_NOTRACK ? 1 :
	       p == PHASE_DEL_ACCEPT ? 3 : 2;
}

static void test_parts_take_turns(void **state)
{
	(void)state;
	assert_int_equal(apply(AFTER, true).outcome, OUTCOME_CHANGED);
	assert_true(kernels_are(AFTER));
	assert_int_equal(n_seen, 2 * TURNS);
	for (size_t i = 0; i < n_seen; i++) {
		assert_int_equal(turn_of(seen[i].first), i / 2);
		assert_int_equal(turn_of(seen[i].last), i / 2);
		assert_int_equal(seen[i].part, i % 2);
	}
}

/* A part that is alone is one commit, which a backend may make atomic. */
static void test_alone_is_one_commit(void **state)
{
	(void)state;
	assert_int_equal(apply(AFTER, false).outcome, OUTCOME_CHANGED);
	assert_int_equal(n_seen, 1);
	assert_int_equal(apply(AFTER, true).outcome, OUTCOME_CHANGED);
	assert_int_equal(n_seen, 1);
	assert_int_equal(seen[0].part, 1);
	assert_true(kernels_are(AFTER));
	assert_int_equal(apply(AFTER, true).outcome, OUTCOME_UNCHANGED);
	assert_int_equal(n_seen, 0);
}

/* In each turn, of either part, whether or not its kernel heard of it. */
static void test_any_commit_fails(void **state)
{
	static const struct {
		int err;
		bool unbegun;
	} ways[] = {
		{ -EIO, false }, { -EPERM, true }, { -FAULT_BUSY, true },
	};

	(void)state;
	for (size_t at = 2; at <= 2 * TURNS; at++)
		for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
			struct transaction t;

			wrong.at = wrong.to = at;
			wrong.err = ways[i].err;
			wrong.unbegun = ways[i].unbegun;
			t = apply(AFTER, true);
			assert_int_equal(t.outcome, OUTCOME_RESTORED);
			assert_int_equal(t.err, wrong.err);
			wrong.at = wrong.to = 0;
			assert_true(kernels_are(BEFORE));
		}
}

static void test_never_begun(void **state)
{
	struct transaction t;

	(void)state;
	wrong.at = wrong.to = 1;
	wrong.err = -FAULT_BUSY;
	wrong.unbegun = true;
	t = apply(AFTER, true);
	assert_int_equal(t.outcome, OUTCOME_REFUSED);
	assert_int_equal(t.err, -FAULT_BUSY);
	assert_int_equal(n_seen, 1);
	assert_true(kernels_are(BEFORE));
}

/* Planned again before anything is done; undone once something is. */
static void test_stale(void **state)
{
	(void)state;
	wrong.err = -FAULT_STALE;
	wrong.unbegun = true;
	wrong.at = wrong.to = 1;
	assert_int_equal(apply(AFTER, true).outcome, OUTCOME_CHANGED);
	assert_int_equal(n_seen, 1 + 2 * TURNS);
	assert_true(kernels_are(AFTER));
	wrong.at = wrong.to = 4;
	assert_int_equal(apply(BEFORE, true).outcome, OUTCOME_RESTORED);
	wrong.at = wrong.to = 0;
	assert_true(kernels_are(AFTER));
}

static void test_no_way_back(void **state)
{
	(void)state;
	wrong.at = 3;
	wrong.to = SIZE_MAX;
	wrong.err = -EIO;
	assert_int_equal(apply(AFTER, true).outcome, OUTCOME_NOT_RESTORED);
	assert_false(kernels_are(BEFORE));
	assert_false(kernels_are(AFTER));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_parts_take_turns, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_alone_is_one_commit,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_any_commit_fails, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_never_begun, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_stale, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_way_back, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
