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

#endif
