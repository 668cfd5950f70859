/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/xtables/ipt_step.h: a step in a table of iptables, as the command
 * that would do the same.
 *
 * Shape:  chains and rules alone: "ip6tables -t filter -N ctpolicy-input".
 */
#ifndef CTPOLICY_BACKENDS_XTABLES_IPT_STEP_H
#define CTPOLICY_BACKENDS_XTABLES_IPT_STEP_H

#include "backends/xtables/ipt_args.h"
#include "core/strbuf.h"
#include "rules/changeset.h"

/* "-I INPUT 3 ", for a jump at its place in the host's chain. */
void ipt_print_insert(const struct image_chain *c, const struct image_rule *r,
		      struct strbuf *out);
/* Another rule, of these words, at a chain's end. */
void ipt_print_adding(const struct image_table *t, const char *chain,
		      const struct ipt_args *a, struct strbuf *out);
void ipt_step_print(const struct step *s, struct strbuf *out);
/* The rule's words alone. */
void ipt_step_print_rule(const struct step *s, struct strbuf *out);

#endif
