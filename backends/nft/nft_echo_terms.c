/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/nft/nft_echo_terms.c: such a rule as terms of the host's model. */
#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <netinet/tcp.h>
#include <string.h>

#include "backends/nft/nft_echo.h"

static int add_byte(struct foreign *f, struct term *t, uint8_t value)
{
	const struct key_range r = { .first = { value }, .last = { value } };
	int err = foreign_begin_set(f, NULL, 1, false, &t->set);

	if (!err)
		err = foreign_add_key(f, &r, NULL);
	return err ? err : foreign_add_term(f, t);
}

static int add_syn(struct foreign *f)
{
	struct term proto = { .kind = TERM_MATCH, .n_fields = 1,
			      .field = { FIELD_L4PROTO } };
	struct term flags = { .kind = TERM_MATCH, .n_fields = 1,
			      .field = { FIELD_TCP_FLAGS }, .masked = true,
			      .mask = { TH_FIN | TH_SYN | TH_RST | TH_ACK } };
	int err = add_byte(f, &proto, IPPROTO_TCP);

	return err ? err : add_byte(f, &flags, TH_SYN);
}

static int add_mark(const struct nft_echo *e, struct foreign *f)
{
	struct term t = { .kind = TERM_MATCH, .n_fields = 1,
			  .field = { FIELD_MARK },
			  .negated = e->mark.negated, .masked = true };
	struct key_range r = { 0 };
	uint32_t mask = htonl(e->mark.mask), value = htonl(e->mark.value);
	int err = foreign_begin_set(f, NULL, 1, false, &t.set);

	memcpy(t.mask, &mask, sizeof(mask));
	memcpy(r.first, &value, sizeof(value));
	memcpy(r.last, &value, sizeof(value));
	if (!err)
		err = foreign_add_key(f, &r, NULL);
	return err ? err : foreign_add_term(f, &t);
}

static int add_device(const struct nft_echo *e, size_t i, struct foreign *f)
{
	struct term t = { .kind = TERM_MATCH, .n_fields = 1, .negated = true,
			  .field = { e->device[i].out ? FIELD_OIF :
							FIELD_IIF } };
	const char *name = e->device[i].name;
	size_t n = strcspn(name, "*");
	struct key_range r = { 0 };
	int err = foreign_begin_set(f, NULL, 1, false, &t.set);

	memcpy(r.first, name, n);
	memcpy(r.last, name, n);
	if (name[n])
		memset(r.last + n, 0xff, sizeof(r.last) - n);
	if (!err)
		err = foreign_add_key(f, &r, NULL);
	return err ? err : foreign_add_term(f, &t);
}

/* Of the addresses, ports and interfaces that the key is made of. */
static bool is_of_key(const struct nft_echo *e, size_t i, const struct term *t)
{
	static const uint8_t fields[KEY_PART_MAX_] = {
		[KEY_SPORT] = FIELD_SPORT, [KEY_DPORT] = FIELD_DPORT,
		[KEY_SADDR] = FIELD_SADDR, [KEY_DADDR] = FIELD_DADDR,
		[KEY_IIFNAME] = FIELD_IIF, [KEY_OIFNAME] = FIELD_OIF,
	};
	bool same = t->n_fields == e->lookup[i].n;

	for (size_t k = 0; same && k < t->n_fields; k++)
		same = t->field[k] == fields[e->lookup[i].part[k]];
	return same;
}

/*
 * As the host's own rule has it: the set's members are known there. No echo
 * looks for a part of an address, as some rule beside it may.
 */
static const struct term *find_lookup(const struct foreign *f,
				      const struct nft_echo *e, size_t i)
{
	enum term_kind kind = e->lookup[i].verdicts ? TERM_VMAP : TERM_MATCH;
	uint32_t table = f->chains[f->rules[f->n_rules - 1].chain].table;

	for (size_t k = 0; k < f->n_terms; k++) {
		const struct term *t = &f->terms[k];
		const struct key_set *s = &f->sets[t->set];

		if (t->kind == kind && t->negated == e->lookup[i].negated &&
		    !t->reshaped && s->name && s->table == table &&
		    !strcmp(s->name, e->lookup[i].set) && is_of_key(e, i, t))
			return t;
	}
	return NULL;
}

static int add_lookup(const struct nft_echo *e, size_t i, struct foreign *f)
{
	struct term opaque = { .kind = TERM_OPAQUE, .name = e->lookup[i].set };
	const struct term *found = find_lookup(f, e, i);
	struct term t = found ? *found : opaque;

	return foreign_add_term(f, &t);
}

int nft_echo_terms(const struct nft_echo *e, struct foreign *f)
{
	struct foreign_rule *r = &f->rules[f->n_rules - 1];
	struct term limit = { .kind = TERM_OPAQUE, .name = "limit" };
	int err = 0;

	r->verdict = e->verdict;
	r->target = e->verdict == FOREIGN_TARGET ? "vmap" : e->target;
	if (e->syn)
		err = add_syn(f);
	if (!err && e->mark.there)
		err = add_mark(e, f);
	for (size_t i = 0; !err && i < e->n_devices; i++)
		err = add_device(e, i, f);
	for (size_t i = 0; !err && i < e->n_lookups; i++)
		err = add_lookup(e, i, f);
	if (!err && e->limit.there)
		err = foreign_add_term(f, &limit);
	return err;
}
