/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_live.c: the kernel's tables, chains and rules, as they are.
 *
 * Dumped in the order in which things refer to each other: sets and what is in
 * them stand ready when the rules that look into them are read.
 */
#include "backends/nft/nft_live.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/nft/nft_compat.h"
#include "backends/nft/nft_kept.h"
#include "backends/nft/nft_kernel.h"
#include "backends/nft/nft_original.h"
#include "backends/nft/nft_probe.h"
#include "backends/nft/nft_split.h"
#include "core/intern.h"
#include "core/mem.h"

/* Of younger kernels than the headers need be. */
#define TABLE_F_OWNER 0x2
#define TABLE_F_PERSIST 0x4
#define OBJECT_SYNPROXY 10

struct live {
	struct backend_ctx *ctx;
	struct foreign *f;
	struct foreign_mark mark;
	struct live_sets sets;
	struct live_rule rule;
	struct nft_anonymous anonymous;	/* of rules that may be replaced */
	struct nft_named named;
	size_t n_originals;
	uint32_t chain;			/* whose rules are dumped */
};

static int take_table(const struct nlmsghdr *nlh, void *arg)
{
	static const struct {
		uint32_t bit;
		const char *name;
	} words[] = {
		{ NFT_TABLE_F_DORMANT, "dormant" }, { TABLE_F_OWNER, "owner" },
		{ TABLE_F_PERSIST, "persist" },
	};
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	const struct nlattr *v[NFTA_TABLE_FLAGS + 1];
	struct live *l = arg;
	uint32_t at, flags;
	int err = nft_msg_attrs(nlh, v, NFTA_TABLE_FLAGS);

	if (!err)
		err = foreign_table(l->f, nft_msg_family(nlh),
				    nft_attr_str(v[NFTA_TABLE_NAME]), 0, &at);
	flags = err ? 0 : nft_attr_u32(v[NFTA_TABLE_FLAGS]);
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (flags & words[i].bit)
			strbuf_printf(&b, "%s%s", b.n ? "," : "",
				      words[i].name);
	if (err || !b.n)
		return err ? err : strbuf_status(&b);
	l->f->tables[at].flags = intern(strbuf_str(&b));
	return l->f->tables[at].flags ? 0 : -ENOMEM;
}

/* In nft's words; NULL: a hook of a younger kernel. */
static const char *hook_word(uint8_t family, uint32_t hook)
{
	static const char *const inet[] = {
		"prerouting", "input", "forward", "output", "postrouting",
		"ingress",
	};
	static const char *const arp[] = { "input", "output", "forward" };
	static const char *const netdev[] = { "ingress", "egress" };

	if (family == NFPROTO_ARP)
		return hook < ARRAY_SIZE(arp) ? arp[hook] : NULL;
	if (family == NFPROTO_NETDEV)
		return hook < ARRAY_SIZE(netdev) ? netdev[hook] : NULL;
	return hook < ARRAY_SIZE(inet) ? inet[hook] : NULL;
}

static int take_hook(struct foreign *f, uint32_t chain,
		     const struct nlattr *const *v)
{
	const struct nlattr *h[NFTA_HOOK_PRIORITY + 1];
	struct host_chain *c = &f->chains[chain];
	struct foreign_table *t = &f->tables[c->table];
	int err = nft_nest_attrs(v[NFTA_CHAIN_HOOK], h, NFTA_HOOK_PRIORITY);

	if (err)
		return err;
	c->type = intern(nft_attr_str(v[NFTA_CHAIN_TYPE]));
	c->hook = hook_word(t->family,
			    nft_attr_u32(h[NFTA_HOOK_HOOKNUM]));
	c->priority = intern_printf("%d", (int)nft_attr_u32(
						h[NFTA_HOOK_PRIORITY]));
	c->policy = v[NFTA_CHAIN_POLICY] &&
		    nft_attr_u32(v[NFTA_CHAIN_POLICY]) == NF_DROP ? "drop" :
								    "accept";
	if (!c->hook)
		c->hook = intern_printf("hook %u", nft_attr_u32(
						h[NFTA_HOOK_HOOKNUM]));
	if (!c->type || !c->hook || !c->priority)
		return -ENOMEM;
	t->ranked |= nft_family_matters(t->family) &&
		     nft_chain_is_iptables(t->family, t->name, c->name);
	f->facts[FACT_NAT_CHAINS] += !t->ranked && !strcmp(c->type, "nat");
	return 0;
}

