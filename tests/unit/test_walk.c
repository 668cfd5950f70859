/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_walk.c: the rules of a chain, and the chains they lead to. */
#include "tests/unit/walk_scene.h"

#include <arpa/inet.h>
#include <string.h>

static void test_policy(void **state)
{
	struct scene *s = *state;
	uint32_t in = scene_input(s, NULL);

	assert_accepted(s);
	s->f->chains[in].policy = "accept";
	assert_accepted(s);
	s->f->chains[in].policy = "drop";
	assert_dropped(s);
	assert_int_equal(s->w.steps[s->w.n_steps - 1].rule, FOREIGN_NOWHERE);
	s->f->tables[s->table].flags = "dormant";
	assert_accepted(s);
}

static void test_jumps(void **state)
{
	struct scene *s = *state;
	uint32_t in = scene_input(s, "drop"), a = scene_chain(s, "a");
	uint32_t b = scene_chain(s, "b");

	scene_rule(s, in, FOREIGN_JUMP, "a");
	scene_rule(s, in, FOREIGN_ACCEPT, NULL);
	scene_match(s, FIELD_DPORT, 80, 80);
	scene_rule(s, a, FOREIGN_RETURN, NULL);
	scene_rule(s, a, FOREIGN_DROP, NULL);
	scene_rule(s, b, FOREIGN_NONE, NULL);
	assert_accepted(s);
	/* a chain that is gone to returns to where the one before was called */
	s->f->rules[2].verdict = FOREIGN_GOTO;
	s->f->rules[2].target = intern("b");
	assert_accepted(s);
	s->f->rules[0].verdict = FOREIGN_GOTO;
	assert_dropped(s);
	assert_int_equal(s->w.steps[s->w.n_steps - 1].rule, FOREIGN_NOWHERE);
	/* a return of the base chain is its policy */
	s->f->rules[0].verdict = FOREIGN_RETURN;
	assert_dropped(s);
}

static void test_loop_is_refused(void **state)
{
	struct scene *s = *state;
	uint32_t in = scene_input(s, "accept"), a = scene_chain(s, "a");

	scene_rule(s, in, FOREIGN_JUMP, "a");
	scene_rule(s, a, FOREIGN_JUMP, "a");
	assert_unknown(s);
	assert_true(s->w.too_long);
}

/* Sixteen chains, each with many jumps to the next: it ends all the same. */
static void test_work_is_bounded(void **state)
{
	struct scene *s = *state;
	uint32_t c = scene_input(s, "accept");

	for (unsigned int i = 0; i < 16; i++) {
		const char *next = intern_printf("c%u", i);

		for (unsigned int k = 0; k < 20; k++) {
			scene_rule(s, c, FOREIGN_JUMP, next);
			scene_opaque(s, "limit");
		}
		c = scene_chain(s, next);
	}
	assert_unknown(s);
	assert_true(s->w.too_long);
}

static void test_map(void **state)
{
	struct scene *s = *state;
	struct key_range ssh = scene_range(FIELD_DPORT, 22, 22);
	struct key_range web = scene_range(FIELD_DPORT, 80, 443);
	struct foreign_outcome drop = { FOREIGN_DROP, NULL };
	struct foreign_outcome jump = { FOREIGN_JUMP, intern("web") };
	uint32_t in = scene_input(s, "drop"), c = scene_chain(s, "web"), set;

	scene_rule(s, in, FOREIGN_NONE, NULL);
	assert_int_equal(foreign_begin_set(s->f, NULL, 1, true, &set), 0);
	assert_int_equal(foreign_add_key(s->f, &ssh, &drop), 0);
	assert_int_equal(foreign_add_key(s->f, &web, &jump), 0);
	scene_term(s, (struct term){ .kind = TERM_VMAP, .n_fields = 1,
			       .field = { FIELD_DPORT }, .set = set });
	scene_rule(s, c, FOREIGN_ACCEPT, NULL);
	assert_accepted(s);
	packet_set_number(&s->p, FIELD_DPORT, 22);
	assert_dropped(s);
	s->f->chains[in].policy = "accept";
	packet_set_number(&s->p, FIELD_DPORT, 23);
	assert_accepted(s);
	packet_forget(&s->p, FIELD_DPORT);
	assert_unknown(s);
	packet_set_number(&s->p, FIELD_DPORT, 22);
	s->f->sets[set].known = false;
	assert_unknown(s);
}

