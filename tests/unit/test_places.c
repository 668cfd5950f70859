/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_places.c: where accept rules stand among a host's own. */
#include "tests/unit/places_scene.h"

#define SYN "tcp flags syn / fin,syn,rst,ack "

/* What becomes of the packets of its first rule. */
static void assert_then(const struct scene *s, size_t i, const char *words)
{
	assert_true(i < s->stands.n);
	assert_non_null(s->stands.v[i].accepts.v[0].then);
	assert_string_equal(s->stands.v[i].accepts.v[0].then, words);
}

/* The request is judged twice: its first packets, and what follows. */
static void test_by_state(void **state)
{
	struct scene *s = *state;

	plain(s, s->input, FOREIGN_NONE);
	by_state(s, s->input, ESTABLISHED, FOREIGN_ACCEPT);
	by_state(s, s->input, RELATED, FOREIGN_ACCEPT);
	by_state(s, s->input, NEW, FOREIGN_ACCEPT);
	find(s);
	assert_int_equal(s->stands.n, 3);
	assert_stand(s, 0, "INPUT", 1, 1);
	assert_true(s->stands.v[0].accepts.v[0].match.not_syn);
	assert_stand(s, 1, "INPUT", 2, 1);
	assert_int_equal(s->stands.v[1].accepts.v[0].match.proto, IPPROTO_ICMP);
	assert_stand(s, 2, "INPUT", 3, 1);
	assert_false(s->stands.v[2].accepts.v[0].match.not_syn);
}

static void test_invalid_goes_first(void **state)
{
	struct scene *s = *state;

	by_state(s, s->input, INVALID, FOREIGN_DROP);
	by_state(s, s->input, RELATED, FOREIGN_ACCEPT);
	find(s);
	assert_int_equal(s->stands.n, 1);
	assert_stand(s, 0, "INPUT", 0, 1);
	assert_int_equal(s->stands.v[0].accepts.v[0].match.proto, IPPROTO_ICMP);
}

/* The host would not accept them, or not those that it bans first. */
static void test_errors_are_not_let_in(void **state)
{
	struct scene *s = *state;

	by_state(s, s->input, INVALID, FOREIGN_DROP);
	find(s);
	assert_int_equal(s->stands.n, 0);
	add_rule(s->f, s->input, FOREIGN_DROP, NULL);
	ask_source(s->f, "10.0.0.1", "10.0.0.1", false);
	by_state(s, s->input, RELATED, FOREIGN_ACCEPT);
	find(s);
	assert_int_equal(s->stands.n, 1);
	assert_stand(s, 0, "INPUT", 0, 2);
	assert_then(s, 0, "drop");
}

/* `! --ctstate NEW,ESTABLISHED,RELATED -j DROP`, and then all is accepted. */
static void test_none_of_these_states(void **state)
{
	struct scene *s = *state;

	s->f->chains[s->input].policy = "accept";
	add_rule(s->f, s->input, FOREIGN_DROP, NULL);
	in_state(s, NEW, true);
	in_state(s, ESTABLISHED, true);
	in_state(s, RELATED, true);
	find(s);
	assert_int_equal(s->stands.n, 1);
	assert_stand(s, 0, "INPUT", 0, 2);
}

static void test_conditions(void **state)
{
	struct scene *s = *state;
	const struct match *m;

	add_rule(s->f, s->input, FOREIGN_ACCEPT, NULL);
	in_state(s, NEW, false);
	ask_source(s->f, "10.0.0.0", "10.0.0.127", false);
	ask(s->f, FIELD_DPORT, "\0\x50", "\x1f\x90", 2, false);
	ask(s->f, FIELD_IIF, "eth0", "eth0", 4, false);
	/* another port, another protocol */
	add_rule(s->f, s->input, FOREIGN_ACCEPT, NULL);
	in_state(s, NEW, false);
	ask(s->f, FIELD_DPORT, "\0\x16", "\0\x16", 2, false);
	add_rule(s->f, s->input, FOREIGN_ACCEPT, NULL);
	in_state(s, NEW, false);
	ask(s->f, FIELD_L4PROTO, "\x11", "\x11", 1, false);
	find(s);
	assert_int_equal(s->stands.n, 1);
	assert_stand(s, 0, "INPUT", 0, 1);
	m = &s->stands.v[0].accepts.v[0].match;
	assert_int_equal(m->saddr.n, 1);
	assert_int_equal(prefix_set_at(&m->saddr, 0).len, 25);
	assert_int_equal(m->dport.n, 1);
	assert_int_equal(m->dport.v[0].last, 80);
	assert_int_equal(m->iif.n, 1);
	assert_string_equal(m->iif.v[0].name, "eth0");
}

