/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/bench/flows.c: what a packet of one of many flows, the first packet of
 * a flow, and a connection cost, all their way.
 *
 * usage: flows ROUNDS MILLISECONDS FLOWS RUN...
 * A RUN is KIND,NETNS,NETNS,ADDRESS,PORT,FIRST: who calls, who is called, and
 * where. KIND is
 *   many  a datagram of udp from each of FLOWS addresses in turn, FIRST and
 *         those behind it; all have been answered before
 *   new   a datagram of udp each from an address behind these, not seen yet
 *   tcp   a connection, opened, accepted and closed by both ends (FIRST: any)
 * All of them are measured in turns, as talker.c does it, ROUNDS times for
 * MILLISECONDS. Printed are the nanoseconds of one of each, a line each, or 0
 * for those of which one did not arrive. The caller's namespace has to take all
 * these addresses for its own ("ip route add local").
 *
 * Source: ip(7) IP_PKTINFO, ipv6(7) IPV6_PKTINFO, sendmmsg(2), setns(2).
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/timing.h"

#define PORT 40005

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

struct run {
	char kind;		/* m, n, t */
	char failed;
	int caller, called;	/* namespaces */
	int from, to;		/* sockets; from -1: one a connection */
	union address callee, first;
	socklen_t len;
	unsigned int next;	/* whose turn it is, counted from FIRST */
	double got[ROUNDS_MAX];
};

/* Datagrams whose source is named in each. */
struct letters {
	struct mmsghdr m[BURST];
	struct iovec iov;
	union address to[BURST];
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(struct in6_pktinfo))];
	} control[BURST];
	char payload[32];
};

static int die(const char *what)
{
	perror(what);
	exit(1);
}

static int space(const char *name)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? die(path) : fd;
}

static socklen_t fill(union address *a, const char *text, unsigned short port)
{
	memset(a, 0, sizeof(*a));
	if (inet_pton(AF_INET6, text, &a->v6.sin6_addr) == 1) {
		a->v6.sin6_family = AF_INET6;
		a->v6.sin6_port = htons(port);
		return sizeof(a->v6);
	}
	memset(a, 0, sizeof(*a));
	inet_pton(AF_INET, text, &a->v4.sin_addr);
	a->v4.sin_family = AF_INET;
	a->v4.sin_port = htons(port);
	return sizeof(a->v4);
}

static int open_at(int ns, int family, int type, unsigned short port)
{
	const struct timeval patience = { .tv_sec = 3 };
	const int yes = 1;
	union address a;
	socklen_t len = fill(&a, family == AF_INET6 ? "::" : "0.0.0.0", port);
	int fd;

	if (setns(ns, CLONE_NEWNET) < 0)
		die("setns");
	fd = socket(family, type | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &yes, sizeof(yes));
	if (fd < 0 || bind(fd, &a.any, len) < 0)
		die("bind");
	return fd;
}

/* Runs have the port in turns, too. */
static void sit_down(struct run *r)
{
	const int family = r->callee.any.sa_family;

	r->to = open_at(r->called, family,
			r->kind == 't' ? SOCK_STREAM : SOCK_DGRAM,
			ntohs(r->callee.v4.sin_port));
	if (r->kind == 't')
		listen(r->to, 8);
	else
		r->from = open_at(r->caller, family, SOCK_DGRAM, PORT);
	if (setns(r->caller, CLONE_NEWNET) < 0)
		die("setns");
}

static void leave(struct run *r)
{
	close(r->to);
	if (r->kind != 't')
		close(r->from);
}

/* The nth source of that run, in what says so beside a datagram. */
static void sign(struct msghdr *m, const union address *first, unsigned int n)
{
	struct cmsghdr *c = m->msg_control;
	struct in6_pktinfo six = { .ipi6_ifindex = 0 };
	struct in_pktinfo four = { .ipi_ifindex = 0 };
	uint32_t last;

	if (first->any.sa_family == AF_INET) {
		four.ipi_spec_dst.s_addr =
			htonl(ntohl(first->v4.sin_addr.s_addr) + n);
		*c = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(four)),
				       .cmsg_level = IPPROTO_IP,
				       .cmsg_type = IP_PKTINFO };
		memcpy(CMSG_DATA(c), &four, sizeof(four));
		m->msg_controllen = CMSG_SPACE(sizeof(four));
		return;
	}
	six.ipi6_addr = first->v6.sin6_addr;
	memcpy(&last, &six.ipi6_addr.s6_addr[12], 4);
	last = htonl(ntohl(last) + n);
	memcpy(&six.ipi6_addr.s6_addr[12], &last, 4);
	*c = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(six)),
			       .cmsg_level = IPPROTO_IPV6,
			       .cmsg_type = IPV6_PKTINFO };
	memcpy(CMSG_DATA(c), &six, sizeof(six));
	m->msg_controllen = CMSG_SPACE(sizeof(six));
}

static void address(struct letters *l, const struct run *r)
{
	memset(l, 0, sizeof(*l));
	l->iov = (struct iovec){ l->payload, sizeof(l->payload) };
	for (int i = 0; i < BURST; i++) {
		l->to[i] = r->callee;
		l->m[i].msg_hdr = (struct msghdr){
			.msg_name = &l->to[i], .msg_namelen = r->len,
			.msg_iov = &l->iov, .msg_iovlen = 1,
			.msg_control = &l->control[i] };
	}
}

