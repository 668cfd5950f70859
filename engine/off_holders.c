/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/off_holders.h"

#include <errno.h>
#include <string.h>

#include "audit/needs.h"
#include "audit/own.h"
#include "core/mem.h"
#include "engine/edits.h"
#include "engine/live_rules.h"
#include "engine/off_users.h"
#include "host/kmod.h"
#include "host/netns.h"

/* What stops working without a module that does a job of its own. */
static const struct {
	const char *folder, *what;
} jobs[] = {
	{ "net/netfilter/ipvs", "load balancing by IPVS" },
	{ "net/openvswitch", "switching by Open vSwitch" },
	{ "net/sched", "traffic control that tracks connections" },
};

static const char *job_of(const char *folder)
{
	for (size_t i = 0; i < ARRAY_SIZE(jobs); i++)
		if (!strcmp(jobs[i].folder, folder))
			return jobs[i].what;
	return "whatever uses it";
}

static int say_stranger(const char *name, const char *folder, struct diags *d)
{
	diag_add(d, DIAG_ERROR, 0, ID_MODULE_NEEDS_TRACKING, NOPOS,
		 "module %s needs connection tracking and is not a packet filter module: without it %s would stop working",
		 name, job_of(folder));
	diag_help(d, "unload it yourself if nothing uses it: modprobe -r %s",
		  name);
	return -FAULT_CONFLICT;
}

static int say_strangers(const struct modules *m, struct diags *d)
{
	int worst = 0;

	for (size_t i = 0; i < m->n; i++) {
		const char *folder = "";
		int err = kmod_folder(m->v[i].name, &folder);

		if (err == -ENOMEM || err == -ELIBACC)
			return err;
		if (!modules_may_unload(folder))
			worst = say_stranger(m->v[i].name, folder, d);
	}
	return worst;
}

static int say_excess(const struct modules *m, struct diags *d)
{
	int worst = 0;

	for (size_t i = 0; i < m->n; i++) {
		const struct module *x = &m->v[i];

		if (!x->excess)
			continue;
		diag_add(d, DIAG_ERROR, 0, ID_MODULE_HELD, NOPOS,
			 "module %s is in use: %u %s, chain%s or object%s hold%s it",
			 x->name, x->excess, x->excess == 1 ? "rule" : "rules",
			 x->excess == 1 ? "" : "s", x->excess == 1 ? "" : "s",
			 x->excess == 1 ? "s" : "");
		worst = -FAULT_CONFLICT;
	}
	return worst;
}

int off_holders_say(const struct modules *m, struct diags *d)
{
	int strangers = say_strangers(m, d), excess;

	if (strangers && strangers != -FAULT_CONFLICT)
		return strangers;
	excess = say_excess(m, d);
	return excess ? excess : strangers;
}

/* Where rules were read, and what was found there. */
struct look {
	const struct netns *where;
	struct diags *d;
	struct off_users *users;	/* to be looked for; NULL: no */
	bool found;
};

static void say_where(const struct netns *n, struct diags *d)
{
	if (n->name)
		diag_help(d, "it is in network namespace %s", n->name);
}

static void say_rule(const struct look *l, const struct foreign *f,
		     const struct foreign_rule *r, enum foreign_feature x)
{
	const struct host_chain *c = &f->chains[r->chain];
	const struct foreign_table *t = &f->tables[c->table];

	diag_add(l->d, DIAG_ERROR, 0, ID_MODULE_HELD, NOPOS,
		 "chain %s of table %s %s: this rule holds connection tracking, because it %s: %.*s",
		 c->name, foreign_family_name(t->family), t->name,
		 needs_why(x), (int)r->raw.n, r->raw.s);
	say_where(l->where, l->d);
}

static void say_nat_chain(const struct look *l, const struct foreign *f,
			  const struct host_chain *c)
{
	const struct foreign_table *t = &f->tables[c->table];

	diag_add(l->d, DIAG_ERROR, 0, ID_MODULE_HELD, NOPOS,
		 "chain %s of table %s %s holds connection tracking, even empty: it is of type nat",
		 c->name, foreign_family_name(t->family), t->name);
	say_where(l->where, l->d);
}

/* Objects hold it and track, without any rule. */
static void say_objects(struct look *l, const struct foreign *f)
{
	static const enum foreign_fact objects[] = {
		FACT_CT_OBJECTS, FACT_FLOWTABLES, FACT_SYNPROXY_OBJECTS,
	};

	for (size_t i = 0; i < ARRAY_SIZE(objects); i++) {
		size_t n = f->facts[objects[i]];

		if (!n)
			continue;
		l->found = true;
		diag_add(l->d, DIAG_ERROR, 0, ID_MODULE_HELD, NOPOS,
			 "nftables tables hold connection tracking: %s: %zu",
			 foreign_fact_name(objects[i]), n);
		say_where(l->where, l->d);
	}
}

