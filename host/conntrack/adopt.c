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
#include "host/conntrack/hash_size.h"
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
	int err;

	if (!ct)
		return -ENOMEM;
	put_state(ct, x->timeout);
	err = ctnl_queue(&x->ct, IPCTNL_MSG_CT_NEW,
			 NLM_F_CREATE | (x->stale ? 0 : NLM_F_EXCL), ct);
	nfct_destroy(ct);
	return err ? err : adopted_add(&x->asked, first);
}

static int note_success(size_t i, void *arg)
{
	struct adopt *x = arg;

	return i < x->asked.n ? adopted_add(x->got, &x->asked.v[i]) : -EBADMSG;
}

/* The connection as its first packet went, if it should be adopted. */
static bool choose(struct adopt *x, struct flow *in)
{
	scope_place(&x->scope, in);
	if (!scope_has(&x->scope, in))
		return false;
	if (sockets_serve(&x->sockets, in))
		return true;
	*in = flow_reversed(in);
	/* Both ends are here: the other socket stands for the connection. */
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
	int err = 0;

	if (has_family(x, AF_INET))
		err = at_work(&x->ct, AF_INET, x->got->n, &v4);
	if (!err && has_family(x, AF_INET6))
		err = at_work(&x->ct, AF_INET6, x->got->n, &v6);
	for (size_t i = 0; !err && i < x->sockets.n; i++)
		if (x->sockets.v[i].family == AF_INET ? v4 : v6)
			err = want_entry(x, &x->sockets.v[i]);
	return err;
}

static int run(struct adopt *x, const struct image *out,
	       const struct image *but)
{
	int err = sockets_read(&x->sockets);

	if (err || !x->sockets.n)
		return err;
	err = scope_open(&x->scope, out, but);
	if (err)
		return err;
	if (!choose_all(x))
		return scope_status(&x->scope);
	err = host_tcp_timeout(&x->timeout);
	if (!err)
		err = ctnl_open(&x->ct);
	if (!err)
		err = want_entries(x);
	x->ct.succeeded = note_success;
	x->ct.arg = x;
	/* An entry that exists was made by the flow itself meanwhile. */
	if (!err)
		err = ctnl_send(&x->ct, -EEXIST);
	return err ? err : scope_status(&x->scope);
}

int conntrack_adopt(const struct image *out, const struct image *but,
		    bool stale, struct adopted *a, struct diags *d)
{
	struct adopt x = { .stale = stale, .got = a };
	size_t before = a->n, count;
	int err;

	if (host_conntrack_count(&count))
		return 0;
	err = run(&x, out, but);
	host_trace("conntrack: %zu connections adopted = %d", a->n - before,
		   err);
	ctnl_close(&x.ct);
	scope_release(&x.scope);
	sockets_release(&x.sockets);
	adopted_release(&x.asked);
	if (!err || err == -EOPNOTSUPP || err == -EPROTONOSUPPORT)
		return 0;
	return diag_add(d, DIAG_WARNING, err, ID_NOT_ADOPTED, NOPOS,
			"not all open connections got an entry in the connection table; some may have to be opened again: %s",
			hash_size_reason(err));
}

static int delete_families(struct ctnl *x, struct adopted *a,
			   const bool drop[2])
{
	size_t kept = 0;
	int err = 0;

	for (size_t i = 0; !err && i < a->n; i++) {
		struct nf_conntrack *key;

		if (!drop[a->v[i].family == AF_INET6]) {
			a->v[kept++] = a->v[i];
			continue;
		}
		key = tuple_new(&a->v[i]);
		err = key ? ctnl_queue(x, IPCTNL_MSG_CT_DELETE, 0, key) :
			    -ENOMEM;
		if (key)
			nfct_destroy(key);
	}
	if (!err)
		a->n = kept;
	return err ? err : ctnl_send(x, -ENOENT);
}

static int find_untracked(struct ctnl *x, const struct adopted *a,
			  bool ret_drop[2])
{
	static const uint8_t families[2] = { AF_INET, AF_INET6 };
	int err = 0;

	for (size_t i = 0; !err && i < 2; i++) {
		bool works = true;

		for (size_t k = 0; k < a->n; k++)
			if (a->v[k].family == families[i]) {
				err = at_work(x, families[i], a->n, &works);
				break;
			}
		ret_drop[i] = !works;
	}
	return err;
}

static int give_up(struct adopted *a, bool all, struct diags *d)
{
	bool drop[2] = { all, all };
	struct ctnl x;
	int err;

	if (!a->n)
		return 0;
	err = ctnl_open(&x);
	if (!err && !all)
		err = find_untracked(&x, a, drop);
	if (!err && (drop[0] || drop[1]))
		err = delete_families(&x, a, drop);
	ctnl_close(&x);
	host_trace("conntrack: %zu adopted connections kept = %d", a->n, err);
	return !err ? 0 :
	       diag_add(d, DIAG_WARNING, err, ID_ENTRIES_KEPT, NOPOS,
			  "not all old conntrack entries could be dropped: %s",
			  hash_size_reason(err));
}

int conntrack_keep_tracked(struct adopted *a, struct diags *d)
{
	return give_up(a, false, d);
}

int conntrack_disown(struct adopted *a, struct diags *d)
{
	return give_up(a, true, d);
}
