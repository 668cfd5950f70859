/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/guard.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <string.h>

#include "core/mem.h"
#include "rules/flow.h"

/* A flow that must not be cut off, and how to call it. */
struct kept {
	struct flow flow;
	const struct service *service;	/* NULL: SSH_CONNECTION */
};

struct filter {
	const struct foreign_chain *chain;
	bool ours_reach;	/* accepts of ours can stand before it */
};

static bool in_family(const struct foreign_chain *f, uint8_t family)
{
	return f->family == NFPROTO_INET ||
	       f->family == (family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6);
}

static const struct foreign_chain *find_chain(const struct survey *s,
					      enum hook hook, uint8_t family)
{
	for (size_t i = 0; i < s->n_filters; i++)
		if (s->filters[i].hook == hook &&
		    in_family(&s->filters[i], family))
			return &s->filters[i];
	return NULL;
}

/* Who filters at this hook; what lies in another world counts first. */
static struct filter find_filter(const struct plan *p, enum hook hook,
				 uint8_t family)
{
	struct filter f = {
		.chain = find_chain(&p->elsewhere, hook, family),
	};

	if (f.chain)
		return f;
	f.chain = find_chain(&p->live.survey, hook, family);
	f.ours_reach = true;
	return f;
}

/* It must accept where the NOTRACK rule works, and the first packet too. */
static bool is_accepted(const struct plan *p, const struct flow *f,
			enum hook hook, const struct rule *notrack)
{
	bool wide = !notrack->match.iif.n && !notrack->match.oif.n;

	for (size_t i = 0; i < p->rules->n; i++) {
		const struct rule *r = &p->rules->v[i];

		if (r->action != ACTION_ACCEPT || r->hook != hook ||
		    (wide && (r->match.iif.n || r->match.oif.n)) ||
		    (hook == HOOK_INPUT && r->match.not_syn))
			continue;
		if (flow_matches(f, &r->match))
			return true;
	}
	return false;
}

static int say(struct plan *p, const struct kept *k, const struct rule *r,
	       enum hook hook, const struct filter *f)
{
	bool force = p->rq->force;
	const char *who = k->service ? k->service->name :
				       "this very connection (SSH_CONNECTION)";

	diag_add(&p->diags, force ? DIAG_WARNING : DIAG_ERROR, 0, ID_LOCKED_OUT,
		 r->origin->at,
		 "service %s takes the %s of %s out of tracking, and no rule of ours accepts it in %s, where chain %s of table %s drops packets: you may be locked out",
		 r->origin->service ? r->origin->service : "ctpolicy",
		 hook == HOOK_INPUT ? "requests" : "replies", who,
		 hook_name(hook), f->chain->chain, f->chain->table);
	if (!f->ours_reach)
		diag_help(&p->diags,
			  "that chain is in the other of iptables and nftables, which this backend cannot reach: use the other backend, or --force");
	else
		diag_help(&p->diags,
			  "give it `accept: open` under `management`, or leave it out of the policy; --force applies it nevertheless");
	return force ? 0 : -EADDRINUSE;
}

static int check_leg(struct plan *p, const struct kept *k,
		     const struct flow *f, enum hook first, enum hook filters)
{
	const struct rule *r = flow_find(f, p->rules, first, ACTION_NOTRACK);
	struct filter where;

	if (!r)
		return 0;
	where = find_filter(p, filters, f->family);
	if (!where.chain ||
	    (where.ours_reach && is_accepted(p, f, filters, r)))
		return 0;
	return say(p, k, r, filters, &where);
}

static int check_flow(struct plan *p, const struct kept *k)
{
	struct flow reply = flow_reversed(&k->flow);
	int r = check_leg(p, k, &k->flow, HOOK_PREROUTING, HOOK_INPUT);

	return r ? r : check_leg(p, k, &reply, HOOK_OUTPUT, HOOK_OUTPUT);
}

