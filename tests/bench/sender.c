/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/bench/sender.c: what one UDP packet costs, all of its way.
 *
 * Sends bursts to each TARGET in turn, ROUNDS times, for MILLISECONDS each,
 * and prints the median nanoseconds per packet of each target, a line each.
 * Over a veth pair the receiver's half runs on the sender's core, within the
 * send; so a rule that the packet meets there shows up here. The median bears
 * with other programs: with bursts that were interrupted, and with those whose
 * receiving half was put off.
 *
 * Source: sendmmsg(2), sched_setaffinity(2).
 */
#include <arpa/inet.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/timing.h"

/* The median nanoseconds a packet, 0 where nothing was sent. */
static double send_for(int fd, double ns)
{
	static char payload[32];
	static double took[SAMPLES];
	struct iovec iov = { payload, sizeof(payload) };
	struct mmsghdr burst[BURST];
	double began = now(), before, after = began;
	size_t n = 0;

	memset(burst, 0, sizeof(burst));
	for (int i = 0; i < BURST; i++) {
		burst[i].msg_hdr.msg_iov = &iov;
		burst[i].msg_hdr.msg_iovlen = 1;
	}
	while (after - began < ns && n < SAMPLES) {
		before = after;
		if (sendmmsg(fd, burst, BURST, 0) != BURST)
			return 0;
		after = now();
		took[n++] = (after - before) / BURST;
	}
	return median(took, n);
}

static int dial(const char *address, unsigned short port)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || inet_pton(AF_INET, address, &to.sin_addr) != 1 ||
	    connect(fd, (void *)&to, sizeof(to)) < 0) {
		perror(address);
		exit(1);
	}
	return fd;
}

static void send_all(char **target, int n, int rounds, double ns,
		     unsigned short port)
{
	double (*got)[ROUNDS_MAX] = calloc((size_t)n, sizeof(*got));
	int *fds = calloc((size_t)n, sizeof(*fds));

	if (!got || !fds)
		exit(1);
	for (int i = 0; i < n; i++)
		fds[i] = dial(target[i], port);
	for (int err = 0; err < rounds; err++)
		for (int i = 0; i < n; i++)
			got[i][err] = send_for(fds[i], ns);
	for (int i = 0; i < n; i++)
		printf("%s %.1f\n", target[i],
		       median(got[i], (size_t)rounds));
	free(got);
	free(fds);
}

int main(int argc, char **argv)
{
	int rounds = argc > 4 ? (int)strtol(argv[1], NULL, 10) : 0;
	cpu_set_t cpu;

	if (rounds < 1 || rounds > ROUNDS_MAX) {
		fprintf(stderr, "usage: sender ROUNDS MILLISECONDS PORT "
			"TARGET...\n");
		return 64;
	}
	CPU_ZERO(&cpu);
	CPU_SET(sched_getcpu(), &cpu);
	sched_setaffinity(0, sizeof(cpu), &cpu);
	send_all(argv + 4, argc - 4, rounds, strtod(argv[2], NULL) * 1e6,
		 (unsigned short)strtoul(argv[3], NULL, 10));
	return 0;
}
