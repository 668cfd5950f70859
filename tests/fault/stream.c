/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/fault/stream.c: one end of numbered UDP packets: stream echo ADDRESS
 * PORT, or stream send ADDRESS PORT PACKETS-A-SECOND, which ends at the end of
 * its standard input and prints how many it sent and how many never came back.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PACKETS_MAX (64u << 20)
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
	struct sockaddr_storage who;
	char buf[2048];

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
	uint32_t sent = 0, refused = 0, came = 0;
	double began = now(), end;

	for (; sent < PACKETS_MAX && !is_over(); take(fd, &came)) {
		double due = (now() - began) * rate;

		/* Late by much: the pace is lost, nothing is made up for. */
		if (due - sent > rate / 10)
			began += (due - sent) / rate;
		if (due <= sent) {
			usleep(50);
			continue;
		}
		if (send(fd, &sent, sizeof(sent), 0) < 0)
			refused++;
		sent++;
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
	if (argc > 4)
		return send_all(fd, atof(argv[4]));
	echo(fd);
}
