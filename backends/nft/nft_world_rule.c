/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_world_rule.c: what a rule of the host's does to a packet.
 *
 * Only the attributes that tell a drop, a jump or a port are read: a host may
 * have a hundred thousand rules.
 */
#include <arpa/inet.h>
#include <string.h>

#include "backends/nft/nft_world.h"
#include "core/intern.h"
#include "core/mem.h"

#include <linux/netfilter/nf_tables_compat.h>

/* What the last load put into its register. */
enum loaded { LOADED_OTHER, LOADED_PROTO, LOADED_SPORT, LOADED_DPORT };

struct reader {
	struct nft_foreign *f;
	struct nft_way way;
	enum loaded loaded;
	uint32_t reg;
	bool ours;			/* jumps to one of our chains */
};

static bool same_way(const struct nft_way *a, const struct nft_way *b)
{
	return a->kind == b->kind && a->source == b->source &&
	       a->name == b->name && a->ports == b->ports &&
	       a->when.proto == b->when.proto &&
	       a->when.sport.first == b->when.sport.first &&
	       a->when.sport.last == b->when.sport.last &&
	       a->when.dport.first == b->when.dport.first &&
	       a->when.dport.last == b->when.dport.last;
}

/* Rules in a row often differ in what is not read here. */
#define LOOK_BACK 8

/* Names are interned: equal ones are the same. */
static bool is_known(const struct nft_foreign *f, const struct nft_way *way)
{
	size_t from = f->n_ways > LOOK_BACK ? f->n_ways - LOOK_BACK : 0;

	for (size_t i = from; i < f->n_ways; i++)
		if (same_way(&f->ways[i], way))
			return true;
	return false;
}

static int add_way(struct nft_foreign *f, const struct nft_way *way)
{
	if (way->kind == WAY_DROP && !way->ports) {
		reach_set_add(&f->drops, &way->when);
		return 0;
	}
	if (is_known(f, way))
		return 0;
	if (mem_grow(&f->ways, &f->cap_ways, f->n_ways + 1))
		return -ENOMEM;
	f->ways[f->n_ways++] = *way;
	return 0;
}

static int add_named(struct reader *r, enum nft_way_kind kind,
		     const char *name)
{
	struct nft_way way = r->way;

	way.kind = kind;
	way.name = name ? intern(name) : NULL;
	if (name && !way.name)
		return -ENOMEM;
	return add_way(r->f, &way);
}

/* A verdict's nest: a drop, or a chain to follow, or one of ours. */
static int add_verdict(struct reader *r, const struct nlattr *nest)
{
	const struct nlattr *v[NFTA_VERDICT_CHAIN + 1];
	const char *chain;
	int code, err = nft_nest_attrs(nest, v, NFTA_VERDICT_CHAIN);

	if (err)
		return err;
	code = (int)nft_attr_u32(v[NFTA_VERDICT_CODE]);
	chain = nft_attr_str(v[NFTA_VERDICT_CHAIN]);
	if (code == NF_DROP)
		return add_named(r, WAY_DROP, NULL);
	if (code != NFT_JUMP && code != NFT_GOTO)
		return 0;
	if (!nft_name_is_own(chain))
		return add_named(r, WAY_JUMP, chain);
	r->ours = true;
	return 0;
}

/* The value in a nest of NFTA_DATA_*, of 1 or 2 bytes; -1: another one. */
static int data_value(const struct nlattr *nest)
{
	const struct nlattr *v[NFTA_DATA_VALUE + 1];
	const uint8_t *b;

	if (!nest || nft_nest_attrs(nest, v, NFTA_DATA_VALUE) ||
	    !v[NFTA_DATA_VALUE])
		return -1;
	b = mnl_attr_get_payload(v[NFTA_DATA_VALUE]);
	switch (mnl_attr_get_payload_len(v[NFTA_DATA_VALUE])) {
	case 1:
		return b[0];
	case 2:
		return b[0] << 8 | b[1];
	default:
		return -1;
	}
}

