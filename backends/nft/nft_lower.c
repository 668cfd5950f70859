/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/nft/nft_lower.c: which rules go to which table and chain. */
#include <string.h>

#include "backends/nft/nft_compat.h"
#include "backends/nft/nft_lower.h"
#include "core/intern.h"
#include "core/mem.h"

/* The table of that name, made when first needed. */
static struct image_table *need_table(struct image *img, uint8_t family,
				      const char *name)
{
	struct image_table *t = image_find_table(img, family, name);

	if (t)
		return t;
	t = image_add_table(img, family, name);
	if (t)
		t->owned = nft_table_is_own(family, name);
	return t;
}

static int lower_notrack(struct image *img, const struct fuse_group *g)
{
	struct nft_place at = { .prefix = "" };
	struct image_chain *c;

	at.table = need_table(img, NFPROTO_INET, NFT_OWN_TABLE);
	if (!at.table)
		return -ENOMEM;
	at.chain = hook_name(g->model.hook);
	if (!image_find_chain(at.table, at.chain)) {
		c = image_add_chain(at.table, at.chain, g->model.hook);
		if (!c)
			return -ENOMEM;
		c->base = true;
	}
	return nft_lower_group(&at, g);
}

/* The chain's hook, family and drops, and what the group is for. */
static bool meets(const struct foreign_chain *f, const struct fuse_group *g)
{
	uint8_t af = nft_table_af(f->family);

	if (af != AF_UNSPEC && g->family != AF_UNSPEC && af != g->family)
		return false;
	for (size_t i = 0; i < g->n_members; i++)
		if (foreign_chain_meets(f, g->members[i]))
			return true;
	return false;
}

/* A chain of ctpolicy's, and the jump to it at the head of the host's. */
static int add_jump(struct image_table *t, const struct foreign_chain *f,
		    const char *target)
{
	static const struct origin nobody;
	struct image_chain *c = image_find_chain(t, f->chain);
	struct image_rule *r;

	if (c)
		return 0;
	c = image_add_chain(t, f->chain, f->hook);
	if (!c)
		return -ENOMEM;
	c->foreign = true;
	r = image_add_rule(c);
	if (!r)
		return -ENOMEM;
	r->verdict = VERDICT_JUMP;
	r->match.family = nft_table_af(t->family);
	r->origin = &nobody;
	r->target = target;
	r->comment = strdup(NFT_JUMP_COMMENT);
	return r->comment ? 0 : -ENOMEM;
}

static int accept_place(struct image *img, const struct foreign_chain *f,
			struct nft_place *ret)
{
	struct nft_place at = { .prefix = NFT_OWN_PREFIX };
	int err;

	at.table = need_table(img, f->family, f->table);
	if (!at.table)
		return -ENOMEM;
	at.table->iptables = f->owner == OWNER_IPTABLES_NFT;
	at.chain = intern_printf(NFT_OWN_PREFIX "%s", hook_name(f->hook));
	if (!at.chain)
		return -ENOMEM;
	if (!image_find_chain(at.table, at.chain) &&
	    !image_add_chain(at.table, at.chain, HOOK_MAX_))
		return -ENOMEM;
	err = add_jump(at.table, f, at.chain);
	if (!err)
		*ret = at;
	return err;
}

/*
 * The chains of one table and hook share one of ctpolicy's: the group's rules
 * go into it once, on behalf of the first that needs them.
 */
static bool is_first_of_hook(const struct survey *host,
			     const struct fuse_group *g, size_t i)
{
	const struct foreign_chain *f = &host->filters[i];

	for (size_t k = 0; k < i; k++)
		if (host->filters[k].family == f->family &&
		    host->filters[k].hook == f->hook &&
		    meets(&host->filters[k], g) &&
		    !strcmp(host->filters[k].table, f->table))
			return false;
	return true;
}

/* In the dialect of the table's owner. */
static int lower_group(const struct nft_place *at, const struct fuse_group *g)
{
	if (!at->table->iptables)
		return nft_lower_group(at, g);
	return nft_compat_lower(g, at->table,
				image_find_chain(at->table, at->chain));
}

static int lower_accepts(struct image *img, const struct fuse_group *g,
			 const struct survey *host, bool *placed)
{
	int err = 0;

	for (size_t i = 0; !err && i < host->n_filters; i++) {
		const struct foreign_chain *f = &host->filters[i];
		struct nft_place at;

		if (!meets(f, g))
			continue;
		*placed = true;
		err = accept_place(img, f, &at);
		if (!err && is_first_of_hook(host, g, i))
			err = lower_group(&at, g);
	}
	return err;
}

