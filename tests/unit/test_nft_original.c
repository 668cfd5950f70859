/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_nft_original.c: a rule of the host's goes to disk and comes
 * back as it was; what is no rule does not.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backends/nft/nft_original.h"
#include "core/mem.h"

#define ROOM 16384

struct msg {
	_Alignas(8) char bytes[ROOM];
};

static struct nlmsghdr *begin(struct msg *m)
{
	struct nlmsghdr *nlh;

	memset(m, 0, sizeof(*m));
	nlh = nft_msg_put(m->bytes, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWRULE,
			  0, NFPROTO_IPV4, 0);
	mnl_attr_put_strz(nlh, NFTA_RULE_TABLE, "filter");
	mnl_attr_put_strz(nlh, NFTA_RULE_CHAIN, "INPUT");
	return nlh;
}

struct open_expr {
	struct nlattr *elem, *data;
};

static struct open_expr open_expr(struct nlmsghdr *nlh, const char *name)
{
	struct open_expr e = {
		.elem = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM),
	};

	mnl_attr_put_strz(nlh, NFTA_EXPR_NAME, name);
	e.data = mnl_attr_nest_start(nlh, NFTA_EXPR_DATA);
	return e;
}

static void close_expr(struct nlmsghdr *nlh, struct open_expr e)
{
	mnl_attr_nest_end(nlh, e.data);
	mnl_attr_nest_end(nlh, e.elem);
}

static void put_proto(struct nlmsghdr *nlh, uint8_t proto, uint32_t op)
{
	struct open_expr e = open_expr(nlh, "meta");
	struct nlattr *value;

	mnl_attr_put_u32(nlh, NFTA_META_KEY, htonl(NFT_META_L4PROTO));
	mnl_attr_put_u32(nlh, NFTA_META_DREG, htonl(NFT_REG_1));
	close_expr(nlh, e);
	e = open_expr(nlh, "cmp");
	mnl_attr_put_u32(nlh, NFTA_CMP_SREG, htonl(NFT_REG_1));
	mnl_attr_put_u32(nlh, NFTA_CMP_OP, htonl(op));
	value = mnl_attr_nest_start(nlh, NFTA_CMP_DATA);
	mnl_attr_put(nlh, NFTA_DATA_VALUE, 1, &proto);
	mnl_attr_nest_end(nlh, value);
	close_expr(nlh, e);
}

static void put_counter(struct nlmsghdr *nlh, uint64_t packets)
{
	struct open_expr e = open_expr(nlh, "counter");

	mnl_attr_put_u64(nlh, NFTA_COUNTER_PACKETS, packets);
	close_expr(nlh, e);
}

static void put_jump(struct nlmsghdr *nlh, const char *chain)
{
	struct open_expr e = open_expr(nlh, "immediate");
	struct nlattr *data, *verdict;

	mnl_attr_put_u32(nlh, NFTA_IMMEDIATE_DREG, htonl(NFT_REG_VERDICT));
	data = mnl_attr_nest_start(nlh, NFTA_IMMEDIATE_DATA);
	verdict = mnl_attr_nest_start(nlh, NFTA_DATA_VERDICT);
	mnl_attr_put_u32(nlh, NFTA_VERDICT_CODE, htonl((uint32_t)NFT_JUMP));
	mnl_attr_put_strz(nlh, NFTA_VERDICT_CHAIN, chain);
	mnl_attr_nest_end(nlh, verdict);
	mnl_attr_nest_end(nlh, data);
	close_expr(nlh, e);
}

static struct nlmsghdr *rule(struct msg *m, uint32_t op, uint64_t packets)
{
	struct nlmsghdr *nlh = begin(m);
	struct nlattr *list = mnl_attr_nest_start(nlh, NFTA_RULE_EXPRESSIONS);

	put_proto(nlh, IPPROTO_TCP, op);
	put_counter(nlh, packets);
	put_jump(nlh, "elsewhere");
	mnl_attr_nest_end(nlh, list);
	mnl_attr_put(nlh, NFTA_RULE_USERDATA, 5, "\0\3abc");
	return nlh;
}

static const struct nft_anonymous no_sets;
static const struct nft_named no_named;

