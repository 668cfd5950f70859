/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/fuzz/fuzz_ipt_kernel_packet.c: does a packet match an entry? Said after
 * the kernel's own functions, and by the payload alone: what libxtables makes
 * of it has no part in this.
 */
#include <arpa/inet.h>
#include <string.h>

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/xt_CT.h>
#include <linux/netfilter/xt_addrtype.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_dccp.h>
#include <linux/netfilter/xt_multiport.h>
#include <linux/netfilter/xt_sctp.h>
#include <linux/netfilter/xt_set.h>
#include <linux/netfilter/xt_socket.h>
#include <linux/netfilter/xt_state.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <linux/netfilter_ipv6/ip6t_frag.h>

#include "core/digest.h"
#include "core/mem.h"
#include "tests/fuzz/fuzz_ipt_kernel.h"

/* A match in either family, with what the kernel passes to it beside. */
struct look {
	const struct fuzz_packet *p;
	const struct xt_entry_match *m;
	const void *data;
	uint8_t revision;
	bool v4;
};

/* The same answer for the same data, and as often yes as no. */
static bool by_luck(const struct fuzz_packet *p, const void *data, size_t n)
{
	uint64_t h = digest_add(DIGEST_START, &p->luck, sizeof(p->luck));

	h = digest_add(h, data, n);
	return (h ^ h >> 17 ^ h >> 43) & 1;
}

static bool opaque(const struct look *l)
{
	return by_luck(l->p, l->m, l->m->u.match_size);
}

static bool within(uint16_t port, const uint16_t v[2], bool invert)
{
	return (port >= v[0] && port <= v[1]) != invert;
}

static bool tcp(const struct look *l)
{
	const struct xt_tcp *m = l->data;
	bool flags = (l->p->tcp_flags & m->flg_mask) == m->flg_cmp;

	return !l->p->tail &&
	       within(l->p->sport, m->spts, m->invflags & XT_TCP_INV_SRCPT) &&
	       within(l->p->dport, m->dpts, m->invflags & XT_TCP_INV_DSTPT) &&
	       flags != !!(m->invflags & XT_TCP_INV_FLAGS) &&
	       (!m->option || opaque(l));
}

static bool udp(const struct look *l)
{
	const struct xt_udp *m = l->data;

	return !l->p->tail &&
	       within(l->p->sport, m->spts, m->invflags & XT_UDP_INV_SRCPT) &&
	       within(l->p->dport, m->dpts, m->invflags & XT_UDP_INV_DSTPT);
}

static bool sctp(const struct look *l)
{
	const struct xt_sctp_info *m = l->data;

	return !l->p->tail &&
	       (!(m->flags & XT_SCTP_SRC_PORTS) ||
		within(l->p->sport, m->spts,
		       m->invflags & XT_SCTP_SRC_PORTS)) &&
	       (!(m->flags & XT_SCTP_DEST_PORTS) ||
		within(l->p->dport, m->dpts,
		       m->invflags & XT_SCTP_DEST_PORTS)) &&
	       (!(m->flags & XT_SCTP_CHUNK_TYPES) || opaque(l));
}

static bool dccp(const struct look *l)
{
	const struct xt_dccp_info *m = l->data;

	return !l->p->tail &&
	       (!(m->flags & XT_DCCP_SRC_PORTS) ||
		within(l->p->sport, m->spts,
		       m->invflags & XT_DCCP_SRC_PORTS)) &&
	       (!(m->flags & XT_DCCP_DEST_PORTS) ||
		within(l->p->dport, m->dpts,
		       m->invflags & XT_DCCP_DEST_PORTS)) &&
	       (!(m->flags & (XT_DCCP_TYPE | XT_DCCP_OPTION)) || opaque(l));
}

static bool multiport(const struct look *l)
{
	const struct xt_multiport_v1 *m = l->data;
	bool src = m->flags != XT_MULTIPORT_DESTINATION;
	bool dst = m->flags != XT_MULTIPORT_SOURCE;

	if (l->p->tail)
		return false;
	for (unsigned int i = 0; i < m->count; i++) {
		uint16_t v[2] = { m->ports[i], m->ports[i] };

		/* At the end of the array the kernel reads on, too. */
		if (m->pflags[i] && ++i < XT_MULTI_PORTS)
			v[1] = m->ports[i];
		if ((src && within(l->p->sport, v, false)) ||
		    (dst && within(l->p->dport, v, false)))
			return !m->invert;
	}
	return m->invert;
}

