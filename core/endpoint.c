/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/endpoint.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "core/inet.h"

int endpoint_parse(const char *s, size_t n, struct endpoint *ret)
{
	char text[INET6_ADDRSTRLEN + 10], *host = text, *port;
	struct endpoint e = { .family = AF_INET };
	struct port_range range;

	if (n >= sizeof(text))
		return -EINVAL;
	memcpy(text, s, n);
	text[n] = '\0';
	port = strchr(text, ':');
	if (*text == '[') {
		e.family = AF_INET6;
		host = text + 1;
		port = strchr(text, ']');
		if (!port)
			return -EINVAL;
		*port++ = '\0';
		if (*port && *port != ':')
			return -EINVAL;
		port = *port ? port : NULL;
	} else if (port && strchr(port + 1, ':')) {
		e.family = AF_INET6;
		port = NULL;
	}
	if (port) {
		*port++ = '\0';
		if (port_range_parse(port, &range) ||
		    range.first != range.last)
			return -EINVAL;
		e.port = range.first;
		e.has_port = true;
	}
	if (inet_pton(e.family, host, e.addr) != 1)
		return -EINVAL;
	*ret = e;
	return 0;
}
