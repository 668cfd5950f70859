/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_import_yaml.c: what import writes, the loader reads back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <netinet/in.h>

#include "cli/policy/import_report.h"
#include "core/mem.h"
#include "policies/policy.h"
#include "tests/unit/foreign_build.h"

/* A rule whose text would end a comment, a line or a string too early. */
static const char hostile[] =
	"-m comment --comment \"a\\\" # \n- b: [c\t\x1b]0;x\x07 \xff\xe2\x80\xae\"";

static struct foreign *model(void)
{
	struct foreign *f = calloc(1, sizeof(*f));
	uint32_t chain;

	assert_non_null(f);
	chain = add_chain(f, "odd: \"name\" # \xff", "prerouting");
	add_rule(f, chain, FOREIGN_NONE, NULL);
	f->rules[0].raw = (struct foreign_text){ hostile, sizeof(hostile) - 1 };
	f->rules[0].line = 7;
	return f;
}

static void add_prefixes(struct prefix_set *s, const char *const *v)
{
	for (; *v; v++) {
		struct prefix p;

		assert_int_equal(prefix_parse(*v, &p), 0);
		assert_int_equal(prefix_set_add(s, &p), 0);
	}
	prefix_set_normalize(s);
}

static void add_ifaces(struct iface_set *s, const char *const *v)
{
	for (; *v; v++) {
		struct iface x;

		assert_int_equal(iface_parse(*v, &x), 0);
		assert_int_equal(iface_set_add(s, &x), 0);
	}
	iface_set_normalize(s);
}

static void set_proto(struct box *b, unsigned int proto)
{
	b->protos[proto / 64] |= UINT64_C(1) << proto % 64;
}

static const char *const none[] = { NULL };
static const char *const mixed[] = { "10.0.0.0/8", "::/0", "2001:db8::1",
				     "0.0.0.0/0", NULL };
/* Words that YAML takes for something else, and names it would stumble over. */
static const char *const names[] = { "no", "y", "null", "~", "1e3", "0x10",
				     "wan*", "br-a,b", "a#b", "-", "[x]",
				     "eth0.100@x", "it's", "%lo", NULL };

static const struct {
	const char *name;
	unsigned int roles, notes;
	uint8_t protos[3];
	struct port_range ports[3];
	const char *const *clients, *const *servers, *const *ifaces;
} given[] = {
	{ "tcp-80", IMPORT_SERVER, 0, { IPPROTO_TCP },
	  { { 80, 80 }, { 443, 443 }, { 8000, 8010 } }, none, none, none },
	{ "udp-0-65535", IMPORT_SERVER | IMPORT_CLIENT | IMPORT_ROUTER,
	  IMPORT_NOTES_MAX_ - 1, { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP },
	  { { 0, 65535 } }, mixed, mixed, names },
	{ "protocol-89", IMPORT_CLIENT, IMPORT_ADDED, { 89, 47, 253 }, { { 0 } },
	  none, mixed, names },
};

static void add_service(struct import *im, size_t i)
{
	struct import_service *s;

	assert_int_equal(mem_grow(&im->v, &im->cap, im->n + 1), 0);
	s = &im->v[im->n++];
	*s = (struct import_service){
		.name = strdup(given[i].name), .roles = given[i].roles,
		.notes = given[i].notes,
		.box = { .families = BOX_IPV4 | BOX_IPV6 },
	};
	assert_non_null(s->name);
	for (size_t k = 0; k < 3; k++) {
		if (given[i].protos[k])
			set_proto(&s->box, given[i].protos[k]);
		if (given[i].ports[k].last)
			assert_int_equal(port_set_add(&s->box.dport,
						      given[i].ports[k]), 0);
	}
	add_prefixes(&s->box.src, given[i].clients);
	add_prefixes(&s->box.dst, given[i].servers);
	add_ifaces(&s->box.iif, given[i].ifaces);
	s->rules.v = calloc(1, sizeof(*s->rules.v));
	assert_non_null(s->rules.v);
	s->rules.n = s->rules.cap = 1;
}