static bool icmp(const struct look *l)
{
	const struct ipt_icmp *m = l->data;
	const struct fuzz_packet *p = l->p;
	bool any = l->v4 && m->type == 255;
	bool same = any || (p->icmp_type == m->type &&
			    p->icmp_code >= m->code[0] &&
			    p->icmp_code <= m->code[1]);

	return !p->tail && same != (m->invflags & IPT_ICMP_INV);
}

static bool frag(const struct look *l)
{
	const struct ip6t_frag *m = l->data;
	bool all = !m->ids[0] && m->ids[1] == UINT32_MAX &&
		   !(m->invflags & IP6T_FRAG_INV_IDS);
	uint8_t others = m->flags & (IP6T_FRAG_RES | IP6T_FRAG_MF |
				     IP6T_FRAG_NMF);

	return l->p->fragmented &&
	       (!(m->flags & IP6T_FRAG_FST) || !l->p->tail) &&
	       ((all && !others) || opaque(l));
}

static bool is_type(const struct look *l, uint16_t type, uint16_t mask)
{
	const uint16_t routed = XT_ADDRTYPE_LOCAL | XT_ADDRTYPE_ANYCAST |
				XT_ADDRTYPE_UNREACHABLE;
	bool group = type == XT_ADDRTYPE_MULTICAST;

	if (l->v4)
		return mask & type;
	if ((mask & XT_ADDRTYPE_MULTICAST && !group) ||
	    (mask & XT_ADDRTYPE_UNICAST && group) ||
	    (mask & XT_ADDRTYPE_UNSPEC && type != XT_ADDRTYPE_UNSPEC))
		return false;
	return !(mask & routed) || mask & type & routed;
}

static bool addrtype(const struct look *l)
{
	const struct xt_addrtype_info *m0 = l->data;
	const struct xt_addrtype_info_v1 *m = l->data;
	bool src = l->revision ? m->flags & XT_ADDRTYPE_INVERT_SOURCE :
				 m0->invert_source;
	bool dst = l->revision ? m->flags & XT_ADDRTYPE_INVERT_DEST :
				 m0->invert_dest;
	bool limited = l->revision && m->flags & (XT_ADDRTYPE_LIMIT_IFACE_IN |
						  XT_ADDRTYPE_LIMIT_IFACE_OUT);

	return (!m->source || is_type(l, l->p->src_type, m->source) != src) &&
	       (!m->dest || is_type(l, l->p->dst_type, m->dest) != dst) &&
	       (!limited || opaque(l));
}

static uint16_t state_of(const struct fuzz_packet *p)
{
	if (p->state)
		return p->state;
	return p->untracked ? XT_CONNTRACK_STATE_UNTRACKED :
			      XT_CONNTRACK_STATE_INVALID;
}

static bool conntrack(const struct look *l)
{
	const struct xt_conntrack_mtinfo1 *m1 = l->data;
	const struct xt_conntrack_mtinfo2 *m = l->data;
	uint16_t mask = l->revision == 1 ? m1->state_mask : m->state_mask;
	uint16_t others = m->match_flags & (uint16_t)~(XT_CONNTRACK_STATE |
						XT_CONNTRACK_STATE_ALIAS);
	bool by_state = m->match_flags & XT_CONNTRACK_STATE;

	if (by_state && !!(mask & state_of(l->p)) ==
			!!(m->invert_flags & XT_CONNTRACK_STATE))
		return false;
	if (!l->p->state)
		return by_state;
	return !others || opaque(l);
}

static bool state(const struct look *l)
{
	const struct xt_state_info *m = l->data;

	if (l->p->state)
		return m->statemask & l->p->state;
	return m->statemask & (l->p->untracked ? XT_STATE_UNTRACKED :
						 XT_STATE_INVALID);
}

/* Revision 0 has a word for each dimension. */
static struct xt_set_info set_info(const struct look *l)
{
	const struct xt_set_info_v0 *m = l->data;
	struct xt_set_info r = { .index = m->index };

	if (l->revision)
		return *(const struct xt_set_info *)l->data;
	while (r.dim < IPSET_DIM_MAX && m->u.flags[r.dim]) {
		r.dim++;
		if (m->u.flags[r.dim - 1] & IPSET_SRC)
			r.flags |= (uint8_t)(1u << r.dim);
	}
	if (m->u.flags[0] & IPSET_MATCH_INV)
		r.flags |= IPSET_INV_MATCH;
	return r;
}

