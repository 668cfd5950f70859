/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_compat_get.c: a rule in a table of iptables-nft, as the
 * arguments that iptables would show, and these as an image rule.
 *
 * It reads what any release of iptables-nft makes of ctpolicy's rules when it
 * restores a dump: shortened addresses, flags and types as nft's own
 * expressions, the comment in the rule's user data.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <libnftnl/expr.h>

#include "backends/nft/nft_compat.h"
#include "backends/nft/nft_netlink.h"
#include "backends/xtables/ipt_rule_args.h"
#include "backends/xtables/xt.h"
#include "core/mem.h"
#include "core/strbuf.h"

enum source { NOTHING, META, NETWORK, TRANSPORT };

struct reader {
	uint8_t family;
	struct ipt_args a;
	/* what the register holds */
	enum source from;
	uint32_t reg, key, len;		/* meta key, or the header's offset */
	uint8_t mask[16];
	bool masked;
	uint8_t proto;
	bool commented;
	bool ended;			/* there was a verdict */
	bool unknown;
	int err;
};

static void say(struct reader *r, const char *word)
{
	if (!r->err)
		r->err = ipt_args_add(&r->a, word);
}

static void say_number(struct reader *r, uint32_t n)
{
	if (!r->err)
		r->err = ipt_args_addf(&r->a, "%u", n);
}

static void say_option(struct reader *r, const char *name, bool negated)
{
	if (negated)
		say(r, "!");
	say(r, name);
}

static void read_meta(struct reader *r, const struct nftnl_expr *e)
{
	r->from = META;
	r->key = nftnl_expr_get_u32(e, NFTNL_EXPR_META_KEY);
	r->reg = nftnl_expr_get_u32(e, NFTNL_EXPR_META_DREG);
	r->masked = false;
	r->unknown |= !nftnl_expr_is_set(e, NFTNL_EXPR_META_DREG);
}

static void read_payload(struct reader *r, const struct nftnl_expr *e)
{
	uint32_t base = nftnl_expr_get_u32(e, NFTNL_EXPR_PAYLOAD_BASE);

	r->from = base == NFT_PAYLOAD_NETWORK_HEADER   ? NETWORK :
		  base == NFT_PAYLOAD_TRANSPORT_HEADER ? TRANSPORT :
							 NOTHING;
	r->key = nftnl_expr_get_u32(e, NFTNL_EXPR_PAYLOAD_OFFSET);
	r->len = nftnl_expr_get_u32(e, NFTNL_EXPR_PAYLOAD_LEN);
	r->reg = nftnl_expr_get_u32(e, NFTNL_EXPR_PAYLOAD_DREG);
	r->masked = false;
	r->unknown |= !nftnl_expr_is_set(e, NFTNL_EXPR_PAYLOAD_DREG);
}

static void read_bitwise(struct reader *r, const struct nftnl_expr *e)
{
	static const uint8_t zero[16];
	uint32_t len = 0, xor_len = 0;
	const void *mask = nftnl_expr_get(e, NFTNL_EXPR_BITWISE_MASK, &len);
	const void *flip = nftnl_expr_get(e, NFTNL_EXPR_BITWISE_XOR, &xor_len);

	if (!mask || len > sizeof(r->mask) || !flip || xor_len > sizeof(zero) ||
	    memcmp(flip, zero, xor_len) || r->masked ||
	    nftnl_expr_get_u32(e, NFTNL_EXPR_BITWISE_SREG) != r->reg) {
		r->unknown = true;
		return;
	}
	memset(r->mask, 0, sizeof(r->mask));
	memcpy(r->mask, mask, len);
	r->masked = true;
	r->reg = nftnl_expr_get_u32(e, NFTNL_EXPR_BITWISE_DREG);
}

/* A comparison: what the register holds and `d` of `len` bytes. */
struct test {
	const uint8_t *d;
	uint32_t len;
	bool negated;
};

static bool say_iface(struct reader *r, const char *opt, const struct test *t)
{
	size_t n = strnlen((const char *)t->d, t->len);

	if (r->masked || !n || t->len > 16)
		return false;
	say_option(r, opt, t->negated);
	if (!r->err)
		r->err = ipt_args_addf(&r->a, "%.*s%s", (int)n,
				       (const char *)t->d,
				       n == t->len ? "+" : "");
	return true;
}

static bool say_proto(struct reader *r, const struct test *t)
{
	if (r->masked || t->len != 1)
		return false;
	r->proto = t->d[0];
	say_option(r, "-p", t->negated);
	say_number(r, r->proto);
	return true;
}

/* The length of the prefix that is compared, -1: it is not one. */
static int prefix_len(const struct reader *r, uint32_t len)
{
	int n = 0;

	if (!r->masked)
		return (int)len * 8;
	while (n < (int)len * 8 && r->mask[n / 8] & 0x80 >> n % 8)
		n++;
	for (int i = n; i < (int)len * 8; i++)
		if (r->mask[i / 8] & 0x80 >> i % 8)
			return -1;
	return n;
}

