/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/lock_holder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "core/mem.h"

/* "1: FLOCK  ADVISORY  WRITE 1234 fe:00:5678 0 EOF"; the device is in hex. */
static pid_t holder_in(const char *line, const struct stat *file)
{
	unsigned long major_no, minor_no, inode;
	const char *at = strstr(line, " FLOCK ");
	char *end;
	long pid;

	at = at ? strpbrk(at, "0123456789") : NULL;
	if (!at || strstr(line, "->"))
		return 0;
	pid = strtol(at, &end, 10);
	major_no = strtoul(end, &end, 16);
	if (*end++ != ':')
		return 0;
	minor_no = strtoul(end, &end, 16);
	if (*end++ != ':')
		return 0;
	inode = strtoul(end, NULL, 10);
	if (major_no != major(file->st_dev) ||
	    minor_no != minor(file->st_dev) ||
	    inode != file->st_ino || pid < 0)
		return 0;
	return (pid_t)pid;
}

pid_t lock_holder(int fd)
{
	_cleanup_free_ char *line = NULL;
	struct stat file;
	size_t cap = 0;
	pid_t pid = 0;
	FILE *f;

	if (fstat(fd, &file))
		return 0;
	f = fopen("/proc/locks", "re");
	if (!f)
		return 0;
	while (!pid && getline(&line, &cap, f) > 0)
		pid = holder_in(line, &file);
	fclose(f);
	return pid;
}
