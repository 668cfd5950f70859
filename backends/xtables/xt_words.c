/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/xtables/xt_words.c: single words of iptables as ranges. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "backends/xtables/xt_reader.h"
#include "core/inet.h"
#include "core/mem.h"

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/rtnetlink.h>

static void put_number(uint32_t v, size_t bytes, uint8_t *ret)
{
	for (size_t i = bytes; i; i--, v >>= 8)
		ret[i - 1] = (uint8_t)v;
}

void xt_key_number(uint32_t first, uint32_t last, size_t bytes,
		   struct key_range *ret)
{
	memset(ret, 0, sizeof(*ret));
	put_number(first, bytes, ret->first);
	put_number(last, bytes, ret->last);
}

/* In any base of C; *end stands behind it. */
static int number(const char *s, uint64_t max, uint32_t *ret, char **end)
{
	unsigned long long v;

	if (*s < '0' || *s > '9')
		return -EINVAL;
	errno = 0;
	v = strtoull(s, end, 0);
	if (errno || v > max)
		return -EINVAL;
	*ret = (uint32_t)v;
	return 0;
}

static int address(uint8_t family, const char *s, size_t n, uint8_t ret[16])
{
	char copy[INET6_ADDRSTRLEN];

	if (n >= sizeof(copy))
		return -EINVAL;
	memcpy(copy, s, n);
	copy[n] = '\0';
	memset(ret, 0, 16);
	return inet_pton(family == NFPROTO_IPV4 ? AF_INET : AF_INET6, copy,
			 ret) == 1 ? 0 : -EINVAL;
}

/* "24", or "255.255.255.0" */
static int mask_of(uint8_t family, const char *s, uint8_t ret[16])
{
	uint32_t bits = addr_bits(family), n;
	char *end;

	if (strpbrk(s, ".:"))
		return address(family, s, strlen(s), ret);
	if (number(s, bits, &n, &end) || *end)
		return -EINVAL;
	memset(ret, 0, 16);
	for (uint32_t i = 0; i < n; i++)
		ret[i / 8] |= (uint8_t)(0x80 >> i % 8);
	return 0;
}

int xt_parse_masked_addr(uint8_t family, const char *word,
			 struct key_range *ret, uint8_t ret_mask[16])
{
	size_t n = strcspn(word, "/"), width = addr_bytes(family);
	struct key_range v = { 0 };
	uint8_t mask[16] = { 0 };
	int err = address(family, word, n, v.first);

	memset(mask, 0xff, width);
	if (!err && word[n])
		err = mask_of(family, word + n + 1, mask);
	if (err)
		return err;
	for (size_t i = 0; i < width; i++) {
		v.first[i] &= mask[i];
		v.last[i] = v.first[i];
	}
	*ret = v;
	memcpy(ret_mask, mask, sizeof(mask));
	return 0;
}

/* No 1 stands behind a 0. */
static bool is_prefix(const uint8_t mask[16], size_t width)
{
	size_t bit = 0;

	while (bit < width * 8 && mask[bit / 8] & 0x80 >> bit % 8)
		bit++;
	for (; bit < width * 8; bit++)
		if (mask[bit / 8] & 0x80 >> bit % 8)
			return false;
	return true;
}

int xt_parse_addr(const struct xt_reader *r, const char *word,
		  struct key_range *ret)
{
	size_t width = addr_bytes(r->family);
	uint8_t mask[16];
	int err = xt_parse_masked_addr(r->family, word, ret, mask);

	if (err || !is_prefix(mask, width))
		return -EINVAL;
	for (size_t i = 0; i < width; i++)
		ret->last[i] |= (uint8_t)~mask[i];
	return 0;
}

/* "192.0.2.1-192.0.2.9", or one address */
int xt_parse_span(const struct xt_reader *r, const char *word,
		  struct key_range *ret)
{
	size_t n = strcspn(word, "-");
	const char *last = word[n] ? word + n + 1 : word;
	int err = address(r->family, word, n, ret->first);

