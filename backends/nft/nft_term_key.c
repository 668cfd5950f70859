/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/nft/nft_term_key.c: the left side of a match. */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <linux/netfilter.h>

#include "backends/nft/nft_term.h"
#include "core/inet.h"
#include "core/mem.h"

/* Fields that are understood, by their two words. */
static const struct field {
	const char *head, *word;
	uint8_t field, type;
} fields[] = {
	{ "ip", "saddr", FIELD_SADDR, TYPE_ADDR4 },
	{ "ip", "daddr", FIELD_DADDR, TYPE_ADDR4 },
	{ "ip", "protocol", FIELD_L4PROTO, TYPE_PROTO },
	{ "ip", "frag-off", FIELD_FRAGMENT, TYPE_FRAG_OFF },
	{ "ip6", "saddr", FIELD_SADDR, TYPE_ADDR6 },
	{ "ip6", "daddr", FIELD_DADDR, TYPE_ADDR6 },
	{ "ip6", "nexthdr", FIELD_L4PROTO, TYPE_NEXTHDR },
	{ "frag", "frag-off", FIELD_FRAGMENT, TYPE_FRAG_OFF6 },
	{ "tcp", "sport", FIELD_SPORT, TYPE_PORT },
	{ "tcp", "dport", FIELD_DPORT, TYPE_PORT },
	{ "tcp", "flags", FIELD_TCP_FLAGS, TYPE_TCP_FLAG },
	{ "udp", "sport", FIELD_SPORT, TYPE_PORT },
	{ "udp", "dport", FIELD_DPORT, TYPE_PORT },
	{ "sctp", "sport", FIELD_SPORT, TYPE_PORT },
	{ "sctp", "dport", FIELD_DPORT, TYPE_PORT },
	{ "dccp", "sport", FIELD_SPORT, TYPE_PORT },
	{ "dccp", "dport", FIELD_DPORT, TYPE_PORT },
	{ "udplite", "sport", FIELD_SPORT, TYPE_PORT },
	{ "udplite", "dport", FIELD_DPORT, TYPE_PORT },
	{ "th", "sport", FIELD_SPORT, TYPE_PORT },
	{ "th", "dport", FIELD_DPORT, TYPE_PORT },
	{ "icmp", "type", FIELD_ICMP_TYPE, TYPE_ICMP },
	{ "icmp", "code", FIELD_ICMP_CODE, TYPE_ICMP_CODE },
	{ "icmpv6", "type", FIELD_ICMP_TYPE, TYPE_ICMP6 },
	{ "icmpv6", "code", FIELD_ICMP_CODE, TYPE_ICMP6_CODE },
	{ "meta", "nfproto", FIELD_NFPROTO, TYPE_NFPROTO },
	{ "meta", "l4proto", FIELD_L4PROTO, TYPE_PROTO },
	{ "meta", "protocol", FIELD_NFPROTO, TYPE_ETHERTYPE },
	{ "meta", "iifname", FIELD_IIF, TYPE_IFNAME },
	{ "meta", "oifname", FIELD_OIF, TYPE_IFNAME },
	{ "meta", "iif", FIELD_IIF, TYPE_IFINDEX },
	{ "meta", "oif", FIELD_OIF, TYPE_IFINDEX },
	{ "meta", "mark", FIELD_MARK, TYPE_MARK },
	{ "ct", "state", FIELD_STATE, TYPE_STATE },
	{ "ct", "status", FIELD_STATUS, TYPE_STATUS },
	{ "ct", "mark", FIELD_CTMARK, TYPE_MARK },
	{ "socket", "transparent", FIELD_TRANSPARENT, TYPE_BOOL },
	{ "socket", "wildcard", FIELD_WILDCARD, TYPE_BOOL },
};

