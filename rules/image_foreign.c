/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rules/image_foreign.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/rtnetlink.h>
#include <netinet/tcp.h>
#include <string.h>

#include "core/intern.h"
#include "core/mem.h"
#include "rules/own_names.h"

struct adding {
	struct foreign *f;
	const struct image *img;
	image_words_fn *words;
	const struct image_table *t;
	uint32_t table;
};

/* Ranges of one field, given one by one. */
struct list {
	struct foreign *f;
	struct term term;
	bool begun;
	int err;
};

static struct list list_of(const struct adding *a, enum packet_field field)
{
	return (struct list){
		.f = a->f,
		.term = { .kind = TERM_MATCH, .n_fields = 1,
			  .field = { (uint8_t)field } },
	};
}

static void list_add(struct list *l, const void *first, const void *last,
		     size_t n)
{
	struct key_range r = { 0 };

	if (!l->err && !l->begun)
		l->err = foreign_begin_set(l->f, NULL, 1, false, &l->term.set);
	l->begun = true;
	memcpy(r.first, first, n);
	memcpy(r.last, last, n);
	if (!l->err)
		l->err = foreign_add_key(l->f, &r, NULL);
}

static void list_add_byte(struct list *l, uint8_t first, uint8_t last)
{
	list_add(l, &first, &last, 1);
}

static void list_add_number(struct list *l, uint32_t v)
{
	v = htonl(v);
	list_add(l, &v, &v, 4);
}

/* An empty list asks nothing. */
static int list_end(struct list *l)
{
	if (l->err || !l->begun)
		return l->err;
	return foreign_add_term(l->f, &l->term);
}

static int put_addresses(const struct adding *a, const struct prefix_set *s,
			 enum packet_field field, uint8_t family)
{
	struct list l = list_of(a, field);
	uint8_t last[16];

	for (size_t i = 0; i < s->n; i++) {
		struct prefix p = prefix_set_at(s, i);

		if (family != AF_UNSPEC && p.family != family)
			continue;
		l.term.family = p.family == AF_INET ? NFPROTO_IPV4 :
						      NFPROTO_IPV6;
		prefix_last(&p, last);
		list_add(&l, p.addr, last, addr_bytes(p.family));
	}
	return list_end(&l);
}

static int put_ports(const struct adding *a, const struct port_set *s,
		     enum packet_field field)
{
	struct list l = list_of(a, field);

	for (size_t i = 0; i < s->n; i++) {
		uint16_t first = htons(s->v[i].first);
		uint16_t last = htons(s->v[i].last);

		list_add(&l, &first, &last, 2);
	}
	return list_end(&l);
}

static int put_ifaces(const struct adding *a, const struct iface_set *s,
		      enum packet_field field)
{
	struct list l = list_of(a, field);

	for (size_t i = 0; i < s->n; i++) {
		uint8_t first[16] = { 0 }, last[16] = { 0 };
		size_t n = strnlen(s->v[i].name, sizeof(s->v[i].name));

		memcpy(first, s->v[i].name, n);
		memset(last, s->v[i].wild ? 0xff : 0, sizeof(last));
		memcpy(last, s->v[i].name, n);
		list_add(&l, first, last, sizeof(first));
	}
	return list_end(&l);
}

static int put_family(const struct adding *a, const struct match *m)
{
	struct list l = list_of(a, FIELD_NFPROTO);

	if (m->family != AF_UNSPEC)
		list_add_byte(&l, m->family == AF_INET ? NFPROTO_IPV4 :
							 NFPROTO_IPV6,
			      m->family == AF_INET ? NFPROTO_IPV4 :
						     NFPROTO_IPV6);
	return list_end(&l);
}

static int put_proto(const struct adding *a, const struct match *m)
{
	struct list l = list_of(a, FIELD_L4PROTO);

	l.term.negated = m->not_tcp;
	if (m->proto)
		list_add_byte(&l, m->proto, m->proto);
	else if (m->not_tcp)
		list_add_byte(&l, IPPROTO_TCP, IPPROTO_TCP);
	return list_end(&l);
}

