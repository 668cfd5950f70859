/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/nft/nft_lower_echo.c: chains that repeat rules of the host's. */
#include <errno.h>
#include <string.h>

#include "backends/nft/nft_compat.h"
#include "backends/nft/nft_echo.h"
#include "backends/nft/nft_lower.h"
#include "core/intern.h"
#include "core/mem.h"

/* In the words that the kernel's rule will be shown in. */
static int settle(const struct image_table *t, const char *words, char **ret)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	struct nft_echo e;
	int err;

	if (t->iptables)
		return nft_compat_settle(t->family, words, ret);
	err = nft_echo_parse(words, &e);
	if (err)
		return err;
	nft_echo_print(&e, &b);
	if (strbuf_status(&b))
		return -ENOMEM;
	*ret = strbuf_take(&b);
	return *ret ? 0 : -ENOMEM;
}

int nft_add_words(const struct image_table *t, const char *words,
		  struct foreign *f)
{
	struct nft_echo e;
	int err;

	if (t->iptables)
		return nft_compat_add_words(t->family, words, f);
	err = nft_echo_parse(words, &e);
	return err ? err : nft_echo_terms(&e, f);
}

int nft_lower_echo(struct image_table *t, const char *chain,
		   const struct rule *r, const char **ret)
{
	const char *name = intern_printf("%s.%u", chain, r->turn);
	_cleanup_free_ char *words = NULL;
	struct image_chain *c;
	struct image_rule *to;
	int err;

	if (!name)
		return -ENOMEM;
	*ret = name;
	if (image_find_chain(t, name))
		return 0;
	err = settle(t, r->then, &words);
	if (err)
		return err;
	c = image_add_chain(t, name, HOOK_MAX_);
	to = c ? image_add_rule(c) : NULL;
	if (!to)
		return -ENOMEM;
	to->verdict = VERDICT_WORDS;
	to->match.family = nft_table_af(t->family);
	to->origin = r->origin;
	to->unknown = TAKE_PTR(words);
	return 0;
}
