/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_samples.c: which connections the host's rules tell apart. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "audit/samples.h"
#include "core/mem.h"
#include "tests/unit/foreign_build.h"

static struct prefix_set any, office;
static struct iface_set no_ifaces, devices;
static struct port_set web;

struct taken {
	struct flow_sample v[64];
	size_t n;
};

static int take(const struct flow_sample *s, void *arg)
{
	struct taken *t = arg;

	assert_true(t->n < 64);
	t->v[t->n++] = *s;
	return 0;
}

static int setup(void **state)
{
	struct prefix p;
	struct iface eth0 = { .name = "eth0" }, eth1 = { .name = "eth1" };

	(void)state;
	assert_int_equal(prefix_parse("10.0.0.0/8", &p), 0);
	assert_int_equal(prefix_set_add(&office, &p), 0);
	assert_int_equal(iface_set_add(&devices, &eth0), 0);
	assert_int_equal(iface_set_add(&devices, &eth1), 0);
	return port_set_add(&web, (struct port_range){ 80, 80 });
}

static int teardown(void **state)
{
	(void)state;
	prefix_set_release(&office);
	iface_set_release(&devices);
	port_set_release(&web);
	return 0;
}

static struct flow_space incoming(const struct prefix_set *clients)
{
	return (struct flow_space){
		.way = WAY_IN, .family = AF_INET, .proto = IPPROTO_TCP,
		.clients = clients, .servers = &any, .local = &any,
		.ports = &web, .ifaces = &no_ifaces, .devices = &devices,
		.ephemeral = { 32768, 60999 },
	};
}

static bool has(const struct taken *t, enum flow_part p, const void *v,
		size_t n)
{
	for (size_t i = 0; i < t->n; i++)
		if (!memcmp(t->v[i].key[p], v, n))
			return true;
	return false;
}

static bool has_client(const struct taken *t, const char *text)
{
	uint8_t v[4];

	assert_int_equal(inet_pton(AF_INET, text, v), 1);
	return has(t, FLOW_CLIENT, v, 4);
}

static void run(const struct foreign *f, const struct flow_space *sp,
		size_t max, struct taken *ret, bool whole)
{
	bool all = !whole;

	*ret = (struct taken){ 0 };
	const struct samples_limit limit = { .samples = max, .rules = 1000 };

	assert_int_equal(samples_of(f, sp, &limit, take, ret, &all), 0);
	assert_int_equal(all, whole);
}

static void test_plain(void **state)
{
	struct foreign *f = calloc(1, sizeof(*f));
	struct flow_space sp = incoming(&any);
	struct taken t;

	(void)state;
	run(f, &sp, 64, &t, true);
	assert_int_equal(t.n, 2);	/* one for each device */
	assert_true(has(&t, FLOW_IN, "eth0", 5));
	assert_true(has(&t, FLOW_IN, "eth1", 5));
	assert_memory_equal(t.v[0].key[FLOW_SPORT], "\0P", 2);
	foreign_free(&f);
}

/* A rule's address is tried, and one that is not; as far as clients go. */
static void test_ban(void **state)
{
	struct foreign *f = calloc(1, sizeof(*f));
	uint32_t input = add_chain(f, "INPUT", "input");
	struct flow_space sp = incoming(&any);
	struct taken t;

	(void)state;
	add_rule(f, input, FOREIGN_DROP, NULL);
	ask_source(f, "198.51.100.7", "198.51.100.7", false);
	run(f, &sp, 64, &t, true);
	assert_true(has_client(&t, "198.51.100.7"));
	assert_true(has_client(&t, "192.0.2.1"));
	sp = incoming(&office);
	run(f, &sp, 64, &t, true);
	assert_false(has_client(&t, "198.51.100.7"));
	foreign_free(&f);
}

/* Addresses of the loopback interface are tried there alone. */
static void test_loopback(void **state)
{
	struct foreign *f = calloc(1, sizeof(*f));
	uint32_t input = add_chain(f, "INPUT", "input");
	struct flow_space sp = incoming(&any);
	struct taken t;

	(void)state;
	add_rule(f, input, FOREIGN_DROP, NULL);
	ask_source(f, "127.0.0.1", "127.0.0.1", false);
	run(f, &sp, 64, &t, true);
	assert_false(has_client(&t, "127.0.0.1"));
	sp.way = WAY_WITHIN;
	run(f, &sp, 64, &t, true);
	assert_true(has_client(&t, "127.0.0.1"));
	for (size_t i = 0; i < t.n; i++)
		assert_true((t.v[i].key[FLOW_CLIENT][0] == 127) ==
			    (t.v[i].key[FLOW_SERVER][0] == 127));
	foreign_free(&f);
}

