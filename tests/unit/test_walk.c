/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_walk.c: what rules built by hand make of packets. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>

#include "core/intern.h"
#include "core/mem.h"
#include "rules/walk.h"

#define NEW NF_CT_STATE_BIT(IP_CT_NEW)
#define ESTABLISHED NF_CT_STATE_BIT(IP_CT_ESTABLISHED)
#define RELATED NF_CT_STATE_BIT(IP_CT_RELATED)
#define INVALID NF_CT_STATE_INVALID_BIT
#define UNTRACKED NF_CT_STATE_UNTRACKED_BIT

#define SYN 0x02
#define ACK 0x10

/* A model under construction, and the packet that will walk it. */
struct scene {
	struct foreign *f;
	struct packet p;
	struct walk w;
	uint32_t table;
};

static int set_up(void **state)
{
	static const uint8_t from[] = { 192, 0, 2, 66 };
	static const uint8_t to[] = { 198, 51, 100, 2 };
	struct scene *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	s->f = calloc(1, sizeof(*s->f));
	assert_non_null(s->f);
	packet_init(&s->p, NFPROTO_IPV4, IPPROTO_TCP, PATH_TO_HOST);
	packet_set(&s->p, FIELD_SADDR, from);
	packet_set(&s->p, FIELD_DADDR, to);
	packet_set_number(&s->p, FIELD_SPORT, 40000);
	packet_set_number(&s->p, FIELD_DPORT, 80);
	packet_set_number(&s->p, FIELD_TCP_FLAGS, SYN);
	packet_set_iface(&s->p, FIELD_IIF, "eth0");
	s->p.ct_states = NEW;
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	struct scene *s = *state;

	walk_release(&s->w);
	foreign_free(&s->f);
	free(s);
	return 0;
}

static void table(struct scene *s, enum foreign_world world, uint8_t family,
		  const char *name)
{
	assert_int_equal(foreign_table_of(s->f, world, family, name, 1,
					  &s->table), 0);
}

static uint32_t chain(struct scene *s, const char *name)
{
	uint32_t c;

	assert_int_equal(foreign_chain(s->f, s->table, name, 1, &c), 0);
	return c;
}

static uint32_t base(struct scene *s, const char *name, const char *type,
		     const char *hook, const char *priority,
		     const char *policy)
{
	uint32_t c = chain(s, name);

	s->f->chains[c].type = type;
	s->f->chains[c].hook = hook;
	s->f->chains[c].priority = priority;
	s->f->chains[c].policy = policy;
	return c;
}

static uint32_t input(struct scene *s, const char *policy)
{
	table(s, WORLD_NFT, NFPROTO_INET, "filter");
	return base(s, "input", "filter", "input", "filter", policy);
}

static void rule(struct scene *s, uint32_t c, enum foreign_verdict verdict,
		 const char *target)
{
	struct foreign_rule *r = foreign_add_rule(s->f, c, 0);

	assert_non_null(r);
	r->verdict = verdict;
	r->target = target ? intern(target) : NULL;
}

static struct term *term(struct scene *s, struct term t)
{
	assert_int_equal(foreign_add_term(s->f, &t), 0);
	return &s->f->terms[s->f->n_terms - 1];
}

/* A range of numbers as wide as the field. */
static struct key_range range(enum packet_field x, uint32_t first,
			      uint32_t last)
{
	size_t n = packet_field_bytes(x) > 4 ? 4 : packet_field_bytes(x);
	uint32_t a = htonl(first), b = htonl(last);
	struct key_range r = { { 0 }, { 0 } };

	memcpy(r.first, (uint8_t *)&a + 4 - n, n);
	memcpy(r.last, (uint8_t *)&b + 4 - n, n);
	return r;
}

/* The last rule matches a field in a range. */
static struct term *match(struct scene *s, enum packet_field x, uint32_t first,
			  uint32_t last)
{
	struct key_range v = range(x, first, last);
	uint32_t set;

	assert_int_equal(foreign_begin_set(s->f, NULL, 1, false, &set), 0);
	assert_int_equal(foreign_add_key(s->f, &v, NULL), 0);
	return term(s, (struct term){ .kind = TERM_MATCH, .n_fields = 1,
				      .field = { (uint8_t)x }, .set = set });
}

