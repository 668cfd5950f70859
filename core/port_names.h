/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * core/port_names.h: names of ports, without asking the network.
 *
 * Shape:  /etc/services as it is on this machine, sorted by name, plus a
 *         small table that is built in for systems without that file.
 * Units:  ports in host byte order.
 * Owner:  port_names_release() leaves an empty, reusable table.
 * Errors: port_names_read() returns -ENOMEM; a file that cannot be read is an
 *         empty one. port_names_find() returns the port, -ENOENT, or -EEXIST
 *         when the name has several.
 * Source: services(5).
 */
#ifndef CTPOLICY_CORE_PORT_NAMES_H
#define CTPOLICY_CORE_PORT_NAMES_H

#include <stddef.h>
#include <stdint.h>

#define SERVICES_FILE "/etc/services"

struct port_name {
	uint32_t name;		/* offset into text */
	uint16_t port;
	uint8_t proto;
};

struct port_names {
	struct port_name *v;
	size_t n, cap;
	char *text;
	size_t text_n, text_cap;
};

int port_names_read(const char *path, struct port_names *ret);
/*
 * Entries of the given protocols count first; those of others only if there
 * are none.
 */
int port_names_find(const struct port_names *names, const char *name,
		    const uint8_t *protocols, size_t n);
/* -ENOENT: not built in. */
int port_names_builtin(const char *name);
/* The i-th built-in name, NULL past the end. */
const char *port_names_builtin_at(size_t i);
void port_names_release(struct port_names *names);

#endif
