/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/fuzz/fuzz_nft_rules.c: any tables, sets and rules as what the kernel's
 * nf_tables hold, to all that reads them. A rule of ctpolicy's that is
 * understood is the same again when it was written and read once more.
 *
 * The linker puts the dumps of this file in the place of the socket's.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <linux/netfilter.h>

#include "backends/nft/nft_kernel.h"
#include "core/mem.h"
#include "rules/foreign.h"
#include "rules/walk.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/fuzz_nft_rules.h"

#define MESSAGES 64
#define ROOM 8192

static struct {
	_Alignas(8) uint8_t buf[ROOM];
	const char *table, *set;	/* of elements */
} kernel[MESSAGES];
static size_t n_kernel;

int __wrap_nft_dump(struct backend_ctx *ctx, const struct nft_dump_of *what,
		    int (*cb)(const struct nlmsghdr *nlh, void *arg),
		    void *arg);
int __wrap_nft_generation(struct backend_ctx *ctx, uint32_t *ret);
int __wrap_usleep(useconds_t us);

/* A message of the kernel's is one less than the request for it. */
int __wrap_nft_dump(struct backend_ctx *ctx, const struct nft_dump_of *what,
		    int (*cb)(const struct nlmsghdr *nlh, void *arg), void *arg)
{
	int err = 0;

	(void)ctx;
	for (size_t i = 0; !err && i < n_kernel; i++) {
		const struct nlmsghdr *nlh = (const void *)kernel[i].buf;

		if (NFNL_MSG_TYPE(nlh->nlmsg_type) + 1 != what->type)
			continue;
		if (what->set && (strcmp(kernel[i].set, what->set) ||
				  strcmp(kernel[i].table, what->table) ||
				  nft_msg_family(nlh) != what->family))
			continue;
		err = cb(nlh, arg);
	}
	return err;
}

int __wrap_nft_generation(struct backend_ctx *ctx, uint32_t *ret)
{
	(void)ctx;
	*ret = 1;
	return 0;
}

int __wrap_usleep(useconds_t us)
{
	(void)us;
	return 0;
}

/* One more message; NULL: the kernel is full. */
static struct nlmsghdr *begin(uint16_t type, uint8_t family)
{
	if (n_kernel == MESSAGES)
		return NULL;
	return nft_msg_put(kernel[n_kernel++].buf,
			   (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type), 0,
			   family, 1);
}

struct place {
	uint8_t family;
	const char *table;
};

static void add_table(struct fuzz_input *in, const struct place *at)
{
	struct nlmsghdr *nlh = begin(NFT_MSG_NEWTABLE, at->family);

	if (!nlh)
		return;
	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, at->table);
	mnl_attr_put_u32(nlh, NFTA_TABLE_FLAGS,
			 htonl(fuzz_take(in) % 8 ? 0 : fuzz_take(in) % 8));
}

static void add_chain(struct fuzz_input *in, const struct place *at)
{
	static const char *const types[] = { "filter", "nat", "route" };
	struct nlmsghdr *nlh = begin(NFT_MSG_NEWCHAIN, at->family);
	struct nlattr *hook;
	uint8_t b;

	if (!nlh)
		return;
	mnl_attr_put_strz(nlh, NFTA_CHAIN_TABLE, at->table);
	mnl_attr_put_strz(nlh, NFTA_CHAIN_NAME, fuzz_nft_chain_name(in));
	b = fuzz_take(in);
	if (b % 4 == 0)
		return;
	hook = mnl_attr_nest_start(nlh, NFTA_CHAIN_HOOK);
	mnl_attr_put_u32(nlh, NFTA_HOOK_HOOKNUM, htonl(b / 4 % 6));
	mnl_attr_put_u32(nlh, NFTA_HOOK_PRIORITY,
			 htonl(b / 32 % 2 ? 0 : (uint32_t)-300));
	mnl_attr_nest_end(nlh, hook);
	mnl_attr_put_u32(nlh, NFTA_CHAIN_POLICY, htonl(b / 64 % 2));
	mnl_attr_put_strz(nlh, NFTA_CHAIN_TYPE,
			  types[fuzz_take(in) % ARRAY_SIZE(types)]);
}

