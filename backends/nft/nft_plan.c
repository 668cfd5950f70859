/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_plan.c: steps in the order of one batch, as messages.
 *
 * A batch is one moment for the packets, so deletions may go first: what is
 * added then never meets what it replaces. Jumps that stood for rules of the
 * host's, which come back in their places, go last: jumps that are added right
 * before such a rule find their place by them. Steps inside a table that goes
 * as a whole are left out.
 *
 * New interval sets are the exception: in the batch that adds them, the rules
 * come first, and for a moment find nothing in them.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include <libnftnl/common.h>

#include "backends/nft/nft_exchange.h"
#include "backends/nft/nft_kernel.h"
#include "backends/nft/nft_original.h"
#include "core/mem.h"

#define LIST_MAX 60000		/* an attribute's length is 16 bits */
#define SMALL_MSG 8192

enum turn {
	TURN_DEL_JUMP,
	TURN_DEL_RULE,
	TURN_DEL_ELEMENT,
	TURN_DEL_CHAIN,
	TURN_DEL_SET,
	TURN_DEL_TABLE,
	TURN_ADD_TABLE,
	TURN_ADD_SET,
	TURN_ADD_ELEMENT,
	TURN_ADD_CHAIN,
	TURN_ADD_RULE,
	TURN_ADD_JUMP,
	TURN_PUT_BACK,
	TURN_DEL_STAND_IN,
	N_TURNS,
};

static enum turn turn_of(const struct step *s, bool drop)
{
	if (drop && nft_exchange_puts_back(s))
		return TURN_PUT_BACK;
	if (drop && s->kind == STEP_CHAIN &&
	    own_names_stand_in(s->chain->name))
		return TURN_DEL_STAND_IN;
	switch (s->kind) {
	case STEP_TABLE:
		return drop ? TURN_DEL_TABLE : TURN_ADD_TABLE;
	case STEP_CHAIN:
		return drop ? TURN_DEL_CHAIN : TURN_ADD_CHAIN;
	case STEP_SET:
		return drop ? TURN_DEL_SET : TURN_ADD_SET;
	case STEP_ELEMENT:
		return drop ? TURN_DEL_ELEMENT : TURN_ADD_ELEMENT;
	case STEP_RULE:
	case STEP_KIND_MAX_:
		break;
	}
	if (s->chain->foreign)
		return drop ? TURN_DEL_JUMP : TURN_ADD_JUMP;
	return drop ? TURN_DEL_RULE : TURN_ADD_RULE;
}

static bool goes_with_table(const struct changeset *cs, const struct step *s)
{
	if (s->add || s->kind == STEP_TABLE || !s->table->owned)
		return false;
	/* a table's own deletion is its last step */
	for (size_t i = cs->n; i-- && cs->steps[i].phase == PHASE_DEL_ACCEPT;)
		if (cs->steps[i].kind == STEP_TABLE && !cs->steps[i].add &&
		    cs->steps[i].table == s->table)
			return true;
	return false;
}

/* Call with p NULL to count, then again to place the steps. */
static void sort_steps(const struct changeset *cs, const bool *skip,
		       size_t *next, struct nft_plan *p)
{
	for (size_t i = 0; i < cs->n; i++) {
		const struct step *s = &cs->steps[i];

		for (int drop = 1; drop >= 0; drop--) {
			size_t *at;

			if (skip[i] ||
			    (drop ? s->add && !s->replaces : !s->add))
				continue;
			at = &next[turn_of(s, drop)];
			if (p) {
				p->steps[*at] = s;
				p->drop[*at] = drop;
				p->items += s->n;
			}
			(*at)++;
		}
	}
}

/* In the order of their chains' rules. */
static int by_place(const void *a, const void *b)
{
	const struct step *const *x = a, *const *y = b;
	uintptr_t at = (uintptr_t)(*x)->rule, other = (uintptr_t)(*y)->rule;

	return at < other ? -1 : at > other;
}

static bool has_own_table(const struct changeset *cs)
{
	for (size_t i = 0; i < cs->n; i++)
		if (cs->steps[i].kind == STEP_TABLE)
			return true;
	return false;
}

/* A set that comes with its table, or in the place of another, can't. */
static bool may_go_ahead(const struct changeset *cs, const struct step *s,
			 bool own_table)
{
	const struct image_table *live;

	if (!s->set->interval || (s->table->owned && own_table))
		return false;
	live = image_find_table(cs->live, s->table->family, s->table->name);
	return !live || !image_find_set(live, s->set->name);
}

