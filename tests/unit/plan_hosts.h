/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/plan_hosts.h: what the tests of engine/plan.c share: two backends
 * that wrap tests/contract/fake.h and show a host as each test describes it.
 *
 * Shape:  definitions, so that one file of a program includes it.
 */
#ifndef CTPOLICY_TESTS_PLAN_HOSTS_H
#define CTPOLICY_TESTS_PLAN_HOSTS_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/mem.h"
#include "engine/plan.h"
#include "host/privilege.h"
#include "tests/contract/fake.h"

#include <linux/netfilter.h>

#define HEAD "version: 1\nstate_matching: allowed\n"
#define WEB HEAD "untracked:\n" \
	"- {name: web, role: server, protocol: tcp, ports: [80], accept: open}\n"
/* Its replies are untracked for any receiver. */
#define UNGUARDED HEAD "untracked:\n" \
	"- {name: ask, role: client, protocol: udp, ports: [53], servers: [192.0.2.1], accept: open, reply_guard: none}\n"

/* What each backend meets, and how often it was called. */
static struct {
	int open, snapshot, lower;	/* they fail with this */
	bool ours, tracks, untouched;
	size_t snapshots, lowerings;
} hosts[2];

static int open_at(size_t i, struct backend_ctx **ret, struct diags *d)
{
	if (hosts[i].open)
		return diag_add(d, DIAG_ERROR, hosts[i].open, ID_NO_NETLINK,
				NOPOS, "no");
	return (i ? backend_fake_other : backend_fake).open(ret, d);
}

static int snapshot_at(size_t i, struct backend_ctx *ctx, struct snapshot *ret,
		       struct diags *d)
{
	int err;

	hosts[i].snapshots++;
	if (hosts[i].snapshot)
		return diag_add(d, DIAG_ERROR, hosts[i].snapshot,
				ID_NFT_UNREADABLE, NOPOS, "no");
	err = backend_fake.snapshot(ctx, ret, d);
	if (!err) {
		ret->survey.ours |= hosts[i].ours;
		ret->survey.tracks |= hosts[i].tracks;
		ret->untouched = hosts[i].untouched;
	}
	return err;
}

/* Each lowering has something to report, whether or not it fails. */
static int lower_at(size_t i, const struct ruleset *rs,
		    const struct survey *host, const struct stands *stands,
		    struct image **ret, struct diags *d)
{
	hosts[i].lowerings++;
	if (hosts[i].lower)
		return diag_add(d, DIAG_ERROR, hosts[i].lower,
				ID_INEXPRESSIBLE, NOPOS, "no");
	diag_add(d, DIAG_NOTE, 0, ID_NOTHING_DROPS, NOPOS, "%s",
		 host ? "a host" : "no host");
	return backend_fake.lower(rs, host, stands, ret, d);
}

#define WRAP(name, i)                                                         \
	static int open_##name(struct backend_ctx **ret, struct diags *d)     \
	{                                                                     \
		return open_at(i, ret, d);                                   \
	}                                                                     \
	static int snapshot_##name(struct backend_ctx *ctx,                   \
				   struct snapshot *ret, struct diags *d)     \
	{                                                                     \
		return snapshot_at(i, ctx, ret, d);                          \
	}                                                                     \
	static int lower_##name(const struct ruleset *rs,                     \
				const struct survey *host,                    \
				const struct stands *stands,                  \
				struct image **ret, struct diags *d)          \
	{                                                                     \
		return lower_at(i, rs, host, stands, ret, d);                \
	}
WRAP(one, 0)
WRAP(two, 1)

static struct backend one, two;
const struct backend *const backends[] = { &one, &two, NULL };
const bool backends_are_complete = true;

/* In place of the real one, after which this process could not go on. */
static int drop_fails;
static size_t drops;

int privilege_drop(enum privilege keep)
{
	(void)keep;
	drops++;
	return drop_fails;
}

int privilege_require(struct diags *d)
{
	(void)d;
	return 0;
}

/* An empty record, which leads back to no rules. */
static int parse_empty(const char *file, const char *text, size_t len,
		       struct image **ret, struct diags *d)
{
	(void)file, (void)text, (void)len, (void)d;
	*ret = image_new();
	return *ret ? 0 : -ENOMEM;
}

static int setup(void **state)
{
	(void)state;
	fake_reset();
	memset(hosts, 0, sizeof(hosts));
	drop_fails = 0;
	drops = 0;
	one = backend_fake;
	one.open = open_one;
	one.snapshot = snapshot_one;
	one.lower = lower_one;
	one.parse = parse_empty;
	two = backend_fake_other;
	two.open = open_two;
	two.snapshot = snapshot_two;
	two.lower = lower_two;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fake_reset();
	return 0;
}

static const struct request request = { .command = "apply" };

/* As plan_load() leaves it. */
static void plan_text(struct plan *p, const char *text)
{
	*p = (struct plan){ .rq = &request, .facts = host_facts_default };
	assert_int_equal(policy_parse("p.yaml", text, strlen(text), &p->policy,
				      &p->diags), 0);
	assert_int_equal(generate(p->policy, &p->facts, &p->rules, &p->diags),
			 0);
}

static inline void plan_live(struct plan *p, const char *text)
{
	plan_text(p, text);
	assert_int_equal(plan_choose_live(p), 0);
	assert_int_equal(p->change.n, 1);
}

static size_t count(const struct plan *p, enum diag_id id)
{
	size_t n = 0;

	for (size_t i = 0; i < p->diags.n; i++)
		n += p->diags.v[i].id == id;
	return n;
}

static const struct diag *only(const struct plan *p, enum diag_id id)
{
	const struct diag *found = NULL;

	assert_int_equal(count(p, id), 1);
	for (size_t i = 0; i < p->diags.n; i++)
		if (p->diags.v[i].id == id)
			found = &p->diags.v[i];
	return found;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
