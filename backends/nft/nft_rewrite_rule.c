/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/nft/nft_rewrite_rule.c: the rules that stand for one. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter.h>

#include "backends/nft/nft_pair.h"
#include "backends/nft/nft_parts.h"
#include "backends/nft/nft_rewrite.h"
#include "core/mem.h"

/* What is said around the family, and whether that must be said. */
struct line {
	struct strbuf head, tail;
	bool alone;
};

struct lines {
	struct line *v;
	size_t n, cap;
};

static void line_release(struct line *l)
{
	strbuf_release(&l->head);
	strbuf_release(&l->tail);
}

static void lines_release(struct lines *l)
{
	for (size_t i = 0; i < l->n; i++)
		line_release(&l->v[i]);
	free(l->v);
	*l = (struct lines){ 0 };
}

void nft_lines_release(struct nft_lines *l)
{
	for (size_t i = 0; i < l->n; i++)
		strbuf_release(&l->v[i]);
	free(l->v);
	*l = (struct nft_lines){ 0 };
}

struct composing {
	const struct foreign *f;
	const struct stateless *s;
	const struct foreign_rule *rule;
	const struct nft_parts *parts;
	const struct stateless_pair *pair;
	uint8_t hook;
	bool inner;			/* in a chain made for the rule */
	size_t place;			/* of the state, among the parts */
	struct lines lines[2];
	struct nft_lines *out;
};

/* As the hook knows it. */
static const char *name_of(const struct composing *c, const char *chain)
{
	uint32_t table = c->f->chains[c->rule->chain].table;
	uint32_t to = foreign_find_chain(c->f, table, chain);
	const char *copy = to == FOREIGN_NOWHERE ? NULL :
			   stateless_copy_name(c->s, to, c->hook);

	return copy ? copy : chain;
}

static bool goes_on(char c)
{
	return c && !strchr(" \t\r\n{};,\"#", c);
}

/* How long the string is that begins here; 0: none does. */
static size_t quoted(const char *s, const char *end)
{
	const char *close;

	if (*s != '"')
		return 0;
	close = memchr(s + 1, '"', (size_t)(end - s - 1));
	return (size_t)((close ? close + 1 : end) - s);
}

/* The text, with chains by their copies' names behind `jump` and `goto`. */
static void put_renamed(const struct composing *c, struct foreign_text t,
			struct strbuf *b)
{
	const char *s = t.s, *end = t.s + t.n;
	bool leads = false;

	while (s < end) {
		const char *from = s;
		char name[256];
		size_t n = quoted(s, end);

		if (n) {
			strbuf_add(b, s, n);
			s += n;
			continue;
		}
		while (s < end && goes_on(*s))
			s++;
		n = (size_t)(s - from);
		if (!n) {
			strbuf_add(b, s++, 1);
			continue;
		}
		if (leads && n < sizeof(name)) {
			const struct host_chain *to = NULL;

			memcpy(name, from, n);
			name[n] = '\0';
			for (size_t i = 0; i < c->f->n_chains && !to; i++)
				if (!strcmp(c->f->chains[i].name, name))
					to = &c->f->chains[i];
			strbuf_puts(b, to ? name_of(c, to->name) : name);
		} else {
			strbuf_add(b, from, n);
		}
		leads = n == 4 && (!memcmp(from, "jump", 4) ||
				   !memcmp(from, "goto", 4));
	}
}

static void put_mapped(const struct composing *c,
		       const struct stateless_rule *r, struct strbuf *b)
{
	static const char *const words[] = {
		[FOREIGN_NONE] = "continue", [FOREIGN_ACCEPT] = "accept",
		[FOREIGN_DROP] = "drop", [FOREIGN_REJECT] = "reject",
		[FOREIGN_RETURN] = "return", [FOREIGN_JUMP] = "jump",
		[FOREIGN_GOTO] = "goto", [FOREIGN_TARGET] = "queue",
	};

	strbuf_puts(b, words[r->verdict]);
	if (r->verdict == FOREIGN_JUMP || r->verdict == FOREIGN_GOTO)
		strbuf_printf(b, " %s", name_of(c, r->target));
}

/* Counters of the original go on in the first of the rules. */
static void put_action(const struct nft_part *p, bool first, struct strbuf *b)
{
	bool counts = p->text.n > 15 && !memcmp(p->text.s, "counter packets",
						15);

	if (counts && !first)
		strbuf_puts(b, "counter");
	else
		strbuf_add(b, p->text.s, p->text.n);
}

