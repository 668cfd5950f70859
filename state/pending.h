/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * state/pending.h: a change that waits for its confirmation.
 *
 * Errors: as in state/record.h.
 */
#ifndef CTPOLICY_STATE_PENDING_H
#define CTPOLICY_STATE_PENDING_H

#include <stdbool.h>
#include <stdint.h>

#include "core/strbuf.h"
#include "state/record.h"

#define PENDING_LOGIN_MAX 1024

/* A change that stays in force only if it is confirmed in time. */
struct pending {
	uint32_t id;		/* of its record */
	uint64_t deadline;	/* CLOCK_BOOTTIME, ns */
	char space[SPACE_MAX];
	char login[PENDING_LOGIN_MAX];	/* logins_remember(); "": none */
};

int pending_encode(const struct pending *p, struct strbuf *out);
int pending_decode(const char *text, size_t len, struct pending *ret);
/* What another version's note says in this one's words; else 0 and "". */
int pending_glean(const char *text, size_t len, struct pending *ret);

/* How the last waiting for a confirmation ended. */
enum ending {
	ENDING_CONFIRMED,
	ENDING_ROLLED_BACK,	/* and verified */
	ENDING_ROLLED_BACK_BUT,	/* some of the host's rules could not be */
	ENDING_FAILED,		/* could not be undone: `recover` */
	ENDING_TAKEN_BACK,	/* in time, by `rollback`, which said how */
	ENDING_MAX_
};

struct ending_note {
	uint32_t id;
	enum ending ending;
	int64_t time;
};

int ending_encode(const struct ending_note *e, struct strbuf *out);
int ending_decode(const char *text, size_t len, struct ending_note *ret);
bool ending_is_undone(enum ending e);
const char *ending_name(enum ending e);	/* "rolled_back" */
int ending_find(const char *name, enum ending *ret);	/* or -EBADMSG */

#endif
