/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_names.c: what is ours by name, and how sets are named.
 *
 * A set's name says the shape of the rules that look into it and nothing of
 * the services, so that one service more is one element more. Where several
 * legs look into it, all of one role, it says which: "server_udp_pc4" has
 * ports and addresses of clients.
 */
#include <string.h>

#include "backends/lower/share.h"
#include "backends/nft/nft.h"
#include "core/intern.h"
#include "core/mem.h"

#define NAME_MAX_RAW 50		/* leaves room for the prefix and a suffix */

bool nft_family_matters(uint8_t family)
{
	return family == NFPROTO_IPV4 || family == NFPROTO_IPV6 ||
	       family == NFPROTO_INET;
}

bool nft_table_is_own(uint8_t family, const char *name)
{
	return own_names_table(family, name);
}

bool nft_name_is_own(const char *name)
{
	return own_names_nft(name);
}

int nft_chain_priority(const struct image_chain *c)
{
	return own_names_edit(c->name) ? NFT_NOTING_PRIORITY :
	       own_names_tracked(c->name) ? NFT_TRACKED_PRIORITY :
					    NFT_OWN_PRIORITY;
}

bool nft_chain_is_iptables(uint8_t family, const char *table,
			   const char *chain)
{
	static const char *const tables[] = { "filter", "nat", "mangle", "raw",
					      "security" };
	static const char *const chains[] = { "INPUT", "FORWARD", "OUTPUT",
					      "PREROUTING", "POSTROUTING" };

	return family != NFPROTO_INET &&
	       nft_word_is_among(tables, ARRAY_SIZE(tables), table) &&
	       nft_word_is_among(chains, ARRAY_SIZE(chains), chain);
}

uint8_t nft_table_af(uint8_t table_family)
{
	switch (table_family) {
	case NFPROTO_IPV4:
		return AF_INET;
	case NFPROTO_IPV6:
		return AF_INET6;
	default:
		return AF_UNSPEC;
	}
}

static void add(struct strbuf *b, const char *word)
{
	if (!*word)
		return;
	if (b->n)
		strbuf_puts(b, "_");
	strbuf_puts(b, word);
}

static void add_iface(struct strbuf *b, const struct iface_set *s)
{
	for (size_t i = 0; i < s->n; i++) {
		add(b, s->v[i].name);
		if (s->v[i].wild)
			strbuf_puts(b, "*");
	}
}

static void add_kinds(struct strbuf *b, const struct rule *r)
{
	static const char *const dst[] = {
		[DST_ANY] = "",
		[DST_LOCAL] = "local",
		[DST_LOCAL_OR_GROUP] = "group",
		[DST_TRANSIT] = "transit",
		[DST_AWAY] = "away",
	};
	static const char *const sock[] = {
		[SOCKET_ANY] = "",
		[SOCKET_OPEN] = "open",
		[SOCKET_BOUND] = "bound",
		[SOCKET_WILDCARD] = "wildcard",
	};
	_Static_assert(ARRAY_SIZE(dst) == DST_MAX_, "dst misses a row");
	_Static_assert(ARRAY_SIZE(sock) == SOCKET_MAX_, "sock misses a row");

	add(b, r->match.src_local ? "own" : "");
	add(b, dst[r->match.dst]);
	add(b, sock[r->match.socket]);
	add(b, r->match.not_syn ? "ack" : "");
	add(b, r->match.fragment_tail ? "frag" : "");
	if (r->match.ct == CT_INVALID_OR_UNTRACKED)
		add(b, "errors");
	else if (r->match.ct == CT_ANY && r->action == ACTION_ACCEPT)
		add(b, "stateless");
}

static const char *part_word(enum key_part p)
{
	static const char *const word[] = {
		[KEY_SPORT] = "sp",
		[KEY_DPORT] = "p",
		[KEY_SADDR] = "s",
		[KEY_DADDR] = "d",
		[KEY_IIFNAME] = "i",
		[KEY_OIFNAME] = "o",
		[KEY_DADDRTYPE] = "t",
	};
	_Static_assert(ARRAY_SIZE(word) == KEY_PART_MAX_, "word misses a row");

	return word[p];
}

static void add_end(struct strbuf *b, const struct fuse_group *g)
{
	if (g->family != AF_UNSPEC)
		strbuf_puts(b, g->family == AF_INET ? "4" : "6");
	if (g->model.counts)
		strbuf_printf(b, ".%s", g->model.origin->service);
}

