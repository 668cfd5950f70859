/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_image_flow.c: an image says of a flow what the rules say that
 * it was made of, whichever backend made it; and so does the walk when the
 * image stands among the host's own rules.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "backends/backend.h"
#include "core/mem.h"
#include "generators/generate.h"
#include "policies/policy.h"
#include "rules/image_flow.h"
#include "rules/image_foreign.h"
#include "rules/walk.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/rtnetlink.h>

static const char text[] =
	"version: 1\n"
	"state_matching: allowed\n"
	"management:\n"
	"  - {name: ssh, role: server, protocol: tcp, ports: [22], accept: open}\n"
	"untracked:\n"
	"  - {name: web, role: server, protocol: tcp, ports: [80, 443, 8000-8100], accept: none}\n"
	"  - {name: up, role: client, protocol: tcp, ports: [5432, 5433], accept: none, servers: [192.0.2.0/24, 198.51.100.7, 2001:db8:1::/48]}\n"
	"  - {name: way, role: router, protocol: tcp, ports: [8080], accept: none}\n"
	"  - {name: dns, role: [server, client], protocol: udp, ports: [53], accept: none, interfaces: [eth0], clients: [10.0.0.0/8]}\n"
	"  - {name: mux, role: server, protocol: udp, ports: [1000-2000], accept: none, clients: [192.0.2.0/25, 192.0.2.128/26, 2001:db8:1::/64]}\n"
	"  - {name: tunnel, role: [server, client], protocol: gre, accept: none, servers: [203.0.113.9]}\n";

static const char *const v4[] = {
	"192.0.2.1", "192.0.2.130", "192.0.2.200", "198.51.100.7",
	"198.51.100.8", "10.1.2.3", "203.0.113.9", "127.0.0.1",
};
static const char *const v6[] = {
	"2001:db8:1::1", "2001:db8:1:1::1", "2001:db8:2::1", "::1",
};
static const uint16_t ports[] = {
	22, 53, 80, 443, 999, 1000, 1999, 2000, 2001, 5432, 5434, 7999, 8000,
	8050, 8080, 8100, 8101, 50000,
};
static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_GRE };

struct made {
	struct policy *policy;
	struct ruleset *rules;
	struct diags d;
};

static int make(void **state)
{
	static struct made m;

	*state = &m;
	if (policy_parse("p.yaml", text, strlen(text), &m.policy, &m.d))
		return -1;
	return generate(m.policy, &host_facts_default, &m.rules, &m.d);
}

static int unmake(void **state)
{
	struct made *m = *state;

	ruleset_free(&m->rules);
	policy_free(&m->policy);
	diags_release(&m->d);
	return 0;
}

static void set_addr(const char *s, uint8_t *ret)
{
	struct prefix p;

	assert_int_equal(prefix_parse(s, &p), 0);
	memcpy(ret, p.addr, 16);
}

struct seen {
	size_t taken, left;
};

/* One image, asked in two ways. */
struct asked {
	struct image_flows *flows;
	struct foreign *f;
	struct walker *walker;
};

static void packet_of(const struct flow *f, enum hook hook, struct packet *p)
{
	bool in = hook == HOOK_PREROUTING;
	bool here = f->to_local || f->to_group;

	packet_init(p, f->family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6,
		    f->proto, !in ? PATH_FROM_HOST :
			      here ? PATH_TO_HOST : PATH_FORWARDED);
	p->ct_states = NF_CT_STATE_BIT(IP_CT_NEW);
	packet_set(p, FIELD_SADDR, f->saddr);
	packet_set(p, FIELD_DADDR, f->daddr);
	if (protocol_has_ports(f->proto)) {
		packet_set_number(p, FIELD_SPORT, f->sport);
		packet_set_number(p, FIELD_DPORT, f->dport);
	}
	packet_set_number(p, FIELD_SADDR_TYPE, in && !f->loopback ?
						       RTN_UNICAST :
						       RTN_LOCAL);
	packet_set_number(p, FIELD_DADDR_TYPE, f->to_local ? RTN_LOCAL :
					       f->to_group ? RTN_MULTICAST :
							     RTN_UNICAST);
	if (f->loopback)
		packet_set_iface(p, in ? FIELD_IIF : FIELD_OIF, "lo");
}

/* What is in doubt (an interface, a socket) may be so. */
static bool walk_untracks(const struct asked *a, const struct flow *f,
			  enum hook hook)
{
	struct walk walk = { 0 };
	struct packet p;
	bool may;