static bool say_addr(struct reader *r, const char *opt, const struct test *t)
{
	int af = r->family == NFPROTO_IPV4 ? AF_INET : AF_INET6;
	uint8_t addr[16] = { 0 };
	char text[INET6_ADDRSTRLEN];
	int n = prefix_len(r, t->len);

	if (n < 0 || t->len != r->len || t->len > (af == AF_INET ? 4 : 16))
		return false;
	memcpy(addr, t->d, t->len);
	say_option(r, opt, t->negated);
	if (!r->err)
		r->err = ipt_args_addf(&r->a, "%s/%d",
				       inet_ntop(af, addr, text, sizeof(text)),
				       n);
	return true;
}

/* -f */
static bool say_fragment(struct reader *r, const struct test *t)
{
	if (t->len != 2 || t->d[0] || t->d[1] || !r->masked ||
	    r->mask[0] != 0x1f || r->mask[1] != 0xff)
		return false;
	say_option(r, "-f", !t->negated);
	return true;
}

static bool test_network(struct reader *r, const struct test *t)
{
	bool v4 = r->family == NFPROTO_IPV4;

	if (r->key == (v4 ? 12 : 8))
		return say_addr(r, "-s", t);
	if (r->key == (v4 ? 16 : 24))
		return say_addr(r, "-d", t);
	if (r->key == (v4 ? 9 : 6) && r->len == 1)
		return say_proto(r, t);
	return v4 && r->key == 6 && say_fragment(r, t);
}

static void say_flags(struct reader *r, uint8_t bits)
{
	static const char *const name[] = { "FIN", "SYN", "RST",
					    "PSH", "ACK", "URG" };
	_cleanup_(strbuf_release) struct strbuf b = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(name); i++)
		if (bits & 1 << i)
			strbuf_printf(&b, "%s%s", b.n ? "," : "", name[i]);
	if (!b.n)
		strbuf_puts(&b, "NONE");
	if (strbuf_status(&b))
		r->err = -ENOMEM;
	else
		say(r, strbuf_str(&b));
}

/* -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN */
static bool say_tcp_flags(struct reader *r, const struct test *t)
{
	say(r, "-m");
	say(r, "tcp");
	say_option(r, "--tcp-flags", t->negated);
	say_flags(r, r->masked ? r->mask[0] : 0x3f);
	say_flags(r, t->d[0]);
	return true;
}

/* -m icmp --icmp-type 3, -m udp --dport 53 */
static bool say_plain(struct reader *r, const char *module, const char *opt,
		      uint32_t value, bool negated)
{
	say(r, "-m");
	say(r, module);
	say_option(r, opt, negated);
	say_number(r, value);
	return true;
}

static bool test_transport(struct reader *r, const struct test *t)
{
	const char *module = protocol_name(r->proto);

	if (r->key == 13 && t->len == 1 && r->proto == IPPROTO_TCP)
		return say_tcp_flags(r, t);
	if (r->masked)
		return false;
	if (r->key == 0 && t->len == 1 && r->proto == IPPROTO_ICMP)
		return say_plain(r, "icmp", "--icmp-type", t->d[0],
				 t->negated);
	if (r->key == 0 && t->len == 1 && r->proto == IPPROTO_ICMPV6)
		return say_plain(r, "icmp6", "--icmpv6-type", t->d[0],
				 t->negated);
	if ((r->key == 0 || r->key == 2) && t->len == 2 && module)
		return say_plain(r, module, r->key ? "--dport" : "--sport",
				 (uint32_t)(t->d[0] << 8 | t->d[1]),
				 t->negated);
	return false;
}

static bool test_meta(struct reader *r, const struct test *t)
{
	switch (r->key) {
	case NFT_META_IIFNAME:
		return say_iface(r, "-i", t);
	case NFT_META_OIFNAME:
		return say_iface(r, "-o", t);
	case NFT_META_L4PROTO:
		return say_proto(r, t);
	default:
		return false;
	}
}

static void read_cmp(struct reader *r, const struct nftnl_expr *e)
{
	static bool (*const test[])(struct reader *r, const struct test *t) = {
		[META] = test_meta,
		[NETWORK] = test_network,
		[TRANSPORT] = test_transport,
	};
	uint32_t op = nftnl_expr_get_u32(e, NFTNL_EXPR_CMP_OP);
	struct test t = { .negated = op == NFT_CMP_NEQ };

	t.d = nftnl_expr_get(e, NFTNL_EXPR_CMP_DATA, &t.len);
	if (!t.d || !t.len || r->from == NOTHING ||
	    (op != NFT_CMP_EQ && op != NFT_CMP_NEQ) ||
	    nftnl_expr_get_u32(e, NFTNL_EXPR_CMP_SREG) != r->reg ||
	    !test[r->from](r, &t))
		r->unknown = true;
}

