/* SPDX-License-Identifier: GPL-2.0-or-later */
/* policies/policy_proto.c: protocols by name or number. */
#include <string.h>

#include "core/mem.h"
#include "core/strbuf.h"
#include "core/suggest.h"
#include "policies/policy_load.h"

struct protocol_list {
	bool seen[256];
};

static const char *nearest_protocol(const char *s, bool *ret_clear)
{
	const char *names[64], *near;
	size_t n = 0;

	while (n < ARRAY_SIZE(names) && protocol_name_at(n)) {
		names[n] = protocol_name_at(n);
		n++;
	}
	near = suggest(s, names, n);
	*ret_clear = near && suggest_is_clear(s, near, names, n);
	return near;
}

/* "tcp/udp" */
static void mend_protocols(struct diags *d, const char *s)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };

	while (*s) {
		size_t n = strcspn(s, ",+/ |");

		if (n)
			strbuf_printf(&b, "%s%.*s", b.n ? ", " : "[", (int)n,
				      s);
		s += n + (s[n] != '\0');
	}
	diag_mend(d, FIX_REPLACE, "%s]", strbuf_text(&b, &d->lost));
}

static void propose(struct diags *d, const char *name, bool clear)
{
	diag_help(d, "did you mean `%s`?", name);
	if (clear)
		diag_mend(d, FIX_REPLACE, "%s", name);
}

static void explain_protocol(struct diags *d, const char *s)
{
	bool clear;
	const char *near = nearest_protocol(s, &clear);

	if (strpbrk(s, ",+/ |") && strlen(s) < 32) {
		diag_help(d, "write several protocols as a list: [tcp, udp]");
		mend_protocols(d, s);
	} else if (explain_number(d, s)) {
		return;
	} else if (!strcasecmp(s, "any") || !strcasecmp(s, "all") ||
		   !strcasecmp(s, "ip") || !strcmp(s, "*")) {
		diag_help(d, "name the protocols: [tcp, udp]; a service with "
			  "the roles router or loopback alone may say `any`");
		diag_mend(d, FIX_REPLACE, "any");
	} else if (strcasestr(s, "echo") || strcasestr(s, "ping")) {
		propose(d, "icmp-echo", true);
	} else if (near) {
		propose(d, near, clear);
	} else {
		diag_help(d, "write a name such as tcp, udp, sctp, gre or esp, "
			  "or a number");
	}
}

int load_protocol_text(struct loader *l, struct srcpos at, const char *s,
		       uint8_t *ret)
{
	/* What other tools call it */
	bool icmp6 = !strcasecmp(s, "icmpv6") || !strcasecmp(s, "icmp6");
	int number = icmp6 ? IPPROTO_ICMPV6 : protocol_number(s);

	if (number == -ERANGE && strcmp(s, "0")) {
		diag_add(l->d, DIAG_ERROR, 0, ID_NUMBER_RANGE, at,
			 "protocol `%s` is out of range", load_shown(l, s));
		diag_help(l->d, "protocol numbers are 1 to 255");
		return -EINVAL;
	}
	if (!strcmp(s, "0")) {
		diag_add(l->d, DIAG_ERROR, 0, ID_REFUSED_PROTOCOL, at,
			 "protocol 0 cannot be matched");
		diag_help(l->d, "name the protocols of the service");
		return -EINVAL;
	}
	if (number < 0) {
		diag_add(l->d, DIAG_ERROR, 0, ID_UNKNOWN_PROTOCOL, at,
			 "unknown protocol `%s`", load_shown(l, s));
		explain_protocol(l->d, s);
		return -EINVAL;
	}
	*ret = (uint8_t)number;
	return 0;
}

static int load_protocol(struct loader *l, uint32_t node, void *arg)
{
	const char *s = ydoc_text(l->doc, node);
	struct srcpos at = ydoc_pos(l->doc, node);
	struct protocol_list *list = arg;
	uint8_t proto = PROTOCOL_ANY;
	bool echo;
	int err = 0;

	if (!s)
		return -ENOMEM;
	echo = !strcmp(s, "icmp-echo");
	if (echo)
		proto = IPPROTO_ICMP;
	else if (strcmp(s, "any"))
		err = load_protocol_text(l, at, s, &proto);
	if (err)
		return err;
	if (!echo && protocol_is_icmp(proto)) {
		load_error(l, node, ID_REFUSED_PROTOCOL,
			   "`%s` cannot be a service", load_shown(l, s));
		diag_help(l->d, "write `icmp-echo` for echo requests and "
			  "replies of both families; ICMP errors about a "
			  "service are accepted with it, and other ICMP stays "
			  "tracked");
		/* less than was asked for, but of both families */
		if (proto == IPPROTO_ICMP)
			diag_mend(l->d, FIX_REPLACE, "icmp-echo");
		return -EINVAL;
	}
	if (list->seen[proto])
		load_warning(l, at, ID_LISTED_TWICE, "remove one of them",
			     "`%s` is listed twice", load_shown(l, s));
	list->seen[proto] = true;
	return 0;
}

int load_protocols(struct loader *l, uint32_t node, uint8_t **ret,
		   size_t *ret_n)
{
	struct protocol_list list = { 0 };
	uint8_t *v;
	size_t n = 0;
	int err;

	err = load_each(l, node, "protocol",
			"write a name such as tcp, or a number", load_protocol,
			&list);
	if (err)
		return err;
	v = malloc(ARRAY_SIZE(list.seen));
	if (!v)
		return -ENOMEM;
	for (unsigned i = 0; i < ARRAY_SIZE(list.seen); i++)
		if (list.seen[i])
			v[n++] = (uint8_t)i;
	*ret = v;
	*ret_n = n;
	return 0;
}
