/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/host.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/files.h"
#include "core/mem.h"

/* The most that such a file may hold */
#define SMALL 4096

int host_ephemeral_ports(struct port_range *ret)
{
	struct port_range p;
	_cleanup_free_ char *buf = NULL;
	char *tab;
	size_t len;
	int err = file_read("/proc/sys/net/ipv4/ip_local_port_range", SMALL,
			    &buf, &len);

	if (err)
		return err;
	buf[strcspn(buf, "\n")] = '\0';
	tab = strpbrk(buf, "\t ");
	if (!tab)
		return -EINVAL;
	*tab = '-';
	err = port_range_parse(buf, &p);
	if (!err)
		*ret = p;
	return err;
}

int host_memory(uint64_t *ret)
{
	long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);

	if (pages <= 0 || size <= 0)
		return -EINVAL;
	*ret = (uint64_t)pages * (uint64_t)size;
	return 0;
}

/* One decimal number, alone in a file. */
static int read_number(const char *path, unsigned long *ret)
{
	_cleanup_free_ char *buf = NULL;
	unsigned long n;
	size_t len;
	char *end;
	int err = file_read(path, SMALL, &buf, &len);

	if (err)
		return err;
	n = strtoul(buf, &end, 10);
	if (end == buf)
		return -EINVAL;
	*ret = n;
	return 0;
}

int host_tcp_timeout(uint32_t *ret)
{
	unsigned long n;
	int err = read_number(
		  "/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_established",
		  &n);

	if (!err && n > UINT32_MAX)
		err = -EINVAL;
	if (!err)
		*ret = (uint32_t)n;
	return err;
}

int host_conntrack_count(size_t *ret)
{
	unsigned long n;
	int err = read_number("/proc/sys/net/netfilter/nf_conntrack_count", &n);

	if (!err)
		*ret = n;
	return err;
}

bool host_forwards(void)
{
	static const char *const paths[] = {
		"/proc/sys/net/ipv4/ip_forward",
		"/proc/sys/net/ipv4/conf/all/forwarding",
		"/proc/sys/net/ipv6/conf/all/forwarding",
	};
	unsigned long n = 0;

	for (size_t i = 0; !n && i < ARRAY_SIZE(paths); i++)
		if (read_number(paths[i], &n))
			n = 0;
	return n != 0;
}

bool host_lacks_tables(void)
{
	return access("/proc/net/ip_tables_names", F_OK) ||
	       access("/proc/net/ip6_tables_names", F_OK);
}

int host_name(char **ret)
{
	struct utsname names;
	char *name;

	if (uname(&names))
		return -errno;
	name = strdup(names.nodename);
	if (!name)
		return -ENOMEM;
	*ret = name;
	return 0;
}

int host_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n;
	int err = 0;

	if (fd < 0)
		return -errno;
	n = write(fd, text, strlen(text));
	if (n < 0)
		err = -errno;
	else if ((size_t)n != strlen(text))
		err = -EIO;
	close(fd);
	return err;
}

/* Every user is whom he is outside. */
static int map_all(pid_t pid)
{
	static const char *const names[] = { "uid_map", "gid_map" };
	char path[64];
	int err = 0;

	for (size_t i = 0; !err && i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid,
			 names[i]);
		err = host_write(path, "0 0 4294967295");
	}
	return err;
}

/*
 * Rules may name any user, whom the kernel then looks up in the namespace. Only
 * a process that is still outside, with root's powers, may map them all. False:
 * nobody is mapped, and this process is in the namespace.
 */
static bool enter_with_all_users(int *ret_err)
{
	pid_t self = getpid(), helper;
	int status = 1, pipe_fd[2];
	char byte = 0;

	*ret_err = pipe2(pipe_fd, O_CLOEXEC) ? -errno : 0;
	if (*ret_err)
		return false;
	helper = fork();
	if (!helper) {
		close(pipe_fd[1]);
		_exit(read(pipe_fd[0], &byte, 1) != 1 || map_all(self));
	}
	close(pipe_fd[0]);
	if (unshare(CLONE_NEWUSER))
		*ret_err = -errno;
	else if (helper > 0)
		(void)!write(pipe_fd[1], &byte, 1);
	close(pipe_fd[1]);
	while (helper > 0 && waitpid(helper, &status, 0) < 0 && errno == EINTR)
		;
	return !*ret_err && !status;
}

int host_enter_private_netns(void)
{
	unsigned int uid = geteuid(), gid = getegid();
	char map[32];
	int err;

	if (enter_with_all_users(&err))
		return unshare(CLONE_NEWNET) ? -errno : 0;
	/* Fails in a chroot, say; for root a network namespace will do. */
	if (err)
		return unshare(CLONE_NEWNET) ? err : 0;
	/* Source: user_namespaces(7): setgroups goes first. */
	err = host_write("/proc/self/setgroups", "deny");
	if (err && err != -ENOENT)
		return err;
	snprintf(map, sizeof(map), "0 %u 1", uid);
	err = host_write("/proc/self/uid_map", map);
	if (err)
		return err;
	snprintf(map, sizeof(map), "0 %u 1", gid);
	err = host_write("/proc/self/gid_map", map);
	if (err)
		return err;
	/* Made as its root, or files in /proc/net would have no owner here. */
	return unshare(CLONE_NEWNET) ? -errno : 0;
}
