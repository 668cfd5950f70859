/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/send_room.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/netlink.h"

/* A limit and no memory; the kernel doubles it, and counts with an int. */
#define ROOM (1 << 29)

static int keeper = -1;

union one_fd {
	char buf[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

static struct msghdr message(union one_fd *c, struct iovec *v)
{
	return (struct msghdr){ .msg_iov = v, .msg_iovlen = 1,
				.msg_control = c->buf,
				.msg_controllen = sizeof(c->buf) };
}

static bool send_fd(int to, int fd)
{
	char byte = 0;
	struct iovec v = { &byte, 1 };
	union one_fd c = { 0 };
	struct msghdr m = message(&c, &v);
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);

	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(h), &fd, sizeof(fd));
	return sendmsg(to, &m, MSG_NOSIGNAL) == 1;
}

/* -1: whoever sends has ended. */
static int take_fd(int from)
{
	char byte;
	struct iovec v = { &byte, 1 };
	union one_fd c = { 0 };
	struct msghdr m = message(&c, &v);
	struct cmsghdr *h;
	int fd = -1;

	if (recvmsg(from, &m, MSG_CMSG_CLOEXEC) != 1)
		return -1;
	h = CMSG_FIRSTHDR(&m);
	if (h && h->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(h), sizeof(fd));
	return fd;
}

static _Noreturn void keep(int at, pid_t parent)
{
	char done = 0;
	int fd;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (getppid() == parent && (fd = take_fd(at)) >= 0) {
		netlink_send_room(fd, ROOM);
		close(fd);
		(void)send(at, &done, 1, MSG_NOSIGNAL);
	}
	_exit(0);
}

void send_room_keep(void)
{
	pid_t parent = getpid(), pid;
	int fd[2];

	if (keeper >= 0 || geteuid() ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd))
		return;
	pid = fork();
	if (!pid) {
		close(fd[0]);
		keep(fd[1], parent);
	}
	close(fd[1]);
	if (pid > 0)
		keeper = fd[0];
	else
		close(fd[0]);
}

void send_room_lift(int fd)
{
	char done;

	netlink_send_room(fd, ROOM);
	if (keeper >= 0 && send_fd(keeper, fd))
		while (recv(keeper, &done, 1, 0) < 0 && errno == EINTR)
			;
}
