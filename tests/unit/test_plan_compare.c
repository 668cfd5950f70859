/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_plan_compare.c: a plan is lowered and compared with the
 * kernel, once or again, and each place where that can fail.
 */
#include "tests/unit/plan_hosts.h"

/* ---- lowering ---- */

/* Reported once, by however many lowerings, unless a later one fails. */
static void lowering_reports_once(void **state)
{
	_cleanup_(plan_release) struct plan p = { 0 };
	struct part *m;

	(void)state;
	plan_live(&p, WEB);
	m = &p.change.v[0];
	assert_int_equal(plan_lower(&p, m, NULL), 0);
	assert_string_equal(only(&p, ID_NOTHING_DROPS)->msg, "no host");
	assert_false(image_is_empty(m->want));
	assert_int_equal(plan_lower(&p, m, &m->live.survey), 0);
	assert_non_null(m->want);
	assert_int_equal(count(&p, ID_NOTHING_DROPS), 1);
	hosts[0].lower = -FAULT_LACKING;
	assert_int_equal(plan_lower(&p, m, NULL), -FAULT_LACKING);
	assert_non_null(only(&p, ID_INEXPRESSIBLE));
	assert_null(m->want);
	assert_int_equal(hosts[0].lowerings, 3);
}

static void lowering_fails_at_once(void **state)
{
	_cleanup_(plan_release) struct plan p = { 0 };

	(void)state;
	plan_text(&p, WEB);
	hosts[0].lower = -FAULT_LACKING;
	assert_int_equal(plan_choose_offline(&p), 0);
	assert_int_equal(plan_lower(&p, &p.change.v[0], NULL), -FAULT_LACKING);
	assert_non_null(only(&p, ID_INEXPRESSIBLE));
	assert_null(p.change.v[0].want);
}

/* A removal wants nothing, and asks no backend what that is. */
static void lowering_without_rules(void **state)
{
	_cleanup_(plan_release) struct plan p = { .rq = &request };
	struct part *m;

	(void)state;
	assert_int_equal(plan_choose_live(&p), 0);
	m = &p.change.v[0];
	assert_int_equal(plan_lower(&p, m, &m->live.survey), 0);
	assert_true(image_is_empty(m->want));
	assert_int_equal(hosts[0].lowerings, 0);
	assert_int_equal(p.diags.n, 0);
}

/* The record alone decides what is wanted. */
static void lowering_to_the_past(void **state)
{
	_cleanup_(plan_release) struct plan p = { 0 };
	const struct record_part part = { .target = "fake" };
	struct part *m;

	(void)state;
	plan_live(&p, WEB);
	m = &p.change.v[0];
	assert_int_equal(past_read(&one, &part, &m->past, &p.diags), 0);
	assert_int_equal(plan_lower(&p, m, &m->live.survey), 0);
	assert_true(image_is_empty(m->want));
	assert_int_equal(hosts[0].lowerings, 0);
}

/* ---- comparing ---- */

/* What choosing has read is used once; after that the kernel is read again. */
static void comparing_reads_again(void **state)
{
	_cleanup_(plan_release) struct plan p = { 0 };
	struct part *m;
	unsigned int begun = 0;
	size_t steps;

	(void)state;
	plan_live(&p, WEB);
	m = &p.change.v[0];
	assert_int_equal(hosts[0].snapshots, 1);
	assert_int_equal(plan_compare(&p), 0);
	assert_int_equal(hosts[0].snapshots, 1);
	steps = m->changes->n;
	assert_true(steps > 0);
	assert_int_equal(plan_compare(&p), 0);
	assert_int_equal(hosts[0].snapshots, 2);
	assert_int_equal(m->changes->n, steps);
	assert_int_equal(m->backend->commit(m->ctx, m->changes, m->live.stamp,
					    false, &begun, &p.diags), 0);
	assert_int_equal(plan_compare(&p), 0);
	assert_int_equal(hosts[0].snapshots, 3);
	assert_true(changeset_is_empty(m->changes));
}

static void comparing_cannot_read(void **state)
{
	_cleanup_(plan_release) struct plan p = { 0 };
	const struct part *m;

	(void)state;
	plan_live(&p, WEB);
	m = &p.change.v[0];
	assert_int_equal(plan_compare(&p), 0);
	hosts[0].snapshot = -EIO;
	assert_int_equal(plan_compare(&p), -EIO);
	assert_non_null(only(&p, ID_NFT_UNREADABLE));
	assert_null(m->live.image);
	assert_null(m->changes);
	assert_int_equal(hosts[0].lowerings, 1);
	hosts[0].snapshot = 0;
	assert_int_equal(plan_compare(&p), 0);
	assert_non_null(m->changes);
}

static void comparing_cannot_lower(void **state)
{
	_cleanup_(plan_release) struct plan p = { 0 };

	(void)state;
	plan_live(&p, WEB);
	hosts[0].lower = -FAULT_LACKING;
	assert_int_equal(plan_compare(&p), -FAULT_LACKING);
	assert_null(p.change.v[0].changes);
	assert_null(p.change.v[0].want);
}

/*
 * Where nobody else wrote, what was wanted is what is verified; the steps that
 * were made outlive it.
 */
static void comparing_lowers_once(void **state)
{
	_cleanup_(plan_release) struct plan p = { 0 };
	struct progress progress;
	struct part *m;

	(void)state;
	plan_live(&p, WEB);
	m = &p.change.v[0];
	assert_int_equal(plan_compare(&p), 0);
	assert_false(changeset_is_empty(m->changes));
	assert_int_equal(change_commit(&p.change, &progress, &p.diags), 0);
	assert_true(m->wrote);
	m->made = TAKE_PTR(m->changes);
	m->before = TAKE_PTR(m->live.image);
	snapshot_release(&m->live);
	hosts[0].untouched = true;
	assert_int_equal(plan_compare(&p), 0);
	assert_true(changeset_is_empty(m->changes));
	assert_false(m->wrote);
	assert_int_equal(hosts[0].lowerings, 1);
	assert_null(m->made_want);
	hosts[0].untouched = false;
	assert_int_equal(plan_compare(&p), 0);
	assert_int_equal(hosts[0].lowerings, 2);
	assert_ptr_equal(m->made_want, m->made->want);
	assert_ptr_not_equal(m->want, m->made_want);
}

static void comparing_several_parts(void **state)
{
	_cleanup_(plan_release) struct plan p = { 0 };
	struct part *m;

	(void)state;
	assert_int_equal(plan_compare(&p), 0);
	plan_text(&p, WEB);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(change_add(&p.change, backends[i], &m), 0);
		assert_int_equal(backends[i]->open(&m->ctx, &p.diags), 0);
	}
	assert_int_equal(plan_compare(&p), 0);
	assert_true(p.change.v[0].changes->n > 0);
	assert_true(p.change.v[1].changes->n > 0);
	hosts[0].snapshot = -EIO;
	assert_int_equal(plan_compare(&p), -EIO);
	assert_int_equal(hosts[0].snapshots, 2);
	assert_int_equal(hosts[1].snapshots, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lowering_reports_once),
		TEST(lowering_fails_at_once),
		TEST(lowering_without_rules),
		TEST(lowering_to_the_past),
		TEST(comparing_reads_again),
		TEST(comparing_cannot_read),
		TEST(comparing_cannot_lower),
		TEST(comparing_lowers_once),
		TEST(comparing_several_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
