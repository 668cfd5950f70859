/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_foreign.c: rules that come into a model and leave it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/mem.h"
#include "rules/image_foreign.h"
#include "rules/walk.h"
#include "tests/unit/foreign_build.h"

static bool is_marked(const struct foreign *f, const struct foreign_rule *r)
{
	(void)f;
	return r->target && !strcmp(r->target, "marked");
}

static struct foreign *model(uint32_t *ret)
{
	struct foreign *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	*ret = add_chain(f, "INPUT", "input");
	f->tables[0].ranked = true;
	return f;
}

static uint32_t position_of(const struct foreign *f, uint32_t line)
{
	struct walker *w = NULL;
	uint32_t position = 0;

	assert_int_equal(walker_new(f, &w), 0);
	for (uint32_t i = 0; i < f->n_rules; i++)
		if (!foreign_is_gone(&f->rules[i]) &&
		    f->rules[i].line == line) {
			position = walker_position(w, i);
			assert_int_equal(position,
					 foreign_position(f, &f->rules[i]));
		}
	walker_free(&w);
	return position;
}

static void test_take_out(void **unused)
{
	static const char *const targets[] = { NULL, "marked", NULL, "marked",
					       "marked", NULL };
	uint32_t input;
	_cleanup_(foreign_free) struct foreign *f = model(&input);

	(void)unused;
	for (uint32_t i = 0; i < ARRAY_SIZE(targets); i++)
		add_rule(f, input, FOREIGN_NONE, targets[i])->line = i + 1;
	foreign_add_rule(f, input, 1)->target = "marked";
	foreign_add_rule(f, input, 1)->line = 7;
	foreign_take_out(f, is_marked);
	assert_int_equal(f->chains[input].n_rules, 4);
	assert_int_equal(position_of(f, 7), 1);
	assert_int_equal(position_of(f, 1), 2);
	assert_int_equal(position_of(f, 3), 3);
	assert_int_equal(position_of(f, 6), 4);
	foreign_add_rule(f, input, 1)->line = 8;
	add_rule(f, input, FOREIGN_NONE, NULL)->line = 9;
	assert_int_equal(position_of(f, 8), 1);
	assert_int_equal(position_of(f, 3), 4);
	assert_int_equal(position_of(f, 9), 6);
}

static void test_take_all_out(void **unused)
{
	uint32_t input;
	_cleanup_(foreign_free) struct foreign *f = model(&input);

	(void)unused;
	for (unsigned int i = 0; i < 3; i++)
		add_rule(f, input, FOREIGN_NONE, "marked");
	foreign_take_out(f, is_marked);
	assert_int_equal(f->chains[input].n_rules, 0);
	for (unsigned int i = 0; i < f->n_rules; i++)
		assert_true(foreign_is_gone(&f->rules[i]));
	add_rule(f, input, FOREIGN_NONE, NULL)->line = 4;
	assert_int_equal(position_of(f, 4), 1);
}

/* No range of any set is there at all. */
static void test_empty_set(void **unused)
{
	uint32_t input;
	_cleanup_(foreign_free) struct foreign *f = model(&input);
	struct term t = { .kind = TERM_MATCH, .n_fields = 1,
			  .field = { FIELD_DPORT } };
	struct walker *w = NULL;

	(void)unused;
	add_rule(f, input, FOREIGN_DROP, NULL);
	assert_int_equal(foreign_begin_set(f, "s", 1, false, &t.set), 0);
	assert_int_equal(foreign_add_term(f, &t), 0);
	assert_int_equal(walker_new(f, &w), 0);
	walker_free(&w);
}

/* A jump of ctpolicy's hooks no chain that the host calls by a jump. */
static void test_jumps_in_chains_of_the_host(void **state)
{
	static const char *const names[] = { "user", "INPUT" };
	struct foreign *f = calloc(1, sizeof(*f));
	_cleanup_(image_free) struct image *img = image_new();
	struct image_table *t;
	uint32_t user;

	(void)state;
	assert_non_null(f);
	assert_non_null(img);
	user = add_chain(f, "user", NULL);
	t = image_add_table(img, NFPROTO_IPV4, "filter");
	assert_non_null(t);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct image_chain *c = image_add_chain(t, names[i],
							HOOK_INPUT);
		struct image_rule *r = c ? image_add_rule(c) : NULL;

		assert_non_null(r);
		c->foreign = true;
		r->verdict = VERDICT_JUMP;
		r->target = "ctpolicy-input";
	}
	assert_int_equal(image_add_to_foreign(img, WORLD_NFT, NULL, f), 0);
	assert_null(f->chains[user].hook);
	assert_int_equal(f->n_chains, 2);
	assert_string_equal(f->chains[1].hook, "input");
	assert_int_equal(f->n_rules, 2);
	foreign_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_take_out),
		cmocka_unit_test(test_take_all_out),
		cmocka_unit_test(test_empty_set),
		cmocka_unit_test(test_jumps_in_chains_of_the_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
