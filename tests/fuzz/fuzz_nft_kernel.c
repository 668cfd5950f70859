/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/fuzz/fuzz_nft_kernel.c: any bytes as what the kernel answers: sets,
 * elements and timers. Rules are fuzz_nft_rules.c's: libnftnl,
 * which reads them, ends the process over attributes that no kernel sends.
 */
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "backends/nft/nft.h"
#include "backends/nft/nft_netlink.h"
#include "core/mem.h"
#include "tests/fuzz/fuzz.h"

struct world {
	struct image *img;
	struct image_table *table;
	struct image_set *set;
};

static void take_set(struct world *w, const struct nlmsghdr *nlh)
{
	const struct nlattr *attr[NFTA_SET_MAX + 1];

	/* The kernel sends a set before its elements, and once. */
	image_set_release(w->set);
	if (!nft_msg_attrs(nlh, attr, NFTA_SET_MAX) &&
	    nft_set_decode(attr, w->set))
		image_set_mark_unknown(w->set);
}

static void take_elems(struct world *w, const struct nlmsghdr *nlh)
{
	struct nft_elem_reader r = { .img = w->img, .set = w->set };

	if (w->set->elems.width && !nft_elems_read(&r, nlh))
		(void)nft_elems_finish(&r);
	nft_elem_reader_release(&r);
}

/* An object may be there in the place of a set, and has no elements. */
static void take_timers(struct world *w, const struct nlmsghdr *nlh)
{
	const struct nlattr *attr[NFTA_OBJ_MAX + 1];
	struct strbuf text = { 0 };

	image_set_release(w->set);
	if (nft_msg_attrs(nlh, attr, NFTA_OBJ_MAX) ||
	    nft_timers_decode(attr, w->set))
		return;
	MUST(w->set->timers);
	nft_print_timers(w->set, "", "", &text);
	strbuf_release(&text);
}

static void take(struct world *w, const struct nlmsghdr *nlh)
{
	static void (*const takers[])(struct world *,
				      const struct nlmsghdr *) = {
		[NFT_MSG_NEWSET] = take_set,
		[NFT_MSG_NEWSETELEM] = take_elems,
		[NFT_MSG_NEWOBJ] = take_timers,
	};
	unsigned int type = NFNL_MSG_TYPE(nlh->nlmsg_type);

	if (nlh->nlmsg_len >= sizeof(*nlh) + sizeof(struct nfgenmsg) &&
	    type < ARRAY_SIZE(takers) && takers[type])
		takers[type](w, nlh);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* libmnl reads words where the kernel aligned them. */
	_cleanup_free_ uint8_t *copy = malloc(size + 1);
	struct world w = { .img = image_new() };
	const struct nlmsghdr *nlh = (const void *)copy;
	int left = (int)size;

	MUST(copy && w.img);
	memcpy(copy, data, size);
	w.table = image_add_table(w.img, NFPROTO_INET, NFT_OWN_TABLE);
	MUST(w.table);
	w.set = image_add_set(w.table, "s");
	MUST(w.set);
	/* libmnl takes lengths that are negative as an int; no kernel does. */
	for (; mnl_nlmsg_ok(nlh, left) && nlh->nlmsg_len <= size;
	     nlh = mnl_nlmsg_next(nlh, &left))
		take(&w, nlh);
	image_free(&w.img);
	return 0;
}
