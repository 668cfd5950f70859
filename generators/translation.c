/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * generators/translation.c: what untracked services do to hosts behind this
 * one.
 *
 * A masquerading host gets the replies to everybody behind it at its own
 * address. What takes such a reply out of tracking cuts it off from the entry
 * that says whose it is.
 */
#include "core/diag_ids.h"
#include "core/fault.h"
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

/* The worst that is known for a family of the service. */
static struct nat_fact nat_of(const struct generator_input *in,
			      const struct service *s)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	struct nat_fact worst = { .known = NAT_NONE };

	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		const struct nat_fact *f = &in->facts->nat[i];

		if (!service_in_family(in->policy, s, families[i]))
			continue;
		if (f->known == NAT_SOURCE)
			return *f;
		if (f->known == NAT_UNKNOWN)
			worst = *f;
	}
	return worst;
}

/* What comes to a local port of the kernel's choice may be anybody's reply. */
static void check_ports(const struct generator_input *in,
			const struct service *s, struct nat_fact nat)
{
	struct port_range own = in->facts->ephemeral;

	if (!(s->roles & ROLE_SERVER))
		return;
	if (!meets(&s->ports, own) &&
	    (nat.known == NAT_NONE || !meets(&s->ports, dynamic_ports)))
		return;
	if (nat.known == NAT_SOURCE && s->has_servers) {
		diag_add(in->diags, DIAG_NOTE, 0, ID_EPHEMERAL_SERVER, s->at,
			 "service '%s' has ephemeral ports: this host must not masquerade (%s) behind an address in its `servers`",
			 s->name, nat.where);
		return;
	}
	if (nat.known == NAT_SOURCE) {
		diag_add(in->diags, DIAG_WARNING, 0, ID_EPHEMERAL_SERVER, s->at,
			 "service '%s' breaks connections of hosts behind this one, which masquerades (%s): its ports are also source ports, and replies to those become untracked",
			 s->name, nat.where);
		diag_help(in->diags,
			  "name in `servers` addresses that the host does not masquerade behind, or let it masquerade to other ports: masquerade to :1024-32767");
		return;
	}
	diag_add(in->diags, DIAG_NOTE, 0, ID_EPHEMERAL_SERVER, s->at,
		 nat.known == NAT_NONE ?
		 "service '%s' has ephemeral ports: this host's own connections from them become untracked too" :
		 "service '%s' has ephemeral ports: on a host that masquerades, replies to the hosts behind it become untracked too",
		 s->name);
}

/* Are replies limited to far ends that the policy names? */
static bool names_far_end(const struct service *s)
{
	return (!(s->roles & ROLE_CLIENT) || s->has_servers) &&
	       (!(s->roles & ROLE_SERVER) || s->has_clients);
}

static void say_protocols(const struct generator_input *in,
			  const struct service *s, struct nat_fact nat,
			  const char *protocols)
{
	if (nat.known == NAT_UNKNOWN) {
		diag_add(in->diags, DIAG_NOTE, 0, ID_MASQUERADED_REPLIES, s->at,
			 "service '%s' (%s): on a host that masquerades, replies to the hosts behind it become untracked too",
			 s->name, protocols);
		return;
	}
	if (names_far_end(s)) {
		diag_add(in->diags, DIAG_NOTE, 0, ID_MASQUERADED_REPLIES, s->at,
			 "service '%s' (%s): hosts behind this one, which masquerades (%s), cannot use it with the same far end",
			 s->name, protocols, nat.where);
		return;
	}
	diag_add(in->diags, DIAG_WARNING, 0, ID_MASQUERADED_REPLIES, s->at,
		 "service '%s' (%s) breaks this protocol for hosts behind this one, which masquerades (%s): replies to them become untracked",
		 s->name, protocols, nat.where);
	diag_help(in->diags,
		  "name the far end, in `servers` for a client and in `clients` for a server; the hosts behind must not use it");
}

/* Only tcp and udp sockets can be asked for what is this host's own. */
static void check_protocols(const struct generator_input *in,
			    const struct service *s, struct nat_fact nat)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };

	for (size_t i = 0; i < s->n_protocols; i++) {
		uint8_t proto = s->protocols[i];
		unsigned int taking = protocol_has_ports(proto) ?
				      ROLE_CLIENT : ROLE_CLIENT | ROLE_SERVER;

		if (leg_finds_socket(proto) || !(s->roles & taking))
			continue;
		strbuf_puts(&b, b.n ? ", " : "");
		protocol_print(proto, &b);
	}
	if (b.n && nat.known != NAT_NONE)
		say_protocols(in, s, nat, strbuf_str(&b));
}

/* What is not tracked is not translated, and leaves with its own source. */
static void check_router(const struct generator_input *in,
			 const struct service *s, struct nat_fact nat)
{
	bool named = s->has_clients || s->has_servers;

	if (!(s->roles & ROLE_ROUTER) || nat.known != NAT_SOURCE)
		return;
	diag_add(in->diags, named ? DIAG_NOTE : DIAG_WARNING, 0,
		 ID_UNTRANSLATED, s->at,
		 "forwarded packets of service '%s' will leave with their own source addresses, though this host masquerades (%s)",
		 s->name, nat.where);
	if (!named)
		diag_help(in->diags,
			  "name `clients` and `servers` that need no translation");
}

static bool is_unguarded(const struct service *s)
{
	for (size_t i = 0; s->replies_unguarded && i < s->n_protocols; i++)
		if (leg_finds_socket(s->protocols[i]))
			return true;
	return false;
}

static int check_guard(const struct generator_input *in,
		       const struct service *s, struct nat_fact nat)
{
	if (!is_unguarded(s) || nat.known == NAT_NONE)
		return 0;
	if (nat.known == NAT_UNKNOWN)
		return diag_add(in->diags, DIAG_NOTE, 0, ID_UNGUARDED_REPLIES,
				s->at,
				"service '%s' says `reply_guard: none`: a host that masquerades refuses this",
				s->name);
	diag_add(in->diags, DIAG_ERROR, 0, ID_UNGUARDED_REPLIES, s->at,
		 "service '%s' says `reply_guard: none`, but this host masquerades (%s): replies to the hosts behind it would become untracked too",
		 s->name, nat.where);
	diag_help(in->diags, "leave `reply_guard` out");
	return -FAULT_CONFLICT;
}

int translation_check(const struct policy *p, const struct host_facts *facts,
		      struct diags *d)
{
	struct generator_input in = {
		.policy = p, .facts = facts, .diags = d,
	};
	int err = 0;

	/* Without the module there is no address translation. */
	if (p->unload_modules)
		return 0;
	for (size_t i = 0; i < p->n_services; i++) {
		const struct service *s = &p->services[i];
		struct nat_fact nat = nat_of(&in, s);
		int refused = check_guard(&in, s, nat);

		check_ports(&in, s, nat);
		check_protocols(&in, s, nat);
		check_router(&in, s, nat);
		err = err ? err : refused;
	}
	return err;
}
