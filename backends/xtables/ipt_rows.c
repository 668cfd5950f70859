/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/xtables/ipt_rows.c: a rule as plain ones, multiplied out. */
#include <string.h>

#include "backends/xtables/ipt_rows.h"
#include "core/mem.h"

/* Length of the run of ranges from v[at] on that one multiport match holds. */
static size_t chunk_len(const struct port_set *s, size_t at)
{
	size_t slots = 0, n = 0;

	for (; at + n < s->n; n++) {
		slots += s->v[at + n].first == s->v[at + n].last ? 1 : 2;
		if (slots > IPT_PORTS_MAX)
			break;
	}
	return n;
}

static size_t chunk_count(const struct port_set *s)
{
	size_t n = 0;

	for (size_t at = 0; at < s->n; at += chunk_len(s, at))
		n++;
	return n ? n : 1;
}

static uint64_t at_least_one(size_t n)
{
	return n ? n : 1;
}

uint64_t ipt_rows_count(const struct rule *r)
{
	const struct match *m = &r->match;
	uint64_t types = 0;

	for (size_t i = 0; i < m->n_icmp; i++)
		types += m->icmp[i].last - m->icmp[i].first + 1u;
	return chunk_count(&m->sport) * chunk_count(&m->dport) *
	       at_least_one(m->saddr.n) * at_least_one(m->daddr.n) *
	       (types ? types : 1);
}

/* With what the model says, and r's comment. */
static struct image_rule *start_rule(const struct ipt_rows *to,
				     const struct rule *r)
{
	struct image_rule *out = image_add_rule(to->chain);
	char comment[COMMENT_MAX + 1];

	if (!out)
		return NULL;
	out->origin = r->origin;
	origin_comment(out->origin, comment, COMMENT_MAX);
	out->comment = strdup(comment);
	if (!out->comment || match_copy(to->model, &out->match))
		return NULL;
	if (to->iface &&
	    iface_set_add(to->iface_in ? &out->match.iif : &out->match.oif,
			  to->iface))
		return NULL;
	out->match.family = to->family;
	out->verdict = to->verdict;
	out->target = to->timers;
	return out;
}

/* One choice out of each list that a rule multiplies out. */
struct choice {
	size_t sport, n_sport, dport, n_dport;	/* runs of port ranges */
	size_t saddr, daddr;
	int icmp;				/* -1: any */
};

static int set_ports(struct port_set *out, const struct port_set *in,
		     size_t at, size_t n)
{
	port_set_release(out);
	for (size_t i = 0; i < n; i++)
		if (port_set_add(out, in->v[at + i]))
			return -ENOMEM;
	return 0;
}

static int set_addr(struct prefix_set *out, const struct prefix_set *in,
		    size_t at)
{
	struct prefix p;

	prefix_set_release(out);
	if (!in->n)
		return 0;
	p = prefix_set_at(in, at);
	/* Every address of the family is no condition. */
	return p.len ? prefix_set_add(out, &p) : 0;
}

static int emit_one(const struct ipt_rows *to, const struct rule *r,
		    const struct choice *c)
{
	const struct match *m = &r->match;
	struct image_rule *out = start_rule(to, r);

	if (!out ||
	    set_ports(&out->match.sport, &m->sport, c->sport, c->n_sport) ||
	    set_ports(&out->match.dport, &m->dport, c->dport, c->n_dport) ||
	    set_addr(&out->match.saddr, &m->saddr, c->saddr) ||
	    set_addr(&out->match.daddr, &m->daddr, c->daddr))
		return -ENOMEM;
	out->match.n_icmp = 0;
	memset(out->match.icmp, 0, sizeof(out->match.icmp));
	if (c->icmp >= 0) {
		out->match.icmp[0].first = (uint8_t)c->icmp;
		out->match.icmp[0].last = (uint8_t)c->icmp;
		out->match.n_icmp = 1;
	}
	return 0;
}

static int emit_icmp(const struct ipt_rows *to, const struct rule *r,
		     struct choice *c)
{
	const struct match *m = &r->match;
	int err = 0;

	c->icmp = -1;
	if (!m->n_icmp)
		return emit_one(to, r, c);
	for (size_t i = 0; i < m->n_icmp; i++)
		for (c->icmp = m->icmp[i].first;
		     !err && c->icmp <= m->icmp[i].last; c->icmp++)
			err = emit_one(to, r, c);
	return err;
}

static int emit_addrs(const struct ipt_rows *to, const struct rule *r,
		      struct choice *c)
{
	int err = 0;

	c->saddr = 0;
	do {
		c->daddr = 0;
		do
			err = emit_icmp(to, r, c);
		while (!err && ++c->daddr < r->match.daddr.n);
	} while (!err && ++c->saddr < r->match.saddr.n);
	return err;
}

int ipt_rows_emit(const struct ipt_rows *to, const struct rule *r)
{
	const struct match *m = &r->match;
	struct choice c = { 0 };
	int err = 0;

	do {
		c.n_sport = chunk_len(&m->sport, c.sport);
		c.dport = 0;
		do {
			c.n_dport = chunk_len(&m->dport, c.dport);
			err = emit_addrs(to, r, &c);
			c.dport += c.n_dport;
		} while (!err && c.dport < m->dport.n);
		c.sport += c.n_sport;
	} while (!err && c.sport < m->sport.n);
	return err;
}
