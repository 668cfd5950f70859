/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/nft/nft_term_rule.c: a rule's statements, one after the other. */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <linux/netfilter.h>

#include "backends/nft/nft_split.h"
#include "backends/nft/nft_term.h"
#include "core/mem.h"

/* No more words: what follows asks nothing of the packet. */
static int finish(struct nft_words *w)
{
	w->depth = 0;
	for (size_t i = 0; i < WORDS_AHEAD; i++)
		w->a[i] = (struct nft_word){ .kind = WORD_END };
	return 0;
}

static int read_verdict(struct nft_words *w)
{
	nft_words_next(w);
	return 0;
}

static int read_notrack(struct nft_words *w)
{
	struct term t = { .kind = TERM_NOTRACK };

	nft_words_next(w);
	return foreign_add_term(w->r->f, &t);
}

/* Options of statements, and how many words each has behind it. */
static const struct {
	const char *statement, *option;
	unsigned int n;
} options[] = {
	{ "counter", "packets", 1 }, { "counter", "bytes", 1 },
	{ "counter", "name", 1 },
	{ "log", "prefix", 1 }, { "log", "level", 1 }, { "log", "group", 1 },
	{ "log", "snaplen", 1 }, { "log", "queue-threshold", 1 },
	{ "log", "flags", 0 }, { "log", "all", 0 }, { "log", "skuid", 0 },
	{ "log", "ether", 0 }, { "log", "sequence", 0 },
	{ "log", "options", 0 },
	{ "limit", "rate", 0 }, { "limit", "over", 0 }, { "limit", "until", 0 },
	{ "limit", "burst", 1 }, { "limit", "name", 1 },
	{ "limit", "packets", 0 }, { "limit", "bytes", 0 },
	{ "limit", "kbytes", 0 }, { "limit", "mbytes", 0 },
	{ "limit", "second", 0 }, { "limit", "minute", 0 },
	{ "limit", "hour", 0 }, { "limit", "day", 0 }, { "limit", "week", 0 },
	{ "quota", "over", 0 }, { "quota", "until", 0 },
	{ "quota", "used", 1 }, { "quota", "name", 1 },
	{ "quota", "bytes", 0 }, { "quota", "kbytes", 0 },
	{ "quota", "mbytes", 0 },
};

static bool take_option(struct nft_words *w, const char *statement)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		if (strcmp(options[i].statement, statement) ||
		    !nft_word_is(w, 0, options[i].option))
			continue;
		for (unsigned int n = options[i].n + 1; n; n--)
			nft_words_next(w);
		return true;
	}
	return false;
}

/* 10 mbytes/second: the unit is one word */
static bool is_rate(const struct nft_words *w)
{
	return w->a[0].kind == WORD_NAME &&
	       memchr(w->a[0].s, '/', w->a[0].n);
}

/* log flags tcp sequence,options; flags ip options */
static bool take_log_flags(struct nft_words *w)
{
	return (nft_word_is(w, 0, "tcp") &&
		(nft_word_is(w, 1, "sequence") ||
		 nft_word_is(w, 1, "options"))) ||
	       (nft_word_is(w, 0, "ip") && nft_word_is(w, 1, "options"));
}

static void take_options(struct nft_words *w, const char *statement)
{
	bool log = !strcmp(statement, "log");

	nft_words_next(w);
	while (w->a[0].kind != WORD_END) {
		if (w->a[0].kind == WORD_NUMBER ||
		    w->a[0].kind == WORD_STRING ||
		    nft_sign_is(w, 0, '/') || nft_sign_is(w, 0, ',') ||
		    is_rate(w) ||
		    (log && take_log_flags(w)))
			nft_words_next(w);
		else if (!take_option(w, statement))
			break;
	}
}

static int read_counter(struct nft_words *w)
{
	take_options(w, "counter");
	return 0;
}

static int read_log(struct nft_words *w)
{
	take_options(w, "log");
	return 0;
}

static int read_comment(struct nft_words *w)
{
	nft_words_next(w);
	nft_words_next(w);
	return 0;
}

static int read_limit(struct nft_words *w)
{
	take_options(w, "limit");
	return nft_term_opaque(w->r, "limit");
}

static int read_quota(struct nft_words *w)
{
	take_options(w, "quota");
	return nft_term_opaque(w->r, "quota");
}