static int put_types(const struct adding *a, const struct match *m)
{
	static const uint32_t types[DST_MAX_][4] = {
		[DST_LOCAL] = { RTN_LOCAL },
		[DST_LOCAL_OR_GROUP] = { RTN_LOCAL, RTN_BROADCAST,
					 RTN_MULTICAST },
		[DST_TRANSIT] = { RTN_UNICAST },
		[DST_AWAY] = { RTN_UNICAST, RTN_BROADCAST, RTN_MULTICAST },
	};
	struct list to = list_of(a, FIELD_DADDR_TYPE);
	struct list from = list_of(a, FIELD_SADDR_TYPE);
	int err;

	for (size_t i = 0; types[m->dst][i]; i++)
		list_add_number(&to, types[m->dst][i]);
	if (m->src_local)
		list_add_number(&from, RTN_LOCAL);
	err = list_end(&to);
	return err ? err : list_end(&from);
}

static int put_state(const struct adding *a, const struct match *m)
{
	struct list l = list_of(a, FIELD_STATE);

	if (m->ct != CT_ANY)
		list_add_number(&l, NF_CT_STATE_UNTRACKED_BIT);
	if (m->ct == CT_INVALID_OR_UNTRACKED)
		list_add_number(&l, NF_CT_STATE_INVALID_BIT);
	return list_end(&l);
}

static int put_socket(const struct adding *a, const struct match *m)
{
	struct list l = list_of(a, m->socket == SOCKET_OPEN ?
					   FIELD_TRANSPARENT : FIELD_WILDCARD);

	if (m->socket != SOCKET_ANY)
		list_add_byte(&l, m->socket == SOCKET_WILDCARD,
			      m->socket != SOCKET_BOUND);
	return list_end(&l);
}

static int put_flags(const struct adding *a, const struct match *m)
{
	struct list l = list_of(a, FIELD_TCP_FLAGS);

	l.term.masked = l.term.negated = true;
	l.term.mask[0] = TH_FIN | TH_SYN | TH_RST | TH_ACK;
	if (m->not_syn)
		list_add_byte(&l, TH_SYN, TH_SYN);
	return list_end(&l);
}

static int put_rest(const struct adding *a, const struct match *m)
{
	struct list tail = list_of(a, FIELD_FRAGMENT);
	struct list icmp = list_of(a, FIELD_ICMP_TYPE);
	int err;

	if (m->fragment_tail)
		list_add_byte(&tail, 1, 1);
	for (size_t i = 0; i < m->n_icmp; i++)
		list_add_byte(&icmp, m->icmp[i].first, m->icmp[i].last);
	err = list_end(&tail);
	return err ? err : list_end(&icmp);
}

static int put_match(const struct adding *a, const struct match *m)
{
	int err = put_family(a, m);

	if (!err)
		err = put_proto(a, m);
	if (!err)
		err = put_ifaces(a, &m->iif, FIELD_IIF);
	if (!err)
		err = put_ifaces(a, &m->oif, FIELD_OIF);
	if (!err)
		err = put_addresses(a, &m->saddr, FIELD_SADDR, m->family);
	if (!err)
		err = put_addresses(a, &m->daddr, FIELD_DADDR, m->family);
	if (!err)
		err = put_ports(a, &m->sport, FIELD_SPORT);
	if (!err)
		err = put_ports(a, &m->dport, FIELD_DPORT);
	if (!err)
		err = put_types(a, m);
	if (!err)
		err = put_state(a, m);
	if (!err)
		err = put_flags(a, m);
	if (!err)
		err = put_rest(a, m);
	return err ? err : put_socket(a, m);
}

/* A set of the rule's table, or an ipset, which is in none. */
static const struct image_set *set_of(const struct adding *a, const char *name)
{
	const struct image_table *sets =
		image_find_table(a->img, NFPROTO_UNSPEC, "ipset");
	const struct image_set *s = image_find_set(a->t, name);

	return s || !sets ? s : image_find_set(sets, name);
}

