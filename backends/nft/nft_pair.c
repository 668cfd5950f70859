/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/nft/nft_pair.h"

#include <linux/netfilter.h>

static int put(const struct nft_pair *p, void *arg, size_t family, size_t line,
	       bool alone)
{
	static const uint8_t asks[] = { NFPROTO_IPV4, NFPROTO_IPV6 };

	return p->put(arg, family, line, p->both && alone ? asks[family] : 0);
}

static int merge(const struct nft_pair *p, void *arg)
{
	const size_t n4 = p->count(arg, 0), n6 = p->count(arg, 1);
	size_t k = 0;
	int err = 0;

	for (size_t i = 0; !err && i < n4; i++) {
		size_t same = k;

		while (same < n6 && !p->same(arg, i, same))
			same++;
		for (; !err && same < n6 && k < same; k++)
			err = put(p, arg, 1, k, true);
		if (!err)
			err = put(p, arg, 0, i, same == n6);
		k += same < n6;
	}
	for (; !err && k < n6; k++)
		err = put(p, arg, 1, k, true);
	return err;
}

int nft_pair_compose(const struct nft_pair *p, void *arg,
		     const struct stateless_span of[2])
{
	int err = 0;

	for (size_t k = 0; k < 2; k++)
		for (size_t i = 0; !err && i < of[k].n; i++)
			err = p->compose(arg, k, &of[k].v[i], !i);
	return err ? err : merge(p, arg);
}
