/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/nft/nft_live_load.c: expressions that load registers. */
#include <string.h>

#include "backends/nft/nft_live.h"
#include "core/intern.h"
#include "core/mem.h"

#include <linux/netfilter/nf_conntrack_tuple_common.h>

#define LOAD_MAX 16			/* bytes of what is only named */

static const struct {
	const char *name;
	uint8_t len;
} metas[] = {
	[NFT_META_LEN] = { "meta length", 4 },
	[NFT_META_PROTOCOL] = { "meta protocol", 2 },
	[NFT_META_PRIORITY] = { "meta priority", 4 },
	[NFT_META_MARK] = { "meta mark", 4 },
	[NFT_META_IIF] = { "iif", 4 },
	[NFT_META_OIF] = { "oif", 4 },
	[NFT_META_IIFNAME] = { "iifname", 16 },
	[NFT_META_OIFNAME] = { "oifname", 16 },
	[NFT_META_IIFTYPE] = { "iiftype", 2 },
	[NFT_META_OIFTYPE] = { "oiftype", 2 },
	[NFT_META_SKUID] = { "meta skuid", 4 },
	[NFT_META_SKGID] = { "meta skgid", 4 },
	[NFT_META_NFTRACE] = { "meta nftrace", 1 },
	[NFT_META_RTCLASSID] = { "rtclassid", 4 },
	[NFT_META_SECMARK] = { "meta secmark", 4 },
	[NFT_META_NFPROTO] = { "meta nfproto", 1 },
	[NFT_META_L4PROTO] = { "meta l4proto", 1 },
	[NFT_META_BRI_IIFNAME] = { "meta ibrname", 16 },
	[NFT_META_BRI_OIFNAME] = { "meta obrname", 16 },
	[NFT_META_PKTTYPE] = { "meta pkttype", 1 },
	[NFT_META_CPU] = { "meta cpu", 4 },
	[NFT_META_IIFGROUP] = { "iifgroup", 4 },
	[NFT_META_OIFGROUP] = { "oifgroup", 4 },
	[NFT_META_CGROUP] = { "meta cgroup", 4 },
	[NFT_META_PRANDOM] = { "meta random", 4 },
	[NFT_META_SECPATH] = { "meta secpath", 1 },
	[NFT_META_IIFKIND] = { "meta iifkind", 16 },
	[NFT_META_OIFKIND] = { "meta oifkind", 16 },
	[NFT_META_BRI_IIFPVID] = { "meta ibrpvid", 2 },
	[NFT_META_BRI_IIFVPROTO] = { "meta ibrvproto", 2 },
	[NFT_META_TIME_NS] = { "meta time", 8 },
	[NFT_META_TIME_DAY] = { "meta day", 1 },
	[NFT_META_TIME_HOUR] = { "meta hour", 4 },
	[NFT_META_SDIF] = { "meta sdif", 4 },
	[NFT_META_SDIFNAME] = { "meta sdifname", 16 },
};

static const char *const cts[] = {
	[NFT_CT_STATE] = "ct state", [NFT_CT_DIRECTION] = "ct direction",
	[NFT_CT_STATUS] = "ct status", [NFT_CT_MARK] = "ct mark",
	[NFT_CT_SECMARK] = "ct secmark",
	[NFT_CT_EXPIRATION] = "ct expiration", [NFT_CT_HELPER] = "ct helper",
	[NFT_CT_L3PROTOCOL] = "ct l3proto", [NFT_CT_SRC] = "ct saddr",
	[NFT_CT_DST] = "ct daddr", [NFT_CT_PROTOCOL] = "ct protocol",
	[NFT_CT_PROTO_SRC] = "ct proto-src",
	[NFT_CT_PROTO_DST] = "ct proto-dst", [NFT_CT_LABELS] = "ct label",
	[NFT_CT_PKTS] = "ct packets", [NFT_CT_BYTES] = "ct bytes",
	[NFT_CT_AVGPKT] = "ct avgpkt", [NFT_CT_ZONE] = "ct zone",
	[NFT_CT_EVENTMASK] = "ct event", [NFT_CT_SRC_IP] = "ct ip saddr",
	[NFT_CT_DST_IP] = "ct ip daddr", [NFT_CT_SRC_IP6] = "ct ip6 saddr",
	[NFT_CT_DST_IP6] = "ct ip6 daddr", [NFT_CT_ID] = "ct id",
};

