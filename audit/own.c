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

bool own_is_chain(const struct foreign *f, size_t chain)
{
	const struct host_chain *c = &f->chains[chain];
	const struct foreign_table *t = &f->tables[c->table];

	return is_own_name(c->name) ||
	       (t->family == NFPROTO_INET && !strcmp(t->name, "ctpolicy"));
}

bool own_is_rule(const struct foreign *f, const struct foreign_rule *r)
{
	return own_is_chain(f, r->chain) ||
	       ((r->verdict == FOREIGN_JUMP || r->verdict == FOREIGN_GOTO) &&
		is_own_name(r->target));
}

bool own_is_host(const struct foreign *f, const struct foreign_rule *r)
{
	return !foreign_is_gone(r) && !own_is_rule(f, r);
}