static void same_prefixes(const struct prefix_set *a,
			  const struct prefix_set *b)
{
	assert_int_equal(a->n, b->n);
	assert_int_equal(prefix_set_cmp(a, b), 0);
}

static void same_service(const struct import_service *a,
			 const struct service *b)
{
	assert_string_equal(a->name, b->name);
	assert_int_equal(a->roles & IMPORT_SERVER, b->roles & ROLE_SERVER);
	assert_int_equal(!(a->roles & IMPORT_CLIENT),
			 !(b->roles & ROLE_CLIENT));
	assert_int_equal(!(a->roles & IMPORT_ROUTER),
			 !(b->roles & ROLE_ROUTER));
	assert_int_equal(box_count_protos(&a->box), b->n_protocols);
	for (size_t i = 0; i < b->n_protocols; i++)
		assert_true(box_has_proto(&a->box, b->protocols[i]));
	assert_int_equal(a->box.dport.n, b->ports.n);
	for (size_t i = 0; i < b->ports.n; i++)
		assert_memory_equal(&a->box.dport.v[i], &b->ports.v[i],
				    sizeof(*b->ports.v));
	same_prefixes(&a->box.src, &b->clients);
	same_prefixes(&a->box.dst, &b->servers);
	assert_int_equal(a->box.iif.n, b->ifaces.n);
	for (size_t i = 0; i < b->ifaces.n; i++)
		assert_int_equal(iface_cmp(&a->box.iif.v[i], &b->ifaces.v[i]),
				 0);
	assert_string_equal(b->why, "imported from line 7");
}

static void test_round_trip(void **unused)
{
	_cleanup_(foreign_free) struct foreign *f = model();
	_cleanup_(import_release) struct import im = {
		.families = BOX_IPV4 | BOX_IPV6,
	};
	_cleanup_(strbuf_release) struct strbuf text = { 0 };
	_cleanup_(diags_release) struct diags d = { 0 };
	_cleanup_(policy_free) struct policy *p = NULL;
	struct import_report r = { "-", f, &im, &d };

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(given); i++)
		add_service(&im, i);
	im.left = calloc(1, sizeof(*im.left));
	assert_non_null(im.left);
	im.n_left = 1;
	im.left[0] = (struct import_left){
		.other = 0, .reason = REASON_BOX, .unsaid = UNSAID_SET,
		.word = "a\n- name: \"x",
	};
	import_print_yaml(&r, &text);
	assert_int_equal(strbuf_status(&text), 0);
	if (policy_parse("imported", text.s, text.n, &p, &d)) {
		print_error("%s\n", text.s);
		diags_print(&d, NULL, 0, 0, false, stderr);
		fail();
	}
	assert_int_equal(p->n_services, im.n);
	for (size_t i = 0; i < im.n; i++)
		same_service(&im.v[i], &p->services[i]);
}

/* However many rules and however long their names: one line that a policy may
 * hold. */
static void test_why(void **unused)
{
	_cleanup_(foreign_free) struct foreign *f = model();
	_cleanup_(import_release) struct import im = { 0 };
	_cleanup_(strbuf_release) struct strbuf why = { 0 };
	struct import_report r = { "dir/rules \"x\"", f, &im, NULL };

	(void)unused;
	add_service(&im, 0);
	im.v[0].rules.v = realloc(im.v[0].rules.v, 100 * sizeof(uint32_t));
	assert_non_null(im.v[0].rules.v);
	memset(im.v[0].rules.v, 0, 100 * sizeof(uint32_t));
	im.v[0].rules.n = im.v[0].rules.cap = 100;
	import_print_why(&r, &im.v[0], &why);
	assert_true(why.n <= 100);
	assert_non_null(strstr(why.s, "7, 7, ..."));
	strbuf_clear(&why);
	r.source = "live";
	import_print_why(&r, &im.v[0], &why);
	assert_string_equal(why.s, "imported from ip filter odd: \"name\" # ?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_why),
	};

	return cmocka_run_group_tests_name("import_yaml", tests, NULL, NULL);
}
