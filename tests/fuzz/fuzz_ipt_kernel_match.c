/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/fuzz/fuzz_ipt_kernel_match.c: matches and targets of each kind that
 * rules of ctpolicy's have, and of others.
 */
#include <stdio.h>
#include <string.h>

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/xt_CT.h>
#include <linux/netfilter/xt_addrtype.h>
#include <linux/netfilter/xt_comment.h>
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

#include "core/mem.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/fuzz_ipt_kernel.h"

const char *const fuzz_sets[FUZZ_SETS] = {
	"ctpolicy-p", "ctpolicy-n", "ctpolicy-np", "hosts",
};

/* Mostly the values that have a meaning, at times any. */
#define PICK(in, ...)                                                         \
	pick(in, (const uint32_t[]){ __VA_ARGS__ },                           \
	     sizeof((const uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t))

static uint32_t pick(struct fuzz_input *in, const uint32_t *v, size_t n)
{
	uint8_t b = fuzz_take(in);
	uint32_t any;

	if (b < 240)
		return v[b % n];
	fuzz_fill(in, &any, sizeof(any));
	return any;
}

static uint16_t port(struct fuzz_input *in)
{
	return (uint16_t)PICK(in, 80, 81, 1023, 1024, 53, 0, 65535, 22);
}

static void ports(struct fuzz_input *in, uint16_t v[2])
{
	if (fuzz_take(in) % 2) {
		v[0] = 0;
		v[1] = 65535;
		return;
	}
	v[0] = port(in);
	v[1] = fuzz_take(in) % 2 ? v[0] : port(in);
}

static void tcp(struct fuzz_input *in, void *at)
{
	struct xt_tcp *m = at;

	ports(in, m->spts);
	ports(in, m->dpts);
	m->option = (uint8_t)PICK(in, 0, 0, 0, 2);
	m->flg_mask = (uint8_t)PICK(in, 0, 0x17, 0x17, 0x3f, 0x02);
	m->flg_cmp = (uint8_t)PICK(in, 0, 0x02, 0x02, 0x12);
	m->invflags = (uint8_t)PICK(in, 0, 4, 4, 1, 2, 8) & XT_TCP_INV_MASK;
}

static void udp(struct fuzz_input *in, void *at)
{
	struct xt_udp *m = at;

	ports(in, m->spts);
	ports(in, m->dpts);
	m->invflags = (uint8_t)PICK(in, 0, 0, 0, 1, 2) & XT_UDP_INV_MASK;
}

static void sctp(struct fuzz_input *in, void *at)
{
	struct xt_sctp_info *m = at;

	ports(in, m->spts);
	ports(in, m->dpts);
	m->flags = PICK(in, 0, 1, 2, 3, 4) & XT_SCTP_VALID_FLAGS;
	m->invflags = PICK(in, 0, 0, 0, 1, 2) & m->flags;
	m->chunk_match_type = 1 + fuzz_take(in) % 2;
	fuzz_fill(in, m->chunkmap, 4);
	m->flag_count = fuzz_take(in) % XT_NUM_SCTP_FLAGS;
}

static void dccp(struct fuzz_input *in, void *at)
{
	struct xt_dccp_info *m = at;

	ports(in, m->spts);
	ports(in, m->dpts);
	m->flags = (uint16_t)(PICK(in, 0, 1, 2, 3, 4, 8) &
			      XT_DCCP_VALID_FLAGS);
	m->invflags = (uint16_t)(PICK(in, 0, 0, 0, 1, 2) & m->flags);
	m->typemask = fuzz_take(in);
	m->option = fuzz_take(in);
}

static void multiport(struct fuzz_input *in, void *at)
{
	struct xt_multiport_v1 *m = at;

	m->flags = (uint8_t)(PICK(in, 0, 1, 1, 2) % 3);
	m->count = fuzz_take(in) % (XT_MULTI_PORTS + 1);
	for (size_t i = 0; i < m->count; i++) {
		m->ports[i] = port(in);
		m->pflags[i] = !(fuzz_take(in) % 4);
	}
	m->invert = !(fuzz_take(in) % 4);
}

static void icmp(struct fuzz_input *in, void *at)
{
	struct ipt_icmp *m = at;

	m->type = (uint8_t)PICK(in, 3, 8, 255, 0, 135);
	m->code[0] = (uint8_t)PICK(in, 0, 0, 0, 4);
	m->code[1] = (uint8_t)PICK(in, 255, 255, 255, 0, 4);
	m->invflags = !(fuzz_take(in) % 4);
}

static void frag(struct fuzz_input *in, void *at)
{
	struct ip6t_frag *m = at;

	m->ids[1] = UINT32_MAX;
	if (!(fuzz_take(in) % 4))
		fuzz_fill(in, m->ids, sizeof(m->ids));
	m->flags = (uint8_t)PICK(in, 0, 8, 8, 1, 2, 4, 16, 32);
	m->invflags = (uint8_t)PICK(in, 0, 0, 0, 1, 2) & IP6T_FRAG_INV_MASK;
	m->hdrlen = (uint32_t)PICK(in, 0, 0, 8);
}

static uint16_t types(struct fuzz_input *in)
{
	return (uint16_t)PICK(in, 0, 0, XT_ADDRTYPE_LOCAL, XT_ADDRTYPE_LOCAL,
		XT_ADDRTYPE_LOCAL | XT_ADDRTYPE_ANYCAST, XT_ADDRTYPE_MULTICAST,
		XT_ADDRTYPE_LOCAL | XT_ADDRTYPE_BROADCAST |
			XT_ADDRTYPE_MULTICAST,
		XT_ADDRTYPE_LOCAL | XT_ADDRTYPE_BROADCAST |
			XT_ADDRTYPE_MULTICAST | XT_ADDRTYPE_ANYCAST,
		XT_ADDRTYPE_UNICAST);
}

static void addrtype_0(struct fuzz_input *in, void *at)
{
	struct xt_addrtype_info *m = at;

	m->source = types(in);
	m->dest = types(in);
	m->invert_source = !(fuzz_take(in) % 3);
	m->invert_dest = !(fuzz_take(in) % 2);
}

static void addrtype(struct fuzz_input *in, void *at)
{
	struct xt_addrtype_info_v1 *m = at;

	m->source = types(in);
	m->dest = types(in);
	m->flags = PICK(in, 0, 0, 0, 1, 2, 2, 2, 4, 8) % 12;
}

static uint16_t states(struct fuzz_input *in)
{
	return (uint16_t)PICK(in, XT_CONNTRACK_STATE_UNTRACKED,
		XT_CONNTRACK_STATE_UNTRACKED,
		XT_CONNTRACK_STATE_UNTRACKED | XT_CONNTRACK_STATE_INVALID,
		XT_CONNTRACK_STATE_INVALID,
		XT_CONNTRACK_STATE_BIT(IP_CT_NEW),
		XT_CONNTRACK_STATE_UNTRACKED | XT_CONNTRACK_STATE_SNAT);
}

/* Revisions 1 to 3 differ behind what is set here, by what stands last. */
static void conntrack(struct fuzz_input *in, uint16_t *match,
		      uint16_t *invert)
{
	*match = (uint16_t)PICK(in, 1, 1, 1, 1, 0, 2, 3, 0x1001, 0x41);
	*invert = !(fuzz_take(in) % 4);
}

static void conntrack_1(struct fuzz_input *in, void *at)
{
	struct xt_conntrack_mtinfo1 *m = at;

	conntrack(in, &m->match_flags, &m->invert_flags);
	m->state_mask = (uint8_t)states(in);
	m->status_mask = fuzz_take(in);
}

static void conntrack_2(struct fuzz_input *in, void *at)
{
	struct xt_conntrack_mtinfo2 *m = at;

	conntrack(in, &m->match_flags, &m->invert_flags);
	m->state_mask = states(in);
	m->status_mask = fuzz_take(in);
}

static void conntrack_3(struct fuzz_input *in, void *at)
{
	struct xt_conntrack_mtinfo3 *m = at;

	conntrack(in, &m->match_flags, &m->invert_flags);
	if (!(fuzz_take(in) % 4))
		m->match_flags |= XT_CONNTRACK_STATE_ALIAS;
	m->state_mask = states(in);
	m->status_mask = fuzz_take(in);
}

static void state(struct fuzz_input *in, void *at)
{
	struct xt_state_info *m = at;

	m->statemask = PICK(in, XT_STATE_UNTRACKED, XT_STATE_UNTRACKED,
			    XT_STATE_UNTRACKED | XT_STATE_INVALID,
			    XT_STATE_INVALID, XT_STATE_BIT(IP_CT_NEW));
}

/* The set is there: its rule holds it. */
static void set_of(struct fuzz_input *in, struct xt_set_info *m)
{
	m->index = fuzz_take(in) % FUZZ_SETS;
	m->dim = 1 + fuzz_take(in) % 3;
	m->flags = (uint8_t)PICK(in, 0, 2, 4, 6, 2, 1, 3, 0x16);
}

static void set_0(struct fuzz_input *in, void *at)
{
	struct xt_set_info_v0 *m = at;

	m->index = fuzz_take(in) % FUZZ_SETS;
	for (size_t i = 0; i < 1u + fuzz_take(in) % 3; i++)
		m->u.flags[i] = PICK(in, 1, 2, 1, 2, 5, 6) % 8;
}

static void set_1(struct fuzz_input *in, void *at)
{
	set_of(in, &((struct xt_set_info_match_v1 *)at)->match_set);
}

static void set_3(struct fuzz_input *in, void *at)
{
	struct xt_set_info_match_v3 *m = at;

	set_of(in, &m->match_set);
	m->packets.op = fuzz_take(in) % 8 < 7 ? 0 : fuzz_take(in) % 5;
	m->flags = PICK(in, 0, 0, 0, 8, 16, 128, 32);
}

static void set_4(struct fuzz_input *in, void *at)
{
	struct xt_set_info_match_v4 *m = at;

	set_of(in, &m->match_set);
	m->bytes.op = fuzz_take(in) % 8 < 7 ? 0 : fuzz_take(in) % 5;
	m->flags = PICK(in, 0, 0, 0, 8, 16, 128, 32);
}

static void sock(struct fuzz_input *in, void *at)
{
	*(uint8_t *)at = (uint8_t)PICK(in, 0, 2, 0, 2, 1, 3, 4) %
			 (XT_SOCKET_FLAGS_V3 + 1);
}

static void sock_1(struct fuzz_input *in, void *at)
{
	*(uint8_t *)at = fuzz_take(in) & XT_SOCKET_FLAGS_V1;
}

static void comment(struct fuzz_input *in, void *at)
{
	struct xt_comment_info *m = at;

	snprintf(m->comment, sizeof(m->comment), "ctpolicy: ");
	fuzz_fill(in, m->comment + fuzz_take(in) % 16, fuzz_take(in) % 128);
}

static void ct(struct fuzz_input *in, void *at)
{
	struct xt_ct_target_info *m = at;

	m->flags = (uint16_t)PICK(in, 1, 1, 1, 3, 0, 4, 5, 16) & XT_CT_MASK;
	m->zone = (uint16_t)PICK(in, 0, 0, 0, 1);
	m->ct_events = (uint32_t)PICK(in, 0, 0, 0, 1);
	m->exp_events = (uint32_t)PICK(in, 0, 0, 0, 1);
	if (!(fuzz_take(in) % 4))
		fuzz_fill(in, m->helper, sizeof(m->helper) - 1);
}

static void ct_0(struct fuzz_input *in, void *at)
{
	struct xt_ct_target_info *m = at;

	ct(in, at);
	m->flags &= XT_CT_NOTRACK;
}

enum { ANY_FAMILY, V4, V6 };

static const struct kind {
	const char *name;
	uint8_t revision;
	uint8_t family;
	uint8_t proto;			/* 0: any; 255: one with ports */
	size_t size;
	void (*fill)(struct fuzz_input *in, void *at);
} matches[] = {
	{ "tcp", 0, ANY_FAMILY, IPPROTO_TCP, sizeof(struct xt_tcp), tcp },
	{ "udp", 0, ANY_FAMILY, IPPROTO_UDP, sizeof(struct xt_udp), udp },
	{ "udplite", 0, ANY_FAMILY, IPPROTO_UDPLITE, sizeof(struct xt_udp),
	  udp },
	{ "sctp", 0, ANY_FAMILY, IPPROTO_SCTP, sizeof(struct xt_sctp_info),
	  sctp },
	{ "dccp", 0, ANY_FAMILY, IPPROTO_DCCP, sizeof(struct xt_dccp_info),
	  dccp },
	{ "multiport", 1, ANY_FAMILY, 255, sizeof(struct xt_multiport_v1),
	  multiport },
	{ "icmp", 0, V4, IPPROTO_ICMP, sizeof(struct ipt_icmp), icmp },
	{ "icmp6", 0, V6, IPPROTO_ICMPV6, sizeof(struct ip6t_icmp), icmp },
	{ "frag", 0, V6, 0, sizeof(struct ip6t_frag), frag },
	{ "addrtype", 0, V4, 0, sizeof(struct xt_addrtype_info), addrtype_0 },
	{ "addrtype", 1, ANY_FAMILY, 0, sizeof(struct xt_addrtype_info_v1),
	  addrtype },
	{ "conntrack", 1, ANY_FAMILY, 0, sizeof(struct xt_conntrack_mtinfo1),
	  conntrack_1 },
	{ "conntrack", 2, ANY_FAMILY, 0, sizeof(struct xt_conntrack_mtinfo2),
	  conntrack_2 },
	{ "conntrack", 3, ANY_FAMILY, 0, sizeof(struct xt_conntrack_mtinfo3),
	  conntrack_3 },
	{ "state", 0, ANY_FAMILY, 0, sizeof(struct xt_state_info), state },
	{ "set", 0, ANY_FAMILY, 0, sizeof(struct xt_set_info_match_v0),
	  set_0 },
	{ "set", 1, ANY_FAMILY, 0, sizeof(struct xt_set_info_match_v1),
	  set_1 },
	{ "set", 3, ANY_FAMILY, 0, sizeof(struct xt_set_info_match_v3),
	  set_3 },
	{ "set", 4, ANY_FAMILY, 0, sizeof(struct xt_set_info_match_v4),
	  set_4 },
	{ "socket", 0, V4, 0, 0, NULL },
	{ "socket", 1, ANY_FAMILY, 0, 1, sock_1 },
	{ "socket", 3, ANY_FAMILY, 0, 1, sock },
	{ "comment", 0, ANY_FAMILY, 0, sizeof(struct xt_comment_info),
	  comment },
}, targets[] = {
	{ "CT", 0, ANY_FAMILY, 0, sizeof(struct xt_ct_target_info), ct_0 },
	{ "CT", 1, ANY_FAMILY, 0, sizeof(struct xt_ct_target_info_v1), ct_0 },
	{ "CT", 2, ANY_FAMILY, 0, sizeof(struct xt_ct_target_info_v1), ct },
	{ "NOTRACK", 0, ANY_FAMILY, 0, 0, NULL },
};

bool fuzz_has_revision(const char *name, uint8_t revision, bool target)
{
	const struct kind *v = target ? targets : matches;
	size_t n = target ? ARRAY_SIZE(targets) : ARRAY_SIZE(matches);

	for (size_t i = 0; i < n; i++)
		if (!strcmp(v[i].name, name) && v[i].revision == revision)
			return true;
	return false;
}

/* The kernel lets a match stand only with the protocol that it is for. */
static bool fits(const struct kind *k, bool v4, uint8_t *proto)
{
	static const uint8_t with_ports[] = { 6, 17, 33, 132, 136 };

	if (k->family == (v4 ? V6 : V4))
		return false;
	if (k->proto && !*proto)
		*proto = k->proto == 255 ? IPPROTO_TCP : k->proto;
	return !k->proto || *proto == k->proto ||
	       (k->proto == 255 &&
		memchr(with_ports, *proto, sizeof(with_ports)));
}

static void make(struct fuzz_input *in, const struct kind *k,
		 struct fuzz_extension *ret)
{
	MUST(k->size <= sizeof(ret->payload));
	snprintf(ret->name, sizeof(ret->name), "%s", k->name);
	ret->revision = k->revision;
	ret->size = k->size;
	if (k->fill)
		k->fill(in, ret->payload);
}

/* IPv6 has no others: addrtype_mt_checkentry_v1() */
static void drop_types_of_v4(struct fuzz_extension *e)
{
	const uint16_t types = XT_ADDRTYPE_UNSPEC | XT_ADDRTYPE_UNICAST |
			       XT_ADDRTYPE_LOCAL | XT_ADDRTYPE_ANYCAST |
			       XT_ADDRTYPE_MULTICAST | XT_ADDRTYPE_UNREACHABLE;
	struct xt_addrtype_info_v1 *m = (void *)e->payload;

	m->source &= types;
	m->dest &= types;
}

/* A word, as modules have for a name. */
static void any_name(struct fuzz_input *in, char *name, size_t n)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz_ABCDT-0123";

	for (size_t i = 0; i < n; i++)
		name[i] = letters[fuzz_take(in) % (sizeof(letters) - 1)];
	name[n] = '\0';
}

