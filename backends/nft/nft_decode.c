/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_decode.c: nftnl expressions as an image rule.
 *
 * Each expression that loads a register is remembered; a cmp or a lookup then
 * says what it was loaded for. The order of the tests has no meaning. Whatever
 * isn't exactly of a form that nft_expr.c writes makes the rule unknown.
 */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <libnftnl/expr.h>

#include "backends/nft/nft_compat.h"
#include "backends/nft/nft_decode.h"
#include "backends/nft/nft_echo.h"
#include "backends/nft/nft_split.h"
#include "core/intern.h"
#include "core/mem.h"

static unsigned int reg_word(uint32_t reg)
{
	if (reg >= NFT_REG_1 && reg <= NFT_REG_4)
		return (reg - NFT_REG_1) * 4;
	if (reg >= NFT_REG32_00 && reg < NFT_REG32_00 + NFT_WORDS)
		return reg - NFT_REG32_00;
	return NFT_WORDS;
}

static struct nft_load *load_at(struct nft_reader *r, uint32_t reg)
{
	static struct nft_load nowhere;
	unsigned int w = reg_word(reg);

	if (w < NFT_WORDS)
		return &r->word[w];
	r->unknown = true;
	nowhere = (struct nft_load){ .from = FROM_NOWHERE };
	return &nowhere;
}

static void set_load(struct nft_reader *r, uint32_t reg, struct nft_load l)
{
	*load_at(r, reg) = l;
}

static void read_meta(struct nft_reader *r, struct nftnl_expr *e)
{
	if (!nftnl_expr_is_set(e, NFTNL_EXPR_META_DREG)) {
		r->unknown = true;
		return;
	}
	set_load(r, nftnl_expr_get_u32(e, NFTNL_EXPR_META_DREG),
		 (struct nft_load){
			 .from = FROM_META,
			 .key = nftnl_expr_get_u32(e, NFTNL_EXPR_META_KEY) });
}

static void read_payload(struct nft_reader *r, struct nftnl_expr *e)
{
	uint32_t base = nftnl_expr_get_u32(e, NFTNL_EXPR_PAYLOAD_BASE);
	struct nft_load l = {
		.key = nftnl_expr_get_u32(e, NFTNL_EXPR_PAYLOAD_OFFSET),
		.len = nftnl_expr_get_u32(e, NFTNL_EXPR_PAYLOAD_LEN),
	};

	if (!nftnl_expr_is_set(e, NFTNL_EXPR_PAYLOAD_DREG) ||
	    (base != NFT_PAYLOAD_NETWORK_HEADER &&
	     base != NFT_PAYLOAD_TRANSPORT_HEADER)) {
		r->unknown = true;
		return;
	}
	l.from = base == NFT_PAYLOAD_NETWORK_HEADER ? FROM_NETWORK :
						      FROM_TRANSPORT;
	set_load(r, nftnl_expr_get_u32(e, NFTNL_EXPR_PAYLOAD_DREG), l);
}

static void read_exthdr(struct nft_reader *r, struct nftnl_expr *e)
{
	bool frag = nftnl_expr_get_u8(e, NFTNL_EXPR_EXTHDR_TYPE) ==
			    IPPROTO_FRAGMENT &&
		    !nftnl_expr_get_u32(e, NFTNL_EXPR_EXTHDR_OP) &&
		    !nftnl_expr_get_u32(e, NFTNL_EXPR_EXTHDR_FLAGS) &&
		    nftnl_expr_is_set(e, NFTNL_EXPR_EXTHDR_DREG);

	if (!frag) {
		r->unknown = true;
		return;
	}
	set_load(r, nftnl_expr_get_u32(e, NFTNL_EXPR_EXTHDR_DREG),
		 (struct nft_load){
			 .from = FROM_EXTHDR,
			 .key = nftnl_expr_get_u32(e, NFTNL_EXPR_EXTHDR_OFFSET),
			 .len = nftnl_expr_get_u32(e, NFTNL_EXPR_EXTHDR_LEN) });
}

