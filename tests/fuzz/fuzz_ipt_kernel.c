/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/fuzz/fuzz_ipt_kernel.c: any rules as what a kernel's table holds. A
 * rule that is understood must, built again from what was understood, do the
 * same to every packet.
 */
#include <string.h>

#include "backends/iptables/ipt.h"
#include "backends/xtables/ipt_rule_args.h"
#include "backends/iptables/ipt_legacy.h"
#include "backends/iptables/ipt_sets.h"
#include "backends/iptables/ipt_survey.h"
#include "backends/xtables/xt.h"
#include "core/mem.h"
#include "core/strbuf.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/fuzz_ipt_kernel.h"

#define PACKETS 64

/* What a rule is read with. */
struct world {
	struct image *img;
	struct image_table *sets;
	struct diags d;
	uint64_t random;
};

static void add_set(struct world *w, const char *name, const char *kind,
		    uint8_t family)
{
	struct image_set *s = image_add_set(w->sets, name);

	MUST(s);
	ipt_set_setup(s, ipt_set_kind_find(kind), family, 0);
}

static void world_init(struct world *w, uint8_t family)
{
	uint8_t af = family == NFPROTO_IPV4 ? AF_INET : AF_INET6;

	w->img = image_new();
	MUST(w->img);
	w->sets = image_add_table(w->img, NFPROTO_UNSPEC, IPT_SET_TABLE);
	MUST(w->sets);
	add_set(w, fuzz_sets[0], "bitmap:port", AF_UNSPEC);
	add_set(w, fuzz_sets[1], "hash:net", af);
	add_set(w, fuzz_sets[2], "hash:net,port", af);
}

static void world_release(struct world *w)
{
	diags_release(&w->d);
	image_free(&w->img);
}

/* Not from the input: each rule is to meet many packets. */
static void next_packet(struct world *w, bool v4, const void *entry,
			struct fuzz_packet *ret)
{
	uint8_t bytes[32];
	struct fuzz_input in = { bytes, sizeof(bytes) };

	for (size_t i = 0; i < sizeof(bytes); i++) {
		w->random = w->random * 6364136223846793005 +
			    1442695040888963407;
		bytes[i] = (uint8_t)(w->random >> 56);
	}
	fuzz_packet(&in, v4, entry, ret);
}

static bool same_meaning(struct world *w, uint8_t family, const void *entry,
			 const void *again)
{
	bool v4 = family == NFPROTO_IPV4;
	struct fuzz_packet p;

	for (size_t i = 0; i < PACKETS; i++) {
		next_packet(w, v4, entry, &p);
		if (fuzz_matches(v4, entry, &p) != fuzz_matches(v4, again, &p))
			return false;
	}
	return true;
}

static void __attribute__((noreturn)) complain(const struct world *w,
					       const char *what,
					       const struct ipt_args *read,
					       const struct ipt_args *built)
{
	_cleanup_(strbuf_release) struct strbuf text = { 0 };

	diags_print(&w->d, NULL, 0, 0, false, stderr);
	ipt_args_print(read, &text);
	strbuf_puts(&text, "\n");
	ipt_args_print(built, &text);
	fprintf(stderr, "%s:\n%s\n", what, strbuf_str(&text));
	abort();
}

static int read_entry(struct world *w, uint8_t family, const void *entry,
		      const char *target, struct ipt_args *a,
		      struct image_rule *ret)
{
	int err = xt_print(family, entry, target, a, &w->d);

	if (!err)
		err = ipt_args_decode(a, family, w->sets, ipt_chain_is_ours,
				      w->img, ret);
	return err;
}

/* An unknown rule is its own text, and that is unknown, too. */
static void unknown_again(struct world *w, uint8_t family,
			  const struct image_rule *r)
{
	_cleanup_(ipt_args_release) struct ipt_args a = { 0 };
	_cleanup_(image_rule_release) struct image_rule again = { 0 };

	MUST(r->unknown);
	MUST(!ipt_args_encode(r, family, &a));
	MUST(!ipt_args_decode(&a, family, w->sets, ipt_chain_is_ours, w->img,
			      &again));
	MUST(again.verdict == VERDICT_UNKNOWN);
	MUST(!strcmp(again.unknown, r->unknown));
}

static void known_again(struct world *w, uint8_t family, const void *entry,
			const struct ipt_args *read, const struct image_rule *r)
{
	_cleanup_(ipt_args_release) struct ipt_args a = { 0 }, b = { 0 };
	_cleanup_(image_rule_release) struct image_rule again = { 0 };
	_cleanup_free_ void *built = NULL;
	bool v4 = family == NFPROTO_IPV4;
	const char *target;

	if (ipt_args_encode(r, family, &a))
		complain(w, "not to be said", read, &a);
	if (xt_build(family, &a, ipt_chain_is_ours, NOPOS, &built, &w->d))
		complain(w, "not to be built", read, &a);
	if (!same_meaning(w, family, entry, built) ||
	    fuzz_untracks(v4, built) != (r->verdict == VERDICT_NOTRACK))
		complain(w, "other packets", read, &a);
	/* The kernel hands standard targets out without a name. */
	target = r->verdict == VERDICT_NOTRACK ? "CT" : a.v[a.n - 1];
	if (r->verdict != VERDICT_NOTRACK)
		fuzz_target_of(v4, built)->u.user.name[0] = '\0';
	if (read_entry(w, family, built, target, &b, &again) ||
	    !image_rule_equal(r, &again))
		complain(w, "read otherwise", read, &b);
}

static void read_rule(struct world *w, const struct ipt_legacy *t,
		      const void *entry)
{
	_cleanup_(image_rule_release) struct image_rule r = { 0 };
	_cleanup_(ipt_args_release) struct ipt_args a = { 0 };
	const char *target = ipt_legacy_target(t, entry);

	if (read_entry(w, t->family, entry, target, &a, &r)) {
		MUST(w->d.errors || w->d.lost);
		return;
	}
	if (r.verdict == VERDICT_UNKNOWN) {
		unknown_again(w, t->family, &r);
		return;
	}
	if (r.verdict != VERDICT_NOTRACK)
		MUST(!strcmp(target, r.verdict == VERDICT_JUMP ? r.target :
				     r.verdict == VERDICT_ACCEPT ? "ACCEPT" :
								   "RETURN"));
	known_again(w, t->family, entry, &a, &r);
}

static void read_table(struct world *w, const struct ipt_legacy *t)
{
	struct survey s = { 0 };

	MUST(!ipt_survey_table(t, &s));
	survey_release(&s);
	MUST(ipt_legacy_digest(t, 0) == ipt_legacy_digest(t, 0));
	for (const char *c = ipt_legacy_first_chain(t); c;
	     c = ipt_legacy_next_chain(t))
		for (const void *e = ipt_legacy_first_rule(t, c); e;
		     e = ipt_legacy_next_rule(t, e))
			read_rule(w, t, e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(world_release) struct world w = { .random = size };
	struct fuzz_input in = { data, size };
	struct ipt_legacy t;
	const char *name;
	uint8_t family;

	MUST(!xt_init(&w.d));
	fuzz_table(&in, &family, &name);
	world_init(&w, family);
	MUST(!ipt_legacy_open(family, name, &t, &w.d));
	read_table(&w, &t);
	ipt_legacy_close(&t);
	fuzz_table_free();
	return 0;
}
