/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_nft_parse.c: nft's text: ctpolicy's rules are found, others
 * skipped, junk reported.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backends/nft/nft.h"
#include "backends/nft/nft_load_text.h"
#include "core/mem.h"
#include "rules/foreign.h"

static const char saved[] =
	"#!/usr/sbin/nft -f\n"
	"flush ruleset\n"
	"define x = { 1, 2 }\n"
	"table ip nat {\n"
	"	map m { type ipv4_addr : verdict; elements = { 1.2.3.4 : drop } }\n"
	"	chain pre { type nat hook prerouting priority -100;\n"
	"		tcp dport { 80, 443 } dnat to 10.0.0.1 comment \"} {\"\n"
	"	}\n"
	"}\n"
	"table inet filter {\n"
	"	set ctpolicy-s { type inet_service # a { brace\n"
	"		elements = { 80 comment \"web\", 443 }\n"
	"	}\n"
	"	set theirs { typeof ip saddr; flags timeout; }\n"
	"	chain input {\n"
	"		type filter hook input priority filter; policy drop;\n"
	"		jump ctpolicy-input comment \"ctpolicy\" # handle 5\n"
	"		ct state vmap { established : accept, invalid : drop }\n"
	"	}\n"
	"	chain ctpolicy-input {\n"
	"		tcp dport @ctpolicy-s ct state untracked accept\n"
	"	}\n"
	"}\n"
	"table netdev d { chain c { type filter hook ingress device \"x\" "
	"priority 0; } }\n"
	"table inet ctpolicy {\n"
	"	set a { type inet_service . ipv4_addr\n"
	"		flags interval\n"
	"		elements = { 80 . 10.0.0.0/8 comment \"web\",\n"
	"			     81-83 . 1.2.3.4-1.2.3.9 }\n"
	"	}\n"
	"	chain prerouting {\n"
	"		type filter hook prerouting priority raw; policy accept;\n"
	"		tcp dport . ip saddr @a \\\n"
	"			fib daddr type local notrack comment \"ctpolicy\"\n"
	"	}\n"
	"}\n";

static int try_parse(const char *text, size_t len, struct image **ret,
		     struct diags *d)
{
	/* a copy of exactly that length, so that reading on is seen */
	_cleanup_free_ char *copy = malloc(len + !len);

	assert_non_null(copy);
	memcpy(copy, text, len);
	return nft_parse("file", copy, len, ret, d);
}

static void test_saved(void **state)
{
	_cleanup_(image_free) struct image *img = NULL;
	const struct image_table *own, *filter;
	const struct image_chain *c;
	struct diags d = { 0 };

	(void)state;
	assert_int_equal(try_parse(saved, sizeof(saved) - 1, &img, &d), 0);
	assert_int_equal(img->n_tables, 2);
	own = image_find_table(img, NFPROTO_INET, "ctpolicy");
	filter = image_find_table(img, NFPROTO_INET, "filter");
	assert_true(own && own->owned && filter && !filter->owned);
	assert_int_equal(own->sets[0].elems.n, 2);
	c = image_find_chain(own, "prerouting");
	assert_true(c->base);
	assert_int_equal(c->rules[0].match.dst, DST_LOCAL);
	assert_int_equal(filter->n_sets, 1);
	c = image_find_chain(filter, "input");
	assert_true(c->foreign && c->n_rules == 1 && !c->rules[0].place);
	assert_int_equal(image_find_chain(filter, "ctpolicy-input")->n_rules,
			 1);
	diags_release(&d);
}

/* Text, image, text: the second is the first. */
static void test_fixed_point(void **state)
{
	_cleanup_(image_free) struct image *a = NULL, *b = NULL;
	_cleanup_free_ char *x = NULL, *y = NULL;
	struct diags d = { 0 };
	size_t nx, ny;
	FILE *f;

	(void)state;
	assert_int_equal(try_parse(saved, sizeof(saved) - 1, &a, &d), 0);
	f = open_memstream(&x, &nx);
	assert_int_equal(nft_render(a, f), 0);
	fclose(f);
	assert_int_equal(try_parse(x, nx, &b, &d), 0);
	f = open_memstream(&y, &ny);
	assert_int_equal(nft_render(b, f), 0);
	fclose(f);
	assert_string_equal(x, y);
	diags_release(&d);
}

/* Cut anywhere: an image, or an error with a place. */
static void test_cut(void **state)
{
	(void)state;
	for (size_t n = 0; n < sizeof(saved) - 1; n++) {
		_cleanup_(image_free) struct image *img = NULL;
		struct diags d = { 0 };
		int err = try_parse(saved, n, &img, &d);

		assert_true(err == 0 || (err == -EINVAL && d.n == 1 &&
					 d.v[0].at.line && d.v[0].at.col));
		diags_release(&d);
	}
}

