/* SPDX-License-Identifier: GPL-2.0-or-later */
/* prove/call_tcp.c: a handshake, data in both directions, and the end. */
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "core/mem.h"
#include "prove/call_parts.h"

#define WORD "ctpolicy"
#define SEQ 1000

/* What a crafted end has said and heard. */
struct side {
	const struct call *t;
	const struct wire *wire;
	bool server;
	uint32_t seq, ack;
};

static int say(struct side *s, uint8_t flags, bool data)
{
	struct frame f = call_frame(s->t, s->server);
	bool counts = flags & (TH_SYN | TH_FIN);

	f.flags = flags;
	f.seq = s->seq;
	f.ack = flags & TH_ACK ? s->ack : 0;
	f.len = data ? strlen(WORD) : 0;
	memcpy(f.data, WORD, f.len);
	s->seq += (uint32_t)f.len + counts;
	return call_send(s->wire, &f);
}

static bool hear(struct side *s, uint8_t must, bool data)
{
	struct frame f;

	do {
		if (!call_wait(s->t, s->wire, !s->server, must, &f))
			return false;
	} while (data && !f.len);
	s->ack = f.seq + (uint32_t)f.len +
		 ((f.flags & (TH_SYN | TH_FIN)) != 0);
	return true;
}

static bool receive(int fd)
{
	char buf[64];

	return call_ready(fd, POLLIN) && recv(fd, buf, sizeof(buf), 0) > 0;
}

static bool transmit(int fd)
{
	return send(fd, WORD, strlen(WORD), MSG_NOSIGNAL) > 0;
}

static int accept_one(int listener)
{
	return call_ready(listener, POLLIN) ?
		       accept4(listener, NULL, NULL,
			       SOCK_CLOEXEC | SOCK_NONBLOCK) : -1;
}

static int listen_at(const struct call *t)
{
	int fd = call_socket(t, SOCK_STREAM, 0, true), err;

	if (fd < 0 || !listen(fd, 4))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

/* The server is here. */
static int call_in(const struct call *t, bool *ret)
{
	_cleanup_(call_close) int listener = listen_at(t);
	_cleanup_(call_close) int fd = -1;
	struct side far = { t, t->in, false, SEQ, 0 };
	int err = listener < 0 ? listener : say(&far, TH_SYN, false);

	if (err || t->only_first || !hear(&far, TH_SYN | TH_ACK, false))
		return err;
	err = say(&far, TH_ACK, false);
	if (!err)
		err = say(&far, TH_ACK | TH_PUSH, true);
	fd = err ? -1 : accept_one(listener);
	if (fd < 0 || !receive(fd) || !transmit(fd) || !hear(&far, 0, true))
		return err;
	err = say(&far, TH_ACK | TH_FIN, false);
	close(fd);
	fd = -1;
	if (err || !hear(&far, TH_FIN, false))
		return err;
	*ret = true;
	return say(&far, TH_ACK, false);
}

/* The client is here. */
static int call_out(const struct call *t, bool *ret)
{
	_cleanup_(call_close) int fd = call_socket(t, SOCK_STREAM, 0, false);
	struct side far = { t, t->out, true, SEQ, 0 };
	int err = fd < 0 ? fd : call_connect(t, fd);

	if (err || !hear(&far, TH_SYN, false) || t->only_first)
		return err;
	err = say(&far, TH_SYN | TH_ACK, false);
	if (err || !call_ready(fd, POLLOUT) || !transmit(fd) ||
	    !hear(&far, 0, true))
		return err;
	err = say(&far, TH_ACK | TH_PUSH, true);
	if (err || !receive(fd))
		return err;
	close(fd);
	fd = -1;
	if (!hear(&far, TH_FIN, false))
		return 0;
	err = say(&far, TH_FIN | TH_ACK, false);
	*ret = !err && hear(&far, TH_ACK, false);
	return err;
}

/* What one side says is heard at the other. */
static int pass(struct side *from, struct side *to, uint8_t flags, bool data,
		bool *ret)
{
	int err = say(from, flags, data);

	*ret = !err && hear(to, flags, data);
	return err;
}

static int call_through(const struct call *t, bool *ret)
{
	static const struct {
		bool server;
		uint8_t flags;
		bool data;
	} steps[] = {
		{ false, TH_SYN, false }, { true, TH_SYN | TH_ACK, false },
		{ false, TH_ACK, false }, { false, TH_ACK | TH_PUSH, true },
		{ true, TH_ACK | TH_PUSH, true },
		{ false, TH_ACK | TH_FIN, false },
		{ true, TH_ACK | TH_FIN, false }, { false, TH_ACK, false },
	};
	struct side client = { t, t->in, false, SEQ, 0 };
	struct side server = { t, t->out, true, 2 * SEQ, 0 };
	size_t n = t->only_first ? 1 : ARRAY_SIZE(steps);
	bool heard = true;
	int err = 0;

	for (size_t i = 0; !err && heard && i < n; i++)
		err = pass(steps[i].server ? &server : &client,
			   steps[i].server ? &client : &server,
			   steps[i].flags, steps[i].data, &heard);
	*ret = heard && !err;
	return err;
}

static int call_within(const struct call *t, bool *ret)
{
	_cleanup_(call_close) int listener = listen_at(t);
	_cleanup_(call_close) int fd = call_socket(t, SOCK_STREAM, 0, false);
	_cleanup_(call_close) int peer = -1;
	int err = listener < 0 ? listener : fd < 0 ? fd : call_connect(t, fd);

	if (err || t->only_first)
		return err;
	peer = accept_one(listener);
	*ret = peer >= 0 && transmit(fd) && receive(peer) && transmit(peer) &&
	       receive(fd);
	return 0;
}

int call_tcp(const struct call *t, bool *ret)
{
	static int (*const ways[])(const struct call *t, bool *ret) = {
		[WAY_IN] = call_in, [WAY_OUT] = call_out,
		[WAY_THROUGH] = call_through, [WAY_WITHIN] = call_within,
	};

	*ret = false;
	return ways[t->way](t, ret);
}
