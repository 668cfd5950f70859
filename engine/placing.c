/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/placing.h"

#include <string.h>

#include "audit/asked.h"
#include "audit/places.h"
#include "engine/kept.h"
#include "rules/originals.h"

#include <linux/netfilter.h>

/* Words of iptables and of nft that have a bucket of their own. */
static bool has_limit(const char *words)
{
	return words && (strstr(words, "-m limit ") ||
			 strstr(words, "limit rate "));
}

static void warn_limit(struct plan *p, const struct stand *s,
		       const struct rule *r)
{
	const char *name = r->origin->service;

	diag_add(&p->diags, DIAG_WARNING, 0, ID_LIMIT_OF_ITS_OWN,
		 r->origin->at,
		 "a limit of chain %s of table %s %s is repeated for untracked packets%s%s and counts them by itself: with tracked ones, up to twice as many pass",
		 s->chain, foreign_family_name(s->family), s->table,
		 name ? " of service " : "", name ? name : "");
}

/* Once for each service, however often it is placed. */
static void note_limits(struct plan *p)
{
	const struct origin *last = NULL;

	for (size_t i = 0; !p->limits_said && i < p->stands.n; i++)
		for (size_t k = 0; k < p->stands.v[i].accepts.n; k++) {
			const struct rule *r = &p->stands.v[i].accepts.v[k];

			if (!has_limit(r->then) || r->origin == last)
				continue;
			warn_limit(p, &p->stands.v[i], r);
			last = r->origin;
		}
	p->limits_said = true;
}

/*
 * What need not be asked again isn't: but where somebody else may take packets
 * out of tracking, all is, and where it can't be known.
 */
static int ask_less(struct plan *p, const struct part *m,
		    const struct foreign *f)
{
	const struct asked_host h = {
		.ephemeral = p->facts.ephemeral,
		.sends = p->facts.sends_untracked,
	};

	if (p->asks_all || m->live.survey.unseen || m->elsewhere.unseen ||
	    m->elsewhere.in_use || asked_untracks(f))
		return 0;
	return asked_drop(p->rules, &h, &p->stands);
}

int placing_of(struct plan *p, const struct part *m, const struct foreign *f)
{
	int err;

	stands_release(&p->stands);
	err = places_find(f, p->rules, &p->stands);
	/* A text does not say whose kernel it is for. */
	for (size_t i = 0; i < p->stands.n; i++)
		p->stands.v[i].world = m->backend->world;
	note_limits(p);
	return err ? err : ask_less(p, m, f);
}

int placing_live(struct plan *p, const struct part *m)
{
	int err;

	stands_release(&p->stands);
	host_rules_release(&p->host);
	/* Rules that are replaced do for untracked packets what they did. */
	if (!p->rules || !m->backend->read_live || edits_are_wanted(p))
		return 0;
	/* Those that come back now are known to the backend alone. */
	if (!p->rules->wants_accepts && !originals_stand(m->live.image))
		return 0;
	err = host_rules_read(&p->host, m, false, &p->diags);
	if (!err && p->rules->wants_accepts)
		err = places_find(p->host.f, p->rules, &p->stands);
	if (!err)
		note_limits(p);
	return err ? err : ask_less(p, m, p->host.f);
}

static bool stays(const struct kept *k, const struct stand *s)
{
	return (k->ipv4 && s->family != NFPROTO_IPV6) ||
	       (k->ipv6 && s->family != NFPROTO_IPV4);
}

int placing_kept(struct plan *p)
{
	struct kept k;
	int err;

	if (!p->rules || !p->rules->wants_accepts || !p->host.f ||
	    !edits_are_wanted(p))
		return 0;
	kept_find(p, p->host.f, &k);
	if (!k.n)
		return 0;
	err = places_find(p->host.f, p->rules, &p->stands);
	for (size_t i = 0; !err && i < p->stands.n; i++)
		if (!stays(&k, &p->stands.v[i]))
			ruleset_release(&p->stands.v[i].accepts);
	if (err)
		return err;
	stands_normalize(&p->stands);
	note_limits(p);
	return 0;
}