static int load(struct live_rule *r, const struct nlattr *reg,
		struct live_load l)
{
	l.name = intern(l.name);
	if (!l.name)
		return -ENOMEM;
	nft_live_load(r, nft_attr_u32(reg), l);
	return 0;
}

/* A load without a value is no end of the rule; one that is not there is. */
int nft_live_require(struct live_rule *r, unsigned int at, unsigned int len)
{
	uint8_t seen = LIVE_CONST;
	int err = 0;

	for (unsigned int i = at; !err && i < at + len && i < LIVE_BYTES; i++) {
		const struct live_byte *b = &r->byte[i];
		const struct live_load *l = b->load < r->n_loads ?
						    &r->loads[b->load] : NULL;

		if (b->load == LIVE_CONST || b->load == seen)
			continue;
		seen = b->load;
		if (!l)
			err = nft_live_opaque(r, "expression");
		else if (l->from == LIVE_CT && l->key == NFT_CT_MARK)
			err = nft_live_require_ctmark(r);
		else if (l->from == LIVE_OTHER || l->from == LIVE_SOCKET ||
			 l->from == LIVE_FRAG || l->from == LIVE_TRANSPORT ||
			 (l->from == LIVE_CT && l->key != NFT_CT_STATE))
			err = nft_live_opaque(r, l->name);
	}
	return err;
}

static int set_meta(struct live_rule *r, uint32_t key, unsigned int at)
{
	const struct live_byte *b = &r->byte[at < LIVE_BYTES ? at : 0];
	const char *name = key < ARRAY_SIZE(metas) && metas[key].name ?
				   metas[key].name : "meta";
	int err = nft_live_require(r, at, key == NFT_META_NFTRACE ? 1 : 4);

	if (err)
		return err;
	if (key != NFT_META_MARK) {
		nft_live_say(r, "[%s set]", name);
		return 0;
	}
	if (at + 4 <= LIVE_BYTES && b[0].load == LIVE_CONST &&
	    b[1].load == LIVE_CONST && b[2].load == LIVE_CONST &&
	    b[3].load == LIVE_CONST) {
		uint8_t v[4] = { b[0].flip, b[1].flip, b[2].flip, b[3].flip };
		uint32_t mark;

		memcpy(&mark, v, sizeof(mark));
		nft_live_say(r, "meta mark set 0x%x", mark);
	} else {
		nft_live_say(r, "[meta mark set]");
	}
	return nft_live_set_mark(r, at, false);
}

static int read_meta(struct live_rule *r, const struct nlattr *const *v)
{
	uint32_t key = nft_attr_u32(v[NFTA_META_KEY]);
	struct live_load l = { LIVE_META, key, LOAD_MAX, "meta" };

	nft_live_last(r)->alters |= v[NFTA_META_SREG] != NULL;
	if (v[NFTA_META_SREG])
		return set_meta(r, key, nft_live_at(nft_attr_u32(
						v[NFTA_META_SREG])));
	if (key < ARRAY_SIZE(metas) && metas[key].name) {
		l.name = metas[key].name;
		l.len = metas[key].len;
	} else {
		l.from = LIVE_OTHER;
	}
	return load(r, v[NFTA_META_DREG], l);
}

static int set_ct(struct live_rule *r, uint32_t key, unsigned int at,
		  const char *name)
{
	int err = nft_live_require(r, at, 4);

	nft_live_say(r, "[%s set]", name);
	return err || key != NFT_CT_MARK ? err :
					   nft_live_set_mark(r, at, true);
}

