/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <string.h>

#include "core/mem.h"
#include "host/conntrack/conntrack.h"
#include "host/conntrack/ctnetlink.h"
#include "host/conntrack/scope.h"
#include "host/conntrack/sockets.h"
#include "host/host.h"
#include "host/trace.h"

struct adopt {
	struct scope scope;
	struct sockets sockets;
	struct ctnl ct;
	uint32_t timeout;	/* seconds, of an established connection */
};

static void put_tuple(struct nf_conntrack *ct, const struct flow *f)
{
	bool v4 = f->family == AF_INET;

	nfct_set_attr_u8(ct, ATTR_L3PROTO, f->family);
	nfct_set_attr(ct, v4 ? ATTR_IPV4_SRC : ATTR_IPV6_SRC, f->saddr);
	nfct_set_attr(ct, v4 ? ATTR_IPV4_DST : ATTR_IPV6_DST, f->daddr);
	nfct_set_attr_u8(ct, ATTR_L4PROTO, f->proto);
	nfct_set_attr_u16(ct, ATTR_PORT_SRC, htons(f->sport));
	nfct_set_attr_u16(ct, ATTR_PORT_DST, htons(f->dport));
	nfct_setobjopt(ct, NFCT_SOPT_SETUP_REPLY);
}

/*
 * Established, seen from both sides. Nobody knows its windows, hence liberal,
 * as conntrackd(8) does it for a connection taken over.
 */
static void put_state(struct nf_conntrack *ct, uint32_t timeout)
{
	nfct_set_attr_u32(ct, ATTR_STATUS, IPS_SEEN_REPLY | IPS_ASSURED);
	nfct_set_attr_u32(ct, ATTR_TIMEOUT, timeout);
	nfct_set_attr_u8(ct, ATTR_TCP_STATE, TCP_CONNTRACK_ESTABLISHED);
	nfct_set_attr_u8(ct, ATTR_TCP_FLAGS_ORIG, IP_CT_TCP_FLAG_BE_LIBERAL);
	nfct_set_attr_u8(ct, ATTR_TCP_MASK_ORIG, IP_CT_TCP_FLAG_BE_LIBERAL);
	nfct_set_attr_u8(ct, ATTR_TCP_FLAGS_REPL, IP_CT_TCP_FLAG_BE_LIBERAL);
	nfct_set_attr_u8(ct, ATTR_TCP_MASK_REPL, IP_CT_TCP_FLAG_BE_LIBERAL);
}

static int want_entry(struct adopt *x, const struct flow *in)
{
	struct nf_conntrack *ct = nfct_new();
	struct flow first = *in;
	int r;

	if (!ct)
		return -ENOMEM;
	if (!sockets_serve(&x->sockets, in))
		first = flow_reversed(in);
	put_tuple(ct, &first);
	put_state(ct, x->timeout);
	r = ctnl_queue(&x->ct, IPCTNL_MSG_CT_NEW, NLM_F_CREATE | NLM_F_EXCL,
		       ct);
	nfct_destroy(ct);
	return r;
}

static int run(struct adopt *x, const struct image *out,
	       const struct image *but)
{
	int r = sockets_read(&x->sockets);

	if (r || !x->sockets.n)
		return r;
	r = scope_open(&x->scope, out, but);
	if (!r)
		r = ctnl_open(&x->ct);
	if (!r)
		r = host_tcp_timeout(&x->timeout);
	for (size_t i = 0; !r && i < x->sockets.n; i++) {
		struct flow *in = &x->sockets.v[i];

		scope_place(&x->scope, in);
		if (scope_has(&x->scope, in))
			r = want_entry(x, in);
	}
	/* Both ends of a connection may be here; and some are tracked. */
	return r ? r : ctnl_send(&x->ct, -EEXIST);
}

int conntrack_adopt(const struct image *out, const struct image *but,
		    size_t *ret_adopted, struct diags *d)
{
	struct adopt x = { 0 };
	int r = run(&x, out, but);

	*ret_adopted = x.ct.done;
	host_trace("conntrack: %zu connections adopted = %d", x.ct.done, r);
	ctnl_close(&x.ct);
	scope_release(&x.scope);
	sockets_release(&x.sockets);
	if (!r || r == -EOPNOTSUPP || r == -EPROTONOSUPPORT)
		return 0;
	return diag_add(d, DIAG_WARNING, r, ID_NOT_ADOPTED, NOPOS,
			"open connections could not all be put back into the table, and may have to be opened anew: %s",
			strerror(-r));
}
