/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_nft_live.c: what expressions of the kernel come to as terms
 * and as text.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <libnftnl/expr.h>

#include "backends/nft/nft_live.h"
#include "core/mem.h"

struct bench {
	struct foreign *f;
	struct live_sets sets;
	struct live_rule rule;
	struct nftnl_rule *nr;
};

static void begin(struct bench *b, uint8_t family)
{
	uint32_t table, chain;

	*b = (struct bench){ 0 };
	b->f = calloc(1, sizeof(*b->f));
	b->nr = nftnl_rule_alloc();
	assert_non_null(b->f);
	assert_non_null(b->nr);
	b->f->wants_terms = true;
	b->rule = (struct live_rule){
		.f = b->f, .sets = &b->sets, .table_family = family,
	};
	assert_int_equal(foreign_table(b->f, family, "t", 0, &table), 0);
	assert_int_equal(foreign_chain(b->f, table, "c", 0, &chain), 0);
	assert_non_null(foreign_add_rule(b->f, chain, 0));
}

static void end(struct bench *b)
{
	nft_live_rule_release(&b->rule);
	nft_live_sets_release(&b->sets);
	nftnl_rule_free(b->nr);
	foreign_free(&b->f);
}

static struct nftnl_expr *add(struct bench *b, const char *name)
{
	struct nftnl_expr *e = nftnl_expr_alloc(name);

	assert_non_null(e);
	nftnl_rule_add_expr(b->nr, e);
	return e;
}

static void meta(struct bench *b, uint32_t key, uint32_t reg)
{
	struct nftnl_expr *e = add(b, "meta");

	nftnl_expr_set_u32(e, NFTNL_EXPR_META_KEY, key);
	nftnl_expr_set_u32(e, NFTNL_EXPR_META_DREG, reg);
}

static void payload(struct bench *b, uint32_t base, uint32_t offset,
		    uint32_t len)
{
	struct nftnl_expr *e = add(b, "payload");

	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_BASE, base);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_LEN, len);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_DREG, NFT_REG_1);
}

static void ct(struct bench *b, uint32_t key)
{
	struct nftnl_expr *e = add(b, "ct");

	nftnl_expr_set_u32(e, NFTNL_EXPR_CT_KEY, key);
	nftnl_expr_set_u32(e, NFTNL_EXPR_CT_DREG, NFT_REG_1);
}

static void mask(struct bench *b, const void *bits, uint32_t len)
{
	static const uint8_t zero[16];
	struct nftnl_expr *e = add(b, "bitwise");

	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_SREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_DREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_LEN, len);
	nftnl_expr_set(e, NFTNL_EXPR_BITWISE_MASK, bits, len);
	nftnl_expr_set(e, NFTNL_EXPR_BITWISE_XOR, zero, len);
}

static void cmp(struct bench *b, uint32_t op, const void *data, uint32_t len)
{
	struct nftnl_expr *e = add(b, "cmp");

	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_OP, op);
	nftnl_expr_set(e, NFTNL_EXPR_CMP_DATA, data, len);
}

static void cmp8(struct bench *b, uint32_t op, uint8_t value)
{
	cmp(b, op, &value, 1);
}

static void cmp32(struct bench *b, uint32_t op, uint32_t value)
{
	cmp(b, op, &value, 4);
}

static void accept_it(struct bench *b)
{
	struct nftnl_expr *e = add(b, "immediate");

	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_VERDICT, NF_ACCEPT);
}

/* Have the message of the rule read; its text must be this. */
static void read_as(struct bench *b, const char *text)
{
	uint8_t buf[8192];
	struct nlmsghdr *nlh = nftnl_nlmsg_build_hdr((char *)buf,
					NFT_MSG_NEWRULE, NFPROTO_INET, 0, 0);
	const struct nlattr *v[NFTA_RULE_EXPRESSIONS + 1];
	const struct foreign_rule *r;

	nftnl_rule_nlmsg_build_payload(nlh, b->nr);
	assert_int_equal(nft_msg_attrs(nlh, v, NFTA_RULE_EXPRESSIONS), 0);
	assert_int_equal(nft_live_read_rule(&b->rule,
					    v[NFTA_RULE_EXPRESSIONS]), 0);
	r = nft_live_last(&b->rule);
	assert_string_equal(r->raw.s, text);
}