static void read_fib(struct nft_reader *r, struct nftnl_expr *e)
{
	uint32_t flags = nftnl_expr_get_u32(e, NFTNL_EXPR_FIB_FLAGS);

	if (nftnl_expr_get_u32(e, NFTNL_EXPR_FIB_RESULT) !=
		    NFT_FIB_RESULT_ADDRTYPE ||
	    (flags != NFTA_FIB_F_DADDR && flags != NFTA_FIB_F_SADDR)) {
		r->unknown = true;
		return;
	}
	set_load(r, nftnl_expr_get_u32(e, NFTNL_EXPR_FIB_DREG),
		 (struct nft_load){ .from = FROM_FIB_TYPE, .key = flags });
}

static void read_ct(struct nft_reader *r, struct nftnl_expr *e)
{
	if (!nftnl_expr_is_set(e, NFTNL_EXPR_CT_DREG) ||
	    nftnl_expr_is_set(e, NFTNL_EXPR_CT_DIR)) {
		r->unknown = true;
		return;
	}
	set_load(r, nftnl_expr_get_u32(e, NFTNL_EXPR_CT_DREG),
		 (struct nft_load){
			 .from = FROM_CT,
			 .key = nftnl_expr_get_u32(e, NFTNL_EXPR_CT_KEY) });
}

static void read_socket(struct nft_reader *r, struct nftnl_expr *e)
{
	set_load(r, nftnl_expr_get_u32(e, NFTNL_EXPR_SOCKET_DREG),
		 (struct nft_load){
			 .from = FROM_SOCKET,
			 .key = nftnl_expr_get_u32(e, NFTNL_EXPR_SOCKET_KEY) });
}

static void read_bitwise(struct nft_reader *r, struct nftnl_expr *e)
{
	static const uint8_t zero[16];
	uint32_t sreg = nftnl_expr_get_u32(e, NFTNL_EXPR_BITWISE_SREG);
	uint32_t mask_len = 0, xor_len = 0;
	const void *mask =
		nftnl_expr_get(e, NFTNL_EXPR_BITWISE_MASK, &mask_len);
	const void * flip = nftnl_expr_get(e, NFTNL_EXPR_BITWISE_XOR, &xor_len);
	struct nft_load *l = load_at(r, sreg);

	if (nftnl_expr_get_u32(e, NFTNL_EXPR_BITWISE_OP) != NFT_BITWISE_BOOL ||
	    nftnl_expr_get_u32(e, NFTNL_EXPR_BITWISE_DREG) != sreg || !mask ||
	    !flip || mask_len > sizeof(l->mask) || xor_len > sizeof(zero) ||
	    memcmp(flip, zero, xor_len) || l->mask ||
	    nftnl_expr_get_u32(e, NFTNL_EXPR_BITWISE_LEN) != mask_len) {
		r->unknown = true;
		return;
	}
	memcpy(&l->mask, mask, mask_len);
	l->len = mask_len;
	r->unknown |= !l->mask;		/* 0 stands for "no mask" */
}

/* A register without a mask. */
static bool is_plain(const struct nft_load *l, enum nft_source from,
		     uint32_t key)
{
	return l->from == from && l->key == key && !l->mask;
}

static void read_cmp(struct nft_reader *r, struct nftnl_expr *e)
{
	uint32_t len = 0;
	const uint8_t *d = nftnl_expr_get(e, NFTNL_EXPR_CMP_DATA, &len);
	const struct nft_load *l =
		load_at(r, nftnl_expr_get_u32(e, NFTNL_EXPR_CMP_SREG));

	if (!d ||
	    !nft_decode_cmp(r, l, nftnl_expr_get_u32(e, NFTNL_EXPR_CMP_OP), d,
			    len))
		r->unknown = true;
}

static bool key_of(const struct nft_load *l, enum field_type t,
		   enum key_part *ret)
{
	bool v6 = t == FIELD_ADDR6;

