/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/bench/talker.c: what one packet of a conversation costs, all its way.
 *
 * usage: talker ROUNDS MILLISECONDS TALK...
 * A TALK is DIRECTION,PROTOCOL,NETNS,PORT,NETNS,ADDRESS,PORT: who calls, from
 * which port (0: any), and who is called. Both ends are here, and both have
 * spoken before anything is measured, so that conntrack calls it established.
 * DIRECTION is `>` (packets of the caller) or `<`. Bursts are sent in each talk
 * in turn, ROUNDS times for MILLISECONDS; printed are the nanoseconds a packet
 * of each, a line each, in the rounds that were disturbed least, or 0 for one
 * that did not come about.
 *
 * All of it runs on one processor: what a packet meets on its way is done
 * within the send. Medians and the choice of rounds bear with other programs,
 * the turns with a machine whose speed changes.
 *
 * Source: sendmmsg(2), setns(2), sched_setaffinity(2).
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/timing.h"

struct talk {
	char back, tcp;
	int from, to;		/* sockets; -1: it did not come about */
	double got[ROUNDS_MAX];
};

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static void enter(const char *ns)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", ns);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0) {
		perror(path);
		exit(1);
	}
	close(fd);
}

static socklen_t fill(union address *a, const char *text, const char *port)
{
	unsigned short n = htons((unsigned short)strtoul(port, NULL, 10));

	memset(a, 0, sizeof(*a));
	if (strchr(text, ':')) {
		a->v6.sin6_family = AF_INET6;
		a->v6.sin6_port = n;
		inet_pton(AF_INET6, text, &a->v6.sin6_addr);
		return sizeof(a->v6);
	}
	a->v4.sin_family = AF_INET;
	a->v4.sin_port = n;
	inet_pton(AF_INET, text, &a->v4.sin_addr);
	return sizeof(a->v4);
}

/* A socket in that namespace, at that port of any address. */
static int open_at(const char *ns, const char *like, const char *port, int tcp)
{
	const struct timeval patience = { .tv_sec = 3 };
	const int yes = 1, little = 2048;
	union address a;
	socklen_t len = fill(&a, strchr(like, ':') ? "::" : "0.0.0.0", port);
	int fd;

	enter(ns);
	fd = socket(a.any.sa_family,
		    (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (tcp)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	else
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &little, sizeof(little));
	if (fd < 0 || bind(fd, &a.any, len) < 0) {
		perror(ns);
		exit(1);
	}
	return fd;
}

static int meet(struct talk *t, const union address *to, socklen_t len)
{
	union address a;
	int listener = t->to;

	if (t->tcp) {
		if (listen(listener, 1) < 0 || connect(t->from, &to->any, len))
			return -1;
		t->to = accept(listener, NULL, NULL);
		close(listener);
		return t->to < 0 ? -1 : 0;
	}
	if (connect(t->from, &to->any, len) ||
	    getsockname(t->from, &a.any, &len))
		return -1;
	return connect(t->to, &a.any, len);
}

static int speak(int from, int to)
{
	char c = 0;

	return send(from, &c, 1, 0) == 1 && recv(to, &c, 1, 0) == 1 ? 0 : -1;
}

static void begin(struct talk *t, char *text)
{
	const char *word[7] = { NULL };
	union address to;
	socklen_t len;

	for (int i = 0; i < 7; i++)
		word[i] = strsep(&text, ",");
	if (!word[6] || text) {
		fprintf(stderr, "talker: not a talk\n");
		exit(64);
	}
	t->back = word[0][0] == '<';
	t->tcp = !strcmp(word[1], "tcp");
	t->to = open_at(word[4], word[5], word[6], t->tcp);
	t->from = open_at(word[2], word[5], word[3], t->tcp);
	len = fill(&to, word[5], word[6]);
	if (meet(t, &to, len) || speak(t->from, t->to) ||
	    speak(t->to, t->from)) {
		close(t->from);
		t->from = -1;
	}
}

/* Of tcp, what is sent is a packet each, and is taken out at once. */
static int send_burst(int from, int to, int tcp)
{
	static char payload[32], sink[BURST * sizeof(payload)];
	struct iovec iov = { payload, sizeof(payload) };
	struct mmsghdr burst[BURST];

	memset(burst, 0, sizeof(burst));
	for (int i = 0; i < BURST; i++) {
		burst[i].msg_hdr.msg_iov = &iov;
		burst[i].msg_hdr.msg_iovlen = 1;
	}
	for (int i = 0; tcp && i < BURST; i++)
		if (send(from, payload, sizeof(payload), 0) < 0)
			return -1;
	if (!tcp && sendmmsg(from, burst, BURST, 0) != BURST)
		return -1;
	return tcp && recv(to, sink, sizeof(sink), MSG_WAITALL) < 0 ? -1 : 0;
}

/* The median nanoseconds a packet, 0 where nothing was sent. */
static double send_for(const struct talk *t, double ns)
{
	static double took[SAMPLES];
	int from = t->back ? t->to : t->from, to = t->back ? t->from : t->to;
	double began = now(), before, after = began;
	size_t n = 0;

	if (t->from < 0)
		return 0;
	while (after - began < ns && n < SAMPLES) {
		before = after;
		if (send_burst(from, to, t->tcp))
			return 0;
		after = now();
		took[n++] = (after - before) / BURST;
	}
	return median(took, n);
}

int main(int argc, char **argv)
{
	int rounds = argc > 3 ? (int)strtol(argv[1], NULL, 10) : 0;
	int n = argc - 3;
	struct talk *talks;
	cpu_set_t cpu;

	if (rounds < 1 || rounds > ROUNDS_MAX) {
		fprintf(stderr, "usage: talker ROUNDS MILLISECONDS TALK...\n");
		return 64;
	}
	CPU_ZERO(&cpu);
	CPU_SET(sched_getcpu(), &cpu);
	sched_setaffinity(0, sizeof(cpu), &cpu);
	talks = calloc((size_t)n, sizeof(*talks));
	if (!talks)
		return 1;
	for (int i = 0; i < n; i++)
		begin(&talks[i], argv[3 + i]);
	for (int k = 0; k < rounds; k++)
		for (int i = 0; i < n; i++)
			talks[i].got[k] = send_for(&talks[i],
						   strtod(argv[2], NULL) * 1e6);
	for (int i = 0; i < n; i++)
		printf("%.1f\n", undisturbed(talks[i].got, (size_t)rounds));
	free(talks);
	return 0;
}