static struct term *match_iface(struct scene *s, enum packet_field x,
				const char *name)
{
	struct key_range v = { { 0 }, { 0 } };
	uint32_t set;

	memcpy(v.first, name, strlen(name));
	v.last[0] = 0;
	memcpy(v.last, v.first, sizeof(v.last));
	assert_int_equal(foreign_begin_set(s->f, NULL, 1, false, &set), 0);
	assert_int_equal(foreign_add_key(s->f, &v, NULL), 0);
	return term(s, (struct term){ .kind = TERM_MATCH, .n_fields = 1,
				      .field = { (uint8_t)x }, .set = set });
}

/* One of these states, as nft compares them: a range for each. */
static struct term *match_states(struct scene *s, uint8_t states)
{
	uint32_t set;

	assert_int_equal(foreign_begin_set(s->f, NULL, 1, false, &set), 0);
	for (uint32_t bit = 1; bit < 256; bit <<= 1) {
		struct key_range v = range(FIELD_STATE, bit, bit);

		if (states & bit)
			assert_int_equal(foreign_add_key(s->f, &v, NULL), 0);
	}
	return term(s, (struct term){ .kind = TERM_MATCH, .n_fields = 1,
				      .field = { FIELD_STATE }, .set = set });
}

static void opaque(struct scene *s, const char *name)
{
	term(s, (struct term){ .kind = TERM_OPAQUE, .name = intern(name) });
}

static uint8_t outcome(struct scene *s)
{
	struct walker *w = NULL;

	walk_release(&s->w);
	assert_int_equal(walker_new(s->f, &w), 0);
	assert_int_equal(walk_run(w, &s->p, &s->w), 0);
	walker_free(&w);
	return s->w.outcome;
}

#define assert_accepted(s) assert_int_equal(outcome(s), WALK_ACCEPTED)
#define assert_dropped(s) assert_int_equal(outcome(s), WALK_DROPPED)
#define assert_unknown(s) assert_int_equal(outcome(s), WALK_UNKNOWN)

static void test_policy(void **state)
{
	struct scene *s = *state;
	uint32_t in = input(s, NULL);

	assert_accepted(s);
	s->f->chains[in].policy = "accept";
	assert_accepted(s);
	s->f->chains[in].policy = "drop";
	assert_dropped(s);
	assert_int_equal(s->w.steps[s->w.n_steps - 1].rule, FOREIGN_NOWHERE);
	s->f->tables[s->table].flags = "dormant";
	assert_accepted(s);
}

/* Every kind of key: exact, a range, masked, negated, absent, unknown. */
static void test_numbers(void **state)
{
	struct scene *s = *state;
	struct term *t;

	rule(s, input(s, "drop"), FOREIGN_ACCEPT, NULL);
	t = match(s, FIELD_DPORT, 80, 443);
	assert_accepted(s);
	t->negated = true;
	assert_dropped(s);
	packet_set_number(&s->p, FIELD_DPORT, 79);
	assert_accepted(s);
	packet_lose(&s->p, FIELD_DPORT);
	assert_dropped(s);
	t->negated = false;
	assert_dropped(s);
	packet_forget(&s->p, FIELD_DPORT);
	assert_unknown(s);
	assert_int_equal(s->w.steps[0].matched, TRUTH_MAYBE);
	assert_int_equal(s->w.steps[0].term, 0);
}

/* A range of everything holds for what is there, whatever it is. */
static void test_unknown_value_in_full_range(void **state)
{
	struct scene *s = *state;

	rule(s, input(s, "drop"), FOREIGN_ACCEPT, NULL);
	match(s, FIELD_DPORT, 0, 65535);
	packet_forget(&s->p, FIELD_DPORT);
	assert_accepted(s);
	s->p.field[FIELD_DPORT].there = TRUTH_MAYBE;
	assert_unknown(s);
}

static void test_flags(void **state)
{
	struct scene *s = *state;
	struct term *t;

	rule(s, input(s, "drop"), FOREIGN_ACCEPT, NULL);
	t = match(s, FIELD_TCP_FLAGS, SYN, SYN);
	t->masked = true;
	t->mask[0] = SYN | ACK;
	assert_accepted(s);
	packet_set_number(&s->p, FIELD_TCP_FLAGS, SYN | ACK);
	assert_dropped(s);
	packet_set_number(&s->p, FIELD_TCP_FLAGS, SYN | 0x40);
	assert_accepted(s);
	t->masked = false;
	assert_dropped(s);
}

static void test_family(void **state)
{
	struct scene *s = *state;
	struct term *t;

	rule(s, input(s, "drop"), FOREIGN_ACCEPT, NULL);
	t = match(s, FIELD_SADDR, 0xc0000200, 0xc00002ff);
	t->family = NFPROTO_IPV4;
	assert_accepted(s);
	t->family = NFPROTO_IPV6;
	assert_dropped(s);
	t->negated = true;
	assert_dropped(s);
}