static const struct term *term(const struct bench *b, size_t i)
{
	assert_true(i < b->f->n_terms);
	return &b->f->terms[i];
}

static const struct key_range *range(const struct bench *b,
				     const struct term *t, size_t i)
{
	const struct key_set *s = &b->f->sets[t->set];

	assert_true(i < (size_t)s->n * s->n_fields);
	return &b->f->ranges[s->first + i];
}

/* nft loads addresses of one header that stand side by side at once. */
static void test_merged_load(void **state)
{
	static const uint8_t ports[] = { 0, 5, 0, 7 };
	struct bench b;

	(void)state;
	begin(&b, NFPROTO_INET);
	meta(&b, NFT_META_L4PROTO, NFT_REG_1);
	cmp8(&b, NFT_CMP_EQ, IPPROTO_TCP);
	payload(&b, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 4);
	cmp(&b, NFT_CMP_EQ, ports, sizeof(ports));
	accept_it(&b);
	read_as(&b, "tcp sport 5 tcp dport 7 accept");
	assert_int_equal(b.f->n_terms, 3);
	assert_int_equal(term(&b, 1)->field[0], FIELD_SPORT);
	assert_int_equal(term(&b, 2)->field[0], FIELD_DPORT);
	assert_memory_equal(range(&b, term(&b, 2), 0)->first, ports + 2, 2);
	end(&b);
}

/* 10.0.0.0/9: a mask that leaves a prefix is a range. */
static void test_prefix(void **state)
{
	static const uint8_t bits[] = { 255, 128, 0, 0 };
	static const uint8_t net[] = { 10, 0, 0, 0 };
	static const uint8_t last[] = { 10, 127, 255, 255 };
	struct bench b;

	(void)state;
	begin(&b, NFPROTO_IPV4);
	payload(&b, NFT_PAYLOAD_NETWORK_HEADER, 12, 4);
	mask(&b, bits, sizeof(bits));
	cmp(&b, NFT_CMP_NEQ, net, sizeof(net));
	accept_it(&b);
	read_as(&b, "ip saddr != 10.0.0.0/9 accept");
	assert_int_equal(term(&b, 0)->family, NFPROTO_IPV4);
	assert_true(term(&b, 0)->negated);
	assert_false(term(&b, 0)->masked);
	assert_memory_equal(range(&b, term(&b, 0), 0)->first, net, 4);
	assert_memory_equal(range(&b, term(&b, 0), 0)->last, last, 4);
	end(&b);
}

/* Without the family, bytes of the header are not an address. */
static void test_family_not_known(void **state)
{
	static const uint8_t net[] = { 10 };
	struct bench b;

	(void)state;
	begin(&b, NFPROTO_INET);
	payload(&b, NFT_PAYLOAD_NETWORK_HEADER, 12, 1);
	cmp(&b, NFT_CMP_EQ, net, sizeof(net));
	accept_it(&b);
	read_as(&b, "[@nh,96,8] accept");
	assert_int_equal(term(&b, 0)->kind, TERM_OPAQUE);
	end(&b);
}