static enum packet_field field_of(enum key_part part)
{
	static const enum packet_field fields[] = {
		[KEY_SPORT] = FIELD_SPORT, [KEY_DPORT] = FIELD_DPORT,
		[KEY_SADDR] = FIELD_SADDR, [KEY_DADDR] = FIELD_DADDR,
		[KEY_IIFNAME] = FIELD_IIF, [KEY_OIFNAME] = FIELD_OIF,
		[KEY_DADDRTYPE] = FIELD_DADDR_TYPE,
	};
	_Static_assert(ARRAY_SIZE(fields) == KEY_PART_MAX_, "a part");

	return fields[part];
}

static int put_elements(const struct adding *a, const struct elems *e)
{
	struct key_range r[ELEMS_MAX_FIELDS];
	int err = 0;

	for (size_t i = 0; !err && i < e->n; i++) {
		memset(r, 0, sizeof(r));
		for (unsigned int k = 0; k < e->n_fields; k++) {
			size_t at = elems_offset(e, k);
			size_t n = field_width(e->field[k]);

			memcpy(r[k].first, elems_first(e, i) + at, n);
			memcpy(r[k].last, elems_last(e, i) + at, n);
		}
		err = foreign_add_key(a->f, r, NULL);
	}
	return err;
}

static int put_lookup(const struct adding *a, const struct lookup *l)
{
	const struct image_set *s = set_of(a, l->set);
	struct term t = { .kind = TERM_MATCH, .n_fields = l->n_parts };
	const char *name = intern(l->set);
	int err;

	if (!name)
		return -ENOMEM;
	err = foreign_begin_set(a->f, name, l->n_parts, false, &t.set);
	if (err)
		return err;
	for (unsigned int k = 0; k < l->n_parts; k++) {
		t.field[k] = (uint8_t)field_of(l->part[k]);
		if (s && k < s->elems.n_fields &&
		    (s->elems.field[k] == FIELD_ADDR4 ||
		     s->elems.field[k] == FIELD_ADDR6))
			t.family = s->elems.field[k] == FIELD_ADDR4 ?
					   NFPROTO_IPV4 : NFPROTO_IPV6;
	}
	a->f->sets[t.set].table = a->table;
	if (s && s->elems.n_fields == l->n_parts)
		err = put_elements(a, &s->elems);
	else
		a->f->sets[t.set].known = false;
	return err ? err : foreign_add_term(a->f, &t);
}

static int put_verdict(const struct adding *a, const struct image_rule *from,
		       struct foreign_rule *r)
{
	static const enum foreign_verdict verdicts[] = {
		[VERDICT_NOTRACK] = FOREIGN_TARGET,
		[VERDICT_ACCEPT] = FOREIGN_ACCEPT,
		[VERDICT_RETURN] = FOREIGN_RETURN,
		[VERDICT_JUMP] = FOREIGN_JUMP,
		[VERDICT_TIMERS] = FOREIGN_NONE,
		[VERDICT_WORDS] = FOREIGN_TARGET,
		[VERDICT_UNKNOWN] = FOREIGN_TARGET,
	};
	struct term notrack = { .kind = TERM_NOTRACK };
	bool nft = a->f->tables[a->table].world == WORLD_NFT;

	r->verdict = verdicts[from->verdict];
	r->target = from->verdict == VERDICT_TIMERS ? NULL : from->target;
	if (from->verdict == VERDICT_TIMERS)
		r->features |= FEATURE_BIT(CT_OTHER);
	/* any match of the state keeps tracking on */
	if (from->match.ct != CT_ANY)
		r->features |= FEATURE_BIT(STATE);
	if (from->verdict == VERDICT_JUMP && from->ends)
		r->verdict = FOREIGN_GOTO;
	if (from->verdict != VERDICT_NOTRACK)
		return 0;
	r->features |= FEATURE_BIT(NOTRACK);
	if (from->ends)
		r->verdict = from->target ? FOREIGN_RETURN : FOREIGN_ACCEPT;
	r->target = from->ends ? NULL : nft ? "notrack" : "NOTRACK";
	return foreign_add_term(a->f, &notrack);
}

