/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/lower/echo.h"

#include <errno.h>

#include "core/intern.h"
#include "core/mem.h"

int lower_echo(struct image_table *t, const char *chain, uint8_t af,
	       const struct rule *r, echo_settle_fn *settle, const char **ret)
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
	to->match.family = af;
	to->origin = r->origin;
	to->unknown = TAKE_PTR(words);
	return 0;
}
