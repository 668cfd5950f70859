/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/change/service_text.c: a service, and what a change does for it. */
#include <errno.h>
#include <string.h>

#include "cli/change/change_text.h"
#include "core/mem.h"

#define PORTS_SHOWN 8
#define PEERS_SHOWN 3
#define GAP "  "

/* ---- the head: web  server  tcp 80,443  any client  policy.yaml:14 ---- */

static void and_more(size_t n, size_t shown, struct strbuf *out)
{
	if (n > shown)
		strbuf_printf(out, " and %zu more", n - shown);
}

static void print_roles(const struct service *s, struct strbuf *out)
{
	bool any = false;

	for (size_t i = 0; i < ROLES; i++) {
		if (!(s->roles >> i & 1))
			continue;
		strbuf_printf(out, "%s%s", any ? "," : "", role_names[i]);
		any = true;
	}
}

static void print_protocols(const struct service *s, struct strbuf *out)
{
	for (size_t i = 0; i < s->n_protocols; i++) {
		strbuf_puts(out, i ? "," : "");
		service_protocol_print(s->protocols[i], out);
	}
	strbuf_puts(out, service_is_any(s) ? " protocol" : "");
	for (size_t i = 0; i < s->ports.n && i < PORTS_SHOWN; i++) {
		strbuf_puts(out, i ? "," : " ");
		port_range_print(&s->ports.v[i], out);
	}
	and_more(s->ports.n, PORTS_SHOWN, out);
}

static void print_peers(const char *word, bool given,
			const struct prefix_set *set, struct strbuf *out)
{
	if (!given) {
		strbuf_printf(out, "any %s", word);
		return;
	}
	strbuf_printf(out, "%ss ", word);
	for (size_t i = 0; i < set->n && i < PEERS_SHOWN; i++) {
		struct prefix p = prefix_set_at(set, i);

		strbuf_puts(out, i ? ", " : "");
		prefix_print(&p, out);
	}
	and_more(set->n, PEERS_SHOWN, out);
}

static void print_ifaces(const struct service *s, const char *gap,
			 struct strbuf *out)
{
	for (size_t i = 0; i < s->ifaces.n; i++) {
		strbuf_printf(out, "%s%s", i ? ", " : gap, i ? "" : "on ");
		iface_print(&s->ifaces.v[i], out);
	}
}

void service_print_words(const struct policy *p, const struct service *s,
			 const char *gap, struct strbuf *out)
{
	bool answers = s->roles & (ROLE_SERVER | ROLE_ROUTER);
	bool asks = s->roles & (ROLE_CLIENT | ROLE_ROUTER);

	print_roles(s, out);
	strbuf_puts(out, gap);
	print_protocols(s, out);
	if (answers || s->has_clients) {
		strbuf_puts(out, gap);
		print_peers("client", s->has_clients, &s->clients, out);
	}
	if (asks || s->has_servers) {
		strbuf_puts(out, gap);
		print_peers("server", s->has_servers, &s->servers, out);
	}
	print_ifaces(s, gap, out);
	if (p->ipv4 != p->ipv6)
		strbuf_printf(out, "%s%s only", gap, p->ipv4 ? "IPv4" : "IPv6");
	if (s->management)
		strbuf_printf(out, "%smanagement", gap);
}

#define WORDS_SHOWN 6

/* Of ports, the protocol is said once: "tcp 80, 443". */
static const char *without(const char *word, const char *last)
{
	size_t n = strcspn(word, " ");

	return last && word[n] && !strncmp(word, last, n + 1) ? word + n + 1 :
								word;
}

void shape_print(const struct words *w, struct strbuf *out)
{
	for (size_t i = 0; i < w->n && i < WORDS_SHOWN; i++)
		strbuf_printf(out, "%s%s", i ? ", " : "",
			      without(w->v[i] + 1, i ? w->v[i - 1] + 1 : NULL));
	and_more(w->n, WORDS_SHOWN, out);
}

/* Of what no policy here tells, the rules do. */
static int print_shape(struct shapes *shapes, const struct service_change *x,
		       struct strbuf *out)
{
	_cleanup_(shape_change_release) struct shape_change s = { 0 };
	int err = shape_change_find(shapes, x->name, &s);

	if (err)
		return err;
	shape_print(s.gained.n ? &s.gained : &s.lost, out);
	if (shapes->of->plan->policy)
		strbuf_puts(out, GAP "no longer in the policy");
	return 0;
}

int service_print_head(struct shapes *shapes, const struct service_change *x,
		       struct strbuf *out)
{
	int err = 0;

	if (!x->name) {
		strbuf_puts(out, x->strange ?
			    "rules in ctpolicy's own chains that belong to no service" :
			    "shared by all services: ICMP errors about their connections");
		return 0;
	}
	strbuf_printf(out, "%-8s" GAP, x->name);
	if (x->service) {
		const struct srcpos *at = &x->service->at;

		strbuf_puts(out, x->tracked ? "stays tracked, " : "");
		service_print_words(shapes->of->plan->policy, x->service, GAP,
				    out);
		strbuf_printf(out, GAP "%s:%u", at->file, at->line);
	} else {
		err = print_shape(shapes, x, out);
	}
	if (x->why)
		strbuf_printf(out, GAP "\"%s\"", x->why);
	return err;
}

/* ---- what leaves tracking ---- */

