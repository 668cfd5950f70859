/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * state/record.h: one change of the rules, as it is kept on disk.
 *
 * Shape:  a text: one line of JSON that says who, when and how long; our
 *         rules before the change and after it, each as the backend's own
 *         text (what `render` prints); a last line with a checksum of all
 *         before it. Equal records give equal texts.
 * Units:  time in seconds since the epoch. `of` is the number of the record
 *         that a rollback takes back; 0: this is no rollback.
 * Owner:  record_release() frees all strings; of a record to be encoded they
 *         are only read. policy may be NULL: there was none (remove).
 * Errors: -EBADMSG: cut short, changed, or of another version. -ENOMEM.
 */
#ifndef CTPOLICY_STATE_RECORD_H
#define CTPOLICY_STATE_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "core/strbuf.h"

#define SPACE_MAX 64

struct rules_text {
	char *s;
	size_t len;
};

struct record {
	uint32_t id, of;
	int64_t time;
	const char *command, *backend, *policy;
	char space[SPACE_MAX];	/* state_space(): boot and namespace */
	struct rules_text before, after;
};

int record_encode(const struct record *r, struct strbuf *out);
int record_decode(const char *text, size_t len, struct record *ret);
void record_release(struct record *r);

/* A change that stays only when it is confirmed in time. */
struct pending {
	uint32_t id;		/* of its record */
	uint64_t deadline;	/* CLOCK_BOOTTIME, ns */
	char space[SPACE_MAX];
};

int pending_encode(const struct pending *p, struct strbuf *out);
int pending_decode(const char *text, size_t len, struct pending *ret);

/* How the last waiting for a confirmation ended. */
enum ending {
	ENDING_CONFIRMED,
	ENDING_ROLLED_BACK,	/* and verified */
	ENDING_FAILED,		/* the way back failed: `recover` */
	ENDING_MAX_
};

struct ending_note {
	uint32_t id;
	enum ending ending;
	int64_t time;
};

int ending_encode(const struct ending_note *e, struct strbuf *out);
int ending_decode(const char *text, size_t len, struct ending_note *ret);
const char *ending_name(enum ending e);	/* "rolled_back" */

#endif
