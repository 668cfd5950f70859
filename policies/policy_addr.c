/* SPDX-License-Identifier: GPL-2.0-or-later */
/* policies/policy_addr.c: networks and interfaces. */
#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>

#include "core/mem.h"
#include "core/strbuf.h"
#include "policies/policy_load.h"

#define ADDRESS_TEXT_MAX 64

/* "10.1.2.3/8": name the network 10.0.0.0/8. */
static void explain_host_bits(struct loader *l, const char *s)
{
	_cleanup_(strbuf_release) struct strbuf net = { 0 };
	char host[ADDRESS_TEXT_MAX];
	struct prefix p;
	unsigned len = 0;

	snprintf(host, sizeof(host), "%.*s", (int)strcspn(s, "/"), s);
	if (prefix_parse(host, &p))
		return;
	for (const char *c = strchr(s, '/') + 1; *c; c++)
		len = len * 10 + (unsigned)(*c - '0');
	for (unsigned i = len; i < p.len; i++)
		p.addr[i / 8] &= (uint8_t)~(0x80 >> i % 8);
	p.len = (uint8_t)len;
	prefix_print(&p, &net);
	diag_help(l->d, "the network is %s; the single address is %s",
		  strbuf_text(&net, &l->d->lost), host);
	/* the lesser of the two: nothing is excluded that was not meant */
	if (l->fewer_is_safe)
		diag_mend(l->d, FIX_REPLACE,
			  strchr(host, ':') ? "\"%s\"" : "%s", host);
}

/* The length that a netmask stands for, or -EINVAL. */
static int mask_length(const char *s)
{
	struct in_addr a;
	uint32_t mask;
	int len = 0;

	if (inet_pton(AF_INET, s, &a) != 1)
		return -EINVAL;
	for (mask = ntohl(a.s_addr); mask & 0x80000000; mask <<= 1)
		len++;
	return mask ? -EINVAL : len;
}

static bool explain_mask(struct diags *d, const char *s)
{
	const char *slash = strchr(s, '/');
	int len = slash ? mask_length(slash + 1) : -EINVAL;

	if (len < 0)
		return false;
	diag_help(d, "write a netmask as a length: %.*s/%d", (int)(slash - s),
		  s, len);
	diag_mend(d, FIX_REPLACE, "%.*s/%d", (int)(slash - s), s, len);
	return true;
}

/* IPv4 with fewer than four numbers: "10/8", "192.168/16" */
static bool explain_short(struct diags *d, const char *s)
{
	static const char *const rest[] = { ".0.0.0", ".0.0", ".0" };
	size_t n = strcspn(s, "/"), dots = 0;

	if (strspn(s, "0123456789.") != n || !n || s[n - 1] == '.')
		return false;
	for (size_t i = 0; i < n; i++)
		dots += s[i] == '.';
	if (dots >= ARRAY_SIZE(rest))
		return false;
	diag_help(d, "write all four numbers: %.*s%s%s", (int)n, s, rest[dots],
		  s + n);
	diag_mend(d, FIX_REPLACE, "%.*s%s%s", (int)n, s, rest[dots], s + n);
	return true;
}

/* "10.*", "192.0.2.*" */
static bool explain_wild(struct diags *d, const char *s)
{
	size_t n = strspn(s, "0123456789."), octets = 0;
	char net[ADDRESS_TEXT_MAX];
	struct prefix p;

	for (size_t i = 0; i < n; i++)
		octets += s[i] == '.';
	if (!n || s[n - 1] != '.' || octets > 3 || s[n] != '*' ||
	    s[n + strspn(s + n, ".*")] || strstr(s + n, "**"))
		return false;
	snprintf(net, sizeof(net), "%.*s%s/%zu", (int)n, s,
		 &"0.0.0"[2 * (octets - 1)], 8 * octets);
	if (prefix_parse(net, &p))
		return false;
	diag_help(d, "write %s for every address of the network", net);
	diag_mend(d, FIX_REPLACE, "%s", net);
	return true;
}

