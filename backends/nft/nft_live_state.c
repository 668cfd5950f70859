/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_live_state.c: what of conntrack a rule of the kernel's uses.
 *
 * The same as nft_foreign_match.c and nft_foreign_state.c find in nft's text.
 */
#include <endian.h>
#include <string.h>
#include <linux/netfilter/nf_conntrack_common.h>

#include "backends/nft/nft_live.h"
#include "core/mem.h"

/* Of younger kernels than the headers need be. */
#define OBJECT_CT_HELPER 3
#define OBJECT_CT_TIMEOUT 7
#define OBJECT_CT_EXPECT 9
#define OBJECT_SYNPROXY 10

static const struct {
	uint64_t read, set;
} keys[] = {
	[NFT_CT_STATE] = { FEATURE_BIT(STATE), FEATURE_BIT(STATE) },
	[NFT_CT_DIRECTION] = { FEATURE_BIT(CTDIR), FEATURE_BIT(CTDIR) },
	[NFT_CT_STATUS] = { FEATURE_BIT(CTSTATUS), FEATURE_BIT(CTSTATUS) },
	[NFT_CT_MARK] = { FEATURE_BIT(CONNMARK), FEATURE_BIT(CONNMARK) },
	[NFT_CT_SECMARK] = { FEATURE_BIT(CONNSECMARK),
			     FEATURE_BIT(CONNSECMARK) },
	[NFT_CT_EXPIRATION] = { FEATURE_BIT(CTEXPIRE), FEATURE_BIT(CTEXPIRE) },
	[NFT_CT_HELPER] = { FEATURE_BIT(HELPER), FEATURE_BIT(CT_OTHER) },
	[NFT_CT_L3PROTOCOL] = { FEATURE_BIT(CTPROTO), FEATURE_BIT(CTPROTO) },
	[NFT_CT_SRC] = { FEATURE_BIT(CTADDR), FEATURE_BIT(CTADDR) },
	[NFT_CT_DST] = { FEATURE_BIT(CTADDR), FEATURE_BIT(CTADDR) },
	[NFT_CT_PROTOCOL] = { FEATURE_BIT(CTPROTO), FEATURE_BIT(CTPROTO) },
	[NFT_CT_PROTO_SRC] = { FEATURE_BIT(CTPORT), FEATURE_BIT(CTPORT) },
	[NFT_CT_PROTO_DST] = { FEATURE_BIT(CTPORT), FEATURE_BIT(CTPORT) },
	[NFT_CT_LABELS] = { FEATURE_BIT(CONNLABEL), FEATURE_BIT(CONNLABEL) },
	[NFT_CT_PKTS] = { FEATURE_BIT(CONNBYTES), FEATURE_BIT(CONNBYTES) },
	[NFT_CT_BYTES] = { FEATURE_BIT(CONNBYTES), FEATURE_BIT(CONNBYTES) },
	[NFT_CT_AVGPKT] = { FEATURE_BIT(CONNBYTES), FEATURE_BIT(CONNBYTES) },
	[NFT_CT_ZONE] = { FEATURE_BIT(CTZONE), FEATURE_BIT(CT_OTHER) },
	[NFT_CT_EVENTMASK] = { FEATURE_BIT(CT_OTHER), FEATURE_BIT(CT_OTHER) },
	[NFT_CT_SRC_IP] = { FEATURE_BIT(CTADDR), FEATURE_BIT(CTADDR) },
	[NFT_CT_DST_IP] = { FEATURE_BIT(CTADDR), FEATURE_BIT(CTADDR) },
	[NFT_CT_SRC_IP6] = { FEATURE_BIT(CTADDR), FEATURE_BIT(CTADDR) },
	[NFT_CT_DST_IP6] = { FEATURE_BIT(CTADDR), FEATURE_BIT(CTADDR) },
	[NFT_CT_ID] = { FEATURE_BIT(CTID), FEATURE_BIT(CTID) },
};

uint64_t nft_live_ct_feature(uint32_t key, bool sets)
{
	if (key >= ARRAY_SIZE(keys))
		return FEATURE_BIT(CT_OTHER);
	return sets ? keys[key].set : keys[key].read;
}

uint64_t nft_live_object_feature(uint32_t type)
{
	if (type == OBJECT_SYNPROXY)
		return FEATURE_BIT(SYNPROXY);
	return type == OBJECT_CT_HELPER || type == OBJECT_CT_TIMEOUT ||
	       type == OBJECT_CT_EXPECT ? FEATURE_BIT(CT_OTHER) : 0;
}

static uint8_t states_of(uint32_t word)
{
	static const struct {
		uint32_t bit;
		uint8_t state;
	} bits[] = {
		{ NF_CT_STATE_INVALID_BIT, STATE_INVALID },
		{ NF_CT_STATE_BIT(IP_CT_ESTABLISHED), STATE_ESTABLISHED },
		{ NF_CT_STATE_BIT(IP_CT_RELATED), STATE_RELATED },
		{ NF_CT_STATE_BIT(IP_CT_NEW), STATE_NEW },
		{ NF_CT_STATE_UNTRACKED_BIT, STATE_UNTRACKED },
	};
	uint8_t mask = 0;

	for (size_t i = 0; i < ARRAY_SIZE(bits); i++)
		if (word & bits[i].bit)
			mask |= bits[i].state;
	return mask;
}

static const struct live_part *state_of(const struct live_key *k)
{
	for (unsigned int i = 0; i < k->n; i++)
		if (k->part[i].field->field == FIELD_STATE)
			return &k->part[i];
	return NULL;
}

/* A word that is big-endian, as values are. */
static uint32_t word_of(const uint8_t *v)
{
	uint32_t w;

	memcpy(&w, v, sizeof(w));
	return be32toh(w);
}

int nft_live_states(struct live_rule *r, const struct live_key *k,
		    const struct live_cmp *c)
{
	const struct live_part *p = state_of(k);
	struct foreign_states s = { .kind = STATES_LISTED,
				    .negated = c->negated };
	struct key_range v;
	uint32_t value;

	if (!p || nft_live_range(p, c->first, c->last, &v) == LIVE_UNSURE)
		return 0;
	value = word_of(v.first);
	s.mask = states_of(value);
	if (p->shape != LIVE_WHOLE && !value) {
		s.mask = states_of(word_of(p->mask));
		s.negated = !c->negated;
	}
	return foreign_add_states(r->f, s);
}

int nft_live_set_states(struct live_rule *r, const struct live_key *k,
			const struct live_set *set, bool negated)
{
	const struct live_part *p = state_of(k);
	bool named = !nft_live_set_is_anonymous(set);
	struct foreign_states s = { .negated = negated };
	size_t len = set->key_len;
	struct key_range v;

	if (!p)
		return 0;
	if (k->n > 1 || k->opaque) {
		s.kind = STATES_WITH_MORE;
	} else if (named) {
		s.kind = set->maps ? STATES_IN_MAP : STATES_IN_SET;
		s.name = set->name;
	} else {
		s.kind = set->maps ? STATES_MAPPED : STATES_LISTED;
		for (size_t i = 0; i < set->n; i++)
			if (nft_live_range(p, set->keys + i * 2 * len,
					   set->keys + (i * 2 + 1) * len,
					   &v) == LIVE_FITS)
				s.mask |= states_of(word_of(v.first));
	}
	return foreign_add_states(r->f, s);
}
