/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/walk_scene.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/foreign_build.h"

int scene_set_up(void **state)
{
	static const uint8_t from[] = { 192, 0, 2, 66 };
	static const uint8_t to[] = { 198, 51, 100, 2 };
	struct scene *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	s->f = calloc(1, sizeof(*s->f));
	assert_non_null(s->f);
	packet_init(&s->p, NFPROTO_IPV4, IPPROTO_TCP, PATH_TO_HOST);
	packet_set(&s->p, FIELD_SADDR, from);
	packet_set(&s->p, FIELD_DADDR, to);
	packet_set_number(&s->p, FIELD_SPORT, 40000);
	packet_set_number(&s->p, FIELD_DPORT, 80);
	packet_set_number(&s->p, FIELD_TCP_FLAGS, SYN);
	packet_set_iface(&s->p, FIELD_IIF, "eth0");
	s->p.ct_states = NEW;
	*state = s;
	return 0;
}

int scene_tear_down(void **state)
{
	struct scene *s = *state;

	walk_release(&s->w);
	foreign_free(&s->f);
	free(s);
	return 0;
}

void scene_table(struct scene *s, enum foreign_world world, uint8_t family,
		 const char *name)
{
	assert_int_equal(foreign_table_of(s->f, world, family, name, 1,
					  &s->table), 0);
}

uint32_t scene_chain(struct scene *s, const char *name)
{
	uint32_t c;

	assert_int_equal(foreign_chain(s->f, s->table, name, 1, &c), 0);
	return c;
}

uint32_t scene_base(struct scene *s, const char *name, const char *type,
		    const char *hook, const char *priority,
		    const char *policy)
{
	uint32_t c = scene_chain(s, name);

	s->f->chains[c].type = type;
	s->f->chains[c].hook = hook;
	s->f->chains[c].priority = priority;
	s->f->chains[c].policy = policy;
	return c;
}

uint32_t scene_input(struct scene *s, const char *policy)
{
	scene_table(s, WORLD_NFT, NFPROTO_INET, "filter");
	return scene_base(s, "input", "filter", "input", "filter", policy);
}

void scene_rule(struct scene *s, uint32_t c, enum foreign_verdict verdict,
		const char *target)
{
	add_rule(s->f, c, verdict, target ? intern(target) : NULL);
}

static struct term *last_term(struct scene *s)
{
	return &s->f->terms[s->f->n_terms - 1];
}

struct term *scene_term(struct scene *s, struct term t)
{
	assert_int_equal(foreign_add_term(s->f, &t), 0);
	return last_term(s);
}

struct key_range scene_range(enum packet_field x, uint32_t first,
			     uint32_t last)
{
	size_t n = packet_field_bytes(x) > 4 ? 4 : packet_field_bytes(x);
	uint32_t a = htonl(first), b = htonl(last);
	struct key_range r = { { 0 }, { 0 } };

	memcpy(r.first, (uint8_t *)&a + 4 - n, n);
	memcpy(r.last, (uint8_t *)&b + 4 - n, n);
	return r;
}

struct term *scene_match(struct scene *s, enum packet_field x, uint32_t first,
			 uint32_t last)
{
	struct key_range v = scene_range(x, first, last);

	ask(s->f, x, v.first, v.last, sizeof(v.first), false);
	return last_term(s);
}

struct term *scene_match_iface(struct scene *s, enum packet_field x,
			       const char *name)
{
	uint8_t v[TERM_KEY_MAX] = { 0 };

	memcpy(v, name, strlen(name));
	ask(s->f, x, v, v, sizeof(v), false);
	return last_term(s);
}

struct term *scene_match_states(struct scene *s, uint8_t states)
{
	uint32_t set;

	assert_int_equal(foreign_begin_set(s->f, NULL, 1, false, &set), 0);
	for (uint32_t bit = 1; bit < 256; bit <<= 1) {
		struct key_range v = scene_range(FIELD_STATE, bit, bit);

		if (states & bit)
			assert_int_equal(foreign_add_key(s->f, &v, NULL), 0);
	}
	return scene_term(s, (struct term){
		.kind = TERM_MATCH, .n_fields = 1,
		.field = { FIELD_STATE }, .set = set,
	});
}

void scene_opaque(struct scene *s, const char *name)
{
	scene_term(s, (struct term){ .kind = TERM_OPAQUE,
				     .name = intern(name) });
}

uint8_t scene_outcome(struct scene *s)
{
	struct walker *w = NULL;

	walk_release(&s->w);
	assert_int_equal(walker_new(s->f, &w), 0);
	assert_int_equal(walk_run(w, &s->p, &s->w), 0);
	walker_free(&w);
	return s->w.outcome;
}
