/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules/elems_text.c: the values of a field, as nft has them and people do. */
#include <arpa/inet.h>
#include <string.h>

#include "core/mem.h"
#include "core/strbuf.h"
#include "rules/elems.h"

static void print_addr(int af, const uint8_t *a, struct strbuf *out)
{
	char buf[INET6_ADDRSTRLEN];

	strbuf_puts(out, inet_ntop(af, a, buf, sizeof(buf)) ? buf : "");
}

static void print_addrs(const uint8_t *a, const uint8_t *b, size_t n,
			struct strbuf *out)
{
	int af = n == 4 ? AF_INET : AF_INET6;
	int len = range_prefix(a, b, n);

	print_addr(af, a, out);
	if (len < 0) {
		strbuf_puts(out, "-");
		print_addr(af, b, out);
	} else if ((size_t)len < n * 8) {
		strbuf_printf(out, "/%d", len);
	}
}

static void print_type(const uint8_t *a, struct strbuf *out)
{
	static const char *const name[] = {
		"unspec", "unicast", "local", "broadcast", "anycast",
		"multicast", "blackhole", "unreachable", "prohibit",
	};

	if (a[3] < ARRAY_SIZE(name))
		strbuf_puts(out, name[a[3]]);
	else
		strbuf_printf(out, "%u", a[3]);
}

void elems_print_field(enum field_type t, const uint8_t *a, const uint8_t *b,
		       struct strbuf *out)
{
	struct port_range p = { (uint16_t)(a[0] << 8 | a[1]),
				(uint16_t)(b[0] << 8 | b[1]) };

	switch (t) {
	case FIELD_PORT:
		port_range_print(&p, out);
		break;
	case FIELD_ADDR4:
		print_addrs(a, b, 4, out);
		break;
	case FIELD_ADDR6:
		print_addrs(a, b, 16, out);
		break;
	case FIELD_IFNAME:
		strbuf_puts(out, "\"");
		strbuf_add(out, (const char *)a, strnlen((const char *)a, 16));
		strbuf_puts(out, "\"");
		break;
	case FIELD_ADDRTYPE:
		print_type(a, out);
		break;
	case FIELD_TYPE_MAX_:
		break;
	}
}
