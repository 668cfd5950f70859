/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rules/spans.h: sets of values, as ranges that can be cut.
 *
 * Shape:  sorted ranges that neither touch nor overlap, over keys of one width.
 * Units:  as in rules/term.h.
 * Owner:  spans_release() leaves an empty set.
 * Errors: -ENOMEM; the set is then as it was.
 */
#ifndef CTPOLICY_RULES_SPANS_H
#define CTPOLICY_RULES_SPANS_H

#include "core/inet.h"
#include "rules/term.h"

struct spans {
	struct key_range *v;
	size_t n, cap;
	size_t width;			/* bytes of a key */
};

/* Everything there is. */
int spans_fill(struct spans *s, size_t width);
int spans_add(struct spans *s, const struct key_range *r);
/* Once all are added. */
void spans_normalize(struct spans *s);
/* Keep what is in both; or what is not in `other`. */
int spans_keep(struct spans *s, const struct spans *other);
int spans_cut(struct spans *s, const struct spans *other);
bool spans_equal(const struct spans *a, const struct spans *b);
void spans_release(struct spans *s);

int spans_of_ports(const struct port_set *from, struct spans *ret);
/* Those of the family. */
int spans_of_prefixes(const struct prefix_set *from, uint8_t family,
		      struct spans *ret);
int spans_to_ports(const struct spans *s, struct port_set *ret);
int spans_to_prefixes(const struct spans *s, uint8_t family,
		      struct prefix_set *ret);

#endif
