/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/bench/measure.c: run a command in a network namespace; say what it
 * took: "exit-code seconds seconds-of-processor peak-KiB".
 *
 * A program of its own, because peak memory survives exec: a child of
 * Python would start with Python's.
 *
 * Source: wait4(2), setns(2).
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

int main(int argc, char **argv)
{
	struct rusage use;
	double began;
	int ns, status;
	pid_t child;

	ns = argc > 2 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
	if (ns < 0 || setns(ns, CLONE_NEWNET) < 0) {
		fprintf(stderr, "usage: measure NETNS COMMAND...\n");
		return 64;
	}
	began = now();
	child = fork();
	if (child == 0) {
		dup2(2, 1);
		execvp(argv[2], argv + 2);
		fprintf(stderr, "%s: %s\n", argv[2], strerror(errno));
		_exit(127);
	}
	if (child < 0 || wait4(child, &status, 0, &use) != child)
		return 1;
	printf("%d %.6f %.6f %ld\n",
	       WIFEXITED(status) ? WEXITSTATUS(status) : -1, now() - began,
	       seconds(use.ru_utime) + seconds(use.ru_stime), use.ru_maxrss);
	return 0;
}
