/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_ipset_wire.c: elements as netlink messages, and back. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backends/iptables/ipset.h"
#include "backends/iptables/ipset_wire.h"
#include "core/mem.h"

static struct image *image;
static struct image_table *sets;

static int make_image(void **state)
{
	(void)state;
	image = image_new();
	sets = image ? image_add_table(image, 0, "ipset") : NULL;
	return sets ? 0 : -1;
}

static int drop_image(void **state)
{
	(void)state;
	image_free(&image);
	return 0;
}

static struct image_set *make_set(const char *kind, uint8_t family,
				  uint8_t proto)
{
	struct image_set *s = image_add_set(sets, "ctpolicy-x");

	assert_non_null(s);
	ipt_set_setup(s, ipt_set_kind_find(kind), family, proto);
	return s;
}

/* A set has up to three fields; an address of its own in each. */
static void fill(struct image_set *s, const struct ipset_wire *w)
{
	static const struct origin of = { .service = "a", .why = "why" };
	uint8_t first[48] = { 0 }, last[48];

	for (uint8_t i = 0; i < 5; i++) {
		memcpy(last, first, sizeof(last));
		for (size_t k = 0; k < w->n; k++) {
			const struct ipset_dim *d = &w->dim[k];

			memset(first + d->at, (int)(0x20 + k), d->width);
			first[d->at + 1] = i;
			if (d->net)
				first[d->at + d->width - 1] = 0;
			memcpy(last + d->at, first + d->at, d->width);
			if (d->net)
				last[d->at + d->width - 1] = (uint8_t)0xff;
		}
		assert_int_equal(elems_add(&s->elems, first, last, &of), 0);
	}
}

static void round_trip(const char *kind, uint8_t family, uint8_t proto)
{
	_Alignas(struct nlmsghdr) char buf[4096];
	struct nlmsghdr *nlh = ipset_wire_head(buf, IPSET_CMD_ADD, 0, "x");
	struct nlattr *list = mnl_attr_nest_start(nlh, IPSET_ATTR_ADT);
	struct ipset_taker t = { .img = image };
	struct elems want;
	struct ipset_said said;
	const struct nlattr *a;

	t.set = make_set(kind, family, proto);
	ipset_wire_init(&t.wire, t.set);
	fill(t.set, &t.wire);
	for (size_t i = 0; i < t.set->elems.n; i++)
		ipset_wire_put(nlh, &t.wire, t.set, i, "a: why");
	mnl_attr_nest_end(nlh, list);
	want = t.set->elems;
	elems_init(&t.set->elems, want.field, want.n_fields);
	t.set->proto = 0;
	assert_int_equal(ipset_wire_read(nlh, &said), 0);
	assert_string_equal(said.name, "x");
	netlink_for_each_nested(a, said.elems)
		assert_int_equal(ipset_wire_take(&t, a), 0);
	assert_int_equal(t.set->elems.n, want.n);
	for (size_t i = 0; i < want.n; i++)
		assert_int_equal(elems_cmp(&t.set->elems, i, &want, i), 0);
	assert_int_equal(t.set->proto, proto);
	for (size_t i = 0; i < want.n; i++)
		assert_true(origin_same_comment(elems_origin(&t.set->elems, i),
						elems_origin(&want, i)));
	elems_release(&want);
}

static void test_all_kinds(void **state)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };

	(void)state;
	round_trip("bitmap:port", AF_INET, 0);
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		round_trip("hash:ip", families[i], 0);
		round_trip("hash:net", families[i], 0);
		round_trip("hash:ip,port", families[i], IPPROTO_TCP);
		round_trip("hash:net,port", families[i], IPPROTO_UDP);
		round_trip("hash:ip,port,ip", families[i], IPPROTO_SCTP);
		round_trip("hash:ip,port,net", families[i], IPPROTO_UDPLITE);
	}
}

/* One element of hash:net,port, with one thing about it changed. */
static int take_odd(uint16_t type, const void *value, size_t len)
{
	_Alignas(struct nlmsghdr) char buf[1024];
	struct nlmsghdr *nlh = ipset_wire_head(buf, IPSET_CMD_ADD, 0, "x");
	struct ipset_taker t = { .img = image };
	struct nlattr *elem, *ip;
	uint8_t addr[4] = { 10 }, net = 8, proto = IPPROTO_TCP;
	uint16_t port = 0x5000;

	t.set = make_set("hash:net,port", AF_INET, 0);
	ipset_wire_init(&t.wire, t.set);
	elem = mnl_attr_nest_start(nlh, IPSET_ATTR_DATA);
	ip = mnl_attr_nest_start(nlh, IPSET_ATTR_IP);
	if (type == IPSET_ATTR_IP)
		mnl_attr_put(nlh, IPSET_ATTR_IPADDR_IPV4, len, value);
	else
		mnl_attr_put(nlh, IPSET_ATTR_IPADDR_IPV4, 4, addr);
	mnl_attr_nest_end(nlh, ip);
	mnl_attr_put(nlh, IPSET_ATTR_CIDR, 1, &net);
	mnl_attr_put(nlh, IPSET_ATTR_PORT, 2, &port);
	mnl_attr_put(nlh, IPSET_ATTR_PROTO, 1, &proto);
	if (type && type != IPSET_ATTR_IP)
		mnl_attr_put(nlh, type, len, value);
	mnl_attr_nest_end(nlh, elem);
	return ipset_wire_take(&t, elem);
}