/* Of the protocol, or of a port where there are ports. */
static void narrow(struct reader *r, int first, int last)
{
	struct reach *when = &r->way.when;
	struct port_range *port = r->loaded == LOADED_SPORT ? &when->sport :
							      &when->dport;
	struct reach wider = *when;
	bool some = true;

	if (first < 0 || last < first || r->loaded == LOADED_OTHER)
		return;
	if (r->loaded == LOADED_PROTO)
		some = first != last ||
		       reach_narrow_proto(when, (uint8_t)first);
	else if (!when->proto || protocol_has_ports(when->proto))
		some = reach_narrow_ports(port, (struct port_range){
			(uint16_t)first, (uint16_t)last });
	/* A rule that no packet can match is not worth a special case. */
	if (!some)
		*when = wider;
}

static int read_meta(struct reader *r, const struct nlattr *data)
{
	const struct nlattr *v[NFTA_META_SREG + 1];
	int err = nft_nest_attrs(data, v, NFTA_META_SREG);

	r->loaded = LOADED_OTHER;
	if (err || !v[NFTA_META_DREG])
		return err;
	r->reg = nft_attr_u32(v[NFTA_META_DREG]);
	if (nft_attr_u32(v[NFTA_META_KEY]) == NFT_META_L4PROTO)
		r->loaded = LOADED_PROTO;
	return 0;
}

static enum loaded loaded_of(uint8_t family, uint32_t base, uint32_t offset,
			     uint32_t len)
{
	if (base == NFT_PAYLOAD_NETWORK_HEADER && len == 1) {
		if (family == NFPROTO_IPV6)
			return offset == 6 ? LOADED_PROTO : LOADED_OTHER;
		return offset == 9 ? LOADED_PROTO : LOADED_OTHER;
	}
	if (base != NFT_PAYLOAD_TRANSPORT_HEADER || len != 2)
		return LOADED_OTHER;
	return offset == 0 ? LOADED_SPORT :
	       offset == 2 ? LOADED_DPORT : LOADED_OTHER;
}

static int read_payload(struct reader *r, const struct nlattr *data)
{
	const struct nlattr *v[NFTA_PAYLOAD_SREG + 1];
	int err = nft_nest_attrs(data, v, NFTA_PAYLOAD_SREG);

	r->loaded = LOADED_OTHER;
	if (err || !v[NFTA_PAYLOAD_DREG])
		return err;
	r->reg = nft_attr_u32(v[NFTA_PAYLOAD_DREG]);
	r->loaded = loaded_of(r->f->family,
			      nft_attr_u32(v[NFTA_PAYLOAD_BASE]),
			      nft_attr_u32(v[NFTA_PAYLOAD_OFFSET]),
			      nft_attr_u32(v[NFTA_PAYLOAD_LEN]));
	return 0;
}

static int read_cmp(struct reader *r, const struct nlattr *data)
{
	const struct nlattr *v[NFTA_CMP_DATA + 1];
	int value, err = nft_nest_attrs(data, v, NFTA_CMP_DATA);

	if (err || nft_attr_u32(v[NFTA_CMP_SREG]) != r->reg)
		return err;
	value = data_value(v[NFTA_CMP_DATA]);
	switch (nft_attr_u32(v[NFTA_CMP_OP])) {
	case NFT_CMP_EQ:
		narrow(r, value, value);
		break;
	case NFT_CMP_GTE:
		narrow(r, value, UINT16_MAX);
		break;
	case NFT_CMP_LTE:
		narrow(r, value < 0 ? value : 0, value);
		break;
	default:
		break;
	}
	return 0;
}

static int read_range(struct reader *r, const struct nlattr *data)
{
	const struct nlattr *v[NFTA_RANGE_TO_DATA + 1];
	int err = nft_nest_attrs(data, v, NFTA_RANGE_TO_DATA);

	if (err || nft_attr_u32(v[NFTA_RANGE_SREG]) != r->reg ||
	    nft_attr_u32(v[NFTA_RANGE_OP]) != NFT_RANGE_EQ)
		return err;
	narrow(r, data_value(v[NFTA_RANGE_FROM_DATA]),
	       data_value(v[NFTA_RANGE_TO_DATA]));
	return 0;
}

