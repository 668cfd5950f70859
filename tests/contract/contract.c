/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/contract/contract.c: what every backend owes backends/backend.h.
 *
 * Built once for each: CONTRACT_BACKEND is its vtable, CONTRACT_KERNEL tells
 * whether it needs a network namespace of its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "backends/backend.h"
#include "core/mem.h"
#include "generators/generate.h"
#include "host/host.h"
#include "policies/policy.h"
#include "tests/contract/fake.h"
#include "tests/contract/head_stands.h"

extern const struct backend CONTRACT_BACKEND;
static const struct backend *const backend = &CONTRACT_BACKEND;

#define HEAD "version: 1\nstate_matching: allowed\nuntracked:\n"
#define FORBID "version: 1\nstate_matching: forbidden\nuntracked:\n"
#define TRACKED "version: 1\nstate_matching: allowed\ntracked:\n"

static const char *const policies[] = {
	HEAD "- {name: web, role: server, protocol: tcp, ports: [80, 81, 82], accept: open}\n",
	HEAD "- {name: web, role: [server, router], protocol: [tcp, udp], ports: [80, 1000-2000], accept: open, why: 'busy; \"so\" it is'}\n"
	"- {name: dns, role: client, protocol: [tcp, udp], ports: [53], servers: [192.0.2.53, \"2001:db8::53\"], accept: open}\n",
	HEAD "- {name: tunnel, role: [server, client], protocol: [gre, esp, 99], servers: [192.0.2.0/24], accept: open}\n"
	"- {name: vx, role: [server, client], protocol: udp, ports: [4789], clients: [10.0.0.0/8, \"2001:db8::/32\"], interfaces: [eth0, \"wan*\"], accept: none}\n",
	FORBID "- {name: all, role: [server, client, router], protocol: [tcp, udp, sctp, udplite, dccp], ports: [1-100, 7000], clients: [10.0.0.0/8, \"2001:db8::/32\"], servers: [192.0.2.0/25, 224.0.0.1, \"2001:db8:1::/48\"], accept: open}\n",
	HEAD "- {name: a, role: server, protocol: tcp, ports: [80], clients: [10.0.0.0/8], accept: open}\n"
	"- {name: b, role: server, protocol: tcp, ports: [1-1000], clients: [10.1.0.0/16], accept: open}\n"
	"- {name: c, role: server, protocol: tcp, ports: [80, 443], clients: [10.0.0.0/8], accept: none}\n"
	"management:\n"
	"- {name: ssh, role: server, protocol: tcp, ports: [22], clients: [10.0.0.0/8], accept: open}\n",
	TRACKED "- {name: dns, role: router, protocol: [udp, tcp], ports: [53], timeouts: {unreplied: 2s, replied: 3s, established: 10m}}\n"
	"- {name: vpn, role: [server, client], protocol: tcp, ports: [1723], servers: [192.0.2.0/24], interfaces: [eth0], timeouts: {unreplied: 1m}}\n",
	TRACKED "- {name: dns, role: [server, client], protocol: udp, ports: [53, 1000-2000], clients: [10.0.0.0/8, \"2001:db8::/32\"], timeouts: {unreplied: 2s, replied: 3s}}\n"
	"- {name: sip, role: router, protocol: [udp, tcp], ports: [5060], timeouts: {replied: 1m, unack: 1s, close: 1s}}\n"
	"untracked:\n"
	"- {name: web, role: server, protocol: tcp, ports: [80], accept: open}\n",
	TRACKED "- {name: dns, role: router, protocol: [udp, tcp], ports: [53], timeouts: {unreplied: 4s, replied: 3s, established: 11m}}\n",
};

struct fixture {
	struct backend_ctx *ctx;
	struct diags diags;
	struct policy *policy;
	struct ruleset *rules;
	struct stands stands;
	struct image *want;
	struct snapshot live;
	struct changeset *changes;
};

static void must(struct fixture *f, int err)
{
	if (err)
		diags_print(&f->diags, NULL, 0, 0, false, stderr);
	assert_int_equal(err, 0);
}

