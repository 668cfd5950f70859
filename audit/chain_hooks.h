/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit/chain_hooks.h: from which hooks packets come to the chains of a host.
 *
 * Shape:  bits 1 << NF_INET_*, by number of the chain; 0: nobody calls it.
 */
#ifndef CTPOLICY_AUDIT_CHAIN_HOOKS_H
#define CTPOLICY_AUDIT_CHAIN_HOOKS_H

#include "rules/foreign.h"

/* NF_INET_* of a base chain; UINT8_MAX: none, or a regular chain. */
uint8_t chain_hook(const struct host_chain *c);
/* `ret`: of f->n_chains, all 0. */
void chain_hooks_find(const struct foreign *f, uint8_t *ret);
/* Do packets come to it before conntrack looks at them? -ENOMEM */
int chain_hooks_early(const struct foreign *f, bool *ret);

#endif