/* No match can say them, or not for long: the host's own words do. */
static void test_conditions_unknown(void **state)
{
	static const struct term limit = { .kind = TERM_OPAQUE,
					   .name = "limit" };
	static const char words[] = "ct state new limit rate 5/minute accept";
	struct scene *s = *state;

	add_rule(s->f, s->input, FOREIGN_ACCEPT, NULL);
	in_state(s, NEW, false);
	assert_int_equal(foreign_add_term(s->f, &limit), 0);
	s->f->rules[s->f->n_rules - 1].raw = (struct foreign_text){
		words, sizeof(words) - 1 };
	add_rule(s->f, s->input, FOREIGN_ACCEPT, NULL);
	in_state(s, NEW, false);
	ask_source(s->f, "10.0.0.0", "10.0.0.127", false);
	s->f->sets[s->f->n_sets - 1].name = "admins";
	find(s);
	assert_int_equal(s->stands.n, 2);
	assert_then(s, 0, SYN "limit rate 5/minute burst 5 packets accept");
	assert_then(s, 1, SYN "ip saddr @admins accept");
}

/* A ban between the two keeps what it bans, ICMP errors too. */
static void test_invalid_goes_ahead_of_bans(void **state)
{
	struct scene *s = *state;
	uint32_t bans = add_chain(s->f, "bans", NULL);

	by_state(s, s->input, INVALID, FOREIGN_DROP);
	add_rule(s->f, s->input, FOREIGN_DROP, NULL);
	ask_source(s->f, "10.0.0.9", "10.0.0.9", false);
	add_rule(s->f, s->input, FOREIGN_JUMP, "bans");
	by_state(s, s->input, RELATED, FOREIGN_ACCEPT);
	add_rule(s->f, bans, FOREIGN_DROP, NULL);
	ask_source(s->f, "10.0.0.10", "10.0.0.10", false);
	find(s);
	assert_int_equal(s->stands.n, 1);
	assert_stand(s, 0, "INPUT", 0, 3);
	assert_then(s, 0, "drop");
	assert_string_equal(s->stands.v[0].accepts.v[1].then, "jump bans");
	assert_null(s->stands.v[0].accepts.v[2].then);
}

/* Words that stand for nothing. */
static void test_conditions_unsaid(void **state)
{
	static const struct term quota = { .kind = TERM_OPAQUE,
					   .name = "quota" };
	struct scene *s = *state;

	add_rule(s->f, s->input, FOREIGN_ACCEPT, NULL);
	in_state(s, NEW, false);
	assert_int_equal(foreign_add_term(s->f, &quota), 0);
	find(s);
	assert_int_equal(s->stands.n, 0);
}

/* What was dropped for being new still is, and what led elsewhere does. */
static void test_conditions_repeated(void **state)
{
	struct scene *s = *state;
	uint32_t fresh = add_chain(s->f, "fresh", NULL);

	by_state(s, s->input, NEW, FOREIGN_DROP);
	ask_source(s->f, "10.0.0.0", "10.0.0.127", false);
	add_rule(s->f, s->input, FOREIGN_JUMP, "fresh");
	in_state(s, NEW, false);
	add_rule(s->f, fresh, FOREIGN_ACCEPT, NULL);
	find(s);
	assert_int_equal(s->stands.n, 2);
	assert_stand(s, 0, "INPUT", 0, 1);
	assert_then(s, 0, SYN "drop");
	assert_int_equal(s->stands.v[0].accepts.v[0].match.saddr.n, 1);
	assert_stand(s, 1, "INPUT", 1, 1);
	assert_then(s, 1, SYN "jump fresh");
}

