/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_xt_terms.c: what each option of iptables asks of a packet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backends/xtables/xt_terms.h"
#include "core/intern.h"
#include "core/mem.h"
#include "core/strbuf.h"

#include <linux/netfilter.h>

static void dump_bytes(const uint8_t *v, size_t n, struct strbuf *out)
{
	for (size_t i = 0; i < n; i++)
		strbuf_printf(out, "%02x", v[i]);
}

/* "a", "a-b"; names that go on are cut */
static void dump_range(const struct key_range *v, size_t n, struct strbuf *out)
{
	size_t cut = n;

	while (n == TERM_KEY_MAX && cut > 1 && v->first[cut - 1] == 0 &&
	       (v->last[cut - 1] == 0 || v->last[cut - 1] == 0xff) &&
	       v->last[cut - 1] == v->last[n - 1])
		cut--;
	dump_bytes(v->first, cut, out);
	if (!memcmp(v->first, v->last, n))
		return;
	strbuf_puts(out, "-");
	dump_bytes(v->last, cut, out);
	if (cut < n && v->last[n - 1])
		strbuf_puts(out, "+");
}

static size_t width(const struct term *t, size_t k)
{
	size_t n = packet_field_bytes(t->field[k]);

	return t->family == NFPROTO_IPV4 && n == 16 ? 4 : n;
}

static void dump_set(const struct foreign *f, const struct term *t,
		     struct strbuf *out)
{
	const struct key_set *s = &f->sets[t->set];

	if (!s->known)
		strbuf_printf(out, "@%s", s->name);
	for (size_t i = 0; i < s->n; i++)
		for (size_t k = 0; k < s->n_fields; k++) {
			strbuf_puts(out, k ? "." : i ? "," : "");
			dump_range(&f->ranges[s->first + i * s->n_fields + k],
				   width(t, k), out);
		}
}

static void dump_term(const struct foreign *f, const struct term *t,
		      struct strbuf *out)
{
	static const char *const words[] = {
		[TERM_OPAQUE] = "?", [TERM_NOTRACK] = "notrack",
		[TERM_LOSE_MARK] = "lose", [TERM_LOSE_CTMARK] = "lose ct",
		[TERM_HELPER] = "helper",
	};

	if (t->kind == TERM_SET_MARK || t->kind == TERM_SET_CTMARK) {
		strbuf_printf(out, "%smark&%x^%x",
			      t->kind == TERM_SET_CTMARK ? "ct" : "",
			      t->keep, t->flip);
		if (t->take)
			strbuf_printf(out, "^other&%x", t->take);
	} else if (t->kind == TERM_MOVE) {
		strbuf_puts(out, "to ");
		if (t->n_fields)
			dump_set(f, t, out);
		strbuf_printf(out, ":%u-%u", t->port, t->last_port);
	} else if (t->kind == TERM_CT_ZONE) {
		strbuf_printf(out, "zone %x %x %x", t->zone.id[0],
			      t->zone.id[1], t->zone.known);
	} else if (t->kind != TERM_MATCH)
		strbuf_printf(out, "%s%s", words[t->kind],
			      t->name ? t->name : "");
	if (t->kind != TERM_MATCH)
		return;
	strbuf_puts(out, t->negated ? "!" : "");
	for (size_t k = 0; k < t->n_fields; k++)
		strbuf_printf(out, "%s%s", k ? t->either ? "|" : "." : "",
			      packet_field_name(t->field[k]));
	if (t->masked) {
		strbuf_puts(out, "&");
		dump_bytes(t->mask, width(t, 0), out);
	}
	strbuf_puts(out, "=");
	dump_set(f, t, out);
}

static void check(uint8_t family, const char *line, const char *want)
{
	_cleanup_(ipt_args_release) struct ipt_args a = { 0 };
	_cleanup_(strbuf_release) struct strbuf out = { 0 };
	_cleanup_(foreign_free) struct foreign *f = calloc(1, sizeof(*f));
	uint32_t table, chain;

	assert_int_equal(ipt_args_split(line, strlen(line), &a), 0);
	assert_int_equal(foreign_table(f, family, "filter", 1, &table), 0);
	assert_int_equal(foreign_chain(f, table, "INPUT", 1, &chain), 0);
	assert_non_null(foreign_add_rule(f, chain, 0));
	assert_int_equal(xt_terms_add(f, family, &a, 0, NULL), 0);
	assert_int_equal(f->rules[0].n_terms, f->n_terms);
	for (size_t i = 0; i < f->n_terms; i++) {
		strbuf_puts(&out, i ? "; " : "");
		dump_term(f, &f->terms[i], &out);
	}
	strbuf_puts(&out, "");
	assert_string_equal(out.s ? out.s : "", want);
}

