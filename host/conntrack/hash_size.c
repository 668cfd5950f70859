/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/conntrack/hash_size.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define PATH "/proc/sys/net/netfilter/nf_conntrack_buckets"

static size_t read_size(int fd, char *text, size_t size)
{
	ssize_t n = fd < 0 ? -1 : pread(fd, text, size, 0);

	return n > 0 ? (size_t)n : 0;
}

void hash_size_begin(struct hash_size *h)
{
	h->fd = open(PATH, O_RDONLY | O_CLOEXEC);
	h->len = read_size(h->fd, h->text, sizeof(h->text));
}

bool hash_size_changed(const struct hash_size *h)
{
	char now[sizeof(h->text)];
	size_t n = read_size(h->fd, now, sizeof(now));

	return h->len && n && (n != h->len || memcmp(now, h->text, n) != 0);
}

const char *hash_size_reason(int err)
{
	return err == -EAGAIN ? "somebody resizes the table's hash again and again" :
				strerror(-err);
}

void hash_size_end(struct hash_size *h)
{
	if (h->fd >= 0)
		close(h->fd);
	*h = (struct hash_size){ .fd = -1 };
}
