/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_import.c: which services two rules are, and which none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <netinet/in.h>

#include "audit/import.h"
#include "core/mem.h"
#include "tests/unit/foreign_build.h"

struct legs {
	struct foreign *f;
	uint32_t pre, out;
};

static struct legs begin(void)
{
	struct legs l = { .f = calloc(1, sizeof(*l.f)) };

	assert_non_null(l.f);
	l.pre = add_chain(l.f, "PREROUTING", "prerouting");
	l.out = add_chain(l.f, "OUTPUT", "output");
	for (size_t i = 0; i < l.f->n_chains; i++) {
		l.f->chains[i].type = "filter";
		l.f->chains[i].priority = "raw";
	}
	return l;
}

static void legs_end(struct legs *l)
{
	foreign_free(&l->f);
}

static void ask_number(struct foreign *f, enum packet_field field,
		       unsigned int first, unsigned int last, bool negated)
{
	uint8_t a[2] = { (uint8_t)(first >> 8), (uint8_t)first };
	uint8_t b[2] = { (uint8_t)(last >> 8), (uint8_t)last };
	size_t bytes = packet_field_bytes(field);

	ask(f, field, a + 2 - bytes, b + 2 - bytes, bytes, negated);
}

static void ask_iface(struct foreign *f, enum packet_field field,
		      const char *name)
{
	uint8_t v[16] = { 0 };

	memcpy(v, name, strlen(name));
	ask(f, field, v, v, sizeof(v), false);
}

static void notrack(struct foreign *f)
{
	const struct term t = { .kind = TERM_NOTRACK };

	assert_int_equal(foreign_add_term(f, &t), 0);
	f->rules[f->n_rules - 1].features = FEATURE_BIT(NOTRACK);
}

/* A NOTRACK rule for ports of tcp. oif: NULL: any */
static void leg_on(struct legs *l, uint32_t chain, enum packet_field port,
		   unsigned int first, unsigned int last, const char *oif)
{
	add_rule(l->f, chain, FOREIGN_NONE, NULL);
	ask_number(l->f, FIELD_L4PROTO, IPPROTO_TCP, IPPROTO_TCP, false);
	ask_number(l->f, port, first, last, false);
	if (oif)
		ask_iface(l->f, FIELD_OIF, oif);
	notrack(l->f);
}

static void leg(struct legs *l, uint32_t chain, enum packet_field port,
		unsigned int first, unsigned int last)
{
	leg_on(l, chain, port, first, last, NULL);
}

static struct import made(const struct legs *l, enum truth forwards)
{
	const struct import_request rq = {
		.forwards = forwards, .families = BOX_IPV4 | BOX_IPV6,
		.with_own = true,
	};
	struct import im;

	assert_int_equal(import_make(l->f, &rq, &im), 0);
	return im;
}

static const struct {
	enum packet_field pre[2], out[2];	/* 0: no rule */
	enum truth forwards;
	unsigned int roles, notes;
} role_cases[] = {
	{ { FIELD_DPORT }, { FIELD_SPORT }, TRUTH_MAYBE, IMPORT_SERVER, 0 },
	{ { FIELD_SPORT }, { FIELD_DPORT }, TRUTH_MAYBE, IMPORT_CLIENT, 0 },
	{ { FIELD_DPORT, FIELD_SPORT }, { 0 }, TRUTH_MAYBE, IMPORT_ROUTER, 0 },
	{ { FIELD_DPORT, FIELD_SPORT }, { FIELD_DPORT, FIELD_SPORT },
	  TRUTH_NO, IMPORT_SERVER | IMPORT_CLIENT, 0 },
	{ { FIELD_DPORT, FIELD_SPORT }, { FIELD_DPORT, FIELD_SPORT },
	  TRUTH_YES, IMPORT_SERVER | IMPORT_CLIENT | IMPORT_ROUTER, 0 },
	{ { FIELD_DPORT, FIELD_SPORT }, { FIELD_DPORT, FIELD_SPORT },
	  TRUTH_MAYBE, IMPORT_SERVER | IMPORT_CLIENT, IMPORT_FORWARDED },
	{ { FIELD_DPORT }, { 0 }, TRUTH_MAYBE, IMPORT_SERVER, IMPORT_ADDED },
	{ { 0 }, { FIELD_SPORT }, TRUTH_MAYBE, IMPORT_SERVER, IMPORT_ADDED },
	{ { FIELD_SPORT }, { 0 }, TRUTH_MAYBE, IMPORT_CLIENT, IMPORT_ADDED },
	{ { 0 }, { FIELD_DPORT }, TRUTH_MAYBE, IMPORT_CLIENT, IMPORT_ADDED },
	{ { FIELD_DPORT }, { FIELD_DPORT }, TRUTH_MAYBE,
	  IMPORT_SERVER | IMPORT_CLIENT, IMPORT_ADDED },
};

