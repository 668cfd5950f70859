/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_places_far.c: accept rules ahead of rules that don't mean
 * their packets.
 */
#include "tests/unit/places_scene.h"

/* So many accept rules for others. */
static void add_others(struct scene *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t port[2] = { 0x20, (uint8_t)i };

		by_state(s, s->input, NEW, FOREIGN_ACCEPT);
		ask(s->f, FIELD_DPORT, port, port, 2, false);
	}
}

/* So many services of TCP, each with an accept rule of the host's. */
static void add_services(struct scene *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint16_t p = (uint16_t)(0x2000 + s->rs.n);
		uint8_t port[2] = { (uint8_t)(p >> 8), (uint8_t)p };
		struct rule *r = want(s, IPPROTO_TCP, LEG_REQUEST);

		r->match.dport.v[0] = (struct port_range){ p, p };
		by_state(s, s->input, NEW, FOREIGN_ACCEPT);
		ask(s->f, FIELD_DPORT, port, port, 2, false);
	}
}

/* Behind how many rules the accept rule of what is new stands. */
static uint32_t place_of_new(struct scene *s)
{
	by_state(s, s->input, NEW, FOREIGN_ACCEPT);
	find(s);
	assert_int_equal(s->stands.n, 1);
	return s->stands.v[0].behind;
}

/* Each datagram looks like the first: it passes few rules of others. */
static void test_requests_go_ahead(void **state)
{
	struct scene *s = *state;

	s->rs.v[0].match.proto = IPPROTO_UDP;
	add_others(s, 17);
	assert_int_equal(place_of_new(s), 0);
}

static void test_requests_stay_near(void **state)
{
	struct scene *s = *state;

	s->rs.v[0].match.proto = IPPROTO_UDP;
	add_others(s, 16);
	assert_int_equal(place_of_new(s), 16);
}

/* Of a connection of tcp, the first packet alone passes them, as before. */
static void test_connections_stay(void **state)
{
	struct scene *s = *state;

	add_others(s, 40);
	assert_int_equal(place_of_new(s), 40);
}

/* Whatever may mean them is met first. */
static void assert_met(struct scene *s, uint32_t at)
{
	s->rs.v[0].match.proto = IPPROTO_UDP;
	add_others(s, 20);
	assert_int_equal(place_of_new(s), at);
}

static void test_requests_meet_bans(void **state)
{
	struct scene *s = *state;

	add_others(s, 3);
	add_rule(s->f, s->input, FOREIGN_DROP, NULL);
	ask_source(s->f, "10.0.0.9", "10.0.0.9", false);
	assert_met(s, 4);
}

static void test_requests_meet_jumps(void **state)
{
	struct scene *s = *state;

	add_chain(s->f, "bans", NULL);		/* is empty, today */
	add_rule(s->f, s->input, FOREIGN_JUMP, "bans");
	assert_met(s, 1);
}

static void test_requests_meet_logs(void **state)
{
	struct scene *s = *state;

	add_rule(s->f, s->input, FOREIGN_TARGET, "LOG");
	assert_met(s, 1);
}

static void test_requests_meet_sets(void **state)
{
	struct scene *s = *state;

	add_rule(s->f, s->input, FOREIGN_DROP, NULL);
	ask_source(s->f, "10.0.0.9", "10.0.0.9", false);
	s->f->sets[s->f->n_sets - 1].name = "banned";
	assert_met(s, 1);
}

/* Of the rule: a map of that name, which accepts one address, or none. */
static void add_map(struct foreign *f, const char *name, bool empty)
{
	static const struct key_range key = {
		{ 10, 0, 0, 9 }, { 10, 0, 0, 9 },
	};
	static const struct foreign_outcome way = { FOREIGN_ACCEPT, NULL };
	struct term t = { .kind = TERM_VMAP, .n_fields = 1,
			  .field = { FIELD_SADDR }, .family = NFPROTO_IPV4 };

	assert_int_equal(foreign_begin_set(f, name, 1, true, &t.set), 0);
	if (!empty)
		assert_int_equal(foreign_add_key(f, &key, &way), 0);
	assert_int_equal(foreign_add_term(f, &t), 0);
}

