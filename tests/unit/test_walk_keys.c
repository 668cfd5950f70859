/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_walk_keys.c: a walk that goes by what rules ask for finds
 * what one finds that reads them all.
 */
#include "tests/unit/walk_scene.h"

#include <stdlib.h>
#include <string.h>

#include "rules/walk_parts.h"

#define ROUNDS 3000
#define RULES 60

static uint32_t below(uint32_t n)
{
	return (uint32_t)rand() % n;
}

static bool one_in(uint32_t n)
{
	return !below(n);
}

/* Few values, so that rules often hold, and ranges often overlap. */
static struct key_range some_range(enum packet_field x)
{
	static const char *const names[] = { "eth0", "eth1", "lo", "" };
	struct key_range r = { { 0 }, { 0 } };
	uint32_t first = below(24), last = first + (one_in(3) ? below(20) : 0);

	if (x == FIELD_L4PROTO) {
		first = last = one_in(2) ? IPPROTO_TCP : IPPROTO_UDP;
	} else if (x == FIELD_IIF || x == FIELD_OIF) {
		strcpy((char *)r.first, names[below(ARRAY_SIZE(names))]);
		memcpy(r.last, r.first, sizeof(r.last));
		if (one_in(3))
			memset(r.last + strlen((char *)r.first), 0xff,
			       sizeof(r.last) - strlen((char *)r.first));
		return r;
	} else if (one_in(20)) {
		first = 0;
		last = UINT32_MAX;
	}
	return scene_range(x, first, last);
}

static void some_match(struct scene *s)
{
	static const enum packet_field fields[] = {
		FIELD_SADDR, FIELD_DADDR, FIELD_SPORT, FIELD_DPORT, FIELD_IIF,
		FIELD_OIF, FIELD_L4PROTO,
	};
	enum packet_field x = fields[below(ARRAY_SIZE(fields))];
	bool address = x == FIELD_SADDR || x == FIELD_DADDR;
	uint32_t set, n = one_in(4) ? below(20) : 1;
	struct term t = {
		.kind = TERM_MATCH, .n_fields = 1, .field = { (uint8_t)x },
		.negated = one_in(12), .lax = one_in(12),
	};

	assert_int_equal(foreign_begin_set(s->f, NULL, 1, false, &set), 0);
	for (uint32_t i = 0; i < n; i++) {
		struct key_range r = some_range(x);

		assert_int_equal(foreign_add_key(s->f, &r, NULL), 0);
	}
	t.set = set;
	if (address)
		t.family = one_in(4) ? NFPROTO_IPV6 : NFPROTO_IPV4;
	scene_term(s, t);
}

static void some_rule(struct scene *s, uint32_t chain)
{
	static const enum foreign_verdict verdicts[] = {
		FOREIGN_NONE, FOREIGN_NONE, FOREIGN_ACCEPT, FOREIGN_DROP,
		FOREIGN_RETURN, FOREIGN_JUMP,
	};
	enum foreign_verdict v = verdicts[below(ARRAY_SIZE(verdicts))];

	scene_rule(s, chain, v, v == FOREIGN_JUMP ? "more" : NULL);
	if (one_in(12))
		scene_opaque(s, "limit");
	if (one_in(12))
		scene_match_states(s, one_in(2) ? NEW : ESTABLISHED);
	if (one_in(15))
		scene_term(s, (struct term){ .kind = TERM_NOTRACK });
	for (uint32_t n = below(3); n--;)
		some_match(s);
	if (v == FOREIGN_ACCEPT || v == FOREIGN_DROP)
		some_match(s);
}

static void some_port(struct packet *p, enum packet_field x)
{
	packet_set_number(p, x, below(40));
	if (one_in(8))
		packet_forget(p, x);
	if (one_in(8))
		packet_lose(p, x);
	if (one_in(8))
		p->field[x].there = TRUTH_MAYBE;
	if (one_in(8))
		memset(p->field[x].known, 0xfe, TERM_KEY_MAX);
}

static void some_packet(struct packet *p)
{
	static const enum packet_path paths[] = {
		PATH_TO_HOST, PATH_LOOPBACK, PATH_FORWARDED,
	};
	bool v6 = one_in(4);

	packet_init(p, v6 ? NFPROTO_IPV6 : NFPROTO_IPV4,
		    one_in(3) ? IPPROTO_UDP : IPPROTO_TCP,
		    paths[below(ARRAY_SIZE(paths))]);
	for (unsigned int i = 0; i < 2; i++) {
		enum packet_field x = i ? FIELD_DADDR : FIELD_SADDR;
		struct key_range r = scene_range(FIELD_MARK, below(40), 0);

		if (!one_in(6))
			packet_set(p, x, r.first);
	}
	some_port(p, FIELD_SPORT);
	some_port(p, FIELD_DPORT);
	if (p->path != PATH_LOOPBACK && !one_in(4))
		packet_set_iface(p, FIELD_IIF, one_in(2) ? "eth0" : "eth12");
	p->ct_states = NEW;
}

