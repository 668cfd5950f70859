/* SPDX-License-Identifier: GPL-2.0-or-later */
/* audit/notrack_nat.c: translated and forwarded packets that are taken too. */
#include <netinet/in.h>
#include <linux/netfilter.h>
#include <string.h>

#include "audit/notrack_parts.h"
#include "core/mem.h"

static bool share_family(const struct inspection *j, const struct use *x,
			 const struct uses *u, const struct use *y)
{
	static const uint8_t families[] = { NFPROTO_IPV4, NFPROTO_IPV6 };

	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		struct sample s = { .family = families[i] };

		sample_set_number(&s, FIELD_NFPROTO, families[i]);
		if (use_may_take(&j->notrack, x, &s) && use_may_take(u, y, &s))
			return true;
	}
	return false;
}

/* Translation that the packets of x would get, were they tracked. */
static const struct use *find_nat(const struct inspection *j,
				  const struct use *x, const struct uses *nat,
				  const char *hook)
{
	for (size_t i = 0; i < nat->n; i++) {
		const struct use *y = &nat->v[i];

		if (!strcmp(j->f->chains[y->base].hook, hook) &&
		    share_family(j, x, nat, y) &&
		    uses_meet(&j->notrack, x, nat, y))
			return y;
	}
	return NULL;
}

static int check_dnat(struct inspection *j, const struct use *x)
{
	const char *hook = j->f->chains[x->base].hook;
	enum use_side side = inspect_side(&j->notrack, x);
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	const struct use *nat;

	if (side == SIDE_REPLY)
		return 0;
	nat = find_nat(j, x, &j->dnat, hook);
	if (!nat)
		return 0;
	inspect_describe(&j->notrack, x, &b);
	return inspect_add(j, DIAG_ERROR, ID_NOTRACK_DNAT, x->rule, nat->rule,
			 inspect_help(j, "untracked packets are never translated: leave what is translated out of this rule, by address or interface"),
			 "packets of %s skip the translation by another rule",
			 strbuf_text(&b, &j->lost));
}

static bool asks_any(const struct inspection *j, const struct use *x,
		     const enum packet_field *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (use_asks(&j->notrack, x, v[i]))
			return true;
	return false;
}

/* Is it limited to packets for this host, or to one side of it? */
static bool is_scoped(const struct inspection *j, const struct use *x)
{
	static const enum packet_field requests[] = {
		FIELD_DADDR, FIELD_DADDR_TYPE, FIELD_IIF, FIELD_TRANSPARENT,
		FIELD_WILDCARD,
	};
	static const enum packet_field replies[] = {
		FIELD_SADDR, FIELD_IIF, FIELD_TRANSPARENT, FIELD_WILDCARD,
	};

	return inspect_side(&j->notrack, x) == SIDE_REPLY ?
		       asks_any(j, x, replies, ARRAY_SIZE(replies)) :
		       asks_any(j, x, requests, ARRAY_SIZE(requests));
}

/* A reply comes back to where translation had sent the request. */
static const struct use *find_snat(const struct inspection *j,
				   const struct use *x)
{
	const struct uses *nat = &j->snat;

	if (inspect_side(&j->notrack, x) != SIDE_REPLY)
		return find_nat(j, x, nat, "postrouting");
	for (size_t i = 0; i < nat->n; i++)
		if (!strcmp(j->f->chains[nat->v[i].base].hook, "postrouting") &&
		    share_family(j, x, nat, &nat->v[i]))
			return &nat->v[i];
	return NULL;
}

static bool has_forward_rules(const struct foreign *f, uint8_t family)
{
	for (uint32_t i = 0; i < f->n_rules; i++) {
		const struct foreign_rule *r = &f->rules[i];
		const struct host_chain *c;

		if (foreign_is_gone(r) || (r->verdict != FOREIGN_ACCEPT &&
					   r->verdict != FOREIGN_JUMP))
			continue;
		c = &f->chains[r->chain];
		if (c->hook && !strcmp(c->hook, "forward") &&
		    (f->tables[c->table].family == family ||
		     f->tables[c->table].family == NFPROTO_INET ||
		     family == NFPROTO_INET))
			return true;
	}
	return false;
}

/* Are its packets answered by this host, not by one behind it? */
static bool serves_host(const struct inspection *j, const struct use *x)
{
	struct sample s, m;

	for (size_t i = 0; i < 2; i++) {
		uint8_t family = i ? NFPROTO_IPV6 : NFPROTO_IPV4;

		if (!inspect_sample(&j->notrack, x, family, 0, &s) ||
		    !use_may_take(&j->notrack, x, &s))
			continue;
		m = inspect_mirror(&s);
		if (inspect_covers(j, "output", &m) &&
		    !inspect_covers(j, "prerouting", &m))
			return true;
	}
	return false;
}

static int check_forwarded(struct inspection *j, const struct use *x)
{
	uint8_t table = j->f->tables[j->f->chains[x->base].table].family;
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	const struct use *nat;

	if (is_scoped(j, x))
		return 0;
	inspect_describe(&j->notrack, x, &b);
	nat = find_snat(j, x);
	if (nat)
		return inspect_add(j, DIAG_ERROR, ID_NOTRACK_FORWARDED, x->rule,
				 nat->rule,
				 inspect_help(j, "limit it to packets for this host: by destination address, or -m addrtype --dst-type LOCAL (nft: fib daddr type local); replies: also by socket"),
				 "this also takes out %s of the hosts behind this one, whose addresses another rule translates: their connections break",
				 strbuf_text(&b, &j->lost));
	if (inspect_side(&j->notrack, x) == SIDE_REPLY || !serves_host(j, x) ||
	    (!j->forwards && !has_forward_rules(j->f, table)))
		return 0;
	return inspect_add(j, DIAG_WARNING, ID_NOTRACK_FORWARDED, x->rule,
			 FOREIGN_NOWHERE,
			 inspect_help(j, "limit it to packets for this host: by destination address, or -m addrtype --dst-type LOCAL (nft: fib daddr type local)"),
			 "forwarded packets of %s are taken out too, in one direction",
			 strbuf_text(&b, &j->lost));
}

int inspect_nat(struct inspection *j)
{
	const struct uses *u = &j->notrack;
	int err = 0;

	for (size_t i = 0; !err && i < u->n; i++) {
		const struct use *x = &u->v[i];

		if (x->own || use_asks(u, x, FIELD_ICMP_TYPE))
			continue;
		if (inspect_is_at(j, x, "prerouting") ||
		    inspect_is_at(j, x, "output"))
			err = check_dnat(j, x);
		if (!err && inspect_is_at(j, x, "prerouting"))
			err = check_forwarded(j, x);
	}
	return err;
}
