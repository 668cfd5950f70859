/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_parse.c: tables, chains and commands of nft's text.
 *
 * Reads what render prints and what `nft list ruleset` does. The host's
 * own things are skipped by their braces, except for jumps into our chains.
 */
#include <stdlib.h>
#include <string.h>

#include "backends/lower/reach.h"
#include "backends/nft/nft_parse.h"
#include "backends/nft/nft_split.h"
#include "core/mem.h"

/* Where a statement stands. */
struct scope {
	uint8_t family;
	const char *table;
	bool own;
};

static struct image_table *scope_table(struct nft_parser *p,
				       const struct scope *s)
{
	struct image_table *t = image_find_table(p->img, s->family, s->table);

	if (t)
		return t;
	t = image_add_table(p->img, s->family, s->table);
	if (t)
		t->owned = s->own;
	return t;
}

static bool is_ours(const struct scope *s, const char *name)
{
	return nft_family_matters(s->family) &&
	       (s->own || nft_name_is_own(name));
}

bool nft_accept_family(struct nft_parser *p, uint8_t *ret)
{
	static const struct {
		const char *name;
		uint8_t family;
	} v[] = {
		{ "ip", NFPROTO_IPV4 }, { "ip6", NFPROTO_IPV6 },
		{ "inet", NFPROTO_INET }, { "arp", NFPROTO_ARP },
		{ "bridge", NFPROTO_BRIDGE }, { "netdev", NFPROTO_NETDEV },
	};

	for (size_t i = 0; i < ARRAY_SIZE(v); i++)
		if (nft_accept(p, v[i].name)) {
			*ret = v[i].family;
			return true;
		}
	return false;
}

/* [family] name; without a family it is `ip` */
static int parse_scope(struct nft_parser *p, struct scope *ret)
{
	int err;

	*ret = (struct scope){ .family = NFPROTO_IPV4 };
	nft_accept_family(p, &ret->family);
	err = nft_expect_name(p, "a table's name", &ret->table);
	ret->own = !err && nft_table_is_own(ret->family, ret->table);
	return err;
}

static enum hook hook_of(const struct nft_tok *t)
{
	for (int h = 0; h < HOOK_MAX_; h++)
		if (nft_tok_is(t, hook_name((enum hook)h)))
			return (enum hook)h;
	return HOOK_MAX_;
}

/* type filter hook prerouting priority raw; policy accept; */
static void parse_hook(struct nft_parser *p, struct image_chain *c)
{
	bool ours = nft_accept(p, "filter") && nft_accept(p, "hook");
	bool notes = own_names_edit(c->name);
	bool tracked = own_names_tracked(c->name);

	c->hook = hook_of(&p->tok);
	nft_next(p);
	ours &= c->hook == HOOK_OUTPUT ||
		c->hook == (notes ? HOOK_FORWARD : HOOK_PREROUTING);
	ours &= nft_accept(p, "priority") &&
		(notes	 ? nft_accept(p, "300") :
		 tracked ? nft_accept(p, "mangle") || nft_accept(p, "-150") :
			   nft_accept(p, "raw") || nft_accept(p, "-300"));
	c->base = ours && p->tok.kind == TOK_EOL;
}

static int set_rule_origin(struct nft_parser *p, struct image_rule *r)
{
	if (!r->comment)
		return 0;
	r->origin = image_origin(p->img, r->comment);
	return r->origin ? 0 : -ENOMEM;
}

static int parse_own_line(struct nft_parser *p, struct image_table *t,
			  struct image_chain *c)
{
	struct image_rule *r;
	int err;

	if (nft_accept(p, "type")) {
		parse_hook(p, c);
		return nft_skip_statement(p);
	}
	if (nft_accept(p, "policy")) {
		c->base &= nft_tok_is(&p->tok, "accept");
		return nft_skip_statement(p);
	}
	r = image_add_rule(c);
	if (!r)
		return -ENOMEM;
	p->echo = own_names_echo(c->name);
	err = nft_parse_rule(p, t, r);
	p->echo = false;
	nft_split_read(t, c->name, r);
	t->iptables |= p->iptables && !t->owned;
	return err ? err : set_rule_origin(p, r);
}

/* The chain of that name, made when it is first mentioned. */
static struct image_chain *scope_chain(struct nft_parser *p,
				       const struct scope *s, const char *name)
{
	struct image_table *t = scope_table(p, s);
	struct image_chain *c = t ? image_find_chain(t, name) : NULL;

	return t && !c ? image_add_chain(t, name, HOOK_MAX_) : c;
}

static int parse_own_chain(struct nft_parser *p, const struct scope *s,
			   const char *name)
{
	struct image_chain *c = scope_chain(p, s, name);
	int err = c ? 0 : -ENOMEM;

	while (!err && p->tok.kind != TOK_CLOSE && p->tok.kind != TOK_END) {
		if (!nft_accept_kind(p, TOK_EOL))
			err = parse_own_line(p, scope_table(p, s), c);
	}
	return err ? err : nft_expect_kind(p, TOK_CLOSE, "'}'");
}

