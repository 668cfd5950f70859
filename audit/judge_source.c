/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/judge_source.h"

#include <netinet/in.h>
#include <string.h>

#include <linux/netfilter.h>

#include "core/inet.h"
#include "core/mem.h"

#define SOURCES_MAX 512

/* Where rules begin, and cease, to mean a source: each for all to the next. */
struct sources {
	uint8_t v[SOURCES_MAX][TERM_KEY_MAX];
	size_t n, bytes;
	bool unknown;		/* there are others */
};

/* Loopback and groups send nothing. */
static bool is_nobody(const struct sources *s, const uint8_t *v)
{
	static const uint8_t zero[15];

	return s->bytes == 4 ? !v[0] || v[0] == IN_LOOPBACKNET || v[0] >= 224 :
			       v[0] == 0xff || !memcmp(v, zero, sizeof(zero));
}

static void note_source(struct sources *s, const uint8_t *v)
{
	if (is_nobody(s, v))
		return;
	for (size_t i = 0; i < s->n; i++)
		if (!memcmp(s->v[i], v, s->bytes))
			return;
	s->unknown |= s->n == SOURCES_MAX;
	if (s->n < SOURCES_MAX)
		memcpy(s->v[s->n++], v, s->bytes);
}

static void note_set(struct sources *s, const struct foreign *f,
		     const struct key_set *set)
{
	s->unknown |= !set->known;
	for (uint32_t i = 0; i < set->n && !s->unknown; i++) {
		const struct key_range *r = &f->ranges[set->first + i];
		uint8_t behind[TERM_KEY_MAX] = { 0 };

		note_source(s, r->first);
		if (key_next(r->last, s->bytes, behind))
			note_source(s, behind);
	}
}

static void note_rule(struct sources *s, const struct foreign *f,
		      const struct foreign_rule *r)
{
	for (uint32_t i = 0; i < r->n_terms; i++) {
		const struct term *t = &f->terms[r->terms + i];
		bool plain = t->n_fields == 1 && !t->masked;

		if (t->kind != TERM_MATCH && t->kind != TERM_VMAP)
			continue;
		for (size_t k = 0; k < t->n_fields; k++) {
			s->unknown |= t->field[k] == FIELD_SADDR && !plain;
			if (t->field[k] == FIELD_SADDR && plain)
				note_set(s, f, &f->sets[t->set]);
		}
	}
}

static int passes_from(struct walker *w, const struct packet *p,
		       const uint8_t *source, bool *ret)
{
	_cleanup_(walk_release) struct walk walk = { 0 };
	struct packet one = *p;
	int err;

	packet_set(&one, FIELD_SADDR, source);
	err = walk_run(w, &one, &walk);
	*ret = !err && walk.outcome == WALK_ACCEPTED;
	return err;
}

int judge_source(struct walker *w, const struct foreign *f,
		 const struct packet *p, const struct walk *walk, bool *ret)
{
	static const uint8_t first[TERM_KEY_MAX] = { 1 };
	struct sources s = {
		.bytes = addr_bytes(p->family),
	};
	int err = 0;

	note_source(&s, first);
	for (size_t i = 0; i < walk->n_steps && !s.unknown; i++)
		if (walk->steps[i].matched == TRUTH_MAYBE &&
		    walk->steps[i].rule != FOREIGN_NOWHERE)
			note_rule(&s, f, &f->rules[walk->steps[i].rule]);
	*ret = s.n && !s.unknown;
	for (size_t i = 0; !err && *ret && i < s.n; i++)
		err = passes_from(w, p, s.v[i], ret);
	return err;
}
