/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "prove/host_copy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "audit/own.h"
#include "core/mem.h"
#include "engine/live_rules.h"
#include "engine/plan.h"
#include "host/privilege.h"

/* Rules of ctpolicy's own make no host that filters. */
static int find_any(struct host_copy *c, struct diags *d)
{
	_cleanup_(foreign_free) struct foreign *f = calloc(1, sizeof(*f));
	int err = f ? live_rules_read_but(NULL, f, d) : -ENOMEM;

	for (size_t i = 0; !err && i < f->n_rules; i++)
		c->any |= own_is_host(f, &f->rules[i]);
	for (size_t i = 0; !err && i < f->n_chains; i++)
		c->any |= foreign_drops_rest(&f->chains[i]);
	return err;
}

/* A kernel that lacks a world has no rules in it. */
static int take_one(const struct backend *b, struct rules_copy **ret,
		    struct diags *d)
{
	struct backend_ctx *ctx = NULL;
	size_t said = d->n;
	int err = b->open(&ctx, d);

	if (!err)
		err = b->copier->take(ctx, ret, d);
	if (ctx)
		b->close(&ctx);
	if (err != -EOPNOTSUPP)
		return err;
	diags_truncate(d, said);
	return 0;
}

int host_copy_take(struct host_copy *c, struct diags *d)
{
	int err = privilege_require(d);

	for (size_t i = 0; !err && backends[i] && i < COPIES_MAX; i++)
		if (backends[i]->copier)
			err = take_one(backends[i], &c->v[i], d);
	return err ? err : find_any(c, d);
}

int host_copy_put(const struct host_copy *c, struct diags *d)
{
	int err = 0;

	for (size_t i = 0; !err && backends[i] && i < COPIES_MAX; i++) {
		struct backend_ctx *ctx = NULL;

		if (!c->v[i])
			continue;
		err = backends[i]->open(&ctx, d);
		if (!err)
			err = backends[i]->copier->put(ctx, c->v[i], d);
		if (ctx)
			backends[i]->close(&ctx);
	}
	return err;
}

void host_copy_release(struct host_copy *c)
{
	for (size_t i = 0; backends[i] && i < COPIES_MAX; i++)
		if (c->v[i])
			backends[i]->copier->free(&c->v[i]);
	c->any = false;
}

static int take_text(const char *file, const struct foreign *text,
		     struct foreign *ret, struct diags *d)
{
	if (!text)
		return plan_file_fault(policy_read_saved(file, &ret->text,
							 &ret->len, d));
	ret->text = malloc(text->len + 1);
	if (!ret->text)
		return -ENOMEM;
	memcpy(ret->text, text->text, text->len + 1);
	ret->len = text->len;
	return 0;
}

int host_file_read(const char *file, const struct foreign *text,
		   uint8_t family, struct foreign **ret,
		   const struct backend **ret_dialect, struct diags *d)
{
	_cleanup_(foreign_free) struct foreign *f = calloc(1, sizeof(*f));
	const struct backend *b;
	int err = f ? take_text(file, text, f, d) : -ENOMEM;

	if (err)
		return err;
	f->family = family;
	b = backend_of_text(f->text);
	if (!b)
		return diag_add(d, DIAG_ERROR, -FAULT_DATA, ID_NO_RULESET,
				(struct srcpos){ file, 1, 1, 1 },
				"this is neither iptables nor nftables text");
	if (!b->copier->loads_text)
		err = b->read_foreign(file, f, d);
	if (err)
		return err == -EINVAL ? -FAULT_DATA : err;
	*ret = TAKE_PTR(f);
	*ret_dialect = b;
	return 0;
}

int host_file_load(const struct backend *b, const char *file,
		   const struct foreign *f, struct diags *d)
{
	struct backend_ctx *ctx = NULL;
	int err = b->open(&ctx, d);

	if (!err)
		err = b->copier->load(ctx, file, f, d);
	if (ctx)
		b->close(&ctx);
	return err;
}
