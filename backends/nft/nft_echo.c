/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/nft/nft_echo.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <linux/netfilter/nf_tables.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "core/intern.h"
#include "core/mem.h"

/* What nft takes where no burst is given. */
#define BURST_USUAL 5

static const struct {
	const char *word;
	uint64_t seconds;
} units[] = {
	{ "second", 1 }, { "minute", 60 }, { "hour", 3600 }, { "day", 86400 },
	{ "week", 604800 },
};

/* Of ICMP, ICMPv6, and of nft's own for both. */
static const struct {
	const char *kind, *code;
	uint8_t type, value;
} rejects[] = {
	{ "icmp", "port-unreachable", NFT_REJECT_ICMP_UNREACH,
	  ICMP_PORT_UNREACH },
	{ "icmp", "net-unreachable", NFT_REJECT_ICMP_UNREACH,
	  ICMP_NET_UNREACH },
	{ "icmp", "host-unreachable", NFT_REJECT_ICMP_UNREACH,
	  ICMP_HOST_UNREACH },
	{ "icmp", "prot-unreachable", NFT_REJECT_ICMP_UNREACH,
	  ICMP_PROT_UNREACH },
	{ "icmp", "net-prohibited", NFT_REJECT_ICMP_UNREACH, ICMP_NET_ANO },
	{ "icmp", "host-prohibited", NFT_REJECT_ICMP_UNREACH, ICMP_HOST_ANO },
	{ "icmp", "admin-prohibited", NFT_REJECT_ICMP_UNREACH,
	  ICMP_PKT_FILTERED },
	{ "icmpv6", "no-route", NFT_REJECT_ICMP_UNREACH,
	  ICMP6_DST_UNREACH_NOROUTE },
	{ "icmpv6", "admin-prohibited", NFT_REJECT_ICMP_UNREACH,
	  ICMP6_DST_UNREACH_ADMIN },
	{ "icmpv6", "addr-unreachable", NFT_REJECT_ICMP_UNREACH,
	  ICMP6_DST_UNREACH_ADDR },
	{ "icmpv6", "port-unreachable", NFT_REJECT_ICMP_UNREACH,
	  ICMP6_DST_UNREACH_NOPORT },
	{ "icmpx", "no-route", NFT_REJECT_ICMPX_UNREACH,
	  NFT_REJECT_ICMPX_NO_ROUTE },
	{ "icmpx", "port-unreachable", NFT_REJECT_ICMPX_UNREACH,
	  NFT_REJECT_ICMPX_PORT_UNREACH },
	{ "icmpx", "host-unreachable", NFT_REJECT_ICMPX_UNREACH,
	  NFT_REJECT_ICMPX_HOST_UNREACH },
	{ "icmpx", "admin-prohibited", NFT_REJECT_ICMPX_UNREACH,
	  NFT_REJECT_ICMPX_ADMIN_PROHIBITED },
};

static const struct {
	enum key_part part;
	uint8_t af;
	const char *first, *second;
} keys[] = {
	{ KEY_SADDR, AF_INET, "ip", "saddr" },
	{ KEY_DADDR, AF_INET, "ip", "daddr" },
	{ KEY_SADDR, AF_INET6, "ip6", "saddr" },
	{ KEY_DADDR, AF_INET6, "ip6", "daddr" },
	{ KEY_SPORT, 0, "th", "sport" },
	{ KEY_DPORT, 0, "th", "dport" },
	{ KEY_IIFNAME, 0, "iifname", NULL },
	{ KEY_OIFNAME, 0, "oifname", NULL },
};

struct words {
	char **v;
	size_t n, cap, at;
	char *text;
};

static void words_release(struct words *w)
{
	free(w->v);
	free(w->text);
}

static int split(const char *text, struct words *ret)
{
	char *s, *rest;
	int err = 0;

	ret->text = rest = strdup(text);
	if (!rest)
		return -ENOMEM;
	while (!err && (s = strsep(&rest, " "))) {
		if (!*s)
			continue;
		err = mem_grow(&ret->v, &ret->cap, ret->n + 1);
		if (!err)
			ret->v[ret->n++] = s;
	}
	return err;
}

static const char *word_at(const struct words *w, size_t i)
{
	return w->at + i < w->n ? w->v[w->at + i] : "";
}

static bool take(struct words *w, const char *word)
{
	bool is = !strcmp(word_at(w, 0), word);

	w->at += is;
	return is;
}

static bool take_number(struct words *w, uint64_t max, uint64_t *ret)
{
	const char *s = word_at(w, 0);
	char *end;

	errno = 0;
	*ret = strtoull(s, &end, 0);
	if (end == s || *end || errno || *ret > max)
		return false;
	w->at++;
	return true;
}

