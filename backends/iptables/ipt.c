/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/iptables/ipt.h"

#include <string.h>

#include "backends/iptables/ipt_copy.h"
#include "backends/iptables/ipt_foreign.h"
#include "backends/iptables/ipt_live.h"
#include "backends/iptables/ipt_original.h"
#include "backends/xtables/ipt_edits.h"
#include "backends/xtables/ipt_rewrite.h"
#include "backends/xtables/xt_terms.h"

const struct ipt_place ipt_places[IPT_PLACES] = {
	{ "raw", "PREROUTING", "CTPOLICY-PREROUTING", "n-pre",
	  HOOK_PREROUTING, ACTION_NOTRACK },
	{ "raw", "OUTPUT", "CTPOLICY-OUTPUT", "n-out",
	  HOOK_OUTPUT, ACTION_NOTRACK },
	{ "raw", "PREROUTING", "CTPOLICY-TRACKED-PREROUTING", "t-pre",
	  HOOK_PREROUTING, ACTION_TIMERS },
	{ "raw", "OUTPUT", "CTPOLICY-TRACKED-OUTPUT", "t-out",
	  HOOK_OUTPUT, ACTION_TIMERS },
	{ "filter", "INPUT", "CTPOLICY-INPUT", "a-in",
	  HOOK_INPUT, ACTION_ACCEPT },
	{ "filter", "FORWARD", "CTPOLICY-FORWARD", "a-fwd",
	  HOOK_FORWARD, ACTION_ACCEPT },
	{ "filter", "OUTPUT", "CTPOLICY-OUTPUT", "a-out",
	  HOOK_OUTPUT, ACTION_ACCEPT },
	{ "mangle", "PREROUTING", "CTPOLICY-PREROUTING", "m-pre",
	  HOOK_PREROUTING, ACTION_ACCEPT },
	{ "mangle", "INPUT", "CTPOLICY-INPUT", "m-in",
	  HOOK_INPUT, ACTION_ACCEPT },
	{ "mangle", "FORWARD", "CTPOLICY-FORWARD", "m-fwd",
	  HOOK_FORWARD, ACTION_ACCEPT },
	{ "mangle", "OUTPUT", "CTPOLICY-OUTPUT", "m-out",
	  HOOK_OUTPUT, ACTION_ACCEPT },
	{ "mangle", "POSTROUTING", "CTPOLICY-POSTROUTING", "m-post",
	  HOOK_POSTROUTING, ACTION_ACCEPT },
	{ "security", "INPUT", "CTPOLICY-INPUT", "s-in",
	  HOOK_INPUT, ACTION_ACCEPT },
	{ "security", "FORWARD", "CTPOLICY-FORWARD", "s-fwd",
	  HOOK_FORWARD, ACTION_ACCEPT },
	{ "security", "OUTPUT", "CTPOLICY-OUTPUT", "s-out",
	  HOOK_OUTPUT, ACTION_ACCEPT },
};

const char *const ipt_tables[IPT_TABLES] = {
	"mangle", "security", "filter", "raw",
};

bool ipt_table_matters(const char *table)
{
	for (size_t i = 0; i < IPT_TABLES; i++)
		if (!strcmp(ipt_tables[i], table))
			return true;
	return false;
}

enum hook ipt_builtin_hook(const char *chain)
{
	for (size_t i = 0; i < IPT_PLACES; i++)
		if (!strcmp(ipt_places[i].builtin, chain))
			return ipt_places[i].hook;
	return HOOK_MAX_;
}

bool ipt_chain_is_ours(const char *chain)
{
	return own_names_xt(chain);
}

/* A dump has its table lines; nft text never begins so. */
static bool ipt_recognizes(const char *text)
{
	for (const char *s = text; s && *s; s = strchr(s, '\n')) {
		s += *s == '\n';
		if (*s == '*' || !strncmp(s, "COMMIT", 6))
			return true;
	}
	return false;
}

static int add_words(const struct image_table *t, const char *words,
		     struct foreign *f)
{
	return xt_add_words(t->family, words, f);
}

static int put_edits(struct foreign *f, struct stateless *s,
		     struct image *img, struct diags *d)
{
	static const struct ipt_edit_names names = {
		.world = WORLD_LEGACY, .input = "CTPOLICY-INPUT",
		.forward = "CTPOLICY-FORWARD", .output = "CTPOLICY-OUTPUT",
		.prerouting = "CTPOLICY-PRE", .postrouting = "CTPOLICY-POST",
	};

	return ipt_put_edits(&names, f, s, img, d);
}

const struct backend backend_iptables = {
	.name = "iptables",
	.world = WORLD_LEGACY,
	.add_words = add_words,
	.lower = ipt_lower,
	.render = ipt_render,
	.print_step = ipt_print_step,
	.print_inner = ipt_print_inner,
	.parse = ipt_parse,
	.read_foreign = ipt_read_foreign,
	.rewrite = ipt_rewrite,
	.print_edit = ipt_print_edit,
	.text_of = ipt_text_of,
	.recognizes = ipt_recognizes,
	.put_edits = put_edits,
	.print_put = ipt_print_edit,
	.print_original = ipt_original_print,
	.stands_for = ipt_stands_for,
	.open = ipt_open,
	.know = ipt_know,
	.expect = ipt_expect,
	.snapshot = ipt_snapshot,
	.glance = ipt_glance,
	.commit = ipt_commit,
	.read_live = ipt_read_live,
	.close = ipt_close,
	.copier = &ipt_copier,
};