static void test_roles(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(role_cases); i++) {
		_cleanup_(legs_end) struct legs l = begin();
		_cleanup_(import_release) struct import im = { 0 };

		for (size_t k = 0; k < 2; k++) {
			if (role_cases[i].pre[k])
				leg(&l, l.pre, role_cases[i].pre[k], 80, 80);
			if (role_cases[i].out[k])
				leg(&l, l.out, role_cases[i].out[k], 80, 80);
		}
		im = made(&l, role_cases[i].forwards);
		assert_int_equal(im.n, 1);
		assert_int_equal(im.n_left, 0);
		assert_int_equal(im.v[0].roles, role_cases[i].roles);
		assert_int_equal(im.v[0].notes, role_cases[i].notes);
		assert_string_equal(im.v[0].name, "tcp-80");
		assert_int_equal(im.families, BOX_IPV4);
	}
}

/* Ports that only one direction names are a service of their own. */
static void test_ports(void **unused)
{
	_cleanup_(legs_end) struct legs l = begin();
	_cleanup_(import_release) struct import im = { 0 };

	(void)unused;
	leg(&l, l.pre, FIELD_DPORT, 80, 89);
	leg(&l, l.out, FIELD_SPORT, 85, 100);
	im = made(&l, TRUTH_NO);
	assert_int_equal(im.n, 2);
	assert_int_equal(im.v[0].notes | im.v[1].notes, IMPORT_ADDED);
	for (size_t i = 0; i < im.n; i++) {
		const struct port_set *p = &im.v[i].box.dport;

		assert_int_equal(im.v[i].roles, IMPORT_SERVER);
		if (im.v[i].notes) {
			assert_int_equal(p->n, 2);
			assert_int_equal(p->v[0].first, 80);
			assert_int_equal(p->v[0].last, 84);
			assert_int_equal(p->v[1].first, 90);
			assert_int_equal(p->v[1].last, 100);
		} else {
			assert_int_equal(p->n, 1);
			assert_int_equal(p->v[0].first, 85);
			assert_int_equal(p->v[0].last, 89);
		}
	}
}

/* Loopback belongs to the service; alone it is one. */
static void test_loopback(void **unused)
{
	_cleanup_(legs_end) struct legs l = begin();
	_cleanup_(import_release) struct import im = { 0 };

	(void)unused;
	leg(&l, l.pre, FIELD_DPORT, 80, 80);
	leg(&l, l.out, FIELD_SPORT, 80, 80);
	leg_on(&l, l.out, FIELD_DPORT, 80, 81, "lo");
	im = made(&l, TRUTH_NO);
	assert_int_equal(im.n, 2);
	assert_int_equal(im.v[0].box.iif.n, 0);
	assert_int_equal(im.v[0].rules.n, 3);
	assert_int_equal(im.v[1].box.iif.n, 1);
	assert_string_equal(im.v[1].box.iif.v[0].name, "lo");
	assert_int_equal(im.v[1].box.dport.v[0].first, 81);
	assert_int_equal(im.v[1].notes, IMPORT_ADDED);
}