/* firewalld accepts by port, whatever the packet's state. */
static void help_firewalld(const struct rule *r, struct diags *d)
{
	const struct port_set *s = r->match.dport.n ? &r->match.dport :
						      &r->match.sport;
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	const char *proto = protocol_name(r->match.proto);
	const char *what = r->match.dport.n ? "port" : "source-port";

	for (size_t i = 0; proto && i < s->n; i++) {
		strbuf_printf(&b, " --add-%s=", what);
		port_range_print(&s->v[i], &b);
		strbuf_printf(&b, "/%s", proto);
	}
	if (!proto || !s->n || strbuf_status(&b))
		diag_help(d, "have firewalld accept the packets (firewall-cmd "
			  "--permanent --add-rich-rule), or unset "
			  "NftablesTableOwner in firewalld.conf");
	else
		diag_help(d, "run 'firewall-cmd --permanent%s' and "
			  "'firewall-cmd --reload', then state `accept: none`; "
			  "or set NftablesTableOwner=no in firewalld.conf",
			  strbuf_str(&b));
}

/* A table with `flags owner` refuses every process but its owner. */
static int refuse_owned(const struct fuse_group *g,
			const struct foreign_chain *f, struct diags *d)
{
	diag_add(d, DIAG_ERROR, 0, ID_TABLE_OWNED, g->members[0]->origin->at,
		 "chain %s of table %s %s drops packets of this service, and "
		 "only the program with netlink port %u may change that table "
		 "(flags owner)", f->chain, nfproto_name(f->family), f->table,
		 f->port);
	if (f->owner == OWNER_FIREWALLD)
		help_firewalld(g->members[0], d);
	else
		diag_help(d, "the port usually is a process id: have that "
			  "program accept the packets, or filter in another "
			  "table");
	return -FAULT_CONFLICT;
}

/* Tables that no rule of ctpolicy's can be put into. */
static int refuse_foreign(const struct fuse_group *g, const struct survey *host,
			  struct diags *d)
{
	for (size_t i = 0; i < host->n_filters; i++) {
		const struct foreign_chain *f = &host->filters[i];
		bool lacking = f->owner == OWNER_IPTABLES_NFT &&
			       !nft_compat_works;

		if ((!f->port && !lacking) || !meets(f, g))
			continue;
		if (f->port)
			return refuse_owned(g, f, d);
		diag_add(d, DIAG_ERROR, 0, ID_HOST_TABLE_TAKEN,
			 g->members[0]->origin->at,
			 "chain %s of table %s %s belongs to %s and drops "
			 "packets of this service: this ctpolicy was built "
			 "without iptables and cannot put accept rules there",
			 f->chain, nfproto_name(f->family), f->table,
			 chain_owner_name(f->owner));
		diag_help(d, "build with libxtables; or state `accept: none`, "
			  "but only after these packets, and ICMP errors, are "
			  "accepted ahead of any rule that drops INVALID");
		return -FAULT_CONFLICT;
	}
	return 0;
}

static int lower_all(struct image *img, const struct fuse *f,
		     const struct survey *host, bool *placed, struct diags *d)
{
	int err = 0;

	for (size_t i = 0; !err && i < f->n; i++) {
		const struct fuse_group *g = &f->v[i];

		if (g->model.action == ACTION_NOTRACK) {
			err = lower_notrack(img, g);
			continue;
		}
		if (!host)
			continue;
		err = refuse_foreign(g, host, d);
		if (!err)
			err = lower_accepts(img, g, host, placed);
	}
	return err;
}

static void note_accepts(const struct ruleset *rs, const struct survey *host,
			 bool placed, struct diags *d)
{
	if (!rs->wants_accepts || placed)
		return;
	if (host)
		survey_note_no_accepts("nftables", d);
	else
		diag_add(d, DIAG_NOTE, 0, ID_ACCEPTS_NOT_SHOWN, NOPOS,
			 "this text holds the NOTRACK rules alone: which accept "
			 "rules are needed depends on the host's chains; on a "
			 "host that filters, run 'ctpolicy apply' instead of "
			 "loading it");
}

int nft_lower(const struct ruleset *rs, const struct survey *host,
	      struct image **ret, struct diags *d)
{
	_cleanup_(image_free) struct image *img = image_new();
	_cleanup_(fuse_release) struct fuse f = { 0 };
	bool placed = false;
	int err;

	if (!img)
		return -ENOMEM;
	err = fuse_rules(rs, &f);
	if (!err)
		err = lower_all(img, &f, host, &placed, d);
	if (!err)
		err = image_normalize(img);
	if (err)
		return err;
	note_accepts(rs, host, placed, d);
	*ret = TAKE_PTR(img);
	return 0;
}
