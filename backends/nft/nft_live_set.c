/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/nft/nft_live_set.c: the host's sets, and what is in them. */
#include <errno.h>
#include <string.h>

#include <libnftnl/udata.h>

#include "backends/nft/nft_kernel.h"
#include "backends/nft/nft_live.h"
#include "core/inet.h"
#include "core/intern.h"
#include "core/mem.h"

#define TYPE_BITS 6			/* of one field of a concatenation */
/* enum expr_types of nft */
#define EXPR_CT 12
#define EXPR_CONCAT 13

/* nft's numbers of types: ct_state, ct_dir, ct_status, ct_label, ct_event */
static bool is_ct_type(uint32_t type)
{
	static const uint8_t ct[] = { 26, 27, 28, 30, 40 };

	for (; type; type >>= TYPE_BITS)
		for (size_t i = 0; i < ARRAY_SIZE(ct); i++)
			if ((type & ((1u << TYPE_BITS) - 1)) == ct[i])
				return true;
	return false;
}

/* The next of nft's type-length-value triples; NULL: that was the last. */
static const uint8_t *next_triple(const uint8_t **p, size_t *len)
{
	const uint8_t *at = *p;

	if (*len < 2 || *len < 2u + at[1])
		return NULL;
	*p += 2 + at[1];
	*len -= 2u + at[1];
	return at;
}

/* Is a type that was given as `typeof ct mark` of ct, or one of its fields? */
static bool speaks_of_ct(const uint8_t *p, size_t len, bool nested)
{
	const uint8_t *t, *data = NULL;
	uint32_t type = 0;
	size_t n;

	while ((t = next_triple(&p, &len))) {
		if (t[0] == NFTNL_UDATA_SET_TYPEOF_EXPR &&
		    t[1] == sizeof(type))
			memcpy(&type, t + 2, sizeof(type));
		else if (t[0] == NFTNL_UDATA_SET_TYPEOF_DATA)
			data = t;
	}
	if (type == EXPR_CT || type != EXPR_CONCAT || !data || nested)
		return type == EXPR_CT;
	p = data + 2;
	n = data[1];
	while ((t = next_triple(&p, &n)))
		if (speaks_of_ct(t + 2, t[1], true))
			return true;
	return false;
}

static bool is_typeof_ct(const struct nlattr *user)
{
	const uint8_t *p = user ? mnl_attr_get_payload(user) : NULL, *t;
	size_t len = user ? mnl_attr_get_payload_len(user) : 0;

	while ((t = next_triple(&p, &len)))
		if ((t[0] == NFTNL_UDATA_SET_KEY_TYPEOF ||
		     t[0] == NFTNL_UDATA_SET_DATA_TYPEOF) &&
		    speaks_of_ct(t + 2, t[1], false))
			return true;
	return false;
}

/* Does any expression but a counter belong to the set or the element? */
static bool has_expr(const struct nlattr *one, const struct nlattr *list,
		     const char *name)
{
	const struct nlattr *v[NFTA_EXPR_DATA + 1];
	const struct nlattr *a;
	const char *s;

	if (list) {
		netlink_for_each_nested(a, list)
			if (has_expr(a, NULL, name))
				return true;
		return false;
	}
	if (!one || nft_nest_attrs(one, v, NFTA_EXPR_DATA))
		return false;
	s = nft_attr_str(v[NFTA_EXPR_NAME]);
	return name ? !strcmp(s, name) :
		      strcmp(s, "counter") != 0 && strcmp(s, "last") != 0;
}

static bool uses_ct(const struct nlattr *const *v)
{
	uint32_t object = nft_attr_u32(v[NFTA_SET_OBJ_TYPE]);

	return is_ct_type(nft_attr_u32(v[NFTA_SET_KEY_TYPE])) ||
	       is_ct_type(nft_attr_u32(v[NFTA_SET_DATA_TYPE]) &
			  ((1u << 5 * TYPE_BITS) - 1)) ||
	       (v[NFTA_SET_OBJ_TYPE] && nft_live_object_feature(object)) ||
	       is_typeof_ct(v[NFTA_SET_USERDATA]) ||
	       has_expr(v[NFTA_SET_EXPR], v[NFTA_SET_EXPRESSIONS],
			"connlimit");
}

/* The lengths of the fields, of a concatenation with ranges. */
static void read_desc(struct live_set *s, const struct nlattr *desc)
{
	const struct nlattr *v[NFTA_SET_DESC_MAX + 1];
	const struct nlattr *in[NFTA_SET_FIELD_MAX + 1];
	const struct nlattr *a;

	if (!desc || nft_nest_attrs(desc, v, NFTA_SET_DESC_MAX))
		return;
	s->size = nft_attr_u32(v[NFTA_SET_DESC_SIZE]);
	if (!v[NFTA_SET_DESC_CONCAT])
		return;
	netlink_for_each_nested(a, v[NFTA_SET_DESC_CONCAT])
		if (s->n_parts < ARRAY_SIZE(s->part_len) &&
		    !nft_nest_attrs(a, in, NFTA_SET_FIELD_MAX))
			s->part_len[s->n_parts++] = (uint8_t)
				nft_attr_u32(in[NFTA_SET_FIELD_LEN]);
}

