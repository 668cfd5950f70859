/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/nft/nft_lower.c: which rules go to which table and chain. */
#include <string.h>

#include "backends/nft/nft_compat.h"
#include "backends/nft/nft_lower.h"
#include "backends/nft/nft_split.h"
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

static int refuse_timers(const struct rule *r, struct diags *d)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };

	protocol_print(r->match.proto, &b);
	diag_add(d, DIAG_ERROR, 0, ID_TIMERS_UNSAID, r->origin->at,
		 "nft has no words for timeouts of protocol %s: what 'nft list ruleset' saves could not be loaded again",
		 strbuf_text(&b, &d->lost));
	diag_help(d, "use --backend iptables, or take %s out of the service",
		  strbuf_text(&b, &d->lost));
	return -FAULT_LACKING;
}

/* Sets of each timers' own: one lookup leads to one of them. */
static int time_place(const struct fuse_group *g, struct nft_place *at,
		      struct diags *d)
{
	int err = nft_need_timers(at->table, g->model.then, g->family,
				  &at->timers);

	if (err == -FAULT_LACKING)
		return refuse_timers(g->members[0], d);
	if (err)
		return err;
	at->prefix = intern_printf("%s_", at->timers +
				   strlen(NFT_OWN_PREFIX));
	at->chain = intern_printf(OWN_PREFIX_TRACKED "%s",
				  hook_name(g->model.hook));
	return at->prefix && at->chain ? 0 : -ENOMEM;
}

/* NOTRACK and timers: in a base chain of ctpolicy's own table. */
static int lower_own(struct image *img, struct nft_legs *legs, size_t group,
		     struct diags *d)
{
	const struct fuse_group *g = &legs->fuse.v[group];
	struct nft_place at = { .prefix = "" };
	struct image_chain *c;
	int err;

	at.table = need_table(img, NFPROTO_INET, NFT_OWN_TABLE);
	if (!at.table)
		return -ENOMEM;
	at.chain = hook_name(g->model.hook);
	err = g->model.action == ACTION_TIMERS ? time_place(g, &at, d) : 0;
	if (err)
		return err;
	if (!image_find_chain(at.table, at.chain)) {
		c = image_add_chain(at.table, at.chain, g->model.hook);
		if (!c)
			return -ENOMEM;
		c->base = true;
	}
	return nft_lower_group(&at, legs, group);
}

/*
 * A chain of ctpolicy's, and the jump to it in its place in the host's. What
 * is tracked pays for the jump alone, however many rules there are.
 */
static int add_jump(struct image_table *t, const struct stand *s,
		    const char *target)
{
	static const struct origin nobody;
	struct image_chain *c = image_find_chain(t, s->chain);
	struct image_rule *r;

	if (!c)
		c = image_add_chain(t, s->chain, s->hook);
	if (!c)
		return -ENOMEM;
	c->foreign = true;
	r = image_add_rule(c);
	if (!r)
		return -ENOMEM;
	r->verdict = VERDICT_JUMP;
	r->match.family = nft_table_af(t->family);
	r->match.ct = stand_ct(s);
	r->place = s->behind;
	r->origin = &nobody;
	r->target = target;
	r->comment = strdup(NFT_JUMP_COMMENT);
	return r->comment ? 0 : -ENOMEM;
}

/* "ctpolicy-input", and "ctpolicy-input-2" of the next stand of that hook. */
static const char *own_name(const struct stand *s)
{
	return s->number == 1 ?
		       intern_printf(NFT_OWN_PREFIX "%s", hook_name(s->hook)) :
		       intern_printf(NFT_OWN_PREFIX "%s-%u",
				     hook_name(s->hook), s->number);
}

static const char *set_prefix(const struct stand *s, unsigned int turn)
{
	if (turn)
		return intern_printf(NFT_OWN_PREFIX "%u.%u-", s->number, turn);
	return s->number == 1 ? NFT_OWN_PREFIX :
				intern_printf(NFT_OWN_PREFIX "%u-", s->number);
}