/* What comes from the network does not come from lo, unknown as it is. */
static void test_interfaces(void **state)
{
	struct scene *s = *state;
	struct term *t;

	rule(s, input(s, "drop"), FOREIGN_ACCEPT, NULL);
	t = match_iface(s, FIELD_IIF, "eth0");
	assert_accepted(s);
	packet_forget(&s->p, FIELD_IIF);
	assert_unknown(s);
	t = match_iface(s, FIELD_IIF, "lo");
	assert_dropped(s);
	t->negated = true;
	assert_unknown(s);
	s->f->rules[0].terms = 1;
	s->f->rules[0].n_terms = 1;
	assert_accepted(s);
	/* there is no output interface yet: no name */
	t->field[0] = FIELD_OIF;
	assert_accepted(s);
}

static void test_states(void **state)
{
	struct scene *s = *state;
	struct term *t;

	rule(s, input(s, "drop"), FOREIGN_ACCEPT, NULL);
	t = match_states(s, ESTABLISHED | RELATED);
	assert_dropped(s);
	s->p.ct_states = ESTABLISHED;
	assert_accepted(s);
	t->negated = true;
	assert_dropped(s);
	s->p.ct_states = INVALID;
	assert_accepted(s);
	s->p.ct_states = ESTABLISHED | RELATED | INVALID;
	assert_unknown(s);
}

/* nft's `ct state != established,related` compares the whole word. */
static void test_state_word(void **state)
{
	struct scene *s = *state;
	struct term *t;

	rule(s, input(s, "accept"), FOREIGN_DROP, NULL);
	t = match(s, FIELD_STATE, ESTABLISHED | RELATED,
		  ESTABLISHED | RELATED);
	t->negated = true;
	s->p.ct_states = ESTABLISHED;
	assert_dropped(s);
	/* `ct state & (established | related) == 0` */
	s->f->ranges[0] = range(FIELD_STATE, 0, 0);
	t->negated = false;
	t->masked = true;
	t->mask[3] = ESTABLISHED | RELATED;
	assert_accepted(s);
	s->p.ct_states = NEW;
	assert_dropped(s);
}

/* What one rule may have let through is not what meets the next. */
static void test_states_are_narrowed(void **state)
{
	struct scene *s = *state;
	uint32_t in = input(s, "drop");

	s->p.ct_states = NEW | ESTABLISHED;
	rule(s, in, FOREIGN_ACCEPT, NULL);
	match_states(s, ESTABLISHED);
	rule(s, in, FOREIGN_ACCEPT, NULL);
	match_states(s, NEW);
	assert_accepted(s);
	assert_int_equal(s->w.n_steps, 2);
	assert_int_equal(s->w.steps[1].matched, TRUTH_YES);
	assert_int_equal(s->w.steps[1].reached, TRUTH_MAYBE);
}

static void test_sets(void **state)
{
	struct scene *s = *state;
	uint32_t set;

	rule(s, input(s, "drop"), FOREIGN_ACCEPT, NULL);
	assert_int_equal(foreign_begin_set(s->f, "ports", 1, false, &set), 0);
	for (uint32_t i = 100; i; i--) {
		struct key_range v = range(FIELD_DPORT, i * 20, i * 20 + 3);

		assert_int_equal(foreign_add_key(s->f, &v, NULL), 0);
	}
	term(s, (struct term){ .kind = TERM_MATCH, .n_fields = 1,
			       .field = { FIELD_DPORT }, .set = set });
	assert_accepted(s);
	packet_set_number(&s->p, FIELD_DPORT, 83);
	assert_accepted(s);
	packet_set_number(&s->p, FIELD_DPORT, 84);
	assert_dropped(s);
	packet_forget(&s->p, FIELD_DPORT);
	assert_unknown(s);
	packet_set_number(&s->p, FIELD_DPORT, 84);
	s->f->sets[set].known = false;
	assert_unknown(s);
}

