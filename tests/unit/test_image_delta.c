/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_image_delta.c: from the rules after a change, or from any
 * mixture with those before it, the difference leads back to those before.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/intern.h"
#include "core/mem.h"
#include "rules/changeset.h"
#include "rules/image_delta.h"
#include "rules/image_prune.h"

#include <linux/netfilter.h>

#define ROUNDS 2000

/* xorshift, so that a failure comes back */
static unsigned int draw(unsigned int below)
{
	static uint32_t x = 2463534242;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return x % below;
}

static void add_port(struct image *img, struct image_set *s, unsigned int n,
		     unsigned int comment)
{
	const uint8_t key[2] = { (uint8_t)(n >> 8), (uint8_t)n };
	char name[16];

	snprintf(name, sizeof(name), "s%u", comment);
	assert_int_equal(elems_add(&s->elems, key, key,
				   image_origin(img, name)), 0);
}

static void add_rule(struct image *img, struct image_chain *c,
		     unsigned int comment)
{
	struct image_rule *r = image_add_rule(c);
	char name[16];

	snprintf(name, sizeof(name), "s%u", comment);
	r->verdict = VERDICT_NOTRACK;
	r->comment = strdup(name);
	r->origin = image_origin(img, name);
}

static struct image_set *add_set(struct image_table *t, const char *name)
{
	static const enum field_type port = FIELD_PORT;
	struct image_set *s = image_add_set(t, name);

	elems_init(&s->elems, &port, 1);
	return s;
}

/* Some of three sets and three chains, each with some of few things in it. */
static struct image *random_image(void)
{
	static const char *const names[] = { "a", "b", "c" };
	struct image *img = image_new();
	struct image_table *t;

	if (!draw(8)) {
		assert_int_equal(image_normalize(img), 0);
		return img;
	}
	t = image_add_table(img, NFPROTO_INET, "ctpolicy");
	t->owned = true;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct image_set *s;

		if (!draw(3))
			continue;
		s = add_set(t, names[i]);
		s->interval = !draw(4);
		for (unsigned int n = 0; n < 6; n++)
			if (draw(2))
				add_port(img, s, n, draw(2));
	}
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct image_chain *c;

		if (!draw(3))
			continue;
		c = image_add_chain(t, names[i], HOOK_OUTPUT);
		c->base = draw(2);
		for (unsigned int n = draw(4); n--;)
			add_rule(img, c, draw(3));
	}
	assert_int_equal(image_normalize(img), 0);
	return img;
}

static void assert_same(const struct image *a, const struct image *b)
{
	_cleanup_(changeset_free) struct changeset *cs = NULL;

	assert_int_equal(changeset_diff(a, b, &cs), 0);
	assert_true(changeset_is_empty(cs));
	assert_true(image_digest(a) == image_digest(b));
}

static void leads_back(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < ROUNDS; i++) {
		_cleanup_(image_free) struct image *before = random_image();
		_cleanup_(image_free) struct image *after = random_image();
		_cleanup_(image_free) struct image *back = NULL, *still = NULL;
		_cleanup_(image_delta_release) struct image_delta d = { 0 };

		assert_int_equal(image_delta_make(before, after, &d), 0);
		assert_int_equal(image_delta_apply(&d, after, &back), 0);
		assert_same(before, back);
		/* Applied twice, it does the same as once. */
		assert_int_equal(image_delta_apply(&d, before, &still), 0);
		assert_same(before, still);
	}
}

/* Kept whole, it leads back from anywhere. */
static void whole(void **state)
{
	static const struct image none;

	(void)state;
	for (unsigned int i = 0; i < ROUNDS; i++) {
		_cleanup_(image_free) struct image *before = random_image();
		_cleanup_(image_free) struct image *live = random_image();
		_cleanup_(image_free) struct image *back = NULL;
		_cleanup_(image_delta_release) struct image_delta d = { 0 };

		assert_int_equal(image_delta_make(before, &none, &d), 0);
		assert_int_equal(image_delta_apply(&d, live, &back), 0);
		assert_same(before, back);
	}
}

