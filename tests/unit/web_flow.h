/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/web_flow.h: connections to a web server on this host, and one of
 * them.
 */
#ifndef CTPOLICY_TESTS_UNIT_WEB_FLOW_H
#define CTPOLICY_TESTS_UNIT_WEB_FLOW_H

#include <arpa/inet.h>

#include "audit/flow_space.h"

static struct prefix_set any;
static struct iface_set none;
static struct port_range http[] = { { 80, 80 } };
static struct port_set web = { http, 1, 1 };
static const struct flow_space space = {
	.way = WAY_IN, .family = AF_INET, .proto = IPPROTO_TCP,
	.clients = &any, .servers = &any, .local = &any, .ports = &web,
	.ifaces = &none, .devices = &none, .ephemeral = { 32768, 60999 },
};
static const struct flow_sample sample = { .key = {
	[FLOW_CLIENT] = { 192, 0, 2, 1 },
	[FLOW_SERVER] = { 198, 51, 100, 2 },
	[FLOW_CPORT] = { 0x80, 0 }, [FLOW_SPORT] = { 0, 80 },
	[FLOW_IN] = "eth0",
} };

#endif
