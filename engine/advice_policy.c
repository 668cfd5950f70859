/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/advice_policy.c: suggestions as a policy. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "core/inet.h"
#include "core/mem.h"
#include "core/strbuf.h"
#include "engine/advice_parts.h"

/* Other ICMP than echoes is accepted with each service, and is none. */
bool advice_is_service(const struct group *g)
{
	if (protocol_has_ports(g->proto))
		return g->port;
	return g->proto && g->unnamed < g->entries;
}

static void write_roles(uint32_t roles, struct strbuf *out)
{
	static const char *const names[] = {
		[GROUPS_SERVER] = "server", [GROUPS_CLIENT] = "client",
		[GROUPS_ROUTER] = "router",
	};
	size_t n = 0, written = 0;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		n += roles >> i & 1;
	strbuf_puts(out, n > 1 ? "    role: [" : "    role: ");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (roles >> i & 1)
			strbuf_printf(out, "%s%s", written++ ? ", " : "",
				      names[i]);
	strbuf_puts(out, n > 1 ? "]\n" : "\n");
}

/* Echoes have one name in both families, entries have another in each. */
static void write_protocol(const struct group *g, struct strbuf *out)
{
	strbuf_puts(out, "    protocol: ");
	if (protocol_is_icmp(g->proto)) {
		strbuf_printf(out, "icmp-echo\n    clients: [%s]\n",
			      g->proto == IPPROTO_ICMP ? "0.0.0.0/0" :
							 "\"::/0\"");
		return;
	}
	protocol_print(g->proto, out);
	strbuf_puts(out, "\n");
}

static void write_service(const struct suggestion *s, struct strbuf *out)
{
	const struct group *g = &s->group;

	strbuf_puts(out, "  - name: ");
	protocol_print(g->proto, out);
	if (g->port)
		strbuf_printf(out, "-%u", g->port);
	strbuf_puts(out, "\n");
	write_roles(s->roles, out);
	write_protocol(g, out);
	if (g->port)
		strbuf_printf(out, "    ports: [%u]\n", g->port);
}

static uint32_t lines_of(const char *text)
{
	uint32_t n = 1;

	while ((text = strchr(text, '\n'))) {
		text++;
		n++;
	}
	return n;
}

int advice_write(struct suggestion *v, size_t n, char **ret)
{
	_cleanup_(strbuf_release) struct strbuf out = { 0 };
	char *text;

	strbuf_puts(&out, "version: 1\nstate_matching: allowed\nuntracked:\n");
	for (size_t i = 0; i < n; i++) {
		if (v[i].why != ADVICE_ALLOWED)
			continue;
		v[i].line = lines_of(strbuf_str(&out));
		write_service(&v[i], &out);
	}
	text = strbuf_status(&out) ? NULL : strdup(strbuf_str(&out));
	if (!text)
		return -ENOMEM;
	free(*ret);
	*ret = text;
	return 0;
}