void nft_name_shape(const struct fuse_group *g, struct strbuf *out)
{
	static const char *const hook[] = {
		[HOOK_PREROUTING] = "pre",
		[HOOK_INPUT] = "in",
		[HOOK_FORWARD] = "fwd",
		[HOOK_OUTPUT] = "out",
		[HOOK_POSTROUTING] = "post",
	};
	static const char *const rank[] = {
		[RANK_MANAGEMENT] = "mgmt",
		[RANK_ICMP] = "icmp",
		[RANK_SERVICE] = "",
		[RANK_GUARDED] = "guard",
		[RANK_FRAGMENT] = "tail",
	};
	static const char *const leg[] = {
		[LEG_BOTH] = "both",
		[LEG_REQUEST] = "req",
		[LEG_REPLY] = "rep",
	};
	const struct rule *r = &g->model;
	_cleanup_(strbuf_release) struct strbuf proto = { 0 };

	add(out, hook[r->hook]);
	add(out, rank[r->rank]);
	add(out, leg[r->leg]);
	protocol_print(r->match.proto, &proto);
	out->lost |= proto.lost;
	if (r->match.proto)
		add(out, strbuf_str(&proto));
	add(out, r->match.not_tcp ? "nontcp" : "");
	add_kinds(out, r);
	add_iface(out, &r->match.iif);
	add_iface(out, &r->match.oif);
	if (g->n_parts)
		strbuf_puts(out, "_");
	for (unsigned int i = 0; i < g->n_parts; i++)
		strbuf_puts(out, part_word(g->part[i]));
	add_end(out, g);
}

static void add_roles(struct strbuf *b, unsigned int roles)
{
	add(b, roles & ROLE_SERVER ? "server" : "");
	add(b, roles & ROLE_CLIENT ? "client" : "");
	add(b, roles & ROLE_ROUTER ? "router" : "");
	add(b, roles & ROLE_LOOPBACK ? "loopback" : "");
}

/* The part seen from the flow: an answer is addressed to its client. */
static const char *flow_word(const struct fuse_group *g, enum key_part p)
{
	bool back = g->model.leg == LEG_REPLY;

	switch (p) {
	case KEY_SPORT:
	case KEY_DPORT:
		return "p";
	case KEY_SADDR:
		return back ? "s" : "c";
	case KEY_DADDR:
		return back ? "c" : "s";
	case KEY_IIFNAME:
	case KEY_OIFNAME:
		return "i";
	case KEY_DADDRTYPE:
	case KEY_PART_MAX_:
		break;
	}
	return part_word(p);
}

void nft_name_class(const struct fuse *f, size_t first, struct strbuf *out)
{
	const struct fuse_group *g = &f->v[first];
	const struct match *m = &g->model.match;
	_cleanup_(strbuf_release) struct strbuf proto = { 0 };
	bool away = false;

	for (size_t i = first; i != FUSE_LAST; i = f->v[i].next)
		away |= f->v[i].model.match.dst == DST_AWAY;
	add_roles(out, g->model.roles);
	add(out, g->model.rank == RANK_MANAGEMENT ? "mgmt" : "");
	add(out, g->model.rank == RANK_FRAGMENT ? "tail" : "");
	protocol_print(m->proto, &proto);
	out->lost |= proto.lost;
	add(out, m->proto ? strbuf_str(&proto) : "");
	add(out, m->not_tcp ? "nontcp" : "");
	add(out, away ? "away" : "");
	if (!iface_set_is_lo(m->iif.n ? &m->iif : &m->oif)) {
		add_iface(out, &m->iif);
		add_iface(out, &m->oif);
	}
	strbuf_puts(out, "_");
	for (unsigned int i = 0; i < g->n_parts; i++)
		strbuf_puts(out, flow_word(g, g->part[i]));
	add_end(out, g);
}

void nft_name_legs(const struct fuse *f, size_t first, struct strbuf *out)
{
	for (size_t i = first; i != FUSE_LAST; i = f->v[i].next) {
		strbuf_puts(out, ".");
		nft_name_shape(&f->v[i], out);
	}
}

static uint32_t fnv1a(const char *s, size_t n)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ (uint8_t)s[i]) * 16777619u;
	return h;
}

static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '_' || c == '-';
}

/* A name that had to be changed carries a digest of the original. */
const char *nft_name_finish(const char *prefix, const struct strbuf *raw,
			    const char *suffix)
{
	const char *s = strbuf_str(raw);
	bool bent = raw->n > NAME_MAX_RAW;
	size_t n = bent ? NAME_MAX_RAW - 9 : raw->n;
	char base[NAME_MAX_RAW + 1];

	for (size_t i = 0; i < n; i++) {
		base[i] = is_plain(s[i]) ? s[i] : '_';
		bent |= base[i] != s[i];
	}
	if (bent && n > NAME_MAX_RAW - 9)
		n = NAME_MAX_RAW - 9;
	base[n] = '\0';
	if (bent)
		return intern_printf("%s%s_%08x%s", prefix, base,
				     fnv1a(s, raw->n), suffix);
	return intern_printf("%s%s%s", prefix, base, suffix);
}

bool nft_word_is_among(const char *const *v, size_t n, const char *word)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(v[i], word))
			return true;
	return false;
}
