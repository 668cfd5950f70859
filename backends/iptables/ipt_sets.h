/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/iptables/ipt_sets.h: ipsets as text and as packed elements. Pure.
 *
 * Shape:  a set's fields stand port first, so that making elements disjoint
 *         cuts no address for the sake of another port; ipset's own order,
 *         which is that of `src,dst` in --match-set, is address, port,
 *         address. A field that takes networks holds boxes that are one CIDR
 *         block each: a box is one entry of the kernel. Ports are single,
 *         since the kernel would expand a range itself.
 * Owner:  as rules/image.h.
 * Errors: -ENOMEM, -EINVAL for text that ipset would not print.
 * Source: ipset(8).
 */
#ifndef CTPOLICY_BACKENDS_IPTABLES_IPT_SETS_H
#define CTPOLICY_BACKENDS_IPTABLES_IPT_SETS_H

#include "backends/xtables/ipt_rule_args.h"
#include "rules/image.h"

#define IPT_SET_DIMS 3
/* IPSET_MAXNAMELEN less NUL. */
#define IPT_SET_NAME_MAX 31

struct ipt_set_kind {
	const char *name;		/* "hash:net,port" */
	uint8_t n;
	/* In ipset's order: */
	bool port[IPT_SET_DIMS];	/* else an address */
	bool net[IPT_SET_DIMS];		/* an address with a length */
};

const struct ipt_set_kind *ipt_set_kind_find(const char *name);
/* Give s, fresh from image_add_set(), its kind; family AF_UNSPEC: no address */
void ipt_set_setup(struct image_set *s, const struct ipt_set_kind *k,
		   uint8_t family, uint8_t proto);

/* The prefix length of an address range of `bytes`, -1: it is not one block. */
int ipt_range_len(const uint8_t *first, const uint8_t *last, size_t bytes);
/* "10.0.0.0/8,tcp:80" */
void ipt_set_print_elem(const struct image_set *s, size_t i,
			struct strbuf *out);
/* "hash:net,port family inet hashsize 1024 maxelem 65536 comment" */
void ipt_set_print_type(const struct image_set *s, struct strbuf *out);
uint32_t ipt_set_maxelem(const struct image_set *s);
uint32_t ipt_set_hashsize(const struct image_set *s);

/*
 * One line of `ipset save`, split: create or add. Lines about sets that are
 * not ours are skipped. *ret_col: the argument at fault, on -EINVAL.
 */
int ipt_set_take_line(const struct ipt_args *a, struct image *img,
		      struct image_table *t, size_t *ret_bad);

#endif
