/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/nft/nft_backend.c: the nftables row of the table of backends. */
#include <string.h>

#include "backends/nft/nft_kernel.h"

/* A table, or a command that speaks of one. */
static bool nft_recognizes(const char *text)
{
	for (const char *s = text; s; s = strchr(s, '\n')) {
		s += *s == '\n';
		s += strspn(s, " \t");
		if (!strncmp(s, "table ", 6) || !strncmp(s, "add table ", 10) ||
		    !strncmp(s, "create table ", 13) ||
		    !strncmp(s, "flush ruleset", 13))
			return true;
		if (!*s)
			break;
	}
	return false;
}

const struct backend backend_nft = {
	.name = "nftables",
	.lower = nft_lower,
	.render = nft_render,
	.print_step = nft_print_step,
	.parse = nft_parse,
	.recognizes = nft_recognizes,
	.open = nft_open,
	.snapshot = nft_snapshot,
	.commit = nft_commit,
	.close = nft_close,
};