static size_t place_of(const struct nft_parts *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].kind == PART_STATE || p->v[i].of_state)
			return i;
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].kind != PART_MATCH)
			return i;
	return p->n;
}

/* Does the rule, in place of another, say this part? */
static bool takes_part(const struct stateless_rule *r,
		       const struct nft_part *p)
{
	if (p->kind == PART_MATCH)
		return r->own;
	return p->kind != PART_STATE && r->does == DO_TARGET;
}

/* Is whatever is in the rule's zone of a protocol that the match asks for? */
static bool knows_protocols(const struct composing *c, const char *key)
{
	for (uint32_t i = 0; i < c->rule->n_terms; i++) {
		const struct term *t = &c->f->terms[c->rule->terms + i];
		const struct key_set *set = &c->f->sets[t->set];

		if (t->kind == TERM_OPAQUE && t->name && !strcmp(t->name, key))
			return false;
		if (t->kind != TERM_MATCH || t->field[0] != FIELD_L4PROTO)
			continue;
		/* of two fields, without extension headers: see zone_rule.c */
		if (!set->known || t->masked || t->either ||
		    (t->n_fields > 1 && t->negated))
			return false;
	}
	return true;
}

/*
 * nft takes the first of a set of protocols for the only one, and no word about
 * another behind it: a rule for one of them says that one. Not where the set
 * may lack it.
 */
static bool put_proto(const struct composing *c, const struct stateless_rule *r,
		      const struct nft_part *p, struct strbuf *b)
{
	static const char *const keys[] = {
		"meta l4proto", "ip protocol", "ip6 nexthdr",
	};
	const struct spans *s = &r->zone.dim[ZONE_PROTO];
	const struct foreign_text *t = &p->text;

	if (p->kind != PART_MATCH || s->n != 1 ||
	    !key_range_is_single(&s->v[0]))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		size_t n = strlen(keys[i]);

		if (t->n <= n || memcmp(t->s, keys[i], n) != 0)
			continue;
		while (n < t->n && strchr(" \t!=", t->s[n]))
			n++;
		if (n == t->n || t->s[n] != '{' ||
		    !knows_protocols(c, keys[i]))
			continue;
		strbuf_printf(b, "%s ", keys[i]);
		nft_put_proto(&s->v[0], b);
		return true;
	}
	return false;
}

static void put_parts(const struct composing *c, const struct stateless_rule *r,
		      bool first, struct line *l)
{
	for (size_t i = 0; i < c->parts->n; i++) {
		const struct nft_part *p = &c->parts->v[i];
		struct strbuf *b = r->own && i < c->place ? &l->head : &l->tail;

		if (!takes_part(r, p))
			continue;
		strbuf_puts(b, " ");
		if (put_proto(c, r, p, b))
			continue;
		if (p->of_state)
			put_mapped(c, r, b);
		else if (p->kind == PART_VERDICT)
			put_renamed(c, p->text, b);
		else if (p->kind == PART_ACTION)
			put_action(p, first, b);
		else
			strbuf_add(b, p->text.s, p->text.n);
	}
}

static int compose_way(const struct composing *c,
		       const struct stateless_edit *e,
		       const struct nft_asked *x, size_t way, bool first,
		       struct line *l)
{
	const struct stateless_rule *r = x->r;
	const struct stateless_edit *other =
		c->pair->e[e->family == NFPROTO_IPV4];
	_cleanup_(strbuf_release) struct strbuf matches = { 0 };
	_cleanup_(line_release) struct line out = { 0 };
	int err = nft_rewrite_match(x, way, &matches, &out.alone);

	if (err)
		return err;
	strbuf_join(&out.tail, &matches);
	put_parts(c, r, first, &out);
	if (r->does == DO_RETURN)
		strbuf_puts(&out.tail, " return");
	else if (r->does == DO_CALL)
		strbuf_printf(&out.tail, " jump %s",
			      stateless_pair_chain(c->s, c->pair, e, r->chain));
	/* the rule's own words single the family out */
	out.alone |= other && !other->takes && r->own;
	err = strbuf_status(&out.head);
	if (err || strbuf_status(&out.tail))
		return -ENOMEM;
	*l = out;
	out = (struct line){ 0 };
	return 0;
}

