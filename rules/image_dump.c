/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules/image_dump.c: images as text, for tests and traces. */
#include <arpa/inet.h>
#include <string.h>

#include "core/mem.h"
#include "core/strbuf.h"
#include "rules/image.h"

static void put_prefixes(struct strbuf *b, const char *what,
			 const struct prefix_set *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct prefix p = prefix_set_at(s, i);

		strbuf_puts(b, i ? "," : what);
		prefix_print(&p, b);
	}
}

static void put_ports(struct strbuf *b, const char *what,
		      const struct port_set *s)
{
	for (size_t i = 0; i < s->n; i++) {
		strbuf_puts(b, i ? "," : what);
		port_range_print(&s->v[i], b);
	}
}

static void put_ifaces(struct strbuf *b, const char *what,
		       const struct iface_set *s)
{
	for (size_t i = 0; i < s->n; i++) {
		strbuf_puts(b, i ? "," : what);
		iface_print(&s->v[i], b);
	}
}

static void put_match(struct strbuf *b, const struct match *m)
{
	static const char *const dst[] = {
		[DST_ANY] = "", [DST_LOCAL] = " dst local",
		[DST_LOCAL_OR_GROUP] = " dst local,broadcast,multicast",
		[DST_TRANSIT] = " dst transit", [DST_AWAY] = " dst away",
	};
	static const char *const ct[] = {
		[CT_ANY] = "", [CT_UNTRACKED] = " ct untracked",
		[CT_INVALID_OR_UNTRACKED] = " ct invalid,untracked",
	};
	static const char *const sk[] = {
		[SOCKET_ANY] = "", [SOCKET_OPEN] = " socket open",
		[SOCKET_BOUND] = " socket bound",
		[SOCKET_WILDCARD] = " socket wildcard",
	};

	if (m->family)
		strbuf_puts(b, m->family == AF_INET ? " ipv4" : " ipv6");
	if (m->proto) {
		strbuf_puts(b, " ");
		protocol_print(m->proto, b);
	}
	if (m->not_tcp)
		strbuf_puts(b, " !tcp");
	put_ifaces(b, " iif ", &m->iif);
	put_ifaces(b, " oif ", &m->oif);
	put_ports(b, " sport ", &m->sport);
	put_ports(b, " dport ", &m->dport);
	put_prefixes(b, " saddr ", &m->saddr);
	put_prefixes(b, " daddr ", &m->daddr);
	for (unsigned int i = 0; i < m->n_icmp; i++)
		strbuf_printf(b, "%s%u-%u", i ? "," : " type ",
			      m->icmp[i].first, m->icmp[i].last);
	strbuf_printf(b, "%s%s%s%s%s%s", m->src_local ? " src local" : "",
		      dst[m->dst], ct[m->ct], sk[m->socket],
		      m->not_syn ? " !syn" : "",
		      m->fragment_tail ? " fragment-tail" : "");
}

static void put_field(struct strbuf *b, enum field_type t, const uint8_t *v)
{
	char host[INET6_ADDRSTRLEN] = "";

	switch (t) {
	case FIELD_PORT:
		strbuf_printf(b, "%u", v[0] << 8 | v[1]);
		return;
	case FIELD_ADDR4:
		inet_ntop(AF_INET, v, host, sizeof(host));
		break;
	case FIELD_ADDR6:
		inet_ntop(AF_INET6, v, host, sizeof(host));
		break;
	case FIELD_IFNAME:
		strbuf_printf(b, "%.16s", (const char *)v);
		return;
	case FIELD_ADDRTYPE:
		strbuf_printf(b, "type %u", v[3]);
		return;
	case FIELD_TYPE_MAX_:
		break;
	}
	strbuf_puts(b, host);
}

static void put_elem(struct strbuf *b, const struct elems *e, size_t i)
{
	for (unsigned int f = 0; f < e->n_fields; f++) {
		size_t at = elems_offset(e, f), w = field_width(e->field[f]);

		strbuf_puts(b, f ? " . " : "");
		put_field(b, e->field[f], elems_first(e, i) + at);
		if (memcmp(elems_first(e, i) + at, elems_last(e, i) + at, w)) {
			strbuf_puts(b, "-");
			put_field(b, e->field[f], elems_last(e, i) + at);
		}
	}
}

static void dump_set(const struct image_set *s, FILE *out)
{
	fprintf(out, "  set %s%s%s%s%s size %u%s%s\n", s->name,
		s->interval ? " interval" : "", s->hashed ? " hashed" : "",
		*s->kind ? " " : "", s->kind, s->size,
		s->timers ? " timers " : "", s->timers ? s->timers : "");
	for (size_t i = 0; i < s->elems.n; i++) {
		_cleanup_(strbuf_release) struct strbuf b = { 0 };
		char comment[COMMENT_MAX + 1];

		put_elem(&b, &s->elems, i);
		origin_comment(elems_origin(&s->elems, i), comment,
			       COMMENT_MAX);
		fprintf(out, "    %s # %s\n", strbuf_str(&b), comment);
	}
}

static void dump_rule(const struct image_rule *r, FILE *out)
{
	static const char *const part[] = {
		[KEY_SPORT] = "sport", [KEY_DPORT] = "dport",
		[KEY_SADDR] = "saddr", [KEY_DADDR] = "daddr",
		[KEY_IIFNAME] = "iif", [KEY_OIFNAME] = "oif",
		[KEY_DADDRTYPE] = "daddrtype",
	};
	static const char *const verdict[] = {
		[VERDICT_NOTRACK] = "notrack", [VERDICT_ACCEPT] = "accept",
		[VERDICT_RETURN] = "return", [VERDICT_JUMP] = "jump",
		[VERDICT_WORDS] = "words", [VERDICT_UNKNOWN] = "unknown",
		[VERDICT_TIMERS] = "timers",
	};
	_cleanup_(strbuf_release) struct strbuf b = { 0 };

	put_match(&b, &r->match);
	for (unsigned int i = 0; i < r->n_lookups; i++) {
		for (unsigned int k = 0; k < r->lookup[i].n_parts; k++)
			strbuf_printf(&b, "%s%s", k ? "." : " ",
				      part[r->lookup[i].part[k]]);
		strbuf_printf(&b, " @%s", r->lookup[i].set);
	}
	fprintf(out, "   %s%s %s%s%s%s%s%s%s # %s\n", strbuf_str(&b),
		r->led ? " led" : "", r->counts ? "counter " : "",
		verdict[r->verdict], r->ends ? " ends" : "",
		r->target ? " " : "", r->target ? r->target : "",
		r->unknown ? " " : "", r->unknown ? r->unknown : "",
		r->comment ? r->comment : "");
}

void image_dump(const struct image *img, FILE *out)
{
	for (size_t i = 0; i < img->n_tables; i++) {
		const struct image_table *t = &img->tables[i];

		fprintf(out, "table %s %s%s%s\n", nfproto_name(t->family),
			t->name, t->owned ? " owned" : "",
			t->iptables ? " iptables" : "");
		for (size_t k = 0; k < t->n_sets; k++)
			dump_set(&t->sets[k], out);
		for (size_t k = 0; k < t->n_chains; k++) {
			const struct image_chain *c = &t->chains[k];

			fprintf(out, "  chain %s%s%s\n", c->name,
				c->base ? " base" : "",
				c->foreign ? " foreign" : "");
			for (size_t j = 0; j < c->n_rules; j++)
				dump_rule(&c->rules[j], out);
		}
	}
}
