/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * policies/policy_tests.c: the section `tests`: packets and the expected
 * results.
 */
#include <string.h>

#include "core/endpoint.h"
#include "core/mem.h"
#include "policies/policy_load.h"

#define SPACE " \t"
#define EXAMPLE "tcp 10.1.2.3:40000 > 192.0.2.10:80"

/* A word of the packet's text: where it begins, and its length. */
struct token {
	const char *s;
	size_t n;
};

/* The place of a word inside the value, where it can be determined. */
static struct srcpos token_place(struct loader *l, uint32_t node,
				 const char *text, struct token t)
{
	struct srcpos at = ydoc_pos(l->doc, node);
	size_t n = strlen(text);

	if (at.len != n && at.len != n + 2)	/* escapes, several lines */
		return at;
	at.col += (uint32_t)(t.s - text) + (at.len != n);
	at.len = (uint32_t)t.n;
	return at;
}

static size_t split(const char *s, struct token *v, size_t max)
{
	size_t n = 0;

	for (s += strspn(s, SPACE); *s; s += strspn(s, SPACE)) {
		struct token t = { s, strcspn(s, SPACE) };

		if (n < max)
			v[n] = t;
		n++;
		s += t.n;
	}
	return n;
}

static int bad_packet(struct loader *l, struct srcpos at, const char *msg)
{
	diag_add(l->d, DIAG_ERROR, 0, ID_BAD_PACKET, at, "%s", msg);
	diag_help(l->d, "write a packet as: " EXAMPLE
		  "; IPv6 as [2001:db8::1]:80");
	return -EINVAL;
}

/* "2001:db8::1:80": what is behind the last colon must be the port. */
static void mend_ipv6(struct loader *l, struct token t)
{
	char text[64];
	struct prefix p;
	char *colon;

	snprintf(text, sizeof(text), "%.*s", (int)t.n, t.s);
	colon = strrchr(text, ':');
	if (t.n >= sizeof(text) || !colon || !colon[1])
		return;
	*colon = '\0';
	if (!prefix_parse(text, &p) && p.family == AF_INET6)
		diag_mend(l->d, FIX_REPLACE, "[%s]:%s", text, colon + 1);
}

static int load_endpoint(struct loader *l, struct srcpos at, struct token t,
			 bool ports, struct endpoint *ret)
{
	if (endpoint_parse(t.s, t.n, ret)) {
		bad_packet(l, at, ports ? "not an address and a port" :
					  "not an address");
		if (ports)
			mend_ipv6(l, t);
		return -EINVAL;
	}
	if (ports && !ret->has_port)
		return bad_packet(l, at, "a port is missing here");
	if (!ports && ret->has_port) {
		bad_packet(l, at, "a port for a protocol that has none");
		if (memchr(t.s, '.', t.n))
			diag_mend(l->d, FIX_REPLACE, "%.*s",
				  (int)strcspn(t.s, ":"), t.s);
		return -EINVAL;
	}
	return 0;
}

/* Any port will do for the end that has no service. */
static void mend_source(struct loader *l, struct token t, struct endpoint e)
{
	if (e.has_port)
		return;
	diag_mend(l->d, FIX_REPLACE, e.family == AF_INET6 && *t.s != '[' ?
		  "[%.*s]:40000" : "%.*s:40000", (int)t.n, t.s);
}

static int load_addresses(struct loader *l, uint32_t node, const char *s,
			  const struct token *t, struct packet_test *test)
{
	bool ports = protocol_has_ports(test->proto);
	struct srcpos to = token_place(l, node, s, t[3]);
	struct endpoint src, dst;
	int err, r2;

	err = load_endpoint(l, token_place(l, node, s, t[1]), t[1], ports,
			    &src);
	if (err && ports && !endpoint_parse(t[1].s, t[1].n, &src))
		mend_source(l, t[1], src);
	r2 = load_endpoint(l, to, t[3], ports, &dst);
	if (err || r2)
		return -EINVAL;
	if (src.family != dst.family) {
		diag_add(l->d, DIAG_ERROR, 0, ID_PACKET_FAMILIES, to,
			 "source and destination are of different families");
		diag_help(l->d, "write two IPv4 or two IPv6 addresses");
		return -EINVAL;
	}
	test->family = src.family;
	test->sport = src.port;
	test->dport = dst.port;
	memcpy(test->saddr, src.addr, sizeof(test->saddr));
	memcpy(test->daddr, dst.addr, sizeof(test->daddr));
	return 0;
}