	return err ? err : address(r->family, last, strlen(last), ret->last);
}

/* "80", "80:90", ":90", "80:" */
int xt_parse_port(const struct xt_reader *r, const char *word,
		  struct key_range *ret)
{
	uint32_t first = 0, last = UINT16_MAX;
	char *end = (char *)(uintptr_t)word;
	int err = 0;

	(void)r;
	if (!*word)
		return -EINVAL;
	if (*word != ':')
		err = number(word, UINT16_MAX, &first, &end);
	if (!err && !*end)
		last = first;
	else if (!err && *end != ':')
		err = -EINVAL;
	else if (!err && end[1])
		err = number(end + 1, UINT16_MAX, &last, &end);
	if (err || (end != word && *end && *end != ':'))
		return -EINVAL;
	xt_key_number(first, last, 2, ret);
	return 0;
}

/* "eth0" with its NUL, "eth+" as the beginning of names. */
int xt_parse_iface(const struct xt_reader *r, const char *word,
		   struct key_range *ret)
{
	size_t n = strlen(word);
	bool wild = n && word[n - 1] == '+';

	(void)r;
	if (!n || n >= TERM_KEY_MAX)
		return -EINVAL;
	n -= wild;
	memcpy(ret->first, word, n);
	memcpy(ret->last, word, n);
	if (wild)
		memset(ret->last + n, 0xff, TERM_KEY_MAX - n);
	return 0;
}

static void lower(const char *word, size_t n, char *ret)
{
	for (size_t i = 0; i <= n; i++)
		ret[i] = word[i] >= 'A' && word[i] <= 'Z' ?
				 (char)(word[i] + 'a' - 'A') : word[i];
}

int xt_parse_proto(const struct xt_reader *r, const char *word,
		   struct key_range *ret)
{
	char name[32];
	size_t n = strlen(word);
	int proto;

	(void)r;
	if (n >= sizeof(name))
		return -EINVAL;
	lower(word, n, name);
	proto = !strcmp(name, "icmpv6") || !strcmp(name, "icmp6") ?
			IPPROTO_ICMPV6 :
		!strcmp(name, "ipv6-mh") || !strcmp(name, "mh") ?
			IPPROTO_MH : protocol_number(name);
	if (proto <= 0)
		return -EINVAL;
	xt_key_number((uint32_t)proto, (uint32_t)proto, 1, ret);
	return 0;
}

struct word_value {
	const char *word;
	uint32_t value;
};

static int value_of(const struct word_value *v, size_t n, const char *word,
		    size_t len, uint32_t *ret)
{
	for (size_t i = 0; i < n; i++)
		if (!strncasecmp(v[i].word, word, len) && !v[i].word[len]) {
			*ret = v[i].value;
			return 0;
		}
	return -EINVAL;
}

/* The bits of a list, or'ed. */
static int bits_of(const struct word_value *v, size_t n, const char *words,
		   uint32_t *ret)
{
	uint32_t all = 0;

	while (true) {
		size_t len = strcspn(words, ",");
		uint32_t bits;
		int err = value_of(v, n, words, len, &bits);

		if (err)
			return err;
		all |= bits;
		if (!words[len]) {
			*ret = all;
			return 0;
		}
		words += len + 1;
	}
}

int xt_parse_state(const struct xt_reader *r, const char *word,
		   struct key_range *ret)
{
	static const struct word_value states[] = {
		{ "INVALID", NF_CT_STATE_INVALID_BIT },
		{ "ESTABLISHED", NF_CT_STATE_BIT(IP_CT_ESTABLISHED) },
		{ "RELATED", NF_CT_STATE_BIT(IP_CT_RELATED) },
		{ "NEW", NF_CT_STATE_BIT(IP_CT_NEW) },
		{ "UNTRACKED", NF_CT_STATE_UNTRACKED_BIT },
		{ "DNAT", STATE_LISTS_DNAT }, { "SNAT", STATE_LISTS_SNAT },
	};
	uint32_t bit;
	int err = value_of(states, ARRAY_SIZE(states), word, strlen(word),
			   &bit);

