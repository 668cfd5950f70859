/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rules/image.h"

#include <string.h>
#include <uthash.h>

#include "core/intern.h"
#include "core/mem.h"

struct origin_pool {
	struct origin origin;		/* service and why point into text */
	char *text;
	char *comment;			/* the key */
	UT_hash_handle hh;
};

struct image *image_new(void)
{
	return calloc(1, sizeof(struct image));
}

struct image_table *image_add_table(struct image *img, uint8_t family,
				    const char *name)
{
	const char *kept = intern(name);
	struct image_table *t;

	if (!kept ||
	    mem_grow(&img->tables, &img->cap_tables, img->n_tables + 1))
		return NULL;
	t = &img->tables[img->n_tables];
	*t = (struct image_table){ .name = kept, .family = family };
	if (img->table_at.n == img->n_tables &&
	    name_index_add(&img->table_at, kept, family))
		return NULL;
	img->n_tables++;
	return t;
}

struct image_chain *image_add_chain(struct image_table *t, const char *name,
				    enum hook hook)
{
	const char *kept = intern(name);
	struct image_chain *c;

	if (!kept || mem_grow(&t->chains, &t->cap_chains, t->n_chains + 1))
		return NULL;
	c = &t->chains[t->n_chains];
	*c = (struct image_chain){ .name = kept, .hook = hook };
	if (t->chain_at.n == t->n_chains &&
	    name_index_add(&t->chain_at, kept, 0))
		return NULL;
	t->n_chains++;
	return c;
}

struct image_set *image_add_set(struct image_table *t, const char *name)
{
	const char *kept = intern(name);
	struct image_set *s;

	if (!kept || mem_grow(&t->sets, &t->cap_sets, t->n_sets + 1))
		return NULL;
	s = &t->sets[t->n_sets];
	*s = (struct image_set){ .name = kept, .family = AF_UNSPEC };
	if (t->set_at.n == t->n_sets && name_index_add(&t->set_at, kept, 0))
		return NULL;
	t->n_sets++;
	return s;
}

struct image_rule *image_add_rule(struct image_chain *c)
{
	struct image_rule *r;

	if (mem_grow(&c->rules, &c->cap_rules, c->n_rules + 1))
		return NULL;
	r = &c->rules[c->n_rules++];
	*r = (struct image_rule){ .verdict = VERDICT_ACCEPT };
	return r;
}

struct image_table *image_find_table(const struct image *img, uint8_t family,
				     const char *name)
{
	size_t at;

	if (img->table_at.n == img->n_tables) {
		at = name_index_find(&img->table_at, name, family);
		return at < img->n_tables ? &img->tables[at] : NULL;
	}
	for (size_t i = 0; i < img->n_tables; i++)
		if (img->tables[i].family == family &&
		    !strcmp(img->tables[i].name, name))
			return &img->tables[i];
	return NULL;
}

struct image_chain *image_find_chain(const struct image_table *t,
				     const char *name)
{
	size_t at;

	if (t->chain_at.n == t->n_chains) {
		at = name_index_find(&t->chain_at, name, 0);
		return at < t->n_chains ? &t->chains[at] : NULL;
	}
	for (size_t i = 0; i < t->n_chains; i++)
		if (!strcmp(t->chains[i].name, name))
			return &t->chains[i];
	return NULL;
}

struct image_set *image_find_set(const struct image_table *t, const char *name)
{
	size_t at;

	if (t->set_at.n == t->n_sets) {
		at = name_index_find(&t->set_at, name, 0);
		return at < t->n_sets ? &t->sets[at] : NULL;
	}
	for (size_t i = 0; i < t->n_sets; i++)
		if (!strcmp(t->sets[i].name, name))
			return &t->sets[i];
	return NULL;
}

bool image_leads_to(const struct image_table *t, const char *chain)
{
	for (size_t i = 0; i < t->n_chains; i++)
		for (size_t k = 0; k < t->chains[i].n_rules; k++)
			if (t->chains[i].rules[k].target &&
			    !strcmp(t->chains[i].rules[k].target, chain))
				return true;
	return false;
}

static void pool_entry_free(struct origin_pool *p)
{
	free(p->text);
	free(p->comment);
	free(p);
}

