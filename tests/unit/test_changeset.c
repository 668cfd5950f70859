/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_changeset.c: steps turn the live chain into the wanted one,
 * and touch no more than needed.
 */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/mem.h"
#include "rules/chain_diff.h"
#include "rules/changeset.h"

#include <linux/netfilter.h>

#define RULES_MAX 12
#define ROUNDS 3000

/* A chain of rules that differ in their comment; `v` may repeat a rule. */
static struct image *image_of(const int *v, size_t n)
{
	struct image *img = image_new();
	struct image_table *t = image_add_table(img, NFPROTO_IPV4, "raw");
	struct image_chain *c = image_add_chain(t, "CTPOLICY-OUTPUT",
						HOOK_OUTPUT);

	for (size_t i = 0; i < n; i++) {
		struct image_rule *r = image_add_rule(c);
		char name[16];

		snprintf(name, sizeof(name), "s%d", v[i]);
		r->verdict = VERDICT_NOTRACK;
		r->comment = strdup(name);
		r->origin = image_origin(img, name);
	}
	assert_int_equal(image_normalize(img), 0);
	return img;
}

/* xorshift, so that a failure comes back */
static unsigned int draw(unsigned int below)
{
	static uint32_t x = 2463534242;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return x % below;
}

static size_t random_chain(int *v)
{
	size_t n = draw(RULES_MAX + 1);

	for (size_t i = 0; i < n; i++)
		v[i] = (int)draw(RULES_MAX);
	return n;
}

/* The steps taken one by one, as a kernel would; returns the new length. */
static size_t play(const struct changeset *cs, const struct image_rule **now,
		   size_t n)
{
	for (size_t i = 0; i < cs->n; i++) {
		const struct step *s = &cs->steps[i];
		const struct image_rule *at = s->add ? s->before : s->rule;
		size_t k = 0;

		assert_int_equal(s->kind, STEP_RULE);
		while (k < n && now[k] != at)
			k++;
		assert_true(k < n || (s->add && !s->before));
		if (s->add) {
			memmove(now + k + 1, now + k, (n++ - k) * sizeof(*now));
			now[k] = s->rule;
		} else {
			memmove(now + k, now + k + 1,
				(--n - k) * sizeof(*now));
		}
	}
	return n;
}

/* The longest common subsequence: as many rules as can stay. */
static size_t longest_common(const int *a, size_t n, const int *b, size_t m)
{
	size_t len[RULES_MAX + 1][RULES_MAX + 1] = { { 0 } };

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < m; k++) {
			size_t x = len[i][k + 1], y = len[i + 1][k];

			len[i + 1][k + 1] = a[i] == b[k] ? len[i][k] + 1 :
					    x > y ? x : y;
		}
	return len[n][m];
}

static size_t kept(const struct image_chain *want,
		   const struct image_chain *live)
{
	_cleanup_free_ size_t *match = NULL;
	size_t n = 0, last = 0;

	assert_int_equal(chain_match(want, live, &match), 0);
	for (size_t i = 0; i < want->n_rules; i++) {
		if (match[i] == SIZE_MAX)
			continue;
		assert_true(match[i] >= last && match[i] < live->n_rules);
		assert_true(image_rule_equal(&want->rules[i],
					     &live->rules[match[i]]));
		last = match[i] + 1;
		n++;
	}
	return n;
}

static void try_pair(const int *w, size_t nw, const int *l, size_t nl,
		     bool distinct)
{
	_cleanup_(image_free) struct image *want = image_of(w, nw);
	_cleanup_(image_free) struct image *live = image_of(l, nl);
	_cleanup_(changeset_free) struct changeset *cs = NULL;
	const struct image_chain *wc = &want->tables[0].chains[0];
	const struct image_chain *lc = &live->tables[0].chains[0];
	const struct image_rule *now[2 * RULES_MAX];
	size_t n = nl, stay = kept(wc, lc);

	assert_int_equal(changeset_diff(want, live, &cs), 0);
	assert_int_equal(cs->n, nw + nl - 2 * stay);
	if (distinct)
		assert_int_equal(stay, longest_common(w, nw, l, nl));
	for (size_t i = 0; i < nl; i++)
		now[i] = &lc->rules[i];
	n = play(cs, now, n);
	assert_int_equal(n, nw);
	for (size_t i = 0; i < n; i++)
		assert_true(image_rule_equal(now[i], &wc->rules[i]));
}

static void test_chains_of_any_kind(void **state)
{
	int w[RULES_MAX], l[RULES_MAX];

	(void)state;
	for (unsigned int i = 0; i < ROUNDS; i++) {
		size_t nw = random_chain(w), nl = random_chain(l);

		try_pair(w, nw, l, nl, false);
	}
}