struct row {
	const char *line, *want;
};

static void check_all(uint8_t family, const struct row *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		check(family, v[i].line, v[i].want);
}

static void test_head(void **state)
{
	static const struct row v4[] = {
		{ "-s 10.0.0.0/8", "source address=0a000000-0affffff" },
		{ "-s 10.1.2.3/8", "source address=0a000000-0affffff" },
		{ "! -d 192.0.2.1", "!destination address=c0000201" },
		{ "-d ! 192.0.2.1/32", "!destination address=c0000201" },
		{ "--src 192.0.2.0/255.255.255.0",
		  "source address=c0000200-c00002ff" },
		{ "--dst 10.0.0.1/255.0.0.255",
		  "destination address&ff0000ff=0a000001" },
		{ "-s 192.0.2.1,198.51.100.0/24",
		  "source address=c0000201,c6336400-c63364ff" },
		{ "-s host.example", "?source" },
		{ "-s 192.0.2.1,host.example", "?source" },
		{ "--source=0.0.0.0/0", "source address=00000000-ffffffff" },
		{ "-i lo", "input interface=6c6f" },
		{ "! -o eth0", "!output interface=65746830" },
		{ "-i eth+", "input interface=657468-657468+" },
		{ "! -i +", "!input interface=00-ff+" },
		{ "-i eth0+ --odd-interface", "?odd-interface" },
		{ "-p tcp", "protocol=06" }, { "-p 17", "protocol=11" },
		{ "-p ICMPv6", "protocol=3a" }, { "! -p icmp", "!protocol=01" },
		{ "-p mh", "protocol=87" }, { "-p all", "" }, { "-p 0", "" },
		{ "-p nothing", "?protocol" },
		{ "-f", "fragment=01" }, { "! -f", "fragment=00" },
		/* the kernel looks at the built-in part first */
		{ "-m limit --limit 5/s -p tcp", "protocol=06; ?limit" },
		{ "", "" },
	};
	static const struct row v6[] = {
		{ "-s 2001:db8::/32",
		  "source address=20010db8-20010db8+" },
		{ "! -d ::1/128", "!destination address="
		  "00000000000000000000000000000001" },
	};

	(void)state;
	check_all(NFPROTO_IPV4, v4, ARRAY_SIZE(v4));
	check_all(NFPROTO_IPV6, v6, ARRAY_SIZE(v6));
}

static void test_ports(void **state)
{
	static const struct row v[] = {
		{ "-p tcp -m tcp --dport 80",
		  "protocol=06; destination port=0050" },
		{ "-p udp --sport 1024:", "protocol=11; source port=0400-ffff" },
		{ "--source-port :53", "source port=0000-0035" },
		{ "-m sctp ! --destination-port 80:90",
		  "!destination port=0050-005a" },
		{ "-m tcp --dport ssh", "?tcp; fragment=00" },
		{ "-m tcp --dport 80x", "?tcp; fragment=00" },
		{ "-m multiport --dports 80,443,8000:8080",
		  "destination port=0050,01bb,1f40-1f90" },
		{ "-m multiport ! --sports 1,2", "!source port=0001,0002" },
		{ "-m multiport --source-ports 1", "source port=0001" },
		{ "-m multiport --destination-ports 1",
		  "destination port=0001" },
		{ "-m multiport ! --ports 53,80",
		  "!source port|destination port=0035,0050" },
		{ "-m tcp --tcp-flags FIN,SYN,RST,ACK SYN",
		  "tcp flags&17=02" },
		{ "-m tcp ! --tcp-flags ALL NONE", "!tcp flags&3f=00" },
		{ "-m tcp --tcp-flags SYN", "?tcp; fragment=00" },
		{ "-m tcp --syn", "tcp flags&17=02" },
		{ "-m tcp ! --syn", "!tcp flags&17=02" },
		{ "-m tcp --dpor 22", "destination port=0016" },
		{ "-m tcp --tcp-option 2", "?tcp; fragment=00" },
		{ "-p tcp -m tcp", "protocol=06; fragment=00" },
		{ "-m dccp --sport 1", "source port=0001" },
		{ "-m udplite --dport 1", "destination port=0001" },
	};

	(void)state;
	check_all(NFPROTO_IPV4, v, ARRAY_SIZE(v));
	check_all(NFPROTO_IPV6, v, ARRAY_SIZE(v));
}

