/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/own.h"

#include <netinet/in.h>
#include <linux/netfilter.h>
#include <string.h>
#include <strings.h>

/* "CTPOLICY-INPUT", in nft "ctpolicy-input" */
static bool is_own_name(const char *s)
{
	return s && !strncasecmp(s, "ctpolicy-", strlen("ctpolicy-"));
}

bool own_is_rule(const struct foreign *f, const struct foreign_rule *r)
{
	const struct host_chain *c = &f->chains[r->chain];
	const struct foreign_table *t = &f->tables[c->table];

	if (t->family == NFPROTO_INET && !strcmp(t->name, "ctpolicy"))
		return true;
	return is_own_name(c->name) ||
	       ((r->verdict == FOREIGN_JUMP || r->verdict == FOREIGN_GOTO) &&
		is_own_name(r->target));
}

bool own_is_host(const struct foreign *f, const struct foreign_rule *r)
{
	return !foreign_is_gone(r) && !own_is_rule(f, r);
}