	if (l->mask)
		return false;
	switch (t) {
	case FIELD_PORT:
		*ret = l->key == 0 ? KEY_SPORT : KEY_DPORT;
		return l->from == FROM_TRANSPORT && l->len == 2 &&
		       (l->key == 0 || l->key == 2);
	case FIELD_ADDR4:
	case FIELD_ADDR6:
		*ret = l->key == (v6 ? 8 : 12) ? KEY_SADDR : KEY_DADDR;
		return l->from == FROM_NETWORK && l->len == (v6 ? 16 : 4) &&
		       (l->key == (v6 ? 8 : 12) || l->key == (v6 ? 24 : 16));
	case FIELD_IFNAME:
		*ret = l->key == NFT_META_IIFNAME ? KEY_IIFNAME : KEY_OIFNAME;
		return is_plain(l, FROM_META, NFT_META_IIFNAME) ||
		       is_plain(l, FROM_META, NFT_META_OIFNAME);
	case FIELD_ADDRTYPE:
		*ret = KEY_DADDRTYPE;
		return l->from == FROM_FIB_TYPE && l->key == NFTA_FIB_F_DADDR;
	case FIELD_TYPE_MAX_:
		break;
	}
	return false;
}

static bool lookup_of(struct nft_reader *r, struct nftnl_expr *e)
{
	const char *name = nftnl_expr_get_str(e, NFTNL_EXPR_LOOKUP_SET);
	const struct image_set *s =
		name ? image_find_set(r->table, name) : NULL;
	struct lookup l = { .n_parts = 0 };
	unsigned int word;

	if (!s || nftnl_expr_is_set(e, NFTNL_EXPR_LOOKUP_DREG) ||
	    nftnl_expr_get_u32(e, NFTNL_EXPR_LOOKUP_FLAGS) ||
	    r->rule->n_lookups == IMAGE_LOOKUPS_MAX)
		return false;
	word = reg_word(nftnl_expr_get_u32(e, NFTNL_EXPR_LOOKUP_SREG));
	l.set = s->name;
	for (unsigned int i = 0; i < s->elems.n_fields; i++) {
		if (word >= NFT_WORDS ||
		    !key_of(&r->word[word], s->elems.field[i], &l.part[i]))
			return false;
		word += (unsigned int)(field_width(s->elems.field[i]) + 3) / 4;
	}
	l.n_parts = s->elems.n_fields;
	r->rule->lookup[r->rule->n_lookups++] = l;
	return l.n_parts > 0;
}

static void read_lookup(struct nft_reader *r, struct nftnl_expr *e)
{
	if (!lookup_of(r, e))
		r->unknown = true;
}

static void read_notrack(struct nft_reader *r, struct nftnl_expr *e)
{
	(void)e;
	r->rule->verdict = VERDICT_NOTRACK;
	r->verdict = true;
}

static void read_jump(struct nft_reader *r, const char *chain)
{
	r->rule->verdict = VERDICT_JUMP;
	r->rule->target = intern(chain);
	r->lost |= !r->rule->target;
}

static void read_immediate(struct nft_reader *r, struct nftnl_expr *e)
{
	struct image_rule *rule = r->rule;
	const char *chain;
	int code;

	if (nftnl_expr_get_u32(e, NFTNL_EXPR_IMM_DREG) != NFT_REG_VERDICT) {
		r->unknown = true;
		return;
	}
	code = (int)nftnl_expr_get_u32(e, NFTNL_EXPR_IMM_VERDICT);
	chain = nftnl_expr_get_str(e, NFTNL_EXPR_IMM_CHAIN);
	r->verdict = true;
	rule->ends = code == NFT_GOTO && r->table->owned;
	if (code == NF_ACCEPT)
		rule->verdict = VERDICT_ACCEPT;
	else if (code == NFT_RETURN)
		rule->verdict = VERDICT_RETURN;
	else if (code == NFT_JUMP && chain)
		read_jump(r, chain);
	else if (rule->ends && chain)
		read_jump(r, chain);
	else
		r->unknown = true;
}