static int read_immediate(struct reader *r, const struct nlattr *data)
{
	const struct nlattr *v[NFTA_IMMEDIATE_DATA + 1];
	const struct nlattr *in[NFTA_DATA_VERDICT + 1];
	int err = nft_nest_attrs(data, v, NFTA_IMMEDIATE_DATA);

	if (err || !v[NFTA_IMMEDIATE_DATA])
		return err;
	err = nft_nest_attrs(v[NFTA_IMMEDIATE_DATA], in, NFTA_DATA_VERDICT);
	if (err || !in[NFTA_DATA_VERDICT])
		return err;
	return add_verdict(r, in[NFTA_DATA_VERDICT]);
}

/* Anonymous sets and maps live with their rule and never change. */
static bool is_anonymous(const char *set)
{
	return !strncmp(set, "__set", 5) || !strncmp(set, "__map", 5);
}

/* Does the lookup say which ports the rule is for? */
static bool looks_up_ports(const struct reader *r,
			   const struct nlattr *const *v)
{
	return (r->loaded == LOADED_SPORT || r->loaded == LOADED_DPORT) &&
	       nft_attr_u32(v[NFTA_LOOKUP_SREG]) == r->reg &&
	       !nft_attr_u32(v[NFTA_LOOKUP_FLAGS]) && !r->way.ports &&
	       is_anonymous(nft_attr_str(v[NFTA_LOOKUP_SET])) &&
	       protocol_has_ports(r->way.when.proto);
}

static int read_lookup(struct reader *r, const struct nlattr *data)
{
	const struct nlattr *v[NFTA_LOOKUP_FLAGS + 1];
	const char *set;
	int err = nft_nest_attrs(data, v, NFTA_LOOKUP_FLAGS);

	if (err)
		return err;
	set = nft_attr_str(v[NFTA_LOOKUP_SET]);
	if (looks_up_ports(r, v)) {
		r->way.ports = intern(set);
		r->way.source = r->loaded == LOADED_SPORT;
		if (!r->way.ports)
			return -ENOMEM;
	}
	if (v[NFTA_LOOKUP_DREG] &&
	    nft_attr_u32(v[NFTA_LOOKUP_DREG]) == NFT_REG_VERDICT)
		return add_named(r, WAY_VMAP, set);
	return 0;
}

/* REJECT and the like of iptables-nft are xt targets. */
static int read_target(struct reader *r, const struct nlattr *data)
{
	const struct nlattr *v[NFTA_TARGET_NAME + 1];
	const char *name;
	int err = nft_nest_attrs(data, v, NFTA_TARGET_NAME);

	if (err)
		return err;
	name = nft_attr_str(v[NFTA_TARGET_NAME]);
	r->f->tracks |= reach_xt_tracks(name);
	r->f->translates |= reach_xt_translates(name);
	if (strcmp(name, "REJECT") && strcmp(name, "DROP"))
		return 0;
	return add_named(r, WAY_DROP, NULL);
}

static int read_match(struct reader *r, const struct nlattr *data)
{
	const struct nlattr *v[NFTA_MATCH_INFO + 1];
	struct reach when = r->way.when;
	const char *name;
	int err = nft_nest_attrs(data, v, NFTA_MATCH_INFO);

	if (err || !v[NFTA_MATCH_INFO])
		return err;
	name = nft_attr_str(v[NFTA_MATCH_NAME]);
	r->f->tracks |= reach_xt_tracks(name);
	if (reach_narrow_xt(&when, name,
			    mnl_attr_get_payload(v[NFTA_MATCH_INFO]),
			    mnl_attr_get_payload_len(v[NFTA_MATCH_INFO])))
		r->way.when = when;
	return 0;
}

static int read_reject(struct reader *r, const struct nlattr *data)
{
	(void)data;
	return add_named(r, WAY_DROP, NULL);
}

