/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/xtables/ipt_edits_put.h: the chains and jumps of edits, as they are
 * put into an image.
 *
 * Owner:  names are interned.
 * Errors: -ENOMEM; -FAULT_CONFLICT with a diagnostic: this kernel cannot load a
 *         rule.
 */
#ifndef CTPOLICY_BACKENDS_XTABLES_IPT_EDITS_PUT_H
#define CTPOLICY_BACKENDS_XTABLES_IPT_EDITS_PUT_H

#include "backends/xtables/ipt_edits.h"

struct editing {
	const struct ipt_edit_names *names;
	struct foreign *f;
	struct stateless *s;
	struct image *img;
	struct diags *d;
	bool has_socket[2];		/* in IPv4, IPv6 */
	const char *edited[2];		/* a table that has edits; NULL: none */
};

const struct foreign_table *edits_table(const struct editing *x,
					uint32_t chain);
/*
 * Of a chain of that kind (ipt_edits.h), by the words of a rule and how many
 * others of the same words stand ahead of it.
 */
const char *edits_name(const struct editing *x, const char *prefix, char kind,
		       uint32_t chain, const struct foreign_text *words,
		       uint32_t nth);
int edits_put_chain(struct editing *x, uint32_t chain, const char *name);
/* One line, "-A CHAIN WORDS", as the kernel shows the rule. */
int edits_put_words(struct editing *x, struct image_table *t, const char *name,
		    const char *line);
/* Lines as ipt_rewrite_rule() and its kin print them. */
int edits_put_lines(struct editing *x, uint32_t chain, const char *name,
		    struct strbuf *text);
/* The same in the host's chain, behind so many of its rules that stay. */
int edits_put_in_place(struct editing *x, uint32_t chain, uint32_t behind,
		       struct strbuf *text);
/* In the host's chain, behind so many of its rules that stay. */
int edits_put_jump(struct editing *x, uint32_t chain, uint32_t behind,
		   const char *name, const char *original);

#endif
