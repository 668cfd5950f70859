/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/xtables/ipt_rewrite.h: a saved ruleset with its state rules
 * replaced; all else stays as it is, to the byte.
 *
 * Shape:  what one rule asks may take several of iptables; `alternatives` holds
 *         the options of each.
 * Errors: -ENOMEM; -EINVAL: no options say it.
 */
#ifndef CTPOLICY_BACKENDS_XTABLES_IPT_REWRITE_H
#define CTPOLICY_BACKENDS_XTABLES_IPT_REWRITE_H

#include <stdbool.h>

#include "backends/xtables/ipt_args.h"
#include "core/strbuf.h"
#include "rules/stateless.h"

/* The built-in options that a rule's own text has. */
struct ipt_own {
	bool source, destination;
};

struct alternatives {
	struct strbuf *v;
	size_t n, cap;
};

void alternatives_release(struct alternatives *l);
/* What the zone asks beyond `own`; *ret_dims: bits of the dimensions asked. */
int ipt_rewrite_match(const struct stateless_rule *r, const struct zone *own,
		      const struct ipt_own *has, struct alternatives *ret,
		      unsigned int *ret_dims);

struct ipt_line {
	const struct foreign *f;
	const struct stateless *s;
	const struct foreign_rule *r;
	uint8_t hook;
	const char *eol;
	const char *chain;		/* NULL: its own */
	bool inner;			/* in a chain made for the rule */
	const char *leave;		/* goes there; NULL: where it did */
};

/* The copy of a chain that the rule leads to, in this hook; NULL: to none. */
const char *ipt_rewrite_led_to(const struct ipt_line *l);
/* The rules of iptables that stand for one, each with its line's end. */
int ipt_rewrite_rule(const struct ipt_line *l, const struct stateless_rule *r,
		     const struct zone *own, bool first, struct strbuf *out);
/* A rule as it is, in a copy of its chain, or leading to one. */
int ipt_rewrite_plain(const struct ipt_line *l, struct strbuf *out);
/* One that stands for none, at the end of `chain`. */
int ipt_rewrite_extra(const struct ipt_line *l, const struct stateless_rule *r,
		      struct strbuf *out);

int ipt_rewrite(const struct foreign *f, const struct stateless *s,
		struct strbuf *out);
int ipt_print_edit(const struct foreign *f, const struct stateless *s,
		   const struct stateless_edit *e, struct strbuf *out);
enum stateless_text ipt_text_of(const struct foreign *f,
				const struct foreign_rule *r);

#endif
