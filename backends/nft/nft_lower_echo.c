/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/nft/nft_lower_echo.c: chains that repeat rules of the host's. */
#include <errno.h>
#include <string.h>

#include "backends/lower/echo.h"
#include "backends/nft/nft_compat.h"
#include "backends/nft/nft_echo.h"
#include "backends/nft/nft_lower.h"
#include "backends/nft/nft_native.h"
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

	if (nft_words_are_raw(words))
		return nft_raw_terms(t, words, f);
	if (t->iptables)
		return nft_compat_add_words(t->family, words, f);
	err = nft_echo_parse(words, &e);
	return err ? err : nft_echo_terms(&e, f);
}

int nft_lower_echo(struct image_table *t, const char *chain,
		   const struct rule *r, const char **ret)
{
	return lower_echo(t, chain, nft_table_af(t->family), r, settle, ret);
}
