/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_nft_elem.c: elements and sets survive netlink, edges of
 * ranges above all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backends/nft/nft_netlink.h"
#include "core/mem.h"

static const char *const sets[] = {
	"type inet_service; elements = { 0, 80 comment \"web\", 65535 }",
	"type inet_service; flags interval; elements = { 0 }",
	"type inet_service; flags interval; elements = { 0-65535 }",
	"type inet_service; flags interval; elements = { 65535 }",
	"type inet_service; flags interval; elements = { 1-2 comment \"a\", "
		"3-4 comment \"b\", 5, 6, 100-65534, 65535 comment \"c\" }",
	"type ipv4_addr; flags interval; elements = { 0.0.0.0/1, "
		"128.0.0.0-223.255.255.255, 255.255.255.255 }",
	"type ipv6_addr; flags interval; elements = { ::/0 comment \"all\" }",
	"type ipv6_addr; flags interval; elements = { ::, ::1, 2001:db8::/32, "
		"fe80::-fe80::5, ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff }",
	"type inet_service . ipv4_addr; elements = { 80 . 10.0.0.1 }",
	"type inet_service . ipv4_addr; flags interval; elements = { "
		"80 . 10.0.0.0/8 comment \"x\", 0-65535 . 192.0.2.1 }",
	"type ipv6_addr . inet_service . ifname; flags interval; elements = { "
		"2001:db8::/32 . 1-2 . \"eth0\", ::/0 . 9 . \"wan15characters\" }",
	"type ifname; elements = { \"a\", \"fifteen-letters\" }",
	"type inet_service . ipv4_addr; size 4096; elements = { 1 . 1.1.1.1 }",
	"type inet_service; size 1536; flags timeout; elements = { 1, 65535 }",
	"type fib_addrtype; elements = { local, broadcast, multicast }",
};

static struct image *parse_set(const char *body)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	struct diags d = { 0 };
	struct image *img = NULL;
	int err;

	strbuf_printf(&b, "table inet ctpolicy {\nset x {\n%s\n}\n}\n", body);
	err = nft_parse("test", strbuf_str(&b), b.n, &img, &d);
	if (err)
		diags_print(&d, NULL, 0, 0, false, stderr);
	diags_release(&d);
	assert_int_equal(err, 0);
	return img;
}

/* The element messages of s, one for each `chunk` elements, last first. */
static void read_back(struct nft_elem_reader *r, const struct image_set *s,
		      size_t chunk)
{
	size_t n = (s->elems.n + chunk - 1) / chunk;

	while (n--) {
		_cleanup_free_ uint8_t *buf = malloc(NFT_ELEM_SPACE * chunk +
						     256);
		struct nlmsghdr *nlh = nft_msg_put(buf, 0, 0, NFPROTO_INET, 1);
		struct nft_comment said = { 0 };
		struct nlattr *list;

		mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, s->name);
		list = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_LIST_ELEMENTS);
		for (size_t i = n * chunk;
		     i < (n + 1) * chunk && i < s->elems.n; i++)
			nft_put_elem(nlh, s, i, &said);
		mnl_attr_nest_end(nlh, list);
		assert_int_equal(nft_elems_read(r, nlh), 0);
	}
	assert_int_equal(nft_elems_finish(r), 0);
}

static void assert_same(const struct elems *a, struct elems *b)
{
	assert_int_equal(elems_canonical(b), 0);
	assert_int_equal(a->n, b->n);
	for (size_t i = 0; i < a->n; i++) {
		char x[COMMENT_MAX + 1], y[COMMENT_MAX + 1];

		assert_int_equal(elems_cmp(a, i, b, i), 0);
		origin_comment(elems_origin(a, i), x, COMMENT_MAX);
		origin_comment(elems_origin(b, i), y, COMMENT_MAX);
		assert_string_equal(x, y);
	}
}

