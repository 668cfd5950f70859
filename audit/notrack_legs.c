/* SPDX-License-Identifier: GPL-2.0-or-later */
/* audit/notrack_legs.c: are both directions out of tracking, everywhere? */
#include <netinet/in.h>
#include <linux/netfilter.h>
#include <string.h>

#include "audit/notrack_parts.h"
#include "core/mem.h"

#define SAMPLES_MAX 64		/* ports of one rule that are tried */

static const uint8_t families[] = { NFPROTO_IPV4, NFPROTO_IPV6 };
static const uint8_t lo[TERM_KEY_MAX] = "lo";

static bool is_loopback_only(const struct uses *u, const struct use *x)
{
	size_t n, stride;
	const struct key_range *r = use_ranges(u, x, FIELD_OIF, &n, &stride);

	for (size_t i = 0; r && i < n; i++)
		if (memcmp(r[i * stride].first, lo, sizeof(lo)) ||
		    memcmp(r[i * stride].last, lo, sizeof(lo)))
			return false;
	return r;
}

static struct sample on_loopback(struct sample s)
{
	sample_set(&s, FIELD_OIF, lo);
	return s;
}

/* The address that it names, if it is one alone. */
static const uint8_t *named_one(const struct uses *u, const struct use *x,
				enum packet_field field)
{
	size_t n, stride;
	const struct key_range *r = use_ranges(u, x, field, &n, &stride);

	return r && n == 1 && !memcmp(r->first, r->last, sizeof(r->first)) ?
		       r->first : NULL;
}

/*
 * Requests to one address, and the answers from it, that leave by rules of
 * their own are whole if it is this host's, as the cache of names on a node of
 * a cluster has it.
 */
static bool is_like_ours(const struct inspection *j, const struct use *x,
			 const struct sample *m)
{
	const struct uses *u = &j->notrack;

	if (!named_one(u, x, FIELD_DADDR))
		return false;
	for (size_t i = 0; i < u->n; i++)
		if (inspect_is_at(j, &u->v[i], "output") &&
		    named_one(u, &u->v[i], FIELD_SADDR) &&
		    use_may_take(u, &u->v[i], m))
			return true;
	return false;
}

/* Those that a host has for itself: RFC 1122, RFC 3927, RFC 4291. */
static bool stays_on_link(uint8_t family, const uint8_t *a)
{
	static const uint8_t one[16] = { [15] = 1 };

	return family == NFPROTO_IPV4 ?
		       a[0] == 127 || (a[0] == 169 && a[1] == 254) :
		       !memcmp(a, one, sizeof(one)) ||
		       (a[0] == 0xfe && (a[1] & 0xc0) == 0x80);
}

static bool is_for_ourselves(const struct inspection *j, const struct use *x,
			     const struct sample *m)
{
	const uint8_t *to = named_one(&j->notrack, x, FIELD_DADDR);

	if (!to || !is_like_ours(j, x, m))
		return false;
	return j->local ? prefix_set_contains(j->local,
					      m->family == NFPROTO_IPV4 ?
						      AF_INET : AF_INET6, to) :
			  stays_on_link(m->family, to);
}

/*
 * A router sees both directions in prerouting; those of a tunnel look alike
 * there, so that the host must be known for one.
 */
static bool is_answered(const struct inspection *j, const struct use *x,
			const struct sample *s)
{
	struct sample m = inspect_mirror(s);

	if (inspect_is_at(j, x, "prerouting"))
		return inspect_covers(j, "output", &m) ||
		       ((j->forwards || !inspect_is_tunnel(s)) &&
			inspect_covers(j, "prerouting", &m));
	if (!is_loopback_only(&j->notrack, x))
		return inspect_covers(j, "prerouting", &m) ||
		       is_for_ourselves(j, x, &m);
	m = on_loopback(m);
	return inspect_covers(j, "output", &m);
}

typedef bool sample_test(const struct inspection *j, const struct use *x,
			 const struct sample *s);

/* Of all packets of the use that are tried; MAYBE: it has none. */
static enum truth for_family(const struct inspection *j, const struct use *x,
			     uint8_t family, sample_test *test)
{
	enum truth all = TRUTH_MAYBE;
	struct sample s;

	for (size_t i = 0; i < SAMPLES_MAX &&
	     inspect_sample(&j->notrack, x, family, i, &s); i++) {
		if (!use_may_take(&j->notrack, x, &s))
			continue;
		if (!test(j, x, &s))
			return TRUTH_NO;
		all = TRUTH_YES;
	}
	return all;
}

