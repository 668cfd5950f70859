/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_walk_path.c: what hooks on a packet's path. */
#include "tests/unit/walk_scene.h"

/* Both worlds, several tables: any drop wins, an accept ends its chain. */
static void test_worlds(void **state)
{
	struct scene *s = *state;
	uint32_t legacy, v6;

	scene_rule(s, scene_input(s, "accept"), FOREIGN_ACCEPT, NULL);
	scene_table(s, WORLD_LEGACY, NFPROTO_IPV4, "filter");
	legacy = scene_base(s, "INPUT", "filter", "input", "0", "DROP");
	assert_dropped(s);
	s->f->chains[legacy].policy = "ACCEPT";
	assert_accepted(s);
	scene_table(s, WORLD_LEGACY, NFPROTO_IPV6, "filter");
	v6 = scene_base(s, "INPUT", "filter", "input", "0", "DROP");
	assert_accepted(s);
	s->f->tables[s->f->chains[v6].table].family = NFPROTO_BRIDGE;
	assert_accepted(s);
	s->p.family = NFPROTO_IPV6;
	s->f->tables[s->f->chains[v6].table].family = NFPROTO_IPV6;
	assert_dropped(s);
}

static void test_order_of_priorities(void **state)
{
	static const char *const words[] = { "raw", "mangle + 5", "-10",
					     "filter", "security" };
	static const int32_t numbers[] = { -300, -145, -10, 0, 50 };
	struct scene *s = *state;
	size_t k = 0;

	scene_table(s, WORLD_NFT, NFPROTO_IPV4, "t");
	for (size_t i = ARRAY_SIZE(words); i--; )
		scene_base(s, words[i], "filter", "input", words[i], NULL);
	assert_accepted(s);
	for (size_t i = 0; i < s->w.n_phases; i++)
		if (s->w.phases[i].hook == NF_INET_LOCAL_IN)
			assert_int_equal(s->w.phases[i].priority,
					 numbers[k++]);
	assert_int_equal(k, ARRAY_SIZE(numbers));
}

/* NOTRACK in a chain of prerouting, and an input that wants UNTRACKED. */
static uint32_t notrack(struct scene *s, const char *priority)
{
	uint32_t pre, in = scene_input(s, "drop");

	scene_rule(s, in, FOREIGN_ACCEPT, NULL);
	scene_match_states(s, UNTRACKED);
	pre = scene_base(s, "pre", "filter", "prerouting", priority, NULL);
	scene_rule(s, pre, FOREIGN_NONE, NULL);
	scene_term(s, (struct term){ .kind = TERM_NOTRACK });
	return pre;
}

static void test_notrack(void **state)
{
	struct scene *s = *state;
	uint32_t pre = notrack(s, "raw");

	assert_accepted(s);
	assert_int_equal(s->w.tracked, TRUTH_NO);
	s->f->chains[pre].priority = "-199";
	assert_dropped(s);
	assert_int_equal(s->w.tracked, TRUTH_YES);
	/* what has no entry can still be taken out */
	s->p.ct_states = INVALID;
	assert_accepted(s);
	/* at -200 the kernel knows which is first, and nobody else */
	s->p.ct_states = NEW;
	s->f->chains[pre].priority = "raw + 100";
	assert_unknown(s);
	assert_true(s->w.order_matters);
	assert_int_equal(s->w.tracked, TRUTH_MAYBE);
	s->f->chains[pre].hook = "postrouting";
	assert_dropped(s);
}

/* In raw, a packet has no state but INVALID, or the one that NOTRACK gave. */
static void test_state_in_raw(void **state)
{
	struct scene *s = *state;
	uint32_t pre = notrack(s, "raw");

	scene_rule(s, pre, FOREIGN_DROP, NULL);
	scene_match_states(s, NEW | INVALID);
	assert_accepted(s);
	s->f->terms[s->f->rules[1].terms].kind = TERM_LOSE_MARK;
	assert_dropped(s);
}

static void test_no_tracking(void **state)
{
	struct scene *s = *state;

	scene_rule(s, scene_input(s, "drop"), FOREIGN_ACCEPT, NULL);
	scene_match_states(s, INVALID);
	s->p.tracking = TRUTH_NO;
	assert_accepted(s);
	assert_int_equal(s->w.tracked, TRUTH_NO);
	s->p.tracking = TRUTH_MAYBE;
	assert_unknown(s);
}

/* Neighbour discovery is never tracked. */
static void test_neighbours(void **state)
{
	struct scene *s = *state;

	scene_rule(s, scene_input(s, "drop"), FOREIGN_ACCEPT, NULL);
	scene_match_states(s, UNTRACKED);
	packet_init(&s->p, NFPROTO_IPV6, IPPROTO_ICMPV6, PATH_TO_HOST);
	packet_set_number(&s->p, FIELD_ICMP_TYPE, 135);
	assert_accepted(s);
	packet_set_number(&s->p, FIELD_ICMP_TYPE, 128);
	assert_dropped(s);
}

