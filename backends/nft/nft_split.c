/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/nft/nft_split.h"

#include <string.h>

#include "backends/nft/nft.h"
#include "core/intern.h"
#include "core/mem.h"

/*
 * So many tests a packet has to be spared. To be led away is two of them, of
 * which a packet that the first rule takes gets back one.
 */
#define SPARED_MIN 5

static const char *chain_of(enum hook hook, uint8_t proto)
{
	return intern_printf("%s_%s", hook_name(hook), protocol_name(proto));
}

uint8_t nft_split_proto(uint8_t family, const char *table, const char *chain)
{
	static const enum hook hooks[] = { HOOK_PREROUTING, HOOK_OUTPUT };
	int proto = 0;

	if (!nft_table_is_own(family, table))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(hooks); i++) {
		const char *name = hook_name(hooks[i]);
		size_t n = strlen(name);

		if (!strncmp(chain, name, n) && chain[n] == '_')
			proto = protocol_number(chain + n + 1);
	}
	return proto > 0 && protocol_has_ports((uint8_t)proto) ?
		       (uint8_t)proto : 0;
}

void nft_split_read(const struct image_table *t, const char *chain,
		    struct image_rule *r)
{
	uint8_t proto = nft_split_proto(t->family, t->name, chain);

	if (!proto || r->match.proto || r->match.not_tcp ||
	    r->verdict == VERDICT_UNKNOWN || r->verdict == VERDICT_WORDS)
		return;
	r->match.proto = proto;
	r->led = true;
}

/* Where a rule of the chain goes to, by protocol. */
struct split {
	struct image_table *t;
	size_t chain;			/* of the table's: adding moves them */
	uint8_t led[8];			/* protocols */
	size_t n_led;
};

/*
 * The tests that a packet without a service is spared: whether it is of this
 * protocol, in each rule of it that gets as far as asking, and the first one of
 * each rule of another protocol.
 */
static size_t spared(const struct image_chain *c, uint8_t proto)
{
	size_t others = 0, v4 = 0, v6 = 0;

	for (size_t i = 0; i < c->n_rules; i++) {
		const struct match *m = &c->rules[i].match;

		others += m->proto && m->proto != proto;
		if (m->proto != proto || m->iif.n || m->oif.n)
			continue;
		v4 += m->family != AF_INET6;
		v6 += m->family != AF_INET;
	}
	return others + (v4 > v6 ? v4 : v6);
}

/* One rule in a chain of its own spares its packets nothing. */
static bool is_worth_it(const struct image_chain *c, uint8_t proto)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n_rules; i++)
		n += c->rules[i].match.proto == proto;
	return n > 1 && spared(c, proto) >= SPARED_MIN;
}

/* UDP first: what its packets take otherwise is the least. */
static void find_protocols(struct split *s)
{
	const struct image_chain *c = &s->t->chains[s->chain];
	bool seen[UINT8_MAX + 1] = { false };

	for (size_t i = 0; i < c->n_rules; i++) {
		uint8_t proto = c->rules[i].match.proto;

		if (seen[proto] || s->n_led == ARRAY_SIZE(s->led))
			continue;
		seen[proto] = true;
		if (!protocol_has_ports(proto) || !is_worth_it(c, proto))
			continue;
		s->led[s->n_led++] = proto;
		if (proto != IPPROTO_UDP)
			continue;
		s->led[s->n_led - 1] = s->led[0];
		s->led[0] = IPPROTO_UDP;
	}
}

/* The rules of c that the other is for, in their order. */
static int move_rules(struct image_chain *c, struct image_chain *to,
		      uint8_t proto)
{
	size_t kept = 0;
	int err = 0;

	for (size_t i = 0; i < c->n_rules; i++) {
		struct image_rule *r = c->rules[i].match.proto == proto ?
				       image_add_rule(to) : NULL;

		if (r) {
			*r = c->rules[i];
			r->led = true;
		} else {
			err = c->rules[i].match.proto == proto ? -ENOMEM : err;
			c->rules[kept++] = c->rules[i];
		}
	}
	c->n_rules = kept;
	return err;
}

/*
 * Behind the rules for any protocol, which are met by all: what is led away
 * doesn't come back. NOTRACK takes out the same in any order.
 */
static int put_lead(struct split *s, uint8_t proto, const char *to)
{
	static const struct origin nobody;
	struct image_chain *c = &s->t->chains[s->chain];
	struct image_rule *r = image_add_rule(c);
	size_t at = c->n_rules - 1;

	if (!r)
		return -ENOMEM;
	*r = (struct image_rule){
		.verdict = VERDICT_JUMP, .ends = true, .target = to,
		.match = { .proto = proto }, .origin = &nobody,
		.comment = strdup(NFT_JUMP_COMMENT),
	};
	for (; at && c->rules[at - 1].match.proto &&
	       c->rules[at - 1].verdict != VERDICT_JUMP; at--) {
		struct image_rule lead = c->rules[at];

		c->rules[at] = c->rules[at - 1];
		c->rules[at - 1] = lead;
	}
	return c->rules[at].comment ? 0 : -ENOMEM;
}

static int lead_away(struct split *s, uint8_t proto)
{
	const char *name = chain_of(s->t->chains[s->chain].hook, proto);
	struct image_chain *to = name ? image_add_chain(s->t, name,
							HOOK_MAX_) : NULL;
	int err = to ? move_rules(&s->t->chains[s->chain], to, proto) :
		       -ENOMEM;

	return err ? err : put_lead(s, proto, name);
}

/* What was found by its digest while it was lowered is elsewhere now. */
static int split_chain(struct split *s)
{
	int err = 0;

	find_protocols(s);
	if (s->n_led)
		name_index_release(&s->t->chains[s->chain].rule_at);
	for (size_t i = 0; !err && i < s->n_led; i++)
		err = lead_away(s, s->led[i]);
	return err;
}

int nft_split(struct image_table *t)
{
	size_t n = t->n_chains;
	int err = 0;

	for (size_t i = 0; !err && i < n; i++) {
		struct split s = { .t = t, .chain = i };

		if (t->chains[i].base && !own_names_tracked(t->chains[i].name))
			err = split_chain(&s);
	}
	return err;
}
