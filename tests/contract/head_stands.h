/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/contract/head_stands.h: all accept rules at the head of every chain
 * that a survey knows to drop.
 */
#ifndef TESTS_CONTRACT_HEAD_STANDS_H
#define TESTS_CONTRACT_HEAD_STANDS_H

#include <errno.h>

#include "backends/backend.h"

static inline int head_stands(const struct survey *s, enum foreign_world world,
			      const struct ruleset *rs, struct stands *ret)
{
	int err = 0;

	for (size_t i = 0; i < s->n_filters; i++) {
		const struct foreign_chain *f = &s->filters[i];
		struct stand place = {
			.world = world, .family = f->family, .table = f->table,
			.chain = f->chain, .hook = f->hook,
		};
		struct stand *to = stands_at(ret, &place);

		if (!to)
			return -ENOMEM;
		for (size_t k = 0; !err && k < rs->n; k++)
			if (rs->v[k].action == ACTION_ACCEPT &&
			    foreign_chain_meets(f, &rs->v[k]))
				err = stand_add(to, &rs->v[k]);
	}
	stands_normalize(ret);
	return err;
}

#endif
