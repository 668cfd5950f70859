/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/iptables/ipt_timers.h: timers that `-j CT --timeout` gives, in the
 * kernel and as text.
 *
 * Shape:  sets of an image's ipset table whose `timers` is not NULL; the text
 *         is what nfct(8) takes. The kernel shows only the first four bytes of
 *         the name that a rule has, and takes these four for the name when the
 *         table is written again, by whomever: no name is longer. So it cannot
 *         begin with "ctpolicy-". It is "@" and three digits, of base 62, that
 *         says protocol, family and mask; an object is ctpolicy's if it is what
 *         its name says.
 * Errors: -errno with a diagnostic; -FAULT_LACKING: the kernel has no such
 *         timers; -EBUSY: a rule of the host's names them.
 * Source: nfct(8); libnetfilter_cttimeout has the names of its states. The
 *         `usersize` in net/netfilter/xt_CT.c, from Linux 4.11 on.
 */
#ifndef CTPOLICY_BACKENDS_IPTABLES_IPT_TIMERS_H
#define CTPOLICY_BACKENDS_IPTABLES_IPT_TIMERS_H

#include "backends/xtables/ipt_rule_args.h"
#include "core/diag.h"
#include "rules/image.h"

/*
 * The set of these words, *ret is its name. -FAULT_LACKING, without a
 * diagnostic: there are too many of the kind.
 */
int ipt_timers_need(struct image_table *t, const char *words, uint8_t family,
		    const char **ret);

/* Those of ctpolicy's, into t; nothing where the kernel has none. */
int ipt_timers_list(struct image_table *t, struct diags *d);
/* `replace`: they are there, with other values. */
int ipt_timers_add(const struct image_set *s, bool replace, struct diags *d);
/* That they are gone already is no error. */
int ipt_timers_delete(const struct image_set *s, struct diags *d);

/* "nfct add timeout NAME inet udp unreplied 2 replied 3", without "nfct " */
void ipt_timers_print(const struct image_set *s, bool add, struct strbuf *out);
/* One such line, split. *ret_bad: the argument at fault, on -EINVAL. */
int ipt_timers_take_line(const struct ipt_args *a, struct image_table *t,
			 size_t *ret_bad);

#endif
