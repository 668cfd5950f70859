/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/output/command_text.h"

#include <string.h>
#include <sys/socket.h>

#include "state/state.h"

/* As a shell takes it for one word. */
static void put_word(const char *s, struct strbuf *out)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./+,:@%-";

	if (*s && !s[strspn(s, plain)]) {
		strbuf_puts(out, s);
		return;
	}
	strbuf_puts(out, "'");
	for (; *s; s++) {
		size_t n = strcspn(s, "'");

		strbuf_add(out, s, n);
		s += n;
		if (!*s)
			break;
		strbuf_puts(out, "'\\''");
	}
	strbuf_puts(out, "'");
}

void command_begin(const char *verb, const struct request *rq,
		   struct strbuf *out)
{
	strbuf_printf(out, "ctpolicy %s", verb);
	if (rq->backend)
		strbuf_printf(out, " --backend %s", rq->backend);
	if (rq->family)
		strbuf_printf(out, " --family %s",
			      rq->family == AF_INET ? "ipv4" : "ipv6");
	if (strcmp(rq->state_dir, STATE_DIR) != 0) {
		strbuf_puts(out, " --state-dir ");
		put_word(rq->state_dir, out);
	}
}

void command_put_file(const char *name, struct strbuf *out)
{
	strbuf_puts(out, *name == '-' ? " ./" : " ");
	put_word(name, out);
}
