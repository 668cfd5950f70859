/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/nft/nft_live_act.c: expressions that do something, or may refuse. */
#include <endian.h>
#include <string.h>

#include "backends/nft/nft_echo.h"
#include "backends/nft/nft_live.h"
#include "core/intern.h"
#include "core/mem.h"

/* Of younger kernels than the headers need be. */
#define OBJECT_QUOTA 2
#define OBJECT_CT_HELPER 3
#define OBJECT_LIMIT 4
#define OBJECT_CONNLIMIT 5
#define OBJECT_SYNPROXY 10

static int nothing(struct live_rule *r, const struct nlattr *const *v)
{
	(void)r;
	(void)v;
	return 0;
}

static int say_log(struct live_rule *r, const struct nlattr *const *v)
{
	(void)v;
	nft_live_say(r, "log");
	return 0;
}

/* One that may or may not let the packet go on through the rule. */
static int refuse(struct live_rule *r, const char *name)
{
	nft_live_say(r, "[%s]", name);
	return nft_live_opaque(r, name);
}

static void say_limit(struct live_rule *r, const struct nlattr *const *v)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	struct nft_echo e = {
		.limit = {
			.there = true,
			.over = nft_attr_u32(v[NFTA_LIMIT_FLAGS]) &
				NFT_LIMIT_F_INV,
			.rate = nft_attr_u64(v[NFTA_LIMIT_RATE]),
			.unit = nft_attr_u64(v[NFTA_LIMIT_UNIT]),
			.burst = nft_attr_u32(v[NFTA_LIMIT_BURST]),
		},
	};

	nft_echo_print_limit(&e, &b);
	r->text.lost |= b.lost;
	if (b.n)
		nft_live_say(r, "%.*s", (int)b.n - 1, b.s);
}

static int read_limit(struct live_rule *r, const struct nlattr *const *v)
{
	if (nft_attr_u32(v[NFTA_LIMIT_TYPE]) != NFT_LIMIT_PKTS)
		return refuse(r, "limit");
	say_limit(r, v);
	return nft_live_opaque(r, "limit");
}

static int read_quota(struct live_rule *r, const struct nlattr *const *v)
{
	(void)v;
	return refuse(r, "quota");
}

static int read_connlimit(struct live_rule *r, const struct nlattr *const *v)
{
	(void)v;
	nft_live_last(r)->features |= FEATURE_BIT(CONNLIMIT);
	return refuse(r, "ct count");
}

int nft_live_effect(struct live_rule *r, enum term_kind kind)
{
	const struct term t = { .kind = kind };

	return r->f->wants_terms ? foreign_add_term(r->f, &t) : 0;
}

static int read_notrack(struct live_rule *r, const struct nlattr *const *v)
{
	int err = nft_live_set_verdict(r, FOREIGN_TARGET, "notrack",
				       FEATURE_BIT(NOTRACK));

	(void)v;
	nft_live_say(r, "notrack");
	return err ? err : nft_live_effect(r, TERM_NOTRACK);
}

static int read_reject(struct live_rule *r, const struct nlattr *const *v)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	const struct nft_echo e = {
		.verdict = FOREIGN_REJECT,
		.reject_type = (uint8_t)nft_attr_u32(v[NFTA_REJECT_TYPE]),
		.reject_code = v[NFTA_REJECT_ICMP_CODE] ?
			mnl_attr_get_u8(v[NFTA_REJECT_ICMP_CODE]) : 0,
		.af = r->family == NFPROTO_IPV6 ? AF_INET6 : AF_INET,
	};

	nft_echo_print_verdict(&e, &b);
	r->text.lost |= b.lost;
	nft_live_say(r, "%s", b.n ? b.s : "reject");
	r->ended = true;
	return nft_live_set_verdict(r, FOREIGN_REJECT, NULL, 0);
}

/* What is a verdict of its own, and needs no more words here. */
static int act(struct live_rule *r, const char *word, uint64_t features)
{
	nft_live_say(r, "%s", word);
	return nft_live_set_verdict(r, FOREIGN_TARGET, word, features);
}

/* Without a socket to go to, the rule ends. */
static int read_tproxy(struct live_rule *r, const struct nlattr *const *v)
{
	int err = nft_live_opaque(r, "tproxy");

	(void)v;
	return err ? err : act(r, "tproxy", 0);
}

static int read_queue(struct live_rule *r, const struct nlattr *const *v)
{
	(void)v;
	r->ended = true;
	return act(r, "queue", 0);
}

static int read_synproxy(struct live_rule *r, const struct nlattr *const *v)
{
	(void)v;
	return act(r, "synproxy", FEATURE_BIT(SYNPROXY));
}

static int read_fwd(struct live_rule *r, const struct nlattr *const *v)
{
	(void)v;
	nft_live_say(r, "[fwd]");
	r->ended = true;
	return nft_live_set_verdict(r, FOREIGN_TARGET, "fwd", 0);
}

static int read_dup(struct live_rule *r, const struct nlattr *const *v)
{
	(void)v;
	nft_live_say(r, "[dup]");
	nft_live_last(r)->alters = true;
	return 0;
}