static void test_map_of_states(void **state)
{
	struct scene *s = *state;
	struct key_range est = scene_range(FIELD_STATE, ESTABLISHED,
					   ESTABLISHED);
	struct key_range inv = scene_range(FIELD_STATE, INVALID, INVALID);
	struct foreign_outcome accept = { FOREIGN_ACCEPT, NULL };
	struct foreign_outcome drop = { FOREIGN_DROP, NULL };
	uint32_t in = scene_input(s, "drop"), set;

	scene_rule(s, in, FOREIGN_NONE, NULL);
	assert_int_equal(foreign_begin_set(s->f, NULL, 1, true, &set), 0);
	assert_int_equal(foreign_add_key(s->f, &est, &accept), 0);
	assert_int_equal(foreign_add_key(s->f, &inv, &drop), 0);
	scene_term(s, (struct term){ .kind = TERM_VMAP, .n_fields = 1,
			       .field = { FIELD_STATE }, .set = set });
	scene_rule(s, in, FOREIGN_ACCEPT, NULL);
	scene_match_states(s, NEW | UNTRACKED);
	assert_accepted(s);
	s->p.ct_states = INVALID;
	assert_dropped(s);
	s->p.ct_states = NEW | ESTABLISHED;
	assert_accepted(s);
	s->p.ct_states = NEW | ESTABLISHED | INVALID;
	assert_unknown(s);
}

static void test_targets(void **state)
{
	static const struct {
		const char *name;
		uint8_t outcome;	/* with a policy of drop */
	} targets[] = {
		{ "LOG", WALK_DROPPED }, { "log", WALK_DROPPED },
		{ "NFQUEUE", WALK_UNKNOWN }, { "queue", WALK_UNKNOWN },
		{ "TPROXY", WALK_UNKNOWN }, { "SYNPROXY", WALK_DROPPED },
		{ "TARPIT", WALK_UNKNOWN }, { "REJECT", WALK_DROPPED },
	};
	struct scene *s = *state;

	scene_rule(s, scene_input(s, "drop"), FOREIGN_TARGET, "LOG");
	for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
		s->f->rules[0].target = intern(targets[i].name);
		assert_int_equal(scene_outcome(s), targets[i].outcome);
	}
	s->f->rules[0].verdict = FOREIGN_JUMP;
	assert_dropped(s);
}

static void test_never_reached(void **state)
{
	_cleanup_(walk_release) struct walk rest = { 0 };
	struct scene *s = *state;
	struct walker *w = NULL;
	uint32_t in = scene_input(s, "drop"), a = scene_chain(s, "a");

	scene_rule(s, in, FOREIGN_JUMP, "a");
	scene_rule(s, a, FOREIGN_ACCEPT, NULL);
	scene_rule(s, a, FOREIGN_DROP, NULL);
	scene_match(s, FIELD_DPORT, 81, 81);
	scene_rule(s, in, FOREIGN_DROP, NULL);
	scene_match(s, FIELD_DPORT, 80, 80);
	scene_rule(s, in, FOREIGN_ACCEPT, NULL);
	assert_accepted(s);
	assert_int_equal(walker_new(s->f, &w), 0);
	assert_int_equal(walk_never_reached(w, &s->p, &s->w,
					    s->w.n_phases - 1, &rest), 0);
	assert_int_equal(rest.n_steps, 1);
	assert_int_equal(rest.steps[0].rule, 3);
	assert_int_equal(rest.steps[0].position, 2);
	walker_free(&w);
}

static void ban(struct scene *s, uint32_t chain, uint32_t first, uint32_t last)
{
	scene_rule(s, chain, FOREIGN_DROP, NULL);
	scene_match(s, FIELD_SADDR, first, last)->family = NFPROTO_IPV4;
}

/* Searched by address, not read through: the first that holds still decides. */
static void test_rules_in_a_row(void **state)
{
	static const struct {
		uint32_t from;
		uint32_t position;	/* of the rule that drops; 0: none */
	} cases[] = {
		{ 0x0a020505, 1 }, { 0x0a010203, 3 }, { 0x0a030001, 0 },
		{ 0xc0000242, 4 }, { 0xc0000300, 0 }, { 0xffffffff, 5 },
		{ 0, 0 },
	};
	struct scene *s = *state;
	uint32_t in = scene_input(s, "accept");

	ban(s, in, 0x0a020000, 0x0a02ffff);
	ban(s, in, 0x0a000000, 0x0affffff);
	scene_match(s, FIELD_DPORT, 81, 81);
	ban(s, in, 0x0a010203, 0x0a010203);
	ban(s, in, 0xc0000200, 0xc00002ff);
	ban(s, in, 0xffffffff, 0xffffffff);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint32_t from = htonl(cases[i].from);
		uint8_t key[TERM_KEY_MAX] = { 0 };

		memcpy(key, &from, sizeof(from));
		packet_set(&s->p, FIELD_SADDR, key);
		assert_int_equal(scene_outcome(s), cases[i].position ?
					WALK_DROPPED : WALK_ACCEPTED);
		assert_int_equal(s->w.steps[s->w.n_steps - 1].position,
				 cases[i].position);
	}
	packet_forget(&s->p, FIELD_SADDR);
	assert_unknown(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE_TEST(test_policy),
		SCENE_TEST(test_jumps),
		SCENE_TEST(test_loop_is_refused),
		SCENE_TEST(test_work_is_bounded),
		SCENE_TEST(test_map),
		SCENE_TEST(test_map_of_states),
		SCENE_TEST(test_targets),
		SCENE_TEST(test_never_reached),
		SCENE_TEST(test_rules_in_a_row),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	intern_forget();
	return failed;
}
