/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "prove/call.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "core/mem.h"
#include "prove/call_parts.h"

struct frame call_frame(const struct call *t, bool reply)
{
	struct frame f = { .family = t->family, .proto = t->proto,
			   .reply = reply };

	memcpy(f.src, reply ? t->server : t->client, sizeof(f.src));
	memcpy(f.dst, reply ? t->client : t->server, sizeof(f.dst));
	f.sport = reply ? t->sport : t->cport;
	f.dport = reply ? t->cport : t->sport;
	if (protocol_is_icmp(t->proto)) {
		f.sport = t->cport;
		f.dport = 0;
	}
	return f;
}

bool call_has(const struct call *t, const struct frame *f, bool *ret_reply)
{
	for (int reply = 0; reply < 2; reply++) {
		struct frame own = call_frame(t, reply);

		if (own.family != f->family || own.proto != f->proto ||
		    own.sport != f->sport || own.dport != f->dport ||
		    memcmp(own.src, f->src, sizeof(own.src)) != 0 ||
		    memcmp(own.dst, f->dst, sizeof(own.dst)) != 0 ||
		    (protocol_is_icmp(t->proto) && own.reply != f->reply))
			continue;
		*ret_reply = reply;
		return true;
	}
	return false;
}

int call_send(const struct wire *w, const struct frame *f)
{
	uint8_t buf[FRAME_MAX];
	size_t n = frame_write(f, buf);

	return wire_write(w, buf, n);
}

/* Of the call that is held; one at a time. */
static int patience;

bool call_ready(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };
	int n;

	do {
		n = poll(&p, 1, patience);
	} while (n < 0 && errno == EINTR);
	return n > 0 && p.revents & (events | POLLERR | POLLHUP);
}

bool call_wait(const struct call *t, const struct wire *w, bool reply,
	       uint8_t must, struct frame *ret)
{
	uint8_t buf[2048];
	struct frame f;
	bool is_reply;
	ssize_t n;

	/* other packets leave by the same wire, but not without end */
	for (int i = 0; i < 64 && call_ready(w->fd, POLLIN); i++) {
		n = wire_read(w, buf, sizeof(buf));
		if (n <= 0 || !frame_read(buf, (size_t)n, &f) ||
		    !call_has(t, &f, &is_reply) || is_reply != reply ||
		    (f.flags & must) != must)
			continue;
		*ret = f;
		return true;
	}
	return false;
}

static socklen_t fill(const struct call *t, bool server, bool has_port,
		      struct sockaddr_storage *ret)
{
	const uint8_t *addr = server ? t->server : t->client;
	uint16_t port = htons(!has_port ? 0 : server ? t->sport : t->cport);
	struct sockaddr_in *v4 = (void *)ret;
	struct sockaddr_in6 *v6 = (void *)ret;

	memset(ret, 0, sizeof(*ret));
	ret->ss_family = t->family;
	if (t->family == AF_INET) {
		memcpy(&v4->sin_addr, addr, 4);
		v4->sin_port = port;
		return sizeof(*v4);
	}
	memcpy(&v6->sin6_addr, addr, 16);
	v6->sin6_port = port;
	return sizeof(*v6);
}

int call_socket(const struct call *t, int type, int proto, bool server)
{
	struct sockaddr_storage at;
	int on = 1, err;
	int fd = socket(t->family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, proto);
	socklen_t len = fill(t, server, type != SOCK_RAW, &at);

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (!bind(fd, (const void *)&at, len))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

void call_close(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

bool call_is_dropped(int err)
{
	return err == EPERM || err == EACCES || err == EHOSTUNREACH ||
	       err == ECONNREFUSED || err == ENETUNREACH;
}

int call_connect(const struct call *t, int fd)
{
	struct sockaddr_storage to;
	int type = SOCK_STREAM;
	socklen_t n = sizeof(type), len;

	getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n);
	len = fill(t, true, type != SOCK_RAW, &to);
	if (!connect(fd, (const void *)&to, len) || errno == EINPROGRESS ||
	    call_is_dropped(errno))
		return 0;
	return -errno;
}

int call_run(const struct call *t, bool *ret)
{
	bool through = t->way == WAY_THROUGH;

	/* As with `interfaces: [lo]`: there is no far end to call from. */
	if (((through || t->way == WAY_IN) && !t->in) ||
	    ((through || t->way == WAY_OUT) && !t->out))
		return -ENODEV;
	patience = t->patience;
	if (t->proto == IPPROTO_TCP)
		return call_tcp(t, ret);
	return t->proto == IPPROTO_UDP ? call_datagram(t, ret) :
					 call_raw(t, ret);
}
