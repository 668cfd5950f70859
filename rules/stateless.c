/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rules/stateless.h"

#include <linux/netfilter.h>
#include <stdlib.h>

#define NAME_(name, text) text,

const char *stateless_admits_name(enum stateless_admits x)
{
	static const char *const names[] = { STATELESS_ADMITS(NAME_) };

	return names[x];
}

const char *stateless_loses_text(enum stateless_loses x)
{
	static const char *const texts[] = { STATELESS_LOSES(NAME_) };

	return texts[x];
}

static const char *admits_name(unsigned int i)
{
	return stateless_admits_name((enum stateless_admits)i);
}

static const char *loses_text(unsigned int i)
{
	return stateless_loses_text((enum stateless_loses)i);
}

static void join(uint32_t bits, const char *between,
		 const char *(*name)(unsigned int i), struct strbuf *out)
{
	const char *sep = "";

	for (unsigned int i = 0; bits >> i; i++)
		if (bits >> i & 1) {
			strbuf_printf(out, "%s%s", sep, name(i));
			sep = between;
		}
}

void stateless_print_admits(uint32_t admits, struct strbuf *out)
{
	join(admits, ", ", admits_name, out);
}

void stateless_join_loses(uint32_t loses, const char *between,
			  struct strbuf *out)
{
	join(loses, between, loses_text, out);
}

void stateless_print_loses(uint32_t loses, struct strbuf *out)
{
	stateless_join_loses(loses, "; ", out);
}

const char *stateless_class_name(enum stateless_class x)
{
	static const char *const names[] = {
		[STATELESS_EXACT] = "exact",
		[STATELESS_APPROXIMATE] = "approximate",
		[STATELESS_NONE] = "none",
	};

	return names[x];
}

static int by_rule(const void *pa, const void *pb)
{
	const struct stateless_edit *a = pa, *b = pb;

	if (a->rule != b->rule)
		return a->rule < b->rule ? -1 : 1;
	if (a->hook != b->hook)
		return a->hook < b->hook ? -1 : 1;
	return (a->family > b->family) - (a->family < b->family);
}

void stateless_sort(struct stateless *s)
{
	if (s->n_edits)
		qsort(s->edits, s->n_edits, sizeof(*s->edits), by_rule);
}

size_t stateless_first(const struct stateless *s, size_t lo, size_t hi,
		       uint32_t rule)
{
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (s->edits[mid].rule < rule)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

const struct stateless_edit *stateless_edits(const struct stateless *s,
					     uint32_t rule, size_t *ret_n)
{
	size_t first = stateless_first(s, 0, s->n_edits, rule);
	size_t end = first;

	while (end < s->n_edits && s->edits[end].rule == rule)
		end++;
	*ret_n = end - first;
	return end > first ? &s->edits[first] : NULL;
}

const struct stateless_edit *stateless_find(const struct stateless *s,
					    uint32_t rule, uint8_t hook)
{
	for (size_t i = stateless_first(s, 0, s->n_edits, rule);
	     i < s->n_edits && s->edits[i].rule == rule; i++)
		if (s->edits[i].hook == hook && !s->edits[i].left &&
		    s->edits[i].kind != STATELESS_NONE)
			return &s->edits[i];
	return NULL;
}

struct stateless_pair stateless_pair(const struct stateless *s, uint32_t rule,
				     uint8_t hook)
{
	struct stateless_pair p = { 0 };
	size_t n;
	const struct stateless_edit *e = stateless_edits(s, rule, &n);

	for (size_t i = 0; i < n; i++)
		if (e[i].hook == hook && !e[i].left &&
		    e[i].kind != STATELESS_NONE)
			p.e[e[i].family != NFPROTO_IPV4] = &e[i];
	return p;
}

void stateless_pair_rules(const struct stateless *s,
			  const struct stateless_pair *p,
			  struct stateless_span ret[2])
{
	for (size_t k = 0; k < 2; k++)
		ret[k] = p->e[k] ? (struct stateless_span){
			s->rules + p->e[k]->first, p->e[k]->n,
		} : (struct stateless_span){ 0 };
}

size_t stateless_chains(const struct stateless *s, uint32_t rule,
			uint8_t hook)
{
	struct stateless_pair p = stateless_pair(s, rule, hook);
	size_t v4 = p.e[0] ? p.e[0]->n_chains : 0;
	size_t v6 = p.e[1] ? p.e[1]->n_chains : 0;

	return v4 > v6 ? v4 : v6;
}

void stateless_pair_inner(const struct stateless *s,
			  const struct stateless_pair *p, size_t number,
			  struct stateless_span ret[2], const char **ret_name)
{
	for (size_t k = 2; k--;) {
		const struct stateless_chain *v;

		ret[k] = (struct stateless_span){ 0 };
		if (!p->e[k] || number >= p->e[k]->n_chains)
			continue;
		v = &s->chains[p->e[k]->first_chain + number];
		ret[k] = (struct stateless_span){ s->inner + v->first, v->n };
		*ret_name = v->name;
	}
}

const char *stateless_pair_chain(const struct stateless *s,
				 const struct stateless_pair *p,
				 const struct stateless_edit *e, uint32_t chain)
{
	uint32_t k = chain - e->first_chain;
	const struct stateless_edit *home = p->e[0] ? p->e[0] : e;

	return s->chains[k < home->n_chains ? home->first_chain + k :
					      chain].name;
}

const char *stateless_copy_name(const struct stateless *s, uint32_t chain,
				uint8_t hook)
{
	for (size_t i = 0; i < s->n_copies; i++)
		if (s->copies[i].chain == chain && s->copies[i].hook == hook)
			return s->copies[i].name;
	return NULL;
}

static bool leads(const struct stateless *s, const struct foreign *f,
		  const struct foreign_rule *r, const struct foreign_outcome *v,
		  uint8_t hook)
{
	uint32_t to = foreign_leads_to(f, r, v);

	return to != FOREIGN_NOWHERE && stateless_copy_name(s, to, hook);
}

bool stateless_leads(const struct stateless *s, const struct foreign *f,
		     const struct foreign_rule *r, uint8_t hook)
{
	const struct foreign_outcome own = { r->verdict, r->target };

	if (!s->n_copies)
		return false;
	for (uint32_t i = 0; i < r->n_terms; i++) {
		const struct term *t = &f->terms[r->terms + i];
		const struct key_set *in = &f->sets[t->set];

		if (t->kind != TERM_VMAP || in->outcome == FOREIGN_NOWHERE)
			continue;
		for (uint32_t k = 0; k < in->n; k++)
			if (leads(s, f, r, &f->outcomes[in->outcome + k], hook))
				return true;
	}
	return leads(s, f, r, &own, hook);
}

void stateless_release(struct stateless *s)
{
	free(s->rules);
	free(s->inner);
	free(s->chains);
	free(s->edits);
	free(s->copies);
	free(s->sets);
	free(s->hooks);
	*s = (struct stateless){ 0 };
}