/* Takes a burst out; l: who sent it, NULL: nobody asks. Returns 0 for all. */
static int take(int fd, struct letters *l)
{
	struct letters unasked;

	if (!l)
		l = &unasked;
	memset(l, 0, sizeof(*l));
	l->iov = (struct iovec){ l->payload, sizeof(l->payload) };
	for (int i = 0; i < BURST; i++)
		l->m[i].msg_hdr = (struct msghdr){
			.msg_name = &l->to[i], .msg_namelen = sizeof(l->to[i]),
			.msg_iov = &l->iov, .msg_iovlen = 1 };
	return recvmmsg(fd, l->m, BURST, 0, NULL) == BURST ? 0 : -1;
}

/* The nanoseconds of one; -1 where one did not arrive. */
static double send_burst(struct run *r, struct letters *l, unsigned int flows)
{
	double before;

	for (int i = 0; i < BURST; i++, r->next++) {
		if (r->kind == 'm' && r->next >= flows)
			r->next = 0;
		sign(&l->m[i].msg_hdr, &r->first, r->next);
	}
	before = now();
	if (sendmmsg(r->from, l->m, BURST, 0) != BURST)
		return -1;
	return (now() - before) / BURST;
}

/* As often as there are flows, so that each has been answered. */
static void acquaint(struct run *r, unsigned int flows)
{
	struct letters requests, answers;

	sit_down(r);
	address(&requests, r);
	for (unsigned int n = 0; n < flows && !r->failed; n += BURST)
		if (send_burst(r, &requests, flows) < 0 ||
		    take(r->to, &answers) ||
		    sendmmsg(r->to, answers.m, BURST, 0) != BURST ||
		    take(r->from, NULL))
			r->failed = 1;
	leave(r);
}

/* Opened by the caller, and closed by it first. */
static double connect_once(const struct run *r)
{
	const double before = now();
	const int family = r->callee.any.sa_family;
	int from = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int to = -1, closed = 0;
	char c;

	if (!connect(from, &r->callee.any, r->len))
		to = accept(r->to, NULL, NULL);
	close(from);
	if (to >= 0) {
		closed = !recv(to, &c, 1, 0);
		close(to);
	}
	return closed ? now() - before : -1;
}

static void begin(struct run *r, char *text, unsigned int flows)
{
	char *word[6] = { NULL };

	for (int i = 0; i < 6; i++)
		word[i] = strsep(&text, ",");
	if (!word[5] || text) {
		fprintf(stderr, "flows: not a run\n");
		exit(64);
	}
	r->kind = word[0][0];
	r->caller = space(word[1]);
	r->called = space(word[2]);
	r->len = fill(&r->callee, word[3],
		      (unsigned short)strtoul(word[4], NULL, 10));
	fill(&r->first, word[5], 0);
	if (r->kind == 'm')
		acquaint(r, flows);
	else
		r->next = flows;
}

/* The median nanoseconds of one, for as long; 0 where one did not arrive. */
static double run_for(struct run *r, double ns, unsigned int flows)
{
	static double took[SAMPLES];
	static struct letters l;
	const double end = now() + ns;
	size_t n = 0;

	sit_down(r);
	address(&l, r);
	while (!r->failed && n < SAMPLES && (!n || now() < end)) {
		took[n] = r->kind == 't' ? connect_once(r)
					 : send_burst(r, &l, flows);
		if (took[n++] < 0 || (r->kind != 't' && take(r->to, NULL)))
			r->failed = 1;
	}
	leave(r);
	return r->failed ? 0 : median(took, n);
}

int main(int argc, char **argv)
{
	int rounds = argc > 4 ? (int)strtol(argv[1], NULL, 10) : 0;
	size_t n = argc > 4 ? (size_t)argc - 4 : 0;
	struct run *runs;
	unsigned int flows;
	cpu_set_t cpu;

	if (rounds < 1 || rounds > ROUNDS_MAX) {
		fprintf(stderr, "usage: flows ROUNDS MILLISECONDS FLOWS "
			"RUN...\n");
		return 64;
	}
	flows = (unsigned int)strtoul(argv[3], NULL, 10);
	CPU_ZERO(&cpu);
	CPU_SET(sched_getcpu(), &cpu);
	sched_setaffinity(0, sizeof(cpu), &cpu);
	runs = calloc(n, sizeof(*runs));
	if (!runs)
		return 1;
	for (size_t i = 0; i < n; i++)
		begin(&runs[i], argv[4 + i], flows);
	for (int k = 0; k < rounds; k++)
		for (size_t i = 0; i < n; i++)
			runs[i].got[k] = run_for(&runs[i],
				strtod(argv[2], NULL) * 1e6, flows);
	for (size_t i = 0; i < n; i++)
		printf("%.1f %u\n", runs[i].failed ? 0 :
		       undisturbed(runs[i].got, (size_t)rounds), runs[i].next);
	free(runs);
	return 0;
}