static int take_chain(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *v[NFTA_CHAIN_TYPE + 1];
	uint32_t table, chain;
	struct live *l = arg;
	int err = nft_msg_attrs(nlh, v, NFTA_CHAIN_TYPE);

	if (!err)
		err = foreign_table(l->f, nft_msg_family(nlh),
				    nft_attr_str(v[NFTA_CHAIN_TABLE]), 0,
				    &table);
	if (!err)
		err = foreign_chain(l->f, table,
				    nft_attr_str(v[NFTA_CHAIN_NAME]), 0,
				    &chain);
	if (err || !v[NFTA_CHAIN_HOOK])
		return err;
	return take_hook(l->f, chain, v);
}

static int take_set(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *v[NFTA_SET_TABLE + 1];
	struct live *l = arg;
	uint32_t table;
	int err = nft_msg_attrs(nlh, v, NFTA_SET_TABLE);

	if (!err)
		err = foreign_table(l->f, nft_msg_family(nlh),
				    nft_attr_str(v[NFTA_SET_TABLE]), 0,
				    &table);
	if (!err)
		err = nft_live_add_set(&l->sets, l->f, table, nlh);
	return err ? err : nft_named_take(&l->named, nlh);
}

/* Of the host's own: ctpolicy's are not there without their rules. */
static int take_object(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *v[NFTA_OBJ_TYPE + 1];
	struct live *l = arg;
	int err = nft_msg_attrs(nlh, v, NFTA_OBJ_TYPE);
	uint32_t type = err ? 0 : nft_attr_u32(v[NFTA_OBJ_TYPE]);

	if (err || nft_table_is_own(nft_msg_family(nlh),
				    nft_attr_str(v[NFTA_OBJ_TABLE])))
		return err;
	if (type == OBJECT_SYNPROXY)
		l->f->facts[FACT_SYNPROXY_OBJECTS]++;
	else if (nft_live_object_feature(type))
		l->f->facts[FACT_CT_OBJECTS]++;
	return 0;
}

static int take_flowtable(const struct nlmsghdr *nlh, void *arg)
{
	struct live *l = arg;

	(void)nlh;
	l->f->facts[FACT_FLOWTABLES]++;
	return 0;
}

static bool is_of(const struct live *l, const struct nlmsghdr *nlh,
		  const struct nlattr *const *v)
{
	const struct host_chain *c = &l->f->chains[l->chain];
	const struct foreign_table *t = &l->f->tables[c->table];

	return nft_msg_family(nlh) == t->family &&
	       !strcmp(nft_attr_str(v[NFTA_RULE_TABLE]), t->name) &&
	       !strcmp(nft_attr_str(v[NFTA_RULE_CHAIN]), c->name);
}

/* In nft's words. */
static int add_rule(struct live *l, const struct nlattr *const *v)
{
	const struct host_chain *c = &l->f->chains[l->chain];
	const struct foreign_table *t = &l->f->tables[c->table];
	const struct nlattr *user = v[NFTA_RULE_USERDATA];
	bool is_nat = !strcmp(t->name, "nat");
	struct foreign_rule *r;
	int err;

	err = user ? nft_live_comment(&l->rule, mnl_attr_get_payload(user),
				      mnl_attr_get_payload_len(user)) :
		     nft_live_comment(&l->rule, NULL, 0);
	if (err)
		return err;
	r = foreign_add_rule(l->f, l->chain, 0);
	if (!r)
		return -ENOMEM;
	if (t->ranked && is_nat)
		r->features |= FEATURE_BIT(NAT);
	l->f->facts[FACT_NAT_CHAIN_RULES] +=
		c->type && !strcmp(c->type, "nat") && !t->ranked;
	l->rule.table = c->table;
	l->rule.table_family = t->family;
	l->rule.compat = t->ranked;
	l->rule.has_ports = nft_split_proto(t->family, t->name, c->name);
	err = nft_live_read_rule(&l->rule, v[NFTA_RULE_EXPRESSIONS]);
	if (!is_nat)
		nft_live_last(&l->rule)->features &= ~FEATURE_BIT(NAT_VERDICT);
	return err;
}