static void say_all(struct look *l, const struct foreign *f)
{
	enum foreign_feature x;

	for (size_t i = 0; i < f->n_rules; i++) {
		const struct foreign_rule *r = &f->rules[i];

		/* what is to be replaced goes before the modules do */
		if (foreign_is_gone(r) || r->stand_in || !own_is_host(f, r) ||
		    !needs_module(r, &x))
			continue;
		say_rule(l, f, r, x);
		l->found = true;
	}
	for (size_t i = 0; i < f->n_chains; i++) {
		const struct host_chain *c = &f->chains[i];

		if (f->tables[c->table].world != WORLD_NFT || !c->type ||
		    strcmp(c->type, "nat") || own_is_chain(f, i))
			continue;
		say_nat_chain(l, f, c);
		l->found = true;
	}
	say_objects(l, f);
}

static int look_inside(void *arg)
{
	_cleanup_(foreign_free) struct foreign *f = calloc(1, sizeof(*f));
	struct look *l = arg;
	int err = f ? live_rules_read_but(NULL, f, l->d) : -ENOMEM;

	if (!err && l->users)
		err = off_users_in_rules(f, l->users);
	if (!err)
		say_all(l, f);
	return err;
}

/* Where rules of the host's are replaced, as they were read for that. */
static int look_here(struct plan *p, struct look *l)
{
	int err;

	if (!edits_are_wanted(p) || !p->host.f)
		return look_inside(l);
	err = host_rules_complete(&p->host, &p->diags);
	if (!err && l->users)
		err = off_users_in_rules(p->host.f, l->users);
	if (!err)
		say_all(l, p->host.f);
	return err;
}

/* One that ended, or that this process may not enter, stays unnamed. */
static int look_around(const struct netns_list *all, struct diags *d,
		       bool *ret_found)
{
	for (size_t i = 1; i < all->n; i++) {
		struct look l = { .where = &all->v[i], .d = d };
		size_t said = d->n;
		int err = netns_visit(&all->v[i], look_inside, &l);

		if (err == -ENOMEM)
			return err;
		if (err)
			diags_truncate(d, said);
		*ret_found |= !err && l.found;
	}
	return 0;
}

/* Rules that the plan removes or replaces hold modules as well. */
static bool own_may_hold(const struct plan *p)
{
	if (edits_are_wanted(p) && edits_are_needed(p))
		return true;
	for (size_t i = 0; i < p->change.n; i++)
		if (!image_is_empty(p->change.v[i].live.image))
			return true;
	return false;
}

static int check_rules(struct plan *p, const struct modules *m,
		       struct off_users *u)
{
	_cleanup_(netns_release) struct netns_list all = { 0 };
	struct look here = { .d = &p->diags, .users = u };
	int err = netns_list(&all);

	if (err)
		return err;
	here.where = &all.v[0];
	err = look_here(p, &here);
	if (err || here.found)
		return err ? err : -FAULT_CONFLICT;
	if (!modules_are_held(m) || own_may_hold(p))
		return 0;
	err = look_around(&all, &p->diags, &here.found);
	if (!err && !here.found)
		return say_excess(m, &p->diags);
	return err ? err : -FAULT_CONFLICT;
}

static int check_loaded(struct plan *p, struct off_users *u)
{
	_cleanup_(modules_release) struct modules all = { 0 }, m = { 0 };
	int err = modules_read(MODULES_SYS, &all), strangers;

	if (!err)
		err = modules_of_root(&all, &m);
	if (err)
		return err;
	strangers = say_strangers(&m, &p->diags);
	if (strangers && strangers != -FAULT_CONFLICT)
		return strangers;
	err = check_rules(p, &m, u);
	return err ? err : strangers;
}

static int check(struct plan *p, struct off_users *u)
{
	const struct off *o = &p->change.off;
	struct diags *d = &p->diags;

	if (o->state == MODULES_ABSENT)
		return 0;
	if (o->state == MODULES_LOADED)
		return check_loaded(p, u);
	diag_add(d, DIAG_NOTE, 0, ID_MODULES_BUILT_IN, p->policy->modules_at,
		 "connection tracking is a part of this kernel and cannot be unloaded; it does nothing while no rule needs it");
	return check_rules(p, &(struct modules){ .state = o->state }, u);
}

int off_check_back(struct plan *p)
{
	const struct off *o = &p->change.off;

	if (!o->at.there || o->at.want.n || o->yields ||
	    o->state != MODULES_LOADED)
		return 0;
	/* Rules that hold it now may be among those to be replaced again. */
	for (size_t i = 0; i < p->change.n; i++)
		if (originals_stand(p->change.v[i].want))
			return 0;
	return check_loaded(p, NULL);
}

int off_check(struct plan *p)
{
	struct off_users users = { 0 };
	int err, memory;

	if (!p->change.off.at.there || p->change.off.at.want.n)
		return 0;
	err = check(p, &users);
	if (err && err != -FAULT_CONFLICT)
		return err;
	memory = off_users_in_files(&users);
	off_users_say(&users, &p->diags);
	return memory ? memory : err;
}
