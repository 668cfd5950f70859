/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_walk_term.c: what a rule asks of a packet. */
#include <linux/rtnetlink.h>

#include "tests/unit/walk_scene.h"

/* Every kind of key: exact, a range, masked, negated, absent, unknown. */
static void test_numbers(void **state)
{
	struct scene *s = *state;
	struct term *t;

	scene_rule(s, scene_input(s, "drop"), FOREIGN_ACCEPT, NULL);
	t = scene_match(s, FIELD_DPORT, 80, 443);
	assert_accepted(s);
	t->negated = true;
	assert_dropped(s);
	packet_set_number(&s->p, FIELD_DPORT, 79);
	assert_accepted(s);
	packet_lose(&s->p, FIELD_DPORT);
	assert_dropped(s);
	t->negated = false;
	assert_dropped(s);
	packet_forget(&s->p, FIELD_DPORT);
	assert_unknown(s);
	assert_int_equal(s->w.steps[0].matched, TRUTH_MAYBE);
	assert_int_equal(s->w.steps[0].term, 0);
}

/* A range of everything holds for what is there, whatever it is. */
static void test_unknown_value_in_full_range(void **state)
{
	struct scene *s = *state;

	scene_rule(s, scene_input(s, "drop"), FOREIGN_ACCEPT, NULL);
	scene_match(s, FIELD_DPORT, 0, 65535);
	packet_forget(&s->p, FIELD_DPORT);
	assert_accepted(s);
	s->p.field[FIELD_DPORT].there = TRUTH_MAYBE;
	assert_unknown(s);
}

static void test_flags(void **state)
{
	struct scene *s = *state;
	struct term *t;

	scene_rule(s, scene_input(s, "drop"), FOREIGN_ACCEPT, NULL);
	t = scene_match(s, FIELD_TCP_FLAGS, SYN, SYN);
	t->masked = true;
	t->mask[0] = SYN | ACK;
	assert_accepted(s);
	packet_set_number(&s->p, FIELD_TCP_FLAGS, SYN | ACK);
	assert_dropped(s);
	packet_set_number(&s->p, FIELD_TCP_FLAGS, SYN | 0x40);
	assert_accepted(s);
	t->masked = false;
	assert_dropped(s);
}

static void test_family(void **state)
{
	struct scene *s = *state;
	struct term *t;

	scene_rule(s, scene_input(s, "drop"), FOREIGN_ACCEPT, NULL);
	t = scene_match(s, FIELD_SADDR, 0xc0000200, 0xc00002ff);
	t->family = NFPROTO_IPV4;
	assert_accepted(s);
	t->family = NFPROTO_IPV6;
	assert_dropped(s);
	t->negated = true;
	assert_dropped(s);
}

/* What comes from the network does not come from lo, unknown as it is. */
static void test_interfaces(void **state)
{
	struct scene *s = *state;
	struct term *t;

	scene_rule(s, scene_input(s, "drop"), FOREIGN_ACCEPT, NULL);
	t = scene_match_iface(s, FIELD_IIF, "eth0");
	assert_accepted(s);
	packet_forget(&s->p, FIELD_IIF);
	assert_unknown(s);
	t = scene_match_iface(s, FIELD_IIF, "lo");
	assert_dropped(s);
	t->negated = true;
	assert_unknown(s);
	s->f->rules[0].terms = 1;
	s->f->rules[0].n_terms = 1;
	assert_accepted(s);
	/* there is no output interface yet: no name */
	t->field[0] = FIELD_OIF;
	assert_accepted(s);
}

static void test_states(void **state)
{
	struct scene *s = *state;
	struct term *t;

	scene_rule(s, scene_input(s, "drop"), FOREIGN_ACCEPT, NULL);
	t = scene_match_states(s, ESTABLISHED | RELATED);
	assert_dropped(s);
	s->p.ct_states = ESTABLISHED;
	assert_accepted(s);
	t->negated = true;
	assert_dropped(s);
	s->p.ct_states = INVALID;
	assert_accepted(s);
	s->p.ct_states = ESTABLISHED | RELATED | INVALID;
	assert_unknown(s);
}

/* iptables' DNAT: whatever the state, if there is an entry. */
static void test_nat_among_states(void **state)
{
	struct scene *s = *state;
	struct term *t;

	scene_rule(s, scene_input(s, "drop"), FOREIGN_ACCEPT, NULL);
	t = scene_match(s, FIELD_STATE, STATE_LISTS_DNAT, STATE_LISTS_DNAT);
	s->p.ct_states = ESTABLISHED;
	assert_unknown(s);
	t->negated = true;
	assert_unknown(s);
	s->p.ct_states = INVALID;
	assert_accepted(s);
	t->negated = false;
	assert_dropped(s);
	s->p.ct_states = NEW;
	packet_set_number(&s->p, FIELD_STATUS, IPS_DST_NAT);
	assert_accepted(s);
	packet_set_number(&s->p, FIELD_STATUS, IPS_SRC_NAT);
	assert_dropped(s);
}