static void test_icmp(void **state)
{
	static const struct row v4[] = {
		{ "-p icmp -m icmp --icmp-type 8",
		  "protocol=01; icmp type=08" },
		{ "-m icmp --icmp-type 3/4", "icmp type.icmp code=03.04" },
		{ "-m icmp ! --icmp-type 3/4", "!icmp type.icmp code=03.04" },
		{ "-m icmp ! --icmp-type Echo-Request", "!icmp type=08" },
		{ "-m icmp --icmp-type fragmentation-needed",
		  "icmp type.icmp code=03.04" },
		{ "-m icmp --icmp-type any", "icmp type=00-ff" },
		{ "-m icmp --icmp-type 255", "icmp type=00-ff" },
		{ "-m icmp --icmp-type new-type",
		  "?icmp; fragment=00" },
		{ "-m icmp", "fragment=00" },
	};
	static const struct row v6[] = {
		{ "-m icmp6 --icmpv6-type neighbour-solicitation",
		  "icmp type=87" },
		{ "-m icmp6 --icmpv6-type 1/4", "icmp type.icmp code=01.04" },
		{ "-m icmpv6 ! --icmpv6-type 255", "!icmp type=ff" },
		{ "-m icmp6 --icmpv6-type no-route",
		  "icmp type.icmp code=01.00" },
	};

	(void)state;
	check_all(NFPROTO_IPV4, v4, ARRAY_SIZE(v4));
	check_all(NFPROTO_IPV6, v6, ARRAY_SIZE(v6));
}

#define HAS_ENTRY "connection state=00000008,00000002,00000004"

static void test_conntrack(void **state)
{
	static const struct row v[] = {
		{ "-m state --state RELATED,ESTABLISHED",
		  "connection state=00000004,00000002" },
		{ "-m conntrack ! --ctstate INVALID",
		  "!connection state=00000001" },
		{ "-m conntrack --ctstate NEW,UNTRACKED",
		  "connection state=00000008,00000040" },
		{ "-m conntrack --ctstate DNAT", "connection state=00020000" },
		{ "-m conntrack --ctstate NEW,SNAT",
		  "connection state=00000008,00010000" },
		/* none of the bits must be 0; in them all is 0 */
		{ "-m conntrack --ctstatus ASSURED,SEEN_REPLY",
		  "!connection status&00000006=00000000" },
		{ "-m conntrack ! --ctstatus CONFIRMED",
		  "connection status&00000008=00000000" },
		{ "-m conntrack --ctstatus NONE",
		  "!connection status&00000000=00000000" },
		{ "-m conntrack --ctstatus other", "?conntrack" },
		{ "-m conntrack --ctproto 6", HAS_ENTRY "; ?conntrack" },
		{ "-m conntrack ! --ctdir REPLY", HAS_ENTRY "; ?conntrack" },
		/* without an entry, the state alone decides */
		{ "-m conntrack --ctstate INVALID --ctdir REPLY",
		  "connection state=00000001; ?conntrack" },
		{ "-m conntrack --ctstatus NONE --ctstate INVALID",
		  "connection state=00000001; ?conntrack" },
		{ "-m conntrack --ctdir REPLY -m conntrack --ctstate NEW",
		  HAS_ENTRY "; ?conntrack; connection state=00000008" },
		{ "-m conntrack --unknown-revision 9", "?conntrack" },
		{ "-m connmark --mark 1", "connection mark=00000001" },
		{ "-m connmark ! --mark 0x1/0xff",
		  "!connection mark&000000ff=00000001" },
		{ "-m mark --mark 0x10/0xf0", "mark&000000f0=00000010" },
		{ "-m mark ! --mark 7", "!mark=00000007" },
		{ "-m mark --mark x", "?mark" },
	};

	(void)state;
	check_all(NFPROTO_IPV4, v, ARRAY_SIZE(v));
}