/* `position` in its chain; 0: at its end. */
static int add_rule(const struct adding *a, uint32_t chain, uint32_t position,
		    const struct image_rule *from)
{
	struct foreign_rule *r = foreign_add_rule(a->f, chain, position);
	const char *raw = from->unknown ? from->unknown :
			  from->comment ? from->comment : "";
	struct term opaque = { .kind = TERM_OPAQUE, .name = "ctpolicy" };
	int err = 0;

	if (!r)
		return -ENOMEM;
	r->raw.n = strlen(raw);
	r->raw.s = foreign_keep(a->f, raw, r->raw.n);
	if (!r->raw.s)
		return -ENOMEM;
	if (from->verdict == VERDICT_WORDS)
		return a->words(a->t, raw, a->f);
	if (from->verdict == VERDICT_UNKNOWN)
		err = foreign_add_term(a->f, &opaque);
	if (!err)
		err = put_match(a, &from->match);
	for (unsigned int i = 0; !err && i < from->n_lookups; i++)
		err = put_lookup(a, &from->lookup[i]);
	/* Terms do not move it: only a further rule does. */
	return err ? err : put_verdict(a, from, r);
}

/* As the kernel hooks it, or its own table's chains (nft: raw, too). */
static void hook_up(const struct adding *a, const struct image_chain *from,
		    struct host_chain *c)
{
	bool raw = from->base || !strcmp(a->t->name, "raw");

	if (c->hook || from->hook == HOOK_MAX_)
		return;
	c->type = "filter";
	c->hook = hook_name(from->hook);
	c->priority = !raw ? "0" :
		      own_names_tracked(from->name) ? "-150" : "-300";
	c->policy = "accept";
}

static int add_chain(const struct adding *a, const struct image_chain *from)
{
	uint32_t chain;
	size_t known = a->f->n_chains;
	int err = foreign_chain(a->f, a->table, from->name, 0, &chain);

	if (err)
		return err;
	/* A chain of the host's that is there is hooked as it is, or is not. */
	if (from->base || (from->foreign && chain == known))
		hook_up(a, from, &a->f->chains[chain]);
	for (size_t i = 0; !err && i < from->n_rules; i++)
		err = add_rule(a, chain, from->foreign ?
					 from->rules[i].place + 1 : 0,
			       &from->rules[i]);
	return err;
}

/* An ipset is no chain's. */
static bool is_added(const struct image_table *t)
{
	return t->family != NFPROTO_UNSPEC;
}

int image_add_to_foreign(const struct image *img, enum foreign_world world,
			 image_words_fn *words, struct foreign *f)
{
	struct adding a = { .f = f, .img = img, .words = words };
	int err = 0;

	for (size_t i = 0; !err && i < img->n_tables; i++) {
		a.t = &img->tables[i];
		if (!is_added(a.t))
			continue;
		err = foreign_table_of(f, world, a.t->family, a.t->name, 0,
				       &a.table);
		for (size_t k = 0; !err && k < a.t->n_chains; k++)
			err = add_chain(&a, &a.t->chains[k]);
	}
	return err;
}

bool image_place_added(const struct image *img, size_t n,
		       struct image_place *ret)
{
	for (size_t i = 0; i < img->n_tables; i++) {
		const struct image_table *t = &img->tables[i];

		for (size_t k = 0; is_added(t) && k < t->n_chains; k++) {
			const struct image_chain *c = &t->chains[k];

			if (n < c->n_rules) {
				*ret = (struct image_place){ t, c,
							     &c->rules[n] };
				return true;
			}
			n -= c->n_rules;
		}
	}
	return false;
}