static const struct expr_row {
	const char *name;
	int (*read)(struct reader *r, const struct nlattr *data);
} exprs[] = {
	{ "meta", read_meta },
	{ "payload", read_payload },
	{ "cmp", read_cmp },
	{ "range", read_range },
	{ "lookup", read_lookup },
	{ "immediate", read_immediate },
	{ "reject", read_reject },
	{ "target", read_target },
	{ "match", read_match },
};

/* Each of them hooks connection tracking into its namespace. */
static bool needs_tracking(const char *name)
{
	static const char *const names[] = {
		"ct", "masq", "nat", "redir", "connlimit", "synproxy",
		"flow_offload",
	};

	return nft_word_is_among(names, ARRAY_SIZE(names), name);
}

static int read_expr(struct reader *r, const struct nlattr *expr)
{
	const struct nlattr *v[NFTA_EXPR_DATA + 1];
	const char *name;
	int err = nft_nest_attrs(expr, v, NFTA_EXPR_DATA);

	if (err)
		return err;
	name = nft_attr_str(v[NFTA_EXPR_NAME]);
	for (size_t i = 0; i < ARRAY_SIZE(exprs); i++)
		if (!strcmp(name, exprs[i].name))
			return v[NFTA_EXPR_DATA] ?
				       exprs[i].read(r, v[NFTA_EXPR_DATA]) : 0;
	r->f->tracks |= needs_tracking(name);
	r->f->translates |= !strcmp(name, "nat") || !strcmp(name, "redir");
	/* It may change what the register holds. */
	r->loaded = LOADED_OTHER;
	return 0;
}

int nft_world_add_rule(struct nft_foreign *f, const struct nlattr *list,
		       bool *ret_ours)
{
	struct reader r = { .f = f, .way.when = reach_any };
	const struct nlattr *a;
	int err;

	*ret_ours = false;
	if (!list)
		return 0;
	netlink_for_each_nested(a, list) {
		err = read_expr(&r, a);
		if (err)
			return err;
	}
	*ret_ours = r.ours;
	return 0;
}

int nft_world_add_verdict(struct nft_foreign *f, size_t at,
			  const struct nlattr *elem)
{
	const struct nlattr *v[NFTA_SET_ELEM_DATA + 1];
	const struct nlattr *in[NFTA_DATA_VERDICT + 1];
	struct reader r = { .f = f, .way = f->ways[at] };
	int err = nft_nest_attrs(elem, v, NFTA_SET_ELEM_DATA);

	if (err || !v[NFTA_SET_ELEM_DATA])
		return err;
	err = nft_nest_attrs(v[NFTA_SET_ELEM_DATA], in, NFTA_DATA_VERDICT);
	if (err || !in[NFTA_DATA_VERDICT])
		return err;
	return add_verdict(&r, in[NFTA_DATA_VERDICT]);
}

void nft_hull_add(struct nft_hull *h, const struct nlattr *elem)
{
	const struct nlattr *v[NFTA_SET_ELEM_FLAGS + 1];
	int port;

	if (nft_nest_attrs(elem, v, NFTA_SET_ELEM_FLAGS))
		return;
	port = data_value(v[NFTA_SET_ELEM_KEY]);
	if (port < 0)
		return;
	if (nft_attr_u32(v[NFTA_SET_ELEM_FLAGS]) & NFT_SET_ELEM_INTERVAL_END) {
		h->ends = true;
		if (port > h->end)
			h->end = (uint16_t)port;
		return;
	}
	if (!h->some || port < h->first)
		h->first = (uint16_t)port;
	if (!h->some || port > h->start)
		h->start = (uint16_t)port;
	h->some = true;
}

/* The end of an interval is the first port behind it; the last has none. */
struct port_range nft_hull_ports(const struct nft_hull *h)
{
	if (!h->some)
		return reach_any.dport;
	if (!h->ends)
		return (struct port_range){ h->first, h->start };
	return (struct port_range){ h->first, h->end > h->start ?
						      (uint16_t)(h->end - 1) :
						      UINT16_MAX };
}