/* Whom NOTRACK has taken out is through with the chain. */
static bool read_end(struct nft_reader *r, struct nftnl_expr *e)
{
	const char *name = nftnl_expr_get_str(e, NFTNL_EXPR_NAME);

	if (r->rule->verdict != VERDICT_NOTRACK || r->rule->ends ||
	    !r->verdict || !name || strcmp(name, "immediate") ||
	    nftnl_expr_get_u32(e, NFTNL_EXPR_IMM_DREG) != NFT_REG_VERDICT ||
	    nftnl_expr_get_u32(e, NFTNL_EXPR_IMM_VERDICT) != NF_ACCEPT)
		return false;
	r->rule->ends = true;
	return true;
}

static void read_counter(struct nft_reader *r, struct nftnl_expr *e)
{
	struct image_rule *rule = r->rule;

	rule->counts = rule->counted = true;
	rule->packets = nftnl_expr_get_u64(e, NFTNL_EXPR_CTR_PACKETS);
	rule->bytes = nftnl_expr_get_u64(e, NFTNL_EXPR_CTR_BYTES);
}

/* Which set it is must be known: it tells what the rule does. */
static void read_objref(struct nft_reader *r, struct nftnl_expr *e)
{
	const char *name = nftnl_expr_get_str(e, NFTNL_EXPR_OBJREF_IMM_NAME);
	const struct image_set *s =
		name ? image_find_set(r->table, name) : NULL;

	if (!s || !s->timers ||
	    nftnl_expr_get_u32(e, NFTNL_EXPR_OBJREF_IMM_TYPE) !=
		    NFT_OBJECT_CT_TIMEOUT) {
		r->unknown = true;
		return;
	}
	r->rule->verdict = VERDICT_TIMERS;
	r->rule->target = s->name;
	r->verdict = true;
}

static int read_expr(struct nftnl_expr *e, void *data)
{
	static const struct {
		const char *name;
		void (*read)(struct nft_reader *r, struct nftnl_expr *e);
		bool last;	/* says what the rule does */
	} v[] = {
		{ "bitwise", read_bitwise, false },
		{ "cmp", read_cmp, false },
		{ "counter", read_counter, true },
		{ "ct", read_ct, false },
		{ "exthdr", read_exthdr, false },
		{ "fib", read_fib, false },
		{ "immediate", read_immediate, true },
		{ "lookup", read_lookup, false },
		{ "meta", read_meta, false },
		{ "notrack", read_notrack, true },
		{ "objref", read_objref, true },
		{ "payload", read_payload, false },
		{ "socket", read_socket, false },
	};
	const char *name = nftnl_expr_get_str(e, NFTNL_EXPR_NAME);
	struct nft_reader *r = data;

	for (size_t i = 0; name && !r->verdict && i < ARRAY_SIZE(v); i++)
		if (!strcmp(v[i].name, name)) {
			/* What follows a counter lets fewer packets pass. */
			r->unknown |= r->rule->counts && !v[i].last;
			v[i].read(r, e);
			return 0;
		}
	r->unknown |= !read_end(r, e);
	return 0;
}

const char *nft_udata_comment(const void *data, size_t len, char *buf,
			      size_t size)
{
	const uint8_t *p = data;

	while (len >= 2 && len >= 2u + p[1]) {
		if (p[0] == NFT_UDATA_COMMENT) {
			size_t n = strnlen((const char *)p + 2, p[1]);

			if (n >= size)
				n = size - 1;
			memcpy(buf, p + 2, n);
			buf[n] = '\0';
			return buf;
		}
		len -= 2u + p[1];
		p += 2 + p[1];
	}
	return NULL;
}

static int set_comment(struct nftnl_rule *nr, struct image *img,
		       struct image_rule *rule)
{
	char buf[COMMENT_MAX + 1];
	uint32_t len = 0;
	const void *u = nftnl_rule_get_data(nr, NFTNL_RULE_USERDATA, &len);
	const char *c = u ? nft_udata_comment(u, len, buf, sizeof(buf)) : NULL;

	if (!c)
		return 0;
	rule->comment = strdup(c);
	rule->origin = image_origin(img, c);
	return rule->comment && rule->origin ? 0 : -ENOMEM;
}

