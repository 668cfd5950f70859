/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/forbidden.h"

#include <errno.h>

#include "audit/keepers.h"
#include "audit/needs.h"
#include "audit/own.h"
#include "core/mem.h"
#include "engine/kept.h"

#include <linux/netfilter.h>

#define SHOWN 10		/* rules, before "and more" */
#define WORDS_SHOWN 200		/* bytes of a rule */

int forbidden_say(struct forbidden_said *said, const struct foreign_rule *r,
		  const char *why)
{
	_cleanup_(strbuf_release) struct strbuf words = { 0 };
	const struct foreign *f = said->f;
	const struct host_chain *c = &f->chains[r->chain];
	const struct foreign_table *t = &f->tables[c->table];

	if (said->n++ >= SHOWN)
		return 0;
	foreign_text_line(&r->raw, WORDS_SHOWN, &words);
	if (strbuf_status(&words))
		return -ENOMEM;
	diag_add(&said->p->diags, said->level, 0, ID_STATE_FORBIDDEN,
		 said->p->policy->forbid_at,
		 "%s, chain %s of table %s %s: this rule %s: %s",
		 chain_owner_name(t->world == WORLD_LEGACY ?
				  OWNER_IPTABLES_LEGACY : OWNER_NFT),
		 c->name, foreign_family_name(t->family), t->name, why,
		 strbuf_text(&words, &said->p->diags.lost));
	return 0;
}

void forbidden_say_objects(struct forbidden_said *said)
{
	if (!kept_objects_left(said->p, said->f))
		return;
	said->n++;
	diag_add(&said->p->diags, said->level, 0, ID_STATE_FORBIDDEN,
		 said->p->policy->forbid_at,
		 "nftables: a declared helper, timeout, expectation or synproxy needs tracking, though no rule may use it");
}

void forbidden_say_end(struct forbidden_said *said)
{
	if (said->n > SHOWN)
		diag_add(&said->p->diags, DIAG_NOTE, 0, ID_STATE_FORBIDDEN,
			 NOPOS,
			 "%zu more rules need connection tracking; 'ctpolicy audit' lists them all",
			 said->n - SHOWN);
}

/* Rules of a family that the policy leaves alone keep nothing of it on. */
bool forbidden_concerns(const struct plan *p, const struct foreign *f,
			const struct foreign_rule *r)
{
	const struct foreign_table *t;

	if (!own_is_host(f, r) || !keepers_has(f, r))
		return false;
	t = &f->tables[f->chains[r->chain].table];
	/* Of a dormant table, too: the kernel goes by rules, not by hooks. */
	return ((p->policy->ipv4 && foreign_is_of(t, NFPROTO_IPV4)) ||
		(p->policy->ipv6 && foreign_is_of(t, NFPROTO_IPV6)));
}

int forbidden_check_in(struct plan *p, const struct foreign *f)
{
	struct forbidden_said said = { p, f, DIAG_ERROR, 0 };
	struct kept kept;
	size_t rules;
	int err = 0;

	kept_find(p, f, &kept);
	for (size_t i = 0; !err && i < f->n_rules; i++)
		if (forbidden_concerns(p, f, &f->rules[i]) &&
		    !kept_may_stay(p, &kept, f, &f->rules[i]))
			err = forbidden_say(&said, &f->rules[i],
					    needs_why(keepers_feature(
						    f, &f->rules[i])));
	rules = said.n;
	if (!err)
		forbidden_say_objects(&said);
	if (err || !said.n)
		return err ? err : kept_tell(p, &kept);
	forbidden_say_end(&said);
	diag_help(&p->diags, !rules ?
		  "take it out, name it in `keep`, or write `state_matching: allowed`" :
		  edits_are_wanted(p) ?
		  "in a text, 'ctpolicy audit FILE --rewrite' replaces them" :
		  "write `existing_rules: replace`, take these rules out, or write `state_matching: allowed`");
	return -FAULT_CONFLICT;
}

int forbidden_check(struct plan *p, const struct part *m)
{
	bool edits = edits_are_wanted(p);
	int err = 0;

	if (!p->policy || !p->policy->forbid_state)
		return 0;
	if (!p->host.f && m->backend->read_live)
		err = host_rules_read(&p->host, m, edits, &p->diags);
	if (!err)
		err = host_rules_complete(&p->host, &p->diags);
	if (err)
		return err;
	return edits ? edits_find(p, m) : forbidden_check_in(p, p->host.f);
}
