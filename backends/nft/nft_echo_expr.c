/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/nft/nft_echo_expr.c: such a rule as expressions, and back. */
#include <stdio.h>
#include <string.h>

#include <libnftnl/expr.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "backends/nft/nft_echo.h"
#include "backends/nft/nft_expr.h"
#include "backends/nft/nft_netlink.h"
#include "core/intern.h"
#include "core/mem.h"

static void put_limit(struct nft_writer *w, const struct nft_echo *e)
{
	struct nftnl_expr *x = nft_add_expr(w, "limit");

	if (!x)
		return;
	nftnl_expr_set_u64(x, NFTNL_EXPR_LIMIT_RATE, e->limit.rate);
	nftnl_expr_set_u64(x, NFTNL_EXPR_LIMIT_UNIT, e->limit.unit);
	nftnl_expr_set_u32(x, NFTNL_EXPR_LIMIT_BURST, e->limit.burst);
	nftnl_expr_set_u32(x, NFTNL_EXPR_LIMIT_TYPE, NFT_LIMIT_PKTS);
	nftnl_expr_set_u32(x, NFTNL_EXPR_LIMIT_FLAGS,
			   e->limit.over ? NFT_LIMIT_F_INV : 0);
}

#define OPENING (TH_FIN | TH_SYN | TH_RST | TH_ACK)
#define FLAGS_AT 13		/* in the header of TCP */

static void put_syn(struct nft_writer *w)
{
	static const uint8_t tcp = IPPROTO_TCP, mask = OPENING, syn = TH_SYN;

	nft_put_meta(w, NFT_META_L4PROTO, NFT_REG_1);
	nft_put_cmp(w, NFT_CMP_EQ, &tcp, sizeof(tcp));
	nft_put_payload(w, NFT_PAYLOAD_TRANSPORT_HEADER, FLAGS_AT, 1,
			NFT_REG_1);
	nft_put_mask(w, &mask, sizeof(mask));
	nft_put_cmp(w, NFT_CMP_EQ, &syn, sizeof(syn));
}

static void put_mark(struct nft_writer *w, const struct nft_echo *e)
{
	nft_put_meta(w, NFT_META_MARK, NFT_REG_1);
	if (e->mark.mask != UINT32_MAX)
		nft_put_mask(w, &e->mark.mask, sizeof(e->mark.mask));
	nft_put_cmp(w, e->mark.negated ? NFT_CMP_NEQ : NFT_CMP_EQ,
		    &e->mark.value, sizeof(e->mark.value));
}

/* A name is all 16 bytes of it, or those that it begins with. */
static void put_device(struct nft_writer *w, const struct nft_echo *e,
		       size_t i)
{
	const char *name = e->device[i].name;
	size_t n = strcspn(name, "*");
	char padded[16] = "";

	memcpy(padded, name, n);
	nft_put_meta(w, e->device[i].out ? NFT_META_OIFNAME :
					   NFT_META_IIFNAME, NFT_REG_1);
	nft_put_cmp(w, NFT_CMP_NEQ, padded, name[n] ? (uint32_t)n :
							sizeof(padded));
}

static void put_lookup(struct nft_writer *w, const struct nft_echo *e,
		       size_t i)
{
	struct nftnl_expr *x;
	unsigned int word = 0;

	for (size_t k = 0; k < e->lookup[i].n; k++)
		word += nft_put_key(w, e->lookup[i].part[k], e->af,
				    nft_word_reg(word));
	x = nft_add_expr(w, "lookup");
	if (!x)
		return;
	nftnl_expr_set_u32(x, NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1);
	nftnl_expr_set_str(x, NFTNL_EXPR_LOOKUP_SET, e->lookup[i].set);
	if (e->lookup[i].verdicts)
		nftnl_expr_set_u32(x, NFTNL_EXPR_LOOKUP_DREG, NFT_REG_VERDICT);
	if (e->lookup[i].negated)
		nftnl_expr_set_u32(x, NFTNL_EXPR_LOOKUP_FLAGS,
				   NFT_LOOKUP_F_INV);
}