static struct origin_pool *pool_entry_new(const char *comment)
{
	struct origin_pool *p = calloc(1, sizeof(*p));
	char *colon;

	if (!p)
		return NULL;
	p->text = strdup(comment);
	p->comment = strdup(comment);
	if (!p->text || !p->comment) {
		pool_entry_free(p);
		return NULL;
	}
	colon = strstr(p->text, ": ");
	if (colon) {
		*colon = '\0';
		p->origin.why = colon + 2;
	}
	if (*p->text && strcmp(comment, "ctpolicy"))
		p->origin.service = p->text;
	return p;
}

const struct origin *image_origin(struct image *img, const char *comment)
{
	struct origin_pool *p;

	HASH_FIND_STR(img->origins, comment, p);
	if (p)
		return &p->origin;
	p = pool_entry_new(comment);
	if (!p)
		return NULL;
	HASH_ADD_KEYPTR(hh, img->origins, p->comment, strlen(p->comment), p);
	/* HASH_NONFATAL_OOM: it did not get in. */
	if (!p->hh.tbl) {
		pool_entry_free(p);
		return NULL;
	}
	return &p->origin;
}

/* How many of n bytes are left when the last character must be whole. */
static size_t whole_characters(const char *s, size_t n)
{
	size_t at = n, need;

	while (at && ((unsigned char)s[at - 1] & 0xc0) == 0x80)
		at--;
	if (!at)
		return 0;
	at--;
	need = (unsigned char)s[at] >= 0xf0 ? 4 :
	       (unsigned char)s[at] >= 0xe0 ? 3 :
	       (unsigned char)s[at] >= 0xc0 ? 2 : 1;
	return n - at < need ? at : n;
}

/* As much of s as fits; returns where all of it would end. */
static size_t put_text(char *buf, size_t max, size_t at, const char *s)
{
	size_t n = strlen(s), room = at < max ? max - at : 0;

	if (room)
		memcpy(buf + at, s, n < room ? n : room);
	return at + n;
}

/* By hand: each of a million elements has one. */
void origin_comment(const struct origin *o, char *buf, size_t max)
{
	bool named = o && o->service;
	size_t len = put_text(buf, max, 0, named ? o->service : "ctpolicy");

	if (named && o->why) {
		len = put_text(buf, max, len, ": ");
		len = put_text(buf, max, len, o->why);
	}
	if (len > max)
		len = whole_characters(buf, max);
	buf[len] = '\0';
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)buf[i] < ' ' || buf[i] == '"' ||
		    buf[i] == '\\' || buf[i] == 0x7f)
			buf[i] = '\'';
}

bool origin_same_comment(const struct origin *a, const struct origin *b)
{
	char x[COMMENT_MAX + 1], y[COMMENT_MAX + 1];

	origin_comment(a, x, COMMENT_MAX);
	origin_comment(b, y, COMMENT_MAX);
	return !strcmp(x, y);
}

static bool text_equal(const char *a, const char *b)
{
	return !strcmp(a ? a : "", b ? b : "");
}

static bool lookup_equal(const struct lookup *a, const struct lookup *b)
{
	return a->n_parts == b->n_parts && text_equal(a->set, b->set) &&
	       !memcmp(a->part, b->part, a->n_parts * sizeof(a->part[0]));
}

bool image_rule_is_transit(const struct image_rule *r)
{
	for (unsigned int i = 0; i < r->n_lookups; i++)
		if (r->lookup[i].part[0] == KEY_DADDRTYPE &&
		    !strcmp(r->lookup[i].set, IMAGE_TRANSIT_TYPES))
			return true;
	return r->match.dst == DST_TRANSIT;
}

void image_lead_to(struct image_chain *c, size_t first, const char *chain)
{
	for (size_t i = first; i < c->n_rules; i++) {
		if (c->rules[i].verdict != VERDICT_ACCEPT)
			continue;
		c->rules[i].verdict = VERDICT_JUMP;
		c->rules[i].target = chain;
	}
}

uint32_t image_rule_behind(const struct image_chain *c,
			   const struct image_rule *r)
{
	uint32_t own = (uint32_t)(r - c->rules);

	return r->place > own ? r->place - own : 0;
}

