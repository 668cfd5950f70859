/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * state/record.h: one change of the rules, as it is kept on disk.
 *
 * Shape:  a text: one line of JSON that says who, when and how much; then the
 *         undo data of each part of the change, as text of the target's
 *         own, and the policy; a last line with a checksum of everything
 *         before it.
 *         Equal records give equal texts.
 * Units:  time in seconds since the epoch. `of` is the number of the change
 *         that a rollback undoes; 0: this is no rollback. A digest of 0:
 *         there was nothing to take one of.
 * Owner:  record_release() frees all strings and parts; of a record to be
 *         encoded they are only read. policy, policy_text.s and who it was may
 *         be NULL: there was none.
 * Errors: -EBADMSG: cut short or changed. -EPROTO: whole, but in the format
 *         of another version, or with parts of its. -ENOMEM. -errno of a
 *         text that is in a file and cannot be read.
 */
#ifndef CTPOLICY_STATE_RECORD_H
#define CTPOLICY_STATE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/strbuf.h"
#include "state/state_file.h"

#define SPACE_MAX 64

/* s NULL: it is what begins `file`, which is borrowed; or there is none. */
struct rules_text {
	char *s;
	size_t len;
	FILE *file;
};

/*
 * What was changed in one target: a backend, or another thing that can be
 * written and read back. `before` and `after` lead from the state
 * after the change back to the one before it (rules/image_delta.h, for a
 * backend); the digests are of the two whole states.
 */
struct record_part {
	const char *target;	/* "nftables" */
	uint64_t digest_before, digest_after;
	struct rules_text before, after;
};

struct record {
	uint32_t id, of;
	int64_t time;
	const char *command, *policy;
	const char *user, *via, *tty, *unit;	/* as in host/author.h */
	uint64_t policy_digest;
	struct rules_text policy_text;
	bool borrows_policy;	/* its text is not freed with the record */
	/* How it was asked for: AF_*, 0: both; NULL: none; against refusals. */
	uint8_t family;
	const char *backend;
	bool force;
	char space[SPACE_MAX];	/* state_space(): boot and namespace */
	struct record_part *parts;
	size_t n_parts, cap_parts;
};

/*
 * What stands in its file, in a row. It may be long, so it is not copied: `v`
 * borrows from the record and from the two texts that are its own.
 */
struct record_text {
	struct strbuf head, seal;
	struct state_piece *v;
	size_t n, cap;
};

/* As a part of a state file, as which it has a digest. */
struct state_piece rules_text_piece(const struct rules_text *t);
bool rules_text_is_there(const struct rules_text *t);
/* Does it put back what an earlier change made? It is none of its own. */
bool record_is_repair(const struct record *r);
/* A further part; NULL: out of memory. Valid until the next one is added. */
struct record_part *record_add_part(struct record *r, const char *target);
/* A further part of two states that are texts; what they hold is moved. */
int record_add_texts(struct record *r, const char *target,
		     struct strbuf *before, struct strbuf *after);
/* Into an empty one, which is released after an error, too. */
int record_encode(const struct record *r, struct record_text *ret);
void record_text_release(struct record_text *t);
int record_decode(const char *text, size_t len, struct record *ret);
void record_release(struct record *r);

#endif