static void put_verdict(struct nft_writer *w, const struct nft_echo *e)
{
	struct nftnl_expr *x;

	if (e->verdict == FOREIGN_REJECT) {
		x = nft_add_expr(w, "reject");
		if (!x)
			return;
		nftnl_expr_set_u32(x, NFTNL_EXPR_REJECT_TYPE, e->reject_type);
		if (e->reject_type != NFT_REJECT_TCP_RST)
			nftnl_expr_set_u8(x, NFTNL_EXPR_REJECT_CODE,
					  e->reject_code);
		return;
	}
	nft_put_code(w, e->verdict == FOREIGN_DROP ? NF_DROP :
			e->verdict == FOREIGN_JUMP ? NFT_JUMP : NF_ACCEPT,
		     e->target);
}

void nft_echo_put(struct nft_writer *w, const struct nft_echo *e)
{
	if (e->syn)
		put_syn(w);
	if (e->mark.there)
		put_mark(w, e);
	for (size_t i = 0; i < e->n_devices; i++)
		put_device(w, e, i);
	for (size_t i = 0; i < e->n_lookups; i++)
		if (!e->lookup[i].verdicts)
			put_lookup(w, e, i);
	if (e->limit.there)
		put_limit(w, e);
	if (e->verdict == FOREIGN_TARGET)
		put_lookup(w, e, e->n_lookups - 1u);
	else
		put_verdict(w, e);
}

/* A value that is compared, masked perhaps. */
enum loaded { LOADED_NONE, LOADED_MARK, LOADED_PROTO, LOADED_FLAGS };

/* What is loaded since the last test, in order. */
struct reader {
	struct nft_echo e;
	enum key_part part[ECHO_KEYS];
	size_t n;
	enum loaded loaded;
	bool tcp, unknown, ended;
	uint32_t mask;
};

static void read_key(struct reader *r, enum key_part part, uint8_t af)
{
	r->unknown |= r->n == ECHO_KEYS || r->loaded ||
		      (af && r->e.af && r->e.af != af);
	if (r->unknown)
		return;
	if (af)
		r->e.af = af;
	r->part[r->n++] = part;
}

static void read_value(struct reader *r, enum loaded what, bool known)
{
	r->unknown |= known || r->n || r->loaded;
	r->loaded = what;
	r->mask = UINT32_MAX;
}

static void read_meta(struct reader *r, struct nftnl_expr *x)
{
	switch (nftnl_expr_get_u32(x, NFTNL_EXPR_META_KEY)) {
	case NFT_META_MARK:
		read_value(r, LOADED_MARK, r->e.mark.there);
		break;
	case NFT_META_L4PROTO:
		read_value(r, LOADED_PROTO, r->tcp);
		break;
	case NFT_META_IIFNAME:
		read_key(r, KEY_IIFNAME, 0);
		break;
	case NFT_META_OIFNAME:
		read_key(r, KEY_OIFNAME, 0);
		break;
	default:
		r->unknown = true;
	}
}

static void read_payload(struct reader *r, struct nftnl_expr *x)
{
	static const struct {
		uint32_t base, offset, len;
		enum key_part part;
		uint8_t af;
	} v[] = {
		{ NFT_PAYLOAD_NETWORK_HEADER, 12, 4, KEY_SADDR, AF_INET },
		{ NFT_PAYLOAD_NETWORK_HEADER, 16, 4, KEY_DADDR, AF_INET },
		{ NFT_PAYLOAD_NETWORK_HEADER, 8, 16, KEY_SADDR, AF_INET6 },
		{ NFT_PAYLOAD_NETWORK_HEADER, 24, 16, KEY_DADDR, AF_INET6 },
		{ NFT_PAYLOAD_TRANSPORT_HEADER, 0, 2, KEY_SPORT, 0 },
		{ NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, KEY_DPORT, 0 },
	};

	uint32_t base = nftnl_expr_get_u32(x, NFTNL_EXPR_PAYLOAD_BASE);
	uint32_t offset = nftnl_expr_get_u32(x, NFTNL_EXPR_PAYLOAD_OFFSET);
	uint32_t len = nftnl_expr_get_u32(x, NFTNL_EXPR_PAYLOAD_LEN);

	for (size_t i = 0; i < ARRAY_SIZE(v); i++)
		if (v[i].base == base && v[i].offset == offset &&
		    v[i].len == len) {
			read_key(r, v[i].part, v[i].af);
			return;
		}
	r->unknown |= base != NFT_PAYLOAD_TRANSPORT_HEADER ||
		      offset != FLAGS_AT || len != 1;
	read_value(r, LOADED_FLAGS, !r->tcp || r->e.syn);
}