/* nft's `ct state != established,related` compares the whole word. */
static void test_state_word(void **state)
{
	struct scene *s = *state;
	struct term *t;

	scene_rule(s, scene_input(s, "accept"), FOREIGN_DROP, NULL);
	t = scene_match(s, FIELD_STATE, ESTABLISHED | RELATED,
			ESTABLISHED | RELATED);
	t->negated = true;
	s->p.ct_states = ESTABLISHED;
	assert_dropped(s);
	/* `ct state & (established | related) == 0` */
	s->f->ranges[0] = scene_range(FIELD_STATE, 0, 0);
	t->negated = false;
	t->masked = true;
	t->mask[3] = ESTABLISHED | RELATED;
	assert_accepted(s);
	s->p.ct_states = NEW;
	assert_dropped(s);
}

/* What one rule may have let through is not what meets the next. */
static void test_states_are_narrowed(void **state)
{
	struct scene *s = *state;
	uint32_t in = scene_input(s, "drop");

	s->p.ct_states = NEW | ESTABLISHED;
	scene_rule(s, in, FOREIGN_ACCEPT, NULL);
	scene_match_states(s, ESTABLISHED);
	scene_rule(s, in, FOREIGN_ACCEPT, NULL);
	scene_match_states(s, NEW);
	assert_accepted(s);
	assert_int_equal(s->w.n_steps, 2);
	assert_int_equal(s->w.steps[1].matched, TRUTH_YES);
	assert_int_equal(s->w.steps[1].reached, TRUTH_MAYBE);
}

static void test_sets(void **state)
{
	struct scene *s = *state;
	uint32_t set;

	scene_rule(s, scene_input(s, "drop"), FOREIGN_ACCEPT, NULL);
	assert_int_equal(foreign_begin_set(s->f, "ports", 1, false, &set), 0);
	for (uint32_t i = 100; i; i--) {
		struct key_range v = scene_range(FIELD_DPORT, i * 20,
						 i * 20 + 3);

		assert_int_equal(foreign_add_key(s->f, &v, NULL), 0);
	}
	scene_term(s, (struct term){ .kind = TERM_MATCH, .n_fields = 1,
			       .field = { FIELD_DPORT }, .set = set });
	assert_accepted(s);
	packet_set_number(&s->p, FIELD_DPORT, 83);
	assert_accepted(s);
	packet_set_number(&s->p, FIELD_DPORT, 84);
	assert_dropped(s);
	packet_forget(&s->p, FIELD_DPORT);
	assert_unknown(s);
	packet_set_number(&s->p, FIELD_DPORT, 84);
	s->f->sets[set].known = false;
	assert_unknown(s);
}

/* A key of two fields, and two fields that are alternatives. */
static void test_concatenation(void **state)
{
	struct scene *s = *state;
	struct key_range v[2] = { scene_range(FIELD_SPORT, 1000, 2000),
				  scene_range(FIELD_DPORT, 80, 80) };
	struct term *t;
	uint32_t set;

	scene_rule(s, scene_input(s, "drop"), FOREIGN_ACCEPT, NULL);
	assert_int_equal(foreign_begin_set(s->f, NULL, 2, false, &set), 0);
	assert_int_equal(foreign_add_key(s->f, v, NULL), 0);
	t = scene_term(s, (struct term){ .kind = TERM_MATCH, .n_fields = 2,
				   .field = { FIELD_SPORT, FIELD_DPORT },
				   .set = set });
	assert_dropped(s);
	packet_set_number(&s->p, FIELD_SPORT, 1500);
	assert_accepted(s);
	packet_forget(&s->p, FIELD_SPORT);
	assert_unknown(s);
	packet_set_number(&s->p, FIELD_DPORT, 81);
	assert_dropped(s);
	assert_int_equal(foreign_begin_set(s->f, NULL, 1, false, &set), 0);
	assert_int_equal(foreign_add_key(s->f, v, NULL), 0);
	t->set = set;
	t->either = true;
	assert_unknown(s);
	packet_set_number(&s->p, FIELD_DPORT, 1001);
	assert_accepted(s);
	t->negated = true;
	assert_dropped(s);
}

static void test_opaque(void **state)
{
	struct scene *s = *state;
	uint32_t in = scene_input(s, "drop");

	scene_rule(s, in, FOREIGN_ACCEPT, NULL);
	scene_opaque(s, "limit");
	assert_unknown(s);
	assert_string_equal(s->f->terms[s->w.steps[0].term].name, "limit");
	/* both ways lead to the same end */
	s->f->rules[0].verdict = FOREIGN_DROP;
	assert_dropped(s);
}