/* Sets that rules of several stands look up are not called after one. */
static const char *class_prefix(const struct stands *stands,
				const struct fuse *f, size_t group)
{
	const struct fuse_group *g = &f->v[f->v[group].first], *o = g;

	while (o->next != FUSE_LAST) {
		o = &f->v[o->next];
		if (o->model.turn != g->model.turn ||
		    stands->v[o->place].number != stands->v[g->place].number)
			return NFT_OWN_PREFIX;
	}
	return set_prefix(&stands->v[g->place], g->model.turn);
}

/* Does iptables-nft write the table? Its chains in it are in capitals. */
static bool is_iptables(const struct survey *host, const struct stand *s)
{
	for (size_t i = 0; i < host->n_places; i++) {
		const struct foreign_place *p = &host->places[i];

		if (p->family == s->family && !strcmp(p->table, s->table) &&
		    nft_chain_is_iptables(p->family, p->table, p->chain))
			return true;
	}
	return false;
}

static int accept_place(struct image *img, const struct survey *host,
			const struct stand *s, struct nft_place *ret)
{
	struct nft_place at = { .chain = own_name(s) };
	int err;

	at.table = need_table(img, s->family, s->table);
	if (!at.table || !at.chain ||
	    !image_add_chain(at.table, at.chain, HOOK_MAX_))
		return -ENOMEM;
	at.table->iptables = is_iptables(host, s);
	err = add_jump(at.table, s, at.chain);
	if (!err)
		*ret = at;
	return err;
}

/* In the dialect of the table's owner. */
static int lower_group(const struct nft_place *at, struct nft_legs *legs,
		       size_t group)
{
	if (!at->table->iptables)
		return nft_lower_group(at, legs, group);
	return nft_compat_lower(&legs->fuse.v[group], at->table, at->chain);
}

/* What the backend has no words for is left out; pre-flight finds what for. */
static int lower_turn(const struct nft_place *stand,
		      const struct stands *stands, struct nft_legs *legs,
		      size_t group)
{
	const struct fuse_group *g = &legs->fuse.v[group];
	struct nft_place at = *stand;
	const char *echo = NULL;
	size_t first;
	int err;

	at.prefix = class_prefix(stands, &legs->fuse, group);
	if (!at.prefix)
		return -ENOMEM;
	if (g->model.then) {
		err = nft_lower_echo(at.table, at.chain, &g->model, &echo);
		if (err)
			return err == -EOPNOTSUPP ? 0 : err;
	}
	first = image_find_chain(at.table, at.chain)->n_rules;
	err = lower_group(&at, legs, group);
	if (!err && echo)
		image_lead_to(image_find_chain(at.table, at.chain), first,
			      echo);
	return err;
}

/* The groups of the stand, from *group on. */
static int lower_stand(struct image *img, const struct survey *host,
		       const struct stands *stands, unsigned int number,
		       struct nft_legs *legs, size_t *group)
{
	struct nft_place at;
	int err = accept_place(img, host, &stands->v[number], &at);

	for (; !err && *group < legs->fuse.n &&
	       legs->fuse.v[*group].place == number; (*group)++)
		err = lower_turn(&at, stands, legs, *group);
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
			  strbuf_text(&b, &d->lost));
}

/* A table with `flags owner` refuses every process but its owner. */
static int refuse_owned(const struct stand *s, uint32_t port, struct diags *d)
{
	const struct rule *r = &s->accepts.v[0];

	diag_add(d, DIAG_ERROR, 0, ID_TABLE_OWNED, r->origin->at,
		 "chain %s of table %s %s drops packets of this service, and "
		 "only the program with netlink port %u may change that table "
		 "(flags owner)", s->chain, nfproto_name(s->family), s->table,
		 port);
	if (!strcmp(s->table, "firewalld"))
		help_firewalld(r, d);
	else
		diag_help(d, "the port usually is a process id: have that "
			  "program accept the packets, or filter in another "
			  "table");
	return -FAULT_CONFLICT;
}