static void add_elems(struct fuzz_input *in, const struct place *at,
		      const char *set, uint32_t len, bool maps)
{
	struct nlmsghdr *nlh = begin(NFT_MSG_NEWSETELEM, at->family);
	struct nlattr *all, *one, *key;
	uint8_t n = fuzz_take(in) % 6, value[64];

	if (!nlh)
		return;
	kernel[n_kernel - 1].table = at->table;
	kernel[n_kernel - 1].set = set;
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, at->table);
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, set);
	all = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_LIST_ELEMENTS);
	for (uint8_t i = 0; i < n; i++) {
		uint8_t b = fuzz_take(in);

		one = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
		key = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_KEY);
		fuzz_fill(in, value, sizeof(value));
		mnl_attr_put(nlh, NFTA_DATA_VALUE, len, value);
		mnl_attr_nest_end(nlh, key);
		if (b & 1)
			mnl_attr_put_u32(nlh, NFTA_SET_ELEM_FLAGS,
					 htonl(b >> 1 & 3));
		if (maps) {
			key = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_DATA);
			fuzz_nft_verdict(in, nlh, NFTA_DATA_VERDICT);
			mnl_attr_nest_end(nlh, key);
		}
		if (b & 8)
			fuzz_nft_expr(in, nlh, NFTA_SET_ELEM_EXPR);
		mnl_attr_nest_end(nlh, one);
	}
	mnl_attr_nest_end(nlh, all);
}

static void add_set(struct fuzz_input *in, const struct place *at)
{
	/* nft's numbers of types, and their lengths */
	static const struct { uint32_t type, len; } keys[] = {
		{ 13, 2 }, { 7, 4 }, { 8, 16 }, { 13 << 6 | 7, 8 },
		{ 13 << 6 | 8, 20 }, { 41, 16 }, { 26, 4 }, { 12, 1 },
		{ 13, 4 },
	};
	static const uint32_t flags[] = { 0, 4, 1 | 2, 4 | 0x80, 8, 8 | 4, 16,
					  1 | 2 | 4 };
	struct nlmsghdr *nlh = begin(NFT_MSG_NEWSET, at->family);
	const char *name = fuzz_nft_set_name(in);
	size_t k = fuzz_take(in) % ARRAY_SIZE(keys);
	uint32_t f = flags[fuzz_take(in) % ARRAY_SIZE(flags)];
	bool maps = f & NFT_SET_MAP;

	if (!nlh)
		return;
	mnl_attr_put_strz(nlh, NFTA_SET_TABLE, at->table);
	mnl_attr_put_strz(nlh, NFTA_SET_NAME, name);
	mnl_attr_put_u32(nlh, NFTA_SET_FLAGS, htonl(f));
	mnl_attr_put_u32(nlh, NFTA_SET_KEY_TYPE, htonl(keys[k].type));
	mnl_attr_put_u32(nlh, NFTA_SET_KEY_LEN, htonl(keys[k].len));
	if (maps) {
		mnl_attr_put_u32(nlh, NFTA_SET_DATA_TYPE,
				 htonl(NFT_DATA_VERDICT));
		mnl_attr_put_u32(nlh, NFTA_SET_DATA_LEN, htonl(16));
	}
	for (uint8_t i = fuzz_take(in) % 3; i; i--)
		add_elems(in, at, name, keys[k].len, maps);
}

static void add_rule(struct fuzz_input *in, const struct place *at)
{
	static const char comment[] = "\0\4web";
	struct nlmsghdr *nlh = begin(NFT_MSG_NEWRULE, at->family);
	struct nlattr *all;

	if (!nlh)
		return;
	mnl_attr_put_strz(nlh, NFTA_RULE_TABLE, at->table);
	mnl_attr_put_strz(nlh, NFTA_RULE_CHAIN, fuzz_nft_chain_name(in));
	mnl_attr_put_u64(nlh, NFTA_RULE_HANDLE, n_kernel);
	all = mnl_attr_nest_start(nlh, NFTA_RULE_EXPRESSIONS);
	fuzz_nft_exprs(in, nlh);
	mnl_attr_nest_end(nlh, all);
	if (fuzz_take(in) % 2)
		mnl_attr_put(nlh, NFTA_RULE_USERDATA, sizeof(comment),
			     comment);
}

