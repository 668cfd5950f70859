/* SPDX-License-Identifier: GPL-2.0-or-later */
/* audit/import_name.c: what services are called, and the family they are in. */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "audit/import_parts.h"
#include "core/intern.h"
#include "core/mem.h"
#include "rules/name_index.h"

#define PORTS_NAMED 3
#define PROTOCOLS_NAMED 3
#define NAME_LONGEST 32		/* leaves room for a number */

/* A number is no name for people. */
static void put_protocol(uint8_t proto, struct strbuf *out)
{
	_cleanup_(strbuf_release) struct strbuf text = { 0 };

	if (proto == IPPROTO_ICMP)
		strbuf_puts(&text, "icmp-echo");
	else
		protocol_print(proto, &text);
	strbuf_printf(out, "%s%s", text.n && text.s[0] <= '9' ? "protocol-" :
								"",
		      strbuf_text(&text, &out->lost));
}

/* "tcp-udp-53", "gre", "udp-27000-27100-more" */
static void print_name(const struct import_service *s, struct strbuf *out)
{
	static const struct port_set none;
	const struct port_set *p = import_has_ports(s) ? &s->box.dport : &none;
	size_t n = 0;

	if (box_count_protos(&s->box) == BOX_PROTOCOLS) {
		strbuf_puts(out, s->roles == IMPORT_LOOPBACK ? "loopback" :
							      "transit");
		return;
	}

	for (unsigned int i = 0; i < 256; i++) {
		if (!box_has_proto(&s->box, i) || n++ >= PROTOCOLS_NAMED)
			continue;
		strbuf_puts(out, n > 1 ? "-" : "");
		put_protocol((uint8_t)i, out);
	}
	for (size_t i = 0; i < p->n && i < PORTS_NAMED; i++) {
		strbuf_puts(out, "-");
		port_range_print(&p->v[i], out);
	}
	if (n > PROTOCOLS_NAMED || p->n > PORTS_NAMED)
		strbuf_puts(out, "-more");
}

struct naming {
	struct name_index at;
	size_t *times;			/* of the name that is first there */
};

static void naming_release(struct naming *m)
{
	name_index_release(&m->at);
	free(m->times);
}

static int name_one(struct naming *m, struct import_service *s)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	const char *base;
	size_t i, n = m->at.n;
	int err;

	print_name(s, &b);
	if (strbuf_status(&b))
		return -ENOMEM;
	if (b.n > NAME_LONGEST) {
		b.n = NAME_LONGEST;
		b.s[b.n] = '\0';
	}
	base = intern(b.s);
	if (!base)
		return -ENOMEM;
	i = name_index_find(&m->at, base, 0);
	err = name_index_add(&m->at, base, i == SIZE_MAX ? 0 : 1);
	if (err)
		return err;
	if (i == SIZE_MAX)
		i = n;
	else
		strbuf_printf(&b, ".%zu", m->times[i] + 1);
	m->times[i]++;
	s->name = strbuf_take(&b);
	return s->name ? 0 : -ENOMEM;
}

/* All addresses of one family: nothing else in a service says the family. */
static int limit_family(const struct import *im, struct import_service *s)
{
	struct prefix all = {
		.family = s->box.families == BOX_IPV4 ? AF_INET : AF_INET6,
	};

	if (s->box.families == im->families || s->box.src.n || s->box.dst.n)
		return 0;
	return prefix_set_add(s->roles == IMPORT_CLIENT ? &s->box.dst :
							  &s->box.src, &all);
}

int import_name(struct import *im)
{
	_cleanup_(naming_release) struct naming m = {
		.times = calloc(im->n + 1, sizeof(*m.times)),
	};
	int err = m.times ? 0 : -ENOMEM;

	for (size_t i = 0; i < im->n; i++)
		im->families |= im->v[i].box.families;
	for (size_t i = 0; !err && i < im->n; i++) {
		err = name_one(&m, &im->v[i]);
		if (!err)
			err = limit_family(im, &im->v[i]);
	}
	return err;
}