/* A rule that leaves loopback alone is met by an address of another kind. */
static void test_not_loopback(void **state)
{
	static const struct prefix own[] = {
		{ .family = AF_INET, .len = 32, .addr = { 127, 0, 0, 1 } },
		{ .family = AF_INET, .len = 32, .addr = { 10, 9, 0, 5 } },
	};
	_cleanup_(prefix_set_release) struct prefix_set here = { 0 };
	struct foreign *f = calloc(1, sizeof(*f));
	uint32_t output = add_chain(f, "OUTPUT", "output");
	struct flow_space sp = incoming(&any);
	struct taken t;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		assert_int_equal(prefix_set_add(&here, &own[i]), 0);
	sp.way = WAY_WITHIN;
	sp.local = &here;
	add_rule(f, output, FOREIGN_DROP, NULL);
	ask_source(f, "127.0.0.0", "127.255.255.255", true);
	run(f, &sp, 64, &t, true);
	assert_true(has_client(&t, "10.9.0.5"));
	for (size_t i = 0; i < t.n; i++)
		assert_memory_equal(t.v[i].key[FLOW_CLIENT],
				    t.v[i].key[FLOW_SERVER], 4);
	foreign_free(&f);
}

/* ... and one for all interfaces but one, by another. */
static void test_other_device(void **state)
{
	struct port_range ports[] = { { 80, 90 } };
	const struct port_set many = { .v = ports, .n = 1 };
	static const uint8_t eth0[16] = "eth0", port[2] = { 0, 85 };
	struct foreign *f = calloc(1, sizeof(*f));
	uint32_t input = add_chain(f, "INPUT", "input");
	struct flow_space sp = incoming(&any);
	struct taken t;
	bool found = false;

	(void)state;
	sp.ports = &many;
	add_rule(f, input, FOREIGN_DROP, NULL);
	ask(f, FIELD_IIF, eth0, eth0, 16, true);
	ask(f, FIELD_DPORT, port, port, 2, false);
	run(f, &sp, 64, &t, true);
	for (size_t i = 0; i < t.n; i++)
		found |= !memcmp(t.v[i].key[FLOW_IN], "eth1", 5) &&
			 t.v[i].key[FLOW_SPORT][1] == 85;
	assert_true(found);
	foreign_free(&f);
}

/* What the plain one has is left, too. */
static void test_outside(void **state)
{
	struct foreign *f = calloc(1, sizeof(*f));
	uint32_t input = add_chain(f, "INPUT", "input");
	struct flow_space sp = incoming(&any);
	struct taken t;

	(void)state;
	add_rule(f, input, FOREIGN_DROP, NULL);
	ask_source(f, "192.0.2.0", "192.0.2.255", false);
	run(f, &sp, 64, &t, true);
	assert_true(has_client(&t, "192.0.2.1"));
	assert_true(has_client(&t, "192.0.3.0"));
	foreign_free(&f);
}

/* Addresses that are no host's, and a device that leads nowhere. */
static void test_nobody(void **state)
{
	struct foreign *f = calloc(1, sizeof(*f));
	uint32_t input = add_chain(f, "INPUT", "input");
	struct flow_space sp = incoming(&any);
	char lo[16] = "lo";
	struct taken t;

	(void)state;
	add_rule(f, input, FOREIGN_DROP, NULL);
	ask_source(f, "224.0.0.0", "255.255.255.255", false);
	add_rule(f, input, FOREIGN_DROP, NULL);
	ask_source(f, "126.0.0.9", "128.0.0.0", false);
	add_rule(f, input, FOREIGN_DROP, NULL);
	ask_source(f, "127.0.0.0", "127.255.255.255", false);
	add_rule(f, input, FOREIGN_ACCEPT, NULL);
	ask(f, FIELD_IIF, lo, lo, 16, false);
	run(f, &sp, 64, &t, true);
	assert_false(has_client(&t, "224.0.0.0"));
	assert_false(has_client(&t, "127.0.0.0"));
	assert_true(has_client(&t, "126.0.0.9"));
	assert_false(has(&t, FLOW_IN, "lo", 3));
	foreign_free(&f);
}