/* "fe80::1%eth0" has its interface behind; ::ffff:192.0.2.1 is IPv4. */
static bool get_address(char *text, uint8_t *ret_family, uint8_t *ret)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	text[strcspn(text, "%")] = '\0';
	*ret_family = AF_INET;
	if (inet_pton(AF_INET, text, ret) == 1)
		return true;
	if (inet_pton(AF_INET6, text, ret) != 1)
		return false;
	*ret_family = AF_INET6;
	if (!memcmp(ret, mapped, sizeof(mapped))) {
		memmove(ret, ret + sizeof(mapped), 4);
		*ret_family = AF_INET;
	}
	return true;
}

static bool get_port(const char *text, uint16_t *ret)
{
	struct port_range r;

	if (port_range_parse(text, &r) || r.first != r.last)
		return false;
	*ret = r.first;
	return true;
}

static bool read_connection(const char *text, struct flow *ret)
{
	_cleanup_free_ char *copy = strdup(text);
	struct flow f = { .proto = IPPROTO_TCP, .to_local = true };
	char *word[5] = { NULL }, *rest = copy;
	uint8_t other;

	for (size_t i = 0; rest && i < ARRAY_SIZE(word); i++)
		word[i] = strsep(&rest, " ");
	if (!word[3] || word[4] ||
	    !get_address(word[0], &f.family, f.saddr) ||
	    !get_port(word[1], &f.sport) ||
	    !get_address(word[2], &other, f.daddr) || other != f.family ||
	    !get_port(word[3], &f.dport))
		return false;
	f.loopback = !memcmp(f.saddr, f.daddr, sizeof(f.saddr));
	*ret = f;
	return true;
}

static int check_connection(struct plan *p)
{
	const char *text = getenv("SSH_CONNECTION");
	struct kept k = { 0 };

	if (!text || !*text)
		return 0;
	if (read_connection(text, &k.flow))
		return check_flow(p, &k);
	diag_add(&p->diags, DIAG_WARNING, 0, ID_SSH_CONNECTION, NOPOS,
		 "SSH_CONNECTION is not what sshd sets: whether the policy cuts this connection off is not looked at");
	return 0;
}

/* An address of the set, or any (documentation's, RFC 5737 and RFC 3849). */
static bool pick(const struct prefix_set *s, uint8_t family, uint8_t last,
		 uint8_t *ret)
{
	static const uint8_t v4[4] = { 192, 0, 2 };
	static const uint8_t v6[16] = { 0x20, 0x01, 0x0d, 0xb8 };

	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].family == family) {
			memcpy(ret, s->v[i].addr, 16);
			return true;
		}
	if (s->n)
		return false;
	memcpy(ret, family == AF_INET ? v4 : v6, family == AF_INET ? 4 : 16);
	ret[family == AF_INET ? 3 : 15] = last;
	return true;
}

static int check_service(struct plan *p, const struct service *s,
			 uint8_t family, uint8_t proto)
{
	struct kept k = {
		.flow = { .family = family, .proto = proto, .sport = 50000,
			  .to_local = true },
		.service = s,
	};
	int r = 0;

	if (!pick(&s->clients, family, 1, k.flow.saddr) ||
	    !pick(&s->servers, family, 2, k.flow.daddr))
		return 0;
	if (!s->ports.n)
		return check_flow(p, &k);
	for (size_t i = 0; !r && i < s->ports.n; i++) {
		k.flow.dport = s->ports.v[i].first;
		r = check_flow(p, &k);
		if (!r && s->ports.v[i].last != k.flow.dport) {
			k.flow.dport = s->ports.v[i].last;
			r = check_flow(p, &k);
		}
	}
	return r;
}

static int check_management(struct plan *p)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	int r = 0;

	for (size_t i = 0; i < p->policy->n_services; i++) {
		const struct service *s = &p->policy->services[i];

		if (!s->management || !(s->roles & ROLE_SERVER))
			continue;
		for (size_t f = 0; !r && f < ARRAY_SIZE(families); f++)
			for (size_t k = 0; !r && k < s->n_protocols; k++)
				r = check_service(p, s, families[f],
						  s->protocols[k]);
	}
	return r;
}

int guard_check(struct plan *p)
{
	int r = check_connection(p);

	return r ? r : check_management(p);
}