static void assert_same(const struct walk *a, const struct walk *b)
{
	assert_int_equal(a->outcome, b->outcome);
	assert_int_equal(a->tracked, b->tracked);
	assert_int_equal(a->translated, b->translated);
	assert_int_equal(a->n_phases, b->n_phases);
	assert_int_equal(a->n_steps, b->n_steps);
	for (size_t i = 0; i < a->n_steps; i++) {
		assert_int_equal(a->steps[i].rule, b->steps[i].rule);
		assert_int_equal(a->steps[i].term, b->steps[i].term);
		assert_int_equal(a->steps[i].matched, b->steps[i].matched);
		assert_int_equal(a->steps[i].reached, b->steps[i].reached);
	}
	assert_true(walk_state_same(&a->after, &b->after));
}

/* All chains are indexed from the first walk on, or none ever is. */
static void put_entered(struct walker *w, uint8_t n)
{
	for (size_t i = 0; i < w->f->n_chains; i++)
		w->chains[i].entered = n;
}

static void compare_walks(struct scene *s, struct walker *all,
			  struct walker *some)
{
	for (unsigned int i = 0; i < 4; i++) {
		struct walk a = { 0 }, b = { 0 };

		some_packet(&s->p);
		assert_int_equal(walk_run(all, &s->p, &a), 0);
		assert_int_equal(walk_run(some, &s->p, &b), 0);
		assert_same(&a, &b);
		walk_release(&a);
		walk_release(&b);
	}
}

static void round_of(struct scene *s)
{
	static const uint8_t families[] = { NFPROTO_INET, NFPROTO_IPV4 };
	struct walker *all = NULL, *some = NULL;
	uint32_t in, more;

	scene_table(s, WORLD_NFT, families[below(2)], "filter");
	in = scene_base(s, "input", "filter", "input", "filter", "drop");
	more = scene_chain(s, "more");
	for (uint32_t n = below(RULES); n--;)
		some_rule(s, in);
	scene_rule(s, more, FOREIGN_NONE, NULL);
	for (uint32_t n = below(RULES); n--;)
		some_rule(s, more);
	assert_int_equal(walker_new(s->f, &all), 0);
	assert_int_equal(walker_new(s->f, &some), 0);
	put_entered(all, KEYS_FROM);
	put_entered(some, KEYS_FROM - 1);
	compare_walks(s, all, some);
	walker_free(&all);
	walker_free(&some);
}

static void test_finds_the_same(void **state)
{
	(void)state;
	srand(21);
	for (unsigned int i = 0; i < ROUNDS; i++) {
		void *scene;

		scene_set_up(&scene);
		round_of(scene);
		scene_tear_down(&scene);
	}
}

#define MANY 2000

/* How many rules does a walk through such a chain look at? */
static size_t visits(struct scene *s)
{
	struct walker *w = NULL;
	size_t n;

	walk_release(&s->w);
	assert_int_equal(walker_new(s->f, &w), 0);
	put_entered(w, KEYS_FROM - 1);
	assert_int_equal(walk_run(w, &s->p, &s->w), 0);
	n = walker_visits(w);
	walker_free(&w);
	return n;
}

static void ban(struct scene *s, uint32_t chain, enum packet_field x,
		uint32_t value)
{
	scene_rule(s, chain, FOREIGN_DROP, NULL);
	scene_match(s, x, value, value)->family =
		x == FIELD_SADDR ? NFPROTO_IPV4 : 0;
}

/* Not to be met: bans of others, whatever stands between them. */
static void test_passes_by(void **state)
{
	struct scene *s = *state;
	uint32_t in = scene_input(s, "drop");

	for (uint32_t i = 0; i < MANY; i++) {
		ban(s, in, FIELD_SADDR, i);
		if (i % 100 == 0) {
			scene_rule(s, in, FOREIGN_NONE, NULL);
			scene_match(s, FIELD_DPORT, 80, 80);
		}
	}
	assert_dropped(s);
	assert_in_range(visits(s), MANY / 100, MANY / 100 + 5);
}

/* Who sent it is not known, but it goes to no port that they speak of. */
static void test_passes_by_ports(void **state)
{
	struct scene *s = *state;
	uint32_t in = scene_input(s, "accept");

	for (uint32_t i = 0; i < MANY; i++) {
		ban(s, in, FIELD_SADDR, i);
		scene_match(s, FIELD_DPORT, 9, 9);
	}
	packet_forget(&s->p, FIELD_SADDR);
	assert_accepted(s);
	assert_int_equal(visits(s), 0);
	packet_lose(&s->p, FIELD_DPORT);
	assert_int_equal(visits(s), 0);
	packet_forget(&s->p, FIELD_DPORT);
	assert_int_equal(visits(s), MANY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_finds_the_same),
		SCENE_TEST(test_passes_by),
		SCENE_TEST(test_passes_by_ports),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	intern_forget();
	return failed;
}