/* First words of matches, and what nft adds before them. */
static const struct head {
	const char *word;
	uint8_t l3, l4;
	bool alone;		/* says all by itself: `iif` is `meta iif` */
} heads[] = {
	{ "ip", NFPROTO_IPV4, 0, false }, { "ip6", NFPROTO_IPV6, 0, false },
	{ "tcp", 0, IPPROTO_TCP, false }, { "udp", 0, IPPROTO_UDP, false },
	{ "sctp", 0, IPPROTO_SCTP, false }, { "dccp", 0, IPPROTO_DCCP, false },
	{ "udplite", 0, IPPROTO_UDPLITE, false }, { "th", 0, 0, false },
	{ "icmp", NFPROTO_IPV4, IPPROTO_ICMP, false },
	{ "icmpv6", NFPROTO_IPV6, IPPROTO_ICMPV6, false },
	{ "igmp", NFPROTO_IPV4, IPPROTO_IGMP, false },
	{ "esp", 0, IPPROTO_ESP, false }, { "ah", 0, IPPROTO_AH, false },
	{ "comp", 0, 108, false }, { "frag", NFPROTO_IPV6, 0, false },
	{ "hbh", NFPROTO_IPV6, 0, false }, { "dst", NFPROTO_IPV6, 0, false },
	{ "mh", NFPROTO_IPV6, 0, false }, { "exthdr", NFPROTO_IPV6, 0, false },
	{ "rt", 0, 0, false }, { "ct", 0, 0, false }, { "meta", 0, 0, false },
	{ "socket", 0, 0, false }, { "fib", 0, 0, false },
	{ "ether", 0, 0, false }, { "vlan", 0, 0, false },
	{ "arp", 0, 0, false }, { "ipsec", 0, 0, false },
	{ "osf", 0, 0, false }, { "numgen", 0, 0, false },
	{ "jhash", 0, 0, false }, { "symhash", 0, 0, false },
	{ "gre", 0, IPPROTO_GRE, false }, { "vxlan", 0, IPPROTO_UDP, false },
	{ "mark", 0, 0, true }, { "iif", 0, 0, true }, { "oif", 0, 0, true },
	{ "iifname", 0, 0, true }, { "oifname", 0, 0, true },
	{ "iiftype", 0, 0, true }, { "oiftype", 0, 0, true },
	{ "skuid", 0, 0, true }, { "skgid", 0, 0, true },
	{ "nftrace", 0, 0, true }, { "rtclassid", 0, 0, true },
	{ "pkttype", 0, 0, true }, { "cpu", 0, 0, true },
	{ "iifgroup", 0, 0, true }, { "oifgroup", 0, 0, true },
	{ "cgroup", 0, 0, true }, { "ibrname", 0, 0, true },
	{ "obrname", 0, 0, true }, { "ibriport", 0, 0, true },
	{ "obriport", 0, 0, true },
};

static const struct head *head_of(const struct nft_words *w)
{
	for (size_t i = 0; i < ARRAY_SIZE(heads); i++)
		if (nft_word_is(w, 0, heads[i].word))
			return &heads[i];
	return NULL;
}

bool nft_key_begins(const struct nft_words *w)
{
	const struct head *h = head_of(w);

	return (h && (h->alone || w->a[1].kind == WORD_NAME)) ||
	       (nft_sign_is(w, 0, '@') && w->a[1].kind == WORD_NAME &&
		nft_sign_is(w, 2, ','));
}

static const struct field *field_of(const struct nft_words *w,
				    const struct head *h)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (h->alone ? !strcmp(fields[i].head, "meta") &&
			       nft_word_is(w, 0, fields[i].word) :
			       !strcmp(fields[i].head, h->word) &&
			       nft_word_is(w, 1, fields[i].word))
			return &fields[i];
	return NULL;
}

/* For the term that says that it is not understood. */
static void take_name(const struct nft_words *w, bool alone,
		      struct nft_key *key)
{
	const struct nft_word *t = &w->a[0], *u = &w->a[1];

	if (alone || u->kind != WORD_NAME)
		(void)snprintf(key->name, sizeof(key->name), "%.*s", (int)t->n,
			       t->s);
	else
		(void)snprintf(key->name, sizeof(key->name), "%.*s %.*s",
			       (int)t->n, t->s, (int)u->n, u->s);
}

static void put(struct nft_key *key, uint8_t field, uint8_t type)
{
	key->field[key->n] = field;
	key->type[key->n++] = type;
}

/* fib saddr|daddr type; with an interface it asks for more. */
static int take_fib(struct nft_words *w, struct nft_key *key)
{
	bool source = nft_word_is(w, 1, "saddr");

	if ((!source && !nft_word_is(w, 1, "daddr")) ||
	    !nft_word_is(w, 2, "type"))
		return NFT_OPAQUE;
	for (int i = 0; i < 3; i++)
		nft_words_next(w);
	put(key, source ? FIELD_SADDR_TYPE : FIELD_DADDR_TYPE, TYPE_ADDRTYPE);
	return 0;
}