/* A key of two fields, and two fields that are alternatives. */
static void test_concatenation(void **state)
{
	struct scene *s = *state;
	struct key_range v[2] = { range(FIELD_SPORT, 1000, 2000),
				  range(FIELD_DPORT, 80, 80) };
	struct term *t;
	uint32_t set;

	rule(s, input(s, "drop"), FOREIGN_ACCEPT, NULL);
	assert_int_equal(foreign_begin_set(s->f, NULL, 2, false, &set), 0);
	assert_int_equal(foreign_add_key(s->f, v, NULL), 0);
	t = term(s, (struct term){ .kind = TERM_MATCH, .n_fields = 2,
				   .field = { FIELD_SPORT, FIELD_DPORT },
				   .set = set });
	assert_dropped(s);
	packet_set_number(&s->p, FIELD_SPORT, 1500);
	assert_accepted(s);
	packet_forget(&s->p, FIELD_SPORT);
	assert_unknown(s);
	packet_set_number(&s->p, FIELD_DPORT, 81);
	assert_dropped(s);
	assert_int_equal(foreign_begin_set(s->f, NULL, 1, false, &set), 0);
	assert_int_equal(foreign_add_key(s->f, v, NULL), 0);
	t->set = set;
	t->either = true;
	assert_unknown(s);
	packet_set_number(&s->p, FIELD_DPORT, 1001);
	assert_accepted(s);
	t->negated = true;
	assert_dropped(s);
}

static void test_opaque(void **state)
{
	struct scene *s = *state;
	uint32_t in = input(s, "drop");

	rule(s, in, FOREIGN_ACCEPT, NULL);
	opaque(s, "limit");
	assert_unknown(s);
	assert_string_equal(s->f->terms[s->w.steps[0].term].name, "limit");
	/* both ways lead to the same end */
	s->f->rules[0].verdict = FOREIGN_DROP;
	assert_dropped(s);
}

static void test_jumps(void **state)
{
	struct scene *s = *state;
	uint32_t in = input(s, "drop"), a = chain(s, "a"), b = chain(s, "b");

	rule(s, in, FOREIGN_JUMP, "a");
	rule(s, in, FOREIGN_ACCEPT, NULL);
	match(s, FIELD_DPORT, 80, 80);
	rule(s, a, FOREIGN_RETURN, NULL);
	rule(s, a, FOREIGN_DROP, NULL);
	rule(s, b, FOREIGN_NONE, NULL);
	assert_accepted(s);
	/* a chain that is gone to returns to where the one before was called */
	s->f->rules[2].verdict = FOREIGN_GOTO;
	s->f->rules[2].target = intern("b");
	assert_accepted(s);
	s->f->rules[0].verdict = FOREIGN_GOTO;
	assert_dropped(s);
	assert_int_equal(s->w.steps[s->w.n_steps - 1].rule, FOREIGN_NOWHERE);
	/* a return of the base chain is its policy */
	s->f->rules[0].verdict = FOREIGN_RETURN;
	assert_dropped(s);
}

static void test_loop_is_refused(void **state)
{
	struct scene *s = *state;
	uint32_t in = input(s, "accept"), a = chain(s, "a");

	rule(s, in, FOREIGN_JUMP, "a");
	rule(s, a, FOREIGN_JUMP, "a");
	assert_unknown(s);
	assert_true(s->w.too_long);
}

/* Sixteen chains, each with many jumps to the next: it ends all the same. */
static void test_work_is_bounded(void **state)
{
	struct scene *s = *state;
	uint32_t c = input(s, "accept");

	for (unsigned int i = 0; i < 16; i++) {
		const char *next = intern_printf("c%u", i);

		for (unsigned int k = 0; k < 20; k++) {
			rule(s, c, FOREIGN_JUMP, next);
			opaque(s, "limit");
		}
		c = chain(s, next);
	}
	assert_unknown(s);
	assert_true(s->w.too_long);
}

static void test_map(void **state)
{
	struct scene *s = *state;
	struct key_range ssh = range(FIELD_DPORT, 22, 22);
	struct key_range web = range(FIELD_DPORT, 80, 443);
	struct foreign_outcome drop = { FOREIGN_DROP, NULL };
	struct foreign_outcome jump = { FOREIGN_JUMP, intern("web") };
	uint32_t in = input(s, "drop"), c = chain(s, "web"), set;

	rule(s, in, FOREIGN_NONE, NULL);
	assert_int_equal(foreign_begin_set(s->f, NULL, 1, true, &set), 0);
	assert_int_equal(foreign_add_key(s->f, &ssh, &drop), 0);
	assert_int_equal(foreign_add_key(s->f, &web, &jump), 0);
	term(s, (struct term){ .kind = TERM_VMAP, .n_fields = 1,
			       .field = { FIELD_DPORT }, .set = set });
	rule(s, c, FOREIGN_ACCEPT, NULL);
	assert_accepted(s);
	packet_set_number(&s->p, FIELD_DPORT, 22);
	assert_dropped(s);
	s->f->chains[in].policy = "accept";
	packet_set_number(&s->p, FIELD_DPORT, 23);
	assert_accepted(s);
	packet_forget(&s->p, FIELD_DPORT);
	assert_unknown(s);
	packet_set_number(&s->p, FIELD_DPORT, 22);
	s->f->sets[set].known = false;
	assert_unknown(s);
}

