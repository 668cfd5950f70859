/* SPDX-License-Identifier: GPL-2.0-or-later */
/* prove/say.c: what does not hold, in words. */
#include <arpa/inet.h>

#include "core/mem.h"
#include "prove/prove.h"

static const char *const fates[] = {
	[LEG_PROVEN] = "proven", [LEG_TRACKED] = "tracked",
	[LEG_LOST] = "dropped", [LEG_LET_IN] = "let_in",
	[LEG_UNTRIED] = "not_tried", [LEG_DROPPED_ANYWAY] = "dropped_anyway",
	[LEG_UNSEEN] = "not_seen",
};

_Static_assert(ARRAY_SIZE(fates) == LEG_FATE_MAX_, "a fate has no name");

const char *prove_fate_name(enum leg_fate f)
{
	return fates[f];
}

void prove_leg_words(const struct prove_leg *l, struct strbuf *out)
{
	static const char *const ways[WAY_MAX_][2] = {
		[WAY_IN] = { "requests from the network",
			     "replies to the network" },
		[WAY_OUT] = { "requests to the network",
			      "replies from the network" },
		[WAY_THROUGH] = { "forwarded requests", "forwarded replies" },
		[WAY_WITHIN] = { "requests over loopback",
				 "replies over loopback" },
	};

	service_protocol_print(l->proto, out);
	strbuf_printf(out, " %s (%s)", ways[l->way][l->reply],
		      l->family == AF_INET ? "IPv4" : "IPv6");
}

static void put_end(const struct call *t, bool server, struct strbuf *out)
{
	const uint8_t *addr = server ? t->server : t->client;
	bool ports = protocol_has_ports(t->proto);
	char text[INET6_ADDRSTRLEN] = "";
	bool bracket = ports && t->family == AF_INET6;

	inet_ntop(t->family, addr, text, sizeof(text));
	strbuf_printf(out, "%s%s%s", bracket ? "[" : "", text,
		      bracket ? "]" : "");
	if (ports)
		strbuf_printf(out, ":%u", server ? t->sport : t->cport);
}

void prove_packet_words(const struct call *t, bool reply, struct strbuf *out)
{
	put_end(t, reply, out);
	strbuf_puts(out, " > ");
	put_end(t, !reply, out);
}

static const struct {
	enum diag_level level;
	enum diag_id id;
	const char *words;
} rows[LEG_FATE_MAX_] = {
	[LEG_TRACKED] = { DIAG_ERROR, ID_LEG_FAILS, "are tracked" },
	[LEG_LOST] = { DIAG_ERROR, ID_LEG_FAILS, "do not arrive" },
	[LEG_LET_IN] = { DIAG_ERROR, ID_LEG_FAILS,
			 "arrive, and without the policy they do not" },
	[LEG_UNTRIED] = { DIAG_WARNING, ID_NOT_TRIED, "could not be tried" },
	[LEG_DROPPED_ANYWAY] = { DIAG_WARNING, ID_DROPPED_ANYWAY,
				 "do not arrive, with the policy or without" },
	[LEG_UNSEEN] = { DIAG_WARNING, ID_NOT_TRIED,
			 "could not be tried: there were none" },
};

static void say_leg(const struct prove_run *r, const struct prove_leg *l,
		    struct diags *d)
{
	_cleanup_(strbuf_release) struct strbuf leg = { 0 }, packet = { 0 };

	prove_leg_words(l, &leg);
	prove_packet_words(&l->call, l->reply, &packet);
	if (strbuf_status(&leg) || strbuf_status(&packet)) {
		d->lost = true;
		return;
	}
	diag_add(d, rows[l->fate].level, 0, rows[l->fate].id, l->service->at,
		 "%s, with %s: %s %s", l->service->name, r->backend,
		 strbuf_text(&leg, &d->lost), rows[l->fate].words);
	if (l->by)
		diag_help(d, "%s: dropped in %s",
			  strbuf_text(&packet, &d->lost), l->by);
	else
		diag_help(d, "for example: %s", strbuf_text(&packet, &d->lost));
}

static const char *test_words(const struct prove_test *t)
{
	if (!t->tried)
		return "could not be tried";
	if (t->test->tracked >= 0 && t->test->tracked != t->tracked)
		return t->tracked ? "is tracked, and should not be" :
				    "is not tracked, and should be";
	return t->accepted ? "arrives, and should be dropped" :
			     "does not arrive, and should";
}

static void say_test(const struct prove_run *r, const struct prove_test *t,
		     struct diags *d)
{
	diag_add(d, DIAG_ERROR, 0, ID_TEST_FAILS, t->test->at,
		 "with %s this packet %s", r->backend, test_words(t));
	if (t->by)
		diag_help(d, "dropped in %s", t->by);
}

void prove_say(const struct prove_run *r, struct diags *d)
{
	if (r->cases.cut)
		diag_add(d, DIAG_WARNING, 0, ID_NOT_ALL_TRIED, NOPOS,
			 "this host's rules tell more connections apart than were tried (at most %d for each service and direction)",
			 CASES_MAX);
	for (size_t i = 0; i < r->n_legs; i++)
		if (r->legs[i].fate != LEG_PROVEN)
			say_leg(r, &r->legs[i], d);
	for (size_t i = 0; i < r->n_tests; i++)
		if (!r->tests[i].passed)
			say_test(r, &r->tests[i], d);
}