static bool is_mirrored(const struct inspection *j, const struct use *x,
			const struct sample *s)
{
	struct sample m = inspect_mirror(s);

	return is_like_ours(j, x, &m);
}

/* In no family whole, and in one not at all. */
static bool is_one_way(const struct inspection *j, const struct use *x)
{
	enum truth v4 = for_family(j, x, NFPROTO_IPV4, is_answered);
	enum truth v6 = for_family(j, x, NFPROTO_IPV6, is_answered);

	return v4 != TRUTH_YES && v6 != TRUTH_YES &&
	       (v4 == TRUTH_NO || v6 == TRUTH_NO);
}

static bool is_judged(const struct inspection *j, const struct use *x)
{
	return !x->own && (inspect_is_at(j, x, "prerouting") ||
			   inspect_is_at(j, x, "output"));
}

/* The use of the other hook that has the same packets, not their answers. */
static const struct use *find_copy(const struct inspection *j, size_t at)
{
	const struct uses *u = &j->notrack;
	const struct use *x = &u->v[at];
	const char *other = inspect_is_at(j, x, "output") ? "prerouting" :
							  "output";
	struct sample s;

	if (inspect_side(u, x) == SIDE_NONE || inspect_side(u, x) == SIDE_BOTH)
		return NULL;
	for (size_t i = 0; i < u->n; i++) {
		if (!j->one_way[i] || !inspect_is_at(j, &u->v[i], other) ||
		    inspect_side(u, &u->v[i]) != inspect_side(u, x))
			continue;
		for (size_t k = 0; k < ARRAY_SIZE(families); k++)
			if (inspect_sample(u, x, families[k], 0, &s) &&
			    use_may_take(u, x, &s) &&
			    use_may_take(u, &u->v[i], &s))
				return &u->v[i];
	}
	return NULL;
}

/* A text does not tell whose addresses it names. */
static bool may_be_ours(const struct inspection *j, const struct use *x)
{
	return !j->local && inspect_is_at(j, x, "output") &&
	       (for_family(j, x, NFPROTO_IPV4, is_mirrored) == TRUTH_YES ||
		for_family(j, x, NFPROTO_IPV6, is_mirrored) == TRUTH_YES);
}

static int say_one_way(struct inspection *j, size_t at)
{
	static const char *const left[] = {
		[SIDE_NONE] = "the other direction of",
		[SIDE_REQUEST] = "the replies of",
		[SIDE_REPLY] = "the requests to",
		[SIDE_BOTH] = "the other direction of",
	};
	const struct use *x = &j->notrack.v[at], *copy = find_copy(j, at);
	const char *other = inspect_is_at(j, x, "output") ? "prerouting" :
							  "output";
	bool ours = may_be_ours(j, x);
	_cleanup_(strbuf_release) struct strbuf b = { 0 };

	inspect_describe(&j->notrack, x, &b);
	if (copy && inspect_is_at(j, x, "prerouting"))
		return 0;
	if (copy)
		return inspect_add(j, DIAG_ERROR, ID_NOTRACK_TWICE, x->rule,
				 copy->rule,
				 inspect_advise(j, x, "output", true, false),
				 "this repeats the direction that another rule takes out at the other hook; %s %s are still tracked, and nothing is saved",
				 left[inspect_side(&j->notrack, x)],
				 strbuf_text(&b, &j->lost));
	return inspect_add(j, ours ? DIAG_WARNING : DIAG_ERROR,
			 ID_NOTRACK_ONE_WAY, x->rule,
			 FOREIGN_NOWHERE,
			 inspect_advise(j, x, other, true,
				      is_loopback_only(&j->notrack, x)),
			 "%s %s %s still tracked: this rule saves nothing%s",
			 left[inspect_side(&j->notrack, x)],
			 strbuf_text(&b, &j->lost),
			 inspect_side(&j->notrack, x) == SIDE_REQUEST ||
			 inspect_side(&j->notrack, x) == SIDE_REPLY ? "are" :
								    "is",
			 ours ? ", unless its address is this host's" : "");
}