static bool set(const struct look *l)
{
	const struct xt_set_info_match_v3 *m3 = l->data;
	const struct xt_set_info_match_v4 *m4 = l->data;
	const uint32_t with = IPSET_FLAG_RETURN_NOMATCH;
	struct xt_set_info r = set_info(l);
	bool invert = r.flags & IPSET_INV_MATCH, there, more = false;

	if (l->revision == 3)
		more = m3->flags & with || m3->packets.op || m3->bytes.op;
	if (l->revision == 4)
		more = m4->flags & with || m4->packets.op || m4->bytes.op;
	r.flags &= (uint8_t)((2u << r.dim) - 2);
	there = by_luck(l->p, &r, sizeof(r));
	return there != invert && (!more || opaque(l));
}

static bool sock(const struct look *l)
{
	uint8_t flags = l->revision ? *(const uint8_t *)l->data : 0;
	const struct fuzz_packet *p = l->p;

	return p->socket && (flags & XT_SOCKET_NOWILDCARD || !p->wildcard) &&
	       (!(flags & XT_SOCKET_TRANSPARENT) || p->transparent) &&
	       (!(flags & XT_SOCKET_RESTORESKMARK) || opaque(l));
}

static bool comment(const struct look *l)
{
	(void)l;
	return true;
}