/* Two images differ if and only if their digests do. */
static void digest(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < ROUNDS; i++) {
		_cleanup_(image_free) struct image *a = random_image();
		_cleanup_(image_free) struct image *b = random_image();
		_cleanup_(changeset_free) struct changeset *cs = NULL;

		assert_int_equal(changeset_diff(a, b, &cs), 0);
		assert_int_equal(changeset_is_empty(cs),
				 image_digest(a) == image_digest(b));
	}
}

static struct image *ports(unsigned int n, unsigned int without)
{
	struct image *img = image_new();
	struct image_table *t = image_add_table(img, NFPROTO_INET, "ctpolicy");
	struct image_set *s = add_set(t, "ports");

	t->owned = true;
	for (unsigned int i = 0; i < n; i++)
		if (i != without)
			add_port(img, s, i, 0);
	assert_int_equal(image_normalize(img), 0);
	return img;
}

/* One element of many is all that is kept of a change that takes it out. */
static void is_small(void **state)
{
	_cleanup_(image_free) struct image *before = ports(50000, 50000);
	_cleanup_(image_free) struct image *after = ports(50000, 777);
	_cleanup_(image_free) struct image *back = NULL;
	_cleanup_(image_delta_release) struct image_delta d = { 0 };

	(void)state;
	assert_int_equal(image_delta_make(before, after, &d), 0);
	assert_int_equal(d.before->tables[0].sets[0].elems.n, 1);
	assert_int_equal(d.after->tables[0].sets[0].elems.n, 0);
	assert_int_equal(image_delta_apply(&d, after, &back), 0);
	assert_same(before, back);
}

/* What others did since stays; that it did can be told. */
static void drift(void **state)
{
	_cleanup_(image_free) struct image *before = ports(100, 1);
	_cleanup_(image_free) struct image *after = ports(100, 2);
	_cleanup_(image_free) struct image *live = ports(90, 2);
	_cleanup_(image_free) struct image *wanted = ports(90, 1);
	_cleanup_(image_free) struct image *back = NULL, *none = image_new();
	_cleanup_(image_free) struct image *little = NULL;
	_cleanup_(image_delta_release) struct image_delta d = { 0 };

	(void)state;
	assert_int_equal(image_delta_make(before, after, &d), 0);
	assert_int_equal(image_delta_apply(&d, live, &back), 0);
	assert_same(wanted, back);
	assert_true(image_digest(back) != image_digest(before));
	assert_int_equal(image_delta_apply(&d, none, &little), 0);
	assert_int_equal(little->tables[0].sets[0].elems.n, 1);
}

static void prune(void **state)
{
	_cleanup_(image_free) struct image *img = ports(3, 3);
	_cleanup_(losses_release) struct image_losses lost = { 0 };
	struct image_table *t = &img->tables[0];
	struct image_set *odd = add_set(t, "odd");
	struct image_chain *c = image_add_chain(t, "chain", HOOK_OUTPUT);

	(void)state;
	snprintf(odd->kind, sizeof(odd->kind), "unknown");
	add_rule(img, c, 1);
	add_rule(img, c, 2);
	c->rules[1].verdict = VERDICT_JUMP;
	c->rules[1].target = intern("nowhere");
	add_rule(img, c, 3);
	c->rules[2].verdict = VERDICT_UNKNOWN;
	add_rule(img, c, 4);
	c->rules[3].n_lookups = 1;
	c->rules[3].lookup[0].set = intern("odd");
	assert_int_equal(image_prune_unknown(img, &lost), 0);
	assert_int_equal(t->n_sets, 1);
	assert_int_equal(c->n_rules, 3);
	assert_int_equal(image_prune_dangling(img, &lost), 0);
	assert_int_equal(c->n_rules, 1);
	assert_string_equal(c->rules[0].comment, "s1");
	assert_int_equal(lost.n, 2);
	assert_int_equal(lost.v[0].kind, STEP_RULE);
	assert_int_equal(lost.v[0].n, 3);
	assert_int_equal(lost.v[1].kind, STEP_SET);
	assert_string_equal(lost.v[1].name, "odd");
}

static int forget(void **state)
{
	(void)state;
	intern_forget();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(leads_back), cmocka_unit_test(whole),
		cmocka_unit_test(digest),     cmocka_unit_test(is_small),
		cmocka_unit_test(drift),      cmocka_unit_test(prune),
	};

	return cmocka_run_group_tests(tests, NULL, forget);
}