/* A zone set ahead of conntrack: NOTRACK comes too late. */
static void test_template(void **state)
{
	struct scene *s = *state;
	uint32_t in = scene_input(s, "drop"), pre;

	scene_rule(s, in, FOREIGN_ACCEPT, NULL);
	scene_match_states(s, NEW);
	scene_table(s, WORLD_LEGACY, NFPROTO_IPV4, "raw");
	pre = scene_base(s, "PREROUTING", "filter", "prerouting", "-300", "ACCEPT");
	scene_rule(s, pre, FOREIGN_TARGET, "CT");
	scene_rule(s, pre, FOREIGN_NONE, NULL);
	scene_term(s, (struct term){ .kind = TERM_NOTRACK });
	assert_accepted(s);
	assert_int_equal(s->w.tracked, TRUTH_YES);
}

/* A zone of nft's comes in time behind it, too. */
static void test_zone(void **state)
{
	struct scene *s = *state;
	uint32_t in = scene_input(s, "drop"), pre;
	struct term *t;

	scene_rule(s, in, FOREIGN_ACCEPT, NULL);
	scene_match_states(s, NEW);
	pre = scene_base(s, "pre", "filter", "prerouting", "raw", NULL);
	scene_rule(s, pre, FOREIGN_NONE, NULL);
	scene_term(s, (struct term){ .kind = TERM_NOTRACK });
	scene_rule(s, pre, FOREIGN_NONE, NULL);
	t = scene_term(s, (struct term){ .kind = TERM_ZONE });
	assert_accepted(s);
	assert_int_equal(s->w.tracked, TRUTH_YES);
	t->kind = TERM_HELPER;
	assert_dropped(s);
	assert_int_equal(s->w.tracked, TRUTH_NO);
}

/* Answers are looked for in their own zone, in the direction of answers. */
static void test_zone_of_entry(void **state)
{
	static const struct {
		struct ct_zone entry, rule;
		bool found;
	} cases[] = {
		{ { { 7, 7 }, 3 }, { { 7, 7 }, 3 }, true },
		{ { { 0, 7 }, 3 }, { { 7, 7 }, 3 }, true },
		{ { { 7, 0 }, 3 }, { { 7, 0 }, 3 }, true },
		{ { { 7, 7 }, 3 }, { { 7, 0 }, 3 }, false },
		{ { { 0, 0 }, 3 }, { { 0, 7 }, 3 }, false },
	};
	struct scene *s = *state;
	uint32_t in = scene_input(s, "drop"), pre;
	struct term *t;

	scene_rule(s, in, FOREIGN_ACCEPT, NULL);
	scene_match_states(s, ESTABLISHED);
	pre = scene_base(s, "pre", "filter", "prerouting", "raw", NULL);
	scene_rule(s, pre, FOREIGN_NONE, NULL);
	t = scene_term(s, (struct term){ .kind = TERM_ZONE });
	s->p.answers = s->p.in_zone = true;
	s->p.ct_states = ESTABLISHED;
	s->p.ct_alone = INVALID;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		s->p.zone = cases[i].entry;
		t->zone = cases[i].rule;
		assert_int_equal(scene_outcome(s), cases[i].found ?
				 WALK_ACCEPTED : WALK_DROPPED);
		t->zone.known = CT_ZONE_ORIGINAL;
		assert_unknown(s);
	}
}

static void test_loopback(void **state)
{
	struct scene *s = *state;
	uint32_t in = scene_input(s, "drop"), pre;

	scene_rule(s, in, FOREIGN_ACCEPT, NULL);
	scene_match_states(s, NEW);
	scene_match_iface(s, FIELD_IIF, "lo");
	pre = scene_base(s, "pre", "filter", "prerouting", "raw", NULL);
	scene_rule(s, pre, FOREIGN_NONE, NULL);
	scene_term(s, (struct term){ .kind = TERM_NOTRACK });
	s->p.path = PATH_LOOPBACK;
	packet_set_iface(&s->p, FIELD_IIF, "lo");
	packet_set_iface(&s->p, FIELD_OIF, "lo");
	assert_accepted(s);
	s->f->chains[pre].hook = "output";
	assert_dropped(s);
	assert_int_equal(s->w.tracked, TRUTH_NO);
}

static void test_forwarded(void **state)
{
	struct scene *s = *state;
	uint32_t fwd;

	scene_rule(s, scene_input(s, "drop"), FOREIGN_DROP, NULL);
	fwd = scene_base(s, "forward", "filter", "forward", "filter", "drop");
	scene_rule(s, fwd, FOREIGN_ACCEPT, NULL);
	scene_match_iface(s, FIELD_IIF, "eth0");
	scene_match_iface(s, FIELD_OIF, "eth1");
	s->p.path = PATH_FORWARDED;
	packet_set_iface(&s->p, FIELD_OIF, "eth1");
	assert_accepted(s);
}

/* NAT is for first packets; an untracked one never meets it. */
static uint32_t nat(struct scene *s, const char *target, const char *hook,
		    const char *priority)
{
	uint32_t c;

	scene_table(s, WORLD_LEGACY, NFPROTO_IPV4, "nat");
	c = scene_base(s, "CHAIN", "nat", hook, priority, "ACCEPT");
	scene_rule(s, c, FOREIGN_TARGET, target);
	scene_match(s, FIELD_DPORT, 80, 80);
	return c;
}