static int compose(void *arg, size_t family, const struct stateless_rule *r,
		   bool first)
{
	struct composing *c = arg;
	const struct stateless_edit *e = c->pair->e[family];
	struct lines *l = &c->lines[family];
	struct zone known = r->own || c->inner ? e->own :
						 zone_all(e->family);
	const struct nft_asked x = {
		c->f, r, &known, c->f->chains[c->rule->chain].table,
	};
	size_t ways = 1;
	int err = nft_rewrite_ways(&x, &ways);

	first &= !c->inner;
	for (size_t i = 0; !err && i < ways; i++) {
		if (mem_grow(&l->v, &l->cap, l->n + 1))
			return -ENOMEM;
		err = compose_way(c, e, &x, i, first && !l->n, &l->v[l->n]);
		l->n += !err;
	}
	return err;
}

static size_t count(const void *arg, size_t family)
{
	const struct composing *c = arg;

	return c->lines[family].n;
}

static bool is_same(const void *arg, size_t v4, size_t v6)
{
	const struct composing *c = arg;
	const struct line *a = &c->lines[0].v[v4], *b = &c->lines[1].v[v6];

	return !strcmp(strbuf_str(&a->head), strbuf_str(&b->head)) &&
	       !strcmp(strbuf_str(&a->tail), strbuf_str(&b->tail));
}

static int put_line(void *arg, size_t family, size_t line, uint8_t ask)
{
	const struct composing *c = arg;
	const struct line *l = &c->lines[family].v[line];
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	struct nft_lines *out = c->out;
	const char *s;

	strbuf_join(&b, &l->head);
	if (ask && !l->alone)
		strbuf_printf(&b, " meta nfproto %s",
			      ask == NFPROTO_IPV4 ? "ipv4" : "ipv6");
	strbuf_join(&b, &l->tail);
	if (strbuf_status(&b))
		return -ENOMEM;
	s = strbuf_str(&b);
	s += *s == ' ';
	if (!*s)
		return 0;
	if (mem_grow(&out->v, &out->cap, out->n + 1))
		return -ENOMEM;
	out->v[out->n] = (struct strbuf){ 0 };
	strbuf_puts(&out->v[out->n], s);
	return strbuf_status(&out->v[out->n++]);
}

static int compose_pair(struct composing *c, const struct stateless_span of[2],
			struct nft_lines *ret)
{
	const struct foreign *f = c->f;
	const struct nft_pair p = {
		.both = f->tables[f->chains[c->rule->chain].table].family ==
			NFPROTO_INET,
		.compose = compose, .count = count, .same = is_same,
		.put = put_line,
	};
	int err;

	c->place = place_of(c->parts);
	c->out = ret;
	err = nft_pair_compose(&p, c, of);
	lines_release(&c->lines[0]);
	lines_release(&c->lines[1]);
	return err;
}

int nft_rewrite_rule(const struct foreign *f, const struct stateless *s,
		     uint32_t rule, uint8_t hook, struct nft_lines *ret,
		     bool *ret_gone)
{
	_cleanup_(nft_parts_release) struct nft_parts parts = { 0 };
	struct stateless_pair p = stateless_pair(s, rule, hook);
	struct composing c = { .f = f, .s = s, .rule = &f->rules[rule],
			       .parts = &parts, .pair = &p, .hook = hook };
	struct stateless_span of[2];
	int err;

	*ret_gone = p.e[0] || p.e[1];
	if (!*ret_gone)
		return 0;
	stateless_pair_rules(s, &p, of);
	err = nft_parts_read(f, c.rule, &parts);
	return err ? err : compose_pair(&c, of, ret);
}

int nft_rewrite_chain(const struct foreign *f, const struct stateless *s,
		      uint32_t rule, uint8_t hook, size_t number,
		      const char **ret_name, struct nft_lines *ret)
{
	_cleanup_(nft_parts_release) struct nft_parts parts = { 0 };
	struct stateless_pair p = stateless_pair(s, rule, hook);
	struct composing c = { .f = f, .s = s, .rule = &f->rules[rule],
			       .parts = &parts, .pair = &p, .hook = hook,
			       .inner = true };
	struct stateless_span of[2];
	int err = nft_parts_read(f, c.rule, &parts);

	stateless_pair_inner(s, &p, number, of, ret_name);
	return err ? err : compose_pair(&c, of, ret);
}

void nft_rewrite_plain(const struct foreign *f, const struct stateless *s,
		       uint32_t rule, uint8_t hook, struct strbuf *out)
{
	const struct composing c = { .f = f, .s = s, .rule = &f->rules[rule],
				     .hook = hook };

	put_renamed(&c, c.rule->raw, out);
}
