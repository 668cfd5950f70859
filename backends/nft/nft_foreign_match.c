/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/nft/nft_foreign_match.c: what a rule's words use of conntrack. */
#include <string.h>

#include "backends/nft/nft_foreign.h"
#include "core/mem.h"

/* `ct KEY` as a match, and where it is set. */
static const struct {
	const char *key;
	uint64_t read, set;
} keys[] = {
	{ "state", FEATURE_BIT(STATE), FEATURE_BIT(STATE) },
	{ "mark", FEATURE_BIT(CONNMARK), FEATURE_BIT(CONNMARK) },
	{ "count", FEATURE_BIT(CONNLIMIT), FEATURE_BIT(CONNLIMIT) },
	{ "bytes", FEATURE_BIT(CONNBYTES), FEATURE_BIT(CONNBYTES) },
	{ "packets", FEATURE_BIT(CONNBYTES), FEATURE_BIT(CONNBYTES) },
	{ "avgpkt", FEATURE_BIT(CONNBYTES), FEATURE_BIT(CONNBYTES) },
	{ "helper", FEATURE_BIT(HELPER), FEATURE_BIT(CT_OTHER) },
	{ "zone", FEATURE_BIT(CTZONE), FEATURE_BIT(CT_OTHER) },
	{ "event", FEATURE_BIT(CT_OTHER), FEATURE_BIT(CT_OTHER) },
	{ "timeout", FEATURE_BIT(CT_OTHER), FEATURE_BIT(CT_OTHER) },
	{ "expectation", FEATURE_BIT(CT_OTHER), FEATURE_BIT(CT_OTHER) },
	{ "status", FEATURE_BIT(CTSTATUS), FEATURE_BIT(CTSTATUS) },
	{ "direction", FEATURE_BIT(CTDIR), FEATURE_BIT(CTDIR) },
	{ "expiration", FEATURE_BIT(CTEXPIRE), FEATURE_BIT(CTEXPIRE) },
	{ "saddr", FEATURE_BIT(CTADDR), FEATURE_BIT(CTADDR) },
	{ "daddr", FEATURE_BIT(CTADDR), FEATURE_BIT(CTADDR) },
	{ "proto-src", FEATURE_BIT(CTPORT), FEATURE_BIT(CTPORT) },
	{ "proto-dst", FEATURE_BIT(CTPORT), FEATURE_BIT(CTPORT) },
	{ "protocol", FEATURE_BIT(CTPROTO), FEATURE_BIT(CTPROTO) },
	{ "l3proto", FEATURE_BIT(CTPROTO), FEATURE_BIT(CTPROTO) },
	{ "label", FEATURE_BIT(CONNLABEL), FEATURE_BIT(CONNLABEL) },
	{ "secmark", FEATURE_BIT(CONNSECMARK), FEATURE_BIT(CONNSECMARK) },
	{ "id", FEATURE_BIT(CTID), FEATURE_BIT(CTID) },
};

/* Statements of one word, where no value can stand. */
static const struct {
	const char *word;
	uint64_t feature;
	enum foreign_verdict verdict;
} statements[] = {
	{ "accept", 0, FOREIGN_ACCEPT },
	{ "drop", 0, FOREIGN_DROP },
	{ "reject", 0, FOREIGN_REJECT },
	{ "return", 0, FOREIGN_RETURN },
	{ "jump", 0, FOREIGN_JUMP },
	{ "goto", 0, FOREIGN_GOTO },
	{ "vmap", 0, FOREIGN_TARGET },
	{ "queue", 0, FOREIGN_TARGET },
	{ "tproxy", 0, FOREIGN_TARGET },
	{ "snat", FEATURE_BIT(NAT), FOREIGN_TARGET },
	{ "dnat", FEATURE_BIT(NAT), FOREIGN_TARGET },
	{ "masquerade", FEATURE_BIT(NAT), FOREIGN_TARGET },
	{ "redirect", FEATURE_BIT(NAT), FOREIGN_TARGET },
	{ "notrack", FEATURE_BIT(NOTRACK), FOREIGN_TARGET },
	{ "synproxy", FEATURE_BIT(SYNPROXY), FOREIGN_TARGET },
	{ "xt", FEATURE_BIT(XT_OPAQUE), FOREIGN_TARGET },
};

static struct foreign_rule *last(const struct nft_reader *r)
{
	return &r->f->rules[r->f->n_rules - 1];
}

static bool is_at(const struct nft_reader *r, size_t i, const char *word)
{
	return i < r->n && nft_tok_is(&r->v[i], word);
}

/* From behind `ct`: [original|reply] [ip|ip6] KEY [set] */
static int take_ct(struct nft_reader *r, size_t i, bool more)
{
	if (is_at(r, i, "original") || is_at(r, i, "reply"))
		i++;
	if (is_at(r, i, "ip") || is_at(r, i, "ip6"))
		i++;
	for (size_t k = 0; k < ARRAY_SIZE(keys); k++) {
		if (!is_at(r, i, keys[k].key))
			continue;
		last(r)->features |= is_at(r, i + 1, "set") ? keys[k].set :
							      keys[k].read;
		if (keys[k].read == FEATURE_BIT(STATE))
			return nft_read_states(r, i + 1, more);
		break;
	}
	return 0;
}

/* Words such as `redirect` are ICMP types and states of NAT, too. */
static bool is_value(const struct nft_reader *r, size_t i)
{
	static const char *const before[] = {
		"type", "status", "state", "!=", "==", "!", "&", "|", ".",
		"jump", "goto", "code",
	};

	if (!i || nft_tok_is(&r->v[i], "vmap"))
		return false;
	if (r->v[i - 1].kind == TOK_COMMA)
		return true;
	for (size_t k = 0; k < ARRAY_SIZE(before); k++)
		if (nft_tok_is(&r->v[i - 1], before[k]))
			return true;
	return false;
}

static int take_statement(struct nft_reader *r, size_t i)
{
	const struct nft_tok *t = &r->v[i];
	size_t k = 0;

	while (k < ARRAY_SIZE(statements) &&
	       !nft_tok_is(t, statements[k].word))
		k++;
	if (k == ARRAY_SIZE(statements) || is_value(r, i))
		return 0;
	last(r)->features |= statements[k].feature;
	last(r)->verdict = statements[k].verdict;
	last(r)->target = NULL;
	if (last(r)->verdict == FOREIGN_JUMP ||
	    last(r)->verdict == FOREIGN_GOTO) {
		if (++i >= r->n || r->v[i].kind == TOK_OPEN)
			return 0;
	} else if (last(r)->verdict != FOREIGN_TARGET) {
		return 0;
	}
	last(r)->target = nft_tok_intern(&r->v[i]);
	return last(r)->target ? 0 : -ENOMEM;
}

int nft_read_matches(struct nft_reader *r)
{
	size_t depth = 0;
	int err = 0;

	for (size_t i = 0; !err && i < r->n; i++) {
		const struct nft_tok *t = &r->v[i];

		depth += t->kind == TOK_OPEN;
		depth -= t->kind == TOK_CLOSE && depth;
		if (t->kind != TOK_WORD)
			continue;
		if (nft_tok_is(t, "ct"))
			err = take_ct(r, i + 1,
				      i && nft_tok_is(&r->v[i - 1], "."));
		else if (nft_tok_is(t, "flow") && (is_at(r, i + 1, "add") ||
						   is_at(r, i + 1, "offload")))
			last(r)->features |= FEATURE_BIT(FLOWOFFLOAD);
		else if (!depth)
			err = take_statement(r, i);
	}
	return err;
}
