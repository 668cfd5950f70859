/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rules/image_digest.c: an image in 64 bits.
 *
 * What changeset_diff() compares goes in, and nothing else: two images with an
 * empty changeset between them have the same digest.
 */
#include <string.h>

#include "core/digest.h"
#include "rules/image.h"

static void put(uint64_t *h, const void *v, size_t n)
{
	*h = digest_add(*h, v, n);
}

static void put_number(uint64_t *h, uint64_t v)
{
	put(h, &v, sizeof(v));
}

/* With its length: two texts never run together. */
static void put_text(uint64_t *h, const char *s)
{
	size_t n = s ? strlen(s) : 0;

	put_number(h, n);
	put(h, s ? s : "", n);
}

static void put_prefixes(uint64_t *h, const struct prefix_set *s)
{
	put_number(h, s->n);
	for (size_t i = 0; i < s->n; i++) {
		struct prefix p = prefix_set_at(s, i);

		put_number(h, p.family);
		put_number(h, p.len);
		put(h, p.addr, addr_bytes(p.family));
	}
}

static void put_ports(uint64_t *h, const struct port_set *s)
{
	put_number(h, s->n);
	for (size_t i = 0; i < s->n; i++)
		put_number(h, (uint64_t)s->v[i].first << 16 | s->v[i].last);
}

static void put_ifaces(uint64_t *h, const struct iface_set *s)
{
	put_number(h, s->n);
	for (size_t i = 0; i < s->n; i++) {
		put_text(h, s->v[i].name);
		put_number(h, s->v[i].wild);
	}
}

static void put_match(uint64_t *h, const struct match *m)
{
	put_number(h, m->family);
	put_number(h, m->proto);
	if (m->not_tcp)
		put_number(h, m->not_tcp);
	put_prefixes(h, &m->saddr);
	put_prefixes(h, &m->daddr);
	put_ports(h, &m->sport);
	put_ports(h, &m->dport);
	put_ifaces(h, &m->iif);
	put_ifaces(h, &m->oif);
	put_number(h, m->dst);
	put_number(h, m->src_local);
	put_number(h, m->ct);
	put_number(h, m->socket);
	put_number(h, m->not_syn);
	put_number(h, m->fragment_tail);
	put_number(h, m->n_icmp);
	for (unsigned int i = 0; i < m->n_icmp; i++)
		put_number(h, (uint64_t)m->icmp[i].first << 8 |
				      m->icmp[i].last);
}

static void put_meets(uint64_t *h, const struct image_rule *r)
{
	put_match(h, &r->match);
	put_number(h, r->n_lookups);
	for (unsigned int i = 0; i < r->n_lookups; i++) {
		const struct lookup *l = &r->lookup[i];

		put_text(h, l->set);
		put_number(h, l->n_parts);
		for (unsigned int k = 0; k < l->n_parts; k++)
			put_number(h, l->part[k]);
	}
}

uint64_t image_rule_meets_digest(const struct image_rule *r)
{
	uint64_t h = DIGEST_START;

	put_meets(&h, r);
	return h;
}

static void put_rule(uint64_t *h, const struct image_rule *r)
{
	put_meets(h, r);
	put_number(h, r->verdict);
	put_text(h, r->target);
	put_text(h, r->comment);
	put_text(h, r->unknown);
	/* records of rules that do not count keep their digests */
	if (r->counts)
		put_number(h, r->counts);
	/* ... and those of rules behind which the chain goes on */
	if (r->ends)
		put_text(h, "ends");
	/* ... and those of rules that ask for their protocol */
	if (r->led)
		put_text(h, "led");
}

/* Comments, each where it takes over from another. */
static void put_comments(uint64_t *h, const struct elems *e)
{
	char comment[COMMENT_MAX + 1], last[COMMENT_MAX + 1] = "";

	for (size_t i = 0; i < e->n; i++) {
		if (i && elems_origin(e, i) == elems_origin(e, i - 1))
			continue;
		origin_comment(elems_origin(e, i), comment, COMMENT_MAX);
		if (!strcmp(comment, last))
			continue;
		put_number(h, i);
		put_text(h, comment);
		memcpy(last, comment, sizeof(last));
	}
}

static void put_set(uint64_t *h, const struct image_set *s)
{
	const struct elems *e = &s->elems;

	put_text(h, s->name);
	put_number(h, s->interval);
	put_number(h, s->family);
	put_text(h, s->kind);
	put_number(h, e->n_fields);
	for (unsigned int i = 0; i < e->n_fields; i++)
		put_number(h, e->field[i]);
	put_number(h, e->n);
	for (size_t i = 0; e->width && i < e->n; i++) {
		put(h, elems_first(e, i), e->width);
		put(h, elems_last(e, i), e->width);
	}
	put_comments(h, e);
	/* records of sets of other kinds keep their digests */
	if (s->hashed)
		put_text(h, "hashed");
	if (s->timers)
		put_text(h, s->timers);
}

/* Records hold digests: this stays, however many hooks there are. */
#define NO_HOOK 4

static void put_chain(uint64_t *h, const struct image_chain *c)
{
	put_text(h, c->name);
	put_number(h, c->foreign);
	put_number(h, c->odd);
	if (!c->foreign) {
		put_number(h, c->base);
		put_number(h, c->base ? c->hook : NO_HOOK);
	}
	put_number(h, c->n_rules);
	for (size_t i = 0; i < c->n_rules; i++)
		put_rule(h, &c->rules[i]);
}

/* Nothing of ours is in it: it is as if it were not there. */
static bool is_void(const struct image_table *t)
{
	for (size_t i = 0; i < t->n_chains; i++)
		if (!t->chains[i].foreign || t->chains[i].n_rules)
			return false;
	return !t->owned && !t->n_sets;
}

uint64_t image_digest(const struct image *img)
{
	uint64_t h = DIGEST_START;

	for (size_t i = 0; i < img->n_tables; i++) {
		const struct image_table *t = &img->tables[i];

		if (is_void(t))
			continue;
		put_number(&h, t->family);
		put_text(&h, t->name);
		put_number(&h, t->owned);
		for (size_t k = 0; k < t->n_sets; k++)
			put_set(&h, &t->sets[k]);
		for (size_t k = 0; k < t->n_chains; k++)
			if (!t->chains[k].foreign || t->chains[k].n_rules)
				put_chain(&h, &t->chains[k]);
	}
	return h;
}