/* Twins, once; what one list tells apart, together. */
static void test_merging(void **unused)
{
	static const char *const nets[] = { "10.0.0.0", "10.1.0.0",
					    "10.0.0.0" };
	_cleanup_(legs_end) struct legs l = begin();
	_cleanup_(import_release) struct import im = { 0 };

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(nets); i++) {
		add_rule(l.f, l.pre, FOREIGN_NONE, NULL);
		ask_number(l.f, FIELD_L4PROTO, IPPROTO_UDP, IPPROTO_UDP, false);
		ask_source(l.f, nets[i], nets[i], false);
		l.f->terms[l.f->n_terms - 1].family = NFPROTO_IPV4;
		ask_number(l.f, FIELD_DPORT, 53, 53, false);
		notrack(l.f);
	}
	im = made(&l, TRUTH_NO);
	assert_int_equal(im.n, 1);
	assert_int_equal(im.v[0].rules.n, 3);
	assert_int_equal(im.v[0].box.src.n, 2);
}

static void test_left(void **unused)
{
	_cleanup_(legs_end) struct legs l = begin();
	_cleanup_(import_release) struct import im = { 0 };

	(void)unused;
	/* an earlier rule takes all of it */
	add_rule(l.f, l.pre, FOREIGN_ACCEPT, NULL);
	ask_number(l.f, FIELD_L4PROTO, IPPROTO_TCP, IPPROTO_TCP, false);
	leg(&l, l.pre, FIELD_DPORT, 80, 80);
	/* what no policy asks for, and its other direction */
	add_rule(l.f, l.out, FOREIGN_NONE, NULL);
	ask_number(l.f, FIELD_L4PROTO, IPPROTO_UDP, IPPROTO_UDP, false);
	ask_number(l.f, FIELD_DPORT, 53, 53, false);
	ask_number(l.f, FIELD_ICMP_CODE, 1, 1, false);
	notrack(l.f);
	add_rule(l.f, l.pre, FOREIGN_NONE, NULL);
	ask_number(l.f, FIELD_L4PROTO, IPPROTO_UDP, IPPROTO_UDP, false);
	ask_number(l.f, FIELD_SPORT, 53, 53, false);
	notrack(l.f);
	im = made(&l, TRUTH_NO);
	assert_int_equal(im.n, 0);
	assert_int_equal(im.n_left, 3);
	assert_int_equal(im.left[0].reason, REASON_SHADOWED);
	assert_int_equal(im.left[0].other, 0);
	assert_int_equal(im.left[1].reason, REASON_BOX);
	assert_int_equal(im.left[1].unsaid, UNSAID_FIELD);
	assert_int_equal(im.left[2].reason, REASON_PARTNER);
	assert_int_equal(im.left[2].other, 2);
}

/* Ports that an earlier rule accepts stay tracked. */
static void test_spared(void **unused)
{
	_cleanup_(legs_end) struct legs l = begin();
	_cleanup_(import_release) struct import im = { 0 };

	(void)unused;
	add_rule(l.f, l.pre, FOREIGN_ACCEPT, NULL);
	ask_number(l.f, FIELD_L4PROTO, IPPROTO_TCP, IPPROTO_TCP, false);
	ask_number(l.f, FIELD_DPORT, 22, 22, false);
	leg(&l, l.pre, FIELD_DPORT, 20, 30);
	leg(&l, l.out, FIELD_SPORT, 1, 65535);
	im = made(&l, TRUTH_NO);
	assert_int_equal(im.n, 1);
	assert_int_equal(im.n_left, 0);
	assert_int_equal(im.v[0].notes, 0);
	assert_int_equal(im.v[0].box.dport.n, 2);
	assert_int_equal(im.v[0].box.dport.v[0].last, 21);
	assert_int_equal(im.v[0].box.dport.v[1].first, 23);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_roles),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_loopback),
		cmocka_unit_test(test_merging),
		cmocka_unit_test(test_left),
		cmocka_unit_test(test_spared),
	};

	return cmocka_run_group_tests_name("import", tests, NULL, NULL);
}
