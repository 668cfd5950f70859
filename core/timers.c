/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/timers.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "core/inet.h"
#include "core/mem.h"
#include "core/strbuf.h"

static const struct {
	uint8_t proto;
	const char *key[TIMERS_MAX];
	/* A key of ctpolicy's own, and what it stands for, by number. */
	const char *group;
	uint8_t member[3];
} protocols[] = {
	{ IPPROTO_TCP,
	  { "syn_sent", "syn_recv", "established", "fin_wait", "close_wait",
	    "last_ack", "time_wait", "close", "syn_sent2", "retrans",
	    "unack" },
	  "unreplied", { 1, 2, 9 } },
	{ IPPROTO_UDP, { "unreplied", "replied" }, NULL, { 0 } },
	{ IPPROTO_ICMP, { "timeout" }, NULL, { 0 } },
	{ IPPROTO_ICMPV6, { "timeout" }, NULL, { 0 } },
	{ IPPROTO_UDPLITE, { "unreplied", "replied" }, NULL, { 0 } },
	{ IPPROTO_GRE, { "unreplied", "replied" }, NULL, { 0 } },
	{ IPPROTO_SCTP,
	  { "closed", "cookie_wait", "cookie_echoed", "established",
	    "shutdown_sent", "shutdown_recd", "shutdown_ack_sent",
	    "heartbeat_sent" }, NULL, { 0 } },
	{ IPPROTO_DCCP,
	  { "request", "respond", "partopen", "open", "closereq", "closing",
	    "timewait" }, NULL, { 0 } },
};

/* ARRAY_SIZE(protocols): none. */
static size_t find(uint8_t proto)
{
	size_t i = 0;

	while (i < ARRAY_SIZE(protocols) && protocols[i].proto != proto)
		i++;
	return i;
}

bool timers_known(uint8_t proto)
{
	return find(proto) < ARRAY_SIZE(protocols);
}

unsigned int timers_count(uint8_t proto)
{
	unsigned int n = 0;

	while (timers_key(proto, n + 1))
		n++;
	return n;
}

const char *timers_key(uint8_t proto, unsigned int number)
{
	size_t i = find(proto);

	return i < ARRAY_SIZE(protocols) && number && number <= TIMERS_MAX ?
		       protocols[i].key[number - 1] : NULL;
}

const char *timers_group(uint8_t proto, size_t i)
{
	size_t at = find(proto);

	return at < ARRAY_SIZE(protocols) && !i ? protocols[at].group : NULL;
}

size_t timers_find(uint8_t proto, const char *key, uint8_t *ret)
{
	const char *group = timers_group(proto, 0), *own;
	size_t n = 0;

	for (unsigned int i = 1; (own = timers_key(proto, i)); i++)
		if (!strcmp(own, key)) {
			ret[0] = (uint8_t)i;
			return 1;
		}
	if (!group || strcmp(group, key))
		return 0;
	for (; n < ARRAY_SIZE(protocols[0].member); n++)
		ret[n] = protocols[find(proto)].member[n];
	return n;
}

void timers_print(const struct timers *t, struct strbuf *out)
{
	const char *key;

	strbuf_puts(out, protocol_name(t->proto));
	for (unsigned int i = 1; (key = timers_key(t->proto, i)); i++)
		if (t->v[i])
			strbuf_printf(out, " %s %u", key, t->v[i]);
}

static bool read_seconds(const char *s, uint32_t *ret)
{
	char *end;
	unsigned long long v;

	if (*s < '1' || *s > '9' || strlen(s) > 10)
		return false;
	v = strtoull(s, &end, 10);
	*ret = (uint32_t)v;
	return !*end && v <= UINT32_MAX;
}

int timers_parse(const char *words, struct timers *ret)
{
	_cleanup_free_ char *copy = strdup(words);
	struct timers t = { 0 };
	uint8_t at[TIMERS_MAX];
	char *rest = copy, *key, *value;
	int proto;

	if (!copy)
		return -ENOMEM;
	key = strsep(&rest, " ");
	proto = protocol_number(key);
	if (proto < 0 || !timers_known((uint8_t)proto))
		return -EINVAL;
	t.proto = (uint8_t)proto;
	while ((key = strsep(&rest, " "))) {
		value = strsep(&rest, " ");
		if (!value || timers_find(t.proto, key, at) != 1 ||
		    t.v[at[0]] || !read_seconds(value, &t.v[at[0]]))
			return -EINVAL;
	}
	*ret = t;
	return 0;
}

uint32_t timers_mask(const struct timers *t)
{
	uint32_t mask = 0;

	for (unsigned int i = 1; i <= TIMERS_MAX; i++)
		if (t->v[i])
			mask |= UINT32_C(1) << (i - 1);
	return mask;
}

void timers_keep(struct timers *t, uint32_t mask)
{
	for (unsigned int i = 1; i <= TIMERS_MAX; i++)
		if (!(mask >> (i - 1) & 1))
			t->v[i] = 0;
}