/* Elements of one set stand together. */
static void choose(const struct changeset *cs, enum nft_portion portion,
		   bool *skip)
{
	const struct image_set *last = NULL;
	bool own_table = has_own_table(cs), ahead = false, of_set;

	for (size_t i = 0; i < cs->n; i++) {
		const struct step *s = &cs->steps[i];

		of_set = s->add &&
			 (s->kind == STEP_SET || s->kind == STEP_ELEMENT);
		if (of_set && s->set != last) {
			ahead = may_go_ahead(cs, s, own_table);
			last = s->set;
		}
		skip[i] = goes_with_table(cs, s) ||
			  (portion == NFT_PLAN_AHEAD && !(of_set && ahead)) ||
			  (portion == NFT_PLAN_REST && of_set && ahead);
	}
}

int nft_plan_make(const struct changeset *cs, enum nft_portion portion,
		  struct nft_plan *ret)
{
	_cleanup_(nft_plan_release) struct nft_plan p = { 0 };
	_cleanup_free_ bool *skip = calloc(cs->n + 1, sizeof(*skip));
	size_t count[N_TURNS] = { 0 };

	if (!skip)
		return -ENOMEM;
	choose(cs, portion, skip);
	sort_steps(cs, skip, count, NULL);
	for (size_t i = 0; i < N_TURNS; i++) {
		size_t n = count[i];

		count[i] = p.n;
		p.n += n;
	}
	p.steps = calloc(p.n + 1, sizeof(*p.steps));
	p.drop = calloc(p.n + 1, sizeof(*p.drop));
	if (!p.steps || !p.drop)
		return -ENOMEM;
	p.put_back = count[TURN_PUT_BACK];
	sort_steps(cs, skip, count, &p);
	p.n_put_back = count[TURN_PUT_BACK] - p.put_back;
	qsort(p.steps + p.put_back, p.n_put_back, sizeof(*p.steps), by_place);
	*ret = p;
	p = (struct nft_plan){ 0 };
	return 0;
}

void nft_plan_release(struct nft_plan *p)
{
	free(p->steps);
	free(p->drop);
	*p = (struct nft_plan){ 0 };
}

static uint32_t hook_number(enum hook h)
{
	static const uint32_t number[] = {
		[HOOK_PREROUTING] = NF_INET_PRE_ROUTING,
		[HOOK_INPUT] = NF_INET_LOCAL_IN,
		[HOOK_FORWARD] = NF_INET_FORWARD,
		[HOOK_OUTPUT] = NF_INET_LOCAL_OUT,
		[HOOK_POSTROUTING] = NF_INET_POST_ROUTING,
	};
	_Static_assert(ARRAY_SIZE(number) == HOOK_MAX_, "number lacks a row");

	return number[h];
}

/* Without flags, a dormant table wakes up. */
static void put_table(struct nlmsghdr *nlh, const struct step *s, bool drop)
{
	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, s->table->name);
	if (!drop)
		mnl_attr_put_u32(nlh, NFTA_TABLE_FLAGS, 0);
}

static void put_chain(struct nlmsghdr *nlh, const struct step *s, bool drop)
{
	struct nlattr *hook;

	mnl_attr_put_strz(nlh, NFTA_CHAIN_TABLE, s->table->name);
	mnl_attr_put_strz(nlh, NFTA_CHAIN_NAME, s->chain->name);
	if (drop || !s->chain->base)
		return;
	hook = mnl_attr_nest_start(nlh, NFTA_CHAIN_HOOK);
	mnl_attr_put_u32(nlh, NFTA_HOOK_HOOKNUM,
			 htonl(hook_number(s->chain->hook)));
	mnl_attr_put_u32(nlh, NFTA_HOOK_PRIORITY,
			 htonl((uint32_t)nft_chain_priority(s->chain)));
	mnl_attr_nest_end(nlh, hook);
	mnl_attr_put_u32(nlh, NFTA_CHAIN_POLICY, htonl(NF_ACCEPT));
	mnl_attr_put_strz(nlh, NFTA_CHAIN_TYPE, "filter");
}

/*
 * The handle of the host's rule that has `behind` others ahead of it when the
 * change is made, of those that stay, or of the jump whose rule comes back
 * there; 0: none.
 */
static uint64_t handle_at(const struct nft_plan *p, const struct step *s,
			  uint32_t behind, const struct nft_foreign *f,
			  const struct nft_exchanges *x)
{
	uint32_t back = 0;

	for (size_t i = 0; i < p->n_put_back; i++) {
		const struct step *o = p->steps[p->put_back + i];
		uint32_t ahead;

		if (!nft_step_shares_chain(o, s) ||
		    nft_exchange_hands_over(x, o))
			continue;
		ahead = back + image_rule_behind(o->chain, o->rule) -
			nft_exchanges_ahead(x, o);
		if (ahead == behind)
			return o->rule->handle;
		if (ahead > behind)
			break;
		back++;
	}
	behind -= back;
	return f && behind < f->n_rules ? f->handles[behind] : 0;
}