/* Without repeated rules nothing moves that could have stayed. */
static void test_permutations(void **state)
{
	int w[RULES_MAX], l[RULES_MAX];

	(void)state;
	for (int i = 0; i < RULES_MAX; i++)
		w[i] = l[i] = i;
	for (unsigned int i = 0; i < ROUNDS; i++) {
		for (unsigned int k = RULES_MAX - 1; k; k--) {
			unsigned int j = draw(k + 1);
			int x = l[k];

			l[k] = l[j];
			l[j] = x;
		}
		try_pair(w, RULES_MAX - draw(4), l, RULES_MAX - draw(4), true);
	}
}

static void test_the_same_is_empty(void **state)
{
	static const int v[] = { 3, 1, 1, 2 };
	_cleanup_(image_free) struct image *a = image_of(v, 4);
	_cleanup_(image_free) struct image *b = image_of(v, 4);
	_cleanup_(changeset_free) struct changeset *cs = NULL;

	(void)state;
	assert_int_equal(changeset_diff(a, b, &cs), 0);
	assert_true(changeset_is_empty(cs));
}

/* Make before break, and never back a phase. */
static void test_phases_never_fall(void **state)
{
	static const int v[] = { 1, 2, 3 }, w[] = { 3, 4, 1 };
	_cleanup_(image_free) struct image *a = image_of(v, 3);
	_cleanup_(image_free) struct image *b = image_of(w, 3);
	_cleanup_(image_free) struct image *none = image_new();
	const struct image *const pairs[][2] = {
		{ a, b }, { b, a }, { a, none }, { none, a },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		_cleanup_(changeset_free) struct changeset *cs = NULL;

		assert_int_equal(changeset_diff(pairs[i][0], pairs[i][1], &cs),
				 0);
		assert_true(cs->n > 0);
		for (size_t k = 1; k < cs->n; k++)
			assert_true(cs->steps[k].phase >=
				    cs->steps[k - 1].phase);
	}
}

/* A chain that rules of both directions go to has its rule until the end. */
static void test_where_rules_end_goes_last(void **state)
{
	_cleanup_(image_free) struct image *live = image_of((int[]){ 0, 1 }, 2);
	_cleanup_(image_free) struct image *none = image_new();
	_cleanup_(changeset_free) struct changeset *cs = NULL;
	struct image_chain *c = image_add_chain(&live->tables[0],
						"CTPOLICY-OUTPUT.0", HOOK_MAX_);
	struct image_rule *r = image_add_rule(c);
	size_t seen = 0;

	(void)state;
	r->verdict = VERDICT_WORDS;
	r->unknown = strdup("-j CT --notrack");
	c = image_find_chain(&live->tables[0], "CTPOLICY-OUTPUT");
	c->rules[0].ends = true;
	c->rules[0].target = "CTPOLICY-OUTPUT.0";
	assert_int_equal(image_normalize(live), 0);
	assert_int_equal(image_normalize(none), 0);
	assert_int_equal(changeset_diff(none, live, &cs), 0);
	for (size_t i = 0; i < cs->n; i++)
		if (cs->steps[i].rule &&
		    cs->steps[i].rule->verdict == VERDICT_WORDS) {
			assert_int_equal(cs->steps[i].phase,
					 PHASE_DEL_NOTRACK_REPLY);
			seen++;
		}
	assert_int_equal(seen, 1);
}

static void add_leg(struct image *img, const char *chain, enum hook hook,
		    enum key_part part, uint8_t proto)
{
	struct image_chain *c = image_add_chain(&img->tables[0], chain, hook);
	struct image_rule *r = image_add_rule(c);

	c->base = true;
	r->verdict = VERDICT_NOTRACK;
	r->match.proto = proto;
	r->lookup[0] = (struct lookup){ .set = "both", .part = { part },
					.n_parts = 1 };
	r->n_lookups = 1;
	r->origin = image_origin(img, "dns");
}

/* Two legs that look into one set of the ports. */
static struct image *image_of_legs(enum key_part first, enum key_part second,
				   uint8_t proto, bool added)
{
	static const enum field_type field = FIELD_PORT;
	const uint8_t ports[][2] = { { 0, 53 }, { 0, 54 } };
	struct image *img = image_new();
	struct image_table *t = image_add_table(img, NFPROTO_INET, "ctpolicy");
	struct image_set *s = image_add_set(t, "both");

	elems_init(&s->elems, &field, 1);
	for (size_t i = 0; i < 1u + added; i++)
		assert_int_equal(elems_add(&s->elems, ports[i], ports[i],
					   NULL), 0);
	add_leg(img, "output", HOOK_OUTPUT, first, proto);
	add_leg(img, "prerouting", HOOK_PREROUTING, second, proto);
	assert_int_equal(image_normalize(img), 0);
	return img;
}

static size_t place_of(const struct changeset *cs, enum step_kind kind,
		       size_t from)
{
	while (from < cs->n && cs->steps[from].kind != kind)
		from++;
	return from;
}

