/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/change/change_shape.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/change/shape_index.h"
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
		struct prefix p = prefix_set_at(s, i);
		struct strbuf b = { 0 };

		strbuf_puts(&b, SHAPE_ADDRESS);
		prefix_print(&p, &b);
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

/* Elements of a set, one behind the other, of one service. */
static int add_elements(struct words *w, const struct shape_run *r,
			bool *addressed)
{
	const struct elems *e = &r->set->elems;
	const uint8_t proto = r->rule->match.proto;
	int err = 0;

	for (size_t i = r->first; !err && i < r->first + r->n; i++) {
		const uint8_t *a = elems_first(e, i), *b = elems_last(e, i);

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

/* What the rule itself says. */
static int add_match(struct words *w, const struct match *m, bool *addressed)
{
	int err = add_ports(w, m->proto, &m->sport);

	*addressed = m->saddr.n || m->daddr.n;
	if (!err)
		err = add_ports(w, m->proto, &m->dport);
	if (!err && !protocol_has_ports(m->proto))
		err = add_port(w, m->proto, NULL);
	if (!err)
		err = add_addresses(w, &m->saddr);
	return err ? err : add_addresses(w, &m->daddr);
}

/* One rule, whose runs stand together; *at becomes the next one's first. */
static int add_rule(struct words *w, const struct shape_index *x, size_t *at)
{
	const struct image_rule *rule = x->run[*at].rule;
	bool addressed;
	int err = add_match(w, &rule->match, &addressed);

	for (; !err && *at != SIZE_MAX && x->run[*at].rule == rule;
	     *at = x->run[*at].next)
		if (x->run[*at].set)
			err = add_elements(w, &x->run[*at], &addressed);
	if (!err && !addressed) {
		struct strbuf b = { 0 };

		strbuf_puts(&b, SHAPE_ADDRESS "any address");
		err = words_add(w, &b);
	}
	return err;
}

static int add_image(struct words *w, struct shapes *s,
		     const struct image *img, const char *service)
{
	const struct shape_index *x;
	int err = shapes_index(s, img, &x);
	size_t at = err ? SIZE_MAX : shape_index_find(x, service);

	while (!err && at != SIZE_MAX)
		err = add_rule(w, x, &at);
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

int shape_change_find(struct shapes *shapes, const char *service,
		      struct shape_change *ret)
{
	_cleanup_(shape_change_release) struct shape_change s = { 0 };
	const struct change *c = &shapes->of->plan->change;
	int err = 0;

	for (size_t i = 0; !err && i < c->n; i++) {
		const struct changeset *cs = result_steps(&c->v[i],
							  shapes->of->shown);

		if (!cs)
			continue;
		err = add_image(&s.gained, shapes, cs->want, service);
		if (!err)
			err = add_image(&s.lost, shapes, cs->live, service);
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
