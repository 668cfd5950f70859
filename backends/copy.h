/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/copy.h: the rules of one network namespace, to be put into another
 * one of the same kernel.
 *
 * Shape:  a copy is in the kernel's own form, all of it, ctpolicy's own rules
 *         included: nothing needs to be understood. Counters begin at 0.
 * Owner:  each backend has a form of its own; copy_free() of the backend.
 * Errors: take(): those of reading; -FAULT_LACKING with a diagnostic that names
 *         it: something cannot be copied, and a copy without it would not be
 *         the host's rules. put(), into a namespace without rules: what the
 *         kernel refuses, by name; part may be there by then.
 */
#ifndef CTPOLICY_BACKENDS_COPY_H
#define CTPOLICY_BACKENDS_COPY_H

#include <stdbool.h>
#include <stdint.h>

#include "core/diag.h"

struct backend_ctx;
struct foreign;
struct rules_copy;

/* What a rule has counted, or (position 0) the policy of a base chain. */
struct rule_count {
	uint8_t family;			/* NFPROTO_* */
	const char *table, *chain;
	uint32_t position;		/* from 1 */
	uint64_t packets;
};
/* A rule by the number that its owner, nf_tables, has for it. */
struct rule_handle {
	uint8_t family;			/* NFPROTO_* */
	const char *table, *chain;
	uint64_t handle;
};
typedef int rules_count_fn(const struct rule_count *n, void *arg);

struct rules_copier {
	int (*take)(struct backend_ctx *ctx, struct rules_copy **ret,
		    struct diags *d);
	int (*put)(struct backend_ctx *ctx, const struct rules_copy *c,
		   struct diags *d);
	/*
	 * The rules of a saved ruleset instead, which `f` was read from.
	 * `loads_text`: or only its text, which load() understands by itself.
	 */
	int (*load)(struct backend_ctx *ctx, const char *file,
		    const struct foreign *f, struct diags *d);
	bool loads_text;
	/*
	 * Each interface that load() needs; give() may be told of one more than
	 * once. NULL: of none.
	 */
	int (*devices)(const struct foreign *f,
		       int (*give)(const char *name, void *arg), void *arg);
	/* Chain by chain; NULL: it has places. */
	int (*count)(struct backend_ctx *ctx, rules_count_fn *give, void *arg,
		     struct diags *d);
	/* Its position in its chain, from 1; -ENOENT. NULL: it has counts. */
	int (*place)(struct backend_ctx *ctx, const struct rule_handle *h,
		     uint32_t *ret);
	void (*free)(struct rules_copy **c);
};

#endif
