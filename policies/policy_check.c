/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * policies/policy_check.c: what no single value can show: keys that must, or
 * must not, appear together.
 */
#include <string.h>

#include "core/mem.h"
#include "core/strbuf.h"
#include "policies/policy_load.h"

static void add_error(struct loader *l, struct srcpos at, enum diag_id id,
		      const char *help, const char *msg)
{
	diag_add(l->d, DIAG_ERROR, 0, id, at, "%s", msg);
	diag_help(l->d, "%s", help);
}

/* "[tcp, udp]", those of the protocols that have ports, or that have none */
static void print_protocols(const struct service *s, bool ports,
			    struct strbuf *out)
{
	const char *sep = "";

	strbuf_puts(out, "[");
	for (size_t i = 0; i < s->n_protocols; i++) {
		if (protocol_has_ports(s->protocols[i]) != ports)
			continue;
		strbuf_puts(out, sep);
		service_protocol_print(s->protocols[i], out);
		sep = ", ";
	}
	strbuf_puts(out, "]");
}

static void mixed_protocols(struct loader *l, const struct service *s,
			    uint32_t node)
{
	_cleanup_(strbuf_release) struct strbuf with = { 0 }, without = { 0 };

	print_protocols(s, true, &with);
	print_protocols(s, false, &without);
	load_error(l, node, ID_MIXED_PROTOCOLS,
		   "protocols with and without ports in one service");
	diag_help(l->d, "write two services: one with %s and ports, one with "
		  "%s and none", strbuf_text(&with, &l->d->lost),
		  strbuf_text(&without, &l->d->lost));
	diag_mend(l->d, FIX_SPLIT, "%s\n%s", strbuf_text(&with, &l->d->lost),
		  strbuf_text(&without, &l->d->lost));
}

/* Those that are named, which are fewer. */
static void mend_others(struct loader *l, const struct service *s)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };

	for (size_t i = 0; i < s->n_protocols; i++) {
		if (s->protocols[i] == PROTOCOL_ANY)
			continue;
		strbuf_puts(&b, b.n ? ", " : "[");
		service_protocol_print(s->protocols[i], &b);
	}
	diag_mend(l->d, FIX_REPLACE, "%s]", strbuf_text(&b, &l->d->lost));
}

/*
 * A host's own ends: a server or client would lose all of its own traffic, and
 * on a router that masquerades everybody's. Sorted, `any` comes first.
 */
static void check_any(struct loader *l, const struct service *s,
		      const uint32_t *node)
{
	if (s->n_protocols > 1) {
		load_error(l, node[SK_PROTOCOL], ID_ANY_PROTOCOL,
			   "`any` beside other protocols");
		diag_help(l->d, "write `protocol: any` alone, or name the "
			  "protocols");
		mend_others(l, s);
	} else if (s->roles & (ROLE_SERVER | ROLE_CLIENT)) {
		load_error(l, node[SK_PROTOCOL], ID_ANY_PROTOCOL,
			   "`protocol: any` is for the roles `router` and "
			   "`loopback` alone");
		diag_help(l->d, "name the protocols of a server or client: "
			  "[tcp, udp]");
		diag_mend(l->d, FIX_REPLACE, "[tcp, udp]");
	} else if (node[SK_PORTS] != NO_NODE) {
		load_error(l, node[SK_PORTS], ID_PORTS_UNWANTED,
			   "`ports` with `protocol: any`");
		diag_help(l->d, "remove `ports`, or name protocols that have "
			  "them");
	}
}

static void check_ports(struct loader *l, const struct service *s,
			const bool *given, const uint32_t *node)
{
	size_t with = 0;

	if (service_is_any(s)) {
		check_any(l, s, node);
		return;
	}
	for (size_t i = 0; i < s->n_protocols; i++)
		with += protocol_has_ports(s->protocols[i]);
	if (with && with < s->n_protocols) {
		mixed_protocols(l, s, node[SK_PROTOCOL]);
	} else if (with && !given[SK_PORTS]) {
		add_error(l, s->at, ID_PORTS_MISSING,
			  "add `ports: [...]`, the server's ports; every port "
			  "is 0-65535",
			  "the service has no `ports`, and its protocol has "
			  "them");
	} else if (!with && node[SK_PORTS] != NO_NODE) {
		load_error(l, node[SK_PORTS], ID_PORTS_UNWANTED,
			   "`ports` for a protocol that has none");
		diag_help(l->d, "remove `ports`, or correct `protocol`");
	}
}