/* reject [with tcp reset | with icmp|icmpv6|icmpx [type] WORD] */
static int read_reject(struct nft_words *w)
{
	int err = 0;

	if (nft_word_is(w, 1, "with")) {
		nft_words_next(w);
		nft_words_next(w);
		if (nft_word_is(w, 0, "tcp"))
			err = nft_imply(w->r, 0, IPPROTO_TCP);
		else if (nft_word_is(w, 0, "icmp"))
			err = nft_imply(w->r, NFPROTO_IPV4, 0);
		else if (nft_word_is(w, 0, "icmpv6"))
			err = nft_imply(w->r, NFPROTO_IPV6, 0);
	}
	return err ? err : finish(w);
}

static int imply_family(struct nft_words *w)
{
	if (nft_words_accept(w, "ip"))
		return nft_imply(w->r, NFPROTO_IPV4, 0);
	if (nft_words_accept(w, "ip6"))
		return nft_imply(w->r, NFPROTO_IPV6, 0);
	return 0;
}

/* dnat [ip] to ADDR:PORT; dnat ip addr . port to KEY map { ... } */
static int read_nat(struct nft_words *w)
{
	int err;

	nft_words_next(w);
	err = imply_family(w);
	while (!err && w->a[0].kind != WORD_END && !nft_words_accept(w, "to"))
		nft_words_next(w);
	if (!err && w->a[0].kind != WORD_END)
		err = nft_term_move(w);
	return err ? err : finish(w);
}

/* Without a socket that listens it ends the rule. */
static int read_tproxy(struct nft_words *w)
{
	int err;

	nft_words_next(w);
	err = imply_family(w);
	if (!err)
		err = nft_term_opaque(w->r, "tproxy");
	nft_terms_skip(w);
	return err;
}

static int read_end(struct nft_words *w)
{
	return finish(w);
}

/* From behind `{`: does an element's own statement decide? */
static bool block_decides(struct nft_words *w)
{
	bool decides = false;

	for (size_t depth = 1; depth && w->a[0].kind != WORD_END;) {
		decides |= nft_word_is(w, 0, "limit") ||
			   nft_word_is(w, 0, "quota") ||
			   nft_word_is(w, 0, "ct");
		depth += nft_sign_is(w, 0, '{');
		depth -= nft_sign_is(w, 0, '}');
		nft_words_next(w);
	}
	return decides;
}

/* add @SET { KEY [limit ...] }; meter NAME { KEY limit ... } */
static int read_update(struct nft_words *w)
{
	struct nft_key key = { 0 };
	int err;

	while (w->a[0].kind != WORD_END && !nft_words_accept_sign(w, '{'))
		nft_words_next(w);
	err = nft_key_read(w, &key);
	if (err >= 0)
		err = nft_key_imply(w->r, &key);
	if (err < 0 || (!block_decides(w) && !err))
		return err;
	return nft_term_opaque(w->r, "meter");
}

/* set add KEY @SET, as it was written once */
static int read_old_update(struct nft_words *w)
{
	struct nft_key key = { 0 };
	int err;

	nft_words_next(w);
	nft_words_next(w);
	err = nft_key_read(w, &key);
	if (err >= 0)
		err = nft_key_imply(w->r, &key);
	while (w->a[0].kind != WORD_END && !nft_words_accept_sign(w, '@'))
		nft_words_next(w);
	nft_words_next(w);
	return err > 0 ? nft_term_opaque(w->r, "set") : err;
}

/* Takes established connections alone. */
static int read_flow(struct nft_words *w)
{
	for (int i = 0; i < 4; i++)	/* flow add @ NAME */
		nft_words_next(w);
	return nft_term_opaque(w->r, "flow");
}

static int read_dup(struct nft_words *w)
{
	nft_words_next(w);
	nft_terms_skip(w);
	return 0;
}

static int read_xt(struct nft_words *w)
{
	for (int i = 0; i < 3; i++)	/* xt match "NAME" */
		nft_words_next(w);
	return nft_term_opaque(w->r, "xt");
}