/* Conditions of a jump hold in the chain, too. */
static void test_jump(void **state)
{
	struct foreign *f = calloc(1, sizeof(*f));
	uint32_t input = add_chain(f, "INPUT", "input");
	uint32_t bans = add_chain(f, "bans", NULL);
	struct flow_space sp = incoming(&any);
	struct taken t;
	uint8_t ssh[2] = { 0, 22 };

	(void)state;
	add_rule(f, input, FOREIGN_JUMP, "bans");
	ask_source(f, "198.51.100.0", "198.51.100.255", false);
	add_rule(f, bans, FOREIGN_DROP, NULL);
	ask_source(f, "198.51.100.9", "198.51.100.9", true);
	add_rule(f, bans, FOREIGN_DROP, NULL);
	ask_source(f, "203.0.113.5", "203.0.113.5", false);
	add_rule(f, bans, FOREIGN_DROP, NULL);
	ask(f, FIELD_DPORT, ssh, ssh, 2, false);
	/* a chain that nobody hooks is looked at from its jumps alone */
	f->chains[bans].hook = NULL;
	run(f, &sp, 64, &t, true);
	assert_true(has_client(&t, "198.51.100.0"));
	assert_false(has_client(&t, "203.0.113.5"));
	assert_false(has(&t, FLOW_SPORT, ssh, 2));
	foreign_free(&f);
}

/* The answer's packets have the ends the other way round. */
static void test_answer(void **state)
{
	struct foreign *f = calloc(1, sizeof(*f));
	uint32_t output = add_chain(f, "OUTPUT", "output");
	struct flow_space sp = incoming(&any);
	uint8_t to[4] = { 198, 51, 100, 7 }, eth[16] = "eth",
		eths[16] = "eth\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff";
	struct taken t;

	(void)state;
	add_rule(f, output, FOREIGN_DROP, NULL);
	ask(f, FIELD_OIF, eth, eths, 16, false);
	ask(f, FIELD_DADDR, to, to, 4, false);
	run(f, &sp, 64, &t, true);
	assert_true(has_client(&t, "198.51.100.7"));
	foreign_free(&f);
}

static void test_too_many(void **state)
{
	struct foreign *f = calloc(1, sizeof(*f));
	uint32_t input = add_chain(f, "INPUT", "input");
	struct flow_space sp = incoming(&any);
	struct taken t;

	(void)state;
	for (unsigned int i = 0; i < 50; i++) {
		uint8_t v[4] = { 198, 51, 100, (uint8_t)i };

		add_rule(f, input, FOREIGN_DROP, NULL);
		ask(f, FIELD_SADDR, v, v, 4, false);
	}
	run(f, &sp, 20, &t, false);
	assert_int_equal(t.n, 20);
	foreign_free(&f);
}

/* Leaves by one device where it is translated, and came in by another. */
static void test_beyond(void **state)
{
	static const uint8_t in[16] = "eth1", out[16] = "eth0";
	struct foreign *f = calloc(1, sizeof(*f));
	uint32_t nat = add_chain(f, "POSTROUTING", "postrouting");
	uint32_t forward = add_chain(f, "FORWARD", "forward");
	struct flow_space sp = incoming(&any);
	struct taken t;
	bool found = false;

	(void)state;
	f->chains[nat].type = "nat";
	sp.way = WAY_THROUGH;
	add_rule(f, nat, FOREIGN_TARGET, "MASQUERADE");
	ask_source(f, "198.51.100.7", "198.51.100.7", false);
	ask(f, FIELD_OIF, out, out, 16, false);
	add_rule(f, forward, FOREIGN_ACCEPT, NULL);
	ask(f, FIELD_IIF, in, in, 16, false);
	run(f, &sp, 64, &t, true);
	for (size_t i = 0; i < t.n; i++)
		found |= !memcmp(t.v[i].key[FLOW_IN], in, 16) &&
			 !memcmp(t.v[i].key[FLOW_OUT], out, 16) &&
			 t.v[i].key[FLOW_CLIENT][3] == 7;
	assert_true(found);
	foreign_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_ban),
		cmocka_unit_test(test_loopback),
		cmocka_unit_test(test_not_loopback),
		cmocka_unit_test(test_other_device),
		cmocka_unit_test(test_outside),
		cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_jump),
		cmocka_unit_test(test_answer),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_beyond),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
