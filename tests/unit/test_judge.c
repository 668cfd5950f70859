/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_judge.c: does a connection work, and what gets worse? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <linux/netfilter/nf_conntrack_common.h>

#include "audit/judge.h"
#include "core/mem.h"
#include "tests/unit/foreign_build.h"
#include "tests/unit/web_flow.h"

#define NEW NF_CT_STATE_BIT(IP_CT_NEW)
#define ESTABLISHED NF_CT_STATE_BIT(IP_CT_ESTABLISHED)
#define RELATED NF_CT_STATE_BIT(IP_CT_RELATED)

static void ask_number(struct foreign *f, enum packet_field x, uint32_t n)
{
	uint32_t v = htonl(n);

	ask(f, x, &v, &v, 4, false);
}

/* One state after another: a rule each does the same. */
static void for_state(struct foreign *f, uint32_t chain, uint32_t state,
		      enum foreign_verdict verdict)
{
	add_rule(f, chain, verdict, NULL);
	ask_number(f, FIELD_STATE, state);
}

static struct foreign *new_host(uint32_t *ret_input)
{
	struct foreign *f = calloc(1, sizeof(*f));
	uint32_t c;

	assert_non_null(f);
	c = add_chain(f, "INPUT", "input");
	f->chains[c].type = "filter";
	f->chains[c].priority = "0";
	f->chains[c].policy = "drop";
	*ret_input = c;
	return f;
}

/* ... as most are: what is established, then port 80. */
static void filter(struct foreign *f, uint32_t input)
{
	for_state(f, input, ESTABLISHED, FOREIGN_ACCEPT);
	for_state(f, input, RELATED, FOREIGN_ACCEPT);
	for_state(f, input, NF_CT_STATE_INVALID_BIT, FOREIGN_DROP);
	add_rule(f, input, FOREIGN_ACCEPT, NULL);
	ask(f, FIELD_DPORT, "\0P", "\0P", 2, false);
	ask_number(f, FIELD_STATE, NEW);
}

static void notrack(struct foreign *f)
{
	static const char *const hooks[] = { "prerouting", "output" };
	struct term t = { .kind = TERM_NOTRACK };

	for (size_t i = 0; i < 2; i++) {
		uint32_t c = add_chain(f, hooks[i], hooks[i]);

		f->chains[c].type = "filter";
		f->chains[c].priority = "-300";
		f->chains[c].policy = "accept";
		add_rule(f, c, FOREIGN_NONE, NULL);
		ask(f, i ? FIELD_SPORT : FIELD_DPORT, "\0P", "\0P", 2, false);
		assert_int_equal(foreign_add_term(f, &t), 0);
	}
}

static void accept_untracked(struct foreign *f, uint32_t input,
			     uint32_t position)
{
	struct foreign_rule *r = foreign_add_rule(f, input, position);

	r->verdict = FOREIGN_ACCEPT;
	ask(f, FIELD_DPORT, "\0P", "\0P", 2, false);
	ask_number(f, FIELD_STATE, NF_CT_STATE_UNTRACKED_BIT);
}

static void accept_errors(struct foreign *f, uint32_t input)
{
	foreign_add_rule(f, input, 1)->verdict = FOREIGN_ACCEPT;
	ask(f, FIELD_ICMP_TYPE, "\3", "\3", 1, false);
	ask_number(f, FIELD_STATE, NF_CT_STATE_INVALID_BIT);
}

static void look(const struct foreign *f, bool has_entry, struct judged *ret)
{
	struct walker *w = NULL;

	assert_int_equal(walker_new(f, &w), 0);
	assert_int_equal(judge(w, f, &space, &sample, TRUTH_YES, has_entry,
			       ret), 0);
	walker_free(&w);
}

/* ... with the service taken out, and accepted at a position (0: nowhere). */
static void take_out(struct foreign *f, uint32_t input, uint32_t position,
		     bool errors, struct judged *ret)
{
	notrack(f);
	if (position)
		accept_untracked(f, input, position);
	if (errors)
		accept_errors(f, input);
	look(f, false, ret);
}