char *nft_rule_describe(const struct nftnl_rule *nr)
{
	char buf[1024];
	char *s;

	if (nftnl_rule_snprintf(buf, sizeof(buf), nr, NFTNL_OUTPUT_DEFAULT, 0) <
	    0)
		buf[0] = '\0';
	for (s = buf; *s; s++)
		if (*s == '\n' || *s == '\t')
			*s = ' ';
	return strdup(buf);
}

static int describe(struct nftnl_rule *nr, struct image_rule *ret)
{
	match_release(&ret->match);
	ret->match.family = nft_table_af((uint8_t)
		nftnl_rule_get_u32(nr, NFTNL_RULE_FAMILY));
	ret->n_lookups = 0;
	ret->ends = false;
	ret->target = NULL;
	ret->verdict = VERDICT_UNKNOWN;
	ret->unknown = nft_rule_describe(nr);
	return ret->unknown ? 0 : -ENOMEM;
}

/* As nft_echo.h has it: what else it may be, nobody wrote it so. */
static int describe_echo(struct nftnl_rule *nr, struct image_rule *ret)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	struct nft_echo e;
	int err;

	if (!nft_echo_decode(nr, &e))
		return describe(nr, ret);
	nft_echo_print(&e, &b);
	err = describe(nr, ret);
	if (err || strbuf_status(&b))
		return err ? err : -ENOMEM;
	free(ret->unknown);
	ret->unknown = strbuf_take(&b);
	return ret->unknown ? 0 : -ENOMEM;
}

static int decode(struct image *img, const struct image_table *t,
		  struct nftnl_rule *nr, struct image_rule *ret)
{
	const char *chain = nftnl_rule_get_str(nr, NFTNL_RULE_CHAIN);
	struct nft_reader r = { .table = t, .rule = ret };
	int err;

	*ret = (struct image_rule){ .verdict = VERDICT_ACCEPT };
	ret->match.family = nft_table_af(t->family);
	ret->handle = nftnl_rule_get_u64(nr, NFTNL_RULE_HANDLE);
	nftnl_expr_foreach(nr, read_expr, &r);
	err = r.lost ? -ENOMEM : set_comment(nr, img, ret);
	if (err)
		return err;
	if (own_names_echo(chain))
		return describe_echo(nr, ret);
	if (r.unknown || !r.verdict || r.half.open)
		return describe(nr, ret);
	nft_split_read(t, chain, ret);
	return 0;
}

static void rule_freep(struct nftnl_rule **r)
{
	if (*r)
		nftnl_rule_free(*r);
}

/* It holds an expression that is newer than libnftnl. */
static int unreadable(const struct image_table *t, const struct nlmsghdr *nlh,
		      struct image_rule *ret)
{
	const struct nlattr *v[NFTA_RULE_HANDLE + 1];
	int err = nft_msg_attrs(nlh, v, NFTA_RULE_HANDLE);

	if (err || !v[NFTA_RULE_HANDLE])
		return err ? err : -EBADMSG;
	*ret = (struct image_rule){ .verdict = VERDICT_UNKNOWN };
	ret->match.family = nft_table_af(t->family);
	ret->handle = be64toh(mnl_attr_get_u64(v[NFTA_RULE_HANDLE]));
	ret->unknown = strdup("(a rule that libnftnl cannot read)");
	return ret->unknown ? 0 : -ENOMEM;
}

int nft_rule_decode(struct image *img, const struct image_table *t,
		    const struct nlmsghdr *nlh, struct image_rule *ret)
{
	_cleanup_(rule_freep) struct nftnl_rule *nr = nftnl_rule_alloc();

	if (!nr)
		return -ENOMEM;
	errno = 0;
	if (nftnl_rule_nlmsg_parse(nlh, nr) >= 0)
		return t->iptables ? nft_compat_decode(img, t, nr, ret) :
				     decode(img, t, nr, ret);
	return errno == ENOMEM ? -ENOMEM : unreadable(t, nlh, ret);
}