static void plan(struct fixture *f, const char *text)
{
	changeset_free(&f->changes);
	image_free(&f->want);
	ruleset_free(&f->rules);
	policy_free(&f->policy);
	snapshot_release(&f->live);
	must(f, policy_parse("p.yaml", text, strlen(text), &f->policy,
			     &f->diags));
	must(f, generate(f->policy, &host_facts_default, &f->rules,
			 &f->diags));
	must(f, backend->snapshot(f->ctx, &f->live, &f->diags));
	stands_release(&f->stands);
	must(f, head_stands(&f->live.survey, backend->world, f->rules,
			    &f->stands));
	must(f, backend->lower(f->rules, &f->live.survey, &f->stands, &f->want,
			       &f->diags));
	must(f, changeset_diff(f->want, f->live.image, &f->changes));
}

static int commit(struct fixture *f, bool check_only)
{
	unsigned int begun = BEGUN_NOT;
	int err = backend->commit(f->ctx, f->changes, f->live.stamp,
				  check_only, &begun, &f->diags);

	/* What went through was begun; a check never is. */
	if (!err && !changeset_is_empty(f->changes))
		assert_int_equal(begun, check_only ? BEGUN_NOT : BEGUN_TOLD);
	return err;
}

static void apply(struct fixture *f, const char *text)
{
	plan(f, text);
	must(f, commit(f, false));
}

/* What the kernel now holds is what was wanted. */
static void assert_in_sync(struct fixture *f)
{
	snapshot_release(&f->live);
	changeset_free(&f->changes);
	must(f, backend->snapshot(f->ctx, &f->live, &f->diags));
	must(f, changeset_diff(f->want, f->live.image, &f->changes));
	if (f->changes->n) {
		_cleanup_(strbuf_release) struct strbuf b = { 0 };

		backend->print_step(&f->changes->steps[0], &b);
		fail_msg("not in sync, first %c %s",
			 f->changes->steps[0].add ? '+' : '-',
			 strbuf_str(&b));
	}
}

static void remove_all(struct fixture *f)
{
	static const struct ruleset none;

	snapshot_release(&f->live);
	changeset_free(&f->changes);
	image_free(&f->want);
	must(f, backend->snapshot(f->ctx, &f->live, &f->diags));
	stands_release(&f->stands);
	must(f, backend->lower(&none, &f->live.survey, &f->stands, &f->want,
			       &f->diags));
	must(f, changeset_diff(f->want, f->live.image, &f->changes));
	must(f, commit(f, false));
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	*state = f;
	if (!f)
		return -1;
	fake_reset();
	return backend->open(&f->ctx, &f->diags);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	remove_all(f);
	changeset_free(&f->changes);
	image_free(&f->want);
	stands_release(&f->stands);
	ruleset_free(&f->rules);
	policy_free(&f->policy);
	snapshot_release(&f->live);
	backend->close(&f->ctx);
	diags_release(&f->diags);
	free(f);
	fake_reset();
	return 0;
}

static void test_nothing_there(void **state)
{
	struct fixture *f = *state;

	must(f, backend->snapshot(f->ctx, &f->live, &f->diags));
	assert_true(image_is_empty(f->live.image));
	assert_false(f->live.survey.ours);
}

static void test_apply_each(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
		apply(f, policies[i]);
		assert_in_sync(f);
		assert_true(f->live.survey.ours);
		remove_all(f);
		assert_in_sync(f);
		assert_true(image_is_empty(f->live.image));
	}
}

static void test_change_each_to_each(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(policies); i++)
		for (size_t k = 0; k < ARRAY_SIZE(policies); k++) {
			apply(f, policies[i]);
			apply(f, policies[k]);
			assert_in_sync(f);
		}
}

static void test_second_apply_is_empty(void **state)
{
	struct fixture *f = *state;
	uint64_t before;

	apply(f, policies[1]);
	assert_in_sync(f);
	before = f->live.stamp.generation;
	plan(f, policies[1]);
	assert_true(changeset_is_empty(f->changes));
	must(f, commit(f, false));
	assert_in_sync(f);
	assert_true(f->live.stamp.generation == before);
}