static bool has_family(bool given, const struct prefix_set *set,
		       uint8_t family)
{
	return !given || prefix_set_has_family(set, family);
}

static bool in_family(const struct service *s, uint8_t family)
{
	return has_family(s->has_clients, &s->clients, family) &&
	       has_family(s->has_servers, &s->servers, family);
}

/* IPv6 extension headers: between the header and the payload */
static bool is_ipv6_extension(uint8_t proto)
{
	static const uint8_t numbers[] = { 43, 44, 51, 60, 135, 139, 140 };

	return memchr(numbers, proto, sizeof(numbers));
}

static void check_families(struct loader *l, const struct service *s,
			   const uint32_t *node)
{
	bool ipv4 = in_family(s, AF_INET), ipv6 = in_family(s, AF_INET6);

	if (!ipv4 && !ipv6) {
		add_error(l, s->at, ID_NO_FAMILY,
			  "give `clients` and `servers` addresses of the same "
			  "family",
			  "`clients` and `servers` have no address family in "
			  "common");
		return;
	}
	if (!l->families_known)
		return;
	if (!(ipv4 && l->p->ipv4) && !(ipv6 && l->p->ipv6)) {
		add_error(l, s->at, ID_NO_FAMILY,
			  "correct `families`, or the service's addresses",
			  "the service's addresses are in none of the policy's "
			  "`families`");
		return;
	}
	for (size_t i = 0; i < s->n_protocols && node[SK_PROTOCOL] != NO_NODE;
	     i++) {
		if (!(ipv6 && l->p->ipv6) ||
		    !is_ipv6_extension(s->protocols[i]))
			continue;
		load_error(l, node[SK_PROTOCOL], ID_IPV4_ONLY_PROTOCOL,
			   "protocol %u is an extension header in IPv6 and "
			   "cannot be matched there", s->protocols[i]);
		diag_help(l->d, "limit the service to IPv4: give `clients` or "
			  "`servers` IPv4 networks only");
		if (s->n_protocols == 1 && !s->has_clients)
			diag_mend(l->d, FIX_BESIDE, "clients: [0.0.0.0/0]");
		return;
	}
}

void check_service(struct loader *l, const struct service *s,
		   const bool *given, const uint32_t *node)
{
	bool clients = !given[SK_CLIENTS] || node[SK_CLIENTS] != NO_NODE;
	bool servers = !given[SK_SERVERS] || node[SK_SERVERS] != NO_NODE;

	if (node[SK_PROTOCOL] != NO_NODE)
		check_ports(l, s, given, node);
	if (clients && servers)
		check_families(l, s, node);
	if (s->roles == ROLE_LOOPBACK && node[SK_INTERFACES] != NO_NODE) {
		load_error(l, node[SK_INTERFACES], ID_LOOPBACK_INTERFACES,
			   "`interfaces` for the role `loopback`, which is "
			   "all of `lo` and nothing else");
		diag_help(l->d, "remove it, or correct `role`");
		if (s->ifaces.n == 1 && !strcmp(s->ifaces.v[0].name, "lo"))
			diag_mend(l->d, FIX_DROP, "%s", "");
	}
	/* The first packet of a flow is enough for what stays tracked. */
	if ((s->roles & ROLE_ROUTER) && node[SK_INTERFACES] != NO_NODE &&
	    s->ifaces.n == 1 && !s->ifaces.v[0].wild && !given[SK_TIMEOUTS])
		load_warning(l, ydoc_pos(l->doc, node[SK_INTERFACES]),
			     ID_ONE_INTERFACE,
			     "list the interfaces of both sides",
			     "a router with a single interface: what arrives "
			     "on the other side stays tracked");
}

/* A service, and the file that it is in. */
struct named {
	const struct service *s;
	size_t file;
};

static int by_name_and_place(const void *a, const void *b)
{
	const struct named *x = a, *y = b;
	int c = strcmp(x->s->name, y->s->name);

	if (c || x->file != y->file)
		return c ? c : x->file < y->file ? -1 : 1;
	if (x->s->at.line != y->s->at.line)
		return x->s->at.line < y->s->at.line ? -1 : 1;
	return x->s->at.col < y->s->at.col ? -1 : x->s->at.col > y->s->at.col;
}