static void test_open(void **state)
{
	struct scene *s = *state;
	uint32_t bans = add_chain(s->f, "bans", NULL);

	opened(s);
	add_rule(s->f, s->input, FOREIGN_JUMP, "bans");
	by_state(s, s->input, ESTABLISHED, FOREIGN_ACCEPT);
	add_rule(s->f, s->input, FOREIGN_JUMP, "LOG");
	add_rule(s->f, bans, FOREIGN_DROP, NULL);
	ask_source(s->f, "10.0.0.1", "10.0.0.1", false);
	find(s);
	assert_int_equal(s->stands.n, 2);
	assert_stand(s, 0, "INPUT", 1, 1);
	/* ahead of the log, and of the policy */
	assert_stand(s, 1, "INPUT", 2, 2);
}

/* What a program decides about, it goes on deciding about. */
static void test_open_and_a_queue(void **state)
{
	struct scene *s = *state;

	opened(s);
	add_rule(s->f, s->input, FOREIGN_JUMP, "NFQUEUE");
	add_rule(s->f, s->input, FOREIGN_JUMP, "LOG");
	find(s);
	assert_int_equal(s->stands.n, 1);
	assert_stand(s, 0, "INPUT", 1, 2);
}

/* A last rule for all is the default, one for somebody is not. */
static void test_open_and_last_rules(void **state)
{
	struct scene *s = *state;

	opened(s);
	s->f->chains[s->input].policy = "accept";
	add_rule(s->f, s->input, FOREIGN_REJECT, NULL);
	ask(s->f, FIELD_DPORT, "\0\x50", "\0\x50", 2, false);
	find(s);
	assert_int_equal(s->stands.n, 0);
	add_rule(s->f, s->input, FOREIGN_REJECT, NULL);
	find(s);
	/* the service is rejected by name; the errors are not */
	assert_int_equal(s->stands.n, 1);
	assert_stand(s, 0, "INPUT", 1, 1);
}

static void test_nothing_drops(void **state)
{
	struct scene *s = *state;

	opened(s);
	s->f->chains[s->input].policy = "accept";
	by_state(s, s->input, ESTABLISHED, FOREIGN_ACCEPT);
	find(s);
	assert_int_equal(s->stands.n, 0);
	s->f->chains[s->input].policy = "drop";
	s->f->chains[s->input].hook = "output";
	find(s);
	assert_int_equal(s->stands.n, 0);
}

static void test_accepted_anyway(void **state)
{
	struct scene *s = *state;

	s->rs.n = 1;
	add_rule(s->f, s->input, FOREIGN_ACCEPT, NULL);
	ask(s->f, FIELD_DPORT, "\0\x50", "\0\x50", 2, false);
	by_state(s, s->input, ESTABLISHED, FOREIGN_ACCEPT);
	find(s);
	assert_int_equal(s->stands.n, 0);
}

static void test_chains(void **state)
{
	struct scene *s = *state;
	uint32_t before = add_chain(s->f, "before", NULL);
	uint32_t user = add_chain(s->f, "user", NULL);

	add_rule(s->f, s->input, FOREIGN_JUMP, "before");
	add_rule(s->f, s->input, FOREIGN_JUMP, "user");
	by_state(s, before, ESTABLISHED, FOREIGN_ACCEPT);
	by_state(s, user, NEW, FOREIGN_ACCEPT);
	/* a chain that calls itself is no chain of any kernel */
	add_rule(s->f, user, FOREIGN_JUMP, "user");
	find(s);
	assert_int_equal(s->stands.n, 2);
	assert_stand(s, 0, "before", 0, 1);
	assert_stand(s, 1, "user", 0, 1);
}

/* Of a rule: its second range, of addresses and ports, leads to the chain. */
static void lead_by_map(struct foreign *f, const char *chain)
{
	static const struct key_range keys[][2] = {
		{ { { 10 }, { 10 } }, { { 0, 22 }, { 0, 22 } } },
		{ { { 11 }, { 11 } }, { { 0, 23 }, { 0, 23 } } },
	};
	const struct foreign_outcome ways[] = {
		{ FOREIGN_ACCEPT, NULL }, { FOREIGN_JUMP, chain },
	};
	struct term t = { .kind = TERM_VMAP, .n_fields = 2,
			  .field = { FIELD_SADDR, FIELD_DPORT } };

	assert_int_equal(foreign_begin_set(f, NULL, 2, true, &t.set), 0);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		assert_int_equal(foreign_add_key(f, keys[i], &ways[i]), 0);
	assert_int_equal(foreign_add_term(f, &t), 0);
}

