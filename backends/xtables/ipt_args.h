/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/xtables/ipt_args.h: a rule as its list of iptables arguments.
 *
 * The neutral form between a rule, text and a kernel blob: it is read by the
 * same reader whether it came from a file or from what libxtables prints of a
 * blob.
 *
 * Shape:  as after `iptables -A CHAIN`: { "-p", "tcp", "-m", "multiport",
 *         "--dports", "80,81", "-j", "CT", "--notrack" }; unquoted; the
 *         vector ends with a NULL that `n` does not count.
 * Owner:  the list owns its strings.
 * Errors: -ENOMEM; ipt_args_split() -EINVAL for a quote that never ends.
 * Source: iptables(8), iptables-extensions(8).
 */
#ifndef CTPOLICY_BACKENDS_XTABLES_IPT_ARGS_H
#define CTPOLICY_BACKENDS_XTABLES_IPT_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct strbuf;

/* Of jumps from the host's chains into those of ctpolicy's. */
#define IPT_JUMP_COMMENT "ctpolicy"

struct ipt_args {
	char **v;
	size_t n, cap;
	size_t *col;		/* split from text: column of each, from 1 */
	size_t cap_col;
};

int ipt_args_add(struct ipt_args *a, const char *s);
int ipt_args_addf(struct ipt_args *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Split one line at blanks, with iptables-save's quotes and backslashes. */
int ipt_args_split(const char *line, size_t len, struct ipt_args *ret);
/* The character, from 1, that the line's byte `col` (from 1) begins. */
uint32_t ipt_column(const char *line, size_t col);
/* Joined by blanks, quoted where iptables-restore needs it. */
void ipt_args_print(const struct ipt_args *a, struct strbuf *out);
bool ipt_args_equal(const struct ipt_args *a, const struct ipt_args *b);
void ipt_args_release(struct ipt_args *a);

#endif