bool nft_live_set_is_anonymous(const struct live_set *s)
{
	return s->flags & NFT_SET_ANONYMOUS;
}

int nft_live_add_set(struct live_sets *s, struct foreign *f, uint32_t table,
		     const struct nlmsghdr *nlh)
{
	const struct nlattr *v[NFT_SET_COUNT + 1];
	struct live_set set = { .table = table,
				.family = nft_msg_family(nlh) };
	int err = nft_msg_attrs(nlh, v, NFT_SET_COUNT);

	if (err)
		return err;
	set.name = intern(nft_attr_str(v[NFTA_SET_NAME]));
	set.flags = nft_attr_u32(v[NFTA_SET_FLAGS]);
	set.count = nft_attr_u32(v[NFT_SET_COUNT]);
	set.key_len = (uint16_t)nft_attr_u32(v[NFTA_SET_KEY_LEN]);
	set.maps = set.flags & NFT_SET_MAP;
	set.verdicts = set.maps &&
		       nft_attr_u32(v[NFTA_SET_DATA_TYPE]) == NFT_DATA_VERDICT;
	set.object = nft_attr_u32(v[NFTA_SET_OBJ_TYPE]);
	if (set.maps && !set.verdicts && !set.object) {
		uint32_t len = nft_attr_u32(v[NFTA_SET_DATA_LEN]);

		set.data_len = len <= LIVE_BYTES ? (uint8_t)len : 0;
		set.data_type = nft_attr_u32(v[NFTA_SET_DATA_TYPE]);
	}
	/* What packets put into a map is there for the next one. */
	set.unsure = has_expr(v[NFTA_SET_EXPR], v[NFTA_SET_EXPRESSIONS],
			      NULL) || set.key_len > LIVE_BYTES ||
		     set.key_len == 0 ||
		     (set.maps && set.flags & NFT_SET_EVAL);
	read_desc(&set, v[NFTA_SET_DESC]);
	if (!set.name || mem_grow(&s->v, &s->cap, s->n + 1) ||
	    name_index_add(&s->at, set.name, table))
		return -ENOMEM;
	f->facts[FACT_SETS_WITH_CT] += !nft_live_set_is_anonymous(&set) &&
				       uses_ct(v);
	s->v[s->n++] = set;
	return 0;
}

struct live_set *nft_live_find_set(const struct live_sets *s, uint32_t table,
				   const char *name)
{
	const char *kept = intern(name);
	size_t i = kept ? name_index_find(&s->at, kept, table) : SIZE_MAX;

	return i == SIZE_MAX ? NULL : &s->v[i];
}

int nft_live_verdict(const struct nlattr *nest, struct foreign_outcome *ret)
{
	static const struct {
		int code;
		enum foreign_verdict verdict;
	} codes[] = {
		{ NF_ACCEPT, FOREIGN_ACCEPT }, { NF_DROP, FOREIGN_DROP },
		{ NFT_RETURN, FOREIGN_RETURN }, { NFT_JUMP, FOREIGN_JUMP },
		{ NFT_GOTO, FOREIGN_GOTO },
	};
	const struct nlattr *v[NFTA_VERDICT_CHAIN + 1];
	struct foreign_outcome o = { .verdict = FOREIGN_NONE };
	int code, err = nft_nest_attrs(nest, v, NFTA_VERDICT_CHAIN);

	if (err)
		return err;
	code = (int)nft_attr_u32(v[NFTA_VERDICT_CODE]);
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		if (codes[i].code == code)
			o.verdict = codes[i].verdict;
	if (o.verdict == FOREIGN_JUMP || o.verdict == FOREIGN_GOTO) {
		o.target = intern(nft_attr_str(v[NFTA_VERDICT_CHAIN]));
		if (!o.target)
			return -ENOMEM;
	}
	*ret = o;
	return 0;
}

static int read_outcome(const struct nlattr *data, struct foreign_outcome *ret)
{
	const struct nlattr *v[NFTA_DATA_VERDICT + 1];

	if (!data || nft_nest_attrs(data, v, NFTA_DATA_VERDICT) ||
	    !v[NFTA_DATA_VERDICT])
		return -EINVAL;
	return nft_live_verdict(v[NFTA_DATA_VERDICT], ret);
}

/* NULL: not there, or not as long as the set's keys. */
static const uint8_t *key_of(const struct nlattr *a, size_t len)
{
	const struct nlattr *v[NFTA_DATA_VALUE + 1];

	if (!a || nft_nest_attrs(a, v, NFTA_DATA_VALUE) ||
	    !v[NFTA_DATA_VALUE] ||
	    mnl_attr_get_payload_len(v[NFTA_DATA_VALUE]) != len)
		return NULL;
	return mnl_attr_get_payload(v[NFTA_DATA_VALUE]);
}

