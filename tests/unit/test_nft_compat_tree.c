/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_nft_compat_tree.c: many ports in a table of iptables-nft are
 * a tree of chains, whatever the ports are and the chain at its root is called.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <linux/netfilter/x_tables.h>

#include "backends/nft/nft.h"
#include "core/mem.h"
#include "rules/own_names.h"
#include "tests/contract/head_stands.h"

static const struct origin web = { .service = "web" };

/* Services of one port each: the first, and then every `step`th. */
static void want_ports(struct ruleset *rs, enum hook hook, unsigned int first,
		       unsigned int step, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		uint16_t at = (uint16_t)(first + i * step);
		struct rule *r = ruleset_add(rs);

		assert_non_null(r);
		r->hook = hook;
		r->action = ACTION_ACCEPT;
		r->leg = LEG_REQUEST;
		r->rank = RANK_SERVICE;
		r->match.proto = IPPROTO_TCP;
		r->match.dst = DST_LOCAL;
		r->match.ct = CT_UNTRACKED;
		r->origin = &web;
		assert_int_equal(port_set_add(&r->match.dport,
					      (struct port_range){ at, at }),
				 0);
	}
	rs->wants_accepts = true;
}

/* In the chain of that hook; `number`: of the stand, and its own chain. */
static struct image *lower(const struct ruleset *rs, enum hook hook,
			   const char *chain, unsigned int number)
{
	struct foreign_chain f = { .family = NFPROTO_IPV4, .table = "mangle",
				   .chain = chain, .hook = hook };
	struct foreign_place place = { NFPROTO_IPV4, "mangle", chain };
	struct survey host = { .filters = &f, .n_filters = 1,
			       .places = &place, .n_places = 1 };
	_cleanup_(stands_release) struct stands stands = { 0 };
	struct image *img = NULL;
	struct diags d = { 0 };

	assert_int_equal(head_stands(&host, WORLD_NFT, rs, &stands), 0);
	assert_int_equal(stands.n, 1);
	stands.v[0].number = number;
	assert_int_equal(nft_lower(rs, &host, &stands, &img, &d), 0);
	assert_true(img->tables[0].iptables);
	diags_release(&d);
	return img;
}

/* No chain leads to itself: every way ends after so many chains. */
static void assert_ends(const struct image_table *t,
			const struct image_chain *c, unsigned int most)
{
	assert_true(most > 0);
	for (size_t i = 0; i < c->n_rules; i++) {
		const struct image_chain *to = c->rules[i].target ?
			image_find_chain(t, c->rules[i].target) : NULL;

		assert_true(c->rules[i].verdict != VERDICT_JUMP || to);
		if (to)
			assert_ends(t, to, most - 1);
	}
}

/* So many chains, of bits to tell ports apart by; and the host's. */
#define DEEPEST 5

static void assert_tree(const struct image *img, const char *chain)
{
	const struct image_table *t = &img->tables[0];

	assert_ends(t, image_find_chain(t, chain), DEEPEST);
}

static void test_low_ports(void **state)
{
	(void)state;
	for (unsigned int step = 1; step < 16; step++) {
		_cleanup_(ruleset_release) struct ruleset rs = { .ipv4 = true };
		_cleanup_(image_free) struct image *img = NULL;

		want_ports(&rs, HOOK_INPUT, 1, 2 * step, 40);
		img = lower(&rs, HOOK_INPUT, "INPUT", 1);
		assert_tree(img, "INPUT");
		assert_true(img->tables[0].n_chains >= 3);
	}
}

/* A jump of iptables leads to no longer one: XT_EXTENSION_MAXNAMELEN. */
static void assert_names(const struct image *img)
{
	const struct image_table *t = &img->tables[0];

	for (size_t i = 0; i < t->n_chains; i++) {
		const char *name = t->chains[i].name;

		assert_true(strlen(name) < XT_EXTENSION_MAXNAMELEN);
		assert_true(t->chains[i].foreign || own_names_nft(name));
		assert_false(own_names_echo(name));
	}
}

static void test_long_names(void **state)
{
	static const struct {
		enum hook hook;
		const char *chain;
	} at[] = {
		{ HOOK_PREROUTING, "PREROUTING" }, { HOOK_INPUT, "INPUT" },
		{ HOOK_FORWARD, "FORWARD" }, { HOOK_OUTPUT, "OUTPUT" },
		{ HOOK_POSTROUTING, "POSTROUTING" },
	};
	static const unsigned int numbers[] = { 1, 2, 10, 100, 9999 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(at) * ARRAY_SIZE(numbers); i++) {
		_cleanup_(ruleset_release) struct ruleset rs = { .ipv4 = true };
		_cleanup_(image_free) struct image *img = NULL;
		size_t k = i % ARRAY_SIZE(at);

		want_ports(&rs, at[k].hook, 5000, 1, 300);
		img = lower(&rs, at[k].hook, at[k].chain,
			    numbers[i / ARRAY_SIZE(at)]);
		assert_true(img->tables[0].n_chains > 3);
		assert_tree(img, at[k].chain);
		assert_names(img);
	}
}

/* Two roots in a table have trees apart. */
static void test_stems_differ(void **state)
{
	const char *last[2] = { NULL, NULL };

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		_cleanup_(ruleset_release) struct ruleset rs = { .ipv4 = true };
		_cleanup_(image_free) struct image *img = NULL;
		const struct image_table *t;

		want_ports(&rs, HOOK_PREROUTING, 5000, 1, 300);
		img = lower(&rs, HOOK_PREROUTING, "PREROUTING", 2 + i);
		t = &img->tables[0];
		last[i] = t->chains[t->n_chains - 1].name;
	}
	assert_string_not_equal(last[0], last[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_low_ports),
		cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_stems_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
