/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_types.c: sets' fields as nft's data types.
 *
 * Source: the numbers that `nft --debug=mnl` shows for a set's key type; the
 *         kernel keeps them for nft and gives them no meaning.
 */
#include <string.h>

#include "backends/nft/nft.h"
#include "core/mem.h"

static const struct nft_field_type types[] = {
	[FIELD_PORT] = { "inet_service", 13, 2, false },
	[FIELD_ADDR4] = { "ipv4_addr", 7, 4, false },
	[FIELD_ADDR6] = { "ipv6_addr", 8, 16, false },
	[FIELD_IFNAME] = { "ifname", 41, 16, true },
	[FIELD_ADDRTYPE] = { "fib_addrtype", 38, 4, true },
};
_Static_assert(ARRAY_SIZE(types) == FIELD_TYPE_MAX_, "types misses a row");

const struct nft_field_type *nft_field(enum field_type t)
{
	return &types[t];
}

int nft_field_by_id(unsigned int id, enum field_type *ret)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(types); i++)
		if (types[i].id == id) {
			*ret = (enum field_type)i;
			return 0;
		}
	return -EINVAL;
}

int nft_field_by_name(const char *name, enum field_type *ret)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(types); i++)
		if (!strcmp(types[i].name, name)) {
			*ret = (enum field_type)i;
			return 0;
		}
	return -EINVAL;
}

uint8_t nft_fields_family(const struct elems *e)
{
	for (unsigned int i = 0; i < e->n_fields; i++) {
		if (e->field[i] == FIELD_ADDR4)
			return AF_INET;
		if (e->field[i] == FIELD_ADDR6)
			return AF_INET6;
	}
	return AF_UNSPEC;
}