static void rule_release(struct image_rule *r)
{
	image_rule_release(r);
}

/* Accept chains are named after their hook: "ctpolicy-input-2". */
static enum hook hook_of_own(const char *name)
{
	const char *word = name + strlen(NFT_OWN_PREFIX);

	for (enum hook h = 0; h < HOOK_MAX_; h++) {
		size_t n = strlen(hook_name(h));

		if (!strncmp(word, hook_name(h), n) &&
		    (!word[n] || word[n] == '-'))
			return h;
	}
	return HOOK_MAX_;
}

/* Keep a rule of the host's chain if it jumps into one of ctpolicy's. */
static int parse_foreign_rule(struct nft_parser *p, const struct scope *s,
			      const char *chain, uint32_t place)
{
	_cleanup_(rule_release) struct image_rule r = { 0 };
	const struct image_table here = { .family = s->family };
	struct image_chain *c;
	struct image_rule *to;
	int err = nft_parse_rule(p, &here, &r);

	if (err || !r.target || !nft_name_is_own(r.target))
		return err;
	c = scope_chain(p, s, chain);
	to = c ? image_add_rule(c) : NULL;
	if (!to)
		return -ENOMEM;
	scope_table(p, s)->iptables |= p->iptables;
	c->foreign = true;
	c->hook = p->iptables ? reach_xt_hook(chain) :
				hook_of_own(r.target);
	*to = r;
	r = (struct image_rule){ 0 };
	to->place = place;
	return set_rule_origin(p, to);
}

static bool is_declaration(const struct nft_tok *t)
{
	return nft_tok_is(t, "type") || nft_tok_is(t, "policy") ||
	       nft_tok_is(t, "comment") || nft_tok_is(t, "flags") ||
	       nft_tok_is(t, "devices");
}

static int parse_foreign_chain(struct nft_parser *p, const struct scope *s,
			       const char *name)
{
	uint32_t place = 0;
	int err = 0;

	while (!err && p->tok.kind != TOK_CLOSE && p->tok.kind != TOK_END) {
		if (nft_accept_kind(p, TOK_EOL))
			continue;
		if (is_declaration(&p->tok)) {
			err = nft_skip_statement(p);
			continue;
		}
		err = parse_foreign_rule(p, s, name, place++);
	}
	return err ? err : nft_expect_kind(p, TOK_CLOSE, "'}'");
}

/* From behind the name: the block of a chain or set. */
static int parse_chain_block(struct nft_parser *p, const struct scope *s,
			     const char *name)
{
	int err;

	/* `add chain inet x y` alone declares it */
	if (p->tok.kind != TOK_OPEN && is_ours(s, name))
		return scope_chain(p, s, name) ? 0 : -ENOMEM;
	err = nft_expect_kind(p, TOK_OPEN, "'{'");
	if (err)
		return err;
	if (is_ours(s, name))
		return parse_own_chain(p, s, name);
	return nft_family_matters(s->family) ? parse_foreign_chain(p, s, name) :
					     nft_skip_block(p);
}

static int parse_set_block(struct nft_parser *p, const struct scope *s,
			   const char *name)
{
	int err = nft_expect_kind(p, TOK_OPEN, "'{'");

	if (err || !is_ours(s, name))
		return err ? err : nft_skip_block(p);
	return scope_table(p, s) ? nft_parse_set(p, scope_table(p, s), name) :
				   -ENOMEM;
}

/* From behind `ct timeout NAME` */
static int parse_timers_block(struct nft_parser *p, const struct scope *s,
			      const char *name)
{
	int err;

	if (!s->own)
		return nft_skip_statement(p);
	err = nft_expect_kind(p, TOK_OPEN, "'{'");
	if (err)
		return err;
	return scope_table(p, s) ?
		       nft_parse_timers(p, scope_table(p, s), name) : -ENOMEM;
}

static int parse_member(struct nft_parser *p, const struct scope *s)
{
	const char *name;
	bool chain = nft_tok_is(&p->tok, "chain");
	int err;

	if (nft_accept(p, "ct")) {
		if (!nft_accept(p, "timeout"))
			return nft_skip_statement(p);
		err = nft_expect_name(p, "a name", &name);
		return err ? err : parse_timers_block(p, s, name);
	}
	if (!chain && !nft_tok_is(&p->tok, "set"))
		return nft_skip_statement(p);
	nft_next(p);
	err = nft_expect_name(p, "a name", &name);
	if (err)
		return err;
	return chain ? parse_chain_block(p, s, name) :
		       parse_set_block(p, s, name);
}

static int parse_table(struct nft_parser *p)
{
	struct scope s;
	int err = parse_scope(p, &s);

	if (!err && s.own && !scope_table(p, &s))
		err = -ENOMEM;
	if (err || !nft_accept_kind(p, TOK_OPEN))
		return err;
	while (!err && p->tok.kind != TOK_CLOSE && p->tok.kind != TOK_END) {
		if (!nft_accept_kind(p, TOK_EOL))
			err = parse_member(p, &s);
	}
	return err ? err : nft_expect_kind(p, TOK_CLOSE, "'}'");
}