static void fill_kernel(struct fuzz_input *in)
{
	static const struct place places[] = {
		{ NFPROTO_INET, NFT_OWN_TABLE }, { NFPROTO_IPV4, "filter" },
		{ NFPROTO_INET, "t" }, { NFPROTO_IPV6, "nat" },
		{ NFPROTO_ARP, "filter" }, { NFPROTO_NETDEV, "t" },
	};
	static void (*const adders[])(struct fuzz_input *in,
				      const struct place *at) = {
		add_chain, add_set, add_rule, add_rule, add_rule,
	};

	n_kernel = 0;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		add_table(in, &places[i]);
	while (in->n && n_kernel < MESSAGES) {
		uint8_t b = fuzz_take(in);

		adders[b % ARRAY_SIZE(adders)](in,
			&places[b / 8 % ARRAY_SIZE(places)]);
	}
}

static void read_as_foreign(struct backend_ctx *ctx)
{
	_cleanup_(foreign_free) struct foreign *f = calloc(1, sizeof(*f));
	_cleanup_(diags_release) struct diags d = { 0 };
	struct walker *w = NULL;

	MUST(f);
	f->wants_terms = true;
	if (!nft_read_live(ctx, f, &d))
		MUST(!walker_new(f, &w));
	walker_free(&w);
}

static void look(struct backend_ctx *ctx)
{
	_cleanup_(snapshot_release) struct snapshot snap = { 0 };
	_cleanup_(diags_release) struct diags d = { 0 };

	if (nft_snapshot(ctx, &snap, &d))
		return;
	MUST(snap.image);
}

static void __attribute__((noreturn)) complain(uint8_t family,
					       const struct image_rule *one,
					       const struct image_rule *other)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };

	nft_print_rule(family, one, &b);
	strbuf_puts(&b, "\n");
	nft_print_rule(family, other, &b);
	fprintf(stderr, "not the same again:\n%s\n%s\n", strbuf_str(&b),
		other->unknown ? other->unknown : "");
	abort();
}

/* Written as ctpolicy writes it, and read once more. */
static void again(struct image *img, const struct image_table *t,
		  const struct image_rule *r)
{
	_Alignas(8) uint8_t buf[ROOM];
	struct image_rule back = { 0 };
	struct nftnl_rule *out = NULL;
	struct nlmsghdr *nlh;

	MUST(!nft_rule_encode(t, "prerouting", r, &out, NULL));
	nlh = nft_msg_put(buf, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWRULE, 0,
			  t->family, 1);
	nftnl_rule_nlmsg_build_payload(nlh, out);
	nftnl_rule_free(out);
	MUST(!nft_rule_decode(img, t, nlh, &back));
	if (!image_rule_equal(r, &back))
		complain(t->family, r, &back);
	image_rule_release(&back);
}

static void add_own_set(struct image_table *t, const struct nlmsghdr *nlh)
{
	const struct nlattr *v[NFTA_SET_EXPRESSIONS + 1];
	struct image_set *s;

	if (NFNL_MSG_TYPE(nlh->nlmsg_type) != NFT_MSG_NEWSET ||
	    nft_msg_family(nlh) != t->family ||
	    nft_msg_attrs(nlh, v, NFTA_SET_EXPRESSIONS) ||
	    image_find_set(t, nft_attr_str(v[NFTA_SET_NAME])))
		return;
	s = image_add_set(t, nft_attr_str(v[NFTA_SET_NAME]));
	MUST(s);
	if (nft_set_decode(v, s))
		image_set_mark_unknown(s);
}

/* All rules, as if they were ctpolicy's, in tables of all families. */
static void read_as_own(uint8_t family)
{
	_cleanup_(image_free) struct image *img = image_new();
	struct image_table *t = img ? image_add_table(img, family, "filter") :
				      NULL;

	MUST(t);
	for (size_t i = 0; i < n_kernel; i++)
		add_own_set(t, (const void *)kernel[i].buf);
	for (size_t i = 0; i < n_kernel; i++) {
		const struct nlmsghdr *nlh = (const void *)kernel[i].buf;
		struct image_rule r = { 0 };

		if (NFNL_MSG_TYPE(nlh->nlmsg_type) != NFT_MSG_NEWRULE ||
		    nft_rule_decode(img, t, nlh, &r))
			continue;
		if (r.verdict != VERDICT_UNKNOWN)
			again(img, t, &r);
		image_rule_release(&r);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	struct backend_ctx ctx = { 0 };

	fill_kernel(&in);
	read_as_foreign(&ctx);
	look(&ctx);
	read_as_own(NFPROTO_INET);
	read_as_own(NFPROTO_IPV4);
	nft_world_release(&ctx.world);
	return 0;
}
