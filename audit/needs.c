/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/needs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "audit/own.h"
#include "core/intern.h"
#include "core/mem.h"

static const struct {
	const char *why;
	bool other;			/* has no count of its own */
	bool free;			/* needs no conntrack */
} features[] = {
	[FEATURE_STATE] = { "matches connection states", false, false },
	[FEATURE_NAT] = { "is part of address translation", false, false },
	[FEATURE_CONNMARK] = { "uses connection marks", false, false },
	[FEATURE_CONNLIMIT] = { "counts connections", false, false },
	[FEATURE_CONNBYTES] = { "reads the counters of connections",
				false, false },
	[FEATURE_HELPER] = { "matches connections of a helper", false, false },
	[FEATURE_NOTRACK] = { "takes packets out of tracking", false, true },
	[FEATURE_CT_OTHER] = { "sets a helper, zone, timeout or event of connections",
			       false, false },
	[FEATURE_CTSTATUS] = { "matches the status of connections",
			       true, false },
	[FEATURE_CTPROTO] = { "matches the protocol of connections",
			      true, false },
	[FEATURE_CTDIR] = { "matches the direction within a connection",
			    true, false },
	[FEATURE_CTEXPIRE] = { "matches the remaining life of connections",
			       true, false },
	[FEATURE_CTADDR] = { "matches the original addresses of connections",
			     true, false },
	[FEATURE_CTPORT] = { "matches the original ports of connections",
			     true, false },
	[FEATURE_CONNLABEL] = { "uses connection labels", true, false },
	[FEATURE_CONNSECMARK] = { "uses security marks of connections",
				  true, false },
	[FEATURE_CLUSTER] = { "shares connections among cluster nodes",
			      true, false },
	[FEATURE_SYNPROXY] = { "answers handshakes for others (synproxy)",
			       true, false },
	[FEATURE_LAYER7] = { "looks into the data of connections",
			     true, false },
	[FEATURE_IPVS] = { "matches connections of IPVS", true, false },
	[FEATURE_CLUSTERIP] = { "shares an address among cluster nodes",
				true, false },
	[FEATURE_HMARK_CT] = { "hashes the addresses of connections",
			       true, false },
	[FEATURE_FLOWOFFLOAD] = { "offloads connections to a flowtable",
				  true, false },
	[FEATURE_CTZONE] = { "matches the zone of connections", true, false },
	[FEATURE_CTID] = { "matches the id of connections", true, false },
	[FEATURE_XT_OPAQUE] = { "uses an xtables extension that nft cannot show",
				true, false },
	[FEATURE_NAT_VERDICT] = { "translates addresses", true, true },
};
_Static_assert(ARRAY_SIZE(features) == FEATURE_MAX_, "a feature has no row");

const char *needs_why(enum foreign_feature x)
{
	return features[x].why;
}

bool needs_is_other(enum foreign_feature x)
{
	return features[x].other;
}

bool needs_feature(enum foreign_feature x)
{
	return !features[x].free;
}

bool needs_conntrack(const struct foreign_rule *r)
{
	for (size_t i = 0; i < FEATURE_MAX_; i++)
		if (!features[i].free && (r->features >> i & 1))
			return true;
	return false;
}

bool needs_module(const struct foreign_rule *r, enum foreign_feature *ret)
{
	for (unsigned int x = 0; x < FEATURE_MAX_; x++)
		if (r->features & UINT64_C(1) << x &&
		    (needs_feature((enum foreign_feature)x) ||
		     x == FEATURE_NOTRACK)) {
			*ret = (enum foreign_feature)x;
			return true;
		}
	return false;
}

static void print_mask(uint8_t mask, struct strbuf *out)
{
	const char *comma = "", *name;

	for (unsigned int i = 0; (name = foreign_state_name(i)); i++)
		if (mask >> i & 1) {
			strbuf_printf(out, "%s%s", comma, name);
			comma = ",";
		}
}

static void print_states(const struct foreign_states *s, struct strbuf *out)
{
	if (s->negated)
		strbuf_puts(out, "!");
	if (s->kind == STATES_MAPPED || s->kind == STATES_IN_MAP)
		strbuf_puts(out, "vmap:");
	if (s->kind == STATES_WITH_MORE)
		strbuf_puts(out, "concat");
	else if (s->kind == STATES_IN_SET || s->kind == STATES_IN_MAP)
		strbuf_printf(out, "@%s", s->name);
	else
		print_mask(s->mask, out);
}

void needs_states_print(const struct foreign *f, const struct foreign_rule *r,
			struct strbuf *out)
{
	/* of a match whose library is not there */
	if (!r->n_states)
		strbuf_puts(out, "unknown");
	for (uint32_t i = 0; i < r->n_states; i++) {
		if (i)
			strbuf_puts(out, "&");
		print_states(&f->states[r->states + i], out);
	}
}

void needs_print(const struct foreign *f, const struct foreign_rule *r,
		 const char *between, struct strbuf *out)
{
	size_t n = 0;

	for (size_t i = 0; i < FEATURE_MAX_; i++) {
		if (!(r->features >> i & 1) || i == FEATURE_NAT_VERDICT)
			continue;
		strbuf_printf(out, "%s%s", n++ ? between : "",
			      needs_why((enum foreign_feature)i));
		if (i != FEATURE_STATE)
			continue;
		strbuf_puts(out, ": ");
		needs_states_print(f, r, out);
	}
}

static int count_states(struct needs *n, const char *set)
{
	size_t i = name_index_find(&n->set_at, set, 0);

	if (i == SIZE_MAX) {
		if (mem_grow(&n->sets, &n->cap_sets, n->n_sets + 1) ||
		    name_index_add(&n->set_at, set, 0))
			return -ENOMEM;
		i = n->n_sets++;
		n->sets[i] = (struct needs_states){ .set = set };
	}
	n->sets[i].rules++;
	return 0;
}

static int count_rule(const struct foreign *f, const struct foreign_rule *r,
		      struct needs *n)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	const char *set;

	n->rules++;
	n->needs_ct += needs_conntrack(r);
	for (size_t i = 0; i < FEATURE_MAX_; i++)
		n->features[i] += r->features >> i & 1;
	if (!r->n_states)
		return 0;
	needs_states_print(f, r, &b);
	set = strbuf_status(&b) ? NULL : intern(strbuf_str(&b));
	return set ? count_states(n, set) : -ENOMEM;
}

static int by_frequency(const void *pa, const void *pb)
{
	const struct needs_states *a = pa, *b = pb;

	if (a->rules != b->rules)
		return a->rules < b->rules ? 1 : -1;
	return strcmp(a->set, b->set);
}

int needs_count(const struct foreign *f, struct needs *ret)
{
	_cleanup_(needs_release) struct needs n = { 0 };
	int err = 0;

	for (size_t i = 0; !err && i < f->n_rules; i++)
		if (own_is_host(f, &f->rules[i]))
			err = count_rule(f, &f->rules[i], &n);
	if (err)
		return err;
	memcpy(n.facts, f->facts, sizeof(n.facts));
	name_index_release(&n.set_at);
	if (n.n_sets)
		qsort(n.sets, n.n_sets, sizeof(*n.sets), by_frequency);
	*ret = n;
	n = (struct needs){ 0 };
	return 0;
}

void needs_release(struct needs *n)
{
	free(n->sets);
	name_index_release(&n->set_at);
	*n = (struct needs){ 0 };
}