static void say_blob(struct reader *r, bool is_target, const char *name,
		     uint8_t rev, const void *info, uint32_t len)
{
	_cleanup_(ipt_args_release) struct ipt_args a = { 0 };
	_cleanup_(diags_release) struct diags quiet = { 0 };
	int err = name ? xt_init(&quiet) : -EINVAL;

	if (!err)
		err = xt_blob_args(r->family, is_target, name, rev, info, len,
				   &a);
	for (size_t i = 0; !err && i < a.n; i++)
		say(r, a.v[i]);
	if (err == -ENOMEM)
		r->err = err;
	r->unknown |= err;
}

static void read_match(struct reader *r, const struct nftnl_expr *e)
{
	const char *name = nftnl_expr_get_str(e, NFTNL_EXPR_MT_NAME);
	uint32_t len = 0;
	const void *info = nftnl_expr_get(e, NFTNL_EXPR_MT_INFO, &len);

	r->commented |= name && !strcmp(name, "comment");
	say_blob(r, false, name,
		 (uint8_t)nftnl_expr_get_u32(e, NFTNL_EXPR_MT_REV), info, len);
}

static void read_target(struct reader *r, const struct nftnl_expr *e)
{
	uint32_t len = 0;
	const void *info = nftnl_expr_get(e, NFTNL_EXPR_TG_INFO, &len);

	say_blob(r, true, nftnl_expr_get_str(e, NFTNL_EXPR_TG_NAME),
		 (uint8_t)nftnl_expr_get_u32(e, NFTNL_EXPR_TG_REV), info, len);
	r->ended = true;
}

static void read_counter(struct reader *r, const struct nftnl_expr *e)
{
	(void)r;
	(void)e;
}

static void read_immediate(struct reader *r, const struct nftnl_expr *e)
{
	const char *chain = nftnl_expr_get_str(e, NFTNL_EXPR_IMM_CHAIN);
	const char *word = NULL;
	int code = (int)nftnl_expr_get_u32(e, NFTNL_EXPR_IMM_VERDICT);

	if (nftnl_expr_get_u32(e, NFTNL_EXPR_IMM_DREG) == NFT_REG_VERDICT)
		word = code == NF_ACCEPT   ? "ACCEPT" :
		       code == NF_DROP	   ? "DROP" :
		       code == NFT_RETURN  ? "RETURN" :
		       code == NFT_JUMP ||
				code == NFT_GOTO ? chain :
						   NULL;
	if (!word) {
		r->unknown = true;
		return;
	}
	r->ended = true;
	say(r, code == NFT_GOTO ? "-g" : "-j");
	say(r, word);
}

static int read_expr(struct nftnl_expr *e, void *data)
{
	static const struct {
		const char *name;
		void (*read)(struct reader *r, const struct nftnl_expr *e);
	} v[] = {
		{ "bitwise", read_bitwise },	 { "cmp", read_cmp },
		{ "counter", read_counter },	 { "match", read_match },
		{ "immediate", read_immediate }, { "meta", read_meta },
		{ "payload", read_payload },	 { "target", read_target },
	};
	const char *name = nftnl_expr_get_str(e, NFTNL_EXPR_NAME);
	struct reader *r = data;

	for (size_t i = 0; name && !r->ended && i < ARRAY_SIZE(v); i++)
		if (!strcmp(v[i].name, name)) {
			v[i].read(r, e);
			return 0;
		}
	r->unknown = true;
	return 0;
}

/* As iptables-nft 1.8.2 keeps it. */
static void take_comment(struct reader *r, const struct nftnl_rule *nr)
{
	char buf[COMMENT_MAX + 1];
	uint32_t len = 0;
	const void *u = nftnl_rule_get_data(nr, NFTNL_RULE_USERDATA, &len);
	const char *c = u ? nft_udata_comment(u, len, buf, sizeof(buf)) : NULL;

	if (!c || r->commented)
		return;
	say(r, "-m");
	say(r, "comment");
	say(r, "--comment");
	say(r, c);
}

static void reader_release(struct reader *r)
{
	ipt_args_release(&r->a);
}

int nft_compat_decode(struct image *img, const struct image_table *t,
		      struct nftnl_rule *nr, struct image_rule *ret)
{
	_cleanup_(reader_release) struct reader r = { .family = t->family };
	uint64_t handle = nftnl_rule_get_u64(nr, NFTNL_RULE_HANDLE);
	int err;

	nftnl_expr_foreach(nr, read_expr, &r);
	take_comment(&r, nr);
	if (r.err)
		return r.err;
	*ret = (struct image_rule){ .verdict = VERDICT_UNKNOWN };
	if (r.unknown) {
		ret->match.family = nft_table_af(t->family);
		ret->unknown = nft_rule_describe(nr);
		err = ret->unknown ? 0 : -ENOMEM;
	} else {
		err = ipt_args_decode(&r.a, t->family, NULL, nft_name_is_own,
				      img, ret);
	}
	ret->handle = handle;
	return err;
}