/* The handle of the rule that the step's goes before; 0: at the end. */
static uint64_t handle_behind(const struct nft_plan *p, const struct step *s,
			      struct nft_world *host,
			      const struct nft_exchanges *x)
{
	uint64_t handle;

	if (!s->chain->foreign)
		return s->before ? s->before->handle : 0;
	handle = nft_exchange_of(x, s);
	if (!handle && image_rule_is_next(s->chain, s->rule, s->before))
		return s->before->handle;
	if (!handle)
		handle = nft_exchange_behind(x, s);
	if (handle)
		return handle;
	return handle_at(p, s, image_rule_behind(s->chain, s->rule),
			 nft_world_find(host, s->table->family, s->table->name,
					s->chain->name), x);
}

static void put_handle(struct nlmsghdr *nlh, const struct step *s,
		       uint64_t handle)
{
	mnl_attr_put_strz(nlh, NFTA_RULE_TABLE, s->table->name);
	mnl_attr_put_strz(nlh, NFTA_RULE_CHAIN, s->chain->name);
	mnl_attr_put_u64(nlh, NFTA_RULE_HANDLE, htobe64(handle));
}

static int put_rule(struct nlmsghdr *nlh, const struct step *s, bool drop,
		    uint64_t before, struct diags *d)
{
	struct nftnl_rule *nr = NULL;
	int err;

	if (drop) {
		put_handle(nlh, s, s->rule->handle);
		return 0;
	}
	err = nft_rule_encode(s->table, s->chain->name, s->rule, &nr, d);
	if (err)
		return err;
	if (before)
		nftnl_rule_set_u64(nr, NFTNL_RULE_POSITION, before);
	nftnl_rule_nlmsg_build_payload(nlh, nr);
	nftnl_rule_free(nr);
	return 0;
}

static uint16_t msg_of(const struct step *s, bool drop)
{
	static const uint16_t add[] = {
		[STEP_TABLE] = NFT_MSG_NEWTABLE,
		[STEP_CHAIN] = NFT_MSG_NEWCHAIN,
		[STEP_SET] = NFT_MSG_NEWSET,
		[STEP_ELEMENT] = NFT_MSG_NEWSETELEM,
		[STEP_RULE] = NFT_MSG_NEWRULE,
	};
	static const uint16_t del[] = {
		[STEP_TABLE] = NFT_MSG_DELTABLE,
		[STEP_CHAIN] = NFT_MSG_DELCHAIN,
		[STEP_SET] = NFT_MSG_DELSET,
		[STEP_ELEMENT] = NFT_MSG_DELSETELEM,
		[STEP_RULE] = NFT_MSG_DELRULE,
	};
	_Static_assert(ARRAY_SIZE(add) == STEP_KIND_MAX_ &&
		       ARRAY_SIZE(del) == STEP_KIND_MAX_, "a kind lacks a row");

	if (s->kind == STEP_SET && s->set->timers)
		return drop ? NFT_MSG_DELOBJ : NFT_MSG_NEWOBJ;
	return drop ? del[s->kind] : add[s->kind];
}

static void put_set(struct nlmsghdr *nlh, const struct step *s, bool drop,
		    uint32_t id)
{
	if (s->set->timers) {
		nft_put_timers(nlh, s->table, s->set, drop);
		return;
	}
	if (!drop) {
		nft_put_set(nlh, s->table, s->set, id);
		return;
	}
	mnl_attr_put_strz(nlh, NFTA_SET_TABLE, s->table->name);
	mnl_attr_put_strz(nlh, NFTA_SET_NAME, s->set->name);
}

/* What a jump stands for goes, right behind the jump. */
static int write_exchanged(const struct step *s, size_t i, uint64_t handle,
			   struct nft_batch *b)
{
	struct nlmsghdr *nlh = nft_batch_put(b, NFT_MSG_DELRULE, 0,
					     s->table->family, SMALL_MSG);

	if (!nlh)
		return -ENOMEM;
	put_handle(nlh, s, handle);
	return nft_batch_add(b, nlh, i);
}