static void read_bitwise(struct reader *r, struct nftnl_expr *x)
{
	uint32_t len = 0;
	const void *mask = nftnl_expr_get(x, NFTNL_EXPR_BITWISE_MASK, &len);

	r->unknown |= len != (r->loaded == LOADED_MARK ? sizeof(r->mask) :
			      r->loaded == LOADED_FLAGS ? 1 : 0);
	if (!r->unknown)
		memcpy(&r->mask, mask, len);
}

static void read_mark(struct reader *r, const void *d, bool negated)
{
	memcpy(&r->e.mark.value, d, sizeof(r->e.mark.value));
	r->e.mark.mask = r->mask;
	r->e.mark.negated = negated;
	r->e.mark.there = true;
}

static void read_byte(struct reader *r, uint8_t value)
{
	uint8_t mask;

	memcpy(&mask, &r->mask, sizeof(mask));
	if (r->loaded == LOADED_PROTO)
		r->tcp = value == IPPROTO_TCP;
	else
		r->e.syn = mask == OPENING && value == TH_SYN;
	r->unknown |= r->loaded == LOADED_PROTO ? !r->tcp : !r->e.syn;
}

/* A name, compared as a whole or as far as it is said. */
static bool read_device(struct reader *r, const char *d, uint32_t len,
			uint32_t op)
{
	size_t n = strnlen(d, len);

	if (r->n != 1 || r->loaded || op != NFT_CMP_NEQ || !n || len > 16 ||
	    (n < len && len != 16) || r->e.n_devices == ECHO_DEVICES ||
	    (r->part[0] != KEY_IIFNAME && r->part[0] != KEY_OIFNAME))
		return false;
	r->e.device[r->e.n_devices].out = r->part[0] == KEY_OIFNAME;
	r->e.device[r->e.n_devices].name =
		intern_printf("%.*s%s", (int)n, d, n == len ? "*" : "");
	r->n = 0;
	return r->e.device[r->e.n_devices++].name;
}

static void read_cmp(struct reader *r, struct nftnl_expr *x)
{
	uint32_t len = 0, op = nftnl_expr_get_u32(x, NFTNL_EXPR_CMP_OP);
	const void *d = nftnl_expr_get(x, NFTNL_EXPR_CMP_DATA, &len);

	bool mark = r->loaded == LOADED_MARK;

	if (!r->unknown && d && read_device(r, d, len, op))
		return;

	r->unknown |= !r->loaded || len != (mark ? sizeof(uint32_t) : 1) ||
		      r->n || !(op == NFT_CMP_EQ ||
				(mark && op == NFT_CMP_NEQ));
	if (r->unknown)
		return;
	if (mark)
		read_mark(r, d, op == NFT_CMP_NEQ);
	else
		read_byte(r, *(const uint8_t *)d);
	r->loaded = LOADED_NONE;
}

static void read_lookup(struct reader *r, struct nftnl_expr *x)
{
	const char *set = nftnl_expr_get_str(x, NFTNL_EXPR_LOOKUP_SET);
	bool maps = nftnl_expr_is_set(x, NFTNL_EXPR_LOOKUP_DREG);

	r->unknown |= !r->n || r->loaded || r->e.n_lookups == ECHO_LOOKUPS ||
		      !set || (maps && nftnl_expr_get_u32(
				x, NFTNL_EXPR_LOOKUP_DREG) != NFT_REG_VERDICT);
	if (r->unknown)
		return;
	r->e.lookup[r->e.n_lookups].verdicts = r->ended = maps;
	if (maps)
		r->e.verdict = FOREIGN_TARGET;
	memcpy(r->e.lookup[r->e.n_lookups].part, r->part, sizeof(r->part));
	r->e.lookup[r->e.n_lookups].n = (uint8_t)r->n;
	r->e.lookup[r->e.n_lookups].negated =
		nftnl_expr_get_u32(x, NFTNL_EXPR_LOOKUP_FLAGS) &
		NFT_LOOKUP_F_INV;
	r->e.lookup[r->e.n_lookups].set = intern(set);
	r->unknown |= !r->e.lookup[r->e.n_lookups++].set;
	r->n = 0;
}

