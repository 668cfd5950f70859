/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * core/inet.h: addresses, ports, interfaces, protocols, and sets of them.
 *
 * Shape:  sets are vectors; those of prefixes are packed, and read by
 *         prefix_set_at(). After *_normalize() they are sorted, free of
 *         duplicates and of members inside another member; overlapping port
 *         ranges are merged, adjacent ones stay apart. An empty set has no
 *         meaning here: the field that holds it says what empty means.
 * Units:  ports in host byte order, first <= last; addresses in network byte
 *         order, IPv4 in the first four bytes.
 * Owner:  *_release() frees the vector and leaves an empty set.
 * Errors: parsers return -EINVAL (malformed), -ERANGE (a number out of
 *         range), -EDOM (prefix with host bits set); *ret is then untouched.
 * Source: RFC 4632 and RFC 4291 (prefixes), RFC 5952 (IPv6 text),
 *         linux/if.h (IFNAMSIZ), iana protocol-numbers.
 */
#ifndef CTPOLICY_CORE_INET_H
#define CTPOLICY_CORE_INET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>
#include <sys/socket.h>

struct strbuf;

struct prefix {
	uint8_t family;		/* AF_INET or AF_INET6 */
	uint8_t len;		/* 0..32 or 0..128 */
	uint8_t addr[16];	/* host bits are zero */
};

struct port_range {
	uint16_t first, last;
};

/* An interface name; `wild`: name is a prefix ("wan*" is {"wan", true}). */
struct iface {
	char name[16];
	bool wild;
};

struct prefixes;

/* What is copied is shared, until it is added to. */
struct prefix_set {
	size_t n;
	struct prefixes *many;
	struct prefix one;		/* without many: the only one */
};

struct port_set {
	struct port_range *v;
	size_t n, cap;
};

struct iface_set {
	struct iface *v;
	size_t n, cap;
};

/*
 * Of an address. NFPROTO_IPV4 and NFPROTO_IPV6 are these families' numbers, too
 * (linux/netfilter.h).
 */
static inline uint8_t addr_bytes(uint8_t family)
{
	return family == AF_INET ? 4 : 16;
}

static inline uint8_t addr_bits(uint8_t family)
{
	return family == AF_INET ? 32 : 128;
}

int prefix_parse(const char *s, struct prefix *ret);
void prefix_print(const struct prefix *p, struct strbuf *out);
int prefix_cmp(const struct prefix *a, const struct prefix *b);
bool prefix_contains(const struct prefix *outer, const struct prefix *inner);
bool prefix_is_host(const struct prefix *p);	/* one address */
/* The one that has the address and no other. */
struct prefix prefix_of_one(uint8_t family, const uint8_t *addr);
/* The last address of p, in network byte order, 16 bytes (IPv4: first four). */
void prefix_last(const struct prefix *p, uint8_t ret[16]);
int prefix_set_add(struct prefix_set *s, const struct prefix *p);
/* The i-th, counted from 0: those of IPv4 come first. */
struct prefix prefix_set_at(const struct prefix_set *s, size_t i);
void prefix_set_normalize(struct prefix_set *s);
int prefix_set_copy(const struct prefix_set *s, uint8_t family,
		    struct prefix_set *ret); /* family AF_UNSPEC: all */
bool prefix_set_has_family(const struct prefix_set *s, uint8_t family);
/* Is p inside of one? The set must be normalized. */
bool prefix_set_holds(const struct prefix_set *s, const struct prefix *p);
/* Is all of a in b, which must be normalized? */
bool prefix_set_within(const struct prefix_set *a, const struct prefix_set *b);
/* addr: 4 or 16 bytes; the set must be normalized. */
bool prefix_set_contains(const struct prefix_set *s, uint8_t family,
			 const uint8_t *addr);
/* Negative, 0 or positive, as memcmp(); both must be normalized. */
int prefix_set_cmp(const struct prefix_set *a, const struct prefix_set *b);
void prefix_set_release(struct prefix_set *s);

/* ::ffff:192.0.2.1 (RFC 4291) becomes the IPv4 address it stands for. */
bool inet_unmap(uint8_t addr[16]);

/* Decimal 0-65535 or lo-hi; no sign, space, leading zero or other base. */
int port_range_parse(const char *s, struct port_range *ret);
void port_range_print(const struct port_range *r, struct strbuf *out);
int port_set_add(struct port_set *s, struct port_range r);
void port_set_normalize(struct port_set *s);
int port_set_copy(const struct port_set *s, struct port_set *ret);
void port_set_release(struct port_set *s);

/* 1-15 bytes, no '/', no white space, not "." or ".."; a final '*' is wild. */
int iface_parse(const char *s, struct iface *ret);
void iface_print(const struct iface *i, struct strbuf *out);
int iface_cmp(const struct iface *a, const struct iface *b);
int iface_set_add(struct iface_set *s, const struct iface *i);
void iface_set_normalize(struct iface_set *s);
/* Is it all of that name, or one of those that begin so? */
bool iface_covers(const struct iface *outer, const struct iface *inner);
/* Nothing but "lo". */
bool iface_set_is_lo(const struct iface_set *s);
int iface_set_copy(const struct iface_set *s, struct iface_set *ret);
void iface_set_release(struct iface_set *s);

/*
 * Protocols by the names that iptables, nft and policies share. A number
 * without a name here is printed as a number. protocol_number() gives 1..255
 * or -EINVAL/-ERANGE. "ipip" is read as 4, and printed as that number.
 * PROTOCOL_ANY is printed as "any".
 */
#define PROTOCOL_ANY 0
int protocol_number(const char *name);
const char *protocol_name(uint8_t proto);	/* NULL: none */
bool protocol_has_ports(uint8_t proto);
bool protocol_is_icmp(uint8_t proto);	/* of either family */
void protocol_print(uint8_t proto, struct strbuf *out);
/* The i-th known name, NULL past the end: for suggestions. */
const char *protocol_name_at(size_t i);

/* The big-endian number after `key`, or before it; false when it went round. */
bool key_next(const uint8_t *key, size_t n, uint8_t *ret);
bool key_previous(const uint8_t *key, size_t n, uint8_t *ret);

/* The length in bits of the prefix first to last; -1: it is not one. */
int range_prefix(const uint8_t *first, const uint8_t *last, size_t bytes);

#endif
