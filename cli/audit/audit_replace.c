/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/audit/audit_replace.c: what could replace a state rule, by hook. */
#include "audit/replace.h"
#include "cli/audit/audit_report.h"
#include "core/mem.h"

static void add_edit(const struct audit_report *a,
		     const struct stateless_edit *e,
		     struct audit_replacement *x)
{
	if (e->kind > x->kind)
		x->kind = e->kind;
	if (e->why)
		x->why = e->why;
	x->admits |= e->admits;
	x->loses |= e->loses;
	if (e->kind != STATELESS_NONE &&
	    a->backend->print_edit(a->f, a->stateless, e, &x->rules))
		x->rules.lost = true;
}

bool audit_replacement_find(const struct audit_report *a,
			    const struct foreign_rule *r,
			    struct audit_replacement *ret)
{
	struct audit_replacement x = { .kind = STATELESS_EXACT };
	const struct stateless_edit *e;
	size_t n;

	if (!a->stateless || !a->backend || !a->backend->print_edit)
		return false;
	x.why = replace_keeps(a->f, r);
	e = stateless_edits(a->stateless, (uint32_t)(r - a->f->rules), &n);
	for (size_t i = 0; i < n; i++)
		if (!e[i].stays)
			add_edit(a, &e[i], &x);
	if (!n || x.why) {
		x.kind = STATELESS_NONE;
		strbuf_clear(&x.rules);
	}
	*ret = x;
	return true;
}
