/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * state/note.h: texts that outlive the records of changes: what was done to
 * the machine beside its rules, for as long as it may be put back.
 *
 * Shape:  any text of lines; a file of the state folder, with a checksum as its
 *         last line. The first line may say which boot and namespace the note
 *         is about.
 * Owner:  the caller frees what was read.
 * Errors: -EIO with a diagnostic: the file cannot be used. -ENOENT, without
 *         one: there is none. -ENOMEM.
 */
#ifndef CTPOLICY_STATE_NOTE_H
#define CTPOLICY_STATE_NOTE_H

#include <stdbool.h>

#include "core/diag.h"
#include "core/strbuf.h"

struct state;

enum note {
	NOTE_FILES,	/* lines of the host's files that were changed */
	NOTE_MODULES,	/* that were unloaded, and the boot of it */
	NOTE_SETTINGS,	/* that were changed, and the boot of it */
	NOTE_MAX_
};

int note_read(struct state *st, enum note n, char **ret, size_t *ret_len,
	      struct diags *d);
/* An empty text: there shall be none. */
int note_write(struct state *st, enum note n, const char *text, size_t len,
	       struct diags *d);
/* Such a line, about this one. */
void note_put_space(const struct state *st, struct strbuf *out);
/* What follows it; NULL: there is none. *ret: it is about this one. */
char *note_behind_space(const struct state *st, char *text, bool *ret);

#endif
