/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/change/change_shape.c: what a service's rules are for. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/change/change_summary.h"
#include "core/mem.h"

static void words_release(struct words *w)
{
	for (size_t i = 0; i < w->n; i++)
		free(w->v[i]);
	free(w->v);
	*w = (struct words){ 0 };
}

static int words_add(struct words *w, struct strbuf *word)
{
	char *s = strbuf_take(word);

	if (!s || mem_grow(&w->v, &w->cap, w->n + 1)) {
		free(s);
		return -ENOMEM;
	}
	w->v[w->n++] = s;
	return 0;
}

/* 80 ahead of 443, as numbers are */
static int cmp_word(const void *a, const void *b)
{
	return strverscmp(*(char *const *)a, *(char *const *)b);
}

static void words_normalize(struct words *w)
{
	size_t n = 0;

	if (w->n > 1)
		qsort(w->v, w->n, sizeof(*w->v), cmp_word);
	for (size_t i = 0; i < w->n; i++) {
		if (n && !strcmp(w->v[n - 1], w->v[i]))
			free(w->v[i]);
		else
			w->v[n++] = w->v[i];
	}
	w->n = n;
}

static int add_port(struct words *w, uint8_t proto, const struct port_range *r)
{
	struct strbuf b = { 0 };

	strbuf_puts(&b, SHAPE_PORT);
	protocol_print(proto, &b);
	if (r) {
		strbuf_puts(&b, " ");
		port_range_print(r, &b);
	}
	return words_add(w, &b);
}

static int add_ports(struct words *w, uint8_t proto, const struct port_set *s)
{
	int err = 0;

	for (size_t i = 0; !err && i < s->n; i++)
		err = add_port(w, proto, &s->v[i]);
	return err;
}

static int add_addresses(struct words *w, const struct prefix_set *s)
{
	int err = 0;

	for (size_t i = 0; !err && i < s->n; i++) {
		struct strbuf b = { 0 };

		strbuf_puts(&b, SHAPE_ADDRESS);
		prefix_print(&s->v[i], &b);
		err = words_add(w, &b);
	}
	return err;
}

/* A field of an element: "tcp 80", "192.0.2.0/24", "\"eth0\"". */
static int add_field(struct words *w, uint8_t proto, enum field_type t,
		     const uint8_t *a, const uint8_t *b)
{
	struct strbuf out = { 0 };

	if (t == FIELD_ADDRTYPE)
		return 0;
	strbuf_puts(&out, t == FIELD_PORT ? SHAPE_PORT :
			  t == FIELD_IFNAME ? SHAPE_FACE : SHAPE_ADDRESS);
	if (t == FIELD_PORT) {
		protocol_print(proto, &out);
		strbuf_puts(&out, " ");
	}
	elems_print_field(t, a, b, &out);
	return words_add(w, &out);
}

static int add_elements(struct words *w, const struct image_set *set,
			uint8_t proto, const char *service, bool *addressed)
{
	const struct elems *e = &set->elems;
	int err = 0;

	for (size_t i = 0; !err && i < e->n; i++) {
		const uint8_t *a = elems_first(e, i), *b = elems_last(e, i);

		if (!origin_is_of(e->origin[i], service))
			continue;
		for (unsigned int k = 0; !err && k < e->n_fields; k++) {
			enum field_type t = e->field[k];

			*addressed |= t == FIELD_ADDR4 || t == FIELD_ADDR6;
			err = add_field(w, proto, t, a, b);
			a += field_width(t);
			b += field_width(t);
		}
	}
	return err;
}

static bool names_service(const struct image *img, const struct image_table *t,
			  const struct image_rule *r, const char *service)
{
	bool any = false;

	for (size_t i = 0; i < r->n_lookups; i++) {
		const struct image_set *set =
			summary_set(img, t, r->lookup[i].set);

		for (size_t k = 0; set && k < set->elems.n; k++) {
			if (origin_is_of(set->elems.origin[k], service))
				return true;
			any |= set->elems.origin[k] &&
			       set->elems.origin[k]->service;
		}
	}
	return !any && origin_is_of(r->origin, service);
}

static int add_rule(struct words *w, const struct image *img,
		    const struct image_table *t, const struct image_rule *r,
		    const char *service)
{
	const struct match *m = &r->match;
	bool addressed = m->saddr.n || m->daddr.n;
	int err = add_ports(w, m->proto, &m->sport);

	if (!err)
		err = add_ports(w, m->proto, &m->dport);
	if (!err && !protocol_has_ports(m->proto))
		err = add_port(w, m->proto, NULL);
	if (!err)
		err = add_addresses(w, &m->saddr);
	if (!err)
		err = add_addresses(w, &m->daddr);
	for (size_t i = 0; !err && i < r->n_lookups; i++) {
		const struct image_set *set =
			summary_set(img, t, r->lookup[i].set);

		if (set)
			err = add_elements(w, set, m->proto, service,
					   &addressed);
	}
	if (!err && !addressed) {
		struct strbuf b = { 0 };

		strbuf_puts(&b, SHAPE_ADDRESS "any address");
		err = words_add(w, &b);
	}
	return err;
}

static bool concerns_tracking(const struct image_rule *r)
{
	return r->verdict == VERDICT_NOTRACK || r->verdict == VERDICT_TIMERS;
}

static int add_image(struct words *w, const struct image *img,
		     const char *service)
{
	int err = 0;

	for (size_t i = 0; i < img->n_tables; i++) {
		const struct image_table *t = &img->tables[i];

		for (size_t k = 0; k < t->n_chains; k++) {
			const struct image_chain *c = &t->chains[k];

			for (size_t l = 0; !err && l < c->n_rules; l++)
				if (concerns_tracking(&c->rules[l]) &&
				    names_service(img, t, &c->rules[l],
						  service))
					err = add_rule(w, img, t, &c->rules[l],
						       service);
		}
	}
	words_normalize(w);
	return err;
}

/* Leave in each what the other has not. */
static void subtract(struct words *a, struct words *b)
{
	size_t i = 0, k = 0, n = 0, m = 0;

	while (i < a->n || k < b->n) {
		int c = i == a->n ? 1 : k == b->n ? -1 :
			strverscmp(a->v[i], b->v[k]);

		if (c < 0) {
			a->v[n++] = a->v[i++];
		} else if (c > 0) {
			b->v[m++] = b->v[k++];
		} else {
			free(a->v[i++]);
			free(b->v[k++]);
		}
	}
	a->n = n;
	b->n = m;
}

int shape_change_find(const struct result_end *e, const char *service,
		      struct shape_change *ret)
{
	_cleanup_(shape_change_release) struct shape_change s = { 0 };
	const struct change *c = &e->plan->change;
	int err = 0;

	for (size_t i = 0; !err && i < c->n; i++) {
		const struct changeset *cs = result_steps(&c->v[i], e->shown);

		if (!cs)
			continue;
		err = add_image(&s.gained, cs->want, service);
		if (!err)
			err = add_image(&s.lost, cs->live, service);
	}
	if (err)
		return err;
	subtract(&s.gained, &s.lost);
	*ret = s;
	s = (struct shape_change){ 0 };
	return 0;
}

void shape_change_release(struct shape_change *s)
{
	words_release(&s->gained);
	words_release(&s->lost);
}
