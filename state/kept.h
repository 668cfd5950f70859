/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * state/kept.h: the files of a trial, held in case somebody deletes or damages
 * them.
 *
 * Shape:  the note is held open (-1: it is not); the record, with the undo
 *         data, is kept as it was when last whole (NULL: never yet), and so
 *         are the host's own rules that ctpolicy's stand in for. A trial
 *         that ctpolicy ended can be told from one whose files somebody
 *         deleted: ctpolicy first takes the right to write from the note of
 *         the trial (KEPT_OVER_MODE).
 * Owner:  kept_release() closes and frees.
 * Errors: -errno; -EIO with a diagnostic.
 */
#ifndef CTPOLICY_STATE_KEPT_H
#define CTPOLICY_STATE_KEPT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "state/state.h"

#define KEPT_OVER_MODE 0400

struct kept {
	uint32_t id;		/* of the change on trial */
	int pending;
	char *record;
	size_t record_len;
	struct stat seen;	/* the file when it was last read */
	bool whole;		/* it was, then */
	char *originals;	/* rules of the host's that it replaced; NULL */
	size_t originals_len;
	struct stat originals_seen;
};

#define KEPT_NONE ((struct kept){ .pending = -1 })

/* Hold what is there now. True: all undo data of the trial is held. */
bool kept_hold(struct kept *k, const struct state *st, uint32_t id);
/* Files are held, and ctpolicy did not end the trial. */
bool kept_is_on(const struct kept *k);
/* Make the folders above `dir` that were deleted along with it. */
void kept_make_way(const char *dir);
/* Write what is missing or damaged; `st` holds the lock. */
int kept_put_back(const struct kept *k, struct state *st, struct diags *d);
void kept_release(struct kept *k);

#endif