static bool octets_with_zero(const char *s)
{
	for (; *s; s++) {
		if (*s == '0' && isdigit((unsigned char)s[1]))
			return !strchr(s, ':');
		while (isdigit((unsigned char)*s))
			s++;
		if (*s != '.')
			return false;
	}
	return false;
}

/* What stands before the slash is an address. */
static bool good_address(const char *s)
{
	char host[ADDRESS_TEXT_MAX];
	struct prefix p;

	snprintf(host, sizeof(host), "%.*s", (int)strcspn(s, "/"), s);
	return strchr(s, '/') && !prefix_parse(host, &p);
}

/* "[2001:db8::1]" */
static void mend_brackets(struct diags *d, const char *s)
{
	size_t n = strcspn(s, "]");

	if (s[n] && !s[n + 1])
		diag_mend(d, FIX_REPLACE, "\"%.*s\"", (int)n - 1, s + 1);
}

/* "010.0.0.1/08": some read such numbers as octal, nobody writes them so. */
static void mend_zeros(struct diags *d, const char *s)
{
	char out[ADDRESS_TEXT_MAX + 1];
	struct prefix p;
	size_t n = 0;

	for (size_t i = 0; s[i] && n < sizeof(out) - 1; i++) {
		bool first = !i || !isxdigit((unsigned char)s[i - 1]);

		if (s[i] == '0' && first && isdigit((unsigned char)s[i + 1]))
			continue;
		out[n++] = s[i];
	}
	out[n] = '\0';
	if (!prefix_parse(out, &p))
		diag_mend(d, FIX_REPLACE, strchr(out, ':') ? "\"%s\"" : "%s",
			  out);
}

#define RANGE_NETWORKS 8	/* that a range may be written as */

/* "10.0.0.1-10.0.0.9" as the networks that it is. */
static void mend_range(struct diags *d, const char *s)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	const char *dash = strchr(s, '-');
	char lo[ADDRESS_TEXT_MAX];
	struct in_addr a, z;
	uint64_t first, last;
	size_t n = 0;

	snprintf(lo, sizeof(lo), "%.*s", (int)(dash - s), s);
	if (inet_pton(AF_INET, lo, &a) != 1 ||
	    inet_pton(AF_INET, dash + 1, &z) != 1)
		return;
	first = ntohl(a.s_addr);
	for (last = ntohl(z.s_addr); first <= last && n < RANGE_NETWORKS; n++) {
		struct prefix p = { .family = AF_INET, .len = 32 };
		uint32_t net = htonl((uint32_t)first);
		uint64_t size = 1;

		for (; first % (size * 2) == 0 && first + size * 2 - 1 <= last;
		     p.len--)
			size *= 2;
		memcpy(p.addr, &net, sizeof(net));
		strbuf_puts(&b, n ? ", " : "");
		prefix_print(&p, &b);
		first += size;
	}
	d->lost |= b.lost;
	if (n && first > last)
		diag_mend(d, FIX_REPLACE, "%s", strbuf_text(&b, &d->lost));
}

static void mend_nothing(struct diags *d, const char *s)
{
	(void)d;
	(void)s;
}

static bool has_negation(const char *s)
{
	return *s == '!';
}

static bool has_brackets(const char *s)
{
	return *s == '[';
}

static bool has_zone(const char *s)
{
	return strchr(s, '%');
}

static bool has_comma(const char *s)
{
	return strchr(s, ',');
}

static bool is_range(const char *s)
{
	return strchr(s, '-');
}

static bool has_port(const char *s)
{
	return strchr(s, '.') && strchr(s, ':');
}

