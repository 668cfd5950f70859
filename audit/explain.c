/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/explain.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "audit/keepers.h"
#include "core/fault.h"

#define NEW NF_CT_STATE_BIT(IP_CT_NEW)
#define ESTABLISHED NF_CT_STATE_BIT(IP_CT_ESTABLISHED)
#define RELATED NF_CT_STATE_BIT(IP_CT_RELATED)

#define FIN 0x01
#define SYN 0x02
#define RST 0x04
#define ACK 0x10

/* What a declared object keeps on depends on its family, which is not kept. */
enum truth explain_tracking(const struct foreign *f, uint8_t family)
{
	struct keepers k;

	keepers_find(f, &k);
	if (family == NFPROTO_IPV4 ? k.ipv4.rules : k.ipv6.rules)
		return TRUTH_YES;
	return k.objects ? TRUTH_MAYBE : TRUTH_NO;
}

static bool is_loopback(uint8_t family, const uint8_t *addr)
{
	static const uint8_t one[16] = { [15] = 1 };

	return family == NFPROTO_IPV4 ? addr[0] == 127 :
					!memcmp(addr, one, sizeof(one));
}

static bool is_multicast(uint8_t family, const uint8_t *addr)
{
	return family == NFPROTO_IPV4 ? addr[0] >> 4 == 14 : addr[0] == 0xff;
}

/* Of a subnet, or of all: no mask tells which. */
static bool may_be_broadcast(uint8_t family, const uint8_t *addr)
{
	return family == NFPROTO_IPV4 && (addr[3] == 255 || !addr[0]);
}

static enum truth is_local(const struct packet_spec *spec,
			   const struct packet_end *e,
			   const struct explain_host *host)
{
	if (e->any)
		return TRUTH_MAYBE;
	if (is_loopback(spec->family, e->at.addr))
		return TRUTH_YES;
	if (!host->knows_local)
		return TRUTH_MAYBE;
	return prefix_set_contains(host->local, e->at.family, e->at.addr) ?
		       TRUTH_YES : TRUTH_NO;
}

/* What is for all hosts is for this one, and is not routed by chance. */
static enum truth is_for_host(const struct packet_spec *spec,
			      const struct explain_host *host)
{
	if (!spec->to.any &&
	    (is_multicast(spec->family, spec->to.at.addr) ||
	     may_be_broadcast(spec->family, spec->to.at.addr)))
		return host->out ? TRUTH_MAYBE : TRUTH_YES;
	return is_local(spec, &spec->to, host);
}

static bool is_lo(const char *name)
{
	return name && !strcmp(name, "lo");
}

static enum packet_path path_of(const struct packet_spec *spec,
				const struct explain_host *host,
				bool *ret_assumed)
{
	enum truth from = is_local(spec, &spec->from, host);
	enum truth to = is_for_host(spec, host);

	*ret_assumed = false;
	if (is_lo(host->in) || is_lo(host->out) ||
	    (from == TRUTH_YES && is_local(spec, &spec->to, host) == TRUTH_YES))
		return PATH_LOOPBACK;
	if (host->in && host->out)
		return PATH_FORWARDED;
	if (from == TRUTH_YES && !host->in)
		return PATH_FROM_HOST;
	if (to == TRUTH_YES && !host->out)
		return PATH_TO_HOST;
	*ret_assumed = from == TRUTH_MAYBE || to == TRUTH_MAYBE;
	if (host->out)
		return from == TRUTH_NO ? PATH_FORWARDED : PATH_FROM_HOST;
	return to == TRUTH_NO && from != TRUTH_MAYBE ? PATH_FORWARDED :
						       PATH_TO_HOST;
}

static void set_type(const struct packet_spec *spec,
		     const struct packet_end *e, bool here,
		     enum packet_field x, struct packet *p)
{
	const uint8_t *addr = e->at.addr;

	if (is_loopback(spec->family, addr) || (here && !e->any &&
	    !is_multicast(spec->family, addr) &&
	    !may_be_broadcast(spec->family, addr)))
		packet_set_number(p, x, RTN_LOCAL);
	else if (e->any)
		packet_forget(p, x);
	else if (is_multicast(spec->family, addr))
		packet_set_number(p, x, RTN_MULTICAST);
	else if (may_be_broadcast(spec->family, addr))
		packet_forget(p, x);
	else
		packet_set_number(p, x, RTN_UNICAST);
}

static void set_types(const struct packet_spec *spec,
		      const struct explain_host *host, struct packet *p)
{
	bool from = p->path == PATH_FROM_HOST || p->path == PATH_LOOPBACK;
	bool to = p->path == PATH_TO_HOST || p->path == PATH_LOOPBACK;

	if (host->knows_local) {
		from = is_local(spec, &spec->from, host) == TRUTH_YES;
		to = is_local(spec, &spec->to, host) == TRUTH_YES;
	}
	set_type(spec, &spec->from, from, FIELD_SADDR_TYPE, p);
	set_type(spec, &spec->to, to, FIELD_DADDR_TYPE, p);
}