/* IPv6: all of the types, and some go by the address. */
static void test_types6(void **state)
{
	static const struct row v[] = {
		{ "-m addrtype --dst-type LOCAL",
		  "type of destination address=00000002" },
		{ "-m addrtype ! --src-type MULTICAST",
		  "!source address=ff-ff+" },
		{ "-m addrtype --dst-type LOCAL,UNICAST",
		  "destination address=00000000000000000000000000000001-"
		  "feffffffffffffffffffffffffffffff; "
		  "type of destination address=00000002" },
		{ "-m addrtype ! --dst-type LOCAL,ANYCAST",
		  "!type of destination address=00000002,00000004" },
		{ "-m addrtype ! --dst-type LOCAL,UNICAST", "?addrtype" },
	};

	(void)state;
	check_all(NFPROTO_IPV6, v, ARRAY_SIZE(v));
}

static void test_others(void **state)
{
	static const struct row v[] = {
		{ "-m addrtype --dst-type LOCAL",
		  "type of destination address=00000002" },
		{ "-m addrtype ! --src-type BROADCAST,MULTICAST",
		  "!type of source address=00000003,00000005" },
		{ "-m addrtype --src-type LOCAL ! --dst-type LOCAL",
		  "type of source address=00000002; "
		  "!type of destination address=00000002" },
		{ "-m addrtype --dst-type LOCAL --limit-iface-in",
		  "?addrtype" },
		{ "-m addrtype --dst-type STRANGE", "?addrtype" },
		{ "-m iprange --src-range 192.0.2.1-192.0.2.9",
		  "source address=c0000201-c0000209" },
		{ "-m iprange ! --dst-range 192.0.2.1",
		  "!destination address=c0000201" },
		{ "-m iprange --dst-range a-b", "?iprange" },
		{ "-m socket", "wildcard socket=00" },
		{ "-m socket --nowildcard", "transparent socket=00-01" },
		{ "-m socket --transparent",
		  "wildcard socket=00; transparent socket=01" },
		{ "-m socket --transparent --nowildcard --restore-skmark",
		  "transparent socket=01; lose" },
		{ "-m set --match-set bad src", "source address=@bad" },
		{ "-m set ! --match-set ok dst,dst",
		  "!destination address=@ok" },
		{ "-m set --match-set bad src --return-nomatch",
		  "source address=@bad; ?set" },
		{ "-m comment --comment \"-p tcp ! -s 192.0.2.1\"", "" },
		{ "-m limit --limit 3/min --limit-burst 5", "?limit" },
		{ "-m recent --name x --set", "?recent" },
		{ "-m owner --uid-owner 0 -m time", "?owner; ?time" },
		{ "-m unheard-of --option x -j ACCEPT", "?unheard-of" },
		{ "--ttl-eq 4 -j ACCEPT", "?ttl-eq" },
		{ "-c 1 2 -j RETURN", "" },
	};

	(void)state;
	check_all(NFPROTO_IPV4, v, ARRAY_SIZE(v));
}

static void test_targets(void **state)
{
	static const struct row v[] = {
		{ "-j MARK --set-xmark 0x1/0xff", "mark&ffffff00^1" },
		{ "-j MARK --set-xmark 0x1/0xffffffff", "mark&0^1" },
		{ "-j MARK --set-mark 1", "mark&0^1" },
		{ "-j MARK --set-mark 0x3/0x1", "mark&fffffffc^3" },
		{ "-j MARK --and-mark 0xf", "mark&f^0" },
		{ "-j MARK --or-mark 0xf", "mark&fffffff0^f" },
		{ "-j MARK --xor-mark 0xf", "mark&ffffffff^f" },
		{ "-j MARK --set-mark x", "lose" },
		{ "-j MARK --unknown-revision 7", "lose" },
		{ "-j CONNMARK --set-xmark 0x1/0xff", "ctmark&ffffff00^1" },
		{ "-j CONNMARK --save-mark", "ctmark&0^0^other&ffffffff" },
		{ "-j CONNMARK --save-mark --mask 0xf",
		  "ctmark&fffffff0^0^other&f" },
		{ "-j CONNMARK --restore-mark --nfmask 1 --ctmask 3",
		  "mark&fffffffe^0^other&3" },
		{ "-j CONNMARK --restore-mark --left-shift-mark 8",
		  "lose; lose ct" },
		{ "-j CONNMARK --restore", "lose; lose ct" },
		{ "-m recent --mask 255.0.0.0 -j MARK --set-mark 1",
		  "?recent; mark&0^1" },
		{ "-j TPROXY --on-port 1 --tproxy-mark 0x1/0x1",
		  "mark&fffffffe^1" },
		{ "-j HMARK --hmark-tuple src", "lose" },
		{ "-j SET --map-set x src --map-mark", "lose" },
		{ "-j CT --notrack", "notrack" }, { "-j NOTRACK", "notrack" },
		{ "-j CT --zone 1", "zone 1 1 3" },
		{ "-j CT --zone-orig 0x10", "zone 10 0 3" },
		{ "-j CT --zone-reply 65535", "zone 0 ffff 3" },
		{ "-j CT --zone mark", "zone 0 0 0" },
		{ "-j CT --zone-orig mark", "zone 0 0 2" },
		{ "-j CT --helper ftp", "helper" },
		{ "-j CT --helper ftp --zone 2", "helper; zone 2 2 3" },
		{ "-j LOG --log-prefix \"-m limit\"", "" },
		{ "-j REJECT --reject-with tcp-reset -p tcp", "protocol=06" },
		{ "-g CHAIN", "" },
	};

	(void)state;
	check_all(NFPROTO_IPV4, v, ARRAY_SIZE(v));
}