/* Of a module that this test does not know. */
static void make_strange(struct fuzz_input *in, struct fuzz_extension *ret)
{
	static const char *const names[] = {
		"limit", "mark", "LOG", "string", "REJECT", "MARK", "rpfilter",
	};
	uint8_t b = fuzz_take(in);

	snprintf(ret->name, sizeof(ret->name), "%s",
		 names[b % ARRAY_SIZE(names)]);
	if (b >= 224)
		any_name(in, ret->name, 1 + fuzz_take(in) % 28);
	ret->revision = fuzz_take(in) % 5;
	ret->size = fuzz_take(in);
	fuzz_fill(in, ret->payload, ret->size);
}

void fuzz_match(struct fuzz_input *in, bool v4, uint8_t *proto,
		struct fuzz_extension *ret)
{
	uint8_t b = fuzz_take(in);
	const struct kind *k = &matches[b % ARRAY_SIZE(matches)];

	*ret = (struct fuzz_extension){ 0 };
	if (b >= 248) {
		make_strange(in, ret);
		if (fuzz_has_revision(ret->name, ret->revision, false))
			snprintf(ret->name, sizeof(ret->name), "limit");
		return;
	}
	make(in, fits(k, v4, proto) ? k : &matches[ARRAY_SIZE(matches) - 1],
	     ret);
	if (!v4 && !strcmp(ret->name, "addrtype"))
		drop_types_of_v4(ret);
}

void fuzz_target(struct fuzz_input *in, struct fuzz_extension *ret)
{
	uint8_t b = fuzz_take(in);

	*ret = (struct fuzz_extension){ 0 };
	if (b < 224) {
		make(in, &targets[b % ARRAY_SIZE(targets)], ret);
		return;
	}
	make_strange(in, ret);
	/* An empty one and ERROR are the kernel's own. */
	if (!ret->name[0] || !strcmp(ret->name, XT_ERROR_TARGET) ||
	    fuzz_has_revision(ret->name, ret->revision, true))
		snprintf(ret->name, sizeof(ret->name), "LOG");
}