/* Those that may be replaced: in iptables' words, where it has such. */
static int take_host_rule(struct live *l, const struct nlmsghdr *nlh,
			  const struct nlattr *const *v)
{
	const struct foreign_table *t =
		&l->f->tables[l->f->chains[l->chain].table];
	bool added = false;
	int err = 0;

	if (l->f->wants_originals && t->ranked)
		err = nft_compat_read(l->f, l->chain, nlh, &added);
	return err || added ? err : add_rule(l, v);
}

/*
 * Rules that others may have to stand in for: where they look at states, or
 * lead to a chain; of a chain that may need a copy those that may count, and
 * all that would be copied by their bytes.
 */
static bool may_be_replaced(const struct foreign *f,
			    const struct foreign_rule *r)
{
	const struct host_chain *c = &f->chains[r->chain];

	return r->features & FEATURE_BIT(STATE) ||
	       r->verdict == FOREIGN_JUMP || r->verdict == FOREIGN_GOTO ||
	       foreign_has_term(f, r, TERM_VMAP) ||
	       (!c->hook && (!f->tables[c->table].ranked ||
			     foreign_has_term(f, r, TERM_OPAQUE)));
}

/* In the table of the chain at hand. */
static bool has_chain(void *arg, const char *name)
{
	const struct live *l = arg;

	for (size_t i = l->mark.chains; i < l->f->n_chains; i++)
		if (l->f->chains[i].table == l->f->chains[l->chain].table &&
		    !strcmp(l->f->chains[i].name, name))
			return true;
	return false;
}

/*
 * What the rule, a jump to what stands in for another one, stands for. One
 * that names a chain or a set that is gone does not come back.
 */
static const char *original_of(struct live *l,
			       const struct nlattr *const *v)
{
	const struct host_chain *c = &l->f->chains[l->chain];
	const struct foreign_table *t = &l->f->tables[c->table];
	const char *target = nft_original_target(v[NFTA_RULE_EXPRESSIONS]);
	const char *text, *to = NULL;

	if (!l->ctx->originals || !target || !own_names_stand_in(target) ||
	    nft_name_is_own(c->name))
		return NULL;
	text = originals_find(l->ctx->originals, t->family, t->name, target);
	if (!text || nft_original_lacks(text, has_chain, l, &to))
		return text;
	if (!to && nft_probe(&l->named, &(struct nft_probed){
			t->family, t->name, c->name, text }, &to))
		return text;
	return to ? NULL : text;
}

/* -EBADMSG: the record is no rule. */
static int take_original(struct live *l, const char *text)
{
	const struct host_chain *c = &l->f->chains[l->chain];
	const struct foreign_table *t = &l->f->tables[c->table];
	const struct nlattr *v[NFTA_RULE_USERDATA + 1];
	_cleanup_free_ void *buf = calloc(1, NFT_RAW_MSG);
	_cleanup_(nft_raw_release) struct nft_raw raw = { 0 };
	struct nlmsghdr *nlh;
	char prefix[32];
	int err = nft_raw_parse(text, &raw);

	if (err || !buf)
		return err ? err : -ENOMEM;
	snprintf(prefix, sizeof(prefix), "__original%zu-", l->n_originals++);
	nlh = nft_msg_put(buf, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWRULE, 0,
			  t->family, 0);
	mnl_attr_put_strz(nlh, NFTA_RULE_TABLE, t->name);
	mnl_attr_put_strz(nlh, NFTA_RULE_CHAIN, c->name);
	err = nft_live_add_own_sets(&l->sets, l->f, c->table, &raw, prefix);
	if (!err)
		err = nft_original_put(nlh, &raw, prefix, 0);
	if (!err)
		err = nft_msg_attrs(nlh, v, NFTA_RULE_USERDATA);
	return err ? err : take_host_rule(l, nlh, v);
}

