/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/files.h"

#include <fcntl.h>
#include <unistd.h>

#include "core/mem.h"

#define FIRST_READ 4096

int fd_read(int fd, size_t max, char **ret_text, size_t *ret_len)
{
	_cleanup_free_ char *text = NULL;
	size_t n = 0, cap = 0;
	ssize_t got;

	do {
		/* One more for the NUL. What is full doubles. */
		if (mem_grow(&text, &cap, n ? n + 2 : FIRST_READ))
			return -ENOMEM;
		got = read(fd, text + n, cap - n - 1);
		if (got < 0 && errno != EINTR)
			return -errno;
		n += got > 0 ? (size_t)got : 0;
		if (n > max)
			return -EFBIG;
	} while (got);
	text[n] = '\0';
	*ret_text = TAKE_PTR(text);
	*ret_len = n;
	return 0;
}

int file_read(const char *path, size_t max, char **ret_text, size_t *ret_len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), r;

	if (fd < 0)
		return -errno;
	r = fd_read(fd, max, ret_text, ret_len);
	close(fd);
	return r;
}