static struct harm_found compare(const struct judged *now,
				 const struct judged *then, bool open)
{
	const struct judge_view view = { .open = open, .marks = true };

	return judge_compare(now, then, WAY_IN, &view);
}

static void test_works(void **state)
{
	uint32_t input;
	struct foreign *f = new_host(&input);
	struct judged now, then;

	(void)state;
	filter(f, input);
	look(f, true, &now);
	for (enum talk t = 0; t < TALK_MAX_; t++)
		assert_true(!now.talk[t].there ||
			    now.talk[t].passes == TRUTH_YES);
	assert_int_equal(now.tracked, TRUTH_YES);
	take_out(f, input, 1, true, &then);
	assert_int_equal(then.tracked, TRUTH_NO);
	assert_int_equal(compare(&now, &then, true).harm,
			 HARM_NONE);
	foreign_free(&f);
}

/* What is banned is not let in by a rule for translated connections. */
static void test_not_translated(void **state)
{
	uint32_t input;
	struct foreign *f = new_host(&input);
	struct judged now, then;

	(void)state;
	add_rule(f, input, FOREIGN_ACCEPT, NULL);
	ask_number(f, FIELD_STATUS, IPS_DST_NAT);
	f->terms[f->n_terms - 1].masked = true;
	memcpy(f->terms[f->n_terms - 1].mask,
	       &(uint32_t){ htonl(IPS_DST_NAT) }, 4);
	add_rule(f, input, FOREIGN_DROP, NULL);
	ask(f, FIELD_DPORT, "\0P", "\0P", 2, false);
	look(f, true, &now);
	assert_int_equal(now.talk[TALK_FIRST].passes, TRUTH_NO);
	take_out(f, input, 0, false, &then);
	assert_int_equal(compare(&now, &then, false).harm, HARM_NONE);
	foreign_free(&f);
}

static void test_cut_off(void **state)
{
	uint32_t input;
	struct foreign *f = new_host(&input);
	struct judged now, then;
	struct harm_found h;

	(void)state;
	filter(f, input);
	look(f, true, &now);
	take_out(f, input, 0, false, &then);
	h = compare(&now, &then, true);
	assert_int_equal(h.harm, HARM_CUT_OFF);
	assert_false(h.maybe);
	assert_int_equal(h.talk, TALK_FIRST);
	assert_int_equal(h.chain, input);
	assert_int_equal(h.rule, FOREIGN_NOWHERE);
	foreign_free(&f);
}

/* A ban that comes ahead of ours holds; one that ours overtake does not. */
static void test_ban(void **state)
{
	(void)state;
	for (uint32_t position = 1; position <= 2; position++) {
		uint32_t input;
		struct foreign *f = new_host(&input);
		struct judged now, then;
		struct harm_found h;

		add_rule(f, input, FOREIGN_DROP, NULL);
		ask_source(f, "192.0.2.0", "192.0.2.255", false);
		filter(f, input);
		look(f, true, &now);
		take_out(f, input, position, true, &then);
		h = compare(&now, &then, true);
		assert_int_equal(h.harm, position == 1 ? HARM_LET_IN :
							 HARM_NONE);
		if (h.harm)
			assert_int_equal(h.rule, 0);
		foreign_free(&f);
	}
}

/* What is dropped by default may be let in by `open`, and by nothing else. */
static void test_default(void **state)
{
	uint32_t input;
	struct foreign *f = new_host(&input);
	struct judged now, then;

	(void)state;
	for_state(f, input, ESTABLISHED, FOREIGN_ACCEPT);
	add_rule(f, input, FOREIGN_REJECT, NULL);
	look(f, true, &now);
	assert_int_equal(now.talk[TALK_FIRST].passes, TRUTH_NO);
	assert_true(now.talk[TALK_FIRST].by_default);
	take_out(f, input, 1, false, &then);
	assert_int_equal(compare(&now, &then, true).harm,
			 HARM_NONE);
	assert_int_equal(compare(&now, &then, false).harm,
			 HARM_LET_IN);
	foreign_free(&f);
}

