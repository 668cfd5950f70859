/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/xtables/ipt_step.h"

#include <errno.h>

#include "backends/xtables/ipt_rule_args.h"
#include "core/mem.h"

/* In this order: the C library has its own interface flags. */
#include <net/if.h>
#include <linux/netfilter.h>

static void print_rule_step(const struct step *s, struct strbuf *out)
{
	_cleanup_(ipt_args_release) struct ipt_args a = { 0 };
	bool head = s->add && s->rule->at_head;
	int err;

	strbuf_printf(out, "-%c %s ", s->add ? (head ? 'I' : 'A') : 'D',
		      s->chain->name);
	if (head)
		strbuf_puts(out, "1 ");
	err = ipt_args_encode(s->rule, s->table->family, &a);
	out->lost |= err == -ENOMEM;
	if (err)
		strbuf_puts(out, s->rule->unknown ? s->rule->unknown : "?");
	else
		ipt_args_print(&a, out);
}

void ipt_step_print(const struct step *s, struct strbuf *out)
{
	strbuf_printf(out, "%s -t %s ",
		      s->table->family == NFPROTO_IPV4 ? "iptables" :
							 "ip6tables",
		      s->table->name);
	if (s->kind == STEP_CHAIN)
		strbuf_printf(out, "-%c %s", s->add ? 'N' : 'X',
			      s->chain->name);
	else if (s->kind == STEP_RULE)
		print_rule_step(s, out);
}
