/* SPDX-License-Identifier: GPL-2.0-or-later */
/* host/conntrack/evict.c: drop entries of flows that are no longer tracked. */
#include <errno.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <string.h>

#include "core/mem.h"
#include "host/conntrack/conntrack.h"
#include "host/conntrack/ctnetlink.h"
#include "host/conntrack/hash_size.h"
#include "host/conntrack/scope.h"
#include "host/conntrack/tuple.h"
#include "host/host.h"
#include "host/trace.h"

struct evict {
	struct scope scope;
	struct ctnl ct;
};

/*
 * A translated flow, or one in a zone of its own, is in the table because it
 * is tracked: its rules would have to be of another interface.
 */
static bool is_plain(const struct nf_conntrack *ct)
{
	return !(nfct_get_attr_u32(ct, ATTR_STATUS) & IPS_NAT_MASK) &&
	       !nfct_get_attr_u16(ct, ATTR_ZONE) &&
	       !nfct_get_attr_u16(ct, ATTR_ORIG_ZONE) &&
	       !nfct_get_attr_u16(ct, ATTR_REPL_ZONE);
}

static bool is_stale(struct evict *x, const struct nf_conntrack *ct)
{
	struct flow f;

	if (!is_plain(ct) || !tuple_get(ct, &f))
		return false;
	scope_place(&x->scope, &f);
	return scope_has_one_way(&x->scope, &f);
}

static int want_gone(struct evict *x, const struct nf_conntrack *ct)
{
	struct nf_conntrack *key = nfct_new();
	int err;

	if (!key)
		return -ENOMEM;
	nfct_copy(key, ct, NFCT_CP_ORIG);
	err = ctnl_queue(&x->ct, IPCTNL_MSG_CT_DELETE, 0, key);
	nfct_destroy(key);
	return err;
}

static int look_at(const struct nlmsghdr *nlh, void *arg)
{
	struct evict *x = arg;
	struct nf_conntrack *ct = nfct_new();
	int err = ct ? 0 : -ENOMEM;

	if (!err && nfct_nlmsg_parse(nlh, ct) >= 0 && is_stale(x, ct))
		err = want_gone(x, ct);
	if (ct)
		nfct_destroy(ct);
	return err;
}

/* One walk; entries that have expired by then are fine. */
static int run(struct evict *x, const struct image *out,
	       const struct image *but)
{
	int err = scope_open(&x->scope, out, but);

	if (!err)
		err = ctnl_open(&x->ct);
	if (!err)
		err = ctnl_dump(&x->ct, AF_UNSPEC, look_at, x);
	if (!err)
		err = scope_status(&x->scope);
	return err ? err : ctnl_send(&x->ct, -ENOENT);
}

int conntrack_evict(const struct image *out, const struct image *but,
		    size_t *ret_evicted, struct diags *d)
{
	struct evict x = { 0 };
	size_t count;
	int err;

	*ret_evicted = 0;
	/* A walk looks at the buckets of the whole machine. */
	if (host_conntrack_count(&count) || !count)
		return 0;
	err = run(&x, out, but);
	*ret_evicted = x.ct.done;
	host_trace("conntrack: %zu entries evicted = %d", x.ct.done, err);
	ctnl_close(&x.ct);
	scope_release(&x.scope);
	/* The kernel has no ctnetlink, so no entry can be found stale. */
	if (!err || err == -EOPNOTSUPP || err == -EINVAL ||
	    err == -EPROTONOSUPPORT)
		return 0;
	return diag_add(d, DIAG_WARNING, err, ID_ENTRIES_KEPT, NOPOS,
			"not all old conntrack entries could be dropped: %s",
			hash_size_reason(err));
}
