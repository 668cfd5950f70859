/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/nft/nft_live_expr.c: a rule's expressions, one after the other. */
#include <endian.h>
#include <string.h>

#include "backends/nft/nft_live.h"
#include "core/intern.h"
#include "core/mem.h"

struct foreign_rule *nft_live_last(const struct live_rule *r)
{
	return &r->f->rules[r->f->n_rules - 1];
}

int nft_live_set_verdict(struct live_rule *r, enum foreign_verdict verdict,
			 const char *target, uint64_t features)
{
	struct foreign_rule *rule = nft_live_last(r);

	rule->features |= features;
	rule->verdict = verdict;
	rule->target = target ? intern(target) : NULL;
	return target && !rule->target ? -ENOMEM : 0;
}

static const uint8_t *data_of(const struct nlattr *nest, size_t *ret_len)
{
	const struct nlattr *v[NFTA_DATA_VALUE + 1];

	*ret_len = 0;
	if (!nest || nft_nest_attrs(nest, v, NFTA_DATA_VALUE) ||
	    !v[NFTA_DATA_VALUE])
		return NULL;
	*ret_len = mnl_attr_get_payload_len(v[NFTA_DATA_VALUE]);
	return mnl_attr_get_payload(v[NFTA_DATA_VALUE]);
}

static int unreadable(struct live_rule *r, const char *name)
{
	nft_live_say(r, "[%s]", name);
	nft_live_lose(r, 0, LIVE_BYTES);
	return nft_live_opaque(r, name);
}

static int read_bitwise(struct live_rule *r, const struct nlattr *const *v)
{
	unsigned int from = nft_live_at(nft_attr_u32(v[NFTA_BITWISE_SREG]));
	unsigned int to = nft_live_at(nft_attr_u32(v[NFTA_BITWISE_DREG]));
	uint32_t len = nft_attr_u32(v[NFTA_BITWISE_LEN]);
	size_t n_mask, n_flip;
	const uint8_t *mask = data_of(v[NFTA_BITWISE_MASK], &n_mask);
	const uint8_t *flip = data_of(v[NFTA_BITWISE_XOR], &n_flip);

	if (nft_attr_u32(v[NFTA_BITWISE_OP]) != NFT_BITWISE_BOOL || !mask ||
	    !flip || n_mask != len || n_flip != len ||
	    !nft_live_fits(from, len) || !nft_live_fits(to, len)) {
		nft_live_lose(r, to, len < LIVE_BYTES ? len : LIVE_BYTES);
		return 0;
	}
	for (uint32_t i = 0; i < len; i++) {
		struct live_byte b = r->byte[from + i];

		b.mask &= mask[i];
		b.flip = (uint8_t)((b.flip & mask[i]) ^ flip[i]);
		r->byte[to + i] = b;
	}
	return 0;
}

/* Either way it turns the bytes of each word round, or does nothing. */
static int read_byteorder(struct live_rule *r, const struct nlattr *const *v)
{
	unsigned int from = nft_live_at(nft_attr_u32(v[NFTA_BYTEORDER_SREG]));
	unsigned int to = nft_live_at(nft_attr_u32(v[NFTA_BYTEORDER_DREG]));
	uint32_t len = nft_attr_u32(v[NFTA_BYTEORDER_LEN]);
	uint32_t size = nft_attr_u32(v[NFTA_BYTEORDER_SIZE]);
	struct live_byte was[LIVE_BYTES];

	if (!nft_live_fits(from, len) || !nft_live_fits(to, len) || !size ||
	    len % size || from != to) {
		nft_live_lose(r, to, len < LIVE_BYTES ? len : LIVE_BYTES);
		return 0;
	}
	memcpy(was, r->byte, sizeof(was));
	for (uint32_t i = 0; BYTE_ORDER == LITTLE_ENDIAN && i < len; i++)
		r->byte[to + i] =
			was[from + i / size * size + size - 1 - i % size];
	return 0;
}

static int test(struct live_rule *r, const struct live_key *k,
		const struct live_cmp *c)
{
	int err;

	nft_live_say_compare(r, k, c);
	err = nft_live_states(r, k, c);
	return err ? err : nft_live_compare(r, k, c);
}