static void test_map_of_states(void **state)
{
	struct scene *s = *state;
	struct key_range est = range(FIELD_STATE, ESTABLISHED, ESTABLISHED);
	struct key_range inv = range(FIELD_STATE, INVALID, INVALID);
	struct foreign_outcome accept = { FOREIGN_ACCEPT, NULL };
	struct foreign_outcome drop = { FOREIGN_DROP, NULL };
	uint32_t in = input(s, "drop"), set;

	rule(s, in, FOREIGN_NONE, NULL);
	assert_int_equal(foreign_begin_set(s->f, NULL, 1, true, &set), 0);
	assert_int_equal(foreign_add_key(s->f, &est, &accept), 0);
	assert_int_equal(foreign_add_key(s->f, &inv, &drop), 0);
	term(s, (struct term){ .kind = TERM_VMAP, .n_fields = 1,
			       .field = { FIELD_STATE }, .set = set });
	rule(s, in, FOREIGN_ACCEPT, NULL);
	match_states(s, NEW | UNTRACKED);
	assert_accepted(s);
	s->p.ct_states = INVALID;
	assert_dropped(s);
	s->p.ct_states = NEW | ESTABLISHED;
	assert_accepted(s);
	s->p.ct_states = NEW | ESTABLISHED | INVALID;
	assert_unknown(s);
}

static void test_marks(void **state)
{
	struct scene *s = *state;
	uint32_t in = input(s, "drop");
	struct term *t;

	rule(s, in, FOREIGN_NONE, NULL);
	t = term(s, (struct term){ .kind = TERM_SET_MARK });
	t->keep = 0xffff00ff;
	t->flip = 0x1200;
	rule(s, in, FOREIGN_ACCEPT, NULL);
	t = match(s, FIELD_MARK, 0x1200, 0x1200);
	assert_accepted(s);
	/* of a mark that is lost, what was set since is known */
	packet_forget(&s->p, FIELD_MARK);
	assert_unknown(s);
	t->masked = true;
	t->mask[2] = 0xff;
	assert_accepted(s);
	rule(s, in, FOREIGN_NONE, NULL);
	s->f->terms[0].kind = TERM_LOSE_MARK;
	assert_unknown(s);
}

/* Joined: set or not, where it is not known whether a rule did it. */
static void test_marks_are_joined(void **state)
{
	struct scene *s = *state;
	uint32_t in = input(s, "drop");
	struct term *t;

	rule(s, in, FOREIGN_NONE, NULL);
	opaque(s, "limit");
	t = term(s, (struct term){ .kind = TERM_SET_MARK });
	t->flip = 0x10;
	rule(s, in, FOREIGN_ACCEPT, NULL);
	t = match(s, FIELD_MARK, 0x10, 0x10);
	assert_unknown(s);
	s->f->ranges[0] = range(FIELD_MARK, 0, 0x10);
	assert_accepted(s);
	/* the bits that both ways share are known */
	s->f->ranges[0] = range(FIELD_MARK, 0x20, 0x2f);
	assert_dropped(s);
}

/* Both worlds, several tables: any drop wins, an accept ends its chain. */
static void test_worlds(void **state)
{
	struct scene *s = *state;
	uint32_t legacy, v6;

	rule(s, input(s, "accept"), FOREIGN_ACCEPT, NULL);
	table(s, WORLD_LEGACY, NFPROTO_IPV4, "filter");
	legacy = base(s, "INPUT", "filter", "input", "0", "DROP");
	assert_dropped(s);
	s->f->chains[legacy].policy = "ACCEPT";
	assert_accepted(s);
	table(s, WORLD_LEGACY, NFPROTO_IPV6, "filter");
	v6 = base(s, "INPUT", "filter", "input", "0", "DROP");
	assert_accepted(s);
	s->f->tables[s->f->chains[v6].table].family = NFPROTO_BRIDGE;
	assert_accepted(s);
	s->p.family = NFPROTO_IPV6;
	s->f->tables[s->f->chains[v6].table].family = NFPROTO_IPV6;
	assert_dropped(s);
}

