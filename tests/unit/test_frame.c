/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_frame.c: packets as bytes, with their sums, and back. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/inet.h"
#include "core/mem.h"
#include "prove/frame.h"

static struct frame frame(uint8_t family, uint8_t proto)
{
	struct frame f = { .family = family, .proto = proto, .sport = 40000,
			   .dport = 80, .flags = TH_SYN | TH_ACK,
			   .seq = 0x01020304, .ack = 0xfffefdfc };

	if (family == AF_INET) {
		inet_pton(AF_INET, "192.0.2.1", f.src);
		inet_pton(AF_INET, "198.51.100.2", f.dst);
	} else {
		inet_pton(AF_INET6, "2001:db8::1", f.src);
		inet_pton(AF_INET6, "2001:db8::2", f.dst);
	}
	return f;
}

/* RFC 1071, straight: a packet with its sum adds up to all ones. */
static uint16_t add_up(const uint8_t *v, size_t n, uint32_t sum)
{
	for (size_t i = 0; i < n; i++)
		sum += (uint32_t)v[i] << (i % 2 ? 0 : 8);
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static uint16_t with_ends(const struct frame *f, const uint8_t *v, size_t n)
{
	size_t width = f->family == AF_INET ? 4 : 16;
	uint32_t sum = add_up(f->src, width, 0);

	sum += add_up(f->dst, width, 0);
	return add_up(v, n, sum + f->proto + (uint32_t)n);
}

/* As tcpdump would show it: SYN and ACK, and no options. */
static void writes_what_is_known(void **state)
{
	static const uint8_t want[] = {
		0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0x8e, 0x99, 192, 0, 2, 1,
		198, 51, 100, 2, 0x9c, 0x40, 0, 80, 1, 2, 3, 4, 0xff, 0xfe,
		0xfd, 0xfc, 0x50, 0x12, 0xff, 0xff,
	};
	struct frame f = frame(AF_INET, IPPROTO_TCP);
	uint8_t buf[FRAME_MAX];

	(void)state;
	assert_int_equal(frame_write(&f, buf), 40);
	assert_memory_equal(buf, want, sizeof(want));
}

static void sums_are_right(void **state)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP,
					  IPPROTO_UDPLITE };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(families); i++)
		for (size_t k = 0; k < ARRAY_SIZE(protos); k++)
			for (size_t len = 0; len < 9; len++) {
				struct frame f = frame(families[i], protos[k]);
				uint8_t buf[FRAME_MAX];
				size_t n;

				f.len = len;
				memset(f.data, 0xa5, len);
				n = frame_write_payload(&f, buf);
				assert_int_equal(with_ends(&f, buf, n),
						 0xffff);
				n = frame_write(&f, buf);
				if (families[i] == AF_INET)
					assert_int_equal(add_up(buf, 20, 0),
							 0xffff);
			}
}

static void echoes_have_sums(void **state)
{
	struct frame v4 = frame(AF_INET, IPPROTO_ICMP);
	struct frame v6 = frame(AF_INET6, IPPROTO_ICMPV6);
	uint8_t buf[FRAME_MAX];
	size_t n = frame_write_payload(&v4, buf);

	(void)state;
	assert_int_equal(add_up(buf, n, 0), 0xffff);
	n = frame_write_payload(&v6, buf);
	assert_int_equal(with_ends(&v6, buf, n), 0xffff);
}

static void comes_back(const struct frame *f)
{
	struct frame got = { 0 };
	uint8_t buf[FRAME_MAX];
	size_t n = frame_write(f, buf);

	assert_true(frame_knows(f->proto));
	assert_true(n > 20);
	assert_true(frame_read(buf, n, &got));
	assert_int_equal(got.family, f->family);
	assert_int_equal(got.proto, f->proto);
	assert_memory_equal(got.src, f->src, 16);
	assert_memory_equal(got.dst, f->dst, 16);
	if (protocol_has_ports(f->proto))
		assert_int_equal(got.dport, f->dport);
	if (f->proto == IPPROTO_TCP) {
		assert_int_equal(got.seq, f->seq);
		assert_int_equal(got.ack, f->ack);
		assert_int_equal(got.flags, f->flags);
		assert_int_equal(got.len, f->len);
		assert_memory_equal(got.data, f->data, f->len);
	}
	/* no byte beyond what is there is looked at */
	for (size_t cut = 0; cut < n; cut++)
		(void)frame_read(buf, cut, &got);
}

static void all_come_back(void **state)
{
	static const uint8_t protos[] = {
		IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDPLITE, IPPROTO_SCTP,
		IPPROTO_GRE, IPPROTO_ESP,
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(protos); i++) {
		struct frame v4 = frame(AF_INET, protos[i]);
		struct frame v6 = frame(AF_INET6, protos[i]);

		v4.len = 7;
		memcpy(v4.data, "abcdefg", 7);
		comes_back(&v4);
		comes_back(&v6);
	}
}

static void an_echo_is_told_from_its_answer(void **state)
{
	struct frame ask = frame(AF_INET6, IPPROTO_ICMPV6), got;
	uint8_t buf[FRAME_MAX];

	(void)state;
	assert_true(frame_read(buf, frame_write(&ask, buf), &got));
	assert_false(got.reply);
	ask.reply = true;
	assert_true(frame_read(buf, frame_write(&ask, buf), &got));
	assert_true(got.reply);
	/* neighbour solicitation: none */
	buf[40] = 135;
	assert_false(frame_read(buf, 48, &got));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_what_is_known),
		cmocka_unit_test(sums_are_right),
		cmocka_unit_test(echoes_have_sums),
		cmocka_unit_test(all_come_back),
		cmocka_unit_test(an_echo_is_told_from_its_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