/* rate 5/minute burst 10 packets */
static bool take_limit(struct words *w, struct nft_echo *e)
{
	uint64_t burst = BURST_USUAL;
	char *unit;

	if (e->limit.there || !take(w, "rate"))
		return false;
	e->limit.there = true;
	e->limit.over = take(w, "over");
	e->limit.rate = strtoull(word_at(w, 0), &unit, 10);
	for (size_t i = 0; *unit == '/' && i < ARRAY_SIZE(units); i++)
		if (!strcmp(unit + 1, units[i].word))
			e->limit.unit = units[i].seconds;
	w->at++;
	if (take(w, "burst") &&
	    (!take_number(w, UINT32_MAX, &burst) || !take(w, "packets")))
		return false;
	e->limit.burst = (uint32_t)burst;
	return e->limit.rate && e->limit.unit;
}

/* mark & 0xff == 0x1, mark != 0x1 */
static bool take_mark(struct words *w, struct nft_echo *e)
{
	uint64_t mask = UINT32_MAX, value;

	if (e->mark.there || !take(w, "mark") ||
	    (take(w, "&") && !take_number(w, UINT32_MAX, &mask)))
		return false;
	e->mark.negated = take(w, "!=");
	if (!e->mark.negated)
		take(w, "==");
	if (!take_number(w, UINT32_MAX, &value))
		return false;
	e->mark.there = true;
	e->mark.mask = (uint32_t)mask;
	e->mark.value = (uint32_t)value;
	return true;
}

/* tcp flags syn / fin,syn,rst,ack */
static bool take_syn(struct words *w, struct nft_echo *e)
{
	if (e->syn || !take(w, "flags") || !take(w, "syn") || !take(w, "/") ||
	    !take(w, "fin,syn,rst,ack"))
		return false;
	e->syn = true;
	return true;
}

static bool take_key(struct words *w, struct nft_echo *e, enum key_part *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (strcmp(word_at(w, 0), keys[i].first) ||
		    (keys[i].second && strcmp(word_at(w, 1), keys[i].second)) ||
		    (keys[i].af && e->af && e->af != keys[i].af))
			continue;
		if (keys[i].af)
			e->af = keys[i].af;
		*ret = keys[i].part;
		w->at += keys[i].second ? 2 : 1;
		return true;
	}
	return false;
}

/* iifname != "eth0" */
static bool begins_device(const struct words *w)
{
	return (!strcmp(word_at(w, 0), "iifname") ||
		!strcmp(word_at(w, 0), "oifname")) &&
	       !strcmp(word_at(w, 1), "!=") && *word_at(w, 2) == '"';
}

static bool take_device(struct words *w, struct nft_echo *e)
{
	const char *quoted = word_at(w, 2);
	size_t n = strlen(quoted);

	if (e->n_devices == ECHO_DEVICES || n < 3 || n > IFNAMSIZ + 2 ||
	    quoted[n - 1] != '"')
		return false;
	e->device[e->n_devices].out = word_at(w, 0)[0] == 'o';
	e->device[e->n_devices].name =
		intern_printf("%.*s", (int)(n - 2), quoted + 1);
	w->at += 3;
	return e->device[e->n_devices++].name;
}

/* ip saddr . th dport != @some; ip saddr vmap @some, which ends the rule */
static bool take_lookup(struct words *w, struct nft_echo *e)
{
	uint8_t n = 0;

	if (e->n_lookups == ECHO_LOOKUPS)
		return false;
	do {
		if (n == ECHO_KEYS ||
		    !take_key(w, e, &e->lookup[e->n_lookups].part[n]))
			return false;
		n++;
	} while (take(w, "."));
	e->lookup[e->n_lookups].n = n;
	e->lookup[e->n_lookups].verdicts = take(w, "vmap");
	if (e->lookup[e->n_lookups].verdicts)
		e->verdict = FOREIGN_TARGET;
	else
		e->lookup[e->n_lookups].negated = take(w, "!=");
	if (*word_at(w, 0) != '@')
		return false;
	e->lookup[e->n_lookups].set = intern(word_at(w, 0) + 1);
	w->at++;
	return e->lookup[e->n_lookups++].set;
}

/* with tcp reset, with icmp admin-prohibited */
static bool take_reject(struct words *w, struct nft_echo *e)
{
	const char *kind;

	e->verdict = FOREIGN_REJECT;
	e->reject_type = NFT_REJECT_TCP_RST;
	if (!take(w, "with"))
		return false;
	if (take(w, "tcp"))
		return take(w, "reset");
	kind = word_at(w, 0);
	w->at++;
	for (size_t i = 0; i < ARRAY_SIZE(rejects); i++) {
		if (strcmp(kind, rejects[i].kind) ||
		    !take(w, rejects[i].code))
			continue;
		e->reject_type = rejects[i].type;
		e->reject_code = rejects[i].value;
		e->af = rejects[i].type == NFT_REJECT_ICMPX_UNREACH ? e->af :
			!strcmp(kind, "icmp") ? AF_INET : AF_INET6;
		return true;
	}
	return false;
}

