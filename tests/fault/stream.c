/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/fault/stream.c: one end of numbered UDP packets: stream echo ADDRESS
 * PORT, or stream send ADDRESS PORT PACKETS-A-SECOND, which ends at the end of
 * its standard input and prints how many it sent and how many never came back.
 * The echo answers ahead of everything else on a busy machine, and no more than
 * WINDOW packets are on their way at a time but for one in each GIVEN_UP
 * seconds without an answer: what a change costs is not the machine's load.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PACKETS_MAX (64u << 20)
#define WINDOW 2u	/* as test_stream.py knows it */
#define GIVEN_UP .005
static uint8_t back[PACKETS_MAX / 8];

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int open_end(const char *host, const char *port, int serve)
{
	struct addrinfo how = { .ai_socktype = SOCK_DGRAM,
				.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV };
	struct addrinfo *a;
	int room = 8 << 20, fd;

	if (getaddrinfo(host, port, &how, &a))
		return -1;
	fd = socket(a->ai_family, SOCK_DGRAM, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
	if (serve ? bind(fd, a->ai_addr, a->ai_addrlen) :
		    connect(fd, a->ai_addr, a->ai_addrlen)) {
		perror("stream");
		close(fd);
		fd = -1;
	}
	freeaddrinfo(a);
	return fd;
}

static void echo(int fd)
{
	struct sched_param first = { .sched_priority = 1 };
	struct sockaddr_storage who;
	char buf[2048];

	sched_setscheduler(0, SCHED_FIFO, &first);	/* if it may */
	for (;;) {
		socklen_t len = sizeof(who);
		ssize_t n = recvfrom(fd, buf, sizeof(buf), 0,
				     (struct sockaddr *)&who, &len);

		if (n > 0)
			sendto(fd, buf, (size_t)n, 0, (struct sockaddr *)&who,
			       len);
	}
}

static void take(int fd, uint32_t *came)
{
	uint32_t number;

	while (recv(fd, &number, sizeof(number), MSG_DONTWAIT) ==
	       sizeof(number))
		if (number < PACKETS_MAX &&
		    !(back[number / 8] & 1u << number % 8)) {
			back[number / 8] |= (uint8_t)(1u << number % 8);
			++*came;
		}
}

static int is_over(void)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };

	return poll(&in, 1, 0) > 0;
}

static int send_all(int fd, double rate)
{
	uint32_t sent = 0, refused = 0, came = 0, missed = 0;
	double last = now(), end;

	for (; sent < PACKETS_MAX && !is_over(); take(fd, &came)) {
		double since = now() - last;

		if (since < 1 / rate) {
			usleep(50);
			continue;
		}
		if (missed > sent - came)
			missed = sent - came;	/* late, but not lost */
		if (sent - came >= missed + WINDOW) {
			if (since > GIVEN_UP)
				missed++;
			else
				usleep(50);
			continue;
		}
		if (send(fd, &sent, sizeof(sent), 0) < 0)
			refused++;
		sent++;
		last = now();
	}
	for (end = now() + 1; now() < end && came < sent; take(fd, &came))
		usleep(1000);
	printf("%u %u %u\n", sent, sent - came, refused);
	return 0;
}

int main(int argc, char **argv)
{
	int fd = argc > 3 ? open_end(argv[2], argv[3],
				     !strcmp(argv[1], "echo")) : -1;

	if (fd < 0)
		return 1;
	prctl(PR_SET_PDEATHSIG, SIGKILL);	/* not to outlive the test */
	if (argc > 4)
		return send_all(fd, atof(argv[4]));
	echo(fd);
}
