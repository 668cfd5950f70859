/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host/conntrack/adopt.c: make entries for open connections that are
 * tracked again.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <string.h>

#include "core/mem.h"
#include "host/conntrack/at_work.h"
#include "host/conntrack/conntrack.h"
#include "host/conntrack/ctnetlink.h"
#include "host/conntrack/scope.h"
#include "host/conntrack/sockets.h"
#include "host/conntrack/tuple.h"
#include "host/host.h"
#include "host/trace.h"

struct adopt {
	struct scope scope;
	struct sockets sockets;
	struct ctnl ct;
	uint32_t timeout;	/* seconds, of an established connection */
	bool stale;
	struct adopted asked;	/* in the order that they were asked for */
	struct adopted *got;
};

void adopted_release(struct adopted *a)
{
	free(a->v);
	*a = (struct adopted){ 0 };
}

static int adopted_add(struct adopted *a, const struct flow *f)
{
	if (mem_grow(&a->v, &a->cap, a->n + 1))
		return -ENOMEM;
	a->v[a->n++] = *f;
	return 0;
}

/*
 * Established, seen from both sides. Nobody knows its windows, hence liberal,
 * as conntrackd(8) does it for a connection taken over.
 */
static void put_state(struct nf_conntrack *ct, uint32_t timeout)
{
	nfct_set_attr_u32(ct, ATTR_STATUS, IPS_CONFIRMED | IPS_SEEN_REPLY |
					   IPS_ASSURED);
	nfct_set_attr_u32(ct, ATTR_TIMEOUT, timeout);
	nfct_set_attr_u8(ct, ATTR_TCP_STATE, TCP_CONNTRACK_ESTABLISHED);
	nfct_set_attr_u8(ct, ATTR_TCP_FLAGS_ORIG, IP_CT_TCP_FLAG_BE_LIBERAL);
	nfct_set_attr_u8(ct, ATTR_TCP_MASK_ORIG, IP_CT_TCP_FLAG_BE_LIBERAL);
	nfct_set_attr_u8(ct, ATTR_TCP_FLAGS_REPL, IP_CT_TCP_FLAG_BE_LIBERAL);
	nfct_set_attr_u8(ct, ATTR_TCP_MASK_REPL, IP_CT_TCP_FLAG_BE_LIBERAL);
}

static int want_entry(struct adopt *x, const struct flow *first)
{
	struct nf_conntrack *ct = tuple_new(first);
	int r;

	if (!ct)
		return -ENOMEM;
	put_state(ct, x->timeout);
	r = ctnl_queue(&x->ct, IPCTNL_MSG_CT_NEW,
		       NLM_F_CREATE | (x->stale ? 0 : NLM_F_EXCL), ct);
	nfct_destroy(ct);
	return r ? r : adopted_add(&x->asked, first);
}

static int note_success(size_t i, void *arg)
{
	struct adopt *x = arg;

	return i < x->asked.n ? adopted_add(x->got, &x->asked.v[i]) : -EBADMSG;
}

/* The connection as its first packet went, if it is one of ours to adopt. */
static bool choose(struct adopt *x, struct flow *in)
{
	scope_place(&x->scope, in);
	if (!scope_has(&x->scope, in))
		return false;
	if (sockets_serve(&x->sockets, in))
		return true;
	*in = flow_reversed(in);
	/* The socket at the other end, which is here too, speaks for both. */
	return !in->loopback || !sockets_serve(&x->sockets, in);
}

static size_t choose_all(struct adopt *x)
{
	size_t n = 0;

	for (size_t i = 0; i < x->sockets.n; i++) {
		struct flow f = x->sockets.v[i];

		if (choose(x, &f))
			x->sockets.v[n++] = f;
	}
	return x->sockets.n = n;
}

static bool has_family(const struct adopt *x, uint8_t family)
{
	for (size_t i = 0; i < x->sockets.n; i++)
		if (x->sockets.v[i].family == family)
			return true;
	return false;
}

