/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_compat.c: which rules a table of iptables-nft gets, and
 * their text.
 */
#include <string.h>

#include "backends/nft/nft_compat.h"
#include "backends/xtables/ipt_rows.h"
#include "backends/xtables/ipt_split.h"
#include "backends/xtables/ipt_step.h"
#include "backends/xtables/xt.h"
#include "backends/xtables/xt_terms.h"
#include "core/mem.h"

const bool nft_compat_works = true;

/* The interfaces that vary in the group: a row for each, NULL: none does. */
static const struct iface_set *ifaces_of(const struct fuse_group *g,
					 const struct rule *r, bool *ret_in)
{
	enum key_part last = g->n_parts ? g->part[g->n_parts - 1] :
					  KEY_PART_MAX_;

	*ret_in = last == KEY_IIFNAME;
	if (*ret_in)
		return &r->match.iif;
	return last == KEY_OIFNAME ? &r->match.oif : NULL;
}

/*
 * ip6tables has no word for "not the first fragment": first fragments leave
 * the chain before the rules for the others, which stand last.
 */
static int guard_fragments(struct image_chain *c)
{
	static const struct origin nobody;
	struct image_rule *r;

	for (size_t i = 0; i < c->n_rules; i++)
		if (c->rules[i].match.fragment_tail)
			return 0;
	r = image_add_rule(c);
	if (!r)
		return -ENOMEM;
	r->verdict = VERDICT_RETURN;
	r->match.family = AF_INET6;
	r->match.fragment_tail = true;
	r->origin = &nobody;
	r->comment = strdup(NFT_JUMP_COMMENT);
	return r->comment ? 0 : -ENOMEM;
}

static int emit(const struct fuse_group *g, const struct compat_root *root,
		const struct rule *r, const struct ipt_rows *to)
{
	struct match model = g->model.match;	/* borrows */
	struct ipt_rows rows = *to;
	const struct iface_set *s = ifaces_of(g, r, &rows.iface_in);
	int err = 0;

	model.dst = r->match.dst;
	rows.model = &model;
	if (root)
		return nft_compat_put_tree(g, root, &rows, r);
	if (!s)
		return ipt_rows_emit(&rows, r);
	for (size_t i = 0; !err && i < s->n; i++) {
		if (s->v[i].wild || !strcmp(s->v[i].name, "lo"))
			continue;
		rows.iface = &s->v[i];
		err = ipt_rows_emit(&rows, r);
	}
	return err;
}

/* Both legs of a portless protocol may give the same row. */
static void drop_twins(struct image_chain *c, size_t start)
{
	for (size_t i = start; i < c->n_rules;) {
		size_t k = 0;

		while (k < i && !image_rule_equal(&c->rules[k], &c->rules[i]))
			k++;
		if (k == i) {
			i++;
			continue;
		}
		image_rule_release(&c->rules[i]);
		memmove(&c->rules[i], &c->rules[i + 1],
			(--c->n_rules - i) * sizeof(c->rules[0]));
	}
}

/* `root`: as a tree of chains; NULL: as rules in a row. */
static int lower_rule(const struct fuse_group *g,
		      const struct compat_root *root, const struct rule *r,
		      const struct ipt_rows *to)
{
	_cleanup_(ruleset_release) struct ruleset words = { 0 };
	size_t start = to->chain->n_rules;
	int err = 0;

	if (to->family == AF_INET)
		err = emit(g, root, r, to);
	else
		err = ipt_split_rule(r, &words);
	for (size_t i = 0; !err && i < words.n; i++)
		if (words.v[i].match.family != AF_INET)
			err = emit(g, root, &words.v[i], to);
	if (!err && !protocol_has_ports(r->match.proto))
		drop_twins(to->chain, start);
	return err;
}

static int lower_joined(const struct fuse_group *g,
			const struct compat_root *root,
			const struct ipt_rows *to)
{
	struct rule all;
	int err = nft_compat_join(g, &all);

	if (err)
		return err;
	err = lower_rule(g, root, &all, to);
	match_release(&all.match);
	return err;
}

int nft_compat_lower(const struct fuse_group *g, struct image_table *t,
		     const char *chain)
{
	struct ipt_rows to = {
		.family = nft_table_af(t->family), .verdict = VERDICT_ACCEPT,
		.chain = image_find_chain(t, chain),
	};
	const struct compat_root root = { t, chain };
	int err = 0;

	if (nft_compat_is_long(g))
		return lower_joined(g, &root, &to);
	if (g->model.match.fragment_tail && to.family == AF_INET6)
		err = guard_fragments(to.chain);
	for (size_t i = 0; !err && i < g->n_members; i++)
		err = lower_rule(g, NULL, g->members[i], &to);
	return err;
}

/* Text of any kind, as words between which the quotes are even. */
static void put_plainly(const char *s, struct strbuf *out)
{
	for (; *s; s++) {
		bool bare = *s == '\\' && s[1] == '"';

		s += bare;
		strbuf_add(out, bare || (unsigned char)*s < ' ' ? "'" : s, 1);
	}
}

void nft_compat_print(uint8_t family, const struct image_rule *r,
		      struct strbuf *out)
{
	_cleanup_(strbuf_release) struct strbuf text = { 0 };
	_cleanup_(ipt_args_release) struct ipt_args a = { 0 };
	int err = ipt_args_encode(r, family, &a);

	strbuf_puts(out, family == NFPROTO_IPV4 ? "iptables " : "ip6tables ");
	ipt_args_print(&a, &text);
	if (err == -ENOMEM || strbuf_status(&text))
		out->lost = true;
	else if (err)
		strbuf_puts(&text, r->unknown ? r->unknown : "?");
	put_plainly(strbuf_str(&text), out);
}

int nft_compat_settle(uint8_t family, const char *words, char **ret)
{
	return xt_settle(family, words, ret);
}

int nft_compat_add_words(uint8_t family, const char *words, struct foreign *f)
{
	return xt_add_words(family, words, f);
}

bool nft_compat_print_step(const struct step *s, struct strbuf *out)
{
	if (s->kind != STEP_CHAIN && s->kind != STEP_RULE)
		return false;
	ipt_step_print(s, out);
	return true;
}

bool nft_compat_print_inner(const struct step *s, struct strbuf *out)
{
	if (s->kind != STEP_RULE)
		return false;
	ipt_step_print_rule(s, out);
	return true;
}

int nft_compat_parse(const char *text, size_t len, uint8_t family, bool echo,
		     struct image *img, struct image_rule *ret)
{
	_cleanup_(ipt_args_release) struct ipt_args a = { 0 };
	int err = ipt_args_split(text, len, &a);

	*ret = (struct image_rule){ .verdict = VERDICT_UNKNOWN };
	ret->match.family = nft_table_af(family);
	if (!err && echo)
		return ipt_args_words(&a, ret);
	if (!err)
		return ipt_args_decode(&a, family, NULL, nft_name_is_own, img,
				       ret);
	if (err == -ENOMEM)
		return err;
	ret->unknown = strndup(text, len);
	return ret->unknown ? 0 : -ENOMEM;
}