/* A packet that cannot be offloaded ends the rule. */
static int read_flow(struct live_rule *r, const struct nlattr *const *v)
{
	nft_live_last(r)->features |= FEATURE_BIT(FLOWOFFLOAD);
	nft_live_say(r, "flow add @%s", nft_attr_str(v[NFTA_FLOW_TABLE_NAME]));
	return nft_live_opaque(r, "flow");
}

static int read_object(struct live_rule *r, uint32_t type, const char *name)
{
	static const struct {
		uint32_t type;
		const char *word;
	} may[] = {
		{ OBJECT_QUOTA, "quota" }, { OBJECT_LIMIT, "limit" },
		{ OBJECT_CONNLIMIT, "ct count" },
	};
	uint64_t features = nft_live_object_feature(type);

	nft_live_last(r)->features |= features;
	for (size_t i = 0; i < ARRAY_SIZE(may); i++)
		if (may[i].type == type) {
			nft_live_say(r, "[%s %s]", may[i].word, name);
			return nft_live_opaque(r, may[i].word);
		}
	if (type == OBJECT_CT_HELPER) {
		nft_live_say(r, "ct helper set \"%s\"", name);
		return nft_live_effect(r, TERM_HELPER);
	}
	nft_live_say(r, "[object %s]", name);
	return type == OBJECT_SYNPROXY ?
		       nft_live_set_verdict(r, FOREIGN_TARGET, "synproxy", 0) :
		       0;
}

static int read_objref(struct live_rule *r, const struct nlattr *const *v)
{
	const char *name = nft_attr_str(v[NFTA_OBJREF_SET_NAME]);
	struct live_set *set;
	struct live_key k;
	int err;

	if (!v[NFTA_OBJREF_SET_NAME])
		return read_object(r, nft_attr_u32(v[NFTA_OBJREF_IMM_TYPE]),
				   nft_attr_str(v[NFTA_OBJREF_IMM_NAME]));
	set = nft_live_find_set(r->sets, r->table, name);
	if (!set)
		return refuse(r, "objref");
	nft_live_key(r, nft_live_at(nft_attr_u32(v[NFTA_OBJREF_SET_SREG])),
		     set->key_len, &k);
	err = nft_live_lookup(r, &k, set, false, false);
	return err ? err : read_object(r, set->object, set->name);
}

/* Do the expressions of what it adds decide anything? */
static bool has_limit(struct live_rule *r, const struct nlattr *one,
		      const struct nlattr *list)
{
	const struct nlattr *v[NFTA_EXPR_DATA + 1];
	const struct nlattr *a;
	const char *name;
	bool some = false;

	if (list) {
		netlink_for_each_nested(a, list)
			some |= has_limit(r, a, NULL);
		return some;
	}
	if (!one || nft_nest_attrs(one, v, NFTA_EXPR_DATA))
		return false;
	name = nft_attr_str(v[NFTA_EXPR_NAME]);
	if (!strcmp(name, "connlimit"))
		nft_live_last(r)->features |= FEATURE_BIT(CONNLIMIT);
	return strcmp(name, "counter") != 0 && strcmp(name, "last") != 0;
}

/* add @seen { ip saddr }: the rule goes on, unless the set is full. */
static int read_dynset(struct live_rule *r, const struct nlattr *const *v)
{
	static const char *const ops[] = {
		[NFT_DYNSET_OP_ADD] = "add", [NFT_DYNSET_OP_UPDATE] = "update",
		[NFT_DYNSET_OP_DELETE] = "delete",
	};
	uint32_t op = nft_attr_u32(v[NFTA_DYNSET_OP]);
	const char *name = nft_attr_str(v[NFTA_DYNSET_SET_NAME]);
	const struct live_set *set = nft_live_find_set(r->sets, r->table, name);
	bool limits = has_limit(r, v[NFTA_DYNSET_EXPR],
				v[NFTA_DYNSET_EXPRESSIONS]);
	const char *word = op < ARRAY_SIZE(ops) ? ops[op] : "dynset";
	int err;

	nft_live_say(r, "[%s @%s]", word, name);
	nft_live_last(r)->alters = true;
	if (!set)
		return nft_live_opaque(r, word);
	err = nft_live_require(r, nft_live_at(nft_attr_u32(
				       v[NFTA_DYNSET_SREG_KEY])),
			       set->key_len);
	if (!err && (limits || (set->size && set->n >= set->size) ||
		     nft_attr_u32(v[NFTA_DYNSET_FLAGS]) & NFT_DYNSET_F_INV))
		err = nft_live_opaque(r, limits ? "meter" : word);
	return err;
}

const struct live_row nft_live_acts[] = {
	{ "counter", nothing },	     { "last", nothing },
	{ "log", say_log },	     { "limit", read_limit },
	{ "quota", read_quota },     { "connlimit", read_connlimit },
	{ "notrack", read_notrack }, { "reject", read_reject },
	{ "nat", nft_live_read_nat }, { "masq", nft_live_read_masq },
	{ "redir", nft_live_read_redir }, { "tproxy", read_tproxy },
	{ "queue", read_queue },     { "synproxy", read_synproxy },
	{ "fwd", read_fwd },	     { "dup", read_dup },
	{ "flow_offload", read_flow }, { "objref", read_objref },
	{ "dynset", read_dynset },   { NULL, NULL },
};
