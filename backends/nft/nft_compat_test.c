/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/nft/nft_compat_test.c: comparisons as options of iptables. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "backends/nft/nft_compat_reader.h"
#include "backends/nft/nft_netlink.h"
#include "core/mem.h"
#include "core/strbuf.h"

/* A comparison: what the register holds and `d` of `len` bytes. */
struct test {
	const uint8_t *d;
	uint32_t len;
	bool negated;
};

static bool say_iface(struct nft_reading *r, const char *opt,
		      const struct test *t)
{
	size_t n = strnlen((const char *)t->d, t->len);

	if (r->masked || !n || t->len > 16)
		return false;
	nft_compat_say_option(r, opt, t->negated);
	if (!r->err)
		r->err = ipt_args_addf(&r->a, "%.*s%s", (int)n,
				       (const char *)t->d,
				       n == t->len ? "+" : "");
	return true;
}

static bool say_proto(struct nft_reading *r, const struct test *t)
{
	if (r->masked || t->len != 1)
		return false;
	r->proto = t->d[0];
	nft_compat_say_option(r, "-p", t->negated);
	nft_compat_say_number(r, r->proto);
	return true;
}

/* The length of the prefix that is compared, -1: it is not one. */
static int prefix_len(const struct nft_reading *r, uint32_t len)
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

static bool say_addr(struct nft_reading *r, const char *opt,
		     const struct test *t)
{
	int af = r->family == NFPROTO_IPV4 ? AF_INET : AF_INET6;
	uint8_t addr[16] = { 0 };
	char text[INET6_ADDRSTRLEN];
	int n = prefix_len(r, t->len);

	if (n < 0 || t->len != r->len || t->len > addr_bytes(af))
		return false;
	memcpy(addr, t->d, t->len);
	nft_compat_say_option(r, opt, t->negated);
	if (!r->err)
		r->err = ipt_args_addf(&r->a, "%s/%d",
				       inet_ntop(af, addr, text, sizeof(text)),
				       n);
	return true;
}

/* -f */
static bool say_fragment(struct nft_reading *r, const struct test *t)
{
	if (t->len != 2 || t->d[0] || t->d[1] || !r->masked ||
	    r->mask[0] != 0x1f || r->mask[1] != 0xff)
		return false;
	nft_compat_say_option(r, "-f", !t->negated);
	return true;
}

static bool test_network(struct nft_reading *r, const struct test *t)
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

static void say_flags(struct nft_reading *r, uint8_t bits)
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
		nft_compat_say(r, strbuf_str(&b));
}

/* -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN */
static bool say_tcp_flags(struct nft_reading *r, const struct test *t)
{
	nft_compat_say(r, "-m");
	nft_compat_say(r, "tcp");
	nft_compat_say_option(r, "--tcp-flags", t->negated);
	say_flags(r, r->masked ? r->mask[0] : 0x3f);
	say_flags(r, t->d[0]);
	return true;
}

/* -m icmp --icmp-type 3, -m udp --dport 53 */
static bool say_plain(struct nft_reading *r, const char *module,
		      const char *opt, uint32_t value, bool negated)
{
	nft_compat_say(r, "-m");
	nft_compat_say(r, module);
	nft_compat_say_option(r, opt, negated);
	nft_compat_say_number(r, value);
	return true;
}

static bool test_transport(struct nft_reading *r, const struct test *t)
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

/* -m mark ! --mark 0x1/0xff */
static bool say_mark(struct nft_reading *r, const struct test *t)
{
	uint32_t value, mask = UINT32_MAX;

	if (t->len != sizeof(value))
		return false;
	memcpy(&value, t->d, sizeof(value));
	if (r->masked)
		memcpy(&mask, r->mask, sizeof(mask));
	nft_compat_say(r, "-m");
	nft_compat_say(r, "mark");
	nft_compat_say_option(r, "--mark", t->negated);
	if (!r->err)
		r->err = ipt_args_addf(&r->a, "0x%x/0x%x", value, mask);
	return true;
}

static bool test_meta(struct nft_reading *r, const struct test *t)
{
	switch (r->key) {
	case NFT_META_IIFNAME:
		return say_iface(r, "-i", t);
	case NFT_META_OIFNAME:
		return say_iface(r, "-o", t);
	case NFT_META_L4PROTO:
		return say_proto(r, t);
	case NFT_META_MARK:
		return say_mark(r, t);
	default:
		return false;
	}
}

void nft_compat_read_cmp(struct nft_reading *r, const struct nftnl_expr *e)
{
	static bool (*const test[])(struct nft_reading *r,
				    const struct test *t) = {
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

static bool read_port(const void *v, uint32_t len, uint16_t *ret)
{
	const uint8_t *b = v;

	if (!b || len != 2)
		return false;
	*ret = (uint16_t)(b[0] << 8 | b[1]);
	return true;
}

/* -m tcp --dport 9000:9005 */
void nft_compat_read_range(struct nft_reading *r, const struct nftnl_expr *e)
{
	uint32_t len = 0, end_len = 0;
	const void *first = nftnl_expr_get(e, NFTNL_EXPR_RANGE_FROM_DATA, &len);
	const void *last = nftnl_expr_get(e, NFTNL_EXPR_RANGE_TO_DATA,
					  &end_len);
	const char *module = protocol_name(r->proto);
	uint16_t from, to;

	if (r->from != TRANSPORT || r->masked || r->len != 2 ||
	    (r->key != 0 && r->key != 2) || !module ||
	    nftnl_expr_get_u32(e, NFTNL_EXPR_RANGE_SREG) != r->reg ||
	    !read_port(first, len, &from) || !read_port(last, end_len, &to)) {
		r->unknown = true;
		return;
	}
	nft_compat_say(r, "-m");
	nft_compat_say(r, module);
	nft_compat_say_option(r, r->key ? "--dport" : "--sport",
		   nftnl_expr_get_u32(e, NFTNL_EXPR_RANGE_OP) ==
			   NFT_RANGE_NEQ);
	if (!r->err)
		r->err = ipt_args_addf(&r->a, "%u:%u", from, to);
}

/* -m limit --limit 5/minute --limit-burst 3 */
void nft_compat_read_limit(struct nft_reading *r, const struct nftnl_expr *e)
{
	static const struct {
		uint64_t seconds;
		const char *word;
	} units[] = {
		{ 1, "second" }, { 60, "minute" }, { 60 * 60, "hour" },
		{ 24 * 60 * 60, "day" },
	};
	uint64_t unit = nftnl_expr_get_u64(e, NFTNL_EXPR_LIMIT_UNIT);
	uint64_t rate = nftnl_expr_get_u64(e, NFTNL_EXPR_LIMIT_RATE);
	size_t i = 0;

	while (i < ARRAY_SIZE(units) && units[i].seconds != unit)
		i++;
	if (i == ARRAY_SIZE(units) ||
	    nftnl_expr_get_u32(e, NFTNL_EXPR_LIMIT_TYPE) != NFT_LIMIT_PKTS ||
	    nftnl_expr_get_u32(e, NFTNL_EXPR_LIMIT_FLAGS)) {
		r->unknown = true;
		return;
	}
	nft_compat_say(r, "-m");
	nft_compat_say(r, "limit");
	nft_compat_say(r, "--limit");
	if (!r->err)
		r->err = ipt_args_addf(&r->a, "%llu/%s",
				       (unsigned long long)rate,
				       units[i].word);
	nft_compat_say(r, "--limit-burst");
	nft_compat_say_number(r, nftnl_expr_get_u32(e, NFTNL_EXPR_LIMIT_BURST));
}