bool image_rule_is_next(const struct image_chain *c, const struct image_rule *r,
			const struct image_rule *before)
{
	size_t at = (size_t)(r - c->rules);

	for (size_t i = at + 1; before && i < c->n_rules; i++)
		if (c->rules[i].place == before->place)
			return before->place - r->place == i - at;
	return false;
}

/* One that was not decoded is only the very rule that it was read from. */
static bool is_same_unknown(const struct image_rule *a,
			    const struct image_rule *b)
{
	return a->verdict == b->verdict && a->handle &&
	       a->handle == b->handle && text_equal(a->unknown, b->unknown);
}

bool image_rule_meets_same(const struct image_rule *a,
			   const struct image_rule *b)
{
	if (a->n_lookups != b->n_lookups)
		return false;
	for (unsigned int i = 0; i < a->n_lookups; i++)
		if (!lookup_equal(&a->lookup[i], &b->lookup[i]))
			return false;
	return match_equal(&a->match, &b->match);
}

bool image_rule_equal(const struct image_rule *a, const struct image_rule *b)
{
	if (a->verdict == VERDICT_UNKNOWN)
		return is_same_unknown(a, b);
	return a->verdict == b->verdict && a->counts == b->counts &&
	       a->ends == b->ends && a->led == b->led &&
	       a->place == b->place &&
	       text_equal(a->target, b->target) &&
	       text_equal(a->comment, b->comment) &&
	       text_equal(a->unknown, b->unknown) &&
	       image_rule_meets_same(a, b);
}

bool image_set_fits(const struct image_set *want, const struct image_set *live)
{
	const struct elems *w = &want->elems, *l = &live->elems;

	return want->interval == live->interval &&
	       want->hashed == live->hashed && want->family == live->family &&
	       text_equal(want->timers, live->timers) &&
	       !strcmp(want->kind, live->kind) &&
	       (!live->size || live->size >= w->n) &&
	       w->n_fields == l->n_fields &&
	       !memcmp(w->field, l->field, w->n_fields * sizeof(w->field[0]));
}

static const char unknown_kind[] = "unknown";

void image_set_mark_unknown(struct image_set *s)
{
	_Static_assert(sizeof(unknown_kind) <= sizeof(s->kind), "does not fit");
	memcpy(s->kind, unknown_kind, sizeof(unknown_kind));
}

bool image_set_is_known(const struct image_set *s)
{
	return strcmp(s->kind, unknown_kind) != 0;
}

void image_rule_release(struct image_rule *r)
{
	match_release(&r->match);
	free(r->comment);
	free(r->unknown);
	*r = (struct image_rule){ 0 };
}

void image_chain_release(struct image_chain *c)
{
	for (size_t i = 0; i < c->n_rules; i++)
		image_rule_release(&c->rules[i]);
	free(c->rules);
	name_index_release(&c->rule_at);
}

void image_set_release(struct image_set *s)
{
	elems_release(&s->elems);
}

bool image_is_empty(const struct image *img)
{
	for (size_t i = 0; i < img->n_tables; i++) {
		const struct image_table *t = &img->tables[i];

		if (t->owned || t->n_sets)
			return false;
		for (size_t k = 0; k < t->n_chains; k++)
			if (!t->chains[k].foreign || t->chains[k].n_rules)
				return false;
	}
	return true;
}

static void table_release(struct image_table *t)
{
	for (size_t i = 0; i < t->n_chains; i++)
		image_chain_release(&t->chains[i]);
	for (size_t i = 0; i < t->n_sets; i++)
		image_set_release(&t->sets[i]);
	free(t->chains);
	free(t->sets);
	name_index_release(&t->chain_at);
	name_index_release(&t->set_at);
}

void image_free(struct image **img)
{
	struct origin_pool *p, *tmp;

	if (!*img)
		return;
	for (size_t i = 0; i < (*img)->n_tables; i++)
		table_release(&(*img)->tables[i]);
	free((*img)->tables);
	name_index_release(&(*img)->table_at);
	HASH_ITER(hh, (*img)->origins, p, tmp) {
		HASH_DEL((*img)->origins, p);
		pool_entry_free(p);
	}
	free(*img);
	*img = NULL;
}
