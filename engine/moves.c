/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/moves.h"

#include <linux/netfilter.h>
#include <netinet/in.h>
#include <string.h>

static const struct term *term_of(const struct foreign *f,
				  const struct foreign_rule *r,
				  enum term_kind kind, uint32_t set)
{
	for (uint32_t i = 0; i < r->n_terms; i++) {
		const struct term *t = &f->terms[r->terms + i];

		if (t->kind == kind && (set == FOREIGN_NOWHERE ||
					(t->set == set && !t->masked &&
					 !t->negated)))
			return t;
	}
	return NULL;
}

void moves_begin(struct moves *m, const struct foreign *f, uint32_t rule,
		 const struct moved *who)
{
	*m = (struct moves){ .f = f, .who = who };
	if (rule == FOREIGN_NOWHERE)
		return;
	m->t = term_of(f, &f->rules[rule], TERM_MOVE, FOREIGN_NOWHERE);
	if (m->t && m->t->by_map && f->sets[m->t->set].known)
		m->key = term_of(f, &f->rules[rule], TERM_MATCH, m->t->set);
}

/* A value of the packet's, where the rule meets it; NULL: it is not known. */
static const uint8_t *value_of(const struct moves *m, enum packet_field x,
			       uint8_t proto[TERM_KEY_MAX])
{
	const struct moved *w = m->who;
	enum flow_part p = flow_part_of(x, w->answer);

	memset(proto, 0, TERM_KEY_MAX);
	if (x == FIELD_L4PROTO) {
		proto[0] = w->space->proto;
		return proto;
	}
	if (p == FLOW_PART_MAX_ ||
	    (w->moved && (x == FIELD_DADDR || x == FIELD_DPORT)))
		return NULL;
	return w->sample->key[p];
}

/* May the packet get the answer of the range? */
static bool may_get(const struct moves *m, uint32_t i)
{
	const struct key_set *set = &m->f->sets[m->t->set];
	uint8_t proto[TERM_KEY_MAX];

	for (size_t k = 0; m->key && k < m->key->n_fields; k++) {
		enum packet_field x = (enum packet_field)m->key->field[k];
		const struct key_range *r = &m->f->ranges[
			set->first + (size_t)i * set->n_fields + k];
		const uint8_t *v = value_of(m, x, proto);

		if (v && (memcmp(v, r->first, TERM_KEY_MAX) < 0 ||
			  memcmp(v, r->last, TERM_KEY_MAX) > 0))
			return false;
	}
	return true;
}

static bool next_answer(struct moves *m, struct move *ret)
{
	const struct key_set *set = &m->f->sets[m->t->set];
	uint8_t nf = m->who->space->family == AF_INET ? NFPROTO_IPV4 :
							NFPROTO_IPV6;

	while (m->at < set->n) {
		const struct foreign_answer *a =
			&m->f->answers[set->answer + m->at];

		if (!may_get(m, m->at++) || (a->family && a->family != nf))
			continue;
		*ret = (struct move){
			.to = a->family ? &a->address : NULL,
			.port = m->t->port ? m->t->port : a->port,
			.last_port = m->t->port ? m->t->last_port :
						  a->last_port,
		};
		return true;
	}
	return false;
}

static struct move move_of(const struct foreign *f, const struct term *t)
{
	struct move m = { 0 };

	if (!t)
		return m;
	if (t->n_fields)
		m.to = &f->ranges[f->sets[t->set].first];
	m.port = t->port;
	m.last_port = t->last_port;
	m.unknown = t->port == 1 && t->last_port == UINT16_MAX;
	return m;
}

static bool is_known_map(const struct moves *m)
{
	const struct key_set *set = m->t && m->t->by_map ?
					    &m->f->sets[m->t->set] : NULL;

	return set && (set->answer != FOREIGN_NOWHERE ||
		       (set->known && !set->n));
}

bool moves_next(struct moves *m, struct move *ret)
{
	if (is_known_map(m))
		return next_answer(m, ret);
	if (m->done)
		return false;
	m->done = true;
	if (m->t && m->t->by_map)
		*ret = (struct move){ .port = 1, .last_port = UINT16_MAX,
				      .unknown = true };
	else
		*ret = move_of(m->f, m->t);
	return true;
}

bool moves_differ(const struct foreign *f, uint32_t rule,
		  const struct moved *who)
{
	struct moves m;
	struct move one;

	moves_begin(&m, f, rule, who);
	return moves_next(&m, &one) && moves_next(&m, &one);
}

struct port_range moves_ports(const struct move *m,
			      struct port_range otherwise)
{
	return m->port ? (struct port_range){ m->port, m->last_port } :
			 otherwise;
}

static bool holds(const struct key_range *r, size_t n, const uint8_t *address)
{
	return memcmp(address, r->first, n) >= 0 &&
	       memcmp(address, r->last, n) <= 0;
}

bool moves_leaves(const struct move *m, uint8_t family, const uint8_t *address)
{
	return !m->to || holds(m->to, addr_bytes(family), address);
}

bool moves_is_own(const struct prefix_set *own, uint8_t family,
		  const uint8_t *address)
{
	struct prefix one = prefix_of_one(family, address);

	for (size_t i = 0; i < own->n; i++) {
		struct prefix p = prefix_set_at(own, i);

		if (prefix_contains(&p, &one))
			return true;
	}
	return family == AF_INET && address[0] == IN_LOOPBACKNET;
}

/* One of this host's, in the range if there is one; loopback's come last. */
static bool find_own(const struct prefix_set *own, uint8_t family,
		     const struct key_range *r, struct move_target *ret)
{
	size_t n = addr_bytes(family);

	for (size_t i = own->n; i--;) {
		struct prefix p = prefix_set_at(own, i);

		if (p.family != family || (r && !holds(r, n, p.addr)))
			continue;
		memcpy(ret->address, p.addr, sizeof(p.addr));
		return true;
	}
	return false;
}

static struct move_target target_of(const uint8_t address[16])
{
	struct move_target t = { .stays = false };

	memcpy(t.address, address, sizeof(t.address));
	return t;
}

size_t moves_targets(const struct move *m, const struct prefix_set *own,
		     uint8_t family, struct move_target ret[MOVES_TARGETS])
{
	const struct key_range *r = m->to;
	struct move_target here = { .stays = false };
	bool found = (r || m->unknown) && find_own(own, family, r, &here);
	size_t n = 0;

	if (found)
		ret[n++] = here;
	if (!r)
		ret[n++] = (struct move_target){ .stays = true };
	else if (!found || !moves_is_own(own, family, r->first))
		ret[n++] = target_of(r->first);
	if (r && memcmp(r->first, r->last, sizeof(r->last)) &&
	    !moves_is_own(own, family, r->last))
		ret[n++] = target_of(r->last);
	return n;
}