	packet_of(f, hook, &p);
	assert_int_equal(walk_run(a->walker, &p, &walk), 0);
	may = walk.tracked != TRUTH_YES;
	walk_release(&walk);
	return may;
}

static void compare(const struct ruleset *rs, struct asked *x,
		    const struct flow *f, struct seen *seen)
{
	static const enum hook hooks[] = { HOOK_PREROUTING, HOOK_OUTPUT };

	for (size_t i = 0; i < ARRAY_SIZE(hooks); i++) {
		bool rules = flow_find(f, rs, hooks[i], ACTION_NOTRACK,
				       NULL);
		bool image = image_untracks(x->flows, f, hooks[i]);
		/* The walk takes its time: every seventh is enough. */
		bool walk = (seen->taken + seen->left) % 7 ? image :
			    walk_untracks(x, f, hooks[i]);

		if (rules != image || walk != image)
			print_error("%s, family %u, protocol %u, ports %u %u, local %d, group %d, loopback %d\n",
				    hook_name(hooks[i]), f->family, f->proto,
				    f->sport, f->dport, f->to_local,
				    f->to_group, f->loopback);
		assert_int_equal(rules, image);
		assert_int_equal(walk, image);
		*(image ? &seen->taken : &seen->left) += 1;
	}
}

static void compare_ports(const struct ruleset *rs,
			  struct asked *x, struct flow f,
			  struct seen *seen)
{
	for (size_t p = 0; p < ARRAY_SIZE(protos); p++)
		for (size_t s = 0; s < ARRAY_SIZE(ports); s++)
			for (size_t d = 0; d < ARRAY_SIZE(ports); d++) {
				f.proto = protos[p];
				f.sport = ports[s];
				f.dport = ports[d];
				compare(rs, x, &f, seen);
			}
}

static void compare_places(const struct ruleset *rs,
			   struct asked *x, struct flow f,
			   struct seen *seen)
{
	for (unsigned int bits = 0; bits < 8; bits++) {
		f.to_local = bits & 1;
		f.to_group = bits & 2;
		f.loopback = bits & 4;
		/* An address leads to one place; and home, within a host. */
		if ((f.to_local && f.to_group) || (f.loopback && !f.to_local))
			continue;
		compare_ports(rs, x, f, seen);
	}
}

static void compare_family(const struct ruleset *rs,
			   struct asked *x, uint8_t family,
			   const char *const *addr, size_t n,
			   struct seen *seen)
{
	struct flow f = { .family = family };

	for (size_t s = 0; s < n; s++)
		for (size_t d = 0; d < n; d++) {
			set_addr(addr[s], f.saddr);
			set_addr(addr[d], f.daddr);
			compare_places(rs, x, f, seen);
		}
}

static void test_same(void **state)
{
	struct made *m = *state;

	for (size_t b = 0; backends[b]; b++) {
		_cleanup_(image_free) struct image *img = NULL;
		struct asked x = { .f = calloc(1, sizeof(*x.f)) };
		struct seen seen = { 0 };

		assert_int_equal(backends[b]->lower(m->rules, NULL, NULL,
						    &img, &m->d), 0);
		assert_non_null(x.f);
		assert_int_equal(image_flows_new(img, &x.flows), 0);
		assert_int_equal(image_add_to_foreign(img, backends[b]->world,
						      backends[b]->add_words,
						      x.f), 0);
		assert_int_equal(walker_new(x.f, &x.walker), 0);
		compare_family(m->rules, &x, AF_INET, v4, ARRAY_SIZE(v4),
			       &seen);
		compare_family(m->rules, &x, AF_INET6, v6, ARRAY_SIZE(v6),
			       &seen);
		assert_true(seen.taken > 1000 && seen.left > 1000);
		image_flows_free(&x.flows);
		walker_free(&x.walker);
		foreign_free(&x.f);
	}
}

static void test_empty(void **state)
{
	_cleanup_(image_free) struct image *img = image_new();
	_cleanup_(image_flows_free) struct image_flows *x = NULL;
	struct flow f = { .family = AF_INET, .proto = IPPROTO_TCP,
			  .dport = 80, .to_local = true };

	(void)state;
	assert_non_null(img);
	assert_int_equal(image_flows_new(img, &x), 0);
	assert_false(image_untracks(x, &f, HOOK_PREROUTING));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_empty),
	};

	return cmocka_run_group_tests(tests, make, unmake);
}
