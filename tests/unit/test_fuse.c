/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_fuse.c: which rules are brought together, and as what. */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "backends/lower/fuse.h"
#include "core/mem.h"

static const struct origin nobody;

static struct rule *add(struct ruleset *rs, uint16_t port)
{
	struct rule *r = ruleset_add(rs);

	assert_non_null(r);
	r->match.proto = IPPROTO_TCP;
	r->origin = &nobody;
	assert_int_equal(port_set_add(&r->match.dport,
				      (struct port_range){ port, port }), 0);
	return r;
}

static void from(struct rule *r, const char *prefix)
{
	struct prefix p;

	assert_int_equal(prefix_parse(prefix, &p), 0);
	r->match.family = p.family;
	assert_int_equal(prefix_set_add(&r->match.saddr, &p), 0);
}

static void through(struct rule *r, const char *name)
{
	struct iface i;

	assert_int_equal(iface_parse(name, &i), 0);
	assert_int_equal(iface_set_add(&r->match.iif, &i), 0);
}

static void fuse(const struct ruleset *rs, struct fuse *ret)
{
	assert_int_equal(fuse_rules(rs, ret), 0);
}

/* Values vary, everything else makes another shape. */
static void test_shapes(void **state)
{
	_cleanup_(ruleset_release) struct ruleset rs = { 0 };
	_cleanup_(fuse_release) struct fuse f = { 0 };

	(void)state;
	add(&rs, 80);
	add(&rs, 443);
	add(&rs, 53)->match.proto = IPPROTO_UDP;
	add(&rs, 80)->hook = HOOK_OUTPUT;
	add(&rs, 80)->match.not_syn = true;
	from(add(&rs, 80), "192.0.2.0/24");
	from(add(&rs, 22), "198.51.100.1");
	from(add(&rs, 22), "2001:db8::/32");
	fuse(&rs, &f);
	assert_int_equal(f.n, 6);
	assert_int_equal(f.v[0].n_members, 2);
	assert_ptr_equal(f.v[0].members[1], &rs.v[1]);
	assert_int_equal(f.v[0].n_parts, 1);
	assert_int_equal(f.v[0].part[0], KEY_DPORT);
	assert_int_equal(f.v[0].model.match.dport.n, 0);
	assert_int_equal(f.v[4].n_members, 2);
	assert_int_equal(f.v[4].n_parts, 2);
	assert_int_equal(f.v[4].part[1], KEY_SADDR);
	assert_int_equal(f.v[4].family, AF_INET);
	assert_int_equal(f.v[5].family, AF_INET6);
}

/* A wild name and "lo" are constants, plain names a part that varies. */
static void test_interfaces(void **state)
{
	_cleanup_(ruleset_release) struct ruleset rs = { 0 };
	_cleanup_(fuse_release) struct fuse f = { 0 };
	struct rule *r = add(&rs, 80);

	(void)state;
	through(r, "eth0");
	through(r, "eth1");
	through(r, "lo");
	through(r, "wan*");
	through(add(&rs, 81), "eth2");
	fuse(&rs, &f);
	assert_int_equal(f.n, 3);
	assert_string_equal(f.v[0].model.match.iif.v[0].name, "lo");
	assert_int_equal(f.v[0].n_parts, 1);
	assert_true(f.v[1].model.match.iif.v[0].wild);
	assert_int_equal(f.v[2].model.match.iif.n, 0);
	assert_int_equal(f.v[2].n_parts, 2);
	assert_int_equal(f.v[2].part[1], KEY_IIFNAME);
	assert_int_equal(f.v[2].n_members, 2);
	assert_int_equal(fuse_cost(&f.v[2], r), 2);
}

/* A reply that is limited to local ports varies in its source port. */
static void test_both_ports(void **state)
{
	_cleanup_(ruleset_release) struct ruleset rs = { 0 };
	_cleanup_(fuse_release) struct fuse f = { 0 };
	struct rule *r = add(&rs, 1024);

	(void)state;
	assert_int_equal(port_set_add(&r->match.sport,
				      (struct port_range){ 53, 53 }), 0);
	fuse(&rs, &f);
	assert_int_equal(f.n, 1);
	assert_int_equal(f.v[0].n_parts, 1);
	assert_int_equal(f.v[0].part[0], KEY_SPORT);
	assert_int_equal(f.v[0].model.match.sport.n, 0);
	assert_int_equal(f.v[0].model.match.dport.n, 1);
}

/* Each combination of values is one box, in network byte order. */
static void test_expand(void **state)
{
	_cleanup_(ruleset_release) struct ruleset rs = { 0 };
	_cleanup_(fuse_release) struct fuse f = { 0 };
	_cleanup_(elems_release) struct elems e = { 0 };
	static const uint8_t first[] = { 0x01, 0xbb, 192, 0, 2, 0 },
			     last[] = { 0x01, 0xbb, 192, 0, 2, 255 };
	struct rule *r = add(&rs, 80);
	bool found = false;

	(void)state;
	assert_int_equal(port_set_add(&r->match.dport,
				      (struct port_range){ 443, 443 }), 0);
	from(r, "192.0.2.0/24");
	from(r, "198.51.100.0/25");
	from(r, "203.0.113.7");
	fuse(&rs, &f);
	assert_int_equal(fuse_cost(&f.v[0], r), 6);
	assert_int_equal(fuse_dimensions(&f.v[0], r), 5);
	fuse_init_elems(&f.v[0], f.v[0].part, f.v[0].n_parts, &e);
	assert_int_equal(fuse_expand(r, f.v[0].part, f.v[0].n_parts, &e), 0);
	assert_int_equal(e.n, 6);
	assert_int_equal(e.width, sizeof(first));
	for (size_t i = 0; i < e.n; i++)
		found |= !memcmp(elems_first(&e, i), first, sizeof(first)) &&
			 !memcmp(elems_last(&e, i), last, sizeof(last));
	assert_true(found);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_interfaces),
		cmocka_unit_test(test_both_ports),
		cmocka_unit_test(test_expand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