static bool is_icmp_error(const struct packet_spec *s)
{
	if (!s->has_type)
		return false;
	if (s->proto == IPPROTO_ICMPV6)
		return s->type >= 1 && s->type <= 4;
	return s->proto == IPPROTO_ICMP &&
	       (s->type == 3 || s->type == 4 || s->type == 5 ||
		s->type == 11 || s->type == 12);
}

/* What is certain of the state without the table: a SYN opens a flow. */
static uint8_t states_of(const struct packet_spec *s)
{
	uint8_t open = s->flags & (FIN | SYN | RST | ACK);

	if (s->proto == IPPROTO_TCP && s->has_flags && open == SYN)
		return NEW;
	if (is_icmp_error(s))
		return RELATED | NF_CT_STATE_INVALID_BIT;
	return NEW | ESTABLISHED | RELATED | NF_CT_STATE_INVALID_BIT;
}

static void set_iface(struct packet *p, enum packet_field x, const char *name)
{
	if (name && p->path != PATH_LOOPBACK)
		packet_set_iface(p, x, name);
}

static void build(const struct packet_spec *spec,
		  const struct explain_host *host, enum packet_path path,
		  struct packet *ret)
{
	packet_of_spec(spec, path, ret);
	set_iface(ret, FIELD_IIF, host->in);
	set_iface(ret, FIELD_OIF, host->out);
	set_types(spec, host, ret);
	ret->tracking = host->tracking;
	ret->ct_states = host->states ? host->states :
			 spec->states ? spec->states : states_of(spec);
}

int explain_packet(const struct packet_spec *spec,
		   const struct explain_host *host, struct packet *ret,
		   bool *ret_assumed, struct diags *d)
{
	bool assumed;
	enum packet_path path = path_of(spec, host, &assumed);

	if (path == PATH_LOOPBACK && ((host->in && !is_lo(host->in)) ||
				      (host->out && !is_lo(host->out))))
		return diag_add(d, DIAG_ERROR, -FAULT_USAGE, ID_BAD_PACKET,
				NOPOS,
				"a packet on loopback uses no other interface than lo");
	build(spec, host, path, ret);
	*ret_assumed = assumed;
	return 0;
}

/* Without an entry, conntrack sees the answer as the flow's first packet. */
static uint8_t states_of_reply(const struct packet_spec *s, enum truth tracked)
{
	uint8_t first = NEW;

	if (s->proto == IPPROTO_TCP)
		first = s->has_flags && s->flags & (SYN | RST) ?
				(uint8_t)NF_CT_STATE_INVALID_BIT :
				NEW | NF_CT_STATE_INVALID_BIT;
	else if (s->has_type)
		first = NF_CT_STATE_INVALID_BIT;
	return tracked == TRUTH_YES ? ESTABLISHED :
	       tracked == TRUTH_NO ? first : (uint8_t)(ESTABLISHED | first);
}

/* Of what a first packet asks, the answer; of others, the same flow back. */
static bool answer(struct packet_spec *s)
{
	bool v6 = s->proto == IPPROTO_ICMPV6;

	if (s->proto == IPPROTO_TCP && s->flags & RST)
		return false;
	if (s->proto == IPPROTO_TCP && s->has_flags)
		s->flags = s->flags & SYN ? SYN | ACK : ACK;
	if (s->proto != IPPROTO_ICMP && !v6)
		return true;
	if (!s->has_type || s->type != (v6 ? 128 : 8))
		return false;
	s->type = v6 ? 129 : 0;
	return true;
}

bool explain_reply(const struct packet_spec *spec,
		   const struct explain_host *host, enum packet_path path,
		   const struct walk *there, struct packet *ret)
{
	static const enum packet_path back[] = {
		[PATH_TO_HOST] = PATH_FROM_HOST,
		[PATH_FROM_HOST] = PATH_TO_HOST,
		[PATH_FORWARDED] = PATH_FORWARDED,
		[PATH_LOOPBACK] = PATH_LOOPBACK,
	};
	struct explain_host h = *host;
	struct packet_spec s = *spec;

	s.from = spec->to;
	s.to = spec->from;
	s.has_mark = false;
	if (spec->fragment || !answer(&s))
		return false;
	h.in = host->out;
	h.out = host->in;
	h.states = states_of_reply(&s, there->tracked);
	build(&s, &h, back[path], ret);
	ret->answers = ret->in_zone = true;
	ret->zone = there->after.zone;
	ret->ct_alone = states_of_reply(&s, TRUTH_NO);
	return true;
}