static int load_packet(struct loader *l, uint32_t node,
		       struct packet_test *test)
{
	const char *s = ydoc_text(l->doc, node);
	struct token t[4];
	char proto[32];
	size_t n;
	int err;

	if (!s)
		return -ENOMEM;
	test->at = ydoc_pos(l->doc, node);
	n = split(s, t, ARRAY_SIZE(t));
	if (n != 4)
		return bad_packet(l, test->at, "not a packet");
	if (t[2].n != 1 || *t[2].s != '>') {
		bad_packet(l, token_place(l, node, s, t[2]),
			   "a `>` was expected here");
		if (t[2].n == 2 && (!strncmp(t[2].s, "->", 2) ||
				    !strncmp(t[2].s, "=>", 2)))
			diag_mend(l->d, FIX_REPLACE, ">");
		return -EINVAL;
	}
	snprintf(proto, sizeof(proto), "%.*s",
		 (int)(t[0].n < sizeof(proto) ? t[0].n : sizeof(proto) - 1),
		 t[0].s);
	err = load_protocol_text(l, token_place(l, node, s, t[0]), proto,
				 &test->proto);
	return err ? err : load_addresses(l, node, s, t, test);
}

static int load_expect(struct loader *l, uint32_t map,
		       struct packet_test *test)
{
	static const struct key keys[] = {
		{ "tracked", WANT_WORD, false, false },
		{ "verdict", WANT_WORD, false, false },
	};
	static const struct word tracked[] = {
		{ "yes", 1, false }, { "no", 0, false },
	};
	static const struct word verdict[] = {
		{ "accept", 1, false }, { "drop", 0, false },
	};
	bool given[ARRAY_SIZE(keys)];
	uint32_t node[ARRAY_SIZE(keys)];
	int err, r2 = 0;

	err = load_map(l, map, "`expect`", ydoc_pos(l->doc, map), keys,
		       ARRAY_SIZE(keys), node, given);
	if (err)
		return err;
	if (ydoc_after(l->doc, map) == map + 1) {
		load_error(l, map, ID_NO_EXPECTATION,
			   "`expect` says nothing");
		diag_help(l->d, "give `tracked: yes|no`, "
			  "`verdict: accept|drop`, or both");
		return -EINVAL;
	}
	if (node[0] != NO_NODE)
		err = load_word(l, node[0], "tracked", tracked,
				ARRAY_SIZE(tracked), &test->tracked);
	if (node[1] != NO_NODE)
		r2 = load_word(l, node[1], "verdict", verdict,
			       ARRAY_SIZE(verdict), &test->accept);
	return err ? err : r2;
}

static int load_test(struct loader *l, uint32_t map)
{
	static const struct key keys[] = {
		{ "packet", WANT_WORD, true, false },
		{ "expect", WANT_MAP, true, false },
	};
	struct packet_test test = { .tracked = -1, .accept = -1 };
	struct policy *p = l->p;
	uint32_t node[ARRAY_SIZE(keys)];
	int err, r2 = 0;

	err = load_map(l, map, "the test", ydoc_pos(l->doc, map), keys,
		       ARRAY_SIZE(keys), node, NULL);
	if (!err && node[0] != NO_NODE)
		err = load_packet(l, node[0], &test);
	if (node[1] != NO_NODE && err != -ENOMEM)
		r2 = load_expect(l, node[1], &test);
	if (err || r2)
		return err ? err : r2;
	if (mem_grow(&p->tests, &p->cap_tests, p->n_tests + 1))
		return -ENOMEM;
	p->tests[p->n_tests++] = test;
	return 0;
}

int load_tests(struct loader *l, uint32_t list)
{
	uint32_t end = ydoc_after(l->doc, list), i;
	int err = 0;

	for (i = list + 1; i < end && err != -ENOMEM && !load_full(l);
	     i = ydoc_after(l->doc, i)) {
		if (ydoc_kind(l->doc, i) == YNODE_MAP) {
			err = load_test(l, i);
		} else if (ydoc_kind(l->doc, i) != YNODE_BAD) {
			load_error(l, i, ID_WRONG_KIND,
				   "an item of `tests` must be a mapping");
			diag_help(l->d, "write `- packet: " EXAMPLE
				  "` and `expect:` below it");
		}
	}
	return err;
}
