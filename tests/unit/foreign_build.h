/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/foreign_build.h: models of a host's rules, made by hand.
 *
 * Include it behind cmocka.h.
 */
#ifndef CTPOLICY_TESTS_UNIT_FOREIGN_BUILD_H
#define CTPOLICY_TESTS_UNIT_FOREIGN_BUILD_H

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <stdlib.h>
#include <string.h>

#include "rules/foreign.h"

static inline uint32_t add_chain(struct foreign *f, const char *name,
			  const char *hook)
{
	uint32_t table, chain;

	assert_int_equal(foreign_table(f, NFPROTO_IPV4, "filter", 1, &table),
			 0);
	assert_int_equal(foreign_chain(f, table, name, 1, &chain), 0);
	f->chains[chain].hook = hook;
	return chain;
}

static inline struct foreign_rule *add_rule(struct foreign *f, uint32_t chain,
				     enum foreign_verdict verdict,
				     const char *target)
{
	struct foreign_rule *r = foreign_add_rule(f, chain, 0);

	assert_non_null(r);
	r->verdict = verdict;
	r->target = target;
	return r;
}

static inline void ask(struct foreign *f, enum packet_field field,
		       const void *first, const void *last, size_t n,
		       bool negated)
{
	struct key_range r = { 0 };
	struct term t = { .kind = TERM_MATCH, .n_fields = 1,
			  .field = { field }, .negated = negated };

	memcpy(r.first, first, n);
	memcpy(r.last, last, n);
	assert_int_equal(foreign_begin_set(f, NULL, 1, false, &t.set), 0);
	assert_int_equal(foreign_add_key(f, &r, NULL), 0);
	assert_int_equal(foreign_add_term(f, &t), 0);
}

static inline void ask_source(struct foreign *f, const char *first,
			      const char *last, bool negated)
{
	uint8_t a[4], b[4];

	assert_int_equal(inet_pton(AF_INET, first, a), 1);
	assert_int_equal(inet_pton(AF_INET, last, b), 1);
	ask(f, FIELD_SADDR, a, b, 4, negated);
}

#endif