/* It may drop them tomorrow. */
static void test_requests_meet_maps(void **state)
{
	struct scene *s = *state;

	add_rule(s->f, s->input, FOREIGN_NONE, NULL);
	add_map(s->f, "bans", true);
	assert_met(s, 1);
}

static void test_requests_meet_maps_that_accept(void **state)
{
	struct scene *s = *state;

	add_rule(s->f, s->input, FOREIGN_NONE, NULL);
	add_map(s->f, "bans", false);
	assert_met(s, 1);
}

/* Nobody can add to a map without a name. */
static void test_requests_pass_maps(void **state)
{
	struct scene *s = *state;

	add_rule(s->f, s->input, FOREIGN_NONE, NULL);
	add_map(s->f, NULL, false);
	assert_met(s, 0);
}

static void test_requests_meet_sets_of_states(void **state)
{
	struct scene *s = *state;

	by_state(s, s->input, INVALID, FOREIGN_DROP);
	s->f->sets[s->f->n_sets - 1].name = "states";
	assert_met(s, 1);
}

/* TCP, where hundreds of rules share a place. */
static void test_many_meet_maps(void **state)
{
	struct scene *s = *state;

	add_services(s, 20);
	add_rule(s->f, s->input, FOREIGN_NONE, NULL);
	add_map(s->f, "bans", true);
	add_services(s, 20);
	find(s);
	assert_int_equal(s->stands.n, 2);
	assert_stand(s, 0, "INPUT", 0, 20);
	assert_stand(s, 1, "INPUT", 21, 20);
}

/* An accept that also logs is more than one that accepts. */
static void test_requests_and_accepts(void **state)
{
	static const char logs[] = "ip saddr 10.0.0.9 log accept";
	struct scene *s = *state;

	add_rule(s->f, s->input, FOREIGN_ACCEPT, NULL)->raw =
		(struct foreign_text){ logs, sizeof(logs) - 1 };
	ask_source(s->f, "10.0.0.9", "10.0.0.9", false);
	add_rule(s->f, s->input, FOREIGN_ACCEPT, NULL);
	ask_source(s->f, "10.0.0.10", "10.0.0.10", false);
	assert_met(s, 1);
}

/* Ahead of the policy and its log, so far as nothing else means them. */
static void test_open_goes_ahead(void **state)
{
	struct scene *s = *state;

	opened(s);
	s->rs.v[0].match.proto = IPPROTO_UDP;
	add_rule(s->f, s->input, FOREIGN_DROP, NULL);
	ask_source(s->f, "10.0.0.9", "10.0.0.9", false);
	add_others(s, 40);
	add_rule(s->f, s->input, FOREIGN_TARGET, "LOG");
	find(s);
	assert_int_equal(s->stands.n, 2);
	assert_stand(s, 0, "INPUT", 1, 1);
	assert_int_equal(s->stands.v[0].accepts.v[0].match.proto, IPPROTO_UDP);
	assert_stand(s, 1, "INPUT", 41, 1);	/* ICMP errors */
}

/* One jump for a hundred places, whatever is accepted there. */
static void test_many_share(void **state)
{
	struct scene *s = *state;

	add_services(s, 20);
	add_rule(s->f, s->input, FOREIGN_DROP, NULL);
	ask_source(s->f, "10.0.0.9", "10.0.0.9", false);
	add_services(s, 20);
	find(s);
	assert_int_equal(s->stands.n, 2);
	assert_stand(s, 0, "INPUT", 0, 20);
	assert_stand(s, 1, "INPUT", 21, 20);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_requests_go_ahead),
		TEST(test_requests_stay_near),
		TEST(test_connections_stay),
		TEST(test_requests_meet_bans),
		TEST(test_requests_meet_jumps),
		TEST(test_requests_meet_logs),
		TEST(test_requests_meet_sets),
		TEST(test_requests_meet_maps),
		TEST(test_requests_meet_maps_that_accept),
		TEST(test_requests_pass_maps),
		TEST(test_requests_meet_sets_of_states),
		TEST(test_many_meet_maps),
		TEST(test_requests_and_accepts),
		TEST(test_open_goes_ahead),
		TEST(test_many_share),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
