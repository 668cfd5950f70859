/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/bench/sender.c: what one UDP packet costs, all of its way.
 *
 * Sends to each TARGET in turn, ROUNDS times, for MILLISECONDS each, and
 * prints the best nanoseconds per packet of each target, a line each. Over a
 * veth pair the receiver's half runs on the sender's core, within the send;
 * so a rule that the packet meets there shows up here.
 *
 * Source: sendmmsg(2), sched_setaffinity(2).
 */
#include <arpa/inet.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BURST 32

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Nanoseconds a packet, or a negative number. */
static double send_for(int fd, double ns)
{
	static char payload[32];
	struct iovec iov = { payload, sizeof(payload) };
	struct mmsghdr burst[BURST];
	double began, spent;
	unsigned long n = 0;

	memset(burst, 0, sizeof(burst));
	for (int i = 0; i < BURST; i++) {
		burst[i].msg_hdr.msg_iov = &iov;
		burst[i].msg_hdr.msg_iovlen = 1;
	}
	began = now();
	do {
		int sent = sendmmsg(fd, burst, BURST, 0);

		if (sent < 0)
			return -1;
		n += (unsigned long)sent;
		spent = now() - began;
	} while (spent < ns);
	return spent / (double)n;
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

int main(int argc, char **argv)
{
	int n = argc - 4, rounds, *fds;
	double *best, ms;
	cpu_set_t cpu;

	if (n < 1) {
		fprintf(stderr, "usage: sender ROUNDS MILLISECONDS PORT "
			"TARGET...\n");
		return 64;
	}
	rounds = (int)strtol(argv[1], NULL, 10);
	ms = strtod(argv[2], NULL);
	CPU_ZERO(&cpu);
	CPU_SET(sched_getcpu(), &cpu);
	sched_setaffinity(0, sizeof(cpu), &cpu);
	fds = calloc((size_t)n, sizeof(*fds));
	best = calloc((size_t)n, sizeof(*best));
	if (!fds || !best)
		return 1;
	for (int i = 0; i < n; i++)
		fds[i] = dial(argv[4 + i],
			      (unsigned short)strtoul(argv[3], NULL, 10));
	for (int r = 0; r < rounds; r++)
		for (int i = 0; i < n; i++) {
			double ns = send_for(fds[i], ms * 1e6);

			if (ns > 0 && (best[i] == 0 || ns < best[i]))
				best[i] = ns;
		}
	for (int i = 0; i < n; i++)
		printf("%s %.1f\n", argv[4 + i], best[i]);
	free(fds);
	free(best);
	return 0;
}