static void test_order_of_priorities(void **state)
{
	static const char *const words[] = { "raw", "mangle + 5", "-10",
					     "filter", "security" };
	static const int32_t numbers[] = { -300, -145, -10, 0, 50 };
	struct scene *s = *state;
	size_t k = 0;

	table(s, WORLD_NFT, NFPROTO_IPV4, "t");
	for (size_t i = ARRAY_SIZE(words); i--; )
		base(s, words[i], "filter", "input", words[i], NULL);
	assert_accepted(s);
	for (size_t i = 0; i < s->w.n_phases; i++)
		if (s->w.phases[i].hook == NF_INET_LOCAL_IN)
			assert_int_equal(s->w.phases[i].priority,
					 numbers[k++]);
	assert_int_equal(k, ARRAY_SIZE(numbers));
}

/* NOTRACK in a chain of prerouting, and an input that wants UNTRACKED. */
static uint32_t notrack(struct scene *s, const char *priority)
{
	uint32_t pre, in = input(s, "drop");

	rule(s, in, FOREIGN_ACCEPT, NULL);
	match_states(s, UNTRACKED);
	pre = base(s, "pre", "filter", "prerouting", priority, NULL);
	rule(s, pre, FOREIGN_NONE, NULL);
	term(s, (struct term){ .kind = TERM_NOTRACK });
	return pre;
}

static void test_notrack(void **state)
{
	struct scene *s = *state;
	uint32_t pre = notrack(s, "raw");

	assert_accepted(s);
	assert_int_equal(s->w.tracked, TRUTH_NO);
	s->f->chains[pre].priority = "-199";
	assert_dropped(s);
	assert_int_equal(s->w.tracked, TRUTH_YES);
	/* what has no entry can still be taken out */
	s->p.ct_states = INVALID;
	assert_accepted(s);
	/* at -200 the kernel knows which is first, and nobody else */
	s->p.ct_states = NEW;
	s->f->chains[pre].priority = "raw + 100";
	assert_unknown(s);
	assert_true(s->w.order_matters);
	assert_int_equal(s->w.tracked, TRUTH_MAYBE);
	s->f->chains[pre].hook = "postrouting";
	assert_dropped(s);
}

/* In raw, a packet has no state but INVALID, or the one that NOTRACK gave. */
static void test_state_in_raw(void **state)
{
	struct scene *s = *state;
	uint32_t pre = notrack(s, "raw");

	rule(s, pre, FOREIGN_DROP, NULL);
	match_states(s, NEW | INVALID);
	assert_accepted(s);
	s->f->terms[s->f->rules[1].terms].kind = TERM_LOSE_MARK;
	assert_dropped(s);
}

static void test_no_tracking(void **state)
{
	struct scene *s = *state;

	rule(s, input(s, "drop"), FOREIGN_ACCEPT, NULL);
	match_states(s, INVALID);
	s->p.tracking = TRUTH_NO;
	assert_accepted(s);
	assert_int_equal(s->w.tracked, TRUTH_NO);
	s->p.tracking = TRUTH_MAYBE;
	assert_unknown(s);
}

/* Neighbour discovery is never tracked. */
static void test_neighbours(void **state)
{
	struct scene *s = *state;

	rule(s, input(s, "drop"), FOREIGN_ACCEPT, NULL);
	match_states(s, UNTRACKED);
	packet_init(&s->p, NFPROTO_IPV6, IPPROTO_ICMPV6, PATH_TO_HOST);
	packet_set_number(&s->p, FIELD_ICMP_TYPE, 135);
	assert_accepted(s);
	packet_set_number(&s->p, FIELD_ICMP_TYPE, 128);
	assert_dropped(s);
}

/* A zone set ahead of conntrack: NOTRACK comes too late. */
static void test_template(void **state)
{
	struct scene *s = *state;
	uint32_t in = input(s, "drop"), pre;

	rule(s, in, FOREIGN_ACCEPT, NULL);
	match_states(s, NEW);
	table(s, WORLD_LEGACY, NFPROTO_IPV4, "raw");
	pre = base(s, "PREROUTING", "filter", "prerouting", "-300", "ACCEPT");
	rule(s, pre, FOREIGN_TARGET, "CT");
	rule(s, pre, FOREIGN_NONE, NULL);
	term(s, (struct term){ .kind = TERM_NOTRACK });
	assert_accepted(s);
	assert_int_equal(s->w.tracked, TRUTH_YES);
}

