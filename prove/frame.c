/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "prove/frame.h"

#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "core/inet.h"
#include "core/mem.h"

#define V4_HEAD 20
#define V6_HEAD 40
#define TCP_HEAD 20
#define UDP_HEAD 8
#define ECHO_HEAD 8
#define HOPS 64

static void put16(uint8_t *v, uint32_t n)
{
	v[0] = (uint8_t)(n >> 8);
	v[1] = (uint8_t)n;
}

static void put32(uint8_t *v, uint32_t n)
{
	put16(v, n >> 16);
	put16(v + 2, n);
}

static uint16_t get16(const uint8_t *v)
{
	return (uint16_t)(v[0] << 8 | v[1]);
}

static uint32_t get32(const uint8_t *v)
{
	return (uint32_t)get16(v) << 16 | get16(v + 2);
}

static uint32_t add_up(const uint8_t *v, size_t n, uint32_t sum)
{
	for (size_t i = 0; i + 1 < n; i += 2)
		sum += get16(v + i);
	return n % 2 ? sum + ((uint32_t)v[n - 1] << 8) : sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* Of a payload with the pseudo-head. */
static uint16_t sum_of(const struct frame *f, const uint8_t *v, size_t n)
{
	uint32_t sum = add_up(f->src, addr_bytes(f->family), 0);

	sum = add_up(f->dst, addr_bytes(f->family), sum);
	return fold(add_up(v, n, sum + f->proto + (uint32_t)n));
}

static size_t put_tcp(const struct frame *f, uint8_t *v)
{
	size_t n = TCP_HEAD + f->len;

	put16(v, f->sport);
	put16(v + 2, f->dport);
	put32(v + 4, f->seq);
	put32(v + 8, f->ack);
	v[12] = TCP_HEAD / 4 << 4;
	v[13] = f->flags;
	put16(v + 14, 65535);
	memcpy(v + TCP_HEAD, f->data, f->len);
	put16(v + 16, sum_of(f, v, n));
	return n;
}

/* udplite has in place of the length how much its sum covers: all (RFC 3828) */
static size_t put_udp(const struct frame *f, uint8_t *v)
{
	size_t n = UDP_HEAD + f->len;
	uint16_t sum;

	put16(v, f->sport);
	put16(v + 2, f->dport);
	put16(v + 4, (uint32_t)n);
	memcpy(v + UDP_HEAD, f->data, f->len);
	sum = sum_of(f, v, n);
	put16(v + 6, sum ? sum : 0xffff);
	return n;
}

static size_t put_echo(const struct frame *f, uint8_t *v)
{
	bool v4 = f->family == AF_INET;

	v[0] = v4 ? f->reply ? ICMP_ECHOREPLY : ICMP_ECHO :
		    f->reply ? ICMP6_ECHO_REPLY : ICMP6_ECHO_REQUEST;
	put16(v + 4, f->sport);
	put16(v + 6, 1);
	put16(v + 2, v4 ? fold(add_up(v, ECHO_HEAD, 0)) :
			  sum_of(f, v, ECHO_HEAD));
	return ECHO_HEAD;
}

/* An INIT, or its acknowledgement, with 20 bytes and no parameters. */
static size_t put_sctp(const struct frame *f, uint8_t *v)
{
	put16(v, f->sport);
	put16(v + 2, f->dport);
	v[12] = f->reply ? 2 : 1;
	put16(v + 14, 20);
	put32(v + 16, 1);
	put32(v + 20, 65535);
	put16(v + 24, 1);
	put16(v + 26, 1);
	put32(v + 28, 1);
	return 32;
}

/* Version 0, and no options. */
static size_t put_gre(const struct frame *f, uint8_t *v)
{
	(void)f;
	put16(v + 2, 0x0800);
	return 8;
}

/* An SPI and a number. */
static size_t put_spi(const struct frame *f, uint8_t *v)
{
	put32(v, f->reply ? 0x200 : 0x100);
	put32(v + 4, 1);
	return 24;
}

static const struct {
	uint8_t proto;
	size_t (*put)(const struct frame *f, uint8_t *v);
} rows[] = {
	{ IPPROTO_TCP, put_tcp },     { IPPROTO_UDP, put_udp },
	{ IPPROTO_UDPLITE, put_udp }, { IPPROTO_ICMP, put_echo },
	{ IPPROTO_ICMPV6, put_echo }, { IPPROTO_SCTP, put_sctp },
	{ IPPROTO_GRE, put_gre },     { IPPROTO_ESP, put_spi },
};

bool frame_knows(uint8_t proto)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].proto == proto)
			return true;
	return false;
}

