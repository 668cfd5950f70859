/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/conntrack/conntrack.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <string.h>

#include "backends/backend.h"
#include "backends/conntrack/local_addresses.h"
#include "core/mem.h"
#include "core/strbuf.h"

/* A packet on its way may leave an entry behind the first pass. */
#define PASSES 3
/* Deletions sent at once; each is answered. */
#define BATCH 64
#define MESSAGE_MAX 1024
#define RECEIVE_MAX 32768	/* what a dump gives at most at once */

struct flush {
	const struct ruleset *rs;
	struct prefix_set local;
	struct mnl_socket *nl;
	struct strbuf wanted;		/* deletions, one after the other */
	size_t n, evicted;
	uint32_t seq;
};

static bool in_set(const struct prefix_set *s, uint8_t family,
		   const uint8_t *addr)
{
	struct flow f = { .family = family };
	struct match m = { .daddr = *s };

	memcpy(f.daddr, addr, sizeof(f.daddr));
	return flow_matches(&f, &m);
}

static bool is_group(uint8_t family, const uint8_t *addr)
{
	static const uint8_t everyone[4] = { 255, 255, 255, 255 };

	if (family == AF_INET6)
		return addr[0] == 0xff;
	return (addr[0] & 0xf0) == 0xe0 || !memcmp(addr, everyone, 4);
}

static bool get_flow(const struct flush *x, const struct nf_conntrack *ct,
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
	f.to_local = in_set(&x->local, f.family, f.daddr);
	f.to_group = is_group(f.family, f.daddr);
	*ret = f;
	return true;
}

/*
 * Which of our hooks its first packet meets. A translated flow that is in the
 * table is tracked: its rules would have to be of another interface.
 */
static bool is_stale(const struct flush *x, const struct nf_conntrack *ct)
{
	struct flow f;
	bool from_local;

	if (nfct_get_attr_u32(ct, ATTR_STATUS) & IPS_NAT_MASK ||
	    !get_flow(x, ct, &f))
		return false;
	from_local = in_set(&x->local, f.family, f.saddr);
	f.loopback = from_local && f.to_local;
	return flow_find(&f, x->rs, from_local ? HOOK_OUTPUT : HOOK_PREROUTING,
			 ACTION_NOTRACK) != NULL;
}

static struct nlmsghdr *put_head(void *buf, uint16_t type, uint16_t flags,
				 uint8_t family, uint32_t seq)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *nfg;

	nlh->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	nlh->nlmsg_seq = seq;
	nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	nfg->nfgen_family = family;
	nfg->version = NFNETLINK_V0;
	return nlh;
}

static int want_gone(struct flush *x, const struct nf_conntrack *ct)
{
	struct nf_conntrack *key = nfct_new();
	union {
		struct nlmsghdr head;
		char room[MESSAGE_MAX];
	} buf;
	struct nlmsghdr *nlh;

	if (!key)
		return -ENOMEM;
	nfct_copy(key, ct, NFCT_CP_ORIG);
	if (nfct_attr_is_set(ct, ATTR_ZONE))
		nfct_set_attr_u16(key, ATTR_ZONE,
				  nfct_get_attr_u16(ct, ATTR_ZONE));
	nlh = put_head(&buf, IPCTNL_MSG_CT_DELETE, NLM_F_ACK,
		       nfct_get_attr_u8(ct, ATTR_L3PROTO), ++x->seq);
	if (!nfct_nlmsg_build(nlh, key)) {
		strbuf_add(&x->wanted, (const char *)nlh, nlh->nlmsg_len);
		x->n++;
	}
	nfct_destroy(key);
	return strbuf_status(&x->wanted);
}

static int look_at(const struct nlmsghdr *nlh, void *data)
{
	struct flush *x = data;
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

static ssize_t receive(struct flush *x, char *buf, size_t size)
{
	ssize_t n;

	do
		n = mnl_socket_recvfrom(x->nl, buf, size);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

static int dump(struct flush *x, uint8_t family)
{
	char buf[RECEIVE_MAX];
	uint32_t seq = ++x->seq;
	struct nlmsghdr *nlh = put_head(buf, IPCTNL_MSG_CT_GET, NLM_F_DUMP,
					family, seq);
	int more;

	if (mnl_socket_sendto(x->nl, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	do {
		ssize_t n = receive(x, buf, sizeof(buf));

		if (n < 0)
			return (int)n;
		more = mnl_cb_run(buf, (size_t)n, seq,
				  mnl_socket_get_portid(x->nl), look_at, x);
		/* Changed while it was read: the next pass sees the rest. */
		if (more < 0)
			return errno == EINTR ? 0 : -errno;
	} while (more > MNL_CB_STOP);
	return 0;
}

/* How many answers are in what was received; gone by itself is as good. */
static int count_answers(struct flush *x, const char *buf, ssize_t len,
			 size_t *ret)
{
	const struct nlmsghdr *nlh = (const void *)buf;
	int left = (int)len;

	for (; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
		const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);

		if (nlh->nlmsg_type != NLMSG_ERROR)
			continue;
		++*ret;
		if (!e->error)
			x->evicted++;
		else if (e->error != -ENOENT)
			return e->error;
	}
	return 0;
}

static int send_batch(struct flush *x, const char *at, size_t len, size_t n)
{
	char buf[RECEIVE_MAX];
	size_t answered = 0;
	int r = 0;

	if (mnl_socket_sendto(x->nl, at, len) < 0)
		return -errno;
	while (!r && answered < n) {
		ssize_t got = receive(x, buf, sizeof(buf));

		r = got < 0 ? (int)got : count_answers(x, buf, got, &answered);
	}
	return r;
}

static int delete_wanted(struct flush *x)
{
	const char *at = strbuf_str(&x->wanted), *end = at + x->wanted.n;
	int r = 0;

	while (!r && at < end) {
		size_t len = 0, n = 0;

		for (; n < BATCH && at + len < end; n++)
			len += NLMSG_ALIGN(((const struct nlmsghdr *)
				(const void *)(at + len))->nlmsg_len);
		r = send_batch(x, at, len, n);
		at += len;
	}
	return r;
}

static int pass(struct flush *x)
{
	int r;

	strbuf_clear(&x->wanted);
	x->n = 0;
	r = dump(x, AF_INET);
	if (!r)
		r = dump(x, AF_INET6);
	return r ? r : delete_wanted(x);
}

static int run(struct flush *x)
{
	int r = local_addresses(&x->local);

	if (!r && mnl_socket_bind(x->nl, 0, MNL_SOCKET_AUTOPID))
		r = -errno;
	for (unsigned int i = 0; !r && i < PASSES; i++) {
		r = pass(x);
		if (!x->n)
			break;
	}
	return r;
}

int conntrack_flush(const struct ruleset *rs, size_t *ret_evicted,
		    struct diags *d)
{
	struct flush x = { .rs = rs };
	int r;

	x.nl = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	r = x.nl ? run(&x) : -errno;
	if (x.nl)
		mnl_socket_close(x.nl);
	prefix_set_release(&x.local);
	strbuf_release(&x.wanted);
	backend_trace("conntrack: %zu entries evicted = %d", x.evicted, r);
	*ret_evicted = x.evicted;
	/* The kernel has no ctnetlink, so no entry can be stale for us. */
	if (!r || r == -EOPNOTSUPP || r == -EINVAL || r == -EPROTONOSUPPORT)
		return 0;
	return diag_add(d, DIAG_WARNING, r, "CT640", NOPOS,
			"entries of excluded services could not all be evicted from the table: %s",
			strerror(-r));
}