/* Nobody may ask for a socket where forwarded packets come by, too. */
static void test_sockets_in_shared_chains(void **state)
{
	struct scene *s = *state;
	uint32_t user = add_chain(s->f, "user", NULL);
	uint32_t forward = add_chain(s->f, "FORWARD", "forward");

	add_rule(s->f, s->input, FOREIGN_JUMP, "user");
	by_state(s, user, NEW, FOREIGN_ACCEPT);
	s->rs.v[0].match.socket = SOCKET_OPEN;
	find(s);
	assert_int_equal(s->stands.n, 1);
	add_rule(s->f, forward, FOREIGN_NONE, NULL);
	lead_by_map(s->f, "user");
	find(s);
	/* ahead of what leads there */
	assert_int_equal(s->stands.n, 1);
	assert_stand(s, 0, "INPUT", 0, 1);
	s->rs.v[0].match.socket = SOCKET_ANY;
	find(s);
	assert_int_equal(s->stands.n, 1);
}

/* All that is untracked is let in, and new ones are not all. */
static void test_untracked_is_carved(void **state)
{
	struct scene *s = *state;
	uint32_t pre = add_chain(s->f, "PREROUTING", "prerouting");

	by_state(s, s->input, ESTABLISHED, FOREIGN_ACCEPT);
	add_rule(s->f, s->input, FOREIGN_ACCEPT, NULL);
	in_state(s, NF_CT_STATE_UNTRACKED_BIT, false);
	by_state(s, s->input, NEW, FOREIGN_ACCEPT);
	ask_source(s->f, "10.0.0.0", "10.0.0.127", false);
	s->rs.n = 1;
	find(s);
	assert_int_equal(s->stands.n, 2);
	assert_stand(s, 1, "INPUT", 1, 2);
	assert_null(s->stands.v[1].accepts.v[0].then);
	assert_int_equal(s->stands.v[1].accepts.v[0].match.saddr.n, 1);
	assert_string_equal(s->stands.v[1].accepts.v[1].then, SYN "drop");
	/* the host takes them out of tracking by itself */
	add_rule(s->f, pre, FOREIGN_TARGET, "NOTRACK");
	s->f->rules[s->f->n_rules - 1].features = FEATURE_BIT(NOTRACK);
	find(s);
	assert_int_equal(s->stands.n, 1);
}

/* What is accepted goes through a chain that logs it. */
static void test_invalid_and_a_chain_that_accepts(void **state)
{
	struct scene *s = *state;
	uint32_t good = add_chain(s->f, "good", NULL);

	by_state(s, s->input, INVALID, FOREIGN_DROP);
	add_rule(s->f, s->input, FOREIGN_JUMP, "good");
	in_state(s, RELATED, false);
	plain(s, good, FOREIGN_ACCEPT);
	find(s);
	assert_int_equal(s->stands.n, 1);
	assert_stand(s, 0, "INPUT", 0, 1);
	assert_then(s, 0, "jump good");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_by_state),
		TEST(test_invalid_goes_first),
		TEST(test_errors_are_not_let_in),
		TEST(test_none_of_these_states),
		TEST(test_conditions),
		TEST(test_conditions_unknown),
		TEST(test_conditions_unsaid),
		TEST(test_conditions_repeated),
		TEST(test_invalid_goes_ahead_of_bans),
		TEST(test_open),
		TEST(test_open_and_a_queue),
		TEST(test_open_and_last_rules),
		TEST(test_nothing_drops),
		TEST(test_accepted_anyway),
		TEST(test_chains),
		TEST(test_sockets_in_shared_chains),
		TEST(test_untracked_is_carved),
		TEST(test_invalid_and_a_chain_that_accepts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
