/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rules/foreign.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/intern.h"
#include "core/mem.h"

#define NAME_(name, text) [FEATURE_##name] = (text),
static const char *const feature_names[] = { FOREIGN_FEATURES(NAME_) };
#undef NAME_
#define NAME_(name, text) [FACT_##name] = (text),
static const char *const fact_names[] = { FOREIGN_FACTS(NAME_) };
#undef NAME_

int foreign_table_of(struct foreign *f, enum foreign_world world,
		     uint8_t family, const char *name, uint32_t line,
		     uint32_t *ret)
{
	uint32_t kind = (uint32_t)world << 8 | family;
	const char *kept = intern(name);
	size_t at;

	if (!kept)
		return -ENOMEM;
	at = name_index_find(&f->table_at, kept, kind);
	if (at == SIZE_MAX) {
		if (mem_grow(&f->tables, &f->cap_tables, f->n_tables + 1) ||
		    name_index_add(&f->table_at, kept, kind))
			return -ENOMEM;
		at = f->n_tables++;
		f->tables[at] = (struct foreign_table){
			.name = kept, .family = family, .line = line,
			.world = world,
		};
	}
	*ret = (uint32_t)at;
	return 0;
}

int foreign_table(struct foreign *f, uint8_t family, const char *name,
		  uint32_t line, uint32_t *ret)
{
	return foreign_table_of(f, WORLD_NFT, family, name, line, ret);
}

int foreign_chain(struct foreign *f, uint32_t table, const char *name,
		  uint32_t line, uint32_t *ret)
{
	const char *kept = intern(name);
	size_t at;

	if (!kept)
		return -ENOMEM;
	at = name_index_find(&f->chain_at, kept, table);
	if (at == SIZE_MAX) {
		if (mem_grow(&f->chains, &f->cap_chains, f->n_chains + 1) ||
		    name_index_add(&f->chain_at, kept, table))
			return -ENOMEM;
		at = f->n_chains++;
		f->chains[at] = (struct host_chain){
			.name = kept, .table = table, .line = line,
			.first = FOREIGN_NOWHERE,
		};
	}
	*ret = (uint32_t)at;
	return 0;
}

uint32_t foreign_find_chain(const struct foreign *f, uint32_t table,
			    const char *name)
{
	size_t at = name ? name_index_find(&f->chain_at, name, table) :
			   SIZE_MAX;

	return at == SIZE_MAX ? FOREIGN_NOWHERE : (uint32_t)at;
}

uint32_t foreign_leads_to(const struct foreign *f, const struct foreign_rule *r,
			  const struct foreign_outcome *v)
{
	if (v->verdict != FOREIGN_JUMP && v->verdict != FOREIGN_GOTO)
		return FOREIGN_NOWHERE;
	return foreign_find_chain(f, f->chains[r->chain].table, v->target);
}

bool foreign_text_has(const struct foreign_text *t, const char *words)
{
	return t->n && memmem(t->s, t->n, words, strlen(words));
}

void foreign_text_line(const struct foreign_text *t, size_t max,
		       struct strbuf *out)
{
	size_t n = t->n > max ? max : t->n;

	while (n && n < t->n && ((unsigned char)t->s[n] & 0xc0) == 0x80)
		n--;
	for (size_t i = 0; i < n; i++)
		strbuf_add(out, t->s[i] == '\n' || t->s[i] == '\t' ?
					" " : t->s + i, 1);
	if (n < t->n)
		strbuf_puts(out, "...");
}

bool foreign_is_of(const struct foreign_table *t, uint8_t family)
{
	return t->family == NFPROTO_INET || t->family == family;
}

bool foreign_is_dormant(const struct foreign_table *t)
{
	return t->flags && strstr(t->flags, "dormant");
}

bool foreign_takes_part(const struct foreign_table *t, uint8_t family)
{
	return foreign_is_of(t, family) && !foreign_is_dormant(t);
}

bool foreign_drops_rest(const struct host_chain *c)
{
	return c->policy && !strcasecmp(c->policy, "drop");
}

/*
 * Many scripts insert each rule at the head of a chain. A rule keeps its place
 * without the head's shift, so that this costs no walk through the chain.
 */
static int32_t make_room(struct foreign *f, struct host_chain *c,
			 uint32_t position)
{
	if (!position || position > c->n_rules)
		return (int32_t)c->n_rules + 1 - c->shift;
	if (position == 1) {
		c->shift++;
		return 1 - c->shift;
	}
	for (uint32_t i = c->first; i != FOREIGN_NOWHERE; i = f->rules[i].next)
		if (f->rules[i].at + c->shift >= (int32_t)position)
			f->rules[i].at++;
	return (int32_t)position - c->shift;
}