static bool contains_loopback(const struct uses *u, const struct use *x)
{
	struct sample s = { .family = NFPROTO_IPV4 };
	static const uint8_t v4[TERM_KEY_MAX] = { 127, 0, 0, 1 };
	static const uint8_t v6[TERM_KEY_MAX] = { [15] = 1 };

	if (!use_asks(u, x, FIELD_DADDR))
		return true;
	sample_set(&s, FIELD_DADDR, v4);
	if (use_may_take(u, x, &s))
		return true;
	s.family = NFPROTO_IPV6;
	sample_set(&s, FIELD_DADDR, v6);
	return use_may_take(u, x, &s);
}

static bool is_whole_on_loopback(const struct inspection *j,
				 const struct use *x, const struct sample *s)
{
	struct sample here = on_loopback(*s), m = inspect_mirror(s);

	m = on_loopback(m);
	return !use_may_take(&j->notrack, x, &here) ||
	       inspect_covers(j, "output", &m);
}

/* What goes to an address of somebody else's is not on loopback. */
static int check_loopback(struct inspection *j, const struct use *x)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };

	if (!inspect_is_at(j, x, "output") ||
	    is_loopback_only(&j->notrack, x) ||
	    !contains_loopback(&j->notrack, x) ||
	    (for_family(j, x, NFPROTO_IPV4, is_whole_on_loopback) &&
	     for_family(j, x, NFPROTO_IPV6, is_whole_on_loopback)))
		return 0;
	inspect_describe(&j->notrack, x, &b);
	return inspect_add(j, DIAG_WARNING, ID_NOTRACK_LOOPBACK, x->rule,
			 FOREIGN_NOWHERE,
			 inspect_advise(j, x, "output", true, true),
			 "on loopback only one direction of %s is out of tracking: connections of this host to itself get entries, and INVALID packets",
			 strbuf_text(&b, &j->lost));
}

static bool is_kept_on(const struct inspection *j, uint8_t family)
{
	const struct keepers_family *k = family == NFPROTO_IPV4 ?
					 &j->keepers.ipv4 : &j->keepers.ipv6;

	return k->rules || j->keepers.objects;
}

static int check_family(struct inspection *j, const struct use *x, uint8_t has,
			uint8_t lacks)
{
	const struct uses *u = &j->notrack;
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	struct sample s;

	if (!inspect_sample(u, x, has, 0, &s) || !use_may_take(u, x, &s) ||
	    !is_kept_on(j, lacks))
		return 0;
	s.family = lacks;
	sample_set_number(&s, FIELD_NFPROTO, lacks);
	if (inspect_covers(j, "prerouting", &s) &&
	    for_family(j, x, lacks, is_answered))
		return 0;
	inspect_describe(u, x, &b);
	return inspect_add(j, DIAG_WARNING, ID_NOTRACK_ONE_FAMILY, x->rule,
			 FOREIGN_NOWHERE, NULL,
			 "%s: out of tracking for %s alone, and still tracked for %s",
			 strbuf_text(&b, &j->lost),
			 has == NFPROTO_IPV4 ? "IPv4" : "IPv6",
			 lacks == NFPROTO_IPV4 ? "IPv4" : "IPv6");
}

/* Of a pair, the leg that comes in; addresses belong to one family. */
static int check_families(struct inspection *j, const struct use *x)
{
	const struct uses *u = &j->notrack;
	int err;

	if (!inspect_is_at(j, x, "prerouting") ||
	    use_asks(u, x, FIELD_SADDR) || use_asks(u, x, FIELD_DADDR) ||
	    use_asks(u, x, FIELD_ICMP_TYPE))
		return 0;
	err = check_family(j, x, NFPROTO_IPV4, NFPROTO_IPV6);
	return err ? err : check_family(j, x, NFPROTO_IPV6, NFPROTO_IPV4);
}

int inspect_legs(struct inspection *j)
{
	const struct uses *u = &j->notrack;
	int err = 0;

	for (size_t i = 0; i < u->n; i++)
		j->one_way[i] = is_judged(j, &u->v[i]) &&
				is_one_way(j, &u->v[i]);
	for (size_t i = 0; !err && i < u->n; i++) {
		if (!is_judged(j, &u->v[i]))
			continue;
		if (j->one_way[i]) {
			err = say_one_way(j, i);
			continue;
		}
		err = check_loopback(j, &u->v[i]);
		if (!err)
			err = check_families(j, &u->v[i]);
	}
	return err;
}