static void test_elements(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++)
		for (size_t chunk = 1; chunk < 5; chunk++) {
			_cleanup_(image_free) struct image *img =
				parse_set(sets[i]);
			const struct image_set *s = &img->tables[0].sets[0];
			struct image_set back = *s;
			struct nft_elem_reader r = { .img = img,
						     .set = &back };

			elems_init(&back.elems, s->elems.field,
				   s->elems.n_fields);
			read_back(&r, s, chunk);
			assert_same(&s->elems, &back.elems);
			elems_release(&back.elems);
		}
}

static void test_set_message(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
		_cleanup_(image_free) struct image *img = parse_set(sets[i]);
		const struct image_table *t = &img->tables[0];
		const struct nlattr *v[NFTA_SET_EXPRESSIONS + 1];
		struct image_set back = { .interval = false };
		uint8_t buf[2048];
		struct nlmsghdr *nlh = nft_msg_put(buf, 0, 0, NFPROTO_INET, 1);

		nft_put_set(nlh, t, &t->sets[0], 1);
		assert_int_equal(nft_msg_attrs(nlh, v, NFTA_SET_EXPRESSIONS),
				 0);
		assert_int_equal(nft_set_decode(v, &back), 0);
		assert_true(image_set_fits(&t->sets[0], &back));
		assert_int_equal(back.size, t->sets[0].size);
	}
}

/* A set that nft made begins with an end at zero: it closes nothing. */
static void test_leading_end(void **state)
{
	static const enum field_type port = FIELD_PORT;
	struct image_set s = { .interval = true };
	struct nft_elem_reader r = { .set = &s };

	(void)state;
	elems_init(&s.elems, &port, 1);
	r.edge = calloc(4, sizeof(*r.edge));
	assert_non_null(r.edge);
	r.cap_edges = 4;
	r.n_edges = 4;
	r.edge[0] = (struct nft_boundary){ .key = { 0, 90 } };
	r.edge[1] = (struct nft_boundary){ .key = { 0, 0 }, .end = true };
	r.edge[2] = (struct nft_boundary){ .key = { 0, 80 } };
	r.edge[3] = (struct nft_boundary){ .key = { 0, 85 }, .end = true };
	assert_int_equal(nft_elems_finish(&r), 0);
	assert_int_equal(s.elems.n, 2);
	assert_memory_equal(elems_first(&s.elems, 0), "\0\x50\0\x54", 4);
	assert_memory_equal(elems_first(&s.elems, 1), "\0\x5a\xff\xff", 4);
	elems_release(&s.elems);
}

/* Every message cut short and every byte changed: an error or a value. */
static void test_damaged(void **state)
{
	_cleanup_(image_free) struct image *img = parse_set(sets[9]);
	const struct image_set *s = &img->tables[0].sets[0];
	struct nft_comment said = { 0 };
	uint8_t whole[2048], buf[2048];
	struct nlmsghdr *nlh = nft_msg_put(whole, 0, 0, NFPROTO_INET, 1);
	struct nlattr *list =
		mnl_attr_nest_start(nlh, NFTA_SET_ELEM_LIST_ELEMENTS);

	(void)state;
	nft_put_elem(nlh, s, 0, &said);
	nft_put_elem(nlh, s, 1, &said);
	mnl_attr_nest_end(nlh, list);
	for (uint32_t at = sizeof(*nlh); at < nlh->nlmsg_len; at++)
		for (unsigned int bit = 0; bit < 8; bit++) {
			struct image_set back = *s;
			struct nft_elem_reader r = { .img = img,
						     .set = &back };

			memcpy(buf, whole, nlh->nlmsg_len);
			buf[at] ^= (uint8_t)(1u << bit);
			elems_init(&back.elems, s->elems.field,
				   s->elems.n_fields);
			(void)nft_elems_read(&r, (void *)buf);
			nft_elem_reader_release(&r);
			elems_release(&back.elems);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_elements),
		cmocka_unit_test(test_set_message),
		cmocka_unit_test(test_leading_end),
		cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