/* A `>=` that no `<=` followed. */
static int end_half(struct live_rule *r)
{
	uint8_t last[LIVE_BYTES];

	if (!r->half.open)
		return 0;
	r->half.open = false;
	memset(last, 0xff, sizeof(last));
	return test(r, &r->half.key,
		    &(struct live_cmp){ r->half.first, last, false });
}

/* The value behind or before, as the kernel compares: from the first byte. */
static bool step(uint8_t *v, size_t len, bool up)
{
	while (len) {
		len--;
		v[len] = (uint8_t)(up ? v[len] + 1 : v[len] - 1);
		if (v[len] != (uint8_t)(up ? 0 : 0xff))
			return true;
	}
	return false;
}

static bool is_same_key(const struct live_rule *r, uint32_t reg, size_t len)
{
	return r->half.open && r->half.reg == reg && r->half.key.len == len;
}

static int compare_order(struct live_rule *r, const struct live_key *k,
			 uint32_t op, const uint8_t *data)
{
	uint8_t first[LIVE_BYTES] = { 0 }, end[LIVE_BYTES];
	bool some = true;

	memset(end, 0xff, sizeof(end));
	if (op == NFT_CMP_GTE || op == NFT_CMP_GT)
		memcpy(first, data, k->len);
	else
		memcpy(end, data, k->len);
	if (op == NFT_CMP_GT)
		some = step(first, k->len, true);
	if (op == NFT_CMP_LT)
		some = step(end, k->len, false);
	if (some)
		return test(r, k, &(struct live_cmp){ first, end, false });
	nft_live_say(r, "[never]");
	return nft_live_opaque(r, "never");
}

static int read_cmp(struct live_rule *r, const struct nlattr *const *v)
{
	uint32_t reg = nft_attr_u32(v[NFTA_CMP_SREG]);
	uint32_t op = nft_attr_u32(v[NFTA_CMP_OP]);
	struct live_cmp c = { .negated = op == NFT_CMP_NEQ };
	struct live_key k;
	size_t len;
	int err;

	c.first = c.last = data_of(v[NFTA_CMP_DATA], &len);
	if (!c.first || len > LIVE_BYTES)
		return unreadable(r, "cmp");
	if (op == NFT_CMP_LTE && is_same_key(r, reg, len)) {
		r->half.open = false;
		c.first = r->half.first;
		return test(r, &r->half.key, &c);
	}
	err = end_half(r);
	if (err)
		return err;
	nft_live_key(r, nft_live_at(reg), (unsigned int)len, &k);
	if (op == NFT_CMP_EQ || op == NFT_CMP_NEQ)
		return test(r, &k, &c);
	if (op != NFT_CMP_GTE || len > sizeof(r->half.first) || k.opaque)
		return compare_order(r, &k, op, c.first);
	r->half.open = true;
	r->half.reg = reg;
	r->half.key = k;
	memcpy(r->half.first, c.first, len);
	return 0;
}

static int read_range(struct live_rule *r, const struct nlattr *const *v)
{
	struct live_cmp c = {
		.negated = nft_attr_u32(v[NFTA_RANGE_OP]) == NFT_RANGE_NEQ,
	};
	size_t len, len_to;
	struct live_key k;

	c.first = data_of(v[NFTA_RANGE_FROM_DATA], &len);
	c.last = data_of(v[NFTA_RANGE_TO_DATA], &len_to);
	if (!c.first || !c.last || len != len_to || len > LIVE_BYTES)
		return unreadable(r, "range");
	nft_live_key(r, nft_live_at(nft_attr_u32(v[NFTA_RANGE_SREG])),
		     (unsigned int)len, &k);
	return test(r, &k, &c);
}

/* In a set that is not known here: in what was loaded for it. */
static int look_elsewhere(struct live_rule *r, unsigned int at,
			  const char *name, bool negated)
{
	struct live_set set = { .name = name };
	struct live_key k;

	while (at + set.key_len < LIVE_BYTES &&
	       r->byte[at + set.key_len].load != LIVE_LOST &&
	       r->byte[at + set.key_len].load >= r->byte[at].load)
		set.key_len++;
	nft_live_key(r, at, set.key_len, &k);
	nft_live_say_lookup(r, &k, &set, negated ? " != " : " ");
	return nft_live_opaque(r, "lookup");
}