static void test_loopback(void **state)
{
	struct scene *s = *state;
	uint32_t in = input(s, "drop"), pre;

	rule(s, in, FOREIGN_ACCEPT, NULL);
	match_states(s, NEW);
	match_iface(s, FIELD_IIF, "lo");
	pre = base(s, "pre", "filter", "prerouting", "raw", NULL);
	rule(s, pre, FOREIGN_NONE, NULL);
	term(s, (struct term){ .kind = TERM_NOTRACK });
	s->p.path = PATH_LOOPBACK;
	packet_set_iface(&s->p, FIELD_IIF, "lo");
	packet_set_iface(&s->p, FIELD_OIF, "lo");
	assert_accepted(s);
	s->f->chains[pre].hook = "output";
	assert_dropped(s);
	assert_int_equal(s->w.tracked, TRUTH_NO);
}

static void test_forwarded(void **state)
{
	struct scene *s = *state;
	uint32_t fwd;

	rule(s, input(s, "drop"), FOREIGN_DROP, NULL);
	fwd = base(s, "forward", "filter", "forward", "filter", "drop");
	rule(s, fwd, FOREIGN_ACCEPT, NULL);
	match_iface(s, FIELD_IIF, "eth0");
	match_iface(s, FIELD_OIF, "eth1");
	s->p.path = PATH_FORWARDED;
	packet_set_iface(&s->p, FIELD_OIF, "eth1");
	assert_accepted(s);
}

/* NAT is for first packets; an untracked one never meets it. */
static uint32_t nat(struct scene *s, const char *target, const char *hook,
		    const char *priority)
{
	uint32_t c;

	table(s, WORLD_LEGACY, NFPROTO_IPV4, "nat");
	c = base(s, "CHAIN", "nat", hook, priority, "ACCEPT");
	rule(s, c, FOREIGN_TARGET, target);
	match(s, FIELD_DPORT, 80, 80);
	return c;
}

static void test_redirect(void **state)
{
	struct scene *s = *state;

	rule(s, input(s, "drop"), FOREIGN_ACCEPT, NULL);
	match(s, FIELD_DPORT, 80, 80);
	nat(s, "REDIRECT", "prerouting", "-100");
	assert_unknown(s);
	assert_int_equal(s->w.translated, TRUTH_YES);
	s->p.ct_states = ESTABLISHED;
	assert_accepted(s);
	assert_int_equal(s->w.translated, TRUTH_NO);
	/* a redirected packet is for this host, whatever it was */
	s->p.ct_states = NEW;
	s->p.path = PATH_FORWARDED;
	assert_unknown(s);
	for (size_t i = 0; i < s->w.n_phases; i++)
		assert_int_not_equal(s->w.phases[i].hook, NF_INET_FORWARD);
}

static void test_untracked_meets_no_nat(void **state)
{
	struct scene *s = *state;

	notrack(s, "raw");
	nat(s, "DNAT", "prerouting", "-100");
	assert_accepted(s);
	assert_int_equal(s->w.translated, TRUTH_NO);
}

/* DNAT may lead away from this host, and to it. */
static void test_dnat(void **state)
{
	struct scene *s = *state;
	uint32_t in = input(s, "accept");

	base(s, "forward", "filter", "forward", "filter", "drop");
	assert_accepted(s);
	nat(s, "DNAT", "prerouting", "-100");
	assert_unknown(s);
	s->f->chains[in].policy = "drop";
	assert_dropped(s);
}

static void test_source_nat(void **state)
{
	struct scene *s = *state;
	uint32_t late;

	s->p.path = PATH_FORWARDED;
	nat(s, "MASQUERADE", "postrouting", "100");
	table(s, WORLD_NFT, NFPROTO_IPV4, "late");
	late = base(s, "late", "filter", "postrouting", "200", "accept");
	rule(s, late, FOREIGN_DROP, NULL);
	match(s, FIELD_SADDR, 0xc0000242, 0xc0000242);
	assert_unknown(s);
	assert_int_equal(s->w.translated, TRUTH_YES);
	s->f->chains[late].priority = "90";
	assert_dropped(s);
}

