/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/nft/nft_rewrite_put.c: new parts of a table, as text. */
#include <errno.h>

#include <netinet/in.h>
#include <linux/netfilter.h>

#include "backends/nft/nft.h"
#include "backends/nft/nft_rewrite.h"
#include "core/intern.h"
#include "core/mem.h"

void nft_put_scope(const struct foreign *f, const char *command,
		   uint32_t table, const char *name, struct strbuf *b)
{
	const struct foreign_table *t = &f->tables[table];

	strbuf_printf(b, "%s %s %s %s", command, foreign_family_name(t->family),
		      t->name, name);
}

void nft_put_chain(const struct foreign *f, uint32_t table, bool commands,
		   const char *name, const char *hook,
		   const struct nft_lines *l, struct strbuf *b)
{
	if (commands)
		nft_put_scope(f, "add chain", table, name, b);
	else
		strbuf_printf(b, "\n\tchain %s {\n", name);
	if (hook)
		strbuf_printf(b, commands ? " { type filter hook %s priority 300; policy accept; }" :
			      "\t\ttype filter hook %s priority 300; policy accept;\n",
			      hook);
	strbuf_puts(b, commands ? "\n" : "");
	for (size_t i = 0; i < l->n; i++) {
		if (commands)
			nft_put_scope(f, "add rule", table, name, b);
		strbuf_printf(b, "%s%s\n", commands ? " " : "\t\t",
			      strbuf_text(&l->v[i], &b->lost));
	}
	strbuf_puts(b, commands ? "" : "\t}");
}

static void put_set(const struct foreign *f, const struct stateless_set *v,
		    bool commands, struct strbuf *b)
{
	const char *name = nft_rewrite_set(f, v->table, v->family, v->flows,
					   &b->lost);
	const char *sep = commands ? "; " : "\n\t\t";

	if (commands)
		nft_put_scope(f, "add set", v->table, name, b);
	else
		strbuf_printf(b, "\n\tset %s", name);
	strbuf_printf(b, " {%stypeof ", commands ? " " : "\n\t\t");
	nft_rewrite_key(v->family, v->flows, false, b);
	strbuf_printf(b, "%ssize %u%sflags dynamic,timeout%stimeout 3m%s}%s",
		      sep, NFT_TIMED_SIZE, sep, sep, commands ? "; " : "\n\t",
		      commands ? "\n" : "");
}

/* It leaves the chain, or is noted. */
static int put_noting(const struct stateless_set *v, const struct foreign *f,
		      const struct stateless_rule *r, size_t way,
		      struct nft_lines *l)
{
	const struct zone all = zone_all(v->family);
	const struct nft_asked x = { .f = f, .r = r, .known = &all,
				     .table = v->table };
	_cleanup_(strbuf_release) struct strbuf match = { 0 };
	bool both = f->tables[v->table].family == NFPROTO_INET, alone;
	struct strbuf *b;
	int err = nft_rewrite_match(&x, way, &match, &alone);

	if (err)
		return err;
	if (mem_grow(&l->v, &l->cap, l->n + 1))
		return -ENOMEM;
	b = &l->v[l->n++];
	*b = (struct strbuf){ 0 };
	if (both && r->does == DO_RETURN)
		strbuf_printf(b, "meta nfproto ipv%d ",
			      v->family == NFPROTO_IPV4 ? 4 : 6);
	strbuf_puts(b, strbuf_text(&match, &b->lost) + 1);
	if (r->does == DO_RETURN) {
		strbuf_puts(b, " return");
		return strbuf_status(b);
	}
	nft_rewrite_update(f, v->table, v->family, v->flows, false, b);
	return strbuf_status(b);
}

static int put_notes(const struct stateless_set *v, const struct foreign *f,
		     const struct stateless *s, struct nft_lines *l)
{
	const struct zone all = zone_all(v->family);
	int err = 0;

	for (uint32_t i = 0; !err && i < v->n; i++) {
		const struct stateless_rule *r = &s->inner[v->first + i];
		const struct nft_asked x = { .f = f, .r = r, .known = &all };
		size_t ways = 1;

		err = nft_rewrite_ways(&x, &ways);
		for (size_t k = 0; !err && k < ways; k++)
			err = put_noting(v, f, r, k, l);
	}
	return err;
}

static const char *free_chain(const struct foreign *f, uint32_t table,
			      const char *name)
{
	const char *s = intern(name);

	for (unsigned int n = 2; s && foreign_find_chain(f, table, s) !=
					      FOREIGN_NOWHERE; n++)
		s = intern_printf("%s-%u", name, n);
	return s;
}

int nft_put_memory(const struct foreign *f, const struct stateless *s,
		   uint32_t table, bool flows, bool commands, struct strbuf *b)
{
	_cleanup_(nft_lines_release) struct nft_lines l = { 0 };
	const char *name = free_chain(f, table, flows ? "ctp-forward" :
							   "ctp-output");
	int err = name ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < s->n_sets; i++) {
		const struct stateless_set *v = &s->sets[i];

		if (v->table != table || v->flows != flows)
			continue;
		put_set(f, v, commands, b);
		err = put_notes(v, f, s, &l);
	}
	if (!err && l.n)
		nft_put_chain(f, table, commands, name, flows ? "forward" :
							    "output", &l, b);
	return err;
}