static int add_range(struct live_set *s, const uint8_t *first,
		     const uint8_t *last, const struct live_data *data)
{
	bool answers = nft_live_has_answers(s);
	size_t len = s->key_len;
	uint8_t *at;

	if (mem_grow(&s->keys, &s->cap_keys, (s->n + 1) * 2 * len) ||
	    (s->verdicts && mem_grow(&s->to, &s->cap_to, s->n + 1)) ||
	    (answers && mem_grow(&s->answers, &s->cap_answers, s->n + 1)))
		return -ENOMEM;
	at = s->keys + s->n * 2 * len;
	memcpy(at, first, len);
	memcpy(at + len, last, len);
	if (s->verdicts)
		s->to[s->n] = data->to;
	if (answers)
		s->answers[s->n] = data->answer;
	s->n++;
	return 0;
}

static int add_edge(struct live_elems *e, const uint8_t *key, uint32_t flags,
		    const struct live_data *data)
{
	struct nft_boundary *b;

	if (mem_grow(&e->edge, &e->cap_edges, e->n_edges + 1) ||
	    (e->set->maps &&
	     mem_grow(&e->data, &e->cap_data, e->n_data + 1)))
		return -ENOMEM;
	b = &e->edge[e->n_edges++];
	*b = (struct nft_boundary){
		.end = flags & NFT_SET_ELEM_INTERVAL_END,
		.tag = (uint32_t)e->n_data,
	};
	memcpy(b->key, key, e->set->key_len);
	if (e->set->maps)
		e->data[e->n_data++] = *data;
	return 0;
}

static int read_data(struct live_set *s, const struct nlattr *nest,
		     struct live_data *ret)
{
	const uint8_t *data;

	if (s->verdicts)
		return read_outcome(nest, &ret->to);
	if (!nft_live_has_answers(s))
		return 0;
	data = key_of(nest, s->data_len);
	if (!data)
		return -EINVAL;
	nft_live_answer(s, data, &ret->answer);
	return 0;
}

/* Only the starts of an interval have a verdict, or other data. */
static int read_elem(const struct nlattr *nest, void *arg)
{
	struct live_elems *e = arg;
	const struct nlattr *v[NFTA_SET_ELEM_EXPRESSIONS + 1];
	struct live_data data = { .to = { .verdict = FOREIGN_NONE } };
	struct live_set *s = e->set;
	const uint8_t *first, *last;
	uint32_t flags;
	int err = nft_nest_attrs(nest, v, NFTA_SET_ELEM_EXPRESSIONS);

	if (err)
		return err;
	flags = nft_attr_u32(v[NFTA_SET_ELEM_FLAGS]);
	s->unsure |= has_expr(v[NFTA_SET_ELEM_EXPR],
			      v[NFTA_SET_ELEM_EXPRESSIONS], NULL);
	if (s->maps && !(flags & NFT_SET_ELEM_INTERVAL_END)) {
		err = read_data(s, v[NFTA_SET_ELEM_DATA], &data);
		if (err)
			return err;
	}
	if (flags & NFT_SET_ELEM_CATCHALL) {
		s->rest = true;
		s->rest_to = data.to;
		s->rest_answer = data.answer;
		return 0;
	}
	first = key_of(v[NFTA_SET_ELEM_KEY], s->key_len);
	if (!first)
		return -EINVAL;
	if (s->flags & NFT_SET_INTERVAL && !s->n_parts)
		return s->key_len > sizeof(e->edge->key) ? 0 :
		       add_edge(e, first, flags, &data);
	last = key_of(v[NFTA_SET_ELEM_KEY_END], s->key_len);
	return add_range(s, first, last ? last : first, &data);
}

int nft_live_add_elems(struct live_elems *e, const struct nlmsghdr *nlh)
{
	return nft_elems_each(nlh, read_elem, e);
}

static int end_range(const struct nft_boundary *start, const uint8_t *last,
		     void *arg)
{
	const struct live_elems *e = arg;

	return add_range(e->set, start->key, last,
			 e->set->maps ? &e->data[start->tag] : NULL);
}

int nft_live_end_elems(struct live_elems *e)
{
	if (e->set->flags & NFT_SET_INTERVAL && !e->set->n_parts &&
	    e->set->key_len > sizeof(e->edge->key))
		e->set->unsure = true;
	return nft_boundaries_each(e->edge, e->n_edges, e->set->key_len,
				   end_range, e);
}

void nft_live_elems_release(struct live_elems *e)
{
	free(e->edge);
	free(e->data);
}

void nft_live_sets_release(struct live_sets *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->v[i].keys);
		free(s->v[i].to);
		free(s->v[i].answers);
		free(s->v[i].as);
	}
	free(s->v);
	name_index_release(&s->at);
	*s = (struct live_sets){ 0 };
}
