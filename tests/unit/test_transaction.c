/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_transaction.c: what transact() says and what the kernel then
 * holds must agree, whatever goes wrong on the way. The kernel is
 * tests/contract/fake.h; the backend here wraps it, to go wrong at one commit
 * or from one on.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/cli.h"
#include "cli/output/report.h"
#include "core/mem.h"
#include "engine/transaction.h"
#include "tests/contract/fake.h"

#define HEAD "version: 1\nstate_matching: allowed\nuntracked:\n"
#define BEFORE HEAD \
	"- {name: dns, role: server, protocol: udp, ports: [53], accept: open}\n"
#define AFTER HEAD \
	"- {name: web, role: server, protocol: tcp, ports: [80, 81], accept: open}\n" \
	"- {name: dns, role: [server, client], protocol: udp, ports: [53], servers: [192.0.2.1], accept: none}\n"

/* What goes wrong; commits count from 1. */
static struct {
	size_t commits;		/* seen so far */
	size_t disturb_to;	/* others write before commits 1 to this */
	size_t disturb_at;	/* and before this one */
	size_t leave_out;	/* steps of the first that never arrive */
	int then;		/* what the first commit says after those */
	int never;		/* says every commit, and begins nothing */
	size_t refuse_from;	/* commits from this one on fail */
	unsigned int begun;	/* enum begun of a commit that fails so */
} wrong;

static int wrong_commit(struct backend_ctx *ctx, const struct changeset *cs,
			struct stamp stamp, bool check_only,
			unsigned int *begun, struct diags *d)
{
	size_t nth = ++wrong.commits;
	struct changeset part = *cs;
	int err;

	if (nth <= wrong.disturb_to || nth == wrong.disturb_at)
		fake_disturb();
	*begun |= wrong.begun;
	if (wrong.never)
		return diag_add(d, DIAG_ERROR, wrong.never, ID_XTABLES_LOCK,
				NOPOS, "no");
	if (wrong.refuse_from && nth >= wrong.refuse_from)
		return diag_add(d, DIAG_ERROR, -EIO, ID_STEP_REFUSED, NOPOS,
				"no");
	if (nth == 1)
		part.n -= wrong.leave_out;
	err = backend_fake.commit(ctx, &part, stamp, check_only, begun, d);
	return !err && nth == 1 ? wrong.then : err;
}

static struct backend backend_wrong;
const struct backend *const backends[] = { &backend_wrong, NULL };
const bool backends_are_complete = true;

static const struct request request = { .command = "apply" };

static void plan_text(struct plan *p, const char *text)
{
	struct part *m;

	*p = (struct plan){ .rq = &request };
	assert_int_equal(change_add(&p->change, &backend_wrong, &m), 0);
	assert_int_equal(policy_parse("p.yaml", text, strlen(text), &p->policy,
				      &p->diags), 0);
	assert_int_equal(generate(p->policy, &host_facts_default, &p->rules,
				  &p->diags), 0);
	assert_int_equal(m->backend->open(&m->ctx, &p->diags), 0);
	assert_int_equal(plan_compare(p), 0);
}

/* Does the kernel hold just what this policy says? */
static bool kernel_is(const char *text)
{
	_cleanup_(plan_release) struct plan p = { 0 };

	plan_text(&p, text);
	return change_is_empty(&p.change);
}

static int setup(void **state)
{
	_cleanup_(plan_release) struct plan p = { 0 };
	struct transaction t;

	(void)state;
	backend_wrong = backend_fake;
	backend_wrong.commit = wrong_commit;
	memset(&wrong, 0, sizeof(wrong));
	fake_reset();
	plan_text(&p, BEFORE);
	transact(&p, &t);
	assert_int_equal(t.outcome, OUTCOME_CHANGED);
	assert_true(kernel_is(BEFORE));
	wrong.commits = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fake_reset();
	return 0;
}

/* Apply AFTER over BEFORE; `errors`: were any reported? */
static struct transaction change(bool errors)
{
	_cleanup_(plan_release) struct plan p = { 0 };
	struct transaction t;

	plan_text(&p, AFTER);
	assert_false(change_is_empty(&p.change));
	transact(&p, &t);
	assert_int_equal(p.diags.errors > 0, errors);
	return t;
}