static void test_redirect(void **state)
{
	struct scene *s = *state;

	scene_rule(s, scene_input(s, "drop"), FOREIGN_ACCEPT, NULL);
	scene_match(s, FIELD_DPORT, 80, 80);
	nat(s, "REDIRECT", "prerouting", "-100");
	assert_unknown(s);
	assert_int_equal(s->w.translated, TRUTH_YES);
	s->p.ct_states = ESTABLISHED;
	assert_accepted(s);
	assert_int_equal(s->w.translated, TRUTH_NO);
	/* a redirected packet is for this host, whatever it was */
	s->p.ct_states = NEW;
	s->p.path = PATH_FORWARDED;
	assert_unknown(s);
	for (size_t i = 0; i < s->w.n_phases; i++)
		assert_int_not_equal(s->w.phases[i].hook, NF_INET_FORWARD);
}

static void test_untracked_meets_no_nat(void **state)
{
	struct scene *s = *state;

	notrack(s, "raw");
	nat(s, "DNAT", "prerouting", "-100");
	assert_accepted(s);
	assert_int_equal(s->w.translated, TRUTH_NO);
}

/* DNAT may lead away from this host, and to it. */
static void test_dnat(void **state)
{
	struct scene *s = *state;
	uint32_t in = scene_input(s, "accept");

	scene_base(s, "forward", "filter", "forward", "filter", "drop");
	assert_accepted(s);
	nat(s, "DNAT", "prerouting", "-100");
	assert_unknown(s);
	s->f->chains[in].policy = "drop";
	assert_dropped(s);
}

static void test_source_nat(void **state)
{
	struct scene *s = *state;
	uint32_t late;

	s->p.path = PATH_FORWARDED;
	nat(s, "MASQUERADE", "postrouting", "100");
	scene_table(s, WORLD_NFT, NFPROTO_IPV4, "late");
	late = scene_base(s, "late", "filter", "postrouting", "200", "accept");
	scene_rule(s, late, FOREIGN_DROP, NULL);
	scene_match(s, FIELD_SADDR, 0xc0000242, 0xc0000242);
	assert_unknown(s);
	assert_int_equal(s->w.translated, TRUTH_YES);
	s->f->chains[late].priority = "90";
	assert_dropped(s);
}

/* In some orders of two chains of one priority the mark is there in time. */
static void test_ties(void **state)
{
	struct scene *s = *state;
	uint32_t a, b;
	struct term *t;

	scene_table(s, WORLD_NFT, NFPROTO_IPV4, "t");
	a = scene_base(s, "a", "filter", "input", "0", NULL);
	b = scene_base(s, "b", "filter", "input", "0", NULL);
	scene_rule(s, a, FOREIGN_NONE, NULL);
	t = scene_term(s, (struct term){ .kind = TERM_SET_MARK });
	t->flip = 7;
	scene_rule(s, b, FOREIGN_DROP, NULL);
	scene_match(s, FIELD_MARK, 7, 7);
	assert_unknown(s);
	assert_true(s->w.order_matters);
	s->f->chains[b].priority = "1";
	assert_dropped(s);
	assert_false(s->w.order_matters);
	/* NOTRACK beside another chain of raw is certain */
	s->f->chains[b].priority = "0";
	s->f->rules[1].n_terms = 0;
	s->f->rules[1].verdict = FOREIGN_NONE;
	assert_accepted(s);
	assert_false(s->w.order_matters);
}

/* More than all orders of which could be tried. */
static void test_crowd(void **state)
{
	struct scene *s = *state;
	struct term *t;

	scene_table(s, WORLD_NFT, NFPROTO_IPV4, "t");
	for (unsigned int i = 0; i < 6; i++) {
		uint32_t c = scene_base(s, intern_printf("c%u", i), "filter",
					"input", "0", NULL);

		scene_rule(s, c, FOREIGN_NONE, NULL);
		scene_match(s, FIELD_MARK, i, i);
		t = scene_term(s, (struct term){ .kind = TERM_SET_MARK });
		t->flip = i + 1;
	}
	assert_accepted(s);
	s->f->rules[5].verdict = FOREIGN_DROP;
	assert_unknown(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE_TEST(test_worlds),
		SCENE_TEST(test_order_of_priorities),
		SCENE_TEST(test_notrack),
		SCENE_TEST(test_state_in_raw),
		SCENE_TEST(test_no_tracking),
		SCENE_TEST(test_neighbours),
		SCENE_TEST(test_template),
		SCENE_TEST(test_zone_of_entry),
		SCENE_TEST(test_zone),
		SCENE_TEST(test_loopback),
		SCENE_TEST(test_forwarded),
		SCENE_TEST(test_redirect),
		SCENE_TEST(test_untracked_meets_no_nat),
		SCENE_TEST(test_dnat),
		SCENE_TEST(test_source_nat),
		SCENE_TEST(test_ties),
		SCENE_TEST(test_crowd),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	intern_forget();
	return failed;
}
