/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policies/policy.h"

#include "core/mem.h"

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