/* What it answers is in the registers, and the key as the last term. */
static void put_answer(struct live_rule *r, unsigned int at,
		       struct live_set *set)
{
	const struct foreign_rule *rule = nft_live_last(r);
	const struct term *t = rule->n_terms ?
				&r->f->terms[r->f->n_terms - 1] : NULL;

	nft_live_lose(r, at, set->data_len ? set->data_len : LIVE_BYTES);
	r->map = set->data_len ? set : NULL;
	if (!r->map)
		return;
	r->map_key = t && t->kind == TERM_MATCH ? t->set : FOREIGN_NOWHERE;
	for (unsigned int i = 0; i < set->data_len && at + i < LIVE_BYTES; i++)
		r->byte[at + i] = (struct live_byte){
			.load = LIVE_ANSWER, .at = (uint8_t)i,
		};
}

static int read_lookup(struct live_rule *r, const struct nlattr *const *v)
{
	bool negated = nft_attr_u32(v[NFTA_LOOKUP_FLAGS]) & NFT_LOOKUP_F_INV;
	const char *name = nft_attr_str(v[NFTA_LOOKUP_SET]);
	struct live_set *set = nft_live_find_set(r->sets, r->table, name);
	bool verdicts = set && set->verdicts && v[NFTA_LOOKUP_DREG];
	struct live_key k;
	int err;

	if (!set)
		return look_elsewhere(r, nft_live_at(nft_attr_u32(
						v[NFTA_LOOKUP_SREG])),
				      name, negated);
	nft_live_key(r, nft_live_at(nft_attr_u32(v[NFTA_LOOKUP_SREG])),
		     set->key_len, &k);
	nft_live_say_lookup(r, &k, set, verdicts ? " vmap " :
				set->maps ? " map " : negated ? " != " : " ");
	err = nft_live_set_states(r, &k, set, negated);
	if (!err)
		err = nft_live_lookup(r, &k, set, negated, verdicts);
	if (!err && verdicts)
		return nft_live_set_verdict(r, FOREIGN_TARGET, "vmap", 0);
	if (v[NFTA_LOOKUP_DREG])
		put_answer(r, nft_live_at(nft_attr_u32(v[NFTA_LOOKUP_DREG])),
			   set);
	return err;
}

static void say_verdict(struct live_rule *r, const struct foreign_outcome *o)
{
	static const char *const names[] = {
		[FOREIGN_ACCEPT] = "accept", [FOREIGN_DROP] = "drop",
		[FOREIGN_RETURN] = "return", [FOREIGN_JUMP] = "jump",
		[FOREIGN_GOTO] = "goto", [FOREIGN_NONE] = "continue",
	};

	if (o->target)
		nft_live_say(r, "%s %s", names[o->verdict], o->target);
	else
		nft_live_say(r, "%s", names[o->verdict]);
}

static void put_constant(struct live_rule *r, uint32_t reg, const uint8_t *v,
			 size_t len)
{
	unsigned int at = nft_live_at(reg);

	for (size_t i = 0; i < ((len + 3) & ~(size_t)3) &&
			   at + i < LIVE_BYTES; i++)
		r->byte[at + i] = (struct live_byte){
			.load = LIVE_CONST, .flip = i < len ? v[i] : 0,
		};
}

static int read_immediate(struct live_rule *r, const struct nlattr *const *v)
{
	const struct nlattr *in[NFTA_DATA_VERDICT + 1];
	struct foreign_outcome o;
	const uint8_t *data;
	size_t len;
	int err;

	if (!v[NFTA_IMMEDIATE_DATA])
		return -EINVAL;
	data = data_of(v[NFTA_IMMEDIATE_DATA], &len);
	if (data) {
		put_constant(r, nft_attr_u32(v[NFTA_IMMEDIATE_DREG]), data,
			     len);
		return 0;
	}
	err = nft_nest_attrs(v[NFTA_IMMEDIATE_DATA], in, NFTA_DATA_VERDICT);
	if (err || !in[NFTA_DATA_VERDICT])
		return -EINVAL;
	err = nft_live_verdict(in[NFTA_DATA_VERDICT], &o);
	if (err)
		return err;
	say_verdict(r, &o);
	if (o.verdict == FOREIGN_NONE)
		return 0;
	r->ended = true;
	return nft_live_set_verdict(r, o.verdict, o.target, 0);
}

