/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/places_scene.h: a host with an INPUT chain that drops, and a
 * service on tcp port 80 of it, built by hand.
 */
#ifndef CTPOLICY_TESTS_UNIT_PLACES_SCENE_H
#define CTPOLICY_TESTS_UNIT_PLACES_SCENE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <linux/netfilter/nf_conntrack_common.h>

#include "audit/places.h"
#include "core/mem.h"
#include "tests/unit/foreign_build.h"

#define NEW NF_CT_STATE_BIT(IP_CT_NEW)
#define ESTABLISHED NF_CT_STATE_BIT(IP_CT_ESTABLISHED)
#define RELATED NF_CT_STATE_BIT(IP_CT_RELATED)
#define INVALID NF_CT_STATE_INVALID_BIT

static const struct origin web = { .service = "web" };

struct scene {
	struct foreign *f;
	struct ruleset rs;
	struct stands stands;
	uint32_t input;
};

static struct rule *want(struct scene *s, uint8_t proto, enum leg leg)
{
	struct rule *r = ruleset_add(&s->rs);

	assert_non_null(r);
	r->hook = HOOK_INPUT;
	r->action = ACTION_ACCEPT;
	r->leg = leg;
	r->rank = RANK_SERVICE;
	r->origin = &web;
	r->match.family = AF_INET;
	r->match.proto = proto;
	r->match.ct = CT_UNTRACKED;
	r->match.dst = DST_LOCAL;
	if (proto != IPPROTO_ICMP)
		assert_int_equal(port_set_add(&r->match.dport,
					      (struct port_range){ 80, 80 }),
				 0);
	return r;
}

static int setup(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));
	struct rule *r;

	assert_non_null(s);
	s->f = calloc(1, sizeof(*s->f));
	assert_non_null(s->f);
	s->input = add_chain(s->f, "INPUT", "input");
	s->f->chains[s->input].type = "filter";
	s->f->chains[s->input].priority = "0";
	s->f->chains[s->input].policy = "drop";
	s->rs.ipv4 = true;
	want(s, IPPROTO_TCP, LEG_REQUEST);
	r = want(s, IPPROTO_ICMP, LEG_BOTH);
	r->rank = RANK_ICMP;
	r->match.dst = DST_ANY;
	r->match.ct = CT_INVALID_OR_UNTRACKED;
	r->match.icmp[0] = (struct icmp_range){ 3, 3 };
	r->match.n_icmp = 1;
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct scene *s = *state;

	foreign_free(&s->f);
	ruleset_release(&s->rs);
	stands_release(&s->stands);
	free(s);
	return 0;
}

static void opened(struct scene *s)
{
	for (size_t i = 0; i < s->rs.n; i++)
		s->rs.v[i].open = true;
}

static void in_state(struct scene *s, uint32_t state, bool negated)
{
	uint32_t v = htonl(state);

	ask(s->f, FIELD_STATE, &v, &v, 4, negated);
}

static void by_state(struct scene *s, uint32_t chain, uint32_t state,
		     enum foreign_verdict verdict)
{
	add_rule(s->f, chain, verdict, NULL);
	in_state(s, state, false);
}

static inline void plain(struct scene *s, uint32_t chain,
			 enum foreign_verdict verdict)
{
	add_rule(s->f, chain, verdict, NULL);
}

static void find(struct scene *s)
{
	stands_release(&s->stands);
	assert_int_equal(places_find(s->f, &s->rs, &s->stands), 0);
}

/* So many rules stand behind so many of the chain's own. */
static void assert_stand(const struct scene *s, size_t i, const char *chain,
			 uint32_t behind, size_t n)
{
	assert_true(i < s->stands.n);
	assert_string_equal(s->stands.v[i].chain, chain);
	assert_int_equal(s->stands.v[i].behind, behind);
	assert_int_equal(s->stands.v[i].accepts.n, n);
	assert_int_equal(s->stands.v[i].number, i + 1);
}

#endif