static int write_one(const struct nft_plan *p, size_t i,
		     struct nft_world *host, const struct nft_exchanges *x,
		     struct nft_batch *b, struct diags *d)
{
	const struct step *s = p->steps[i];
	bool drop = p->drop[i], rule = s->kind == STEP_RULE && !drop;
	uint64_t before = rule ? handle_behind(p, s, host, x) : 0;
	uint16_t flags = drop ? 0 : rule && !before ?
				 NLM_F_CREATE | NLM_F_APPEND : NLM_F_CREATE;
	struct nlmsghdr *nlh = nft_batch_put(b, msg_of(s, drop), flags,
					     s->table->family, SMALL_MSG);
	int err = 0;

	if (!nlh)
		return -ENOMEM;
	if (s->kind == STEP_TABLE)
		put_table(nlh, s, drop);
	else if (s->kind == STEP_CHAIN)
		put_chain(nlh, s, drop);
	else if (s->kind == STEP_SET)
		put_set(nlh, s, drop, (uint32_t)i + 1);
	else
		err = put_rule(nlh, s, drop, before, d);
	return err ? err : nft_batch_add(b, nlh, i);
}

/* As many elements as the message holds, of one set; `at` moves behind them. */
static void put_elements(const struct nft_plan *p, struct nlmsghdr *nlh,
			 struct nft_sent *at)
{
	const struct step *first = p->steps[at->first], *s;
	bool drop = p->drop[at->first];
	struct nft_comment said = { 0 };

	for (; at->first < p->n && p->drop[at->first] == drop; at->first++) {
		s = p->steps[at->first];
		if (s->kind != STEP_ELEMENT || s->set != first->set)
			return;
		for (; at->elem < s->n; at->elem++) {
			if (nlh->nlmsg_len >= LIST_MAX)
				return;
			nft_put_elem(nlh, s->set, s->elem + at->elem,
				     drop ? NULL : &said);
		}
		at->elem = 0;
	}
}

/* *at: the first one left. */
static int write_elements(const struct nft_plan *p, struct nft_sent *at,
			  struct nft_batch *b)
{
	const struct step *first = p->steps[at->first];
	struct nft_sent from = *at;
	bool drop = p->drop[at->first];
	struct nlmsghdr *nlh = nft_batch_put(b, msg_of(first, drop),
					     drop ? 0 : NLM_F_CREATE,
					     first->table->family,
					     LIST_MAX + 2 * NFT_ELEM_SPACE);
	struct nlattr *list;
	int err;

	if (!nlh)
		return -ENOMEM;
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, first->table->name);
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, first->set->name);
	list = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_LIST_ELEMENTS);
	put_elements(p, nlh, at);
	mnl_attr_nest_end(nlh, list);
	err = nft_batch_add(b, nlh, from.first);
	if (!err)
		b->sent[b->n_sent - 1].elem = from.elem;
	return err;
}

/* What stands in for a rule of the host's is in the kernel's own bytes. */
static int write_raw(const struct step *s, size_t i, uint64_t before,
		     struct nft_batch *b)
{
	_cleanup_(nft_raw_release) struct nft_raw r = { 0 };
	int err = nft_raw_parse(s->rule->unknown + strlen(NFT_RAW_WORD), &r);

	return err ? err : nft_original_send(&r, s, before, i, b);
}

static bool is_raw(const struct step *s)
{
	return s->kind == STEP_RULE && s->rule->verdict == VERDICT_WORDS &&
	       nft_words_are_raw(s->rule->unknown);
}

/* The step itself, with the rule of the host's whose place it takes or gives */
static int write_step(const struct nft_plan *p, size_t i,
		      struct nft_world *host, const struct nft_exchanges *x,
		      struct nft_batch *b, struct diags *d)
{
	const struct step *s = p->steps[i];
	uint64_t handle = p->drop[i] ? 0 : nft_exchange_of(x, s);
	int err = 0;

	if (p->drop[i] && nft_exchange_puts_back(s) &&
	    !nft_exchange_hands_over(x, s))
		err = nft_exchange_write(s, i, b, d);
	if (!err && !p->drop[i] && is_raw(s))
		err = write_raw(s, i, handle_behind(p, s, host, x), b);
	else if (!err)
		err = write_one(p, i, host, x, b, d);
	return err || !handle ? err : write_exchanged(s, i, handle, b);
}

int nft_plan_write(const struct nft_plan *p, struct nft_world *host,
		   const struct nft_exchanges *x, struct nft_batch *b,
		   struct diags *d)
{
	struct nft_sent at = { 0 };
	int err = 0;

	while (!err && at.first < p->n) {
		if (p->steps[at.first]->kind == STEP_ELEMENT)
			err = write_elements(p, &at, b);
		else
			err = write_step(p, at.first++, host, x, b, d);
	}
	return err;
}
