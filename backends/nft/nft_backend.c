/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/nft/nft_backend.c: the nftables row of the table of backends. */
#include <string.h>

#include "backends/nft/nft_compat.h"
#include "backends/nft/nft_foreign.h"
#include "backends/nft/nft_kernel.h"
#include "backends/nft/nft_rewrite.h"
#include "core/mem.h"

/* A table, or a command about one. */
static bool nft_recognizes(const char *text)
{
	static const char *const begins[] = {
		"table ", "add table ", "create table ", "flush ruleset",
		"add rule ", "insert rule ", "add chain ", "define ",
	};

	for (const char *s = text; s; s = strchr(s, '\n')) {
		s += *s == '\n';
		s += strspn(s, " \t");
		for (size_t i = 0; i < ARRAY_SIZE(begins); i++)
			if (!strncmp(s, begins[i], strlen(begins[i])))
				return true;
		if (!*s)
			break;
	}
	return false;
}

const struct backend backend_nft = {
	.name = "nftables",
	.world = WORLD_NFT,
	.add_words = nft_add_words,
	.lower = nft_lower,
	.render = nft_render,
	.print_step = nft_print_step,
	.parse = nft_parse,
	.read_foreign = nft_read_foreign,
	.recognizes = nft_recognizes,
	.rewrite = nft_rewrite,
	.print_edit = nft_print_edit,
	.text_of = nft_text_of,
	.words = WORDS_NFT,
	.put_edits = nft_put_edits,
	.print_put = nft_print_put,
	.print_original = nft_print_original,
	.stands_for = nft_stands_for,
	.read_live = nft_read_live,
	.open = nft_open,
	.know = nft_know,
	.snapshot = nft_snapshot,
	.commit = nft_commit,
	.close = nft_close,
};