static void test_done(void **state)
{
	struct transaction t = change(false);

	(void)state;
	assert_int_equal(t.outcome, OUTCOME_CHANGED);
	assert_int_equal(t.err, 0);
	assert_int_equal(transaction_exit_code(&t, false), EXIT_DONE);
	assert_int_equal(transaction_exit_code(&t, true), EXIT_CHANGED);
	assert_true(kernel_is(AFTER));
	t = (struct transaction){ 0 };
	wrong.refuse_from = 1;	/* a second one must not even try */
	{
		_cleanup_(plan_release) struct plan p = { 0 };

		plan_text(&p, AFTER);
		transact(&p, &t);
	}
	assert_int_equal(t.outcome, OUTCOME_UNCHANGED);
	assert_int_equal(transaction_exit_code(&t, true), EXIT_DONE);
}

/* Each step, refused in each way: the previous state, and the exit code. */
static void test_any_step_refused(void **state)
{
	static const struct {
		int err, code;
		enum outcome outcome;
	} ways[] = {
		{ -ENOMEM, EXIT_RESTORED, OUTCOME_RESTORED },
		{ -EINVAL, EXIT_RESTORED, OUTCOME_RESTORED },
		{ -EIO, EXIT_RESTORED, OUTCOME_RESTORED },
		{ -FAULT_HALF, EXIT_RESTORED, OUTCOME_RESTORED },
		{ -FAULT_LOST, EXIT_RESTORED, OUTCOME_RESTORED },
		/* The kernel's errors, which only look like ctpolicy's own. */
		{ -EBUSY, EXIT_RESTORED, OUTCOME_RESTORED },
		{ -EAGAIN, EXIT_RESTORED, OUTCOME_RESTORED },
		{ -EADDRINUSE, EXIT_RESTORED, OUTCOME_RESTORED },
		{ -ENOENT, EXIT_RESTORED, OUTCOME_RESTORED },
		{ -EPERM, EXIT_NO_PERMISSION, OUTCOME_REFUSED },
		{ -EOPNOTSUPP, EXIT_LACKING, OUTCOME_REFUSED },
		{ -FAULT_LACKING, EXIT_LACKING, OUTCOME_REFUSED },
	};
	size_t n;

	(void)state;
	{
		_cleanup_(plan_release) struct plan p = { 0 };

		plan_text(&p, AFTER);
		n = change_steps(&p.change);
	}
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
		for (size_t at = 1; at <= n; at++) {
			struct transaction t;

			fake_fail_at(at, ways[i].err);
			t = change(true);
			assert_int_equal(t.outcome, ways[i].outcome);
			assert_int_equal(t.err, ways[i].err);
			assert_int_equal(transaction_exit_code(&t, true),
					 ways[i].code);
			fake_fail_at(0, 0);
			assert_true(kernel_is(BEFORE));
		}
}

/* What was never begun is not said to be undone, whatever it failed of. */
static void test_never_begun(void **state)
{
	static const struct {
		int err, code;
	} ways[] = {
		{ -ENOENT, EXIT_IO },
		{ -EIO, EXIT_IO },
		{ -EINVAL, EXIT_IO },
		{ -EACCES, EXIT_IO },
		{ -ENOMEM, EXIT_IO },
		{ -EPERM, EXIT_NO_PERMISSION },
		{ -FAULT_BUSY, EXIT_BUSY },
		{ -FAULT_CONFLICT, EXIT_REFUSED },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		struct transaction t;

		wrong.never = ways[i].err;
		t = change(true);
		assert_int_equal(t.outcome, OUTCOME_REFUSED);
		assert_int_equal(transaction_exit_code(&t, true),
				 ways[i].code);
		assert_string_equal(transaction_result(&t), "refused");
		wrong.never = 0;
		assert_true(kernel_is(BEFORE));
	}
}

/*
 * What the kernel cannot do is refused, even when only the kernel could tell;
 * but what was in force for a while was undone, whatever the reason.
 */
static void test_undone_by_backend(void **state)
{
	static const int impossible[] = { -EPERM, -EOPNOTSUPP, -FAULT_LACKING };
	static const struct {
		unsigned int begun;
		enum outcome outcome;
	} ways[] = {
		{ BEGUN_NOT, OUTCOME_REFUSED },
		{ BEGUN_TOLD, OUTCOME_REFUSED },
		{ BEGUN_TOLD | BEGUN_UNDONE, OUTCOME_RESTORED },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(impossible); i++)
		for (size_t k = 0; k < ARRAY_SIZE(ways); k++) {
			struct transaction t;

			wrong.never = impossible[i];
			wrong.begun = ways[k].begun;
			t = change(true);
			assert_int_equal(t.outcome, ways[k].outcome);
			wrong.never = 0;
			wrong.begun = BEGUN_NOT;
			assert_true(kernel_is(BEFORE));
		}
}

