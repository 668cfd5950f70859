/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/xtables/ipt_rule_args.h: an image rule as arguments, and back: one
 * encoder makes them, one decoder reads them.
 *
 * Units:  family: NFPROTO_IPV4 or NFPROTO_IPV6.
 * Errors: -ENOMEM; ipt_args_encode() -EOPNOTSUPP for what iptables has no
 *         words for.
 */
#ifndef CTPOLICY_BACKENDS_XTABLES_IPT_RULE_ARGS_H
#define CTPOLICY_BACKENDS_XTABLES_IPT_RULE_ARGS_H

#include "backends/xtables/ipt_args.h"
#include "rules/image.h"

/* What a multiport match holds; a range takes two slots. */
#define IPT_PORTS_MAX 15

/* The element field of ipset's i-th dimension, and the way back. */
unsigned int ipt_set_field(bool has_port, unsigned int n, unsigned int i);

int ipt_args_encode(const struct image_rule *r, uint8_t family,
		    struct ipt_args *ret);
/*
 * Into r, which is zero. Whatever is not ours to say becomes VERDICT_UNKNOWN
 * with the text; that is no error. Sets are looked up in `sets` (NULL: none
 * known), comments become origins of `img`; ours are the chains of which
 * is_chain() says so.
 */
int ipt_args_decode(const struct ipt_args *a, uint8_t family,
		    const struct image_table *sets,
		    bool (*is_chain)(const char *name), struct image *img,
		    struct image_rule *r);
/* A rule of a chain that holds nothing but words: VERDICT_WORDS. */
int ipt_args_words(const struct ipt_args *a, struct image_rule *r);
/* Do they lead to a chain of which own_names_led_to() says that they are? */
bool ipt_args_lead_off(const struct ipt_args *a);
/* The words, whatever they mean. */
int ipt_args_text(const struct ipt_args *a, enum verdict verdict,
		  struct image_rule *r);

#endif
