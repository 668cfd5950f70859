/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * core/endpoint.h: one end of a packet's way, as people write it:
 * "192.0.2.1:80", "[2001:db8::1]:80", or without the port.
 *
 * Units:  family is AF_INET or AF_INET6; the address in network byte order,
 *         the port in host byte order.
 * Errors: -EINVAL: not an endpoint; *ret is then untouched.
 */
#ifndef CTPOLICY_CORE_ENDPOINT_H
#define CTPOLICY_CORE_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct endpoint {
	uint8_t family, addr[16];
	uint16_t port;
	bool has_port;
};

/* Of the first n bytes of s. */
int endpoint_parse(const char *s, size_t n, struct endpoint *ret);

#endif
