/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/author.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/files.h"
#include "core/mem.h"

#define SMALL_MAX 65536
#define PASSWD_MAX (16u << 20)
#define UID_UNSET UINT32_MAX
#define TTY_FIELD 7		/* of /proc/PID/stat, from 1 */

/* NULL: it cannot be read. */
static int read_file(int root, const char *path, size_t max, char **ret)
{
	int fd = openat(root, path, O_RDONLY | O_CLOEXEC), err;
	size_t len;

	*ret = NULL;
	if (fd < 0)
		return 0;
	err = fd_read(fd, max, ret, &len);
	close(fd);
	return err == -ENOMEM ? err : 0;
}

/* "1000", and what may follow a number; UID_UNSET: it is none. */
static uid_t get_uid(const char *s, char end)
{
	size_t n = strspn(s, "0123456789");
	uint64_t v;

	if (!n || n > 10 || (s[n] != end && s[n]))
		return UID_UNSET;
	v = strtoull(s, NULL, 10);
	return v < UID_UNSET ? (uid_t)v : UID_UNSET;
}

/* "name:x:1000:...": its length if the line is that user's, else 0. */
static size_t name_length(const char *line, uid_t uid)
{
	size_t n = strcspn(line, ":\n"), skip;
	const char *rest = line + n;

	if (!n || *rest != ':' || *line == '#')
		return 0;
	skip = strcspn(++rest, ":\n");
	if (rest[skip] != ':' || get_uid(rest + skip + 1, ':') != uid)
		return 0;
	return n;
}

static int name_user(int root, uid_t uid, char **ret)
{
	_cleanup_free_ char *text = NULL;
	char number[16];
	int err = read_file(root, "etc/passwd", PASSWD_MAX, &text);

	if (err)
		return err;
	for (const char *line = text; line && *line;) {
		size_t n = name_length(line, uid);

		if (n) {
			*ret = strndup(line, n);
			return *ret ? 0 : -ENOMEM;
		}
		line = strchr(line, '\n');
		line += line ? 1 : 0;
	}
	snprintf(number, sizeof(number), "%u", uid);
	*ret = strdup(number);
	return *ret ? 0 : -ENOMEM;
}

static int find_user(int root, const char *sudo_uid, uid_t own,
		     struct author *a)
{
	_cleanup_free_ char *text = NULL;
	int err = read_file(root, "proc/self/loginuid", SMALL_MAX, &text);
	uid_t login = text ? get_uid(text, '\n') : UID_UNSET;

	if (err)
		return err;
	if (login != UID_UNSET && sudo_uid && get_uid(sudo_uid, '\0') == login)
		a->via = "sudo";
	return name_user(root, login != UID_UNSET ? login : own, &a->user);
}

/* The number of the terminal in "1 (a name) S 0 1 1 34816 ..."; 0: none. */
static unsigned int tty_number(const char *stat)
{
	const char *at = strrchr(stat, ')');

	/* the name is the second field */
	for (int i = 2; at && i < TTY_FIELD; i++) {
		at = strchr(at, ' ');
		at += at ? 1 : 0;
	}
	return at && *at != '-' ? (unsigned int)strtoul(at, NULL, 10) : 0;
}

/* Minors have bits 0-7 and 20-31 of the number, majors 8-19. */
static int find_tty(int root, char **ret)
{
	_cleanup_free_ char *text = NULL;
	int err = read_file(root, "proc/self/stat", SMALL_MAX, &text);
	unsigned int n = text ? tty_number(text) : 0;
	unsigned int major = n >> 8 & 0xfff;
	unsigned int minor = (n & 0xff) | (n >> 12 & ~0xffu);
	char name[32];

	if (err)
		return err;
	if (major >= 136 && major <= 143)
		snprintf(name, sizeof(name), "pts/%u",
			 (major - 136) << 8 | minor);
	else if (major == 4 && minor < 64)
		snprintf(name, sizeof(name), "tty%u", minor);
	else if (major == 4)
		snprintf(name, sizeof(name), "ttyS%u", minor - 64);
	else
		return 0;
	*ret = strdup(name);
	return *ret ? 0 : -ENOMEM;
}

static bool ends_with(const char *s, size_t n, const char *end)
{
	size_t len = strlen(end);

	return n > len && !memcmp(s + n - len, end, len);
}

/*
 * The last part of a path that names a unit: a service may have groups of
 * its own below. A login's session is a scope, which says no more than the
 * terminal.
 */
static int unit_of_path(const char *path, size_t len, char **ret)
{
	const char *found = NULL;
	size_t found_len = 0;

	for (size_t i = 0; i < len;) {
		size_t n = strcspn(path + i, "/\n");

		if (ends_with(path + i, n, ".service") ||
		    ends_with(path + i, n, ".scope")) {
			found = path + i;
			found_len = n;
		}
		i += n + 1;
	}
	if (!found || ends_with(found, found_len, ".scope"))
		return 0;
	*ret = strndup(found, found_len);
	return *ret ? 0 : -ENOMEM;
}

/* "0::/system.slice/x.service", or "1:name=systemd:/..." of version 1 */
static int find_unit(int root, char **ret)
{
	_cleanup_free_ char *text = NULL;
	int err = read_file(root, "proc/self/cgroup", SMALL_MAX, &text);
	const char *line = text;

	while (!err && line && *line && !*ret) {
		const char *path = strstr(line, ":/");
		size_t len = strcspn(line, "\n");

		if (path && path < line + len &&
		    (!strncmp(line, "0::", 3) ||
		     ends_with(line, (size_t)(path - line), ":name=systemd")))
			err = unit_of_path(path + 2,
					   len - (size_t)(path + 2 - line),
					   ret);
		line += len + (line[len] ? 1 : 0);
	}
	return err;
}

int author_read(int root, const char *sudo_uid, uid_t own, struct author *ret)
{
	_cleanup_(author_release) struct author a = { 0 };
	int err = find_user(root, sudo_uid, own, &a);

	if (!err)
		err = find_tty(root, &a.tty);
	if (!err)
		err = find_unit(root, &a.unit);
	if (err)
		return err;
	*ret = a;
	a = (struct author){ 0 };
	return 0;
}

int author_find(struct author *ret)
{
	int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), err;

	if (root < 0)
		return errno == ENOMEM ? -ENOMEM : 0;
	err = author_read(root, getenv("SUDO_UID"), getuid(), ret);
	close(root);
	return err;
}

void author_release(struct author *a)
{
	free(a->user);
	free(a->tty);
	free(a->unit);
	*a = (struct author){ 0 };
}
