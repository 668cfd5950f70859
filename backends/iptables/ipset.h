/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/iptables/ipset.h: our ipsets in the kernel, through libipset.
 *
 * Shape:  additions and removals of elements are queued (ipset_queue.h) and go
 *         out at ipset_flush() at the latest, which comes before any other
 *         command.
 * Owner:  ipset_close() ends the session.
 * Errors: -EPERM, -EOPNOTSUPP (the kernel has no ipset or not this type),
 *         -EEXIST, -EADDRINUSE (somebody's rule uses the set), -EIO; with a
 *         diagnostic, unless d is NULL.
 * Source: libipset/session.h.
 */
#ifndef CTPOLICY_BACKENDS_IPTABLES_IPSET_H
#define CTPOLICY_BACKENDS_IPTABLES_IPSET_H

#include "backends/backend.h"
#include "backends/xtables/ipt_args.h"
#include "core/diag.h"
#include "rules/image.h"

struct ipset_link;

int ipset_open(struct ipset_link **ret, struct diags *d);
void ipset_close(struct ipset_link **l);

/*
 * Our sets with their elements, into t; nothing where there is no ipset. x:
 * what is expected; NULL: nothing.
 */
int ipset_list_ours(struct ipset_link *l, struct image *img,
		    struct image_table *t, const struct expectation *x,
		    struct diags *d);
/* Which sets there are, and how many elements they have, into a digest. */
int ipset_glance(struct ipset_link *l, uint64_t *digest, struct diags *d);
/*
 * Whoever's set, line by line as `ipset save` writes it. An error, without a
 * diagnostic, is take()'s, or -EIO: it cannot be listed.
 */
int ipset_save(struct ipset_link *l, const char *name,
	       int (*take)(void *arg, const struct ipt_args *a), void *arg);
/* What the set held at most when it was listed, 0: not listed. */
uint32_t ipset_limit(const struct ipset_link *l, const char *name);

/* An empty set of the shape of s and fit for its elements. */
int ipset_create(struct ipset_link *l, const struct image_set *s,
		 const char *name, uint32_t maxelem, struct diags *d);
int ipset_destroy(struct ipset_link *l, const char *name, struct diags *d);
int ipset_swap(struct ipset_link *l, const char *a, const char *b,
	       struct diags *d);
/* Queue element i of s for the set `name`; an equal one is replaced. */
int ipset_element(struct ipset_link *l, const struct image_set *s, size_t i,
		  const char *name, bool add, struct diags *d);
int ipset_flush(struct ipset_link *l, struct diags *d);

#endif
