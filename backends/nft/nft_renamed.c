/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_renamed.c: rules that are ctpolicy's by their comment, and
 * by where they lead are not.
 *
 * Source: struct xt_comment_info in linux/netfilter/xt_comment.h.
 */
#include <errno.h>
#include <string.h>

#include <linux/netfilter/nf_tables_compat.h>

#include "backends/nft/nft_kernel.h"
#include "backends/nft/nft_native_units.h"
#include "backends/nft/nft_original.h"
#include "backends/nft/nft_world.h"
#include "core/intern.h"
#include "core/mem.h"

struct seen {
	bool commented, asks, goes;
};

static bool is_comment(const struct nlattr *info)
{
	static const char comment[] = NFT_JUMP_COMMENT;

	return info && mnl_attr_get_payload_len(info) >= sizeof(comment) &&
	       !memcmp(mnl_attr_get_payload(info), comment, sizeof(comment));
}

static void see(struct seen *s, const struct nlattr *expr)
{
	const struct nlattr *in[NFTA_DATA_VERDICT + 1];
	const struct nlattr *v[NFTA_VERDICT_CODE + 1];
	struct nft_expr e;

	if (!nft_expr_read(expr, &e) || nft_expr_is(&e, "counter"))
		return;
	if (nft_expr_is(&e, "match") &&
	    !strcmp(nft_attr_str(e.v[NFTA_MATCH_NAME]), "comment")) {
		s->commented |= is_comment(e.v[NFTA_MATCH_INFO]);
		return;
	}
	if (!nft_expr_is(&e, "immediate")) {
		s->asks = true;
		return;
	}
	s->goes |= e.v[NFTA_IMMEDIATE_DATA] &&
		   !nft_nest_attrs(e.v[NFTA_IMMEDIATE_DATA], in,
				   NFTA_DATA_VERDICT) &&
		   in[NFTA_DATA_VERDICT] &&
		   !nft_nest_attrs(in[NFTA_DATA_VERDICT], v,
				   NFTA_VERDICT_CODE) &&
		   (int)nft_attr_u32(v[NFTA_VERDICT_CODE]) == NFT_GOTO;
}

static struct seen look(const struct nlattr *const *v)
{
	const struct nlattr *u = v[NFTA_RULE_USERDATA], *a;
	char buf[COMMENT_MAX + 1];
	const char *c = u ? nft_udata_comment(mnl_attr_get_payload(u),
					      mnl_attr_get_payload_len(u),
					      buf, sizeof(buf)) : NULL;
	struct seen s = { .commented = c && !strcmp(c, NFT_JUMP_COMMENT) };

	netlink_for_each_nested(a, v[NFTA_RULE_EXPRESSIONS])
		see(&s, a);
	return s;
}

int nft_note_renamed(struct survey *s, const struct nft_foreign *f,
		     const struct image *img, const struct nlattr *const *v)
{
	const char *target = nft_original_target(v[NFTA_RULE_EXPRESSIONS]);
	struct renamed_jump j = { .family = f->family };
	struct seen seen;

	if (!target || nft_name_is_own(f->chain))
		return 0;
	seen = look(v);
	if (!seen.commented)
		return 0;
	j.table = intern(f->table);
	j.chain = intern(f->chain);
	j.target = intern(target);
	j.plain = !seen.asks && !seen.goes;
	return j.table && j.chain && j.target ?
		       survey_add_renamed(s, img, &j) : -ENOMEM;
}