/* Back into a message. */
static int put(struct nlmsghdr *nlh, const char *text)
{
	_cleanup_(nft_raw_release) struct nft_raw r = { 0 };
	int err = nft_raw_parse(text, &r);

	return err ? err : nft_original_put(nlh, &r, NULL, 0);
}

static void assert_same(const struct nlattr *a, const struct nlattr *b)
{
	assert_non_null(a);
	assert_non_null(b);
	assert_int_equal(mnl_attr_get_payload_len(a),
			 mnl_attr_get_payload_len(b));
	assert_memory_equal(mnl_attr_get_payload(a), mnl_attr_get_payload(b),
			    mnl_attr_get_payload_len(a));
}

static char here[] = "here", elsewhere[] = "elsewhere";

static bool is_there(void *arg, const char *chain)
{
	return !strcmp(arg, chain);
}

static void test_comes_back(void **unused)
{
	const struct nlattr *v[NFTA_RULE_USERDATA + 1];
	const struct nlattr *w[NFTA_RULE_USERDATA + 1];
	const struct nlattr *compat[3];
	struct msg m, back;
	const char *text, *chain;

	(void)unused;
	for (uint32_t op = NFT_CMP_EQ; op <= NFT_CMP_NEQ; op++) {
		struct nlmsghdr *nlh = rule(&m, op, 7), *to = begin(&back);

		assert_int_equal(nft_original_write(nlh, &no_sets, &no_named,
						    &text), 0);
		assert_non_null(text);
		assert_int_equal(put(to, text), 0);
		assert_int_equal(nft_msg_attrs(nlh, v, NFTA_RULE_USERDATA), 0);
		assert_int_equal(nft_msg_attrs(to, w, NFTA_RULE_USERDATA), 0);
		assert_same(v[NFTA_RULE_EXPRESSIONS],
			    w[NFTA_RULE_EXPRESSIONS]);
		assert_same(v[NFTA_RULE_USERDATA], w[NFTA_RULE_USERDATA]);
		assert_int_equal(nft_nest_attrs(w[NFTA_RULE_COMPAT], compat,
						2), 0);
		assert_int_equal(nft_attr_u32(compat[1]), IPPROTO_TCP);
		assert_int_equal(nft_attr_u32(compat[2]),
				 op == NFT_CMP_NEQ ? 2 : 0);
		assert_string_equal(nft_original_target(
			w[NFTA_RULE_EXPRESSIONS]), "elsewhere");
		assert_int_equal(nft_original_lacks(text, is_there, elsewhere,
						    &chain), 0);
		assert_null(chain);
		assert_int_equal(nft_original_lacks(text, is_there, here,
						    &chain), 0);
		assert_string_equal(chain, "elsewhere");
	}
}

static void test_counters_do_not_tell(void **unused)
{
	uint64_t a, b, c, saved;
	struct msg m;
	const char *text;

	(void)unused;
	assert_int_equal(nft_original_write(rule(&m, NFT_CMP_EQ, 7), &no_sets,
					    &no_named,
					    &text),
			 0);
	assert_int_equal(nft_original_digest(text, &saved), 0);
	assert_int_equal(nft_original_digest_of(rule(&m, NFT_CMP_EQ, 7),
						&no_sets, &a),
			 0);
	assert_int_equal(nft_original_digest_of(rule(&m, NFT_CMP_EQ, 9),
						&no_sets, &b),
			 0);
	assert_int_equal(nft_original_digest_of(rule(&m, NFT_CMP_NEQ, 7),
						&no_sets, &c),
			 0);
	assert_true(a == saved && a == b && a != c);
}

static struct nlmsghdr *looks_up(struct msg *m, const char *set)
{
	struct nlmsghdr *nlh = begin(m);
	struct nlattr *list = mnl_attr_nest_start(nlh, NFTA_RULE_EXPRESSIONS);
	struct open_expr e = open_expr(nlh, "lookup");

	mnl_attr_put_strz(nlh, NFTA_LOOKUP_SET, set);
	mnl_attr_put_u32(nlh, NFTA_LOOKUP_SREG, htonl(NFT_REG_1));
	close_expr(nlh, e);
	mnl_attr_nest_end(nlh, list);
	return nlh;
}