/* `next`: only where this follows; a sign: '@' */
static const struct {
	const char *word;
	int (*read)(struct nft_words *w);
	const char *next;
} statements[] = {
	{ "accept", read_verdict, NULL }, { "drop", read_verdict, NULL },
	{ "continue", read_verdict, NULL }, { "return", read_verdict, NULL },
	{ "jump", read_end, NULL }, { "goto", read_end, NULL },
	{ "reject", read_reject, NULL }, { "notrack", read_notrack, NULL },
	{ "counter", read_counter, NULL }, { "log", read_log, NULL },
	{ "comment", read_comment, NULL }, { "limit", read_limit, NULL },
	{ "quota", read_quota, NULL }, { "masquerade", read_nat, NULL },
	{ "redirect", read_nat, NULL }, { "snat", read_nat, NULL },
	{ "dnat", read_nat, NULL }, { "tproxy", read_tproxy, NULL },
	{ "queue", read_end, NULL }, { "synproxy", read_end, NULL },
	{ "fwd", read_dup, NULL }, { "dup", read_dup, NULL },
	{ "add", read_update, "@" }, { "update", read_update, "@" },
	{ "delete", read_update, "@" }, { "meter", read_update, NULL },
	{ "set", read_old_update, "add" },
	{ "set", read_old_update, "update" },
	{ "flow", read_flow, "add" }, { "flow", read_flow, "offload" },
	{ "xt", read_xt, NULL },
};

static size_t statement_of(const struct nft_words *w)
{
	for (size_t i = 0; i < ARRAY_SIZE(statements); i++) {
		const char *next = statements[i].next;

		if (nft_word_is(w, 0, statements[i].word) &&
		    (!next || nft_word_is(w, 1, next) ||
		     (*next == '@' && nft_sign_is(w, 1, '@'))))
			return i;
	}
	return SIZE_MAX;
}

static bool begins_statement(const struct nft_words *w)
{
	return statement_of(w) != SIZE_MAX || nft_key_begins(w);
}

/* Behind these a word is a value, whatever else it may mean. */
static bool is_value(const struct nft_words *w)
{
	static const char *const before[] = {
		"type", "code", "status", "state", "set", "jump", "goto",
		"name", "helper", "to", "protocol", "l3proto", "iiftype",
		"oiftype", "nexthdr", "ptype", "mod", "label", "device",
	};

	if (w->last.kind == WORD_SIGN)
		return !strchr(")}]*", w->last.sign);
	for (size_t i = 0; w->last.kind == WORD_NAME && i < ARRAY_SIZE(before);
	     i++)
		if (w->last.n == strlen(before[i]) &&
		    !memcmp(w->last.s, before[i], w->last.n))
			return true;
	return false;
}

void nft_terms_skip(struct nft_words *w)
{
	while (w->a[0].kind != WORD_END) {
		if (nft_words_accept_sign(w, '{'))
			nft_words_skip_block(w);
		else if (begins_statement(w) && !is_value(w))
			return;
		else
			nft_words_next(w);
	}
}

int nft_statement_read(struct nft_words *w)
{
	unsigned int n = nft_words_to_set(w);
	size_t i = statement_of(w), len;
	char name[32];

	if (i != SIZE_MAX)
		return statements[i].read(w);
	if (nft_key_begins(w))
		return n ? nft_term_set(w, n) : nft_term_match(w);
	len = w->a[0].n < sizeof(name) ? w->a[0].n : sizeof(name) - 1;
	memcpy(name, w->a[0].s, len);
	name[len] = '\0';
	nft_words_next(w);
	nft_terms_skip(w);
	return nft_term_opaque(w->r, name);
}

/* The family that all packets of the table have; 0: they may differ. */
static uint8_t family_of(const struct foreign *f, const struct foreign_rule *r)
{
	uint8_t family = f->tables[f->chains[r->chain].table].family;

	return family == NFPROTO_IPV4 || family == NFPROTO_IPV6 ? family : 0;
}

void nft_terms_begin(struct nft_reader *r, struct nft_words *w)
{
	const struct foreign_rule *rule = &r->f->rules[r->f->n_rules - 1];
	const struct host_chain *c = &r->f->chains[rule->chain];
	const struct foreign_table *t = &r->f->tables[c->table];

	r->terms->nfproto = family_of(r->f, rule);
	r->terms->l4proto = 0;
	r->terms->has_ports = nft_split_proto(t->family, t->name, c->name);
	nft_words_begin(w, r, rule->raw.s, rule->raw.n);
}

int nft_terms_read(struct nft_reader *r)
{
	struct nft_words w;
	int err = 0;

	nft_terms_begin(r, &w);
	while (!err && w.a[0].kind != WORD_END)
		err = nft_statement_read(&w);
	return err;
}
