/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/snapshot.c: what every backend's snapshot() gives. */
#include <errno.h>

#include "backends/backend.h"
#include "core/mem.h"
#include "rules/own_names.h"

#include <linux/netfilter.h>

const char *chain_owner_name(enum chain_owner o)
{
	static const char *const names[] = {
		[OWNER_NFT] = "nftables",
		[OWNER_IPTABLES_NFT] = "iptables-nft",
		[OWNER_FIREWALLD] = "firewalld",
		[OWNER_IPTABLES_LEGACY] = "legacy iptables",
	};
	_Static_assert(ARRAY_SIZE(names) == OWNER_MAX_, "a missing owner");

	return names[o];
}

struct foreign_chain *survey_add(struct survey *s)
{
	struct foreign_chain *f;

	if (mem_grow(&s->filters, &s->cap_filters, s->n_filters + 1))
		return NULL;
	f = &s->filters[s->n_filters++];
	*f = (struct foreign_chain){ .hook = HOOK_MAX_ };
	return f;
}

int survey_add_renamed(struct survey *s, const struct image *img,
		       const struct renamed_jump *j)
{
	const struct image_table *t = image_find_table(img, j->family,
						       j->table);
	const struct image_chain *c = t ? image_find_chain(t, j->chain) : NULL;
	struct renamed_jump *to;

	if (mem_grow(&s->renamed, &s->cap_renamed, s->n_renamed + 1))
		return -ENOMEM;
	to = &s->renamed[s->n_renamed++];
	*to = *j;
	for (size_t i = c ? c->n_rules : 0; i-- && !to->behind;)
		if (c->rules[i].verdict == VERDICT_JUMP &&
		    own_names_stand_in(c->rules[i].target))
			to->behind = c->rules[i].target;
	return 0;
}

int survey_of_image(const struct image *img, struct survey *ret)
{
	for (size_t i = 0; i < img->n_tables; i++) {
		const struct image_table *t = &img->tables[i];

		for (size_t k = 0; k < t->n_chains; k++) {
			const struct image_chain *c = &t->chains[k];
			struct foreign_chain *f;

			if (t->owned || !c->foreign)
				continue;
			f = survey_add(ret);
			if (!f)
				return -ENOMEM;
			if (t->iptables)
				f->owner = OWNER_IPTABLES_NFT;
			f->family = t->family;
			f->hook = c->hook;
			f->table = t->name;
			f->chain = c->name;
		}
	}
	return 0;
}

static bool in_family(const struct foreign_chain *f, uint8_t family)
{
	return family == AF_UNSPEC || f->family == NFPROTO_INET ||
	       f->family == (family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6);
}

bool foreign_chain_meets(const struct foreign_chain *f, const struct rule *r)
{
	bool all = !f->drops.n;

	return f->hook == r->hook && in_family(f, r->match.family) &&
	       (all || reach_set_meets(&f->drops, r));
}

void survey_note_no_accepts(const char *backend, struct diags *d)
{
	diag_add(d, DIAG_NOTE, 0, ID_NOTHING_DROPS, NOPOS,
		 "no accept rules added: nothing among this host's %s rules calls for them",
		 backend);
}

void survey_release(struct survey *s)
{
	free(s->filters);
	free(s->places);
	free(s->renamed);
	*s = (struct survey){ 0 };
}

void snapshot_release(struct snapshot *s)
{
	image_free(&s->image);
	survey_release(&s->survey);
	*s = (struct snapshot){ 0 };
}
