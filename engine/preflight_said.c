/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/preflight_said.h"

#include <errno.h>
#include <stdlib.h>
#include <uthash.h>

/* There may be as many as there are services, or rules, or both together. */
struct said {
	UT_hash_handle hh;
	struct said_key {
		uint64_t service;	/* its address */
		uint64_t harm;		/* none: is it cut off at all? */
		uint64_t place;
	} key;
};

/* Of members with nothing between them: all its bytes are compared. */
static struct said_key key_of(const struct service *s, enum harm harm,
			      uint32_t rule, uint32_t chain)
{
	return (struct said_key){ (uintptr_t)s, harm,
				  (uint64_t)rule << 32 | chain };
}

static struct said *find(const struct preflight_said *said,
			 const struct said_key *key)
{
	struct said *found;

	HASH_FIND(hh, said->all, key, sizeof(*key), found);
	return found;
}

static int add(struct preflight_said *said, const struct said_key *key)
{
	struct said *x = calloc(1, sizeof(*x));

	if (!x)
		return -ENOMEM;
	x->key = *key;
	HASH_ADD(hh, said->all, key, sizeof(x->key), x);
	/* HASH_NONFATAL_OOM: it was not added. */
	if (!x->hh.tbl) {
		free(x);
		return -ENOMEM;
	}
	return 0;
}

int preflight_note(struct preflight_said *said, const struct service *s,
		   const struct harm_found *h, bool *ret_known)
{
	const struct said_key key = key_of(s, h->harm, h->rule, h->chain);
	const struct said_key cut_off = key_of(s, HARM_NONE, 0, 0);
	int err;

	*ret_known = find(said, &key) != NULL;
	if (*ret_known)
		return 0;
	err = add(said, &key);
	if (!err && h->harm == HARM_CUT_OFF && !find(said, &cut_off))
		err = add(said, &cut_off);
	return err;
}

bool preflight_is_cut_off(const struct preflight_said *said,
			  const struct service *s)
{
	const struct said_key key = key_of(s, HARM_NONE, 0, 0);

	return find(said, &key) != NULL;
}

void preflight_said_release(struct preflight_said *said)
{
	struct said *x, *next;

	HASH_ITER(hh, said->all, x, next) {
		HASH_DEL(said->all, x);
		free(x);
	}
	*said = (struct preflight_said){ 0 };
}