static void add_key(struct nft_bytes *to, uint16_t key)
{
	_cleanup_(nft_bytes_release) struct nft_bytes in = { 0 }, one = { 0 };

	key = htons(key);
	assert_int_equal(nft_bytes_attr(&one, NFTA_DATA_VALUE, &key,
					sizeof(key)), 0);
	assert_int_equal(nft_bytes_attr(&in, NFTA_SET_ELEM_KEY, one.v, one.n),
			 0);
	assert_int_equal(nft_bytes_attr(to, NFTA_LIST_ELEM, in.v, in.n), 0);
}

static struct nft_anonymous one_set(const char *name, uint16_t a, uint16_t b)
{
	static struct nft_anonymous_set set;
	uint32_t flags = htonl(NFT_SET_ANONYMOUS | NFT_SET_CONSTANT);

	nft_raw_set_release(&set.raw);
	set.family = NFPROTO_IPV4;
	set.table = "filter";
	set.name = name;
	assert_int_equal(nft_bytes_attr(&set.raw.set, NFTA_SET_FLAGS, &flags,
					sizeof(flags)), 0);
	add_key(&set.raw.elems, a);
	add_key(&set.raw.elems, b);
	return (struct nft_anonymous){ .v = &set, .n = 1 };
}

/* By what is in it: the kernel chooses the name, and the order. */
static void test_sets(void **unused)
{
	const struct nlattr *v[NFTA_RULE_USERDATA + 1];
	struct nft_anonymous s = one_set("__set0", 22, 80);
	struct msg m, back;
	struct nlmsghdr *to = begin(&back);
	const char *text;
	uint64_t saved, same, other;

	(void)unused;
	assert_int_equal(nft_original_write(looks_up(&m, "__set0"), &s,
					    &no_named, &text),
			 0);
	assert_non_null(text);
	assert_int_equal(nft_original_digest(text, &saved), 0);
	s = one_set("__set7", 80, 22);
	assert_int_equal(nft_original_digest_of(looks_up(&m, "__set7"), &s,
						&same), 0);
	s = one_set("__set0", 22, 81);
	assert_int_equal(nft_original_digest_of(looks_up(&m, "__set0"), &s,
						&other), 0);
	assert_true(saved == same && saved != other);
	nft_raw_set_release(&s.v->raw);
	assert_int_equal(put(to, text), 0);
	assert_int_equal(nft_msg_attrs(to, v, NFTA_RULE_USERDATA), 0);
	assert_string_equal(nft_expr_anonymous(mnl_attr_get_payload(
		v[NFTA_RULE_EXPRESSIONS])), "__set%d");
}

static void test_cannot_come_back(void **unused)
{
	struct msg m;
	struct nlmsghdr *nlh = looks_up(&m, "__set0");
	struct nlattr *list;
	const char *text = "x";

	(void)unused;
	assert_int_equal(nft_original_write(nlh, &no_sets, &no_named, &text),
			 0);
	assert_null(text);
	nlh = begin(&m);
	list = mnl_attr_nest_start(nlh, NFTA_RULE_EXPRESSIONS);
	for (size_t i = 0; i < 300; i++)
		put_counter(nlh, i);
	mnl_attr_nest_end(nlh, list);
	assert_int_equal(nft_original_write(nlh, &no_sets, &no_named, &text),
			 0);
	assert_null(text);
}

static void test_no_rule(void **unused)
{
	static const char *const texts[] = {
		"", " ", "-", "- -", "zz -", "0 -", "00 -", "04000000 -",
		"08000100 -", "ffff0180 -", "0800018004000100 -",
	};
	struct msg m, back;
	const char *whole;

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		assert_int_equal(put(begin(&back), texts[i]),
				 -EBADMSG);
	assert_int_equal(nft_original_write(rule(&m, NFT_CMP_EQ, 7), &no_sets,
					    &no_named,
					    &whole),
			 0);
	for (size_t n = 0; n < strcspn(whole, " "); n++) {
		_cleanup_free_ char *cut = strndup(whole, n);
		uint64_t digest;

		assert_int_equal(put(begin(&back), cut),
				 -EBADMSG);
		assert_int_equal(nft_original_digest(cut, &digest), -EBADMSG);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_comes_back),
		cmocka_unit_test(test_sets),
		cmocka_unit_test(test_counters_do_not_tell),
		cmocka_unit_test(test_cannot_come_back),
		cmocka_unit_test(test_no_rule),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