static const struct live_row tests[] = {
	{ "bitwise", read_bitwise }, { "byteorder", read_byteorder },
	{ "cmp", read_cmp },	     { "immediate", read_immediate },
	{ "lookup", read_lookup },   { "range", read_range },
	{ NULL, NULL },
};

static live_read_fn *reader_of(const char *name)
{
	const struct live_row *const all[] = {
		tests, nft_live_loads, nft_live_acts, nft_live_compat,
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		for (const struct live_row *row = all[i]; row->name; row++)
			if (!strcmp(row->name, name))
				return row->read;
	return NULL;
}

static int read_expr(struct live_rule *r, const struct nlattr *expr)
{
	const struct nlattr *v[NFTA_EXPR_DATA + 1], *in[LIVE_ATTRS + 1];
	const char *name;
	live_read_fn *read;
	int err = nft_nest_attrs(expr, v, NFTA_EXPR_DATA);

	if (err)
		return err;
	name = nft_attr_str(v[NFTA_EXPR_NAME]);
	if (strcmp(name, "cmp") != 0)
		err = end_half(r);
	memset(in, 0, sizeof(in));
	if (!err && v[NFTA_EXPR_DATA])
		err = nft_nest_attrs(v[NFTA_EXPR_DATA], in, LIVE_ATTRS);
	if (err)
		return err;
	read = reader_of(name);
	return read ? read(r, in) : unreadable(r, name);
}

static void forget_portless(struct live_rule *r)
{
	for (unsigned int i = 0; i <= UINT8_MAX; i++)
		if (!protocol_has_ports((uint8_t)i))
			r->protos[i / 64] &= ~(UINT64_C(1) << i % 64);
}

static void reset(struct live_rule *r)
{
	r->n_loads = 0;
	nft_live_lose(r, 0, LIVE_BYTES);
	r->family = r->table_family == NFPROTO_IPV4 ||
		    r->table_family == NFPROTO_IPV6 ? r->table_family : 0;
	memset(r->protos, 0xff, sizeof(r->protos));
	if (r->has_ports)
		forget_portless(r);
	r->ended = r->half.open = false;
	r->map = NULL;
	strbuf_clear(&r->text);
	strbuf_clear(&r->family_text);
	strbuf_clear(&r->proto_text);
}

int nft_live_read_rule(struct live_rule *r, const struct nlattr *list)
{
	const struct nlattr *a;
	const char *text;
	int err = 0;

	reset(r);
	if (list) {
		netlink_for_each_nested(a, list) {
			if (r->ended)
				break;
			err = read_expr(r, a);
			if (err)
				return err;
		}
	}
	err = end_half(r);
	if (!err && r->comment)
		nft_live_say(r, "comment \"%s\"", r->comment);
	text = nft_live_text(r);
	if (err || strbuf_status(&r->text))
		return err ? err : -ENOMEM;
	nft_live_last(r)->raw.n = strlen(text);
	nft_live_last(r)->raw.s = foreign_keep(r->f, text,
					       nft_live_last(r)->raw.n);
	return nft_live_last(r)->raw.s ? 0 : -ENOMEM;
}

int nft_live_comment(struct live_rule *r, const void *user, size_t n)
{
	char buf[256];
	const char *c = n ? nft_udata_comment(user, n, buf, sizeof(buf)) : NULL;

	r->comment = c ? intern(c) : NULL;
	return c && !r->comment ? -ENOMEM : 0;
}

void nft_live_rule_release(struct live_rule *r)
{
	strbuf_release(&r->text);
	strbuf_release(&r->family_text);
	strbuf_release(&r->proto_text);
}