static void test_odd_elements(void **state)
{
	const uint8_t len = 33, icmp = IPPROTO_ICMP, nine[9] = { 1 };
	const uint32_t nomatch = ntohl(IPSET_FLAG_NOMATCH), before = ntohl(1);
	char words[300];

	(void)state;
	memset(words, 'a', sizeof(words));
	words[sizeof(words) - 1] = '\0';
	assert_int_equal(take_odd(0, "", 0), 0);
	assert_int_equal(take_odd(IPSET_ATTR_IP, nine, 9), -EBADMSG);
	assert_int_equal(take_odd(IPSET_ATTR_IP, "", 0), -EBADMSG);
	assert_int_equal(take_odd(IPSET_ATTR_CIDR, &len, 1), -EBADMSG);
	assert_int_equal(take_odd(IPSET_ATTR_CIDR, nine, 2), -EBADMSG);
	assert_int_equal(take_odd(IPSET_ATTR_PORT, nine, 1), -EBADMSG);
	assert_int_equal(take_odd(IPSET_ATTR_PROTO, nine, 4), -EBADMSG);
	assert_int_equal(take_odd(IPSET_ATTR_PROTO, &icmp, 1), -ENOENT);
	assert_int_equal(take_odd(IPSET_ATTR_CADT_FLAGS, &nomatch, 4),
			 -ENOENT);
	assert_int_equal(take_odd(IPSET_ATTR_CADT_FLAGS, &before, 4), 0);
	assert_int_equal(take_odd(IPSET_ATTR_COMMENT, "abc", 3), -EBADMSG);
	assert_int_equal(take_odd(IPSET_ATTR_COMMENT, words, sizeof(words)),
			 -EBADMSG);
}

/* How a set was made, with one thing more. */
static bool is_ours(uint16_t type, const void *value, size_t len)
{
	_Alignas(struct nlmsghdr) char buf[512];
	struct nlmsghdr *nlh = ipset_wire_head(buf, IPSET_CMD_SAVE, 0, "x");
	struct nlattr *made = mnl_attr_nest_start(nlh, IPSET_ATTR_DATA);
	uint32_t max = 0;
	bool ours;

	mnl_attr_put_u32(nlh, IPSET_ATTR_HASHSIZE, htonl(1024));
	mnl_attr_put_u32(nlh, IPSET_ATTR_MAXELEM, htonl(65536));
	mnl_attr_put_u32(nlh, IPSET_ATTR_ELEMENTS, htonl(7));
	mnl_attr_put_u32(nlh, IPSET_ATTR_CADT_FLAGS,
			 htonl(IPSET_FLAG_WITH_COMMENT));
	if (type)
		mnl_attr_put(nlh, type, len, value);
	mnl_attr_nest_end(nlh, made);
	ours = ipset_wire_is_ours(made, &max);
	if (ours)
		assert_int_equal(max, 65536);
	return ours;
}

static void test_whose_set(void **state)
{
	const uint32_t both = htonl(IPSET_FLAG_WITH_COMMENT |
				    IPSET_FLAG_WITH_COUNTERS);
	const uint32_t none = 0, seconds = htonl(900);
	const uint16_t last = htons(1000), all = htons(65535);
	const uint8_t mask = 24;

	(void)state;
	assert_true(is_ours(0, NULL, 0));
	assert_true(is_ours(IPSET_ATTR_PORT_TO, &all, 2));
	assert_false(is_ours(IPSET_ATTR_PORT_TO, &last, 2));
	assert_false(is_ours(IPSET_ATTR_PORT, &all, 2));
	assert_false(is_ours(IPSET_ATTR_CADT_FLAGS, &both, 4));
	assert_false(is_ours(IPSET_ATTR_CADT_FLAGS, &none, 4));
	assert_false(is_ours(IPSET_ATTR_TIMEOUT, &seconds, 4));
	assert_false(is_ours(IPSET_ATTR_NETMASK, &mask, 1));
	assert_false(is_ours(IPSET_ATTR_MAXELEM, &mask, 1));
}

/* Elements that are longer than what they are in end with it. */
static void test_cut_short(void **state)
{
	_Alignas(struct nlmsghdr) char buf[512];
	struct nlmsghdr *nlh = ipset_wire_head(buf, IPSET_CMD_SAVE, 0, NULL);
	struct ipset_said said;

	(void)state;
	assert_int_equal(ipset_wire_read(nlh, &said), -EBADMSG);
	mnl_attr_put(nlh, IPSET_ATTR_SETNAME, 3, "abc");
	assert_int_equal(ipset_wire_read(nlh, &said), -EBADMSG);
	mnl_attr_put(nlh, IPSET_ATTR_SETNAME, 4, "abc");
	assert_int_equal(ipset_wire_read(nlh, &said), 0);
	nlh->nlmsg_len -= 4;
	assert_int_equal(ipset_wire_read(nlh, &said), -EBADMSG);
}

/* What was queued for one set goes out, and fails, ahead of another's. */
static void test_failure_names_its_set(void **state)
{
	static const char absent[] = "ctpolicy-absent", other[] = "ctpolicy-b";
	struct image_set *s = make_set("hash:net,port", AF_INET, IPPROTO_TCP);
	struct ipset_link *l = NULL;
	struct diags d = { 0 };
	struct ipset_wire w;

	(void)state;
	ipset_wire_init(&w, s);
	fill(s, &w);
	assert_int_equal(ipset_open(&l, &d), 0);
	assert_int_equal(ipset_element(l, s, 0, absent, true, &d), 0);
	assert_int_not_equal(ipset_element(l, s, 1, other, true, &d), 0);
	assert_int_equal(d.n, 1);
	assert_non_null(strstr(d.v[0].msg, absent));
	ipset_close(&l);
	diags_release(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_all_kinds, make_image,
						drop_image),
		cmocka_unit_test_setup_teardown(test_odd_elements, make_image,
						drop_image),
		cmocka_unit_test(test_whose_set),
		cmocka_unit_test(test_cut_short),
		cmocka_unit_test_setup_teardown(test_failure_names_its_set,
						make_image, drop_image),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