static void check_chain(const char *table, const char *name, const char *type,
			const char *hook, const char *priority)
{
	struct host_chain c = { .name = name };

	xt_terms_chain(table, &c);
	assert_string_equal(c.type, type);
	assert_string_equal(c.hook, hook);
	assert_string_equal(c.priority, priority);
}

static void test_chains(void **state)
{
	struct host_chain none = { .name = "PREROUTING" };

	(void)state;
	check_chain("raw", "PREROUTING", "filter", "prerouting", "-300");
	check_chain("mangle", "OUTPUT", "route", "output", "-150");
	check_chain("nat", "PREROUTING", "nat", "prerouting", "-100");
	check_chain("nat", "INPUT", "nat", "input", "100");
	check_chain("filter", "FORWARD", "filter", "forward", "0");
	check_chain("security", "INPUT", "filter", "input", "50");
	xt_terms_chain("filter", &none);
	assert_null(none.hook);
}

static int teardown(void **state)
{
	(void)state;
	intern_forget();
	return 0;
}

static void test_moves(void **state)
{
	static const struct row v4[] = {
		{ "-j REDIRECT --to-ports 8080", "to :8080-8080" },
		{ "-j REDIRECT", "" }, { "-j MASQUERADE --random", "" },
		{ "-j MASQUERADE --to-ports 1024-32767", "to :1024-32767" },
		{ "-j DNAT --to-destination 10.0.0.1:80",
		  "to 0a000001:80-80" },
		{ "-j DNAT --to-destination 10.0.0.1-10.0.0.9:80-90/80",
		  "to 0a000001-0a000009:80-90" },
		{ "-j SNAT --to-source 10.0.0.1 --persistent",
		  "to 0a000001:0-0" },
		{ "-j DNAT --to-destination :80", "to :80-80" },
		{ "-j NETMAP --to 10.0.0.0/24", "to 0a000000-0a0000ff:0-0" },
		/* whatever that may be */
		{ "-j DNAT --to-destination host.example",
		  "to :1-65535" },
		{ "-j REDIRECT --to-ports 90-80", "to :1-65535" },
		{ "-m string --string x --to 100", "?string" },
	};
	static const struct row v6[] = {
		{ "-j DNAT --to-destination [2001:db8::1]:80",
		  "to 20010db8000000000000000000000001:80-80" },
		{ "-j DNAT --to-destination 2001:db8::1",
		  "to 20010db8000000000000000000000001:0-0" },
		{ "-j SNAT --to-source [2001:db8::1-2001:db8::2]:80",
		  "to 20010db8000000000000000000000001-"
		  "20010db8000000000000000000000002:80-80" },
	};

	(void)state;
	check_all(NFPROTO_IPV4, v4, ARRAY_SIZE(v4));
	check_all(NFPROTO_IPV6, v6, ARRAY_SIZE(v6));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_head),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_icmp),
		cmocka_unit_test(test_conntrack),
		cmocka_unit_test(test_types6),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_targets),
		cmocka_unit_test(test_chains),
		cmocka_unit_test(test_moves),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