static void test_limit(void **state)
{
	uint32_t input;
	struct foreign *f = new_host(&input);
	struct term limit = { .kind = TERM_OPAQUE, .name = "hashlimit" };
	struct judged now, then;
	struct harm_found h;

	(void)state;
	add_rule(f, input, FOREIGN_DROP, NULL);
	assert_int_equal(foreign_add_term(f, &limit), 0);
	filter(f, input);
	look(f, true, &now);
	assert_int_equal(now.talk[TALK_FIRST].passes, TRUTH_MAYBE);
	take_out(f, input, 1, true, &then);
	h = compare(&now, &then, true);
	assert_int_equal(h.harm, HARM_LET_IN);
	assert_true(h.maybe);
	assert_int_equal(h.rule, 0);
	foreign_free(&f);
}

static void test_errors(void **state)
{
	uint32_t input;
	struct foreign *f = new_host(&input);
	struct judged now, then;
	struct harm_found h;

	(void)state;
	filter(f, input);
	look(f, true, &now);
	take_out(f, input, 1, false, &then);
	h = compare(&now, &then, true);
	assert_int_equal(h.harm, HARM_ERRORS);
	assert_false(h.maybe);
	assert_int_equal(h.rule, 2);
	foreign_free(&f);
}

/* A rule that counts connections has none to count. */
static void test_count(void **state)
{
	uint32_t input;
	struct foreign *f = new_host(&input);
	struct term t = { .kind = TERM_OPAQUE, .name = "connlimit" };
	struct judged now, then;

	(void)state;
	add_rule(f, input, FOREIGN_DROP, NULL)->features =
		FEATURE_BIT(CONNLIMIT);
	assert_int_equal(foreign_add_term(f, &t), 0);
	filter(f, input);
	look(f, true, &now);
	take_out(f, input, 2, false, &then);
	assert_int_equal(compare(&now, &then, true).harm,
			 HARM_COUNT);
	foreign_free(&f);
}

/* Rules that take too little out. */
static void test_stays_tracked(void **state)
{
	uint32_t input;
	struct foreign *f = new_host(&input);
	struct judged now, then;

	(void)state;
	filter(f, input);
	look(f, true, &now);
	look(f, true, &then);
	assert_int_equal(compare(&now, &then, true).harm,
			 HARM_TRACKED);
	foreign_free(&f);
}

/* What sets it is one more rule: new connections get `mark`, if not 0. */
static void mark_connections(struct foreign *f, uint32_t mark)
{
	uint32_t c = add_chain(f, "MARKS", "prerouting");
	struct term set = { .kind = TERM_SET_MARK };
	struct term save = { .kind = TERM_SET_CTMARK };

	f->chains[c].type = "filter";
	f->chains[c].priority = "-150";
	f->chains[c].policy = "accept";
	set.flip = mark;
	for_state(f, c, NEW, FOREIGN_NONE);
	assert_int_equal(foreign_add_term(f, &set), 0);
	save.take = UINT32_MAX;
	for_state(f, c, NEW, FOREIGN_NONE);
	assert_int_equal(foreign_add_term(f, &save), 0);
	set.flip = 0;
	set.take = UINT32_MAX;
	for_state(f, c, ESTABLISHED, FOREIGN_NONE);
	assert_int_equal(foreign_add_term(f, &set), 0);
}

/* A mark that is missing matters if it was not 0, and if somebody reads it. */
static void test_marks(void **state)
{
	static const struct judge_view nobody = { .open = true };

	(void)state;
	for (uint32_t mark = 0; mark < 2; mark++) {
		uint32_t input;
		struct foreign *f = new_host(&input);
		struct judged now, then;
		struct harm_found h;

		mark_connections(f, mark);
		filter(f, input);
		look(f, true, &now);
		assert_int_equal(now.talk[TALK_LATER].mark[0].value, mark);
		assert_int_equal(now.talk[TALK_LATER].mark[0].known,
				 UINT32_MAX);
		take_out(f, input, 1, true, &then);
		h = compare(&now, &then, true);
		assert_int_equal(h.harm, mark ? HARM_MARK : HARM_NONE);
		if (mark)
			assert_int_equal(h.rule, 2);
		h = judge_compare(&now, &then, WAY_IN, &nobody);
		assert_int_equal(h.harm, HARM_NONE);
		foreign_free(&f);
	}
}

