/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/output/fold.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/diag.h"
#include "core/mem.h"

#define WIDTH_UNKNOWN 80
#define WIDTH_LEAST 40	/* narrower ones are not worth the trouble */

unsigned int fold_width(int fd)
{
	struct winsize size = { 0 };

	if (!isatty(fd) || ioctl(fd, TIOCGWINSZ, &size) || !size.ws_col)
		return WIDTH_UNKNOWN;
	return size.ws_col < WIDTH_LEAST ? WIDTH_LEAST : size.ws_col;
}

static unsigned int cells_of(const char *s, size_t n)
{
	unsigned int cells = 0;

	for (size_t i = 0; i < n; i++)
		cells += ((unsigned char)s[i] & 0xc0) != 0x80;
	return cells;
}

static void put(const char *s, size_t n, FILE *out)
{
	_cleanup_free_ char *word = strndup(s, n);

	diag_puts(word ? word : "(out of memory)", out);
}

void fold_print(const char *text, unsigned int at, unsigned int indent,
		unsigned int width, FILE *out)
{
	bool begins = true;

	while (*text) {
		size_t gap = strspn(text, " ");
		size_t n = strcspn(text + gap, " ");
		unsigned int cells = cells_of(text + gap, n);

		if (!begins && at + gap + cells > width) {
			fprintf(out, "\n%*s", (int)indent, "");
			at = indent;
		} else {
			fprintf(out, "%*s", (int)gap, "");
			at += (unsigned int)gap;
		}
		put(text + gap, n, out);
		at += cells;
		text += gap + n;
		begins = false;
	}
	fputc('\n', out);
}
