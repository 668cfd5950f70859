/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * generators/translation.c: what untracked services would do to connections of
 * others, as far as the policy alone tells.
 *
 * A masquerading host gets the replies to everybody behind it at its own
 * address. What takes such a reply out of tracking cuts it off from the entry
 * that says whose it is. Of a host whose rules are known, pre-flight says it.
 */
#include "core/diag_ids.h"
#include "core/mem.h"
#include "core/strbuf.h"
#include "generators/generators.h"
#include "generators/legs.h"

/* Where other systems choose their source ports: RFC 6335, section 6. */
static const struct port_range dynamic_ports = { 49152, 65535 };

static bool meets(const struct port_set *s, struct port_range range)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].first <= range.last && s->v[i].last >= range.first)
			return true;
	return false;
}

/* What comes to a local port of the kernel's choice may be anybody's reply. */
static void note_ports(const struct generator_input *in,
		       const struct service *s)
{
	bool own = meets(&s->ports, in->facts->ephemeral);
	bool whole = in->facts->whole;

	if (!(s->roles & ROLE_SERVER) ||
	    (!own && (whole || !meets(&s->ports, dynamic_ports))))
		return;
	diag_add(in->diags, DIAG_NOTE, 0, ID_EPHEMERAL_SERVER, s->at, whole ?
		 "service '%s' has ephemeral ports: this host's own connections from them become untracked too" :
		 "service '%s' has ephemeral ports: on a host that masquerades, replies to the hosts behind it become untracked too",
		 s->name);
}

/* Only tcp and udp sockets can be asked for what is this host's own. */
static void note_protocols(const struct generator_input *in,
			   const struct service *s)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };

	for (size_t i = 0; i < s->n_protocols; i++) {
		uint8_t proto = s->protocols[i];
		/* Ports, or ICMP's types, tell a server's requests */
		unsigned int taking = protocol_has_ports(proto) ||
				      proto == IPPROTO_ICMP ?
				      ROLE_CLIENT : ROLE_CLIENT | ROLE_SERVER;

		if (leg_finds_socket(proto) || !(s->roles & taking))
			continue;
		strbuf_puts(&b, b.n ? ", " : "");
		service_protocol_print(proto, &b);
	}
	if (b.n)
		diag_add(in->diags, DIAG_NOTE, 0, ID_MASQUERADED_REPLIES,
			 s->at,
			 "service '%s' (%s): on a host that masquerades, replies to the hosts behind it become untracked too",
			 s->name, strbuf_text(&b, &in->diags->lost));
}

static bool is_unguarded(const struct service *s)
{
	for (size_t i = 0; s->replies_unguarded && i < s->n_protocols; i++)
		if (leg_finds_socket(s->protocols[i]))
			return true;
	return false;
}

static void note_guard(const struct generator_input *in,
		       const struct service *s)
{
	if (is_unguarded(s))
		diag_add(in->diags, DIAG_NOTE, 0, ID_UNGUARDED_REPLIES, s->at,
			 "service '%s' says `reply_guard: none`: a host that masquerades refuses this",
			 s->name);
}

/* NOTRACK alone switches nothing on. */
static void note_tracking(const struct generator_input *in)
{
	if (!in->policy->n_tracked || !in->facts->idle)
		return;
	diag_add(in->diags, DIAG_NOTE, 0, ID_TRACKING_STARTS,
		 in->policy->tracked[0].at,
		 "`tracked` switches connection tracking on here: no rule of this host's own needs it");
}

void translation_note(const struct policy *p, const struct host_facts *facts,
		      struct diags *d)
{
	struct generator_input in = {
		.policy = p, .facts = facts, .diags = d,
	};

	note_tracking(&in);
	/* Without the module there is no address translation. */
	for (size_t i = 0; !p->unload_modules && i < p->n_services; i++) {
		note_ports(&in, &p->services[i]);
		if (facts->whole)
			continue;
		note_protocols(&in, &p->services[i]);
		note_guard(&in, &p->services[i]);
	}
}
