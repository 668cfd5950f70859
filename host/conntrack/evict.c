/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <string.h>

#include "core/mem.h"
#include "host/conntrack/conntrack.h"
#include "host/conntrack/ctnetlink.h"
#include "host/conntrack/scope.h"
#include "host/trace.h"

/* A packet on its way may leave an entry behind the first pass. */
#define PASSES 3

struct evict {
	struct scope scope;
	struct ctnl ct;
};

static bool get_flow(const struct scope *s, const struct nf_conntrack *ct,
		     struct flow *ret)
{
	struct flow f = { .family = nfct_get_attr_u8(ct, ATTR_L3PROTO),
			  .proto = nfct_get_attr_u8(ct, ATTR_L4PROTO) };
	bool v4 = f.family == AF_INET;
	const void *src = nfct_get_attr(ct, v4 ? ATTR_IPV4_SRC : ATTR_IPV6_SRC);
	const void *dst = nfct_get_attr(ct, v4 ? ATTR_IPV4_DST : ATTR_IPV6_DST);

	if ((!v4 && f.family != AF_INET6) || !src || !dst)
		return false;
	memcpy(f.saddr, src, v4 ? 4 : 16);
	memcpy(f.daddr, dst, v4 ? 4 : 16);
	if (protocol_has_ports(f.proto)) {
		f.sport = ntohs(nfct_get_attr_u16(ct, ATTR_PORT_SRC));
		f.dport = ntohs(nfct_get_attr_u16(ct, ATTR_PORT_DST));
	}
	scope_place(s, &f);
	*ret = f;
	return true;
}

/*
 * A translated flow that is in the table is tracked: its rules would have to
 * be of another interface.
 */
static bool is_stale(const struct evict *x, const struct nf_conntrack *ct)
{
	struct flow f;

	return !(nfct_get_attr_u32(ct, ATTR_STATUS) & IPS_NAT_MASK) &&
	       get_flow(&x->scope, ct, &f) && scope_has_one_way(&x->scope, &f);
}

static int want_gone(struct evict *x, const struct nf_conntrack *ct)
{
	struct nf_conntrack *key = nfct_new();
	int r;

	if (!key)
		return -ENOMEM;
	nfct_copy(key, ct, NFCT_CP_ORIG);
	if (nfct_attr_is_set(ct, ATTR_ZONE))
		nfct_set_attr_u16(key, ATTR_ZONE,
				  nfct_get_attr_u16(ct, ATTR_ZONE));
	r = ctnl_queue(&x->ct, IPCTNL_MSG_CT_DELETE, 0, key);
	nfct_destroy(key);
	return r;
}

static int look_at(const struct nlmsghdr *nlh, void *data)
{
	struct evict *x = data;
	struct nf_conntrack *ct = nfct_new();
	int r = ct ? 0 : -ENOMEM;

	if (!r && nfct_nlmsg_parse(nlh, ct) >= 0 && is_stale(x, ct))
		r = want_gone(x, ct);
	if (ct)
		nfct_destroy(ct);
	if (!r)
		return MNL_CB_OK;
	errno = -r;
	return MNL_CB_ERROR;
}

/* Gone by itself meanwhile is as good. */
static int pass(struct evict *x, bool *ret_more)
{
	int r = ctnl_dump(&x->ct, AF_INET, look_at, x);

	if (!r)
		r = ctnl_dump(&x->ct, AF_INET6, look_at, x);
	*ret_more = x->ct.queued != 0;
	return r ? r : ctnl_send(&x->ct, -ENOENT);
}

static int run(struct evict *x, const struct image *out,
	       const struct image *but)
{
	bool more = true;
	int r = scope_open(&x->scope, out, but);

	if (!r)
		r = ctnl_open(&x->ct);
	for (unsigned int i = 0; !r && more && i < PASSES; i++)
		r = pass(x, &more);
	return r;
}

int conntrack_evict(const struct image *out, const struct image *but,
		    size_t *ret_evicted, struct diags *d)
{
	struct evict x = { 0 };
	int r = run(&x, out, but);

	*ret_evicted = x.ct.done;
	host_trace("conntrack: %zu entries evicted = %d", x.ct.done, r);
	ctnl_close(&x.ct);
	scope_release(&x.scope);
	/* The kernel has no ctnetlink, so no entry can be stale for us. */
	if (!r || r == -EOPNOTSUPP || r == -EINVAL || r == -EPROTONOSUPPORT)
		return 0;
	return diag_add(d, DIAG_WARNING, r, ID_ENTRIES_KEPT, NOPOS,
			"entries of excluded services could not all be evicted from the table: %s",
			strerror(-r));
}