size_t frame_write_payload(const struct frame *f,
			   uint8_t buf[static FRAME_MAX])
{
	memset(buf, 0, FRAME_MAX);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].proto == f->proto)
			return rows[i].put(f, buf);
	return 0;
}

size_t frame_write(const struct frame *f, uint8_t buf[static FRAME_MAX])
{
	size_t head = f->family == AF_INET ? V4_HEAD : V6_HEAD;
	uint8_t rest[FRAME_MAX];
	size_t n = frame_write_payload(f, rest);

	memset(buf, 0, FRAME_MAX);
	memcpy(buf + head, rest, n);
	if (f->family == AF_INET6) {
		buf[0] = 6 << 4;
		put16(buf + 4, (uint32_t)n);
		buf[6] = f->proto;
		buf[7] = HOPS;
		memcpy(buf + 8, f->src, 16);
		memcpy(buf + 24, f->dst, 16);
		return head + n;
	}
	buf[0] = 4 << 4 | V4_HEAD / 4;
	put16(buf + 2, (uint32_t)(head + n));
	buf[8] = HOPS;
	buf[9] = f->proto;
	memcpy(buf + 12, f->src, 4);
	memcpy(buf + 16, f->dst, 4);
	put16(buf + 10, fold(add_up(buf, V4_HEAD, 0)));
	return head + n;
}

static size_t read_head(const uint8_t *v, size_t n, struct frame *f)
{
	if (n >= V4_HEAD && v[0] >> 4 == 4) {
		f->family = AF_INET;
		f->proto = v[9];
		memcpy(f->src, v + 12, 4);
		memcpy(f->dst, v + 16, 4);
		return (size_t)(v[0] & 15) * 4;
	}
	if (n >= V6_HEAD && v[0] >> 4 == 6) {
		f->family = AF_INET6;
		f->proto = v[6];
		memcpy(f->src, v + 8, 16);
		memcpy(f->dst, v + 24, 16);
		return V6_HEAD;
	}
	return 0;
}

static void read_data(const uint8_t *v, size_t n, size_t head, struct frame *f)
{
	f->len = n > head ? n - head : 0;
	memcpy(f->data, v + (f->len ? head : 0),
	       f->len < FRAME_DATA_MAX ? f->len : FRAME_DATA_MAX);
}

static bool read_rest(const uint8_t *v, size_t n, struct frame *f)
{
	bool v4 = f->family == AF_INET;

	if (protocol_is_icmp(f->proto)) {
		if (n < ECHO_HEAD)
			return false;
		f->sport = get16(v + 4);
		f->reply = v[0] == (v4 ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY);
		return f->reply || v[0] == (v4 ? ICMP_ECHO :
						 ICMP6_ECHO_REQUEST);
	}
	if (!protocol_has_ports(f->proto))
		return true;
	if (n < 4)
		return false;
	f->sport = get16(v);
	f->dport = get16(v + 2);
	if (f->proto == IPPROTO_TCP && n >= TCP_HEAD) {
		f->seq = get32(v + 4);
		f->ack = get32(v + 8);
		f->flags = v[13];
		read_data(v, n, (size_t)(v[12] >> 4) * 4, f);
	} else if (f->proto == IPPROTO_UDP) {
		read_data(v, n, UDP_HEAD, f);
	}
	return true;
}

bool frame_read_parts(const uint8_t *head, size_t head_len,
		      const uint8_t *rest, size_t rest_len, struct frame *ret)
{
	struct frame f = { 0 };

	if (!read_head(head, head_len, &f) || !read_rest(rest, rest_len, &f))
		return false;
	*ret = f;
	return true;
}

bool frame_read(const uint8_t *v, size_t n, struct frame *ret)
{
	struct frame f = { 0 };
	size_t head = read_head(v, n, &f);

	return head && head <= n &&
	       frame_read_parts(v, n, v + head, n - head, ret);
}
