/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_explain_prove.c: when a proof contradicts a walk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "cli/audit/explain_prove.h"

struct lab {
	struct prove_case one;
	struct prove x;
	struct walk walk, reply;
	struct explain_report r;
	struct diags d;
};

static void begin(struct lab *l)
{
	*l = (struct lab){ .one = { .asked = true } };
	l->one.now.tried = true;
	l->one.call.way = WAY_IN;
	l->x.n_runs = 1;
	l->x.runs[0].tells_tracking = true;
	l->x.runs[0].cases = (struct cases){ .v = &l->one, .n = 1 };
	l->r.at.tracking = TRUTH_YES;
	l->r.walk = &l->walk;
	l->r.reply = &l->reply;
}

static void says(struct walk *w, enum truth tracked, uint8_t outcome)
{
	w->tracked = tracked;
	w->outcome = outcome;
}

static void sees(struct lab *l, int i, unsigned int tracked,
		 unsigned int untracked, unsigned int passed)
{
	l->one.now.leg[i] = (struct seen_leg){
		.begun = tracked + untracked, .tracked = tracked,
		.untracked = untracked, .passed = passed,
	};
}

/* How often they contradict each other. */
static size_t differ(struct lab *l)
{
	size_t n;

	assert_int_equal(explain_proof_compare(&l->r, &l->x, &l->d), 0);
	n = l->d.n;
	for (size_t i = 0; i < n; i++)
		assert_true(diags_has(&l->d, ID_PROOF_DIFFERS));
	diags_release(&l->d);
	return n;
}

static void test_agrees(void **state)
{
	struct lab l;

	(void)state;
	begin(&l);
	says(&l.walk, TRUTH_NO, WALK_ACCEPTED);
	says(&l.reply, TRUTH_NO, WALK_ACCEPTED);
	sees(&l, 0, 0, 3, 3);
	sees(&l, 1, 0, 2, 2);
	assert_int_equal(differ(&l), 0);
	/* a later packet says nothing of the first */
	sees(&l, 0, 0, 3, 1);
	assert_int_equal(differ(&l), 0);
	/* a reply that never came says nothing */
	sees(&l, 1, 0, 0, 0);
	says(&l.reply, TRUTH_YES, WALK_DROPPED);
	assert_int_equal(differ(&l), 0);
}

static void test_differs(void **state)
{
	struct lab l;

	(void)state;
	begin(&l);
	says(&l.walk, TRUTH_NO, WALK_ACCEPTED);
	says(&l.reply, TRUTH_YES, WALK_DROPPED);
	sees(&l, 0, 1, 0, 1);
	sees(&l, 1, 0, 0, 0);
	assert_int_equal(differ(&l), 1);
	sees(&l, 0, 0, 1, 0);
	assert_int_equal(differ(&l), 1);
	sees(&l, 0, 0, 1, 1);
	sees(&l, 1, 1, 0, 1);
	assert_int_equal(differ(&l), 1);
	says(&l.reply, TRUTH_YES, WALK_ACCEPTED);
	sees(&l, 1, 0, 1, 1);
	assert_int_equal(differ(&l), 1);
}

static void test_doubt(void **state)
{
	struct lab l;

	(void)state;
	begin(&l);
	l.r.reply = NULL;
	says(&l.walk, TRUTH_MAYBE, WALK_UNKNOWN);
	sees(&l, 0, 1, 0, 0);
	assert_int_equal(differ(&l), 0);
	sees(&l, 0, 0, 1, 1);
	assert_int_equal(differ(&l), 0);
	/* in the copy conntrack is at work, and on the host it is not */
	l.r.at.tracking = TRUTH_NO;
	says(&l.walk, TRUTH_NO, WALK_ACCEPTED);
	sees(&l, 0, 1, 0, 1);
	assert_int_equal(differ(&l), 0);
	l.one.now.tried = false;
	says(&l.walk, TRUTH_NO, WALK_DROPPED);
	assert_int_equal(differ(&l), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_agrees),
		cmocka_unit_test(test_differs),
		cmocka_unit_test(test_doubt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
