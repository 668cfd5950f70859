/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_nft_split.c: packets led to a chain of their protocol. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/mem.h"
#include "tests/unit/nft_lowered.h"

/* Ports of one kind of destination each: as many rules. */
static void add_kinds(struct ruleset *rs, uint8_t proto, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		struct rule *r = add(rs, HOOK_PREROUTING, ACTION_NOTRACK,
				     &web);

		r->match.proto = proto;
		r->match.dst = (enum dst_kind)(DST_ANY + i);
		add_port(r, (uint16_t)(80 + i), (uint16_t)(80 + i));
	}
}

static size_t rules_in(const struct image *img, const char *chain)
{
	const struct image_chain *c = image_find_chain(&img->tables[0], chain);

	return c ? c->n_rules : 0;
}

/* A packet has to be spared more than the way to another chain. */
static void test_split(void **state)
{
	_cleanup_(ruleset_release) struct ruleset few = { .ipv4 = true };
	_cleanup_(ruleset_release) struct ruleset many = { .ipv4 = true };
	_cleanup_(image_free) struct image *flat = NULL;
	_cleanup_(image_free) struct image *img = NULL;

	(void)state;
	add_kinds(&few, IPPROTO_TCP, 2);
	add_kinds(&few, IPPROTO_UDP, 2);
	flat = lower(&few, NULL);
	assert_int_equal(flat->tables[0].n_chains, 1);
	assert_int_equal(rules_in(flat, "prerouting"), 4);

	add_kinds(&many, IPPROTO_SCTP, 1);
	add(&many, HOOK_PREROUTING, ACTION_NOTRACK, &api)->match.proto = 0;
	add_kinds(&many, IPPROTO_TCP, 3);
	add_kinds(&many, IPPROTO_UDP, 3);
	img = lower(&many, NULL);
	assert_int_equal(img->tables[0].n_chains, 3);
	assert_int_equal(rules_in(img, "prerouting_tcp"), 3);
	assert_int_equal(rules_in(img, "prerouting_udp"), 3);
	assert_int_equal(rules_in(img, "prerouting"), 4);
	/* what is for any protocol is met first: nothing comes back */
	assert_text(img, "prerouting", 1, "fib daddr type local notrack accept "
		    "comment \"api\"");
	assert_text(img, "prerouting", 2, "meta l4proto udp goto "
		    "prerouting_udp comment \"ctpolicy\"");
	assert_text(img, "prerouting", 3, "meta l4proto tcp goto "
		    "prerouting_tcp comment \"ctpolicy\"");
	assert_text(img, "prerouting_udp", 0, "th dport "
		    "@pre_req_udp_p notrack accept comment \"ctpolicy\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_split),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
