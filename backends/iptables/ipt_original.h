/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/iptables/ipt_original.h: a rule of the host's as it is kept while
 * others stand in for it.
 *
 * Shape:  "HEX TARGET": the entry as the kernel had it, counters too, and what
 *         libiptc calls its target ("" where packets go on).
 * Owner:  texts are interned; ipt_original_read() mallocs the entry, in the
 *         form that libiptc inserts.
 * Errors: -ENOMEM; -EBADMSG: not such a text, or no whole entry.
 */
#ifndef CTPOLICY_BACKENDS_IPTABLES_IPT_ORIGINAL_H
#define CTPOLICY_BACKENDS_IPTABLES_IPT_ORIGINAL_H

#include "backends/iptables/ipt_legacy.h"
#include "core/strbuf.h"
#include "rules/image.h"

#define IPT_TARGET_MAX 32

struct ipt_original {
	uint8_t family;
	void *entry;
	char target[IPT_TARGET_MAX];
};

/* NULL: no memory. */
const char *ipt_original_write(const struct ipt_legacy *t, const void *entry);
int ipt_original_read(uint8_t family, const char *text,
		      struct ipt_original *ret);
void ipt_original_release(struct ipt_original *o);
/* Counters aside, is this entry of the table the same rule? */
bool ipt_original_is(const struct ipt_original *o, const struct ipt_legacy *t,
		     const void *entry);
/* The chain that it leads to, and that the table lacks; NULL: none. */
const char *ipt_original_lacks(const struct ipt_original *o,
			       const struct ipt_legacy *t);
/* print_original() of backends/backend.h */
int ipt_original_print(const struct image_table *t, const char *chain,
		       const char *text, struct strbuf *out);
/* The target's name into the entry, as libiptc wants it to insert it. */
void ipt_original_name_target(struct ipt_original *o);

#endif