static int refuse_lacking(const struct stand *s, struct diags *d)
{
	diag_add(d, DIAG_ERROR, 0, ID_HOST_TABLE_TAKEN,
		 s->accepts.v[0].origin->at,
		 "chain %s of table %s %s belongs to %s and drops packets of this service: this ctpolicy was built without iptables and cannot put accept rules there",
		 s->chain, nfproto_name(s->family), s->table,
		 chain_owner_name(OWNER_IPTABLES_NFT));
	diag_help(d, "build with libxtables; or state `accept: none`, but only after these packets, and ICMP errors, are accepted ahead of any rule that drops INVALID");
	return -FAULT_CONFLICT;
}

/* Tables that no rule of ctpolicy's can be put into. */
static int refuse_stand(const struct stand *s, const struct survey *host,
			struct diags *d)
{
	for (size_t i = 0; i < host->n_filters; i++) {
		const struct foreign_chain *f = &host->filters[i];

		if (f->port && f->family == s->family &&
		    !strcmp(f->table, s->table))
			return refuse_owned(s, f->port, d);
	}
	return nft_compat_works || !is_iptables(host, s) ? 0 :
							   refuse_lacking(s, d);
}

/* Sets are their table's: the first stand in it speaks for all of these. */
static unsigned int realm_of(const struct stands *stands, unsigned int number)
{
	const struct stand *s = &stands->v[number];

	for (unsigned int i = 0; i < number; i++)
		if (stands->v[i].world == s->world &&
		    stands->v[i].family == s->family &&
		    !strcmp(stands->v[i].table, s->table))
			return i;
	return number;
}

static int fuse_stands(const struct stands *stands, struct nft_legs *legs)
{
	int err = 0;

	for (unsigned int i = 0; !err && i < stands->n; i++) {
		size_t n = legs->fuse.n;

		if (stands->v[i].world != WORLD_NFT)
			continue;
		err = fuse_add(&legs->fuse, &stands->v[i].accepts, i);
		for (; !err && n < legs->fuse.n; n++)
			legs->fuse.v[n].realm = realm_of(stands, i);
	}
	return err ? err : nft_legs_begin(legs);
}

static int lower_accepts(struct image *img, const struct survey *host,
			 const struct stands *stands, bool *placed,
			 struct diags *d)
{
	_cleanup_(nft_legs_release) struct nft_legs legs = { 0 };
	int err = fuse_stands(stands, &legs);
	size_t group = 0;

	for (unsigned int i = 0; !err && i < stands->n; i++) {
		if (stands->v[i].world != WORLD_NFT)
			continue;
		*placed = true;
		err = refuse_stand(&stands->v[i], host, d);
		if (!err)
			err = lower_stand(img, host, stands, i, &legs, &group);
	}
	return err;
}

static int lower_all(struct image *img, const struct ruleset *rs,
		     struct diags *d)
{
	_cleanup_(nft_legs_release) struct nft_legs legs = { 0 };
	int err = fuse_add(&legs.fuse, rs, 0);
	struct image_table *own;

	if (!err)
		err = nft_legs_begin(&legs);
	for (size_t i = 0; !err && i < legs.fuse.n; i++)
		if (legs.fuse.v[i].model.action != ACTION_ACCEPT)
			err = lower_own(img, &legs, i, d);
	own = image_find_table(img, NFPROTO_INET, NFT_OWN_TABLE);
	return err || !own ? err : nft_split(own);
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
	      const struct stands *stands, struct image **ret,
	      struct diags *d)
{
	_cleanup_(image_free) struct image *img = image_new();
	bool placed = false;
	int err;

	if (!img)
		return -ENOMEM;
	err = lower_all(img, rs, d);
	if (!err && stands)
		err = lower_accepts(img, host, stands, &placed, d);
	image_settle_jumps(img);
	if (!err)
		err = image_normalize(img);
	if (err)
		return err;
	note_accepts(rs, host, placed, d);
	*ret = TAKE_PTR(img);
	return 0;
}