static int take_field(struct nft_words *w, struct nft_key *key)
{
	const struct head *h = head_of(w);
	const struct field *f = h ? field_of(w, h) : NULL;
	uint8_t i = key->n;

	take_name(w, h && h->alone, key);
	if (!h)
		return NFT_OPAQUE;
	if (!strcmp(h->word, "fib"))
		return take_fib(w, key);
	key->l3[i] = h->l3;
	key->l4[i] = h->l4;
	if (!f) {
		if (nft_word_is(w, 1, "option") && h->l4)
			key->l4[i] = 0;		/* nft adds nothing to it */
		return NFT_OPAQUE;
	}
	nft_words_next(w);
	if (!h->alone)
		nft_words_next(w);
	if (f->type == TYPE_ADDR4 || f->type == TYPE_ADDR6) {
		if (key->family && key->family != h->l3)
			return NFT_OPAQUE;
		key->family = h->l3;
	}
	key->any_transport |= !strcmp(h->word, "th");
	put(key, f->field, f->type);
	/* a fragment's next header is that of fragments */
	if (f->type == TYPE_NEXTHDR && key->n < TERM_FIELDS_MAX)
		put(key, FIELD_FRAGMENT, TYPE_NO_FRAGMENT);
	return 0;
}

int nft_key_read(struct nft_words *w, struct nft_key *ret)
{
	int err;

	*ret = (struct nft_key){ 0 };
	do {
		if (ret->n == TERM_FIELDS_MAX)
			return NFT_OPAQUE;
		err = take_field(w, ret);
	} while (!err && nft_words_accept_sign(w, '.'));
	return err;
}

static void skip(struct nft_words *w, unsigned int n)
{
	while (n--)
		nft_words_next(w);
}

static void skip_to_number(struct nft_words *w, const char *behind)
{
	while (w->a[0].kind != WORD_END && !nft_words_accept(w, behind))
		nft_words_next(w);
	nft_words_next(w);
}

/* Fields within are those of something else than this packet's head. */
void nft_key_skip(struct nft_words *w)
{
	const struct head *h = head_of(w);

	if (nft_words_accept_sign(w, '@')) {	/* @BASE,OFFSET,LENGTH */
		skip(w, 5);
		return;
	}
	skip(w, 1);
	if (!h || h->alone)
		return;
	if (!strcmp(h->word, "fib")) {
		while (nft_sign_is(w, 1, '.'))
			skip(w, 2);
		skip(w, 2);
	} else if (!strcmp(h->word, "jhash") || !strcmp(h->word, "symhash") ||
		   !strcmp(h->word, "numgen")) {
		skip_to_number(w, "mod");
	} else if (!strcmp(h->word, "ipsec")) {
		skip(w, nft_word_is(w, 1, "spnum") ? 5 : 3);
	} else if (nft_words_accept(w, "original") ||
		   nft_words_accept(w, "reply")) {
		skip(w, nft_word_is(w, 0, "ip") || nft_word_is(w, 0, "ip6") ?
				2 : 1);
	} else {
		skip(w, nft_word_is(w, 0, "ip") || nft_word_is(w, 0, "ip6") ||
				nft_word_is(w, 0, "option") ? 2 : 1);
	}
}

static int add_implied(struct nft_reader *r, enum packet_field field,
		       uint8_t value)
{
	struct term t = { .kind = TERM_MATCH, .n_fields = 1,
			  .field = { (uint8_t)field } };
	struct key_range v = { .first = { value }, .last = { value } };
	int err = foreign_begin_set(r->f, NULL, 1, false, &t.set);

	if (!err)
		err = foreign_add_key(r->f, &v, NULL);
	if (!err)
		err = nft_set_share(r, &t.set);
	return err ? err : foreign_add_term(r->f, &t);
}

int nft_imply(struct nft_reader *r, uint8_t l3, uint8_t l4)
{
	struct nft_terms *t = r->terms;
	int err = 0;

	/* ICMP's protocol, once known, stands for its family */
	if (l4 && l4 == t->l4proto)
		return 0;
	if (l3 && l3 != t->nfproto) {
		err = add_implied(r, FIELD_NFPROTO, l3);
		t->nfproto = l3;
	}
	if (!err && l4) {
		err = add_implied(r, FIELD_L4PROTO, l4);
		t->l4proto = l4;
		t->has_ports = protocol_has_ports(l4);
	}
	return err;
}

int nft_key_imply(struct nft_reader *r, const struct nft_key *key)
{
	int err = 0;

	for (size_t i = 0; !err && i < TERM_FIELDS_MAX; i++)
		err = nft_imply(r, key->l3[i], key->l4[i]);
	return err;
}