/* "udp unreplied 2 s, replied 3 s" */
static void print_timers(const struct service *s, struct strbuf *out)
{
	for (size_t i = 0; i < s->n_protocols; i++) {
		const struct timers *t = &s->timers[i];
		const char *gap = " ";

		strbuf_puts(out, i ? "; " : "");
		service_protocol_print(s->protocols[i], out);
		for (unsigned int k = 1; k <= timers_count(t->proto); k++) {
			if (!t->v[k])
				continue;
			strbuf_printf(out, "%s%s %u s", gap,
				      timers_key(t->proto, k), t->v[k]);
			gap = ", ";
		}
	}
}

void service_print_untrack(const struct policy *p,
			   const struct service_change *x, struct strbuf *out)
{
	static const struct {
		unsigned int roles;
		const char *words;
	} legs[] = {
		{ ROLE_SERVER | ROLE_CLIENT,
		  "requests from and to the network and the answers to them" },
		{ ROLE_SERVER,
		  "requests from the network and the answers to them" },
		{ ROLE_CLIENT,
		  "requests to the network and the answers to them" },
		{ ROLE_ROUTER, "what this host forwards, in both directions" },
		{ ROLE_LOOPBACK, "what this host sends to itself" },
	};
	const struct service *s = x->service;
	unsigned int left = s->roles;

	if (x->tracked) {
		print_timers(s, out);
		return;
	}
	if (p->unload_modules) {
		strbuf_puts(out, "all of this host's traffic: connection tracking is unloaded");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(legs); i++) {
		if ((left & legs[i].roles) != legs[i].roles)
			continue;
		strbuf_printf(out, "%s%s", left == s->roles ? "" : "; ",
			      legs[i].words);
		left &= ~legs[i].roles;
	}
	if (!(s->roles & (ROLE_SERVER | ROLE_CLIENT)))
		return;
	strbuf_puts(out, s->keeps_own4 || s->keeps_own6 ?
		    "; what this host sends to itself and translates stays tracked" :
		    "; loopback too");
}

/* ---- where it is accepted ---- */

/* A place, in one table or in those of both families alike. */
struct spot {
	const struct stand *stand;
	uint8_t family[2];
	size_t n;
};

struct spots {
	struct spot *v;
	size_t n, cap;
};

static void spots_release(struct spots *s)
{
	free(s->v);
}

static bool holds(const struct stand *s, const char *service, bool all)
{
	for (size_t i = 0; i < s->accepts.n; i++)
		if (all || origin_is_of(s->accepts.v[i].origin, service))
			return true;
	return false;
}

static bool is_alike(const struct stand *a, const struct stand *b)
{
	return a->table == b->table && a->chain == b->chain &&
	       a->behind == b->behind && a->of == b->of && a->next == b->next;
}

static int add_spot(struct spots *to, const struct stand *s)
{
	for (size_t i = 0; i < to->n; i++)
		if (is_alike(to->v[i].stand, s)) {
			if (to->v[i].n < ARRAY_SIZE(to->v[i].family) &&
			    to->v[i].family[to->v[i].n - 1] != s->family)
				to->v[i].family[to->v[i].n++] = s->family;
			return 0;
		}
	if (mem_grow(&to->v, &to->cap, to->n + 1))
		return -ENOMEM;
	to->v[to->n++] = (struct spot){
		.stand = s, .family = { s->family }, .n = 1,
	};
	return 0;
}

static bool is_same_chain(const struct spot *a, const struct spot *b)
{
	return a->stand->table == b->stand->table &&
	       a->stand->chain == b->stand->chain && a->n == b->n &&
	       !memcmp(a->family, b->family, sizeof(a->family));
}

/* "rule 2 of 6 (ct state established accept)", "its policy (drop)" */
static void print_spot(const struct stand *s, bool first, struct strbuf *out)
{
	if (s->behind >= s->of)
		strbuf_puts(out, s->next ? "its policy" : "its end");
	else
		strbuf_printf(out, "rule %u", s->behind + 1);
	if (s->behind < s->of && first)
		strbuf_printf(out, " of %u", s->of);
	if (s->next)
		strbuf_printf(out, " (%s)", s->next);
}

static void print_chain(const struct spots *s, size_t first, struct strbuf *out)
{
	const struct spot *x = &s->v[first];
	size_t last = first;

	for (size_t i = first; i < s->n; i++)
		last = is_same_chain(x, &s->v[i]) ? i : last;
	for (size_t i = 0; i < x->n; i++)
		strbuf_printf(out, "%s%s", i ? ", " : "",
			      nfproto_name(x->family[i]));
	strbuf_printf(out, " %s %s, ahead of ", x->stand->table,
		      x->stand->chain);
	for (size_t i = first; i < s->n; i++) {
		if (!is_same_chain(x, &s->v[i]))
			continue;
		strbuf_puts(out, i == first ? "" : i == last ? " and of " :
							      ", ");
		print_spot(s->v[i].stand, i == first, out);
	}
	strbuf_puts(out, "\n");
}

int service_print_accepts(const struct plan *p, const char *service, bool all,
			  struct strbuf *out)
{
	_cleanup_(spots_release) struct spots spots = { 0 };
	int err = 0;

	for (size_t i = 0; !err && i < p->stands.n; i++)
		if (holds(&p->stands.v[i], service, all))
			err = add_spot(&spots, &p->stands.v[i]);
	for (size_t i = 0; !err && i < spots.n; i++) {
		bool said = false;

		for (size_t k = 0; k < i; k++)
			said |= is_same_chain(&spots.v[k], &spots.v[i]);
		if (!said)
			print_chain(&spots, i, out);
	}
	return err;
}
