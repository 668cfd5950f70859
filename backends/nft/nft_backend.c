/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/nft/nft_backend.c: the nftables row of the table of backends. */
#include <string.h>

#include "backends/nft/nft_compat.h"
#include "backends/nft/nft_copy.h"
#include "backends/nft/nft_foreign.h"
#include "backends/nft/nft_kernel.h"
#include "backends/nft/nft_native.h"
#include "backends/nft/nft_rewrite.h"
#include "core/mem.h"

/* A table, or a command about one. */
static bool nft_recognizes(const char *text)
{
	static const char *const begins[] = {
		"table ", "add table ", "create table ", "flush ruleset",
		"add rule ", "insert rule ", "add chain ", "define ",
		"include \"",
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

/* Each table in the dialect of its owner. */
static int put_edits(struct foreign *f, struct stateless *s, struct image *img,
		     struct diags *d)
{
	int err = nft_compat_put_edits(f, s, img, d);

	return err ? err : nft_native_put(f, s, img, d);
}

static int print_put(const struct foreign *f, const struct stateless *s,
		     const struct stateless_edit *e, struct strbuf *out)
{
	return nft_table_is_native(&f->tables[f->chains[e->chain].table]) ?
		       nft_native_print(f, s, e, out) :
		       nft_compat_print_edit(f, s, e, out);
}

static bool stands_for(const char *stand_in, const struct foreign *f,
		       const struct foreign_rule *r)
{
	return nft_table_is_native(&f->tables[f->chains[r->chain].table]) ?
		       nft_native_stands_for(stand_in, f, r) :
		       nft_compat_stands_for(stand_in, f, r);
}

static int print_original(const struct image_table *t, const char *chain,
			  const char *original, struct strbuf *out)
{
	if (t->iptables)
		return nft_compat_print_original(t, chain, original, out);
	strbuf_printf(out, "add rule %s %s %s ", nfproto_name(t->family),
		      t->name, chain);
	return nft_raw_say(t->family, t->name, original, out);
}

const struct backend backend_nft = {
	.name = "nftables",
	.world = WORLD_NFT,
	.add_words = nft_add_words,
	.lower = nft_lower,
	.render = nft_render,
	.print_step = nft_print_step,
	.print_inner = nft_print_inner,
	.parse = nft_parse,
	.read_foreign = nft_read_foreign,
	.recognizes = nft_recognizes,
	.rewrite = nft_rewrite,
	.print_edit = nft_print_edit,
	.text_of = nft_text_of,
	.words = WORDS_NFT,
	.put_edits = put_edits,
	.print_put = print_put,
	.print_original = print_original,
	.stands_for = stands_for,
	.read_live = nft_read_live,
	.open = nft_open,
	.know = nft_know,
	.snapshot = nft_snapshot,
	.glance = nft_glance,
	.expect = nft_expect,
	.commit = nft_commit,
	.close = nft_close,
	.copier = &nft_copier,
};