static int want_entries(struct adopt *x)
{
	bool v4 = false, v6 = false;
	int r = 0;

	if (has_family(x, AF_INET))
		r = at_work(&x->ct, AF_INET, x->got->n, &v4);
	if (!r && has_family(x, AF_INET6))
		r = at_work(&x->ct, AF_INET6, x->got->n, &v6);
	for (size_t i = 0; !r && i < x->sockets.n; i++)
		if (x->sockets.v[i].family == AF_INET ? v4 : v6)
			r = want_entry(x, &x->sockets.v[i]);
	return r;
}

static int run(struct adopt *x, const struct image *out,
	       const struct image *but)
{
	int r = sockets_read(&x->sockets);

	if (r || !x->sockets.n)
		return r;
	r = scope_open(&x->scope, out, but);
	if (r)
		return r;
	if (!choose_all(x))
		return scope_status(&x->scope);
	r = host_tcp_timeout(&x->timeout);
	if (!r)
		r = ctnl_open(&x->ct);
	if (!r)
		r = want_entries(x);
	x->ct.succeeded = note_success;
	x->ct.arg = x;
	/* An entry that is there is one that the flow made meanwhile. */
	if (!r)
		r = ctnl_send(&x->ct, -EEXIST);
	return r ? r : scope_status(&x->scope);
}

int conntrack_adopt(const struct image *out, const struct image *but,
		    bool stale, struct adopted *a, struct diags *d)
{
	struct adopt x = { .stale = stale, .got = a };
	size_t before = a->n, count;
	int r;

	if (host_conntrack_count(&count))
		return 0;
	r = run(&x, out, but);
	host_trace("conntrack: %zu connections adopted = %d", a->n - before, r);
	ctnl_close(&x.ct);
	scope_release(&x.scope);
	sockets_release(&x.sockets);
	adopted_release(&x.asked);
	if (!r || r == -EOPNOTSUPP || r == -EPROTONOSUPPORT)
		return 0;
	return diag_add(d, DIAG_WARNING, r, ID_NOT_ADOPTED, NOPOS,
			"not all open connections got an entry in the connection table; some may have to be opened again: %s",
			strerror(-r));
}

static int delete_families(struct ctnl *x, struct adopted *a,
			   const bool drop[2])
{
	size_t kept = 0;
	int r = 0;

	for (size_t i = 0; !r && i < a->n; i++) {
		struct nf_conntrack *key;

		if (!drop[a->v[i].family == AF_INET6]) {
			a->v[kept++] = a->v[i];
			continue;
		}
		key = tuple_new(&a->v[i]);
		r = key ? ctnl_queue(x, IPCTNL_MSG_CT_DELETE, 0, key) : -ENOMEM;
		if (key)
			nfct_destroy(key);
	}
	if (!r)
		a->n = kept;
	return r ? r : ctnl_send(x, -ENOENT);
}

static int find_untracked(struct ctnl *x, const struct adopted *a,
			  bool ret_drop[2])
{
	static const uint8_t families[2] = { AF_INET, AF_INET6 };
	int r = 0;

	for (size_t i = 0; !r && i < 2; i++) {
		bool works = true;

		for (size_t k = 0; k < a->n; k++)
			if (a->v[k].family == families[i]) {
				r = at_work(x, families[i], a->n, &works);
				break;
			}
		ret_drop[i] = !works;
	}
	return r;
}

static int give_up(struct adopted *a, bool all, struct diags *d)
{
	bool drop[2] = { all, all };
	struct ctnl x;
	int r;

	if (!a->n)
		return 0;
	r = ctnl_open(&x);
	if (!r && !all)
		r = find_untracked(&x, a, drop);
	if (!r && (drop[0] || drop[1]))
		r = delete_families(&x, a, drop);
	ctnl_close(&x);
	host_trace("conntrack: %zu adopted connections kept = %d", a->n, r);
	return !r ? 0 :
	       diag_add(d, DIAG_WARNING, r, ID_ENTRIES_KEPT, NOPOS,
			"not all old conntrack entries could be dropped: %s",
			strerror(-r));
}

int conntrack_keep_tracked(struct adopted *a, struct diags *d)
{
	return give_up(a, false, d);
}

int conntrack_disown(struct adopted *a, struct diags *d)
{
	return give_up(a, true, d);
}