/* A set goes behind the last rule that looks into it, whichever that is. */
static void assert_set_goes_last(enum key_part first, enum key_part second,
				 uint8_t proto)
{
	_cleanup_(image_free) struct image *a =
		image_of_legs(first, second, proto, false);
	_cleanup_(image_free) struct image *none = image_new();
	_cleanup_(changeset_free) struct changeset *cs = NULL, *in = NULL;
	size_t rule, set;

	assert_int_equal(changeset_diff(none, a, &cs), 0);
	set = place_of(cs, STEP_SET, 0);
	rule = place_of(cs, STEP_RULE, place_of(cs, STEP_RULE, 0) + 1);
	assert_true(rule < set && set < cs->n);
	assert_int_equal(changeset_diff(a, none, &in), 0);
	rule = place_of(in, STEP_RULE, 0);
	assert_true(place_of(in, STEP_SET, 0) < rule && rule < in->n);
	assert_true(place_of(in, STEP_ELEMENT, 0) < rule);
}

static void test_shared_set(void **state)
{
	static const uint8_t protos[] = { IPPROTO_UDP, IPPROTO_TCP };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(protos); i++) {
		assert_set_goes_last(KEY_DPORT, KEY_SPORT, protos[i]);
		assert_set_goes_last(KEY_SPORT, KEY_DPORT, protos[i]);
		assert_set_goes_last(KEY_SPORT, KEY_SPORT, protos[i]);
	}
}

/* One element more or less is one step, for all legs at once. */
static void test_shared_element(void **state)
{
	_cleanup_(image_free) struct image *a =
		image_of_legs(KEY_DPORT, KEY_SPORT, IPPROTO_UDP, false);
	_cleanup_(image_free) struct image *b =
		image_of_legs(KEY_DPORT, KEY_SPORT, IPPROTO_UDP, true);
	_cleanup_(changeset_free) struct changeset *in = NULL, *out = NULL;

	(void)state;
	assert_int_equal(changeset_diff(b, a, &in), 0);
	assert_int_equal(in->n, 1);
	assert_int_equal(in->steps[0].phase, PHASE_ADD_NOTRACK);
	assert_int_equal(changeset_diff(a, b, &out), 0);
	assert_int_equal(out->n, 1);
	assert_int_equal(out->steps[0].phase, PHASE_DEL_NOTRACK_REPLY);
}

/* Elements of one origin that stand together are one step, and each counts. */
static void test_runs_of_elements(void **state)
{
	static const enum field_type field = FIELD_PORT;
	static const struct origin a = { .service = "a" }, b = { .service = "b" };
	static const struct { size_t elem, n; } runs[] = {
		{ 0, 3 }, { 4, 1 }, { 5, 3 },
	};
	_cleanup_(image_free) struct image *want = image_new();
	_cleanup_(image_free) struct image *live = image_new();
	_cleanup_(changeset_free) struct changeset *cs = NULL;
	struct image_set *w, *l;
	struct step_walk walk = { 0 };
	size_t n = 0;

	(void)state;
	w = image_add_set(image_add_table(want, NFPROTO_INET, "ctpolicy"), "s");
	l = image_add_set(image_add_table(live, NFPROTO_INET, "ctpolicy"), "s");
	elems_init(&w->elems, &field, 1);
	elems_init(&l->elems, &field, 1);
	for (uint8_t i = 0; i < 8; i++) {
		const uint8_t key[] = { 0, i };

		assert_int_equal(elems_add(&w->elems, key, key,
					   i < 5 ? &a : &b), 0);
		if (i == 3)
			assert_int_equal(elems_add(&l->elems, key, key, &a), 0);
	}
	assert_int_equal(image_normalize(want), 0);
	assert_int_equal(image_normalize(live), 0);
	assert_int_equal(changeset_diff(want, live, &cs), 0);
	assert_int_equal(changeset_count(cs), 7);
	assert_int_equal(cs->n, ARRAY_SIZE(runs));
	for (size_t i = 0; i < cs->n; i++) {
		assert_int_equal(cs->steps[i].elem, runs[i].elem);
		assert_int_equal(cs->steps[i].n, runs[i].n);
	}
	for (; changeset_next(cs, &walk); n++) {
		assert_int_equal(walk.now.elem, n < 3 ? n : n + 1);
		assert_int_equal(walk.now.n, 1);
		assert_ptr_equal(step_origin(&walk.now), n < 4 ? &a : &b);
	}
	assert_int_equal(n, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_where_rules_end_goes_last),
		cmocka_unit_test(test_chains_of_any_kind),
		cmocka_unit_test(test_permutations),
		cmocka_unit_test(test_the_same_is_empty),
		cmocka_unit_test(test_phases_never_fall),
		cmocka_unit_test(test_shared_set),
		cmocka_unit_test(test_shared_element),
		cmocka_unit_test(test_runs_of_elements),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
