/* SPDX-License-Identifier: GPL-2.0-or-later */
/* prove/call_datagram.c: a question and an answer, in udp and without ports. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "core/mem.h"
#include "prove/call_parts.h"

static struct frame question(const struct call *t, bool reply)
{
	struct frame f = call_frame(t, reply);

	f.len = sizeof(f.data) / 2;
	memset(f.data, reply ? 'a' : 'q', f.len);
	return f;
}

/* One end far away, the other one too. */
static int pass(const struct call *t, bool reply, bool *ret)
{
	struct frame f = question(t, reply), got;
	int err = call_send(reply ? t->out : t->in, &f);

	*ret = !err && call_wait(t, reply ? t->in : t->out, reply, 0, &got);
	return err;
}

static int call_through(const struct call *t, bool *ret)
{
	int err = pass(t, false, ret);

	return err || !*ret || t->only_first ? err : pass(t, true, ret);
}

/* What comes is sent back to where it came from. */
static bool answer(int fd)
{
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	char buf[FRAME_DATA_MAX];
	ssize_t n;

	if (!call_ready(fd, POLLIN))
		return false;
	n = recvfrom(fd, buf, sizeof(buf), 0, (void *)&from, &len);
	return n > 0 && sendto(fd, buf, (size_t)n, 0, (void *)&from, len) > 0;
}

static int ask(int fd, const struct call *t)
{
	struct frame f = question(t, false);
	uint8_t buf[FRAME_MAX];
	size_t n = f.len;

	memcpy(buf, f.data, n);
	if (t->proto != IPPROTO_UDP)
		n = frame_write_payload(&f, buf);
	if (send(fd, buf, n, MSG_NOSIGNAL) > 0 || call_is_dropped(errno))
		return 0;
	return -errno;
}

static int udp_in(const struct call *t, bool *ret)
{
	_cleanup_(call_close) int fd = call_socket(t, SOCK_DGRAM, 0, true);
	struct frame f = question(t, false);
	int err = fd < 0 ? fd : call_send(t->in, &f);

	*ret = !err && !t->only_first && answer(fd) &&
	       call_wait(t, t->in, true, 0, &f);
	return err;
}

static int udp_out(const struct call *t, bool *ret)
{
	_cleanup_(call_close) int fd = call_socket(t, SOCK_DGRAM, 0, false);
	struct frame f = question(t, true);
	char buf[FRAME_DATA_MAX];
	int err = fd < 0 ? fd : call_connect(t, fd);

	if (!err)
		err = ask(fd, t);
	if (err || !call_wait(t, t->out, false, 0, &f) || t->only_first)
		return err;
	f = question(t, true);
	err = call_send(t->out, &f);
	*ret = !err && call_ready(fd, POLLIN) &&
	       recv(fd, buf, sizeof(buf), 0) > 0;
	return err;
}

static int udp_within(const struct call *t, bool *ret)
{
	_cleanup_(call_close) int server = call_socket(t, SOCK_DGRAM, 0, true);
	_cleanup_(call_close) int fd = call_socket(t, SOCK_DGRAM, 0, false);
	char buf[FRAME_DATA_MAX];
	int err = server < 0 ? server : fd < 0 ? fd : call_connect(t, fd);

	if (!err)
		err = ask(fd, t);
	*ret = !err && !t->only_first && answer(server) &&
	       call_ready(fd, POLLIN) && recv(fd, buf, sizeof(buf), 0) > 0;
	return err;
}

int call_datagram(const struct call *t, bool *ret)
{
	static int (*const ways[])(const struct call *t, bool *ret) = {
		[WAY_IN] = udp_in, [WAY_OUT] = udp_out,
		[WAY_THROUGH] = call_through, [WAY_WITHIN] = udp_within,
	};

	*ret = false;
	return ways[t->way](t, ret);
}

/* From a raw socket of this host's: the kernel writes the IP head. */
static int send_raw(const struct call *t, int fd, bool reply)
{
	struct call back = *t;
	struct frame f = question(t, reply);
	uint8_t buf[FRAME_MAX];
	size_t n = frame_write_payload(&f, buf);
	int err;

	if (reply)
		memcpy(back.server, t->client, sizeof(back.server));
	err = call_connect(&back, fd);
	if (err || send(fd, buf, n, MSG_NOSIGNAL) > 0 ||
	    call_is_dropped(errno))
		return err;
	return -errno;
}

static int open_ends(const struct call *t, bool echo, int *ret_server,
		     int *ret_client)
{
	if (t->way != WAY_OUT && !echo) {
		*ret_server = call_socket(t, SOCK_RAW, t->proto, true);
		if (*ret_server < 0)
			return *ret_server;
	}
	if (t->way == WAY_IN)
		return 0;
	*ret_client = call_socket(t, SOCK_RAW, t->proto, false);
	return *ret_client < 0 ? *ret_client : 0;
}

static int answer_afar(const struct call *t, bool *ret)
{
	struct frame f = question(t, true), got;
	int err;

	if (!call_wait(t, t->out, false, 0, &got))
		return 0;
	err = call_send(t->out, &f);
	*ret = !err;
	return err;
}

/* Echoes the kernel answers by itself; that a raw packet arrives is seen. */
int call_raw(const struct call *t, bool *ret)
{
	bool echo = protocol_is_icmp(t->proto);
	_cleanup_(call_close) int server = -1;
	_cleanup_(call_close) int client = -1;
	struct frame f = question(t, false);
	int err = 0;

	*ret = false;
	if (t->way == WAY_THROUGH)
		return call_through(t, ret);
	err = open_ends(t, echo, &server, &client);
	if (!err)
		err = t->way == WAY_IN ? call_send(t->in, &f) :
					 send_raw(t, client, false);
	if (err || t->only_first)
		return err;
	if (t->way == WAY_OUT)
		return answer_afar(t, ret);
	if (!echo && !call_ready(server, POLLIN))
		return 0;
	if (!echo)
		err = send_raw(t, server, true);
	if (!err && t->way == WAY_WITHIN)
		*ret = call_ready(client, POLLIN);
	else if (!err)
		*ret = call_wait(t, t->in, true, 0, &f);
	return err;
}