/* ct state established,related is one of two; != is of the whole word. */
static void test_states(void **state)
{
	static const uint8_t both[] = { 0, 0, 0, 6 };
	struct bench b;
	uint32_t bits = 6;

	(void)state;
	begin(&b, NFPROTO_INET);
	ct(&b, NFT_CT_STATE);
	mask(&b, &bits, sizeof(bits));
	cmp32(&b, NFT_CMP_NEQ, 0);
	ct(&b, NFT_CT_STATE);
	cmp32(&b, NFT_CMP_NEQ, 6);
	accept_it(&b);
	read_as(&b, "ct state established,related ct state != established | related accept");
	assert_int_equal(b.f->n_terms, 2);
	assert_false(term(&b, 0)->negated);
	assert_false(term(&b, 0)->masked);
	assert_int_equal(b.f->sets[term(&b, 0)->set].n, 2);
	assert_true(term(&b, 1)->negated);
	assert_memory_equal(range(&b, term(&b, 1), 0)->first, both, 4);
	assert_int_equal(b.f->n_states, 2);
	assert_int_equal(b.f->states[0].mask,
			 STATE_ESTABLISHED | STATE_RELATED);
	assert_true(b.f->states[1].negated);
	end(&b);
}

/* A mark that was loaded before it was set is not the packet's any more. */
static void test_mark(void **state)
{
	struct nftnl_expr *e;
	uint32_t bits = 0xff;
	struct bench b;

	(void)state;
	begin(&b, NFPROTO_INET);
	meta(&b, NFT_META_MARK, NFT_REG_1);
	mask(&b, &bits, sizeof(bits));
	e = add(&b, "meta");
	nftnl_expr_set_u32(e, NFTNL_EXPR_META_KEY, NFT_META_MARK);
	nftnl_expr_set_u32(e, NFTNL_EXPR_META_SREG, NFT_REG_1);
	cmp32(&b, NFT_CMP_EQ, 1);
	accept_it(&b);
	read_as(&b, "[meta mark set] [expression] accept");
	assert_int_equal(term(&b, 0)->kind, TERM_SET_MARK);
	assert_int_equal(term(&b, 0)->keep, 0xff);
	assert_int_equal(term(&b, 0)->flip, 0);
	assert_int_equal(term(&b, 1)->kind, TERM_OPAQUE);
	end(&b);
}

/* Of a packet without ports, other bytes would be compared. */
static void test_ports_of_any_protocol(void **state)
{
	static const uint8_t port[] = { 0, 22 };
	struct bench b;

	(void)state;
	begin(&b, NFPROTO_INET);
	payload(&b, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2);
	cmp(&b, NFT_CMP_NEQ, port, sizeof(port));
	accept_it(&b);
	read_as(&b, "th dport != 22 accept");
	assert_int_equal(term(&b, 0)->kind, TERM_OPAQUE);
	end(&b);
}

/* A host's name ends at its NUL, a prefix does not. */
static void test_interface(void **state)
{
	struct bench b;

	(void)state;
	begin(&b, NFPROTO_INET);
	meta(&b, NFT_META_IIFNAME, NFT_REG_1);
	cmp(&b, NFT_CMP_EQ, "eth", 3);
	meta(&b, NFT_META_OIFNAME, NFT_REG_1);
	cmp(&b, NFT_CMP_NEQ, "lo", 3);
	accept_it(&b);
	read_as(&b, "iifname \"eth*\" oifname != \"lo\" accept");
	assert_int_equal(range(&b, term(&b, 0), 0)->last[15], 0xff);
	assert_int_equal(range(&b, term(&b, 1), 0)->last[15], 0);
	end(&b);
}

static void test_unknown(void **state)
{
	struct bench b;

	(void)state;
	begin(&b, NFPROTO_INET);
	meta(&b, NFT_META_PKTTYPE, NFT_REG_1);
	cmp8(&b, NFT_CMP_EQ, 1);
	accept_it(&b);
	read_as(&b, "[meta pkttype] accept");
	assert_int_equal(term(&b, 0)->kind, TERM_OPAQUE);
	assert_string_equal(term(&b, 0)->name, "meta pkttype");
	assert_int_equal(nft_live_last(&b.rule)->verdict, FOREIGN_ACCEPT);
	end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_merged_load),
		cmocka_unit_test(test_prefix),
		cmocka_unit_test(test_family_not_known),
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_mark),
		cmocka_unit_test(test_ports_of_any_protocol),
		cmocka_unit_test(test_interface),
		cmocka_unit_test(test_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
