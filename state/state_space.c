/* SPDX-License-Identifier: GPL-2.0-or-later */
/* state/state_space.c: which boot and network namespace this is. */
#include <stdbool.h>

#include "state/state_space.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/files.h"
#include "core/mem.h"
#include "state/state_file.h"

#define BOOT_LEN 36		/* of a UUID */
#define MAIN "main"

static int read_boot(char *ret)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int err = file_read("/proc/sys/kernel/random/boot_id", 4 * BOOT_LEN,
			    &text, &len);

	if (err)
		return err;
	if (len < BOOT_LEN)
		return -EIO;
	memcpy(ret, text, BOOT_LEN);
	ret[BOOT_LEN] = '\0';
	return 0;
}

/* Kernels before 5.14 have no cookie: the inode serves, if less strictly. */
static int read_cookie(const struct stat *ns, char *ret, size_t size)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0);
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);
	int err = 0;

	if (fd < 0)
		return -errno;
	if (!getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &len))
		snprintf(ret, size, "%" PRIu64, cookie);
	else if (errno == ENOPROTOOPT)
		snprintf(ret, size, "i%" PRIu64, (uint64_t)ns->st_ino);
	else
		err = -errno;
	close(fd);
	return err;
}

/*
 * Each namespace has files of its own under /proc/PID/net, and whoever may
 * see process 1 may look at them; /proc/1/ns/net would take CAP_SYS_PTRACE,
 * which is given up early.
 */
static bool is_main(void)
{
	struct stat first, own;

	return !stat("/proc/1/net/dev", &first) &&
	       !stat("/proc/self/net/dev", &own) &&
	       first.st_dev == own.st_dev && first.st_ino == own.st_ino;
}

int space_read(struct space *ret)
{
	char boot[BOOT_LEN + 1], cookie[24];
	struct stat ns;
	int err;

	if (stat("/proc/self/ns/net", &ns))
		return -errno;
	err = read_boot(boot);
	if (!err)
		err = read_cookie(&ns, cookie, sizeof(cookie));
	if (err)
		return err;
	snprintf(ret->id, sizeof(ret->id), "%s-%s", boot, cookie);
	memcpy(ret->folder, ret->id, sizeof(ret->id));
	if (is_main())
		memcpy(ret->folder, MAIN, sizeof(MAIN));
	return 0;
}

bool space_is_main(const struct space *s)
{
	return !strcmp(s->folder, MAIN);
}

/* "UUID-COOKIE", as space_read() makes them, and nothing else. */
static bool is_space(const char *folder)
{
	static const char pattern[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx-";
	const char *cookie;

	for (size_t i = 0; pattern[i]; i++)
		if (pattern[i] == '-' ? folder[i] != '-' :
		    !folder[i] || !strchr("0123456789abcdef", folder[i]))
			return false;
	cookie = folder + sizeof(pattern) - 1;
	cookie += *cookie == 'i';
	return *cookie && !cookie[strspn(cookie, "0123456789")];
}

bool space_is_past(const struct space *now, const char *folder)
{
	return is_space(folder) && memcmp(folder, now->id, BOOT_LEN) != 0;
}