static void explain_address(struct diags *d, const char *s)
{
	static const struct {
		bool (*is)(const char *s);
		const char *help;
		void (*mend)(struct diags *d, const char *s);
	} mistakes[] = {
		{ has_negation,
		  "there is no negation: list the networks that are meant",
		  mend_nothing },
		{ has_brackets, "write the address without brackets",
		  mend_brackets },
		{ has_zone, "leave the zone out and use `interfaces`",
		  mend_nothing },
		{ has_comma, "write the networks as items of a list",
		  mend_nothing },
		{ good_address, NULL, mend_zeros },
		{ octets_with_zero, "write numbers without leading zeros",
		  mend_zeros },
		{ is_range,
		  "write a range of addresses as networks, such as 192.0.2.0/28",
		  mend_range },
		{ has_port,
		  "write the address alone; ports go into `ports`",
		  mend_nothing },
	};

	if (explain_mask(d, s) || explain_short(d, s) || explain_wild(d, s))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(mistakes); i++) {
		if (!mistakes[i].is(s))
			continue;
		if (mistakes[i].help)
			diag_help(d, "%s", mistakes[i].help);
		else
			diag_help(d, "write the length after the `/` as a number from 0 to %s",
				  strchr(s, ':') ? "128" : "32");
		mistakes[i].mend(d, s);
		return;
	}
	diag_help(d, "write an IPv4 or IPv6 address or network, such "
		  "as 192.0.2.0/24 or \"2001:db8::/32\"");
}

static bool is_everything(const char *s)
{
	return !strcasecmp(s, "any") || !strcasecmp(s, "all") ||
	       !strcmp(s, "*") || !strcasecmp(s, "anywhere");
}

/* A letter, no colon, and only what host names have */
static bool is_host_name(const char *s)
{
	bool letter = false;

	for (; *s; s++) {
		if (isalpha((unsigned char)*s))
			letter = true;
		else if (!isdigit((unsigned char)*s) && !strchr("-._", *s))
			return false;
	}
	return letter;
}

static int bad_prefix(struct loader *l, uint32_t node, const char *s, int why)
{
	const char *shown = load_shown(l, s);

	if (why == -EDOM) {
		load_error(l, node, ID_HOST_BITS,
			   "`%s` has bits set beyond its length", shown);
		explain_host_bits(l, s);
		return -EINVAL;
	}
	if (is_everything(s)) {
		load_error(l, node, ID_BAD_ADDRESS,
			   "`%s` is not an address or network", shown);
		diag_help(l->d, "leave the key out: any address is the "
			  "default");
		diag_mend(l->d, FIX_DROP, "%s", "");
		return -EINVAL;
	}
	if (is_host_name(s)) {
		load_error(l, node, ID_HOST_NAME,
			   "`%s` looks like a host name; names are never "
			   "resolved", shown);
		diag_help(l->d, "write its addresses");
		if (!strcmp(s, "localhost"))
			diag_mend(l->d, FIX_REPLACE, "127.0.0.1, \"::1\"");
		return -EINVAL;
	}
	if (why == -ERANGE) {
		load_error(l, node, ID_BAD_ADDRESS,
			   "the length in `%s` is out of range", shown);
		diag_help(l->d, "a length is 0 to %s",
			  strchr(s, ':') ? "128" : "32");
		return -EINVAL;
	}
	load_error(l, node, ID_BAD_ADDRESS,
		   "`%s` is not an address or network", shown);
	if (strlen(s) < ADDRESS_TEXT_MAX)
		explain_address(l->d, s);
	return -EINVAL;
}

/* What the list holds by now. */
static void mend_list(struct loader *l, const char *name)
{
	const struct prefix_set *set = load_list_held(l, name);
	_cleanup_(strbuf_release) struct strbuf b = { 0 };

	for (size_t i = 0; set && i < set->n && i < 64; i++) {
		struct prefix p = prefix_set_at(set, i);
		bool six = p.family == AF_INET6;

		strbuf_printf(&b, "%s%s", i ? ", " : "", six ? "\"" : "");
		prefix_print(&p, &b);
		strbuf_puts(&b, six ? "\"" : "");
	}
	l->d->lost |= b.lost;
	if (set && set->n && set->n <= 64)
		diag_mend(l->d, FIX_REPLACE, "%s",
			  strbuf_text(&b, &l->d->lost));
}