static void same_name(struct loader *l, const struct service *s,
		      const struct service *first)
{
	diag_add(l->d, DIAG_ERROR, 0, ID_DUPLICATE_SERVICE, s->at,
		 "a second service named `%s`", s->name);
	diag_related(l->d, first->at, "the first one is here");
	diag_help(l->d, "give each service a name of its own");
	diag_mend(l->d, FIX_RENAME, "%s", s->name);
}

/* Most are in the same file as the one before. */
static void add_named(const struct loader *l, const struct service *s,
		      struct named *v, size_t *n)
{
	bool same = *n && v[*n - 1].s->at.file == s->at.file;

	if (!s->name)
		return;
	v[*n].file = same ? v[*n - 1].file : load_rank(l, s->at);
	v[(*n)++].s = s;
}

static void check_names(struct loader *l)
{
	_cleanup_free_ struct named *v = NULL;
	const struct policy *p = l->p;
	size_t n = 0, first = 0;

	v = calloc(p->n_services + p->n_tracked + 1, sizeof(*v));
	if (!v) {
		l->d->lost = true;
		return;
	}
	for (size_t i = 0; i < p->n_services; i++)
		add_named(l, &p->services[i], v, &n);
	for (size_t i = 0; i < p->n_tracked; i++)
		add_named(l, &p->tracked[i], v, &n);
	qsort(v, n, sizeof(*v), by_name_and_place);
	for (size_t i = 1; i < n && !load_full(l); i++) {
		if (strcmp(v[i].s->name, v[first].s->name))
			first = i;
		else
			same_name(l, v[i].s, v[first].s);
	}
}

static void check_modules(struct loader *l)
{
	const struct policy *p = l->p;
	struct srcpos at = p->max.kind != AMOUNT_UNSET ? p->max.at :
			   p->buckets.kind != AMOUNT_UNSET ? p->buckets.at :
			   p->n_timeouts ? p->timeouts[0].at : NOPOS;

	if (!p->unload_modules)
		return;
	if (p->keeps)
		add_error(l, p->keeps_at, ID_UNLOAD,
			  "remove `keep`, or write `modules: keep`",
			  "`modules: unload` leaves nothing that `keep` could "
			  "keep: such rules hold a module");
	if (!p->forbid_state)
		add_error(l, p->modules_at, ID_UNLOAD,
			  "write `state_matching: forbidden`, or "
			  "`modules: keep`",
			  "`modules: unload` needs `state_matching: "
			  "forbidden`");
	else if (at.line)
		load_warning(l, at, ID_NO_EFFECT,
			     "remove `max`, `buckets` and `timeouts`",
			     "settings of connection tracking have no effect "
			     "when its modules are unloaded");
}

static void check_persist(struct loader *l)
{
	const struct policy *p = l->p;

	if (p->persist && p->max.kind == AMOUNT_UNSET &&
	    p->buckets.kind == AMOUNT_UNSET && !p->n_timeouts)
		load_warning(l, p->persist_at, ID_NO_EFFECT,
			     "add `max`, `buckets` or `timeouts`, or remove it",
			     "`persist` has no effect without settings that "
			     "could outlive a boot");
}

static void check_counters(struct loader *l)
{
	const struct policy *p = l->p;

	if (p->counters && (!p->n_services || p->unload_modules))
		load_warning(l, p->counters_at, ID_NO_EFFECT,
			     "remove it",
			     "`counters` has no effect where no rule takes a "
			     "service out of tracking");
}

static void check_keep(struct loader *l)
{
	const struct policy *p = l->p;

	if (p->keeps && !p->forbid_state)
		load_warning(l, p->keeps_at, ID_NO_EFFECT,
			     "remove it, or write `state_matching: forbidden`",
			     "`keep` has no effect where rules may match "
			     "connection states");
}

void check_policy(struct loader *l)
{
	check_names(l);
	check_lists(l);
	check_modules(l);
	check_keep(l);
	check_persist(l);
	check_counters(l);
	check_tracked(l);
	if (l->p->replace_existing && !l->p->forbid_state)
		add_error(l, l->p->existing_at, ID_EXISTING_REPLACE,
			  "write `state_matching: forbidden`, or "
			  "`existing_rules: report`",
			  "`existing_rules: replace` needs `state_matching: "
			  "forbidden` in this version");
}