/* One who asks another rule for a helper, or a zone that keeps it tracked. */
static void test_effects(void **state)
{
	static const struct {
		enum term_kind kind;
		enum harm harm;
	} cases[] = {
		{ TERM_HELPER, HARM_HELPER }, { TERM_ZONE, HARM_TRACKED },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint32_t input;
		struct foreign *f = new_host(&input);
		struct term t = { .kind = cases[i].kind };
		struct judged now, then;
		struct harm_found h;
		uint32_t pre;

		filter(f, input);
		pre = add_chain(f, "mine", "prerouting");
		f->chains[pre].type = "filter";
		f->chains[pre].priority = "-299";
		add_rule(f, pre, FOREIGN_NONE, NULL);
		ask(f, FIELD_DPORT, "\0P", "\0P", 2, false);
		assert_int_equal(foreign_add_term(f, &t), 0);
		look(f, true, &now);
		take_out(f, input, 1, true, &then);
		h = compare(&now, &then, true);
		assert_int_equal(h.harm, cases[i].harm);
		assert_int_equal(f->rules[h.rule].chain, pre);
		foreign_free(&f);
	}
}

/* A program may have set the mark that a rule drops by. */
static void test_mark_of_entry(void **state)
{
	uint32_t input;
	struct foreign *f = new_host(&input);
	struct judged now, then;

	(void)state;
	add_rule(f, input, FOREIGN_DROP, NULL);
	ask_number(f, FIELD_CTMARK, 7);
	filter(f, input);
	look(f, true, &now);
	take_out(f, input, 2, true, &then);
	assert_int_equal(compare(&now, &then, true).harm, HARM_COUNT);
	foreign_free(&f);
}

/* ... and a rule that only looks at them does nothing with what it sees. */
static void test_idle_count(void **state)
{
	uint32_t input;
	struct foreign *f = new_host(&input);
	struct term t = { .kind = TERM_OPAQUE, .name = "connbytes" };
	struct judged now, then;

	(void)state;
	add_rule(f, input, FOREIGN_NONE, NULL)->features =
		FEATURE_BIT(CONNBYTES);
	assert_int_equal(foreign_add_term(f, &t), 0);
	filter(f, input);
	look(f, true, &now);
	take_out(f, input, 2, true, &then);
	assert_int_equal(compare(&now, &then, true).harm, HARM_NONE);
	foreign_free(&f);
}

/* A LOG rule that may match drops nothing: the policy behind it does. */
static void test_log_decides_nothing(void **state)
{
	struct term limit = { .kind = TERM_OPAQUE, .name = "limit" };
	uint32_t input;
	struct foreign *f = new_host(&input);
	struct judged now;

	(void)state;
	add_rule(f, input, FOREIGN_TARGET, "LOG");
	assert_int_equal(foreign_add_term(f, &limit), 0);
	look(f, true, &now);
	assert_int_equal(now.talk[TALK_FIRST].passes, TRUTH_NO);
	assert_int_equal(now.talk[TALK_FIRST].rule, FOREIGN_NOWHERE);
	assert_int_equal(now.talk[TALK_FIRST].chain, input);
	foreign_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_works),
		cmocka_unit_test(test_not_translated),
		cmocka_unit_test(test_cut_off),
		cmocka_unit_test(test_ban),
		cmocka_unit_test(test_default),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_count),
		cmocka_unit_test(test_marks),
		cmocka_unit_test(test_mark_of_entry),
		cmocka_unit_test(test_idle_count),
		cmocka_unit_test(test_stays_tracked),
		cmocka_unit_test(test_effects),
		cmocka_unit_test(test_log_decides_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