static void read_limit(struct reader *r, struct nftnl_expr *x)
{
	r->unknown |= r->e.limit.there ||
		      nftnl_expr_get_u32(x, NFTNL_EXPR_LIMIT_TYPE) !=
			      NFT_LIMIT_PKTS;
	r->e.limit.there = true;
	r->e.limit.rate = nftnl_expr_get_u64(x, NFTNL_EXPR_LIMIT_RATE);
	r->e.limit.unit = nftnl_expr_get_u64(x, NFTNL_EXPR_LIMIT_UNIT);
	r->e.limit.burst = nftnl_expr_get_u32(x, NFTNL_EXPR_LIMIT_BURST);
	r->e.limit.over = nftnl_expr_get_u32(x, NFTNL_EXPR_LIMIT_FLAGS) &
			  NFT_LIMIT_F_INV;
}

static void read_reject(struct reader *r, struct nftnl_expr *x)
{
	r->ended = true;
	r->e.verdict = FOREIGN_REJECT;
	r->e.reject_type =
		(uint8_t)nftnl_expr_get_u32(x, NFTNL_EXPR_REJECT_TYPE);
	if (r->e.reject_type != NFT_REJECT_TCP_RST)
		r->e.reject_code =
			nftnl_expr_get_u8(x, NFTNL_EXPR_REJECT_CODE);
}

static void read_immediate(struct reader *r, struct nftnl_expr *x)
{
	int code = (int)nftnl_expr_get_u32(x, NFTNL_EXPR_IMM_VERDICT);
	const char *chain = nftnl_expr_get_str(x, NFTNL_EXPR_IMM_CHAIN);

	r->ended = true;
	r->unknown |= nftnl_expr_get_u32(x, NFTNL_EXPR_IMM_DREG) !=
		      NFT_REG_VERDICT;
	r->e.verdict = code == NF_ACCEPT ? FOREIGN_ACCEPT :
		       code == NF_DROP	 ? FOREIGN_DROP :
		       code == NFT_JUMP	 ? FOREIGN_JUMP :
					   FOREIGN_NONE;
	r->e.target = code == NFT_JUMP && chain ? intern(chain) : NULL;
	r->unknown |= r->e.verdict == FOREIGN_NONE ||
		      (code == NFT_JUMP && !r->e.target);
}

static int read_expr(struct nftnl_expr *x, void *data)
{
	static const struct {
		const char *name;
		void (*read)(struct reader *r, struct nftnl_expr *x);
	} v[] = {
		{ "bitwise", read_bitwise }, { "cmp", read_cmp },
		{ "immediate", read_immediate }, { "limit", read_limit },
		{ "lookup", read_lookup }, { "meta", read_meta },
		{ "payload", read_payload }, { "reject", read_reject },
	};
	const char *name = nftnl_expr_get_str(x, NFTNL_EXPR_NAME);
	struct reader *r = data;

	for (size_t i = 0; name && !r->ended && i < ARRAY_SIZE(v); i++)
		if (!strcmp(v[i].name, name)) {
			v[i].read(r, x);
			return 0;
		}
	r->unknown = true;
	return 0;
}

bool nft_echo_decode(struct nftnl_rule *nr, struct nft_echo *ret)
{
	struct reader r = { .unknown = false };

	nftnl_expr_foreach(nr, read_expr, &r);
	if (r.unknown || !r.ended || r.n || r.loaded || r.tcp != r.e.syn)
		return false;
	if (!r.e.af && r.e.verdict == FOREIGN_REJECT)
		r.e.af = nftnl_rule_get_u32(nr, NFTNL_RULE_FAMILY) ==
					 NFPROTO_IPV6 ? AF_INET6 : AF_INET;
	*ret = r.e;
	return true;
}
