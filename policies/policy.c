/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policies/policy.h"

#include <string.h>

#include "core/mem.h"

const char *const role_names[ROLES] = {
	"server", "client", "router", "loopback",
};

static void service_release(struct service *s)
{
	free(s->name);
	free(s->why);
	free(s->protocols);
	free(s->timers);
	port_set_release(&s->ports);
	prefix_set_release(&s->clients);
	prefix_set_release(&s->servers);
	iface_set_release(&s->ifaces);
}

void policy_free(struct policy **p)
{
	if (!*p)
		return;
	for (size_t i = 0; i < (*p)->n_services; i++)
		service_release(&(*p)->services[i]);
	free((*p)->services);
	for (size_t i = 0; i < (*p)->n_tracked; i++)
		service_release(&(*p)->tracked[i]);
	free((*p)->tracked);
	free((*p)->timeouts);
	free((*p)->tests);
	free(*p);
	*p = NULL;
}

size_t policy_services(const struct policy *p)
{
	return p->n_services + p->n_tracked;
}

bool service_is_any(const struct service *s)
{
	return s->n_protocols && s->protocols[0] == PROTOCOL_ANY;
}

bool service_has_protocol(const struct service *s, uint8_t proto)
{
	return service_is_any(s) ||
	       (s->n_protocols && memchr(s->protocols, proto, s->n_protocols));
}

bool service_has_port(const struct service *s, uint16_t port)
{
	for (size_t i = 0; i < s->ports.n; i++)
		if (s->ports.v[i].first <= port && port <= s->ports.v[i].last)
			return true;
	return !s->ports.n;
}

uint8_t service_protocol(uint8_t proto, uint8_t family)
{
	if (!protocol_is_icmp(proto))
		return proto;
	return family == AF_INET6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
}

void service_protocol_print(uint8_t proto, struct strbuf *out)
{
	if (protocol_is_icmp(proto))
		strbuf_puts(out, "icmp-echo");
	else
		protocol_print(proto, out);
}