static int take_rule(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *v[NFTA_RULE_USERDATA + 1];
	const char *original;
	struct live *l = arg;
	int err = nft_msg_attrs(nlh, v, NFTA_RULE_USERDATA);

	if (err || !is_of(l, nlh, v))
		return err;
	original = original_of(l, v);
	err = original ? take_original(l, original) : -EBADMSG;
	if (err == -EBADMSG) {
		original = NULL;
		err = take_host_rule(l, nlh, v);
	}
	if (!err && !original && l->f->wants_originals &&
	    may_be_replaced(l->f, nft_live_last(&l->rule)))
		err = nft_original_write(nlh, &l->anonymous, &l->named,
					 &original);
	if (!err)
		nft_live_last(&l->rule)->original = original;
	return err;
}

/*
 * Chain by chain: in a dump of all rules, the kernel counts from the first one
 * again for each message.
 */
static int read_rules(struct live *l)
{
	int err = 0;

	for (size_t i = l->mark.chains; !err && i < l->f->n_chains; i++) {
		const struct host_chain *c = &l->f->chains[i];
		const struct foreign_table *t = &l->f->tables[c->table];
		struct nft_dump_of what = {
			.type = NFT_MSG_GETRULE, .family = t->family,
			.table = t->name, .chain = c->name,
		};

		l->chain = (uint32_t)i;
		err = nft_kept_rules(l->ctx, &what, take_rule, l);
	}
	return err;
}

static int dump_all(struct live *l, uint16_t type,
		    int (*take)(const struct nlmsghdr *nlh, void *arg))
{
	struct nft_dump_of what = { .type = type, .family = NFPROTO_UNSPEC };

	return nft_dump(l->ctx, &what, take, l);
}

/* Kernels without objects or flowtables have none. */
static int dump_young(struct live *l, uint16_t type,
		      int (*take)(const struct nlmsghdr *nlh, void *arg))
{
	int err = dump_all(l, type, take);

	return err == -EINVAL || err == -EOPNOTSUPP ? 0 : err;
}

/* Whose rules in nft's own words may be replaced. */
static bool is_native(void *arg, uint8_t family, const char *table)
{
	const struct live *l = arg;

	for (size_t i = 0; i < l->f->n_tables; i++) {
		const struct foreign_table *t = &l->f->tables[i];

		if (t->world == WORLD_NFT && t->family == family &&
		    !strcmp(t->name, table))
			return !t->ranked;
	}
	return false;
}

static int read_anonymous(struct live *l)
{
	return l->f->wants_originals ?
		       nft_anonymous_read(l->ctx, is_native, l,
					  &l->anonymous) : 0;
}

static int read_all(struct live *l)
{
	int err = dump_all(l, NFT_MSG_GETTABLE, take_table);

	if (!err)
		err = dump_all(l, NFT_MSG_GETCHAIN, take_chain);
	if (!err)
		err = dump_all(l, NFT_MSG_GETSET, take_set);
	if (!err)
		err = nft_live_read_elems(l->ctx, l->f, &l->sets);
	if (!err)
		err = read_anonymous(l);
	if (!err)
		err = dump_young(l, NFT_MSG_GETOBJ, take_object);
	if (!err)
		err = dump_young(l, NFT_MSG_GETFLOWTABLE, take_flowtable);
	return err ? err : read_rules(l);
}

static void live_release(struct live *l)
{
	nft_live_sets_release(&l->sets);
	nft_live_rule_release(&l->rule);
	nft_anonymous_release(&l->anonymous);
	nft_named_release(&l->named);
}

static int read_once(struct backend_ctx *ctx, void *arg)
{
	struct live *l = arg;
	int err = foreign_rewind(l->f, &l->mark);

	(void)ctx;
	live_release(l);
	l->rule = (struct live_rule){ .f = l->f, .sets = &l->sets };
	return err ? err : read_all(l);
}

int nft_read_live(struct backend_ctx *ctx, struct foreign *f, struct diags *d)
{
	_cleanup_(live_release) struct live l = {
		.ctx = ctx, .f = f, .mark = foreign_mark(f),
	};
	uint32_t generation;

	return nft_read_steady(ctx, read_once, &l, &generation, d);
}
