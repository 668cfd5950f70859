/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/xtables/ipt_step.h"

#include <errno.h>

#include "backends/xtables/ipt_rule_args.h"
#include "core/mem.h"

/* In this order: the C library has its own interface flags. */
#include <net/if.h>
#include <linux/netfilter.h>

void ipt_print_insert(const struct image_chain *c, const struct image_rule *r,
		      struct strbuf *out)
{
	strbuf_printf(out, "-I %s %u ", c->name, r->place + 1);
}

void ipt_step_print_rule(const struct step *s, struct strbuf *out)
{
	_cleanup_(ipt_args_release) struct ipt_args a = { 0 };
	int err = ipt_args_encode(s->rule, s->table->family, &a);

	out->lost |= err == -ENOMEM;
	if (err)
		strbuf_puts(out, s->rule->unknown ? s->rule->unknown : "?");
	else
		ipt_args_print(&a, out);
}

static void print_rule_step(const struct step *s, struct strbuf *out)
{
	if (s->add && s->chain->foreign)
		ipt_print_insert(s->chain, s->rule, out);
	else
		strbuf_printf(out, "-%c %s ", s->add ? 'A' : 'D',
			      s->chain->name);
	ipt_step_print_rule(s, out);
}

static void print_tool(const struct image_table *t, struct strbuf *out)
{
	strbuf_printf(out, "%s -t %s ",
		      t->family == NFPROTO_IPV4 ? "iptables" : "ip6tables",
		      t->name);
}

void ipt_print_adding(const struct image_table *t, const char *chain,
		      const struct ipt_args *a, struct strbuf *out)
{
	print_tool(t, out);
	strbuf_printf(out, "-A %s%s", chain, a->n ? " " : "");
	ipt_args_print(a, out);
}

void ipt_step_print(const struct step *s, struct strbuf *out)
{
	print_tool(s->table, out);
	if (s->kind == STEP_CHAIN)
		strbuf_printf(out, "-%c %s", s->add ? 'N' : 'X',
			      s->chain->name);
	else if (s->kind == STEP_RULE)
		print_rule_step(s, out);
}
