/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_compat_none.c: without libxtables no table is taken for one
 * of iptables-nft, and none of these is ever asked for anything.
 */
#include <errno.h>

#include "backends/nft/nft_compat.h"

const bool nft_compat_works = false;

int nft_compat_put(struct nft_writer *w, uint8_t family,
		   const struct image_rule *r, struct diags *d)
{
	(void)w;
	(void)family;
	return diag_add(d, DIAG_ERROR, -EOPNOTSUPP, ID_XTABLES_ARGUMENT,
			r->origin ? r->origin->at : NOPOS,
			"this ctpolicy was built without iptables");
}

int nft_compat_decode(struct image *img, const struct image_table *t,
		      struct nftnl_rule *nr, struct image_rule *ret)
{
	(void)img;
	(void)t;
	(void)nr;
	(void)ret;
	return -EOPNOTSUPP;
}

int nft_compat_lower(const struct fuse_group *g, struct image_table *t,
		     const char *chain)
{
	(void)g;
	(void)t;
	(void)chain;
	return -EOPNOTSUPP;
}

void nft_compat_print(uint8_t family, const struct image_rule *r,
		      struct strbuf *out)
{
	nft_print_rule(family, r, out);
}

int nft_compat_settle(uint8_t family, const char *words, char **ret)
{
	(void)family;
	(void)words;
	(void)ret;
	return -EOPNOTSUPP;
}

int nft_compat_add_words(uint8_t family, const char *words, struct foreign *f)
{
	(void)family;
	(void)words;
	(void)f;
	return -EOPNOTSUPP;
}

bool nft_compat_print_step(const struct step *s, struct strbuf *out)
{
	(void)s;
	(void)out;
	return false;
}

bool nft_compat_print_inner(const struct step *s, struct strbuf *out)
{
	return nft_compat_print_step(s, out);
}

int nft_compat_parse(const char *text, size_t len, uint8_t family, bool echo,
		     struct image *img, struct image_rule *ret)
{
	(void)echo;
	(void)text;
	(void)len;
	(void)family;
	(void)img;
	(void)ret;
	return -EOPNOTSUPP;
}

int nft_compat_read(struct foreign *f, uint32_t chain,
		    const struct nlmsghdr *nlh, bool *ret)
{
	(void)f;
	(void)chain;
	(void)nlh;
	*ret = false;
	return 0;
}

/* Rules of tables that this build cannot write are not to be replaced. */
int nft_compat_put_edits(struct foreign *f, struct stateless *s,
			 struct image *img, struct diags *d)
{
	bool any = false;

	(void)img;
	for (size_t i = 0; i < s->n_edits; i++) {
		const struct stateless_edit *e = &s->edits[i];

		any |= !e->left && e->kind != STATELESS_NONE &&
		       f->tables[f->chains[e->chain].table].ranked;
	}
	if (!any)
		return 0;
	diag_add(d, DIAG_ERROR, 0, ID_NOT_EDITED, NOPOS,
		 "this ctpolicy was built without iptables: it replaces no rules in the tables of iptables-nft");
	return -FAULT_CONFLICT;
}

int nft_compat_print_original(const struct image_table *t, const char *chain,
			      const char *original, struct strbuf *out)
{
	(void)t;
	(void)chain;
	(void)original;
	(void)out;
	return -EBADMSG;
}

bool nft_compat_stands_for(const char *stand_in, const struct foreign *f,
			   const struct foreign_rule *r)
{
	(void)stand_in;
	(void)f;
	(void)r;
	return false;
}

int nft_compat_print_edit(const struct foreign *f, const struct stateless *s,
			  const struct stateless_edit *e, struct strbuf *out)
{
	(void)f;
	(void)s;
	(void)e;
	(void)out;
	return -EOPNOTSUPP;
}