static void test_junk(void **state)
{
	uint32_t seed = 1;
	char text[sizeof(saved)];

	(void)state;
	for (int i = 0; i < 3000; i++) {
		_cleanup_(image_free) struct image *img = NULL;
		struct diags d = { 0 };

		memcpy(text, saved, sizeof(saved));
		for (int k = 0; k < 8; k++) {
			static const char sharp[] = "{};\",@#.\\\n \0a-/9";

			seed = seed * 1664525 + 1013904223;
			text[seed % (sizeof(saved) - 1)] =
				sharp[(seed >> 16) % (sizeof(sharp) - 1)];
		}
		(void)try_parse(text, sizeof(saved) - 1, &img, &d);
		diags_release(&d);
	}
}

static void test_deep(void **state)
{
	_cleanup_free_ char *text = malloc(2000000);
	_cleanup_(image_free) struct image *img = NULL;
	struct diags d = { 0 };

	(void)state;
	assert_non_null(text);
	memset(text, '{', 2000000);
	assert_int_equal(nft_parse("f", text, 2000000, &img, &d), -EINVAL);
	diags_release(&d);
}

static void test_places(void **state)
{
	static const struct {
		const char *text;
		uint32_t line, col;
	} v[] = {
		{ "table inet ctpolicy {\n set a {\n  type nonsense\n", 3, 8 },
		{ "table inet ctpolicy {\n set a { type inet_service\n"
		  "  elements = { 80, 99999 }\n", 3, 20 },
		{ "table inet ctpolicy {\n set a { elements = { 80 } } }\n", 2,
		  23 },
		{ "table inet ctpolicy {\n set a { type inet_service\n"
		  " elements = { 8-9 } } }\n", 3, 15 },
		{ "add rule inet ctpolicy nowhere accept\n", 1, 32 },
		{ "}\n", 1, 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		_cleanup_(image_free) struct image *img = NULL;
		struct diags d = { 0 };

		assert_int_equal(try_parse(v[i].text, strlen(v[i].text), &img,
					   &d), -EINVAL);
		assert_int_equal(d.v[0].at.line, v[i].line);
		assert_int_equal(d.v[0].at.col, v[i].col);
		diags_release(&d);
	}
}

static void test_commands(void **state)
{
	static const char text[] =
		"add table inet ctpolicy\n"
		"add chain inet ctpolicy prerouting { type filter hook "
		"prerouting priority -300; policy accept; }\n"
		"add set inet ctpolicy p { type inet_service; }\n"
		"add element inet ctpolicy p { 80 comment \"web\" }\n"
		"add rule inet ctpolicy prerouting tcp dport @p notrack\n"
		"insert rule ip filter INPUT jump ctpolicy-input\n"
		"delete rule ip filter INPUT handle 7\n";
	_cleanup_(image_free) struct image *img = NULL;
	const struct image_table *t;
	struct diags d = { 0 };

	(void)state;
	assert_int_equal(try_parse(text, strlen(text), &img, &d), 0);
	t = image_find_table(img, NFPROTO_INET, "ctpolicy");
	assert_int_equal(t->sets[0].elems.n, 1);
	assert_true(t->chains[0].base);
	assert_int_equal(t->chains[0].rules[0].verdict, VERDICT_NOTRACK);
	t = image_find_table(img, NFPROTO_IPV4, "filter");
	assert_int_equal(t->chains[0].rules[0].place, 0);
	diags_release(&d);
}

static const char timed[] =
	"table inet ctpolicy {\n"
	"	ct timeout ctpolicy-udp4-3-6002a2d9 {\n"
	"		protocol udp\n"
	"		l3proto ip\n"
	"		policy = { unreplied : 2m30s, replied : 3 }\n"
	"	}\n"
	"	ct timeout ctpolicy-tcp6-4-6002a2d9 { protocol tcp; l3proto ip6;\n"
	"		policy = { established : 1h, close : 7s } }\n"
	"	ct timeout other { protocol udp; l3proto ip; policy = { replied : 3 } }\n"
	"	ct timeout ctpolicy-udp6-3-6002a2d9 { protocol gre; l3proto ip6;\n"
	"		policy = { unreplied : 2m3, closed : 1 } }\n"
	"	ct helper h { type \"ftp\" protocol tcp; l3proto ip; }\n"
	"	chain tracked-output {\n"
	"		type filter hook output priority mangle; policy accept;\n"
	"		udp dport 53 ct timeout set \"ctpolicy-udp4-3-6002a2d9\" comment \"dns\"\n"
	"	}\n"
	"	chain tracked-prerouting {\n"
	"		type filter hook prerouting priority raw; policy accept;\n"
	"	}\n"
	"}\n"
	"table ip host { ct timeout theirs { protocol tcp; } }\n"
	"add ct timeout ip host more { protocol udp; policy = { replied : 1 }; }\n";

/* Of all timers those that the name asks for; what is strange is unknown. */
static void test_timers(void **state)
{
	_cleanup_(image_free) struct image *img = NULL;
	const struct image_table *own;
	const struct image_chain *c;
	const struct image_set *s;
	struct diags d = { 0 };

	(void)state;
	assert_int_equal(try_parse(timed, sizeof(timed) - 1, &img, &d), 0);
	assert_int_equal(img->n_tables, 1);
	own = image_find_table(img, NFPROTO_INET, "ctpolicy");
	assert_int_equal(own->n_sets, 4);
	s = image_find_set(own, "ctpolicy-udp4-3-6002a2d9");
	assert_string_equal(s->timers, "udp unreplied 150 replied 3");
	assert_int_equal(s->family, AF_INET);
	s = image_find_set(own, "ctpolicy-tcp6-4-6002a2d9");
	assert_string_equal(s->timers, "tcp established 3600");
	assert_int_equal(s->family, AF_INET6);
	assert_false(image_set_is_known(image_find_set(own, "other")));
	s = image_find_set(own, "ctpolicy-udp6-3-6002a2d9");
	assert_false(image_set_is_known(s));
	assert_non_null(s->timers);
	c = image_find_chain(own, "tracked-output");
	assert_true(c->base);
	assert_int_equal(c->rules[0].verdict, VERDICT_TIMERS);
	assert_string_equal(c->rules[0].target, "ctpolicy-udp4-3-6002a2d9");
	assert_int_equal(c->rules[0].stage, STAGE_ACCEPT);
	/* hooked where it would do nothing */
	assert_false(image_find_chain(own, "tracked-prerouting")->base);
}

static void test_timers_cut(void **state)
{
	(void)state;
	for (size_t n = 0; n < sizeof(timed); n++) {
		_cleanup_(image_free) struct image *img = NULL;
		_cleanup_(diags_release) struct diags d = { 0 };

		if (try_parse(timed, n, &img, &d))
			assert_true(d.errors);
	}
}

static int note_name(const char *name, void *arg)
{
	char *names = arg;

	snprintf(names + strlen(names), 256 - strlen(names), "%s ", name);
	return 0;
}

/* What must be there for a text of another host's to be loaded. */
static void test_devices(void **state)
{
	char text[] =
		"table inet a { # iif none0\n"
		"	flowtable f { hook ingress priority 0; devices = { a0, \"a1\" }; }\n"
		"	chain n { type filter hook ingress devices = { no0 } priority 0; }\n"
		"	chain c {\n"
		"		iif \"b0\" oif != b1 comment \"iif none1\"\n"
		"		iif { lo, c0,\n\"c1\" } accept; iifname none2 drop\n"
		"		iif vmap { d0 : jump none3, \"d1\" : drop }\n"
		"		iif $no1 oif @no2 iif 7 drop\n"
		"		typeof iif\n"
		"	}\n"
		"}\n";
	const struct foreign f = { .text = text, .len = sizeof(text) - 1 };
	char names[256] = "";

	(void)state;
	assert_int_equal(nft_text_devices(&f, note_name, names), 0);
	assert_string_equal(names, "a0 a1 b0 b1 c0 c1 d0 d1 ");
}

static void test_disown(void **state)
{
	static const struct {
		const char *was, *is;
	} v[] = {
		{ "table ip a {\nflags owner\n}", "table ip a {\n           \n}" },
		{ "table a { flags owner,persist; }", "table a {                    ; }" },
		{ "table a { flags owner, dormant; }", "table a { flags dormant       ; }" },
		{ "table a { flags dormant,owner }", "table a { flags dormant       }" },
		{ "table a { flags dormant }", "table a { flags dormant }" },
		{ "table a { set s { flags owner } }", "table a { set s { flags owner } }" },
		{ "flags owner", "flags owner" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		_cleanup_free_ char *text = strdup(v[i].was);

		assert_non_null(text);
		nft_text_disown(text, strlen(text));
		assert_string_equal(text, v[i].is);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_timers),
		cmocka_unit_test(test_timers_cut),
		cmocka_unit_test(test_saved),
		cmocka_unit_test(test_fixed_point),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_junk),
		cmocka_unit_test(test_deep),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_devices),
		cmocka_unit_test(test_disown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