static void test_marks(void **state)
{
	struct scene *s = *state;
	uint32_t in = scene_input(s, "drop");
	struct term *t;

	scene_rule(s, in, FOREIGN_NONE, NULL);
	t = scene_term(s, (struct term){ .kind = TERM_SET_MARK });
	t->keep = 0xffff00ff;
	t->flip = 0x1200;
	scene_rule(s, in, FOREIGN_ACCEPT, NULL);
	t = scene_match(s, FIELD_MARK, 0x1200, 0x1200);
	assert_accepted(s);
	/* of a mark that is lost, what was set since is known */
	packet_forget(&s->p, FIELD_MARK);
	assert_unknown(s);
	t->masked = true;
	t->mask[2] = 0xff;
	assert_accepted(s);
	scene_rule(s, in, FOREIGN_NONE, NULL);
	s->f->terms[0].kind = TERM_LOSE_MARK;
	assert_unknown(s);
}

/* Joined: set or not, where it is not known whether a rule did it. */
static void test_marks_are_joined(void **state)
{
	struct scene *s = *state;
	uint32_t in = scene_input(s, "drop");
	struct term *t;

	scene_rule(s, in, FOREIGN_NONE, NULL);
	scene_opaque(s, "limit");
	t = scene_term(s, (struct term){ .kind = TERM_SET_MARK });
	t->flip = 0x10;
	scene_rule(s, in, FOREIGN_ACCEPT, NULL);
	t = scene_match(s, FIELD_MARK, 0x10, 0x10);
	assert_unknown(s);
	s->f->ranges[0] = scene_range(FIELD_MARK, 0, 0x10);
	assert_accepted(s);
	/* the bits that both ways share are known */
	s->f->ranges[0] = scene_range(FIELD_MARK, 0x20, 0x2f);
	assert_dropped(s);
}

/* Whoever it is that sends, it is one host. */
static void test_one_sender(void **state)
{
	struct scene *s = *state;
	uint32_t in = scene_input(s, "accept");

	scene_rule(s, in, FOREIGN_DROP, NULL);
	scene_match(s, FIELD_SADDR, 0xe0000000, 0xefffffff)->family =
		NFPROTO_IPV4;
	packet_forget(&s->p, FIELD_SADDR);
	packet_forget(&s->p, FIELD_SADDR_TYPE);
	assert_unknown(s);
	packet_set_number(&s->p, FIELD_SADDR_TYPE, RTN_UNICAST);
	assert_accepted(s);
	packet_set_number(&s->p, FIELD_SADDR_TYPE, RTN_MULTICAST);
	assert_unknown(s);
}

/* Of the connection: saved, restored, and nothing without an entry. */
static void test_marks_of_entries(void **state)
{
	struct scene *s = *state;
	uint32_t in = scene_input(s, "drop");
	struct term *t;

	s->p.ctmark_new = UINT32_MAX;
	scene_rule(s, in, FOREIGN_NONE, NULL);
	t = scene_term(s, (struct term){ .kind = TERM_SET_CTMARK });
	t->keep = 0xffffff00;
	t->flip = 0x12;
	scene_rule(s, in, FOREIGN_NONE, NULL);
	t = scene_term(s, (struct term){ .kind = TERM_SET_MARK });
	t->take = 0xffff;
	scene_rule(s, in, FOREIGN_ACCEPT, NULL);
	scene_match(s, FIELD_MARK, 0x12, 0x12);
	s->p.ct_states = NF_CT_STATE_BIT(IP_CT_NEW);
	assert_accepted(s);
	/* what no rule has set may be any program's, if the entry is old */
	s->p.ctmark_new = 0;
	assert_unknown(s);
	s->p.ct_states = NF_CT_STATE_INVALID_BIT;
	assert_dropped(s);
	/* a rule that asks for it holds with an entry alone */
	s->p.ctmark_new = UINT32_MAX;
	s->f->terms[s->f->rules[2].terms].field[0] = FIELD_CTMARK;
	assert_dropped(s);
	s->p.ct_states = NF_CT_STATE_BIT(IP_CT_NEW);
	assert_unknown(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE_TEST(test_numbers),
		SCENE_TEST(test_unknown_value_in_full_range),
		SCENE_TEST(test_flags),
		SCENE_TEST(test_family),
		SCENE_TEST(test_interfaces),
		SCENE_TEST(test_states),
		SCENE_TEST(test_nat_among_states),
		SCENE_TEST(test_state_word),
		SCENE_TEST(test_states_are_narrowed),
		SCENE_TEST(test_sets),
		SCENE_TEST(test_concatenation),
		SCENE_TEST(test_opaque),
		SCENE_TEST(test_marks),
		SCENE_TEST(test_marks_are_joined),
		SCENE_TEST(test_marks_of_entries),
		SCENE_TEST(test_one_sender),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	intern_forget();
	return failed;
}