static int command_element(struct nft_parser *p, const struct scope *s,
			   const char *name)
{
	struct image_table *t = image_find_table(p->img, s->family, s->table);
	struct image_set *set = t ? image_find_set(t, name) : NULL;

	if (!is_ours(s, name))
		return nft_skip_statement(p);
	if (!set)
		return nft_parse_error(p, &p->tok, "set %s is not known here",
				       name);
	return nft_parse_elements(p, set);
}

/* Where the end of a chain is, which is not known: where nothing can be. */
#define PLACE_UNKNOWN UINT32_MAX

/* [handle N] [position N] [index N]: the place that a rule gets by them. */
static uint32_t command_place(struct nft_parser *p, bool insert)
{
	uint32_t n = insert ? 0 : PLACE_UNKNOWN;
	char word[16];
	bool index;

	while ((index = nft_tok_is(&p->tok, "index")) ||
	       nft_tok_is(&p->tok, "handle") ||
	       nft_tok_is(&p->tok, "position")) {
		nft_next(p);
		if (index && nft_tok_copy(&p->tok, word, sizeof(word)))
			n = (uint32_t)strtoul(word, NULL, 10) + !insert;
		nft_next(p);
	}
	return n;
}

/* From behind the chain's name. */
static int command_rule(struct nft_parser *p, const struct scope *s,
			const char *chain, bool insert)
{
	uint32_t place = command_place(p, insert);
	struct image_table *t;
	struct image_chain *c;

	if (!nft_family_matters(s->family))
		return nft_skip_statement(p);
	if (!is_ours(s, chain))
		return parse_foreign_rule(p, s, chain, place);
	t = scope_table(p, s);
	c = t ? image_find_chain(t, chain) : NULL;
	if (!c)
		return nft_parse_error(p, &p->tok, "chain %s is not known here",
				       chain);
	return parse_own_line(p, t, c);
}

/* add|create|insert table|chain|set|element|rule ... */
static int parse_command(struct nft_parser *p, bool insert)
{
	struct nft_tok what = p->tok;
	const char *name;
	struct scope s;
	bool timers;
	int err;

	nft_next(p);
	if (nft_tok_is(&what, "table"))
		return parse_table(p);
	timers = nft_tok_is(&what, "ct") && nft_accept(p, "timeout");
	if (!nft_tok_is(&what, "chain") && !nft_tok_is(&what, "set") &&
	    !nft_tok_is(&what, "element") && !nft_tok_is(&what, "rule") &&
	    !timers)
		return nft_skip_statement(p);
	err = parse_scope(p, &s);
	if (!err)
		err = nft_expect_name(p, "a name", &name);
	if (err)
		return err;
	if (timers)
		return parse_timers_block(p, &s, name);
	if (nft_tok_is(&what, "chain"))
		return parse_chain_block(p, &s, name);
	if (nft_tok_is(&what, "set"))
		return parse_set_block(p, &s, name);
	if (nft_tok_is(&what, "element"))
		return command_element(p, &s, name);
	return command_rule(p, &s, name, insert);
}

/* Commands and definitions that do not affect ctpolicy's rules. */
static bool is_passed_over(const struct nft_tok *t)
{
	static const char *const words[] = {
		"define", "delete", "destroy", "flush", "include", "list",
		"redefine", "rename", "replace", "reset", "undefine",
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (nft_tok_is(t, words[i]))
			return true;
	return false;
}

static int parse_statement(struct nft_parser *p)
{
	bool insert = nft_tok_is(&p->tok, "insert");

	if (nft_accept(p, "table"))
		return parse_table(p);
	if (insert || nft_tok_is(&p->tok, "add") ||
	    nft_tok_is(&p->tok, "create")) {
		nft_next(p);
		return parse_command(p, insert);
	}
	if (p->tok.kind == TOK_CLOSE)
		return nft_parse_error(p, &p->tok, "'}' without a '{'");
	if (!is_passed_over(&p->tok))
		return nft_parse_error(p, &p->tok,
				       "this begins no statement of nft");
	return nft_skip_statement(p);
}

int nft_parse(const char *file, const char *text, size_t len,
	      struct image **ret, struct diags *d)
{
	_cleanup_(image_free) struct image *img = image_new();
	struct nft_parser p = {
		.file = file, .text = text, .len = len, .line = 1, .col = 1,
		.img = img, .d = d,
	};
	int err = 0;

	if (!img)
		return -ENOMEM;
	nft_next(&p);
	while (!err && p.tok.kind != TOK_END) {
		if (!nft_accept_kind(&p, TOK_EOL))
			err = parse_statement(&p);
	}
	if (!err)
		err = image_normalize(img);
	if (err)
		return err;
	*ret = TAKE_PTR(img);
	return 0;
}