	(void)r;
	if (!err)
		xt_key_number(bit, bit, 4, ret);
	return err;
}

int xt_parse_status(const char *words, uint32_t *ret)
{
	static const struct word_value status[] = {
		{ "NONE", 0 }, { "EXPECTED", IPS_EXPECTED },
		{ "SEEN_REPLY", IPS_SEEN_REPLY }, { "ASSURED", IPS_ASSURED },
		{ "CONFIRMED", IPS_CONFIRMED },
	};

	return bits_of(status, ARRAY_SIZE(status), words, ret);
}

int xt_parse_type(const struct xt_reader *r, const char *word,
		  struct key_range *ret)
{
	static const struct word_value types[] = {
		{ "UNSPEC", RTN_UNSPEC }, { "UNICAST", RTN_UNICAST },
		{ "LOCAL", RTN_LOCAL }, { "BROADCAST", RTN_BROADCAST },
		{ "ANYCAST", RTN_ANYCAST }, { "MULTICAST", RTN_MULTICAST },
		{ "BLACKHOLE", RTN_BLACKHOLE },
		{ "UNREACHABLE", RTN_UNREACHABLE },
		{ "PROHIBIT", RTN_PROHIBIT }, { "THROW", RTN_THROW },
		{ "NAT", RTN_NAT }, { "XRESOLVE", RTN_XRESOLVE },
	};
	uint32_t type;
	int err = value_of(types, ARRAY_SIZE(types), word, strlen(word),
			   &type);

	(void)r;
	if (!err)
		xt_key_number(type, type, 4, ret);
	return err;
}

int xt_parse_tcp_flags(const char *words, uint8_t *ret)
{
	static const struct word_value flags[] = {
		{ "FIN", 0x01 }, { "SYN", 0x02 }, { "RST", 0x04 },
		{ "PSH", 0x08 }, { "ACK", 0x10 }, { "URG", 0x20 },
		{ "ALL", 0x3f }, { "NONE", 0 },
	};
	uint32_t bits;
	char *end;
	int err = bits_of(flags, ARRAY_SIZE(flags), words, &bits);

	if (err)
		err = number(words, UINT8_MAX, &bits, &end) || *end ? err : 0;
	if (!err)
		*ret = (uint8_t)bits;
	return err;
}

int xt_parse_mark(const char *word, uint32_t *ret, uint32_t *ret_mask)
{
	uint32_t value, mask = UINT32_MAX;
	char *end;
	int err = number(word, UINT32_MAX, &value, &end);

	if (!err && *end == '/')
		err = number(end + 1, UINT32_MAX, &mask, &end);
	if (err || *end)
		return -EINVAL;
	*ret = value;
	*ret_mask = mask;
	return 0;
}

static int icmp_number(uint8_t family, const char *word,
		       struct key_range v[2])
{
	uint32_t type, code = 0, last = UINT8_MAX;
	char *end;
	int err = number(word, UINT8_MAX, &type, &end);

	if (!err && *end == '/') {
		err = number(end + 1, UINT8_MAX, &code, &end);
		last = code;
	}
	if (err || *end)
		return -EINVAL;
	/* To ip_tables this type is any. */
	if (family == NFPROTO_IPV4 && type == UINT8_MAX)
		xt_key_number(0, UINT8_MAX, 1, &v[0]);
	else
		xt_key_number(type, type, 1, &v[0]);
	xt_key_number(code, last, 1, &v[1]);
	return 0;
}

int xt_parse_icmp(uint8_t family, const char *word, struct key_range v[2])
{
	const char *spelled = xt_icmp_number(family, word);

	return icmp_number(family, spelled ? spelled : word, v);
}