/* Planned again, and the first try is not reported. */
static void test_stale_is_planned_anew(void **state)
{
	struct transaction t;

	(void)state;
	wrong.disturb_to = 2;
	t = change(false);
	assert_int_equal(t.outcome, OUTCOME_CHANGED);
	assert_int_equal(wrong.commits, 3);
	assert_true(kernel_is(AFTER));
}

static void test_always_stale_gives_up(void **state)
{
	struct transaction t;

	(void)state;
	wrong.disturb_to = SIZE_MAX;
	t = change(true);
	assert_int_equal(t.outcome, OUTCOME_STALE);
	assert_int_equal(transaction_exit_code(&t, false), EXIT_STALE);
	assert_in_range(wrong.commits, 2, 30);
	assert_true(kernel_is(BEFORE));
}

static void test_read_back_differs(void **state)
{
	struct transaction t;

	(void)state;
	wrong.leave_out = 1;
	t = change(true);
	assert_int_equal(t.outcome, OUTCOME_RESTORED);
	assert_int_equal(t.err, -EIO);
	assert_int_equal(transaction_exit_code(&t, false), EXIT_RESTORED);
	assert_true(kernel_is(BEFORE));
}

static void test_fails_half_way(void **state)
{
	static const int errs[] = { -EIO, -EPERM, -EBUSY, -FAULT_HALF };

	for (size_t i = 0; i < ARRAY_SIZE(errs); i++) {
		struct transaction t;

		setup(state);
		wrong.leave_out = 2;
		wrong.then = errs[i];
		t = change(false);
		assert_int_equal(t.outcome, OUTCOME_RESTORED);
		assert_int_equal(transaction_exit_code(&t, true),
				 EXIT_RESTORED);
		assert_true(kernel_is(BEFORE));
	}
}

/* Another writer during the rollback is no reason to give up. */
static void test_stale_while_going_back(void **state)
{
	struct transaction t;

	(void)state;
	wrong.leave_out = 1;
	wrong.disturb_at = 2;
	t = change(true);
	assert_int_equal(t.outcome, OUTCOME_RESTORED);
	assert_int_equal(wrong.commits, 3);
	assert_true(kernel_is(BEFORE));
}

static void test_no_way_back(void **state)
{
	struct transaction t;

	(void)state;
	wrong.leave_out = 1;
	wrong.refuse_from = 2;
	t = change(true);
	assert_int_equal(t.outcome, OUTCOME_NOT_RESTORED);
	assert_int_equal(transaction_exit_code(&t, false), EXIT_NOT_RESTORED);
	assert_string_equal(transaction_result(&t), "failed");
	assert_false(kernel_is(BEFORE));
}

/* What the user is told of a change that ended so; the caller's to free. */
static char *told(const struct plan *p, const struct transaction *t)
{
	static const struct options plain = { 0 };
	FILE *kept = stderr;
	char *said = NULL;
	size_t len = 0;

	report_begin(&plain);
	stderr = open_memstream(&said, &len);
	assert_non_null(stderr);
	report_transaction(p, "remove", t, false);
	fclose(stderr);
	stderr = kept;
	return said;
}

/* A failure is never silent, and is told of once. */
static void test_tells_why(void **state)
{
	_cleanup_(plan_release) struct plan p = { 0 };
	struct transaction t = { .err = -ENOMEM, .outcome = OUTCOME_REFUSED };
	_cleanup_free_ char *bare = NULL, *half = NULL, *known = NULL;
	_cleanup_free_ char *well = NULL;

	(void)state;
	bare = told(&p, &t);
	assert_string_equal(bare, "ctpolicy: remove: Cannot allocate memory\n");
	diag_add(&p.diags, DIAG_ERROR, 0, ID_NOT_RESTORED, NOPOS, "not undone");
	known = told(&p, &t);
	assert_string_equal(known, "");
	t.outcome = OUTCOME_NOT_RESTORED;
	half = told(&p, &t);
	assert_string_equal(half, "ctpolicy: remove: Cannot allocate memory\n");
	diags_truncate(&p.diags, 0);
	t = (struct transaction){ .outcome = OUTCOME_CHANGED };
	well = told(&p, &t);
	assert_string_equal(well, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_done, setup, teardown),
		cmocka_unit_test_setup_teardown(test_any_step_refused, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_undone_by_backend, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_never_begun, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_stale_is_planned_anew,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_always_stale_gives_up,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_read_back_differs, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_fails_half_way, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_stale_while_going_back,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_way_back, setup,
						teardown),
		cmocka_unit_test(test_tells_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