static int load_address(struct loader *l, uint32_t node, void *arg)
{
	const char *s = ydoc_text(l->doc, node);
	struct prefix_set *set = arg;
	struct prefix p;
	int err;

	if (!s)
		return -ENOMEM;
	if (*s == '@') {
		load_error(l, node, ID_LIST_IN_LIST,
			   "a list cannot hold another one, `%s`",
			   load_shown(l, s));
		diag_help(l->d, "write its addresses, or name both lists where "
			  "they are used");
		mend_list(l, s + 1);
		return -EINVAL;
	}
	err = prefix_parse(s, &p);
	return err ? bad_prefix(l, node, s, err) : prefix_set_add(set, &p);
}

static int load_prefix(struct loader *l, uint32_t node, void *arg)
{
	const char *s = ydoc_text(l->doc, node);

	if (!s)
		return -ENOMEM;
	return *s == '@' ? load_list_named(l, node, s + 1, arg) :
			   load_address(l, node, arg);
}

static int load_set(struct loader *l, uint32_t node, const char *what,
		    load_item_fn fn, struct prefix_set *ret)
{
	_cleanup_(prefix_set_release) struct prefix_set set = { 0 };
	int err;

	err = load_each(l, node, what,
			"put quotes around IPv6 addresses: \"2001:db8::1\"",
			fn, &set);
	if (err)
		return err;
	prefix_set_normalize(&set);
	*ret = set;
	set = (struct prefix_set){ 0 };
	return 0;
}

int load_prefixes(struct loader *l, uint32_t node, const char *what,
		  struct prefix_set *ret)
{
	return load_set(l, node, what, load_prefix, ret);
}

int load_plain_prefixes(struct loader *l, uint32_t node, const char *what,
			struct prefix_set *ret)
{
	return load_set(l, node, what, load_address, ret);
}

static void explain_interface(struct diags *d, const char *s)
{
	size_t n = strlen(s);

	if (!strcmp(s, "*")) {
		diag_help(d, "leave `interfaces` out: any interface is the "
			  "default");
		diag_mend(d, FIX_DROP, "%s", "");
	} else if (n > 15) {
		diag_help(d, "an interface name has at most 15 characters");
		if (n == 16 && s[15] == '*')	/* and none behind them */
			diag_mend(d, FIX_REPLACE, "%.15s", s);
	} else if (strchr(s, ':')) {
		diag_help(d, "write %.*s: labels such as %s are names of "
			  "addresses", (int)strcspn(s, ":"), s, s);
	} else if (strchr(s, '*')) {
		diag_help(d, "only a `*` at the end stands for the rest of a "
			  "name");
	} else if (*s == '!') {
		diag_help(d, "there is no negation: list the interfaces that "
			  "are meant");
	} else {
		diag_help(d, "write a name as `ip link` shows it");
	}
}

static int load_interface(struct loader *l, uint32_t node, void *arg)
{
	const char *s = ydoc_text(l->doc, node), *star;
	struct iface_set *set = arg;
	struct iface iface;

	if (!s)
		return -ENOMEM;
	star = strchr(s, '*');
	if (strchr(s, ':') || *s == '!' || (star && star[1]) ||
	    iface_parse(s, &iface)) {
		load_error(l, node, ID_BAD_INTERFACE,
			   "`%s` is not an interface name", load_shown(l, s));
		explain_interface(l->d, s);
		return -EINVAL;
	}
	return iface_set_add(set, &iface);
}

int load_interfaces(struct loader *l, uint32_t node, struct iface_set *ret)
{
	_cleanup_(iface_set_release) struct iface_set set = { 0 };
	int err;

	err = load_each(l, node, "interfaces",
			"write interface names such as eth0 or \"wan*\"",
			load_interface, &set);
	if (err)
		return err;
	iface_set_normalize(&set);
	*ret = set;
	set = (struct iface_set){ 0 };
	return 0;
}