static bool match(const struct look *l)
{
	static const struct {
		const char *name;
		bool (*fn)(const struct look *l);
	} known[] = {
		{ "tcp", tcp }, { "udp", udp }, { "udplite", udp },
		{ "sctp", sctp }, { "dccp", dccp }, { "multiport", multiport },
		{ "icmp", icmp }, { "icmp6", icmp }, { "frag", frag },
		{ "addrtype", addrtype }, { "conntrack", conntrack },
		{ "state", state }, { "set", set }, { "socket", sock },
		{ "comment", comment },
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (!strcmp(l->m->u.user.name, known[i].name) &&
		    fuzz_has_revision(known[i].name, l->revision, false))
			return known[i].fn(l);
	return opaque(l);
}

static bool same_addr(const uint8_t *addr, const void *want, const void *mask,
		      size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((addr[i] & ((const uint8_t *)mask)[i]) !=
		    ((const uint8_t *)want)[i])
			return false;
	return true;
}

static bool same_iface(const char *name, const char *want, const void *mask)
{
	for (size_t i = 0; i < 16; i++)
		if ((name[i] ^ want[i]) & ((const char *)mask)[i])
			return false;
	return true;
}

/* ip_packet_match() */
static bool head_4(const struct ipt_ip *ip, const struct fuzz_packet *p)
{
	uint8_t inv = ip->invflags;

	return same_addr(p->src, &ip->src, &ip->smsk, 4) !=
		       !!(inv & IPT_INV_SRCIP) &&
	       same_addr(p->dst, &ip->dst, &ip->dmsk, 4) !=
		       !!(inv & IPT_INV_DSTIP) &&
	       same_iface(p->iif, ip->iniface, ip->iniface_mask) !=
		       !!(inv & IPT_INV_VIA_IN) &&
	       same_iface(p->oif, ip->outiface, ip->outiface_mask) !=
		       !!(inv & IPT_INV_VIA_OUT) &&
	       (!ip->proto ||
		(ip->proto == p->proto) != !!(inv & IPT_INV_PROTO)) &&
	       (!(ip->flags & IPT_F_FRAG) || p->tail) !=
		       !!(inv & IPT_INV_FRAG);
}

/* ip6_packet_match() */
static bool head_6(const struct ip6t_ip6 *ip, const struct fuzz_packet *p)
{
	uint8_t inv = ip->invflags;

	if (same_addr(p->src, &ip->src, &ip->smsk, 16) ==
		    !!(inv & IP6T_INV_SRCIP) ||
	    same_addr(p->dst, &ip->dst, &ip->dmsk, 16) ==
		    !!(inv & IP6T_INV_DSTIP) ||
	    same_iface(p->iif, ip->iniface, ip->iniface_mask) ==
		    !!(inv & IP6T_INV_VIA_IN) ||
	    same_iface(p->oif, ip->outiface, ip->outiface_mask) ==
		    !!(inv & IP6T_INV_VIA_OUT))
		return false;
	if (!(ip->flags & IP6T_F_PROTO))
		return true;
	if (ip->proto == p->proto)
		return !(inv & IP6T_INV_PROTO);
	return !ip->proto || inv & IP6T_INV_PROTO;
}

bool fuzz_matches(bool v4, const void *entry, const struct fuzz_packet *p)
{
	const struct ipt_entry *e4 = entry;
	const struct ip6t_entry *e6 = entry;
	size_t at = v4 ? sizeof(*e4) : sizeof(*e6);
	size_t end = v4 ? e4->target_offset : e6->target_offset;

	if (v4 ? !head_4(&e4->ip, p) : !head_6(&e6->ipv6, p))
		return false;
	while (at < end) {
		const struct xt_entry_match *m =
			(const void *)((const char *)entry + at);
		struct look l = { p, m, m->data, m->u.user.revision, v4 };

		if (!match(&l))
			return false;
		at += m->u.match_size;
	}
	return true;
}

struct xt_entry_target *fuzz_target_of(bool v4, void *entry)
{
	size_t at = v4 ? ((struct ipt_entry *)entry)->target_offset :
			 ((struct ip6t_entry *)entry)->target_offset;

	return (void *)((char *)entry + at);
}

bool fuzz_untracks(bool v4, void *entry)
{
	const struct xt_entry_target *t = fuzz_target_of(v4, entry);
	const struct xt_ct_target_info *ct = (const void *)t->data;

	return !strcmp(t->u.user.name, "NOTRACK") ||
	       (!strcmp(t->u.user.name, "CT") && ct->flags & XT_CT_NOTRACK);
}

/* One of the numbers around those that the entry has. */
static uint16_t near_port(struct fuzz_input *in)
{
	static const uint16_t v[] = { 80, 81, 79, 1023, 1024, 53, 0, 65535 };

	return v[fuzz_take(in) % ARRAY_SIZE(v)];
}

static void fit_head(bool v4, const void *entry, struct fuzz_packet *p)
{
	const struct ipt_ip *ip = &((const struct ipt_entry *)entry)->ip;
	const struct ip6t_ip6 *ip6 =
		&((const struct ip6t_entry *)entry)->ipv6;

	memcpy(p->src, v4 ? (const void *)&ip->src : &ip6->src, v4 ? 4 : 16);
	memcpy(p->dst, v4 ? (const void *)&ip->dst : &ip6->dst, v4 ? 4 : 16);
	memcpy(p->iif, v4 ? ip->iniface : ip6->iniface, 16);
	memcpy(p->oif, v4 ? ip->outiface : ip6->outiface, 16);
	p->proto = (uint8_t)(v4 ? ip->proto : ip6->proto);
}

/* A device's name is padded with zeros. */
static void pad_name(char name[16])
{
	size_t n = strnlen(name, 15);

	memset(name + n, 0, 16 - n);
}

/* A packet that the head fits, but for what `odd` says. */
void fuzz_packet(struct fuzz_input *in, bool v4, const void *entry,
		 struct fuzz_packet *ret)
{
	uint8_t odd = fuzz_take(in), bits = fuzz_take(in);
	static const uint16_t states[] = {
		0, 0, 0, XT_CONNTRACK_STATE_BIT(IP_CT_NEW),
		XT_CONNTRACK_STATE_BIT(IP_CT_ESTABLISHED),
	};

	*ret = (struct fuzz_packet){ 0 };
	fit_head(v4, entry, ret);
	if (odd < 16)
		ret->src[odd % (v4 ? 4 : 16)] ^= bits;
	else if (odd < 32)
		ret->dst[odd % (v4 ? 4 : 16)] ^= bits;
	else if (odd < 48)
		ret->iif[odd % 16] ^= (char)bits;
	else if (odd < 64)
		ret->oif[odd % 16] ^= (char)bits;
	else if (odd < 80)
		ret->proto = fuzz_take(in);
	pad_name(ret->iif);
	pad_name(ret->oif);
	ret->fragmented = bits % 2;
	ret->tail = ret->fragmented && bits & 2;
	ret->socket = bits & 4;
	ret->wildcard = bits & 8;
	ret->transparent = bits & 16;
	ret->untracked = bits & 32;
	ret->state = states[fuzz_take(in) % ARRAY_SIZE(states)];
	ret->src_type = (uint16_t)(1u << fuzz_take(in) % 8);
	ret->dst_type = (uint16_t)(1u << fuzz_take(in) % 8);
	ret->sport = near_port(in);
	ret->dport = near_port(in);
	ret->tcp_flags = fuzz_take(in) & 0x3f;
	ret->icmp_type = fuzz_take(in) % 4 ? 3 : fuzz_take(in);
	ret->icmp_code = fuzz_take(in) % 8;
	ret->luck = fuzz_take(in);
}