struct foreign_rule *foreign_add_rule(struct foreign *f, uint32_t chain,
				      uint32_t position)
{
	struct host_chain *c = &f->chains[chain];
	struct foreign_rule *r;

	if (f->n_rules >= INT32_MAX ||
	    mem_grow(&f->rules, &f->cap_rules, f->n_rules + 1))
		return NULL;
	r = &f->rules[f->n_rules];
	*r = (struct foreign_rule){
		.chain = chain, .next = c->first,
		.at = make_room(f, c, position),
		.states = (uint32_t)f->n_states,
		.terms = (uint32_t)f->n_terms,
	};
	c->first = (uint32_t)f->n_rules++;
	c->n_rules++;
	return r;
}

int foreign_add_states(struct foreign *f, struct foreign_states s)
{
	if (mem_grow(&f->states, &f->cap_states, f->n_states + 1))
		return -ENOMEM;
	f->states[f->n_states++] = s;
	f->rules[f->n_rules - 1].n_states++;
	return 0;
}

int foreign_add_elems(struct foreign *f, struct foreign_elems e)
{
	if (mem_grow(&f->elems, &f->cap_elems, f->n_elems + 1))
		return -ENOMEM;
	f->elems[f->n_elems++] = e;
	return 0;
}

void foreign_flush_chain(struct foreign *f, uint32_t chain)
{
	struct host_chain *c = &f->chains[chain];

	for (uint32_t i = c->first; i != FOREIGN_NOWHERE; i = f->rules[i].next)
		f->rules[i].chain = FOREIGN_NOWHERE;
	c->first = FOREIGN_NOWHERE;
	c->n_rules = 0;
	c->shift = 0;
}

/* Those behind a rule that is no longer there move up. */
static void close_gap(struct foreign *f, const struct host_chain *c, int32_t at)
{
	for (uint32_t i = c->first; i != FOREIGN_NOWHERE; i = f->rules[i].next)
		if (f->rules[i].at > at)
			f->rules[i].at--;
}

static bool all_of_chain(const struct foreign *f, const struct host_chain *c,
			 foreign_is_fn *is)
{
	for (uint32_t i = c->first; i != FOREIGN_NOWHERE; i = f->rules[i].next)
		if (!is(f, &f->rules[i]))
			return false;
	return true;
}

void foreign_take_out(struct foreign *f, foreign_is_fn *is)
{
	for (uint32_t i = 0; i < f->n_chains; i++) {
		struct host_chain *c = &f->chains[i];
		uint32_t *link = &c->first;

		if (all_of_chain(f, c, is))
			foreign_flush_chain(f, i);
		while (*link != FOREIGN_NOWHERE) {
			struct foreign_rule *r = &f->rules[*link];

			if (!is(f, r)) {
				link = &r->next;
				continue;
			}
			*link = r->next;
			r->chain = FOREIGN_NOWHERE;
			c->n_rules--;
			close_gap(f, c, r->at);
		}
	}
}

bool foreign_is_gone(const struct foreign_rule *r)
{
	return r->chain == FOREIGN_NOWHERE;
}

uint32_t foreign_position(const struct foreign *f,
			  const struct foreign_rule *r)
{
	const struct host_chain *c = &f->chains[r->chain];

	return f->tables[c->table].ranked ? (uint32_t)(r->at + c->shift) : 0;
}

const char *foreign_feature_name(enum foreign_feature x)
{
	return feature_names[x];
}

const char *foreign_fact_name(enum foreign_fact x)
{
	return fact_names[x];
}

const char *foreign_family_name(uint8_t family)
{
	static const char *const names[] = {
		[NFPROTO_INET] = "inet", [NFPROTO_IPV4] = "ip",
		[NFPROTO_IPV6] = "ip6", [NFPROTO_ARP] = "arp",
		[NFPROTO_BRIDGE] = "bridge", [NFPROTO_NETDEV] = "netdev",
	};

	return family < ARRAY_SIZE(names) && names[family] ? names[family] :
							     "";
}

static const char *const state_names[] = {
	"DNAT", "ESTABLISHED", "INVALID", "NEW", "RELATED", "SNAT",
	"UNTRACKED",
};

const char *foreign_state_name(unsigned int bit)
{
	return bit < ARRAY_SIZE(state_names) ? state_names[bit] : NULL;
}

uint8_t foreign_state_of(const char *word, size_t n)
{
	for (size_t i = 0; i < ARRAY_SIZE(state_names); i++)
		if (strlen(state_names[i]) == n &&
		    !strncasecmp(state_names[i], word, n))
			return (uint8_t)(1 << i);
	return 0;
}

void foreign_free(struct foreign **p)
{
	struct foreign *f = *p;

	if (!f)
		return;
	free(f->text);
	free(f->tables);
	free(f->chains);
	free(f->rules);
	free(f->states);
	free(f->elems);
	foreign_terms_release(f);
	name_index_release(&f->table_at);
	name_index_release(&f->chain_at);
	free(f);
	*p = NULL;
}