/* The kernel reads two bytes as a number of the machine's. */
static int set_zone(struct live_rule *r, unsigned int at,
		    const struct nlattr *direction)
{
	bool one = direction && mnl_attr_get_payload_len(direction) >= 1;
	uint8_t ways = !one ? CT_ZONE_ORIGINAL | CT_ZONE_REPLY :
		       mnl_attr_get_u8(direction) == IP_CT_DIR_ORIGINAL ?
			      CT_ZONE_ORIGINAL : CT_ZONE_REPLY;
	bool known = nft_live_fits(at, 2);
	uint8_t v[2] = { 0 };
	uint16_t id;
	struct term t = { .kind = TERM_ZONE };

	for (unsigned int i = 0; known && i < 2; i++) {
		v[i] = r->byte[at + i].flip;
		known = r->byte[at + i].load == LIVE_CONST;
	}
	memcpy(&id, v, sizeof(id));
	t.zone = ct_zone_of(id, ways, known);
	return r->f->wants_terms ? foreign_add_term(r->f, &t) : 0;
}

static int read_ct(struct live_rule *r, const struct nlattr *const *v)
{
	uint32_t key = nft_attr_u32(v[NFTA_CT_KEY]);
	bool sets = v[NFTA_CT_SREG];
	struct live_load l = { LIVE_CT, key, 4, "ct" };
	unsigned int at = sets ? nft_live_at(nft_attr_u32(
						v[NFTA_CT_SREG])) : 0;
	int err;

	nft_live_last(r)->features |= nft_live_ct_feature(key, sets);
	if (key < ARRAY_SIZE(cts))
		l.name = cts[key];
	if (sets) {
		err = set_ct(r, key, at, l.name);
		return !err && key == NFT_CT_ZONE ?
			       set_zone(r, at, v[NFTA_CT_DIRECTION]) : err;
	}
	if (v[NFTA_CT_DIRECTION] ||
	    (key != NFT_CT_STATE && key != NFT_CT_STATUS &&
	     key != NFT_CT_MARK)) {
		l.from = LIVE_OTHER;
		l.len = LOAD_MAX;
	}
	return load(r, v[NFTA_CT_DREG], l);
}

static const char *payload_name(const struct live_rule *r, uint32_t base,
				uint32_t offset, uint32_t len)
{
	static const char *const bases[] = {
		[NFT_PAYLOAD_LL_HEADER] = "ll",
		[NFT_PAYLOAD_NETWORK_HEADER] = "nh",
		[NFT_PAYLOAD_TRANSPORT_HEADER] = "th",
	};
	bool v4 = r->family == NFPROTO_IPV4;

	if (base == NFT_PAYLOAD_NETWORK_HEADER && len == 1 &&
	    offset == (v4 ? 8 : 7) && r->family)
		return v4 ? "ip ttl" : "ip6 hoplimit";
	if (base == NFT_PAYLOAD_NETWORK_HEADER && len == 1 && offset == 1 && v4)
		return "ip dscp";
	return intern_printf("@%s,%u,%u", base < ARRAY_SIZE(bases) ?
			     bases[base] : "ih", offset * 8, len * 8);
}

static int read_payload(struct live_rule *r, const struct nlattr *const *v)
{
	uint32_t base = nft_attr_u32(v[NFTA_PAYLOAD_BASE]);
	uint32_t len = nft_attr_u32(v[NFTA_PAYLOAD_LEN]);
	struct live_load l = {
		.from = base == NFT_PAYLOAD_NETWORK_HEADER ? LIVE_NETWORK :
			base == NFT_PAYLOAD_TRANSPORT_HEADER ? LIVE_TRANSPORT :
							       LIVE_OTHER,
		.key = nft_attr_u32(v[NFTA_PAYLOAD_OFFSET]),
		.len = (uint8_t)(len < UINT8_MAX ? len : UINT8_MAX),
	};

	l.name = payload_name(r, base, l.key, len);
	if (!l.name)
		return -ENOMEM;
	if (v[NFTA_PAYLOAD_SREG]) {
		nft_live_say(r, "[%s set]", l.name);
		nft_live_last(r)->alters = true;
		return nft_live_opaque(r, "payload set");
	}
	return load(r, v[NFTA_PAYLOAD_DREG], l);
}

