/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/advice_parts.h: what advice.c is made of.
 *
 * Errors: -ENOMEM.
 */
#ifndef CTPOLICY_ENGINE_ADVICE_PARTS_H
#define CTPOLICY_ENGINE_ADVICE_PARTS_H

#include "engine/advice.h"

/* Can a policy name these at all? */
bool advice_is_service(const struct group *g);
/* The policy of n suggestions, those that are not allowed left out. */
int advice_write(struct suggestion *v, size_t n, char **ret);
/* What pre-flight refuses is not allowed; says why. */
int advice_gate(struct advice *a, const struct request *rq);

#endif
