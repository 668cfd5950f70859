/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * state/state_io.h: the files of an open state folder, with what went wrong.
 *
 * Errors: -EIO with a diagnostic; -ENOENT of a read without one; -ENOMEM.
 *         -FAULT_LACKING of what another version wrote.
 */
#ifndef CTPOLICY_STATE_STATE_IO_H
#define CTPOLICY_STATE_STATE_IO_H

#include "core/strbuf.h"
#include "state/state.h"
#include "state/state_file.h"

int state_cannot(const struct state *st, const char *what, const char *name,
		 int err, struct diags *d);
/* `help`: what to do. Nothing was done, so that version can go on. */
int state_say_version(const char *folder, const char *name, const char *help,
		      struct diags *d);
int state_write_pieces(struct state *st, const char *name,
		       const struct state_piece *v, size_t n, struct diags *d);
int state_write(struct state *st, const char *name, const struct strbuf *text,
		struct diags *d);
int state_read(struct state *st, const char *name, char **ret,
	       size_t *ret_len, struct diags *d);
/* Note in memory that this folder holds an unfinished change. */
int state_claim(struct state *st);

#endif