static void test_targets(void **state)
{
	static const struct {
		const char *name;
		uint8_t outcome;	/* with a policy of drop */
	} targets[] = {
		{ "LOG", WALK_DROPPED }, { "log", WALK_DROPPED },
		{ "NFQUEUE", WALK_UNKNOWN }, { "queue", WALK_UNKNOWN },
		{ "TPROXY", WALK_UNKNOWN }, { "SYNPROXY", WALK_DROPPED },
		{ "TARPIT", WALK_UNKNOWN }, { "REJECT", WALK_DROPPED },
	};
	struct scene *s = *state;

	rule(s, input(s, "drop"), FOREIGN_TARGET, "LOG");
	for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
		s->f->rules[0].target = intern(targets[i].name);
		assert_int_equal(outcome(s), targets[i].outcome);
	}
	s->f->rules[0].verdict = FOREIGN_JUMP;
	assert_dropped(s);
}

/* In some orders of two chains of one priority the mark is there in time. */
static void test_ties(void **state)
{
	struct scene *s = *state;
	uint32_t a, b;
	struct term *t;

	table(s, WORLD_NFT, NFPROTO_IPV4, "t");
	a = base(s, "a", "filter", "input", "0", NULL);
	b = base(s, "b", "filter", "input", "0", NULL);
	rule(s, a, FOREIGN_NONE, NULL);
	t = term(s, (struct term){ .kind = TERM_SET_MARK });
	t->flip = 7;
	rule(s, b, FOREIGN_DROP, NULL);
	match(s, FIELD_MARK, 7, 7);
	assert_unknown(s);
	assert_true(s->w.order_matters);
	s->f->chains[b].priority = "1";
	assert_dropped(s);
	assert_false(s->w.order_matters);
	/* NOTRACK beside another chain of raw is certain */
	s->f->chains[b].priority = "0";
	s->f->rules[1].n_terms = 0;
	s->f->rules[1].verdict = FOREIGN_NONE;
	assert_accepted(s);
	assert_false(s->w.order_matters);
}

/* More than all orders of which could be tried. */
static void test_crowd(void **state)
{
	struct scene *s = *state;
	struct term *t;

	table(s, WORLD_NFT, NFPROTO_IPV4, "t");
	for (unsigned int i = 0; i < 6; i++) {
		uint32_t c = base(s, intern_printf("c%u", i), "filter",
				  "input", "0", NULL);

		rule(s, c, FOREIGN_NONE, NULL);
		match(s, FIELD_MARK, i, i);
		t = term(s, (struct term){ .kind = TERM_SET_MARK });
		t->flip = i + 1;
	}
	assert_accepted(s);
	s->f->rules[5].verdict = FOREIGN_DROP;
	assert_unknown(s);
}

static void test_never_reached(void **state)
{
	_cleanup_(walk_release) struct walk rest = { 0 };
	struct scene *s = *state;
	struct walker *w = NULL;
	uint32_t in = input(s, "drop"), a = chain(s, "a");

	rule(s, in, FOREIGN_JUMP, "a");
	rule(s, a, FOREIGN_ACCEPT, NULL);
	rule(s, a, FOREIGN_DROP, NULL);
	match(s, FIELD_DPORT, 81, 81);
	rule(s, in, FOREIGN_DROP, NULL);
	match(s, FIELD_DPORT, 80, 80);
	rule(s, in, FOREIGN_ACCEPT, NULL);
	assert_accepted(s);
	assert_int_equal(walker_new(s->f, &w), 0);
	assert_int_equal(walk_never_reached(w, &s->p, &s->w,
					    s->w.n_phases - 1, &rest), 0);
	assert_int_equal(rest.n_steps, 1);
	assert_int_equal(rest.steps[0].rule, 3);
	assert_int_equal(rest.steps[0].position, 2);
	walker_free(&w);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_policy), TEST(test_numbers),
		TEST(test_unknown_value_in_full_range), TEST(test_flags),
		TEST(test_family), TEST(test_interfaces), TEST(test_states),
		TEST(test_state_word), TEST(test_states_are_narrowed),
		TEST(test_sets), TEST(test_concatenation), TEST(test_opaque),
		TEST(test_jumps), TEST(test_loop_is_refused),
		TEST(test_work_is_bounded), TEST(test_map),
		TEST(test_map_of_states), TEST(test_marks),
		TEST(test_marks_are_joined), TEST(test_worlds),
		TEST(test_order_of_priorities), TEST(test_notrack),
		TEST(test_state_in_raw), TEST(test_no_tracking),
		TEST(test_neighbours), TEST(test_template),
		TEST(test_loopback), TEST(test_forwarded),
		TEST(test_redirect), TEST(test_untracked_meets_no_nat),
		TEST(test_dnat), TEST(test_source_nat), TEST(test_targets),
		TEST(test_ties), TEST(test_crowd), TEST(test_never_reached),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	intern_forget();
	return failed;
}
