/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_judge_next.c: what follows a SYN-ACK that no entry knows. */
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

static void look(const struct foreign *f, struct judged *ret)
{
	struct walker *w = NULL;

	assert_int_equal(walker_new(f, &w), 0);
	assert_int_equal(judge(w, f, &space, &sample, TRUTH_YES, true, ret), 0);
	walker_free(&w);
}

static uint32_t new_chain(struct foreign *f, const char *hook, const char *type,
			  const char *priority)
{
	uint32_t c = add_chain(f, hook, hook);

	f->chains[c].type = type;
	f->chains[c].priority = priority;
	f->chains[c].policy = "accept";
	return c;
}

/* Requests alone leave tracking; what goes back is of no entry. */
static struct foreign *one_way(void)
{
	struct foreign *f = calloc(1, sizeof(*f));
	struct term t = { .kind = TERM_NOTRACK };

	assert_non_null(f);
	add_rule(f, new_chain(f, "prerouting", "filter", "-300"), FOREIGN_NONE,
		 NULL);
	ask(f, FIELD_DPORT, "\0P", "\0P", 2, false);
	assert_int_equal(foreign_add_term(f, &t), 0);
	add_rule(f, new_chain(f, "postrouting", "nat", "100"), FOREIGN_TARGET,
		 "snat");
	return f;
}

/* A SYN-ACK begins nothing; what the server sends behind it may. */
static void test_translated(void **state)
{
	struct foreign *f = one_way();
	struct judged now;

	(void)state;
	look(f, &now);
	assert_int_equal(now.talk[TALK_ANSWER].passes, TRUTH_YES);
	assert_int_not_equal(now.source_moves, TRUTH_NO);
	foreign_free(&f);
}

/* There is none where the SYN-ACK gets lost, as one without an entry may. */
static void test_lost(void **state)
{
	uint32_t invalid = htonl(NF_CT_STATE_INVALID_BIT);
	struct foreign *f = one_way();
	struct judged now;

	(void)state;
	add_rule(f, new_chain(f, "output", "filter", "0"), FOREIGN_DROP, NULL);
	ask(f, FIELD_STATE, &invalid, &invalid, 4, false);
	look(f, &now);
	assert_int_equal(now.talk[TALK_ANSWER].passes, TRUTH_NO);
	assert_int_equal(now.source_moves, TRUTH_NO);
	foreign_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_translated),
		cmocka_unit_test(test_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
