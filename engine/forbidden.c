/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/forbidden.h"

#include <errno.h>
#include <linux/netfilter.h>

#include "audit/keepers.h"
#include "audit/needs.h"
#include "audit/own.h"
#include "core/mem.h"

#define SHOWN 10		/* rules, before "and more" */
#define WORDS_SHOWN 200		/* bytes of a rule */

static void put_words(const struct foreign_rule *r, struct strbuf *out)
{
	size_t n = r->raw.n > WORDS_SHOWN ? WORDS_SHOWN : r->raw.n;

	/* not in the middle of a character */
	while (n && n < r->raw.n && ((unsigned char)r->raw.s[n] & 0xc0) == 0x80)
		n--;
	for (size_t i = 0; i < n; i++)
		strbuf_add(out, r->raw.s[i] == '\n' || r->raw.s[i] == '\t' ?
					" " : r->raw.s + i, 1);
	if (n < r->raw.n)
		strbuf_puts(out, "...");
}

static int say(struct plan *p, const struct foreign *f,
	       const struct foreign_rule *r)
{
	_cleanup_(strbuf_release) struct strbuf words = { 0 };
	const struct host_chain *c = &f->chains[r->chain];
	const struct foreign_table *t = &f->tables[c->table];

	put_words(r, &words);
	if (strbuf_status(&words))
		return -ENOMEM;
	diag_add(&p->diags, DIAG_ERROR, 0, ID_STATE_FORBIDDEN,
		 p->policy->forbid_at,
		 "%s, chain %s of table %s %s: this rule %s: %s",
		 t->world == WORLD_LEGACY ? "legacy iptables" : "nftables",
		 c->name, foreign_family_name(t->family), t->name,
		 needs_why(keepers_feature(f, r)), strbuf_str(&words));
	return 0;
}

/* Rules of a family that the policy leaves alone keep nothing of it on. */
static bool concerns(const struct policy *policy,
		     const struct foreign_table *t)
{
	return (policy->ipv4 && foreign_takes_part(t, NFPROTO_IPV4)) ||
	       (policy->ipv6 && foreign_takes_part(t, NFPROTO_IPV6));
}

int forbidden_check_in(struct plan *p, const struct foreign *f)
{
	size_t n = 0;
	int err = 0;

	for (size_t i = 0; !err && i < f->n_rules; i++) {
		const struct foreign_rule *r = &f->rules[i];

		if (!own_is_host(f, r) || !keepers_has(f, r) ||
		    !concerns(p->policy, &f->tables[f->chains[r->chain].table]))
			continue;
		if (n++ < SHOWN)
			err = say(p, f, r);
	}
	if (err || !n)
		return err;
	if (n > SHOWN)
		diag_add(&p->diags, DIAG_NOTE, 0, ID_STATE_FORBIDDEN, NOPOS,
			 "%zu more rules need connection tracking; 'ctpolicy audit' lists them all",
			 n - SHOWN);
	diag_help(&p->diags,
		  "take these rules out, or write `state_matching: allowed`; 'ctpolicy audit FILE --rewrite' shows what could replace them");
	return -FAULT_CONFLICT;
}

int forbidden_check(struct plan *p, const struct part *m)
{
	int err = 0;

	if (!p->policy || !p->policy->forbid_state)
		return 0;
	if (!p->host.f && m->backend->read_live)
		err = host_rules_read(&p->host, m, &p->diags);
	if (!err)
		err = host_rules_complete(&p->host, &p->diags);
	return err ? err : forbidden_check_in(p, p->host.f);
}
