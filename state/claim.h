/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * state/claim.h: which state folder is at work on a network namespace.
 *
 * Rules belong to the namespace, not to the folder that remembers them. One
 * file per namespace, in /run/ctpolicy, is locked while rules change, and
 * says which folder holds a change that is unfinished or on trial, so that
 * commands with different folders do not undo each other's changes.
 *
 * It lives in memory, as the rules do: a trial that has ended is noted here
 * when the disk cannot record it.
 *
 * Shape:  fd -1: nothing is guarded, because /run cannot be written (not
 *         run by root, or in a container without it).
 * Units:  `deadline` as in struct pending; over.id 0: no trial has ended so.
 * Owner:  `space` is borrowed. claim_release() frees, lets go of the lock,
 *         and removes a file that says nothing.
 * Errors: -EWOULDBLOCK: somebody else held the lock for the whole time.
 *         -EPROTO: another version of ctpolicy wrote it. -ENOMEM.
 */
#ifndef CTPOLICY_STATE_CLAIM_H
#define CTPOLICY_STATE_CLAIM_H

#include <stdbool.h>
#include <stdint.h>

#include "state/pending.h"

#define CLAIM_FOLDER "/run/ctpolicy"

struct claim {
	int fd;
	bool locked;
	const char *space;
	char *folder;		/* with an unfinished change; NULL: none */
	/* A trial that has ended though its file is still on disk. */
	struct {
		uint32_t id;
		uint64_t deadline;
		enum ending ending;
		bool told;
	} over;
};

/* Open the file of this namespace; fails only without memory. */
int claim_open(const char *space, bool make, struct claim *ret);
/* Wait for the lock until `end` (CLOCK_BOOTTIME), then read what it says. */
int claim_lock(struct claim *c, uint64_t end);
/* Read what it says, without the lock. */
int claim_read(struct claim *c);
/* Write down what *c says now; -EROFS: nothing is guarded. */
int claim_write(const struct claim *c);
/* Is the note about this very trial? */
bool claim_is_over(const struct claim *c, const struct pending *p);
void claim_release(struct claim *c);

#endif
