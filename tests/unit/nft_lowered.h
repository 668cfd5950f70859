/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/nft_lowered.h: rules of a few services, and what nftables makes of
 * them.
 */
#ifndef CTPOLICY_TESTS_NFT_LOWERED_H
#define CTPOLICY_TESTS_NFT_LOWERED_H

#include "backends/nft/nft.h"
#include "core/mem.h"
#include "tests/contract/head_stands.h"

static const struct origin web = { .service = "web", .why = "busy" };
static const struct origin api = { .service = "api" };

static inline struct rule *add(struct ruleset *rs, enum hook hook,
			       enum action action, const struct origin *o)
{
	struct rule *r = ruleset_add(rs);

	assert_non_null(r);
	r->hook = hook;
	r->action = action;
	r->leg = LEG_REQUEST;
	r->rank = RANK_SERVICE;
	r->roles = ROLE_SERVER;
	r->match.proto = IPPROTO_TCP;
	r->match.dst = DST_LOCAL;
	r->origin = o;
	return r;
}

static inline void add_port(struct rule *r, uint16_t a, uint16_t b)
{
	assert_int_equal(port_set_add(&r->match.dport,
				      (struct port_range){ a, b }), 0);
}

static inline struct image *lower(const struct ruleset *rs,
				  const struct survey *host)
{
	struct diags d = { 0 };
	struct image *img = NULL;
	_cleanup_(stands_release) struct stands stands = { 0 };

	if (host)
		assert_int_equal(head_stands(host, WORLD_NFT, rs, &stands), 0);
	assert_int_equal(nft_lower(rs, host, host ? &stands : NULL, &img, &d),
			 0);
	diags_release(&d);
	return img;
}

static inline void assert_text(const struct image *img, const char *chain,
			       size_t rule, const char *text)
{
	const struct image_table *t = &img->tables[0];
	const struct image_chain *c = image_find_chain(t, chain);
	_cleanup_(strbuf_release) struct strbuf b = { 0 };

	assert_true(c && rule < c->n_rules);
	nft_print_rule(t->family, &c->rules[rule], &b);
	assert_string_equal(strbuf_str(&b), text);
}

#endif