static bool take_verdict(struct words *w, struct nft_echo *e)
{
	if (take(w, "accept"))
		e->verdict = FOREIGN_ACCEPT;
	else if (take(w, "drop"))
		e->verdict = FOREIGN_DROP;
	else if (take(w, "reject"))
		return take_reject(w, e);
	else if (take(w, "jump"))
		e->verdict = FOREIGN_JUMP;
	else
		return false;
	if (e->verdict == FOREIGN_JUMP)
		e->target = intern(word_at(w, 0));
	w->at += e->verdict == FOREIGN_JUMP;
	return e->verdict != FOREIGN_JUMP || (e->target && *e->target);
}

int nft_echo_parse(const char *text, struct nft_echo *ret)
{
	_cleanup_(words_release) struct words w = { 0 };
	struct nft_echo e = { .verdict = FOREIGN_NONE };
	int err = split(text, &w);
	bool known = true;

	while (!err && known && w.at < w.n && e.verdict == FOREIGN_NONE)
		known = take(&w, "limit") ? take_limit(&w, &e) :
			take(&w, "meta")  ? take_mark(&w, &e) :
			take(&w, "tcp")   ? take_syn(&w, &e) :
			begins_device(&w) ? take_device(&w, &e) :
					    take_lookup(&w, &e) ||
						    take_verdict(&w, &e);
	if (err)
		return err;
	if (!known || w.at != w.n || e.verdict == FOREIGN_NONE)
		return -EOPNOTSUPP;
	*ret = e;
	return 0;
}

void nft_echo_print_limit(const struct nft_echo *e, struct strbuf *out)
{
	const char *unit = "second";

	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (units[i].seconds == e->limit.unit)
			unit = units[i].word;
	strbuf_printf(out, "limit rate %s%llu/%s ",
		      e->limit.over ? "over " : "",
		      (unsigned long long)e->limit.rate, unit);
	if (e->limit.burst != BURST_USUAL)
		strbuf_printf(out, "burst %u packets ", e->limit.burst);
}

static void print_mark(const struct nft_echo *e, struct strbuf *out)
{
	strbuf_puts(out, "meta mark ");
	if (e->mark.mask != UINT32_MAX)
		strbuf_printf(out, "& 0x%08x %s", e->mark.mask,
			      e->mark.negated ? "" : "== ");
	strbuf_printf(out, "%s0x%08x ", e->mark.negated ? "!= " : "",
		      e->mark.value);
}

static void print_key(enum key_part part, uint8_t af, struct strbuf *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (keys[i].part == part && (!keys[i].af || keys[i].af == af)) {
			strbuf_printf(out, "%s%s%s ", keys[i].first,
				      keys[i].second ? " " : "",
				      keys[i].second ? keys[i].second : "");
			return;
		}
}

void nft_echo_print_verdict(const struct nft_echo *e, struct strbuf *out)
{
	bool v6 = e->af == AF_INET6;

	if (e->verdict == FOREIGN_ACCEPT)
		strbuf_puts(out, "accept");
	else if (e->verdict == FOREIGN_DROP)
		strbuf_puts(out, "drop");
	else if (e->verdict == FOREIGN_JUMP)
		strbuf_printf(out, "jump %s", e->target);
	else if (e->reject_type == NFT_REJECT_TCP_RST)
		strbuf_puts(out, "reject with tcp reset");
	for (size_t i = 0; e->verdict == FOREIGN_REJECT &&
			   i < ARRAY_SIZE(rejects); i++) {
		if (rejects[i].type != e->reject_type ||
		    rejects[i].value != e->reject_code ||
		    (rejects[i].type == NFT_REJECT_ICMP_UNREACH &&
		     v6 != !strcmp(rejects[i].kind, "icmpv6")))
			continue;
		strbuf_printf(out, "reject with %s %s", rejects[i].kind,
			      rejects[i].code);
		return;
	}
}

static void print_lookup(const struct nft_echo *e, size_t i,
			 struct strbuf *out)
{
	for (size_t k = 0; k < e->lookup[i].n; k++) {
		strbuf_puts(out, k ? ". " : "");
		print_key(e->lookup[i].part[k], e->af, out);
	}
	strbuf_printf(out, "%s@%s", e->lookup[i].verdicts ? "vmap " :
		      e->lookup[i].negated ? "!= " : "", e->lookup[i].set);
}

/* Lookups that are no verdict map. */
static size_t sets_of(const struct nft_echo *e)
{
	return e->n_lookups - (size_t)(e->verdict == FOREIGN_TARGET);
}

void nft_echo_print(const struct nft_echo *e, struct strbuf *out)
{
	if (e->syn)
		strbuf_puts(out, "tcp flags syn / fin,syn,rst,ack ");
	if (e->mark.there)
		print_mark(e, out);
	for (size_t i = 0; i < e->n_devices; i++)
		strbuf_printf(out, "%s != \"%s\" ", e->device[i].out ?
			      "oifname" : "iifname", e->device[i].name);
	for (size_t i = 0; i < sets_of(e); i++) {
		print_lookup(e, i, out);
		strbuf_puts(out, " ");
	}
	if (e->limit.there)
		nft_echo_print_limit(e, out);
	if (e->verdict == FOREIGN_TARGET)
		print_lookup(e, e->n_lookups - 1u, out);
	else
		nft_echo_print_verdict(e, out);
}
