/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_netlink.c: answers that come in packets of their own, from a
 * socket that says what each test wants to hear.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/netlink.h"

#define TYPE NLMSG_MIN_TYPE
#define SEQ 7

struct talk {
	struct mnl_socket *nl;
	int kernel, ours;
	unsigned int taken;
	int take_fails;		/* from the second message on */
};

static int take(const struct nlmsghdr *nlh, void *arg)
{
	struct talk *t = arg;

	assert_int_equal(nlh->nlmsg_type, TYPE);
	return ++t->taken > 1 ? t->take_fails : 0;
}

static void talk_begin(struct talk *t)
{
	int fd[2];

	*t = (struct talk){ 0 };
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, fd), 0);
	t->kernel = fd[0];
	t->ours = fd[1];
	t->nl = mnl_socket_fdopen(t->ours);
	assert_non_null(t->nl);
}

static void talk_end(struct talk *t)
{
	mnl_socket_close(t->nl);
	close(t->kernel);
}

static void say(struct talk *t, uint16_t type, uint32_t seq, int err,
		size_t more)
{
	_Alignas(struct nlmsghdr) char buf[4096] = { 0 };
	struct nlmsghdr *nlh = netlink_put(buf, type, 0, seq);
	struct nlmsgerr *e = mnl_nlmsg_put_extra_header(nlh, sizeof(*e));

	e->error = err;
	mnl_nlmsg_put_extra_header(nlh, more);
	assert_int_equal(send(t->kernel, buf, nlh->nlmsg_len, 0),
			 nlh->nlmsg_len);
}

static int hear(struct talk *t)
{
	_Alignas(struct nlmsghdr) char buf[4 * NETLINK_SMALL];
	struct netlink_answer a = { .take = take, .arg = t, .seq = SEQ,
				    .many = true };

	return netlink_receive_many(t->nl, buf, sizeof(buf), &a);
}

/* More than there is room for at once, and somebody else's among them. */
static void many_are_taken(void **state)
{
	struct talk t;

	(void)state;
	talk_begin(&t);
	for (int i = 0; i < 7; i++)
		say(&t, TYPE, i == 3 ? SEQ - 1 : SEQ, 0, 0);
	say(&t, NLMSG_ERROR, SEQ, 0, 0);
	assert_int_equal(hear(&t), 0);
	assert_int_equal(t.taken, 6);
	talk_end(&t);
}

static void verdict_follows_answers(void **state)
{
	struct talk t;

	(void)state;
	talk_begin(&t);
	say(&t, TYPE, SEQ, 0, 0);
	say(&t, NLMSG_ERROR, SEQ, -ENOENT, 0);
	assert_int_equal(hear(&t), -ENOENT);
	assert_int_equal(t.taken, 1);
	talk_end(&t);
}

/* The rest is read all the same, up to the verdict. */
static void one_is_too_long(void **state)
{
	struct talk t;
	char left;

	(void)state;
	talk_begin(&t);
	say(&t, TYPE, SEQ, 0, 0);
	say(&t, TYPE, SEQ, 0, 2 * NETLINK_SMALL);
	for (int i = 0; i < 5; i++)
		say(&t, TYPE, SEQ, 0, 0);
	say(&t, NLMSG_ERROR, SEQ, 0, 0);
	assert_int_equal(hear(&t), -EMSGSIZE);
	assert_int_equal(recv(t.ours, &left, 1, MSG_DONTWAIT), -1);
	talk_end(&t);
}

static void one_is_refused(void **state)
{
	struct talk t;

	(void)state;
	talk_begin(&t);
	t.take_fails = -ENOMEM;
	for (int i = 0; i < 5; i++)
		say(&t, TYPE, SEQ, 0, 0);
	say(&t, NLMSG_ERROR, SEQ, 0, 0);
	assert_int_equal(hear(&t), -ENOMEM);
	assert_int_equal(t.taken, 2);
	talk_end(&t);
}

/* Nothing more comes. */
static void socket_fails(void **state)
{
	struct talk t;

	(void)state;
	talk_begin(&t);
	say(&t, TYPE, SEQ, 0, 0);
	assert_int_equal(fcntl(t.ours, F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(hear(&t), -EAGAIN);
	assert_int_equal(t.taken, 1);
	talk_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_are_taken),
		cmocka_unit_test(verdict_follows_answers),
		cmocka_unit_test(one_is_too_long),
		cmocka_unit_test(one_is_refused),
		cmocka_unit_test(socket_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
