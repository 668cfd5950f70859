/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/xtables/ipt_words.c: rules of an image as words alone. */
#include <errno.h>
#include <string.h>

#include "backends/xtables/ipt_rule_args.h"
#include "core/intern.h"
#include "core/mem.h"
#include "core/strbuf.h"
#include "rules/own_names.h"

/* Where they lead to; NULL: they say of no target. */
static const char *target_of(const struct ipt_args *a)
{
	for (size_t i = a->n; i-- > 1;)
		if (!strcmp(a->v[i - 1], "-j") || !strcmp(a->v[i - 1], "-g") ||
		    !strcmp(a->v[i - 1], "--jump") ||
		    !strcmp(a->v[i - 1], "--goto"))
			return a->v[i];
	return NULL;
}

bool ipt_args_lead_off(const struct ipt_args *a)
{
	const char *target = target_of(a);

	return target && own_names_led_to(target);
}

int ipt_args_text(const struct ipt_args *a, enum verdict verdict,
		  struct image_rule *r)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	const struct origin *origin = r->origin;

	image_rule_release(r);
	r->verdict = verdict;
	r->origin = origin;
	ipt_args_print(a, &b);
	r->unknown = strbuf_take(&b);
	return r->unknown ? 0 : -ENOMEM;
}

int ipt_args_words(const struct ipt_args *a, struct image_rule *r)
{
	const char *target = target_of(a);
	int err = ipt_args_text(a, VERDICT_WORDS, r);

	if (err || !target ||
	    (!own_names_nft(target) && !own_names_xt(target)))
		return err;
	r->target = intern(target);
	return r->target ? 0 : -ENOMEM;
}