static int read_exthdr(struct live_rule *r, const struct nlattr *const *v)
{
	const struct nlattr *type = v[NFTA_EXTHDR_TYPE];
	struct live_load l = { LIVE_OTHER, 0, LOAD_MAX, "exthdr" };

	if (!v[NFTA_EXTHDR_DREG]) {
		nft_live_say(r, "[exthdr set]");
		nft_live_last(r)->alters = true;
		return nft_live_opaque(r, "exthdr set");
	}
	if (type && mnl_attr_get_payload_len(type) >= 1 &&
	    mnl_attr_get_u8(type) == IPPROTO_FRAGMENT &&
	    nft_attr_u32(v[NFTA_EXTHDR_OP]) == NFT_EXTHDR_OP_IPV6 &&
	    !nft_attr_u32(v[NFTA_EXTHDR_FLAGS])) {
		l.from = LIVE_FRAG;
		l.key = nft_attr_u32(v[NFTA_EXTHDR_OFFSET]);
		l.len = (uint8_t)nft_attr_u32(v[NFTA_EXTHDR_LEN]);
		l.name = "frag";
	}
	return load(r, v[NFTA_EXTHDR_DREG], l);
}

static int read_fib(struct live_rule *r, const struct nlattr *const *v)
{
	uint32_t flags = nft_attr_u32(v[NFTA_FIB_FLAGS]);
	struct live_load l = { LIVE_OTHER, flags, 4, "fib" };

	if (nft_attr_u32(v[NFTA_FIB_RESULT]) == NFT_FIB_RESULT_ADDRTYPE)
		l.from = LIVE_FIB;
	else
		l.len = LOAD_MAX;
	return load(r, v[NFTA_FIB_DREG], l);
}

static int read_socket(struct live_rule *r, const struct nlattr *const *v)
{
	uint32_t key = nft_attr_u32(v[NFTA_SOCKET_KEY]);
	bool flag = key == NFT_SOCKET_TRANSPARENT || key == NFT_SOCKET_WILDCARD;

	return load(r, v[NFTA_SOCKET_DREG], (struct live_load){
		flag ? LIVE_SOCKET : LIVE_OTHER, key,
		flag ? 1 : LOAD_MAX, "socket" });
}

/* What is only named. */
static int read_named(struct live_rule *r, const struct nlattr *reg,
		      const char *name)
{
	return load(r, reg,
		    (struct live_load){ LIVE_OTHER, 0, LOAD_MAX, name });
}

static int read_rt(struct live_rule *r, const struct nlattr *const *v)
{
	return read_named(r, v[NFTA_RT_DREG], "rt");
}

static int read_osf(struct live_rule *r, const struct nlattr *const *v)
{
	return read_named(r, v[NFTA_OSF_DREG], "osf");
}

static int read_numgen(struct live_rule *r, const struct nlattr *const *v)
{
	return read_named(r, v[NFTA_NG_DREG], "numgen");
}

static int read_hash(struct live_rule *r, const struct nlattr *const *v)
{
	return read_named(r, v[NFTA_HASH_DREG], "hash");
}

static int read_xfrm(struct live_rule *r, const struct nlattr *const *v)
{
	return read_named(r, v[NFTA_XFRM_DREG], "ipsec");
}

static int read_tunnel(struct live_rule *r, const struct nlattr *const *v)
{
	return read_named(r, v[NFTA_TUNNEL_DREG], "tunnel");
}

const struct live_row nft_live_loads[] = {
	{ "meta", read_meta },	   { "ct", read_ct },
	{ "payload", read_payload }, { "exthdr", read_exthdr },
	{ "fib", read_fib },	   { "socket", read_socket },
	{ "rt", read_rt },	   { "osf", read_osf },
	{ "numgen", read_numgen }, { "hash", read_hash },
	{ "xfrm", read_xfrm },	   { "tunnel", read_tunnel },
	{ NULL, NULL },
};
