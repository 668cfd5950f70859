/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/inet.h"

#include <arpa/inet.h>
#include <string.h>

#include "core/mem.h"
#include "core/strbuf.h"

/* A decimal number of at most `max`, without sign, space or leading zero. */
static int number_parse(const char *s, size_t n, unsigned int max,
			unsigned int *ret)
{
	unsigned int v = 0;

	if (!n || (n > 1 && s[0] == '0'))
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return -EINVAL;
		if (v <= max)
			v = v * 10 + (unsigned int)(s[i] - '0');
	}
	if (v > max)
		return -ERANGE;
	*ret = v;
	return 0;
}

static bool host_bits_zero(const struct prefix *p)
{
	for (unsigned int i = p->len; i < addr_bits(p->family); i++)
		if (p->addr[i / 8] & (0x80 >> i % 8))
			return false;
	return true;
}

/* As inet_pton(3): four numbers, none of which begins with a zero. */
static bool parse_ipv4(const char *s, size_t n, uint8_t *ret)
{
	const char *end = s + n;

	for (int i = 0; i < 4; i++) {
		unsigned int v = 0;
		const char *first = s;

		while (s < end && *s >= '0' && *s <= '9' && s - first < 3)
			v = v * 10 + (unsigned int)(*s++ - '0');
		if (s == first || v > 255 || (*first == '0' && s - first > 1) ||
		    (i < 3 && (s == end || *s++ != '.')))
			return false;
		ret[i] = (uint8_t)v;
	}
	return s == end;
}

static int parse_host(const char *s, size_t n, struct prefix *ret)
{
	char host[INET6_ADDRSTRLEN];

	ret->family = memchr(s, ':', n) ? AF_INET6 : AF_INET;
	if (ret->family == AF_INET)
		return parse_ipv4(s, n, ret->addr) ? 0 : -EINVAL;
	if (n >= sizeof(host))
		return -EINVAL;
	memcpy(host, s, n);
	host[n] = '\0';
	return inet_pton(AF_INET6, host, ret->addr) == 1 ? 0 : -EINVAL;
}

int prefix_parse(const char *s, struct prefix *ret)
{
	const char *slash = strchr(s, '/');
	size_t n = slash ? (size_t)(slash - s) : strlen(s);
	struct prefix p = { 0 };
	unsigned int len;
	int err = parse_host(s, n, &p);

	if (err)
		return err;
	len = addr_bits(p.family);
	if (slash) {
		err = number_parse(slash + 1, strlen(slash + 1), len, &len);
		if (err)
			return err;
	}
	p.len = (uint8_t)len;
	if (!host_bits_zero(&p))
		return -EDOM;
	*ret = p;
	return 0;
}

void prefix_print(const struct prefix *p, struct strbuf *out)
{
	char host[INET6_ADDRSTRLEN];

	if (!inet_ntop(p->family, p->addr, host, sizeof(host)))
		return;
	strbuf_puts(out, host);
	if (p->len != addr_bits(p->family))
		strbuf_printf(out, "/%u", p->len);
}

int prefix_cmp(const struct prefix *a, const struct prefix *b)
{
	int c = (int)a->family - (int)b->family;

	if (!c)
		c = memcmp(a->addr, b->addr, sizeof(a->addr));
	return c ? c : (int)a->len - (int)b->len;
}

bool prefix_contains(const struct prefix *outer, const struct prefix *inner)
{
	unsigned int whole = outer->len / 8, rest = outer->len % 8;

	if (outer->family != inner->family || outer->len > inner->len)
		return false;
	if (memcmp(outer->addr, inner->addr, whole))
		return false;
	return !rest || !((outer->addr[whole] ^ inner->addr[whole]) &
			  (0xff00 >> rest));
}

bool prefix_is_host(const struct prefix *p)
{
	return p->len == addr_bits(p->family);
}

struct prefix prefix_of_one(uint8_t family, const uint8_t *addr)
{
	struct prefix p = { .family = family, .len = addr_bits(family) };

	memcpy(p.addr, addr, addr_bytes(family));
	return p;
}

void prefix_last(const struct prefix *p, uint8_t ret[16])
{
	memcpy(ret, p->addr, 16);
	for (unsigned int i = p->len; i < addr_bits(p->family); i++)
		ret[i / 8] |= (uint8_t)(0x80 >> i % 8);
}

bool inet_unmap(uint8_t addr[16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (memcmp(addr, mapped, sizeof(mapped)))
		return false;
	memmove(addr, addr + sizeof(mapped), 4);
	memset(addr + 4, 0, sizeof(mapped));
	return true;
}

int port_range_parse(const char *s, struct port_range *ret)
{
	const char *dash = strchr(s, '-');
	unsigned int first, last;
	int err;

	err = number_parse(s, dash ? (size_t)(dash - s) : strlen(s), 65535,
			   &first);
	if (err)
		return err;
	last = first;
	if (dash) {
		err = number_parse(dash + 1, strlen(dash + 1), 65535, &last);
		if (err)
			return err;
	}
	if (first > last)
		return -EINVAL;
	*ret = (struct port_range){ (uint16_t)first, (uint16_t)last };
	return 0;
}

void port_range_print(const struct port_range *r, struct strbuf *out)
{
	strbuf_printf(out, "%u", r->first);
	if (r->first != r->last)
		strbuf_printf(out, "-%u", r->last);
}

int iface_parse(const char *s, struct iface *ret)
{
	size_t n = strlen(s);
	struct iface i = { .wild = false };

	if (n && s[n - 1] == '*') {
		i.wild = true;
		n--;
	}
	/* After 15 letters nothing is left for a star to stand for. */
	if (!n || n + i.wild >= sizeof(i.name) || !strcmp(s, ".") || !strcmp(s, ".."))
		return -EINVAL;
	for (size_t k = 0; k < n; k++)
		if (s[k] <= ' ' || s[k] >= 0x7f || strchr("/*\"\\", s[k]))
			return -EINVAL;
	memcpy(i.name, s, n);
	*ret = i;
	return 0;
}

void iface_print(const struct iface *i, struct strbuf *out)
{
	strbuf_printf(out, "%s%s", i->name, i->wild ? "*" : "");
}

int iface_cmp(const struct iface *a, const struct iface *b)
{
	int c = memcmp(a->name, b->name, sizeof(a->name));

	return c ? c : (int)a->wild - (int)b->wild;
}

bool key_next(const uint8_t *key, size_t n, uint8_t *ret)
{
	memmove(ret, key, n);
	while (n--)
		if (++ret[n])
			return true;
	return false;
}

bool key_previous(const uint8_t *key, size_t n, uint8_t *ret)
{
	memmove(ret, key, n);
	while (n--)
		if (ret[n]--)
			return true;
	return false;
}

int range_prefix(const uint8_t *first, const uint8_t *last, size_t bytes)
{
	int len = 0;
	bool open = false;

	for (size_t i = 0; i < bytes; i++)
		for (unsigned int bit = 0x80; bit; bit >>= 1) {
			bool a = first[i] & bit, z = last[i] & bit;

			if ((a == z && open) || (a && !z))
				return -1;
			open |= a != z;
			len += !open;
		}
	return len;
}