static void test_stale_stamp_does_nothing(void **state)
{
	struct fixture *f = *state;
	struct stamp old;

	apply(f, policies[0]);
	assert_in_sync(f);
	old = f->live.stamp;
	apply(f, policies[1]);
	plan(f, policies[2]);
	f->live.stamp = old;
	assert_int_equal(commit(f, false), -FAULT_STALE);
	plan(f, policies[1]);
	assert_true(changeset_is_empty(f->changes));
}

static void test_check_only_changes_nothing(void **state)
{
	struct fixture *f = *state;

	plan(f, policies[3]);
	must(f, commit(f, true));
	snapshot_release(&f->live);
	must(f, backend->snapshot(f->ctx, &f->live, &f->diags));
	assert_true(image_is_empty(f->live.image));
}

static void test_one_address_is_one_change(void **state)
{
	static const char a[] =
		HEAD "- {name: w, role: server, protocol: tcp, ports: [80], clients: [10.0.0.1, 10.0.0.2, 10.0.0.3], accept: none}\n";
	static const char b[] =
		HEAD "- {name: w, role: server, protocol: tcp, ports: [80], clients: [10.0.0.1, 10.0.0.2, 10.0.0.9], accept: none}\n";
	struct fixture *f = *state;

	apply(f, a);
	plan(f, b);
	/* One more, one less, on each of three legs: never a reload. */
	assert_in_range(f->changes->n, 1, 6);
	must(f, commit(f, false));
	assert_in_sync(f);
}

/* A policy of n addresses, none beside another. */
static char *many(unsigned int n)
{
	struct strbuf b = { 0 };

	strbuf_puts(&b, HEAD "- {name: w, role: server, protocol: tcp, ports: [80], accept: none, clients: [");
	for (unsigned int i = 0; i < n; i++)
		strbuf_printf(&b, "%s10.%u.%u.%u", i ? ", " : "", i >> 14,
			      i >> 7 & 127, (i & 127) * 2 + 1);
	strbuf_puts(&b, "]}\n");
	return strbuf_take(&b);
}

static void test_sets_outgrow_their_size(void **state)
{
	static const unsigned int sizes[] = { 900, 1100, 1500, 20000, 5 };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		_cleanup_free_ char *text = many(sizes[i]);

		assert_non_null(text);
		apply(f, text);
		assert_in_sync(f);
	}
}

static void test_text_means_the_same(void **state)
{
	struct fixture *f = *state;

	if (!backend->parse) {
		print_message("%s has no text form to read\n", backend->name);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
		_cleanup_(changeset_free) struct changeset *cs = NULL;
		_cleanup_(image_free) struct image *got = NULL;
		_cleanup_free_ char *text = NULL;
		size_t len = 0;
		FILE *out = open_memstream(&text, &len);

		plan(f, policies[i]);
		image_free(&f->want);
		must(f, backend->lower(f->rules, NULL, NULL, &f->want,
				       &f->diags));
		must(f, backend->render(f->want, out));
		fclose(out);
		must(f, backend->parse("text", text, len, &got, &f->diags));
		must(f, changeset_diff(f->want, got, &cs));
		if (cs->n)
			fail_msg("policy %zu reads back otherwise:\n%s", i,
				 text);
	}
}

static void test_steps_have_words(void **state)
{
	struct fixture *f = *state;

	plan(f, policies[3]);
	assert_true(f->changes->n > 0);
	for (size_t i = 0; i < f->changes->n; i++) {
		_cleanup_(strbuf_release) struct strbuf b = { 0 };

		backend->print_step(&f->changes->steps[i], &b);
		assert_true(b.n > 0);
		assert_null(strchr(strbuf_str(&b), '\n'));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nothing_there, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_apply_each, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_change_each_to_each,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_second_apply_is_empty,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_stale_stamp_does_nothing,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_check_only_changes_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_one_address_is_one_change, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sets_outgrow_their_size,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_text_means_the_same,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_steps_have_words, setup,
						teardown),
	};

	if (CONTRACT_KERNEL) {
		int err = host_enter_private_netns();

		if (err) {
			fprintf(stderr, "no private namespace: %s\n",
				fault_text(err));
			return 77;
		}
	}
	return cmocka_run_group_tests_name(backend->name, tests, NULL, NULL);
}
