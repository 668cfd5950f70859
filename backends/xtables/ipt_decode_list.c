/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/xtables/ipt_decode_list.c: lists of ports, tcp flags, ICMP types. */
#include "backends/xtables/ipt_decode.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/mem.h"

int ipt_decode_ports(const char *arg, struct port_set *set)
{
	char text[256], *rest = text, *part;
	int err = 0;

	if (snprintf(text, sizeof(text), "%s", arg) >= (int)sizeof(text))
		return -EINVAL;
	while (!err && (part = strsep(&rest, ","))) {
		char *colon = strchr(part, ':');
		struct port_range lo = { 0, 0 }, hi = { 65535, 65535 };

		if (colon)
			*colon++ = '\0';
		if ((*part || !colon) && port_range_parse(part, &lo))
			return -EINVAL;
		if (!colon)
			hi = lo;
		else if (*colon && port_range_parse(colon, &hi))
			return -EINVAL;
		if (lo.first > hi.last)
			return -EINVAL;
		err = port_set_add(set, (struct port_range){ lo.first,
							     hi.last });
	}
	port_set_normalize(set);
	return err;
}

int ipt_decode_flags(const char *list)
{
	static const char *const names[] = { "FIN", "SYN", "RST",
					     "PSH", "ACK", "URG" };
	char text[64], *rest = text, *part;
	int bits = 0;

	if (snprintf(text, sizeof(text), "%s", list) >= (int)sizeof(text))
		return -1;
	while ((part = strsep(&rest, ","))) {
		size_t i = 0;

		while (i < ARRAY_SIZE(names) && strcmp(names[i], part))
			i++;
		if (i == ARRAY_SIZE(names))
			return -1;
		bits |= 1 << i;
	}
	return bits;
}

int ipt_decode_icmp(const char *arg)
{
	char text[8];
	struct port_range t;
	size_t n = strcspn(arg, "/");

	if (n >= sizeof(text) || (arg[n] && strcmp(arg + n, "/any")))
		return -EINVAL;
	/* Any but of a fragment's tail. */
	if (!strcmp(arg, "any"))
		return -EINVAL;
	memcpy(text, arg, n);
	text[n] = '\0';
	if (port_range_parse(text, &t) || t.first != t.last || t.last > 255)
		return -EINVAL;
	return (int)t.first;
}
